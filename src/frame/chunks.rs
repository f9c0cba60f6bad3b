//! The chunks of one frame, by their numbers in the file.

use std::sync::OnceLock;

use crate::container::{ChunkType, Frame};
use crate::frame::layout::FrameLayout;

/// A frame and the numbers of its chunks.
#[derive(Debug)]
pub(crate) struct FrameChunks {
    pub(crate) frame: Frame,
    pub(crate) mask: Option<usize>,
    pub(crate) tree: Option<usize>,
    pub(crate) bricks: Vec<usize>,
    pub(crate) corrections: Option<usize>,
    /// Transform, octree and bricks, once they were needed.
    pub(crate) geometry: OnceLock<FrameLayout>,
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

    /// Adds a part of the frame, whose place has been checked.
    pub(crate) fn add(&mut self, number: usize, kind: ChunkType) {
        match kind {
            ChunkType::MASK => self.mask = Some(number),
            ChunkType::TREE => self.tree = Some(number),
            ChunkType::BRIK => self.bricks.push(number),
            ChunkType::CORR => self.corrections = Some(number),
            _ => {}
        }
    }
}

/// Whether decoding a frame takes networks.
pub(crate) fn uses_networks(frame: &Frame) -> bool {
    frame.form.network().is_some()
}
