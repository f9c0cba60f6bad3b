//! Streams to fields: frame by frame and level by level, without a seek.

use std::io::Read;
use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::limits::Limits;
use crate::codec::worker::Worker;
use crate::container::contents::{Contents, Item};
use crate::container::{
    CHUNK_HEADER_LEN, ChunkStream, ChunkType, Dataset, Entry, Frame, WeightsReference,
};
use crate::file::arriving::Arriving;
use crate::file::stored_weights::FileWeights;
use crate::frame::decode::FrameSource;
use crate::frame::networks::Networks;
use crate::frame::wavelet::quality::LevelField;
use crate::network::{Hierarchy, Network};
use crate::volume::AnyVolume;

/// Decodes a file as it arrives: from a pipe, a socket, a file that is still being written.
///
/// Reads no byte before it needs it, so a slow consumer holds the sender back. Holds the chunks of one
/// frame, the weights, and a few bytes for each chunk before; frames that are not asked for are
/// skipped. When the stream ends early, every frame and every level that has arrived in full is handed
/// out before the error.
///
/// ```
/// # use std::borrow::Cow;
/// # use srt::container::Bound;
/// # use srt::file::{EncodeOptions, encode_volume};
/// # use srt::volume::Values;
/// use srt::file::StreamDecoder;
/// # let shape = srt::Shape::new(&[32, 32, 32])?;
/// # let field: Vec<f32> = (0..shape.len()).map(|i| (i as f32 * 1e-3).sin()).collect();
/// # let values = Values::F32(Cow::Borrowed(&field));
/// # let options = EncodeOptions::new(Bound::Psnr(40.0));
/// # let (file, _) = encode_volume(shape, &values, &options, Vec::new())?;
/// # let input = &file[..];
///
/// let mut decoder = StreamDecoder::new(input, srt::Limits::default())?;
/// while let Some(frame) = decoder.next_frame()? {
///     println!("field {} step {}", frame.field, frame.step);
///     while let Some(field) = decoder.next_level()? {
///         println!("  level {}: {}", field.level, field.volume.shape());
///     }
/// }
/// # Ok::<(), srt::Error>(())
/// ```
pub struct StreamDecoder<R> {
    stream: ChunkStream<R>,
    limits: Limits,
    contents: Contents,
    dataset: Dataset,
    weights: FileWeights<Network>,
    parameters: u64,
    known: Vec<Arc<Hierarchy>>,
    resolved: Option<Arc<Hierarchy>>,
    backend: Arc<dyn Backend>,
    worker: Option<Worker>,
    current: Option<Arriving>,
    /// What stands behind the current frame, where that has been read already.
    ahead: Option<Next>,
}

/// What the stream goes on with.
#[derive(Debug)]
enum Next {
    Frame(Frame),
    Part(Entry, Vec<u8>),
    /// A chunk that belongs to no frame; it is dealt with.
    Between,
    End,
}

impl<R> std::fmt::Debug for StreamDecoder<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamDecoder")
            .field("dataset", &self.dataset)
            .finish_non_exhaustive()
    }
}

impl<R: Read> StreamDecoder<R> {
    /// Reads up to the dataset record.
    ///
    /// # Errors
    /// `Corrupt`, `Truncated`, `Unsupported`, `LimitExceeded`, `Io`.
    pub fn new(input: R, limits: Limits) -> Result<Self> {
        let mut stream = ChunkStream::new(input, limits.clone());
        let mut contents = Contents::default();
        while let Some((entry, payload)) = stream.next_chunk()? {
            if let Item::Dataset = contents.add(&entry, || Ok(&payload))? {
                break;
            }
        }
        Ok(Self {
            dataset: contents.dataset()?.clone(),
            stream,
            limits,
            contents,
            weights: FileWeights::default(),
            parameters: 0,
            known: Vec::new(),
            resolved: None,
            backend: Arc::new(Cpu::detect()),
            worker: None,
            current: None,
            ahead: None,
        })
    }

    /// Adds a weight set that the file may refer to; the built-in ones need not be added. May be done
    /// at any time before the first frame that uses it is decoded.
    pub fn add_weights(&mut self, hierarchy: Arc<Hierarchy>) {
        self.known.push(hierarchy);
    }

    /// Sets what runs the networks. Default: the CPU. The result does not depend on it.
    #[must_use]
    pub fn with_backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backend = backend;
        self
    }

    /// Sets the program that decodes payloads of SZ3. Default none: such frames are `Unsupported`.
    #[must_use]
    pub fn with_worker(mut self, worker: Worker) -> Self {
        self.worker = Some(worker);
        self
    }

    /// The dataset record.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The weight set, if the stream has named one so far.
    ///
    /// # Errors
    /// `MissingWeights` with the hash when it is not at hand; `Corrupt`.
    pub fn weights(&mut self) -> Result<Option<Arc<Hierarchy>>> {
        if self.resolved.is_none() {
            let network = |network: &Network| Ok(network.clone());
            self.resolved = self.weights.resolve(&self.known, network)?;
        }
        Ok(self.resolved.clone())
    }

    /// Goes on to the next frame, over what is left of the one before; `None` behind the last, when the
    /// end of the file is whole and nothing follows it. A frame in slabs comes slab by slab, each as a
    /// frame whose grid is that of the slab.
    ///
    /// # Errors
    /// `Truncated` when the stream ends early, `Corrupt`, `Unsupported`, `LimitExceeded`, `Io`. The
    /// decoder is of no use afterwards.
    pub fn next_frame(&mut self) -> Result<Option<Frame>> {
        loop {
            let next = match self.ahead.take() {
                Some(next) => next,
                None => self.pull()?,
            };
            match next {
                Next::Frame(frame) => {
                    self.current = Some(Arriving::new(frame.clone()));
                    return Ok(Some(frame));
                }
                Next::Part(..) | Next::Between => {}
                Next::End => {
                    self.current = None;
                    self.ahead = Some(Next::End);
                    return Ok(None);
                }
            }
        }
    }

    /// The current frame's field at the next finer downscaling level, as soon as its bricks have
    /// arrived: from the coarsest level to level 0, then `None`. Frames without levels have level 0
    /// only.
    ///
    /// Each level is decoded from the coarsest one on: in 3-D all levels above 0 have together a seventh
    /// of the voxels of level 0, in 2-D a third. Above level 0 masked voxels hold the smooth
    /// values they were filled with.
    ///
    /// # Errors
    /// As [`StreamDecoder::decode`].
    pub fn next_level(&mut self) -> Result<Option<LevelField>> {
        let Some(level) = self.current.as_ref().and_then(|frame| frame.next_level) else {
            return Ok(None);
        };
        let volume = self.decode(level)?;
        let psnr_db = self.current.as_mut().and_then(|current| {
            current.next_level = level.checked_sub(1);
            current.chunks.frame.psnr_db(level)
        });
        Ok(Some(LevelField {
            level,
            psnr_db,
            volume,
        }))
    }

    /// The current frame's field at a downscaling level, in the current thread pool; reads as far as
    /// that needs.
    ///
    /// # Errors
    /// `InvalidArgument` without a frame or for a level that it does not have, `MissingWeights` (more
    /// can be added, then it may be tried again), and as [`StreamDecoder::next_frame`].
    pub fn decode(&mut self, level: usize) -> Result<AnyVolume> {
        self.with_source(level, |source, dtype| source.whole(dtype, level))
    }

    /// Decodes like [`StreamDecoder::decode`], in layers as [`crate::file::Decoder::decode_layers`] does.
    ///
    /// # Errors
    /// As [`StreamDecoder::decode`], and what `sink` reports.
    pub fn decode_layers(
        &mut self,
        level: usize,
        sink: &mut dyn FnMut(AnyVolume) -> Result<()>,
    ) -> Result<()> {
        self.with_source(level, |source, dtype| source.layers(dtype, level, sink))
    }

    /// Decodes a box of the current frame, as [`crate::file::Decoder::region`] does.
    ///
    /// # Errors
    /// As [`StreamDecoder::decode`], and `InvalidArgument` for a box that is empty or leaves the grid.
    pub fn region(&mut self, level: usize, region: Region) -> Result<AnyVolume> {
        self.with_source(level, |source, dtype| source.region(dtype, level, region))
    }

    /// Grid of the current frame at downscaling level `level`.
    ///
    /// # Errors
    /// As [`StreamDecoder::decode`], without `MissingWeights`.
    pub fn grid(&mut self, level: usize) -> Result<Shape> {
        self.await_level(level)?;
        let (source, _) = self.source(None)?;
        source.grid(level)
    }

    /// Calls `decode` with all that the current frame takes at `level`, once that has arrived.
    fn with_source<T>(
        &mut self,
        level: usize,
        decode: impl FnOnce(&FrameSource<'_>, Dtype) -> Result<T>,
    ) -> Result<T> {
        self.await_level(level)?;
        let current = self.current.as_ref();
        let networks = if current.is_some_and(|c| c.chunks.frame.form.needs_networks(level)) {
            self.weights()?.map(|hierarchy| Networks {
                hierarchy,
                backend: Arc::clone(&self.backend),
            })
        } else {
            None
        };
        let (source, dtype) = self.source(networks)?;
        decode(&source, dtype)
    }

    /// Reads until all that the current frame holds for `level` has arrived.
    fn await_level(&mut self, level: usize) -> Result<()> {
        while self.current.as_ref().is_some_and(|frame| !frame.has(level)) {
            self.receive()?;
        }
        Ok(())
    }

    /// What has arrived of the current frame, and the type of its field.
    fn source(&self, networks: Option<Networks>) -> Result<(FrameSource<'_>, Dtype)> {
        let Some(current) = &self.current else {
            return Err(Error::invalid("no frame to decode: go on to one first"));
        };
        let source = FrameSource {
            shape: current.chunks.frame.shape(self.dataset.shape)?,
            chunks: &current.chunks,
            payloads: &current.held,
            networks,
            limits: &self.limits,
            worker: self.worker.as_ref(),
            cache: None,
        };
        Ok((source, self.dataset.dtype_of(&current.chunks.frame)?))
    }

    /// Reads the next chunk of the current frame, or finds that there is none.
    fn receive(&mut self) -> Result<()> {
        let next = self.pull()?;
        let Some(current) = &mut self.current else {
            self.ahead = Some(next);
            return Ok(());
        };
        match next {
            Next::Part(entry, payload) => {
                let shape = current.chunks.frame.shape(self.dataset.shape)?;
                current.add(&entry, payload, shape, &self.limits)?;
            }
            Next::Between => {}
            Next::Frame(_) | Next::End => {
                current.complete = true;
                self.ahead = Some(next);
            }
        }
        Ok(())
    }

    /// Reads one chunk.
    fn pull(&mut self) -> Result<Next> {
        let Some((entry, payload)) = self.stream.next_chunk()? else {
            return Ok(Next::End);
        };
        Ok(match self.contents.add(&entry, || Ok(&payload))? {
            Item::Dataset | Item::Ancillary => Next::Between,
            Item::Frame(frame) => Next::Frame(frame),
            Item::Part => Next::Part(entry, payload),
            Item::Weights if entry.kind == ChunkType::NETW => {
                let network = Network::from_bytes(&payload, &self.limits)?;
                self.parameters += network.parameters();
                self.limits.check_parameters(self.parameters)?;
                self.weights.add_network(network);
                Next::Between
            }
            Item::Weights => {
                let offset = entry.offset + CHUNK_HEADER_LEN as u64;
                let reference = WeightsReference::parse(&payload, offset)?;
                self.weights.add_reference(reference);
                Next::Between
            }
        })
    }
}
