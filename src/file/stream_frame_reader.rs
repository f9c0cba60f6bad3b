//! What can be read of a frame that arrives.

use std::io::Read;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::file::field_source::FieldRequest;
use crate::file::stream_decoder::StreamDecoder;
use crate::volume::{AnyVolume, Volume};

/// The current frame of a [`StreamDecoder`], to be read as [`crate::FrameReader`] reads those of a file. Each
/// call takes from the stream what it needs and no more. A slab of a frame is a field of its own.
#[derive(Debug)]
#[must_use]
pub struct StreamFrameReader<'d, R> {
    decoder: &'d mut StreamDecoder<R>,
    request: FieldRequest,
}

impl<R: Read> StreamDecoder<R> {
    /// The current frame, to be read, as far as [`StreamDecoder::next_frame`] has come.
    ///
    /// # Errors
    /// `InvalidArgument` without a frame.
    pub fn frame(&mut self) -> Result<StreamFrameReader<'_, R>> {
        if self.record().is_none() {
            return Err(Error::invalid("no frame to decode: go on to one first"));
        }
        Ok(StreamFrameReader::new(self))
    }
}

impl<'d, R: Read> StreamFrameReader<'d, R> {
    fn new(decoder: &'d mut StreamDecoder<R>) -> Self {
        Self {
            decoder,
            request: FieldRequest::default(),
        }
    }

    /// Asks for a downscaling level, as [`crate::FrameReader::level`] does.
    pub fn level(mut self, level: usize) -> Self {
        self.request.level = level;
        self
    }

    /// Asks for a box of the level's grid, as [`crate::FrameReader::region`] does.
    pub fn region(mut self, region: Region) -> Self {
        self.request.region = Some(region);
        self
    }

    /// Grid of the level.
    ///
    /// # Errors
    /// `InvalidArgument` for a level that does not exist, and as [`StreamDecoder::next_frame`].
    pub fn grid(self) -> Result<Shape> {
        let level = self.request.level;
        self.decoder.await_source(level)?.grid(level)
    }

    /// PSNR in dB of what the level is worth, as [`crate::FrameReader::psnr_db`] says it.
    #[must_use]
    pub fn psnr_db(self) -> Option<f64> {
        self.decoder.record()?.psnr_db(self.request.level)
    }

    /// Decodes what was asked for, to the type that the field has.
    ///
    /// # Errors
    /// `InvalidArgument` for another type, for a level that does not exist and a box that is empty or leaves
    /// the grid; `MissingWeights` (more can be added, then it may be tried again); and as
    /// [`StreamDecoder::next_frame`].
    pub fn read<T: Element>(self) -> Result<Volume<T>> {
        let request = self.request;
        self.decoder
            .with_source(request.level, |source| source.read_as(request))
    }

    /// Decodes what was asked for, to whatever type the field has.
    ///
    /// # Errors
    /// As [`StreamFrameReader::read`], but for the type.
    pub fn read_any(self) -> Result<AnyVolume> {
        let request = self.request;
        self.decoder
            .with_source(request.level, |source| source.read(request))
    }

    /// Decodes a level in layers, as [`crate::FrameReader::layers`] does.
    ///
    /// # Errors
    /// As [`StreamFrameReader::read_any`], and what `sink` reports.
    pub fn layers(self, mut sink: impl FnMut(AnyVolume) -> Result<()> + Send) -> Result<()> {
        let request = self.request;
        self.decoder.with_source(request.level, |source| {
            source.read_layers(request, &mut sink)
        })
    }
}
