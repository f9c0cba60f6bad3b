//! Files to fields.

use std::sync::Arc;

use super::cache::BrickCache;
use super::decode_frame::{FrameSource, Payloads};
use super::file_weights::FileWeights;
use super::frame::Networks;
use super::frame_chunks::FrameChunks;
use super::geometry::Geometry;
use super::outline::{Item, Outline};
use crate::backend::{Backend, cpu::Cpu};
use crate::container::{
    CHUNK_HEADER_LEN, ChunkType, Dataset, Form, Frame, Reader, WeightsReference,
};
use crate::error::{Error, Result};
use crate::grid::{Region, Shape};
use crate::limits::Limits;
use crate::network::{Hierarchy, Network};
use crate::octree::Leaf;
use crate::volume::io::AnyVolume;

/// A file opened for decoding: its records are read and checked, its bricks are not touched yet.
pub struct Decoder<'a> {
    reader: Reader<'a>,
    limits: Limits,
    dataset: Dataset,
    frames: Vec<FrameChunks>,
    /// Embedded networks by the numbers of their chunks.
    weights: FileWeights<usize>,
    /// Weight sets handed in, for files that name theirs by reference.
    known: Vec<Arc<Hierarchy>>,
    backend: Arc<dyn Backend>,
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
        let mut outline = Outline::default();
        let mut frames: Vec<FrameChunks> = Vec::new();
        let mut weights = FileWeights::default();
        for (number, entry) in reader.entries().iter().enumerate() {
            match outline.add(entry, || reader.payload(number))? {
                Item::Dataset | Item::Ancillary => {}
                Item::Weights if entry.kind == ChunkType::NETW => {
                    weights.add_network(number, entry)?;
                }
                Item::Weights => {
                    let offset = entry.offset + CHUNK_HEADER_LEN as u64;
                    let reference = WeightsReference::parse(reader.payload(number)?, offset)?;
                    weights.add_reference(reference, entry)?;
                }
                Item::Frame(frame) => frames.push(FrameChunks::new(frame)),
                Item::Part => {
                    if let Some(frame) = frames.last_mut() {
                        frame.add(number, entry)?;
                    }
                }
            }
        }
        let dataset = outline.dataset()?.clone();
        Ok(Self {
            reader,
            limits,
            dataset,
            frames,
            weights,
            known: Vec::new(),
            backend: Arc::new(Cpu::detect()),
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
    pub(super) fn has_weights(&self) -> bool {
        !self.weights.is_empty()
    }

    /// The chunks.
    pub(super) fn reader(&self) -> &Reader<'a> {
        &self.reader
    }

    /// The dataset record.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Frame records in file order.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &Frame> {
        self.frames.iter().map(|f| &f.frame)
    }

    /// The octree leaves of frame `index`; `None` where it has no octree.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame that does not exist, `Corrupt`, `Unsupported`.
    pub fn leaves(&self, index: usize) -> Result<Option<Vec<Leaf>>> {
        let chunks = self.frames.get(index).ok_or_else(|| {
            Error::invalid(format!("frame {index} of {} asked for", self.frames.len()))
        })?;
        let (Form::Wavelet(form), Some(tree)) = (&chunks.frame.form, chunks.tree) else {
            return Ok(None);
        };
        let geometry = Geometry::new(self.dataset.shape, form, self.reader.payload(tree)?)?;
        Ok(Some(geometry.leaves()))
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
        let (source, value_bytes) = self.source(index)?;
        source.whole(value_bytes, level)
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
        let (source, value_bytes) = self.source(index)?;
        source.layers(value_bytes, level, sink)
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
        let (mut source, value_bytes) = self.source(index)?;
        source.cache = Some(self.cache.frame(index));
        source.region(value_bytes, level, region)
    }

    /// Grid of frame `index` at downscaling level `level`.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame or level that does not exist, `Corrupt`.
    pub fn grid(&self, index: usize, level: usize) -> Result<Shape> {
        self.source(index)?.0.grid(level)
    }

    /// All that decoding frame `index` takes, and the size of its values.
    fn source(&self, index: usize) -> Result<(FrameSource<'_>, u8)> {
        let chunks = self.frames.get(index).ok_or_else(|| {
            Error::invalid(format!("frame {index} of {} asked for", self.frames.len()))
        })?;
        let field = usize::try_from(chunks.frame.field)
            .ok()
            .and_then(|f| self.dataset.fields.get(f));
        let networks = match chunks.uses_networks() {
            false => None,
            true => self.weights()?.map(|hierarchy| Networks {
                hierarchy,
                backend: Arc::clone(&self.backend),
            }),
        };
        let source = FrameSource {
            shape: self.dataset.shape,
            chunks,
            payloads: &self.reader,
            networks,
            limits: &self.limits,
            cache: None,
        };
        Ok((source, field.map_or(0, |f| f.value_bytes)))
    }
}

impl Payloads for Reader<'_> {
    fn payload(&self, number: usize) -> Result<&[u8]> {
        Reader::payload(self, number)
    }

    fn part(&self, number: usize) -> u32 {
        self.entries().get(number).map_or(0, |entry| entry.part)
    }
}
