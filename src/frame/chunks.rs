//! The chunks of one frame, by their numbers in the file.

use std::sync::OnceLock;

use crate::base::error::Result;
use crate::container::{BrickRun, ChunkType, Frame};
use crate::frame::layout::FrameLayout;

/// Payloads of chunks by number: from a file with an index, or from a stream.
pub(crate) trait Payloads: Sync {
    /// Checked payload of a chunk.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged.
    fn payload(&self, number: usize) -> Result<&[u8]>;

    /// Says that the chunks `numbers`, which ascend, will be asked for: a source that is far away reads them in few calls.
    ///
    /// # Errors
    /// Those of the source.
    fn fetch(&self, _numbers: &[usize]) -> Result<()> {
        Ok(())
    }

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
    /// The numbers of the records that it is predicted from, nearest first.
    pub(crate) references: Vec<usize>,
    /// Whether another frame is predicted from it.
    pub(crate) is_reference: bool,
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
            references: Vec::new(),
            is_reference: false,
            geometry: OnceLock::new(),
        }
    }

    /// Sets the records that it is predicted from.
    pub(crate) fn with_references(mut self, references: Vec<usize>) -> Self {
        self.references = references;
        self
    }

    /// The numbers of its parts.
    pub(crate) fn parts(&self) -> impl Iterator<Item = usize> {
        let single = [self.mask, self.tree, self.corrections];
        single
            .into_iter()
            .flatten()
            .chain(self.bricks.iter().copied())
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
