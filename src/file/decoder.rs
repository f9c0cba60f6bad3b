//! Files to fields.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::error::Result;
use crate::base::source::ByteSource;
use crate::codec::worker::Worker;
use crate::container::contents::{Contents, Item};
use crate::container::{
    Attributes, BrickRun, ChunkType, Dataset, Entry, Frame, Reader, ReferenceFrames,
};
use crate::file::chain::Chain;
use crate::file::field_source::{FieldSource, Parts};
use crate::file::file_weights::{FileWeights, NetworkReader};
use crate::file::setup::{Record, Setup};
use crate::frame::band_cache::BandCache;
use crate::frame::cache::BrickCache;
use crate::frame::chunks::{FrameChunks, Payloads};
use crate::frame::decode::{FrameSource, Link, PastSources};
use crate::frame::networks::Networks;
use crate::network::Hierarchy;
use crate::options::DecodeOptions;

/// A file opened for decoding: its records are read and checked, its bricks are not touched yet.
///
/// Many threads may read from one decoder at once.
///
/// ```
/// use srt::{Bound, Decoder, EncodeOptions, Region, Shape, Volume};
///
/// let volume = Volume::new(Shape::new(&[32, 32, 32])?, vec![1.5f32; 32 * 32 * 32])?;
/// let file = srt::encode(&volume, &EncodeOptions::new(Bound::Psnr(60.0)).with_field("u"))?;
///
/// let decoder = Decoder::new(&file)?; // or of a memory map: srt::FileBytes
/// assert_eq!(decoder.frames().len(), 1);
/// let frame = decoder.frame("u", 0)?;
/// assert_eq!(frame.read::<f32>()?, volume);
/// let corner = Region { start: [0, 0, 0], size: [4, 4, 4] };
/// assert_eq!(frame.region(corner).read::<f32>()?, volume.crop(corner)?);
/// # Ok::<(), srt::Error>(())
/// ```
pub struct Decoder<'a> {
    reader: Reader<'a>,
    dataset: Dataset,
    /// Frame records with their chunks, in file order.
    records: Vec<FrameChunks>,
    /// The records of each frame: one, or its slabs.
    frames: Vec<Vec<usize>>,
    /// The chunk with what else is known of the dataset; the last one, if there are several.
    attributes: Option<usize>,
    /// Embedded networks by the numbers of their chunks.
    weights: FileWeights<usize>,
    setup: Setup,
    cache: BrickCache,
    bands: BandCache,
}

impl std::fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("dataset", &self.dataset)
            .finish_non_exhaustive()
    }
}

impl<'a> Decoder<'a> {
    /// Reads index and records of a whole file in memory or in a memory map.
    ///
    /// # Errors
    /// `Corrupt`, `Truncated`, `Unsupported`, `LimitExceeded`.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        Self::with_options(bytes, DecodeOptions::default())
    }

    /// As [`Decoder::new`] with limits, threads, a backend or weights of the caller's.
    ///
    /// # Errors
    /// As [`Decoder::new`], and `InvalidArgument` for 0 threads.
    pub fn with_options(bytes: &'a [u8], options: DecodeOptions) -> Result<Self> {
        Self::open(Reader::new(bytes, &options.limits)?, options)
    }

    /// A decoder that owns what it reads from: a memory map ([`crate::FileBytes`]) of which nothing is copied, or any source
    /// of which only what is needed is read, the bricks of a box in few calls. What it reads of a frame it
    /// holds until that is decoded; what it does not hold then are bricks.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use srt::{Bound, Decoder, DecodeOptions, EncodeOptions, SeekSource, Shape, Volume};
    ///
    /// let volume = Volume::new(Shape::new(&[8, 9, 10])?, vec![1.5f32; 720])?;
    /// let file = srt::encode(&volume, &EncodeOptions::new(Bound::MaxError(1e-3)))?;
    /// let source = SeekSource::new(std::io::Cursor::new(file))?; // or a file
    /// let decoder: Decoder<'static> = Decoder::from_source(Arc::new(source), DecodeOptions::default())?;
    /// assert_eq!(decoder.only_frame()?.read::<f32>()?, volume);
    /// # Ok::<(), srt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Decoder::with_options`], and those of the source.
    pub fn from_source(
        source: Arc<dyn ByteSource>,
        options: DecodeOptions,
    ) -> Result<Decoder<'static>> {
        Decoder::open(Reader::from_source(source, &options.limits)?, options)
    }

    fn open(reader: Reader<'a>, options: DecodeOptions) -> Result<Self> {
        let mut contents = Contents::default();
        let mut records: Vec<FrameChunks> = Vec::new();
        let mut frames: Vec<Vec<usize>> = Vec::new();
        let mut numbers = HashMap::new();
        let mut attributes = None;
        let mut weights = FileWeights::default();
        let mut candidates = ReferenceFrames::default();
        for (number, entry) in reader.entries().iter().enumerate() {
            match contents.add(entry, || reader.payload(number))? {
                Item::Dataset | Item::Ancillary => {}
                Item::Attributes => attributes = Some(number),
                Item::Weights if entry.kind == ChunkType::NETW => {
                    weights.add_network(number);
                }
                Item::Weights => weights.add_reference(reader.payload(number)?, entry)?,
                Item::Frame(frame) => {
                    let number = *numbers.entry(frame.id()).or_insert(frames.len());
                    match frames.get_mut(number) {
                        Some(slabs) => slabs.push(records.len()),
                        None => frames.push(vec![records.len()]),
                    }
                    // Contents has checked them.
                    let references: Vec<usize> = candidates.of(&frame).unwrap_or_default();
                    candidates.add(&frame, records.len());
                    for &reference in &references {
                        records[reference].is_reference = true;
                    }
                    records.push(FrameChunks::new(*frame).with_references(references));
                }
                Item::Part => {
                    if let Some(frame) = records.last_mut() {
                        frame.add(number, entry.kind);
                    }
                }
            }
        }
        contents.end()?;
        let dataset = contents.dataset()?.clone();
        Ok(Self {
            reader,
            dataset,
            records,
            frames,
            attributes,
            weights,
            cache: BrickCache::new(options.cache_bytes),
            bands: BandCache::new(options.reference_bytes),
            setup: Setup::new(options)?,
        })
    }

    /// Adds a weight set that the file may refer to: which one it names is known only now, from
    /// [`Decoder::weights`].
    pub fn add_weights(&mut self, hierarchy: Arc<Hierarchy>) {
        self.setup.add_weights(hierarchy);
    }

    /// Sets the program that decodes payloads of SZ3.
    pub fn set_worker(&mut self, worker: Worker) {
        self.setup.set_worker(worker);
    }

    /// The weight set of the file, if it names one.
    ///
    /// # Errors
    /// `MissingWeights` with the hash when it is not at hand, `Corrupt`, `LimitExceeded`.
    pub fn weights(&self) -> Result<Option<Arc<Hierarchy>>> {
        let mut networks = NetworkReader::default();
        let options = &self.setup.options;
        self.weights.resolve(&options.weights, |&number| {
            networks.read(self.reader.payload(number)?, &options.limits)
        })
    }

    /// Whether the file has a weight set, at hand or not.
    pub(crate) fn has_weights(&self) -> bool {
        !self.weights.is_empty()
    }

    /// The chunks.
    pub(crate) fn reader(&self) -> &Reader<'a> {
        &self.reader
    }

    /// How many bytes of the file were looked at so far, by parts and fields decoded and by opening
    /// it; those looked at twice count twice.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.reader.bytes_read()
    }

    /// The dataset record.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// What else the file says of the dataset.
    ///
    /// # Errors
    /// `Corrupt` when that is damaged: the fields decode all the same.
    pub fn attributes(&self) -> Result<Option<Attributes>> {
        let Some(number) = self.attributes else {
            return Ok(None);
        };
        let offset = self.reader.entries().get(number);
        let offset = offset.map_or(0, Entry::payload_offset);
        Attributes::parse(self.reader.payload(number)?, offset).map(Some)
    }

    /// The numbers of the records of each frame, in file order.
    pub(super) fn records_of_frames(&self) -> &[Vec<usize>] {
        &self.frames
    }

    /// A record with its chunks.
    pub(super) fn record(&self, number: usize) -> &FrameChunks {
        &self.records[number]
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// All records of frames in file order, slabs one by one.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Frame> {
        let frames = self.frames.iter().flatten();
        frames.map(|&number| &self.records[number].frame)
    }

    /// All records of frames with the numbers of their chunks.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &FrameChunks> {
        let frames = self.frames.iter().flatten();
        frames.map(|&number| &self.records[number])
    }

    /// The networks that records need for a level and the coarser ones.
    ///
    /// # Errors
    /// As [`Decoder::weights`], where networks are needed.
    pub(super) fn networks(&self, records: &[usize], level: usize) -> Result<Option<Networks>> {
        let needs = |&number: &usize| self.records[number].frame.form.needs_networks(level);
        let chain = self.chain(records);
        if !chain.numbers().iter().chain(records).any(needs) {
            return Ok(None);
        }
        let hierarchy = self.weights()?;
        Ok(hierarchy.map(|hierarchy| self.setup.networks(hierarchy)))
    }

    /// A reader for the parts of the frame of `records` and of those it is predicted from, which holds what it fetches while it lives.
    pub(super) fn parts_of(&self, records: &[usize]) -> Reader<'a> {
        let parts = |&number: &usize| self.records[number].parts();
        let chain = self.chain(records);
        let numbers = || chain.numbers().iter().chain(records).flat_map(parts);
        let first = numbers().min().unwrap_or_default();
        self.reader
            .of_chunks(first..numbers().max().map_or(first, |last| last + 1))
    }

    /// All that decoding the frame of `records` takes.
    pub(super) fn source<'s>(
        &'s self,
        records: &[usize],
        request: SourceRequest<'s, 'a>,
    ) -> Result<FieldSource<'s>> {
        let mut sources = Vec::with_capacity(records.len());
        for &number in records {
            let mut source = self.record_source(number, request)?;
            source.past = self.past(number, request)?;
            sources.push(source);
        }
        let frame = &self.records[records[0]].frame;
        let parts = match frame.slab {
            None if sources.len() == 1 => Parts::Whole(sources.swap_remove(0)),
            _ => Parts::Slabs(sources),
        };
        Ok(FieldSource {
            domain: self.dataset.shape,
            dtype: self.dataset.dtype_of(frame)?,
            parts,
        })
    }
}

impl<'a> Decoder<'a> {
    /// A record without what it is predicted from.
    fn record_source<'s>(
        &'s self,
        number: usize,
        request: SourceRequest<'s, 'a>,
    ) -> Result<FrameSource<'s>> {
        let chunks = &self.records[number];
        let record = Record {
            chunks,
            payloads: request.payloads,
            cache: request.cached.then(|| self.cache.frame(number)),
        };
        let needs = chunks.frame.form.needs_networks(request.level);
        let networks = request.networks.filter(|_| needs);
        self.setup.source(self.dataset.shape, record, networks)
    }

    /// What a record is predicted from.
    fn past<'s>(
        &'s self,
        number: usize,
        request: SourceRequest<'s, 'a>,
    ) -> Result<PastSources<'s>> {
        let chain = self.chain(&[number]);
        let limits = &self.setup.options.limits;
        limits.check_references(chain.numbers().len() as u64)?;
        let places = |number: usize| chain.places(&self.records[number].references);
        let link = |&number: &usize| {
            Ok(Link {
                source: self.record_source(number, request)?,
                number,
                references: places(number),
            })
        };
        Ok(PastSources {
            links: chain.numbers().iter().map(link).collect::<Result<_>>()?,
            references: places(number),
            cache: Some(&self.bands),
            kept_as: self.records[number].is_reference.then_some(number),
        })
    }

    /// What `records` are predicted from.
    fn chain(&self, records: &[usize]) -> Chain {
        let references = |number: usize| self.records[number].references.as_slice();
        let first = records.iter().flat_map(|&number| references(number));
        Chain::new(first.copied(), |number| Some(references(number)))
    }
}

/// What is wanted of a frame's records.
#[derive(Clone, Copy)]
pub(super) struct SourceRequest<'s, 'a> {
    /// Where their payloads come from.
    pub(super) payloads: &'s Reader<'a>,
    /// Downscaling level.
    pub(super) level: usize,
    /// Those of the file, where values are wanted: grids are known without.
    pub(super) networks: Option<&'s Networks>,
    /// Whether decoded bricks are kept.
    pub(super) cached: bool,
}

impl<'s, 'a> SourceRequest<'s, 'a> {
    /// Of grids at a level, and no values.
    pub(super) fn grids(payloads: &'s Reader<'a>, level: usize) -> Self {
        Self {
            payloads,
            level,
            networks: None,
            cached: false,
        }
    }
}

impl Payloads for Reader<'_> {
    fn payload(&self, number: usize) -> Result<&[u8]> {
        Reader::payload(self, number)
    }

    fn part(&self, number: usize) -> u32 {
        self.entries().get(number).map_or(0, |entry| entry.part)
    }

    fn fetch(&self, numbers: &[usize]) -> Result<()> {
        Reader::fetch(self, numbers)
    }

    fn run(&self, number: usize, end: u32) -> Result<BrickRun<'_>> {
        self.brick_run(number, end)
    }

    fn brick<'p>(&self, run: &BrickRun<'p>, number: u32) -> Result<Option<&'p [u8]>> {
        Reader::brick(self, run, number)
    }
}
