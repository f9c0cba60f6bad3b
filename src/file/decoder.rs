//! Files to fields.

use std::collections::HashMap;
use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::limits::Limits;
use crate::codec::worker::Worker;
use crate::container::contents::{Contents, Item};
use crate::container::{
    BrickRun, CHUNK_HEADER_LEN, ChunkType, Dataset, Form, Frame, Reader, WeightsReference, slowest,
};
use crate::file::slabs::FieldSource;
use crate::file::stored_weights::FileWeights;
use crate::frame::chunks::{FrameChunks, Payloads};
use crate::frame::decode::FrameSource;
use crate::frame::layout::FrameLayout;
use crate::frame::networks::Networks;
use crate::frame::pooled::octree_of;
use crate::frame::wavelet::cache::BrickCache;
use crate::frame::wavelet::quality::{LevelField, psnr_db};
use crate::network::{Hierarchy, Network};
use crate::octree::Leaf;
use crate::volume::AnyVolume;

/// A file opened for decoding: its records are read and checked, its bricks are not touched yet.
pub struct Decoder<'a> {
    reader: Reader<'a>,
    limits: Limits,
    dataset: Dataset,
    /// Frame records with their chunks, in file order.
    records: Vec<FrameChunks>,
    /// The records of each frame: one, or its slabs.
    frames: Vec<Vec<usize>>,
    /// Embedded networks by the numbers of their chunks.
    weights: FileWeights<usize>,
    /// Weight sets handed in, for files that name theirs by reference.
    known: Vec<Arc<Hierarchy>>,
    backend: Arc<dyn Backend>,
    worker: Option<Worker>,
    cache: BrickCache,
}

/// Bytes of decoded bricks kept between regions, if not set: a few dozen bricks of 64^3.
const CACHE_BYTES: usize = 64 << 20;

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
    pub fn new(bytes: &'a [u8], limits: Limits) -> Result<Self> {
        let reader = Reader::new(bytes, &limits)?;
        let mut contents = Contents::default();
        let mut records: Vec<FrameChunks> = Vec::new();
        let mut frames: Vec<Vec<usize>> = Vec::new();
        let mut numbers = HashMap::new();
        let mut weights = FileWeights::default();
        for (number, entry) in reader.entries().iter().enumerate() {
            match contents.add(entry, || reader.payload(number))? {
                Item::Dataset | Item::Ancillary => {}
                Item::Weights if entry.kind == ChunkType::NETW => {
                    weights.add_network(number);
                }
                Item::Weights => {
                    let offset = entry.offset + CHUNK_HEADER_LEN as u64;
                    let reference = WeightsReference::parse(reader.payload(number)?, offset)?;
                    weights.add_reference(reference);
                }
                Item::Frame(frame) => {
                    let number = *numbers.entry(frame.id()).or_insert(frames.len());
                    match frames.get_mut(number) {
                        Some(slabs) => slabs.push(records.len()),
                        None => frames.push(vec![records.len()]),
                    }
                    records.push(FrameChunks::new(frame));
                }
                Item::Part => {
                    if let Some(frame) = records.last_mut() {
                        frame.add(number, entry.kind);
                    }
                }
            }
        }
        let dataset = contents.dataset()?.clone();
        Ok(Self {
            reader,
            limits,
            dataset,
            records,
            frames,
            weights,
            known: Vec::new(),
            backend: Arc::new(Cpu::detect()),
            worker: None,
            cache: BrickCache::new(CACHE_BYTES),
        })
    }

    /// Adds a weight set that files may refer to; the built-in ones need not be added.
    #[must_use]
    pub fn with_weights(mut self, hierarchy: Arc<Hierarchy>) -> Self {
        self.known.push(hierarchy);
        self
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

    /// Sets how many bytes of decoded bricks [`Decoder::region`] may keep. Default 64 MiB; 0 keeps
    /// none.
    #[must_use]
    pub fn with_cache(mut self, bytes: usize) -> Self {
        self.cache = BrickCache::new(bytes);
        self
    }

    /// The weight set of the file, if it names one.
    ///
    /// # Errors
    /// `MissingWeights` with the hash when it is not at hand, `Corrupt`, `LimitExceeded`.
    pub fn weights(&self) -> Result<Option<Arc<Hierarchy>>> {
        let mut parameters = 0;
        self.weights.resolve(&self.known, |&number| {
            let network = Network::from_bytes(self.reader.payload(number)?, &self.limits)?;
            parameters += network.parameters();
            self.limits.check_parameters(parameters)?;
            Ok(network)
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

    /// Frames in file order: of each its record, or, where it is in slabs, that of the first slab.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &Frame> {
        self.frames
            .iter()
            .map(|slabs| &self.records[slabs[0]].frame)
    }

    /// All records of frame `index`: one, or one for each of its slabs; none for a frame that does not
    /// exist.
    pub fn slabs(&self, index: usize) -> impl Iterator<Item = &Frame> {
        let records = self.frames.get(index).into_iter().flatten();
        records.map(|&record| &self.records[record].frame)
    }

    /// The chunks of each record of frame `index`, by their numbers.
    pub(crate) fn chunks(&self, index: usize) -> impl Iterator<Item = &FrameChunks> {
        let records = self.frames.get(index).into_iter().flatten();
        records.map(|&record| &self.records[record])
    }

    /// The octree leaves of frame `index`; `None` where it has no octree.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame that does not exist, `Corrupt`, `Unsupported`.
    pub fn leaves(&self, index: usize) -> Result<Option<Vec<Leaf>>> {
        let domain = self.dataset.shape;
        let mut leaves = None;
        for &record in self.records_of(index)? {
            let chunks = &self.records[record];
            let Some(tree) = chunks.tree else {
                continue;
            };
            let (shape, tree) = (chunks.frame.shape(domain)?, self.reader.payload(tree)?);
            let found = match &chunks.frame.form {
                Form::Constant | Form::Lossless => continue,
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

    /// Decodes frame `index` at downscaling level `level` (0 = full resolution), in the current
    /// thread pool.
    ///
    /// At a level above 0 masked voxels hold the smooth values they were filled with.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame or level that does not exist, `Corrupt`, `LimitExceeded`,
    /// `MissingWeights`.
    pub fn decode(&self, index: usize, level: usize) -> Result<AnyVolume> {
        self.source(index, level)?.whole(level)
    }

    /// The field of frame `index` from its coarsest level to level 0, each with the estimate of its
    /// error: a first look, then a better one. A level is decoded when it is asked for, from the bricks
    /// up to there alone.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame that does not exist, `Corrupt`.
    pub fn levels(&self, index: usize) -> Result<Levels<'_, 'a>> {
        let records = self.records_of(index)?;
        let levels = |&record: &usize| self.records[record].frame.form.levels();
        let coarsest = records.iter().map(levels).min().unwrap_or_default();
        let source = self.source_with(None, index, coarsest)?;
        // Slabs may not go together at the coarsest of them.
        let next = (0..=coarsest).rev().find(|&l| source.grid(l).is_ok());
        Ok(Levels {
            decoder: self,
            index,
            next: next.or(Some(0)),
        })
    }

    /// PSNR in dB, against the field that was encoded, of what is known from downscaling level `level`
    /// of frame `index` and the coarser ones alone: measured at level 0, an estimate above. `None`
    /// where the file does not say it.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame that does not exist, `Corrupt`.
    pub fn psnr_db(&self, index: usize, level: usize) -> Result<Option<f64>> {
        let with_len = |&record: &usize| {
            let frame = &self.records[record].frame;
            Ok((frame, frame.shape(self.dataset.shape)?.len()))
        };
        let records = self.records_of(index)?.iter().map(with_len);
        let records: Vec<_> = records.collect::<Result<_>>()?;
        Ok(psnr_db(records.into_iter(), level))
    }

    /// Decodes like [`Decoder::decode`], in layers: boxes of the level's grid that follow each other
    /// along its slowest axis and together fill it. Beyond the layer at hand, of about 2^24 voxels (2^26 from a
    /// GPU) or one brick thick, only the next coarser level lies in memory.
    ///
    /// # Errors
    /// As [`Decoder::decode`], and what `sink` reports.
    pub fn decode_layers(
        &self,
        index: usize,
        level: usize,
        sink: &mut dyn FnMut(AnyVolume) -> Result<()>,
    ) -> Result<()> {
        self.source(index, level)?.layers(level, sink)
    }

    /// Decodes a box of frame `index`: bit for bit the crop of [`Decoder::decode`] at `level`, in
    /// whose grid the box lies, from the bricks it touches alone. In 2-D the box has `z` 0 and one
    /// plane.
    ///
    /// Decoded bricks are kept for the next region, up to [`Decoder::with_cache`]'s limit. Many threads
    /// may decode regions at once.
    ///
    /// # Errors
    /// As [`Decoder::decode`], and `InvalidArgument` for a box that is empty or leaves the grid.
    pub fn region(&self, index: usize, level: usize, region: Region) -> Result<AnyVolume> {
        let mut field = self.source(index, level)?;
        for (source, &record) in field.sources.iter_mut().zip(self.records_of(index)?) {
            source.cache = Some(self.cache.frame(record));
        }
        field.region(level, region)
    }

    /// Grid of frame `index` at downscaling level `level`.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame or level that does not exist, `Corrupt`.
    pub fn grid(&self, index: usize, level: usize) -> Result<Shape> {
        self.source_with(None, index, level)?.grid(level)
    }

    fn records_of(&self, index: usize) -> Result<&[usize]> {
        let records = self.frames.get(index).map(Vec::as_slice);
        records.ok_or_else(|| {
            Error::invalid(format!("frame {index} of {} asked for", self.frames.len()))
        })
    }

    /// All that decoding frame `index` at downscaling level `level` takes.
    fn source(&self, index: usize, level: usize) -> Result<FieldSource<'_>> {
        let needs_networks =
            |&record: &usize| self.records[record].frame.form.needs_networks(level);
        let networks = if self.records_of(index)?.iter().any(needs_networks) {
            self.weights()?.map(|hierarchy| Networks {
                hierarchy,
                backend: Arc::clone(&self.backend),
            })
        } else {
            None
        };
        self.source_with(networks.as_ref(), index, level)
    }

    /// As [`Decoder::source`] with these networks; grids are known without any.
    fn source_with(
        &self,
        networks: Option<&Networks>,
        index: usize,
        level: usize,
    ) -> Result<FieldSource<'_>> {
        let records = self.records_of(index)?;
        let source = |&record: &usize| {
            let chunks = &self.records[record];
            Ok(FrameSource {
                shape: chunks.frame.shape(self.dataset.shape)?,
                chunks,
                payloads: &self.reader,
                networks: networks
                    .cloned()
                    .filter(|_| chunks.frame.form.needs_networks(level)),
                limits: &self.limits,
                worker: self.worker.as_ref(),
                cache: None,
            })
        };
        Ok(FieldSource {
            domain: self.dataset.shape,
            dtype: self.dataset.dtype_of(&self.records[records[0]].frame)?,
            sources: records.iter().map(source).collect::<Result<_>>()?,
        })
    }
}

/// The levels of a frame that are still to come; see [`Decoder::levels`].
#[derive(Debug)]
pub struct Levels<'d, 'a> {
    decoder: &'d Decoder<'a>,
    index: usize,
    /// `None` behind level 0, or a failure.
    next: Option<usize>,
}

impl Iterator for Levels<'_, '_> {
    type Item = Result<LevelField>;

    fn next(&mut self) -> Option<Self::Item> {
        let level = self.next.take()?;
        let field = || {
            Ok(LevelField {
                level,
                psnr_db: self.decoder.psnr_db(self.index, level)?,
                volume: self.decoder.decode(self.index, level)?,
            })
        };
        let field = field();
        if field.is_ok() {
            self.next = level.checked_sub(1);
        }
        Some(field)
    }
}

impl Payloads for Reader<'_> {
    fn payload(&self, number: usize) -> Result<&[u8]> {
        Reader::payload(self, number)
    }

    fn part(&self, number: usize) -> u32 {
        self.entries().get(number).map_or(0, |entry| entry.part)
    }

    fn run(&self, number: usize, end: u32) -> Result<BrickRun<'_>> {
        self.brick_run(number, end)
    }

    fn brick<'p>(&self, run: &BrickRun<'p>, number: u32) -> Result<Option<&'p [u8]>> {
        Reader::brick(self, run, number)
    }
}
