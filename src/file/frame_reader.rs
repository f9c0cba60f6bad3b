//! The frames of a file, and what can be read of each.

use std::any::Any;
use std::sync::Arc;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::container::{Form, Frame, Placement, slowest};
use crate::file::decoder::{Decoder, SourceRequest};
use crate::file::field_source::{FieldRequest, FieldSource};
use crate::file::frame_key::FieldKey;
use crate::frame::chunks::FrameChunks;
use crate::frame::layout::FrameLayout;
use crate::frame::pooled::octree_of;
use crate::frame::wavelet::quality::{LevelField, psnr_db};
use crate::octree::Leaf;
use crate::volume::view::other_type;
use crate::volume::{AnyVolume, Volume};

/// A field at a time step, to be read: all of it at full resolution, if not told otherwise by
/// [`FrameReader::level`] and [`FrameReader::region`]. Nothing is decoded before [`FrameReader::read`] and
/// its like.
///
/// ```
/// use srt::{AxisPlan, Bound, Decoder, EncodeOptions, Shape, Volume};
///
/// let shape = Shape::new(&[32, 32, 32])?;
/// let values = (0..shape.len()).map(|i| (i as f32 * 1e-3).sin()).collect();
/// // Levels that halve all axes; those of a stack of planes may keep all planes.
/// let options = EncodeOptions::new(Bound::Psnr(40.0)).with_field("u").with_plan(AxisPlan::Levels);
/// let file = srt::encode(&Volume::new(shape, values)?, &options)?;
///
/// let decoder = Decoder::new(&file)?;
/// let frame = decoder.frame("u", 0)?;
/// let half = frame.level(1).read::<f32>()?;
/// assert_eq!(half.shape(), Shape::new(&[16, 16, 16])?);
/// for field in frame.levels()? {
///     let field = field?; // from coarse to fine
///     println!("level {}: {:?} dB", field.level, field.psnr_db);
/// }
/// # Ok::<(), srt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct FrameReader<'d> {
    decoder: &'d Decoder<'d>,
    index: usize,
    /// Numbers of its records: one, or its slabs; at least one.
    records: &'d [usize],
    request: FieldRequest,
}

impl Decoder<'_> {
    /// The frame of a field at a time step, to be read.
    ///
    /// # Errors
    /// `InvalidArgument` when the file has no such field or frame.
    pub fn frame(&self, field: impl Into<FieldKey>, step: u64) -> Result<FrameReader<'_>> {
        let field = field.into();
        let number = field.number(self.dataset())? as u64;
        let mut frames = self.frames();
        let is_it =
            |frame: &FrameReader<'_>| (frame.record().field, frame.record().step) == (number, step);
        let missing = || Error::invalid(format!("the file has no frame of {field} at step {step}"));
        frames.find(is_it).ok_or_else(missing)
    }

    /// The frame with a number in file order, to be read.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame that does not exist.
    pub fn frame_at(&self, index: usize) -> Result<FrameReader<'_>> {
        let count = self.records_of_frames().len();
        let missing = || Error::invalid(format!("frame {index} of {count} asked for"));
        self.frames().nth(index).ok_or_else(missing)
    }

    /// The frame of a file that has only one, to be read.
    ///
    /// # Errors
    /// `InvalidArgument` when it has none or several.
    pub fn only_frame(&self) -> Result<FrameReader<'_>> {
        match self.records_of_frames().len() {
            1 => self.frame_at(0),
            count => Err(Error::invalid(format!(
                "a file of one frame expected, {count} found"
            ))),
        }
    }

    /// All frames in file order, to be read.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = FrameReader<'_>> {
        let frames = self.records_of_frames().iter().enumerate();
        frames.map(|(index, records)| FrameReader::new(self, index, records))
    }
}

impl<'d> FrameReader<'d> {
    fn new(decoder: &'d Decoder<'_>, index: usize, records: &'d [usize]) -> Self {
        Self {
            decoder,
            index,
            records,
            request: FieldRequest::default(),
        }
    }

    /// Its number in file order.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its record; where it is in slabs, that of the first.
    #[must_use]
    pub fn record(&self) -> &'d Frame {
        &self.decoder.record(self.records[0]).frame
    }

    /// All its records: one, or one for each of its slabs.
    pub fn records(&self) -> impl Iterator<Item = &'d Frame> + use<'d> {
        let (decoder, records) = (self.decoder, self.records);
        let record = |&number: &usize| &decoder.record(number).frame;
        records.iter().map(record)
    }

    /// Asks for a downscaling level: 0, the default, is full resolution, each further one halves the
    /// axes. Above 0 masked voxels hold the smooth values they were filled with.
    pub fn level(mut self, level: usize) -> Self {
        self.request.level = level;
        self
    }

    /// Asks for a box of the level's grid: bit for bit the crop of the whole level, from the bricks it
    /// touches alone. In 2-D the box has `z` 0 and one plane.
    ///
    /// Decoded bricks are kept for the next region, up to [`crate::DecodeOptions::cache_bytes`].
    pub fn region(mut self, region: Region) -> Self {
        self.request.region = Some(region);
        self
    }

    /// Grid of the level.
    ///
    /// # Errors
    /// `InvalidArgument` for a level that does not exist, `Corrupt`.
    pub fn grid(&self) -> Result<Shape> {
        let level = self.request.level;
        let parts = self.decoder.parts_of(self.records);
        let request = SourceRequest::grids(&parts, level);
        let source = self.decoder.source(self.records, request)?;
        source.grid(level)
    }

    /// Where the voxels of the level lie: spacing and place of the first one along each axis, in the unit of the dataset's
    /// placement; in voxels of the field where the dataset has none. Axes of fewer than 8 voxels keep theirs from level to level.
    ///
    /// ```
    /// use srt::{Bound, Decoder, EncodeOptions, Shape, Volume};
    ///
    /// let volume = Volume::new(Shape::new(&[6, 16, 9])?, vec![1.5f32; 864])?;
    /// let file = srt::encode(&volume, &EncodeOptions::new(Bound::MaxError(0.1)))?;
    /// let placement = Decoder::new(&file)?.only_frame()?.level(1).placement()?;
    /// assert_eq!((placement.spacing, placement.origin), ([1.0, 2.0, 2.0], [0.0; 3]));
    /// # Ok::<(), srt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`FrameReader::grid`].
    pub fn placement(&self) -> Result<Placement> {
        let fine = self.decoder.dataset().placement.unwrap_or_default();
        let level = self.request.level;
        let parts = self.decoder.parts_of(self.records);
        let request = SourceRequest::grids(&parts, level);
        let source = self.decoder.source(self.records, request)?;
        Ok(source.sampling(level)?.place(fine))
    }

    /// Decodes what was asked for into a buffer of the caller's, `x` fastest, which holds as many values as that: beside
    /// them one layer is in memory at a time.
    ///
    /// # Errors
    /// As [`FrameReader::read`], and `InvalidArgument` for a buffer of another length; what is in it then is not said.
    pub fn read_into<T: Element>(&self, out: &mut [T]) -> Result<()> {
        let dtype = self.decoder.dataset().dtype_of(self.record())?;
        if dtype != T::DTYPE {
            return Err(other_type(dtype, T::DTYPE));
        }
        let wanted = match self.request.region {
            Some(region) => region.len(),
            None => self.grid()?.len(),
        };
        if out.len() != wanted {
            return Err(Error::invalid(format!(
                "a buffer of {wanted} values expected, of {} found",
                out.len()
            )));
        }
        let mut rest = out;
        self.layers(|layer| {
            let layer = layer.into_typed::<T>()?;
            let short = || Error::corrupt("more layers than the level has");
            let (own, behind) = std::mem::take(&mut rest)
                .split_at_mut_checked(layer.data().len())
                .ok_or_else(short)?;
            own.copy_from_slice(layer.data());
            rest = behind;
            Ok(())
        })
    }

    /// Decodes what was asked for, to the type that the field has.
    ///
    /// # Errors
    /// `InvalidArgument` for another type, for a level that does not exist and a box that is empty or leaves
    /// the grid; `Corrupt`, `LimitExceeded`, `MissingWeights`.
    pub fn read<T: Element>(&self) -> Result<Volume<T>> {
        self.with_source(|source| source.read_as(self.request))
    }

    /// Decodes what was asked for, to whatever type the field has.
    ///
    /// # Errors
    /// As [`FrameReader::read`], but for the type.
    pub fn read_any(&self) -> Result<AnyVolume> {
        self.with_source(|source| source.read(self.request))
    }

    /// Decodes a level in layers: boxes of its grid that follow each other along the slowest axis and
    /// together fill it. Beyond the layer at hand, of about 2^24 voxels (2^26 from a GPU) or one brick
    /// thick, only the next coarser level lies in memory. A region comes as one layer.
    ///
    /// # Errors
    /// As [`FrameReader::read_any`], and what `sink` reports.
    pub fn layers(&self, mut sink: impl FnMut(AnyVolume) -> Result<()> + Send) -> Result<()> {
        self.with_source(|source| source.read_layers(self.request, &mut sink))
    }

    /// The field from its coarsest level to level 0, each with the estimate of its error: a first look,
    /// then a better one. A level is decoded when it is asked for, from the bricks up to there alone.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn levels(&self) -> Result<FrameLevels<'d>> {
        let coarsest = self.records().map(|frame| frame.form.levels()).min();
        let coarsest = coarsest.unwrap_or_default();
        let parts = self.decoder.parts_of(self.records);
        let request = SourceRequest::grids(&parts, coarsest);
        let source = self.decoder.source(self.records, request)?;
        // Slabs may not go together at the coarsest of them.
        let next = (0..=coarsest)
            .rev()
            .find(|&level| source.grid(level).is_ok());
        Ok(FrameLevels {
            frame: Self::new(self.decoder, self.index, self.records),
            next: next.or(Some(0)),
        })
    }

    /// The coarsest level at which the whole frame can be had; that of a frame that is thinned may be one that is not stored.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn coarsest_level(&self) -> Result<usize> {
        let parts = self.decoder.parts_of(self.records);
        let request = SourceRequest::grids(&parts, 0);
        let source = self.decoder.source(self.records, request)?;
        let mut level = 0;
        while source.grid(level + 1).is_ok() {
            level += 1;
        }
        Ok(level)
    }

    /// Smallest and largest ordinary value of the field that was encoded, over all slabs.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        let ranges = self.records().map(|record| record.range);
        ranges.fold((f64::INFINITY, f64::NEG_INFINITY), |a, b| {
            (a.0.min(b.0), a.1.max(b.1))
        })
    }

    /// Largest error of any value, as measured, over all slabs.
    #[must_use]
    pub fn max_error(&self) -> f64 {
        let errors = self.records().map(|record| record.measured.max_error);
        errors.fold(0.0, f64::max)
    }

    /// PSNR in dB, against the field that was encoded, of what is known from the level and the coarser
    /// ones alone: measured at level 0, an estimate above. `None` where the file does not say it.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn psnr_db(&self) -> Result<Option<f64>> {
        let domain = self.decoder.dataset().shape;
        let with_len = |frame: &'d Frame| Ok((frame, frame.shape(domain)?.len()));
        let records: Vec<_> = self.records().map(with_len).collect::<Result<_>>()?;
        Ok(psnr_db(records.into_iter(), self.request.level))
    }

    /// The octree leaves of the whole field; `None` where it has no octree.
    ///
    /// # Errors
    /// `Corrupt`, `Unsupported`.
    pub fn leaves(&self) -> Result<Option<Vec<Leaf>>> {
        let domain = self.decoder.dataset().shape;
        let mut leaves = None;
        for &record in self.records {
            let chunks = self.decoder.record(record);
            let Some(tree) = chunks.tree else {
                continue;
            };
            let shape = chunks.frame.shape(domain)?;
            let tree = self.decoder.reader().payload(tree)?;
            let found = match &chunks.frame.form {
                Form::Constant | Form::Lossless | Form::Raster(_) => continue,
                Form::Wavelet(form) => FrameLayout::new(shape, form, tree)?.leaves(),
                Form::Pooled(form) => octree_of(shape, form, tree)?.leaves(shape),
            };
            let start = chunks.frame.slab.map_or(0, |slab| slab.start as usize);
            let in_domain = |mut leaf: Leaf| {
                leaf.region.start[slowest(domain)] += start;
                leaf
            };
            let found = found.into_iter().map(in_domain);
            leaves.get_or_insert_with(Vec::new).extend(found);
        }
        Ok(leaves)
    }

    pub(super) fn decoder(&self) -> &'d Decoder<'d> {
        self.decoder
    }

    /// All its records with the numbers of their chunks.
    pub(super) fn chunks(&self) -> impl Iterator<Item = &'d FrameChunks> + use<'d> {
        let (decoder, records) = (self.decoder, self.records);
        records.iter().map(|&number| decoder.record(number))
    }

    /// All its bands, in the working precision of its type, for frames that are to be predicted from it.
    ///
    /// # Errors
    /// What decoding it reports, `Corrupt` for a frame in slabs or not of the wavelet form.
    pub(super) fn held_bands(&self) -> Result<Arc<dyn Any + Send + Sync>> {
        self.with_source(|source| source.held_bands())
    }

    /// Calls `decode` with all that the request takes, where the decoder works.
    pub(super) fn with_source<T: Send>(
        &self,
        decode: impl FnOnce(&FieldSource<'_>) -> Result<T> + Send,
    ) -> Result<T> {
        let (decoder, level) = (self.decoder, self.request.level);
        let networks = decoder.networks(self.records, level)?;
        let cached = self.request.region.is_some();
        let parts = decoder.parts_of(self.records);
        let request = SourceRequest {
            networks: networks.as_ref(),
            cached,
            ..SourceRequest::grids(&parts, level)
        };
        let source = decoder.source(self.records, request)?;
        decoder.setup().workplace.run(|| decode(&source))
    }
}

/// The levels of a frame that are still to come; see [`FrameReader::levels`].
#[derive(Debug)]
pub struct FrameLevels<'d> {
    frame: FrameReader<'d>,
    /// `None` after level 0, or a failure.
    next: Option<usize>,
}

impl Iterator for FrameLevels<'_> {
    type Item = Result<LevelField>;

    fn next(&mut self) -> Option<Self::Item> {
        let level = self.next.take()?;
        let frame = self.frame.level(level);
        let field = || {
            Ok(LevelField {
                level,
                psnr_db: frame.psnr_db()?,
                volume: frame.read_any()?,
            })
        };
        let field = field();
        if field.is_ok() {
            self.next = level.checked_sub(1);
        }
        Some(field)
    }
}
