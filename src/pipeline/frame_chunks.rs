//! The chunks of one frame, by their numbers in the file.

use std::sync::OnceLock;

use super::geometry::Geometry;
use crate::container::{ChunkType, Entry, Frame};
use crate::error::{Error, Result};

/// A frame and the numbers of its chunks.
#[derive(Debug)]
pub(super) struct FrameChunks {
    pub(super) frame: Frame,
    pub(super) mask: Option<usize>,
    pub(super) tree: Option<usize>,
    pub(super) bricks: Vec<usize>,
    pub(super) corrections: Option<usize>,
    /// Transform, octree and bricks, once they were needed.
    pub(super) geometry: OnceLock<Geometry>,
}

impl FrameChunks {
    pub(super) fn new(frame: Frame) -> Self {
        Self {
            frame,
            mask: None,
            tree: None,
            bricks: Vec::new(),
            corrections: None,
            geometry: OnceLock::new(),
        }
    }

    /// Adds a chunk that stands behind the frame's record: `FRAM [MASK] [TREE] *BRIK [CORR]`.
    pub(super) fn add(&mut self, number: usize, entry: &Entry) -> Result<()> {
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
pub(super) fn uses_networks(frame: &Frame) -> bool {
    frame.form.network().is_some()
}

pub(super) fn is_frame_part(kind: ChunkType) -> bool {
    [
        ChunkType::MASK,
        ChunkType::TREE,
        ChunkType::BRIK,
        ChunkType::CORR,
    ]
    .contains(&kind)
}

pub(super) fn misplaced(entry: &Entry, what: &str) -> Error {
    Error::corrupt(format!("{what} found"))
        .at(entry.offset)
        .within(format!("chunk {}", entry.kind))
}
