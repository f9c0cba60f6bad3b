//! A frame of which more and more arrives, and which of its levels are there.

use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::base::limits::Limits;
use crate::container::{
    BrickRun, CHUNK_HEADER_LEN, ChunkType, Entry, Form, Frame, parse_brick_run,
};
use crate::frame::LOSSLESS_PART;
use crate::frame::chunks::{FrameChunks, Payloads};
use crate::frame::layout::FrameLayout;
use crate::frame::raster::RasterBricks;

/// A frame as far as it has arrived.
#[derive(Debug)]
pub(crate) struct PartialFrame {
    /// Its chunks by their numbers in `store`.
    pub(crate) chunks: FrameChunks,
    pub(crate) store: ChunkStore,
    /// By level: the last brick that its field needs. Known from the octree; in the raster form, whose levels need all, from
    /// the grid.
    last_bricks: Option<Vec<u32>>,
    /// The last brick that has arrived.
    last_arrived: Option<u32>,
    /// Parts of a lossless frame of this grid.
    lossless_parts: usize,
    /// The level to hand out next, from coarse to fine; `None` after level 0.
    pub(crate) next_level: Option<usize>,
    /// The number of its record in the stream.
    pub(crate) number: usize,
    /// Whether a chunk could not be taken.
    pub(crate) is_damaged: bool,
}

/// Parts and payloads of the chunks of one frame.
#[derive(Debug, Default)]
pub(crate) struct ChunkStore {
    chunks: Vec<Chunk>,
    bytes: u64,
}

#[derive(Debug)]
struct Chunk {
    part: u32,
    /// Of its payload in the file.
    offset: u64,
    payload: Vec<u8>,
}

impl ChunkStore {
    fn chunk(&self, number: usize) -> Result<&Chunk> {
        let missing = || Error::invalid(format!("no chunk {number}"));
        self.chunks.get(number).ok_or_else(missing)
    }
}

impl Payloads for ChunkStore {
    fn payload(&self, number: usize) -> Result<&[u8]> {
        self.chunk(number).map(|chunk| &chunk.payload[..])
    }

    fn part(&self, number: usize) -> u32 {
        self.chunks.get(number).map_or(0, |chunk| chunk.part)
    }

    fn run(&self, number: usize, end: u32) -> Result<BrickRun<'_>> {
        let chunk = self.chunk(number)?;
        BrickRun::parse(&chunk.payload, chunk.offset, chunk.part, end)
    }
}

impl PartialFrame {
    /// A frame of a grid of `shape`, of which the record has arrived.
    pub(crate) fn new(frame: Frame, shape: Shape) -> Self {
        let levels = frame.form.levels();
        Self {
            chunks: FrameChunks::new(frame),
            store: ChunkStore::default(),
            last_bricks: None,
            last_arrived: None,
            lossless_parts: shape.len().div_ceil(LOSSLESS_PART),
            next_level: Some(levels),
            number: 0,
            is_damaged: false,
        }
    }

    /// Takes the next chunk of the frame.
    ///
    /// # Errors
    /// `Corrupt` when it is not an octree where it should be one; `LimitExceeded`
    /// when the frame's chunks, or the field, are too much to hold.
    pub(crate) fn add(
        &mut self,
        entry: &Entry,
        payload: Vec<u8>,
        shape: Shape,
        limits: &Limits,
    ) -> Result<()> {
        self.chunks.add(self.store.chunks.len(), entry.kind);
        if let (ChunkType::TREE, Form::Wavelet(form)) = (entry.kind, &self.chunks.frame.form) {
            // Octree and list of bricks: a byte for some hundred voxels of the domain.
            limits.check_decoded(shape.len() as u64 / 128)?;
            let geometry = FrameLayout::new(shape, form, &payload)?;
            self.last_bricks = Some(geometry.last_bricks());
            self.chunks.geometry = geometry.into();
        }
        let offset = entry.offset + CHUNK_HEADER_LEN as u64;
        if let (ChunkType::BRIK, Form::Wavelet(_)) = (entry.kind, &self.chunks.frame.form) {
            let geometry = self.chunks.geometry.get();
            let geometry = geometry.ok_or_else(|| Error::corrupt("the octree is missing"))?;
            let end = u32::try_from(geometry.partition().bricks().len()).unwrap_or(u32::MAX);
            let run = parse_brick_run(&payload, offset, entry.part, end)?;
            self.last_arrived = run.last().map(|brick| brick.0);
        }
        if let (ChunkType::BRIK, Form::Raster(form)) = (entry.kind, &self.chunks.frame.form) {
            let bricks = RasterBricks::new(shape, form, self.chunks.frame.range)?;
            let run = parse_brick_run(&payload, offset, entry.part, bricks.count())?;
            self.last_arrived = run.last().map(|brick| brick.0);
            self.last_bricks = Some(vec![bricks.count() - 1]);
        }
        self.store.bytes += payload.len() as u64;
        limits.check_decoded(self.store.bytes)?;
        self.store.chunks.push(Chunk {
            part: entry.part,
            offset,
            payload,
        });
        Ok(())
    }

    /// Whether nothing of it can follow: record, form and octree tell what belongs to it.
    pub(crate) fn is_complete(&self) -> bool {
        let FrameChunks {
            frame,
            mask,
            bricks,
            corrections,
            ..
        } = &self.chunks;
        let has_bricks = match &frame.form {
            Form::Constant => true,
            Form::Lossless => bricks.len() >= self.lossless_parts,
            Form::Pooled(_) => !bricks.is_empty(),
            Form::Wavelet(_) | Form::Raster(_) => self.has_bricks(0),
        };
        let has_mask = mask.is_some() || !frame.announced.mask;
        has_bricks && has_mask && (corrections.is_some() || !frame.announced.corrections)
    }

    /// Whether all that the field at `level` needs has arrived.
    pub(crate) fn has(&self, level: usize) -> bool {
        self.is_complete() || level > 0 && self.has_bricks(level)
    }

    /// Whether the coefficients of `level` and the coarser ones have arrived.
    fn has_bricks(&self, level: usize) -> bool {
        let needed = self.last_bricks.as_ref().and_then(|last| last.get(level));
        match (self.last_arrived, needed) {
            (Some(arrived), Some(needed)) => arrived >= *needed,
            _ => false,
        }
    }
}
