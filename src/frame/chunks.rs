//! The chunks of one frame, by their numbers in the file.

use std::sync::OnceLock;

use crate::base::error::{Error, Result};
use crate::container::{BrickRun, ChunkType, Entry, Frame};
use crate::frame::layout::Geometry;

/// Payloads of chunks by number: from a file with an index, or from a stream.
pub(crate) trait Payloads: Sync {
    /// Checked payload of a chunk.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged.
    fn payload(&self, number: usize) -> Result<&[u8]>;

    /// The chunk's part number.
    fn part(&self, number: usize) -> u32;

    /// The run of bricks in a chunk, all with numbers below `end`.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged.
    fn run(&self, number: usize, end: u32) -> Result<BrickRun<'_>>;

    /// A brick of such a run.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged.
    fn brick<'p>(&self, run: &BrickRun<'p>, number: u32) -> Result<Option<&'p [u8]>> {
        run.brick(number)
    }
}

/// A frame and the numbers of its chunks.
#[derive(Debug)]
pub(crate) struct FrameChunks {
    pub(crate) frame: Frame,
    pub(crate) mask: Option<usize>,
    pub(crate) tree: Option<usize>,
    pub(crate) bricks: Vec<usize>,
    pub(crate) corrections: Option<usize>,
    /// Transform, octree and bricks, once they were needed.
    pub(crate) geometry: OnceLock<Geometry>,
}

impl FrameChunks {
    pub(crate) fn new(frame: Frame) -> Self {
        Self {
            frame,
            mask: None,
            tree: None,
            bricks: Vec::new(),
            corrections: None,
            geometry: OnceLock::new(),
        }
    }

    /// Adds a chunk that stands after the frame's record: `FRAM [MASK] [TREE] *BRIK [CORR]`.
    pub(crate) fn add(&mut self, number: usize, entry: &Entry) -> Result<()> {
        let later = self.corrections.is_some();
        let coded = later || !self.bricks.is_empty();
        let slot = match entry.kind {
            ChunkType::BRIK if !later => {
                self.bricks.push(number);
                return Ok(());
            }
            ChunkType::MASK if !coded && self.tree.is_none() => &mut self.mask,
            ChunkType::TREE if !coded => &mut self.tree,
            ChunkType::CORR => &mut self.corrections,
            kind if is_frame_part(kind) => {
                return Err(misplaced(entry, "a part of a frame out of order"));
            }
            kind if kind.is_critical() => {
                return Err(misplaced(entry, "a chunk of the file within a frame"));
            }
            _ => return Ok(()),
        };
        if slot.replace(number).is_some() {
            return Err(misplaced(entry, "a second chunk of this type in one frame"));
        }
        Ok(())
    }
}

/// Whether decoding a frame takes networks.
pub(crate) fn uses_networks(frame: &Frame) -> bool {
    frame.form.network().is_some()
}

pub(crate) fn is_frame_part(kind: ChunkType) -> bool {
    [
        ChunkType::MASK,
        ChunkType::TREE,
        ChunkType::BRIK,
        ChunkType::CORR,
    ]
    .contains(&kind)
}

pub(crate) fn misplaced(entry: &Entry, what: &str) -> Error {
    Error::corrupt(format!("{what} found"))
        .at(entry.offset)
        .within(format!("chunk {}", entry.kind))
}
