//! Streams to fields: frame by frame and level by level, without a seek.

use std::io::Read;
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::codec::worker::Worker;
use crate::container::contents::{Contents, Item};
use crate::container::{Attributes, ChunkStream, ChunkType, Dataset, Entry, Frame};
use crate::file::field_source::{FieldSource, Parts};
use crate::file::file_weights::{FileWeights, NetworkReader};
use crate::file::partial_frame::PartialFrame;
use crate::file::setup::{Record, Setup};
use crate::file::stream_past::{StreamPast, may_be_reference};
use crate::frame::wavelet::quality::LevelField;
use crate::network::{Hierarchy, Network};
use crate::options::DecodeOptions;

/// Decodes a file as it arrives: from a pipe, a socket, a file that is still being written.
///
/// Reads no byte before it needs it, so a slow consumer holds the sender back. Holds the chunks of one
/// frame and of those that it may be predicted from, the decoded levels of two of these, the weights, and a few bytes for
/// each chunk before; frames that are not asked for are skipped. When the stream ends early, every frame and every level that has arrived in full is handed
/// out before the error.
///
/// ```
/// use srt::{AxisPlan, Bound, EncodeOptions, Shape, StreamDecoder, Volume};
///
/// let shape = Shape::new(&[32, 32, 32])?;
/// let values = (0..shape.len()).map(|i| (i as f32 * 1e-3).sin()).collect();
/// let options = EncodeOptions::new(Bound::Psnr(40.0)).with_plan(AxisPlan::Levels);
/// let file = srt::encode(&Volume::new(shape, values)?, &options)?;
///
/// let mut decoder = StreamDecoder::new(&file[..])?;
/// while let Some(frame) = decoder.next_frame()? {
///     println!("field {} step {}", frame.field, frame.step);
///     while let Some(field) = decoder.next_level()? {
///         println!("  level {}: {}", field.level, field.volume.shape());
///     }
///     let volume = decoder.frame()?.level(1).read::<f32>()?; // or one level alone
///     assert_eq!(volume.shape(), Shape::new(&[16, 16, 16])?);
/// }
/// # Ok::<(), srt::Error>(())
/// ```
pub struct StreamDecoder<R> {
    stream: ChunkStream<R>,
    contents: Contents,
    dataset: Dataset,
    attributes: Option<Attributes>,
    weights: FileWeights<Network>,
    networks: NetworkReader,
    resolved: Option<Arc<Hierarchy>>,
    setup: Setup,
    current: Option<PartialFrame>,
    past: StreamPast,
    /// What stands after the current frame, where that has been read already.
    ahead: Option<Next>,
}

/// What the stream goes on with.
#[derive(Debug)]
enum Next {
    Frame(Box<Frame>),
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
    pub fn new(input: R) -> Result<Self> {
        Self::with_options(input, DecodeOptions::default())
    }

    /// As [`StreamDecoder::new`] with limits, threads, a backend or weights of the caller's.
    ///
    /// # Errors
    /// As [`StreamDecoder::new`], and `InvalidArgument` for 0 threads.
    pub fn with_options(input: R, options: DecodeOptions) -> Result<Self> {
        let mut stream = ChunkStream::new(input, options.limits.clone());
        let mut contents = Contents::default();
        while let Some((entry, payload)) = stream.next_chunk()? {
            if let Item::Dataset = contents.add(&entry, || Ok(&payload))? {
                break;
            }
        }
        Ok(Self {
            dataset: contents.dataset()?.clone(),
            stream,
            contents,
            attributes: None,
            weights: FileWeights::default(),
            networks: NetworkReader::default(),
            resolved: None,
            past: StreamPast::new(options.reference_bytes),
            setup: Setup::new(options)?,
            current: None,
            ahead: None,
        })
    }

    /// Adds a weight set that the file may refer to. May be done at any time before the first frame that
    /// uses it is decoded.
    pub fn add_weights(&mut self, hierarchy: Arc<Hierarchy>) {
        self.setup.add_weights(hierarchy);
    }

    /// Sets the program that decodes payloads of SZ3.
    pub fn set_worker(&mut self, worker: Worker) {
        self.setup.set_worker(worker);
    }

    /// The dataset record.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// What else is known of the dataset, if the stream has said it so far.
    #[must_use]
    pub fn attributes(&self) -> Option<&Attributes> {
        self.attributes.as_ref()
    }

    /// The weight set, if the stream has named one so far.
    ///
    /// # Errors
    /// `MissingWeights` with the hash when it is not at hand; `Corrupt`.
    pub fn weights(&mut self) -> Result<Option<Arc<Hierarchy>>> {
        if self.resolved.is_none() {
            let network = |network: &Network| Ok(network.clone());
            self.resolved = self.weights.resolve(&self.setup.options.weights, network)?;
        }
        Ok(self.resolved.clone())
    }

    /// Goes on to the next frame, over what is left of the one before; `None` after the last, when the
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
                    let shape = frame.shape(self.dataset.shape)?;
                    if let Some(gone) = self.current.take() {
                        self.past.hold(gone);
                    }
                    let mut current = PartialFrame::new((*frame).clone(), shape);
                    (current.number, current.chunks.references) = self.past.begin(&frame);
                    self.current = Some(current);
                    return Ok(Some(*frame));
                }
                Next::Part(entry, _) if self.is_current_complete() => {
                    let message = "a chunk that does not belong to the frame before it";
                    return Err(Error::corrupt(message).at(entry.offset));
                }
                Next::Part(entry, payload) => self.go_over(&entry, payload)?,
                Next::Between => {}
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
    /// As [`crate::StreamFrameReader::read_any`].
    pub fn next_level(&mut self) -> Result<Option<LevelField>> {
        let Some(level) = self.current.as_ref().and_then(|frame| frame.next_level) else {
            return Ok(None);
        };
        let volume = self.with_source(level, |source| source.whole(level))?;
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

    /// Calls `decode` with all that the current frame takes at `level`, once that has arrived.
    pub(super) fn with_source<T: Send>(
        &mut self,
        level: usize,
        decode: impl FnOnce(&FieldSource<'_>) -> Result<T> + Send,
    ) -> Result<T> {
        self.await_level(level)?;
        let (current, past) = (self.current.as_ref(), &self.past);
        let hierarchy = if current.is_some_and(|c| past.needs_networks(c, level)) {
            self.weights()?
        } else {
            None
        };
        let source = self.source(hierarchy)?;
        self.setup.workplace.run(|| decode(&source))
    }

    /// What is known of the current frame's grids at `level`, once that has arrived.
    pub(super) fn await_source(&mut self, level: usize) -> Result<FieldSource<'_>> {
        self.await_level(level)?;
        self.source(None)
    }

    fn is_current_complete(&self) -> bool {
        self.current.as_ref().is_some_and(PartialFrame::is_complete)
    }

    /// The record of the current frame.
    pub(super) fn record(&self) -> Option<&Frame> {
        self.current.as_ref().map(|current| &current.chunks.frame)
    }

    /// Reads until all that the current frame holds for `level` has arrived.
    fn await_level(&mut self, level: usize) -> Result<()> {
        while self.current.as_ref().is_some_and(|frame| !frame.has(level)) {
            self.receive()?;
        }
        Ok(())
    }

    /// What has arrived of the current frame. A slab is a field of its own.
    fn source(&self, hierarchy: Option<Arc<Hierarchy>>) -> Result<FieldSource<'_>> {
        let Some(current) = &self.current else {
            return Err(Error::invalid("no frame to decode: go on to one first"));
        };
        let record = Record {
            chunks: &current.chunks,
            payloads: &current.store,
            cache: None,
        };
        let networks = hierarchy.map(|hierarchy| self.setup.networks(hierarchy));
        let (domain, networks) = (self.dataset.shape, networks.as_ref());
        let mut source = self.setup.source(domain, record, networks)?;
        source.past = self.past.sources(current, domain, &self.setup, networks)?;
        Ok(FieldSource {
            domain: source.shape,
            dtype: self.dataset.dtype_of(&current.chunks.frame)?,
            parts: Parts::Whole(source),
        })
    }

    /// A chunk of a frame that nobody asks for: held where another frame may be predicted from it.
    fn go_over(&mut self, entry: &Entry, payload: Vec<u8>) -> Result<()> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        if may_be_reference(&current.chunks.frame) && !current.is_damaged {
            let shape = current.chunks.frame.shape(self.dataset.shape)?;
            let taken = current.add(entry, payload, shape, &self.setup.options.limits);
            // Told where it is needed.
            current.is_damaged = taken.is_err();
        }
        Ok(())
    }

    /// Reads the next chunk of the current frame.
    fn receive(&mut self) -> Result<()> {
        let next = self.pull()?;
        let Some(current) = &mut self.current else {
            self.ahead = Some(next);
            return Ok(());
        };
        match next {
            Next::Part(entry, payload) => {
                let shape = current.chunks.frame.shape(self.dataset.shape)?;
                current.add(&entry, payload, shape, &self.setup.options.limits)?;
            }
            Next::Between => {}
            Next::Frame(_) | Next::End => {
                return Err(Error::corrupt("a frame ends before all of it was there"));
            }
        }
        Ok(())
    }

    /// Reads one chunk.
    fn pull(&mut self) -> Result<Next> {
        let Some((entry, payload)) = self.stream.next_chunk()? else {
            self.contents.end()?;
            return Ok(Next::End);
        };
        Ok(match self.contents.add(&entry, || Ok(&payload))? {
            Item::Dataset | Item::Ancillary => Next::Between,
            Item::Attributes => {
                // Damage to them is no reason to stop: the fields are what they are.
                self.attributes = Attributes::parse(&payload, entry.payload_offset()).ok();
                Next::Between
            }
            Item::Frame(frame) => Next::Frame(frame),
            Item::Part => Next::Part(entry, payload),
            Item::Weights if entry.kind == ChunkType::NETW => {
                let limits = &self.setup.options.limits;
                let network = self.networks.read(&payload, limits)?;
                self.weights.add_network(network);
                Next::Between
            }
            Item::Weights => {
                self.weights.add_reference(&payload, &entry)?;
                Next::Between
            }
        })
    }
}
