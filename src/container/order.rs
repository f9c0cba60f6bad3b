//! The grammar of chunk order in a file (spec section 2), for the reader with an index, the one
//! without, and the one that reports every fault.
//!
//! ```text
//! file  = DSET *( weights / frame )         ancillary chunks anywhere
//! weights = *NETW / NREF                    one set, before the first frame that uses it
//! frame = FRAM [MASK] [TREE] *BRIK [CORR]   MASK and CORR where the record announces them
//! ```

use std::fmt;

use crate::base::error::Error;
use crate::container::reference_frames::ReferenceFrames;
use crate::container::written::WrittenFrames;
use crate::container::{Announced, ChunkType, Entry, Frame};

/// What is wrong with the place of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderFault {
    /// A chunk that readers must know stands before the dataset record.
    BeforeDataset,
    /// A second dataset record.
    SecondDataset,
    /// A frame's record of a field, step and planes that are there already.
    SecondFrame,
    /// A frame's record that names a reference which is not among those that it may have.
    WrongReference,
    /// Weights after a frame that uses them.
    WeightsAfterUse,
    /// Weights apart from those before, or of another kind.
    SecondWeightSet,
    /// A network with another number than follows.
    NetworkOutOfOrder,
    /// A part of a frame where no frame is open.
    PartWithoutFrame,
    /// A part of a frame that belongs before one that was there.
    PartOutOfOrder,
    /// A second chunk of a type that a frame has one of.
    RepeatedPart,
    /// A mask or corrections that the frame's record does not announce.
    UnannouncedPart,
    /// A mask or corrections that the record of a frame announces are not where they belong.
    MissingPart,
    /// A chunk that readers must know and that is neither a part of a frame nor any other of the grammar.
    UnknownPlace,
}

impl fmt::Display for OrderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeDataset => "a chunk before the dataset record",
            Self::SecondDataset => "a second dataset record",
            Self::SecondFrame => "a second frame of the same field, step and planes",
            Self::WrongReference => {
                "a reference to a frame that is not there, or that this one cannot be predicted from,"
            }
            Self::WeightsAfterUse => "weights behind a frame that uses them",
            Self::SecondWeightSet => "a second weight set",
            Self::NetworkOutOfOrder => "a network out of order",
            Self::PartWithoutFrame => "a part of a frame without its frame",
            Self::PartOutOfOrder => "a part of a frame out of order",
            Self::RepeatedPart => "a second chunk of this type in one frame",
            Self::UnannouncedPart => "a part that its frame does not announce",
            Self::MissingPart => {
                "a chunk in the place of a mask or corrections that a frame announces"
            }
            Self::UnknownPlace => "a chunk of the file within a frame",
        })
    }
}

impl OrderFault {
    /// The fault as an error at its chunk.
    #[must_use]
    pub fn error(self, entry: &Entry) -> Error {
        Error::corrupt(format!("{self} found"))
            .at(entry.offset)
            .within(format!("chunk {}", entry.kind))
    }
}

/// What has been seen of a file, chunk by chunk. A reader that stops at the first fault and one that
/// goes on use it alike: a chunk out of order is taken for what it is, and the next is judged by that.
#[derive(Debug, Default)]
pub struct ChunkOrder {
    has_dataset: bool,
    frames: WrittenFrames,
    references: ReferenceFrames<()>,
    weights: WeightsState,
    networks: u32,
    has_reference: bool,
    /// Whether a frame so far uses networks.
    networks_used: bool,
    /// Whether parts of a frame may follow.
    in_frame: bool,
    /// Parts of the last frame; `None` where they are not known.
    parts: Option<FrameParts>,
}

/// The chunks of the weight set, which follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum WeightsState {
    #[default]
    Ahead,
    Open,
    Over,
}

impl ChunkOrder {
    /// Takes the next chunk, not the index; gives what is wrong with its place. Records that could be
    /// read are told to [`ChunkOrder::add_dataset`] and [`ChunkOrder::add_frame`].
    pub fn add(&mut self, kind: ChunkType, part: u32) -> Vec<OrderFault> {
        let mut faults = Vec::new();
        if !self.has_dataset && kind.is_critical() && kind != ChunkType::DSET {
            faults.push(OrderFault::BeforeDataset);
        }
        match kind {
            ChunkType::DSET if self.has_dataset => faults.push(OrderFault::SecondDataset),
            ChunkType::FRAM => faults.extend(self.begin_frame()),
            ChunkType::NETW => {
                faults.extend(self.end_frame());
                faults.extend(self.add_network(part));
            }
            ChunkType::NREF => {
                faults.extend(self.end_frame());
                faults.extend(self.add_reference());
            }
            kind if kind.is_frame_part() => {
                if !self.in_frame {
                    faults.push(OrderFault::PartWithoutFrame);
                }
                if let Some(parts) = &mut self.parts {
                    faults.extend(parts.add(kind));
                }
            }
            kind if kind.is_critical() && kind != ChunkType::DSET => {
                faults.push(OrderFault::UnknownPlace);
            }
            _ => {}
        }
        faults
    }

    /// The dataset record of the last chunk could be read.
    pub fn add_dataset(&mut self) {
        self.has_dataset = true;
    }

    /// The frame's record of the last chunk could be read; gives what is wrong with it beside the
    /// frames before.
    pub fn add_frame(&mut self, frame: &Frame) -> Option<OrderFault> {
        self.networks_used |= frame.form.network().is_some();
        if let Some(parts) = &mut self.parts {
            parts.announced = Some(frame.announced);
        }
        let is_predictable = self.references.of(frame).is_some();
        if is_predictable {
            self.references.add(frame, ());
        }
        if !self.frames.add(frame.id(), frame.slab) {
            return Some(OrderFault::SecondFrame);
        }
        (!is_predictable).then_some(OrderFault::WrongReference)
    }

    /// No chunk but the index follows; gives what is missing of the last frame.
    pub fn end(&mut self) -> Option<OrderFault> {
        self.end_frame()
    }

    /// Chunks are lost here, among them perhaps the record of a frame: whose parts follow cannot be told.
    pub fn skip_lost(&mut self) {
        self.parts = None;
    }

    /// No part of the last frame follows; gives what is missing of it.
    fn end_frame(&mut self) -> Option<OrderFault> {
        self.parts.take().and_then(|parts| parts.missing())
    }

    fn begin_frame(&mut self) -> Option<OrderFault> {
        let fault = self.end_frame();
        if self.weights == WeightsState::Open {
            self.weights = WeightsState::Over;
        }
        self.in_frame = true;
        self.parts = Some(FrameParts::default());
        fault
    }

    fn add_network(&mut self, part: u32) -> Option<OrderFault> {
        let fault = if self.networks_used {
            Some(OrderFault::WeightsAfterUse)
        } else if self.weights == WeightsState::Over {
            Some(OrderFault::SecondWeightSet)
        } else if self.has_reference || part != self.networks {
            Some(OrderFault::NetworkOutOfOrder)
        } else {
            None
        };
        self.networks = self.networks.saturating_add(1);
        self.begin_weights();
        fault
    }

    fn add_reference(&mut self) -> Option<OrderFault> {
        let fault = if self.networks_used {
            Some(OrderFault::WeightsAfterUse)
        } else if self.has_reference || self.networks > 0 {
            return Some(OrderFault::SecondWeightSet);
        } else {
            None
        };
        self.has_reference = true;
        self.begin_weights();
        fault
    }

    fn begin_weights(&mut self) {
        self.weights = WeightsState::Open;
        self.in_frame = false;
    }
}

/// Which parts of a frame have been seen: `[MASK] [TREE] *BRIK [CORR]`.
#[derive(Debug, Default)]
struct FrameParts {
    /// What the frame's record says of them, where it could be read.
    announced: Option<Announced>,
    mask: bool,
    tree: bool,
    bricks: bool,
    corrections: bool,
}

impl FrameParts {
    fn add(&mut self, kind: ChunkType) -> Vec<OrderFault> {
        let is_mask_lost = kind != ChunkType::MASK && self.announces(ChunkType::MASK) && !self.mask;
        // Said once.
        self.mask |= is_mask_lost;
        let is_unannounced = kind == ChunkType::MASK || kind == ChunkType::CORR;
        let is_unannounced = is_unannounced && self.announced.is_some() && !self.announces(kind);
        let coded = self.bricks || self.corrections;
        let (seen, late) = match kind {
            ChunkType::MASK => (&mut self.mask, coded || self.tree),
            ChunkType::TREE => (&mut self.tree, coded),
            ChunkType::CORR => (&mut self.corrections, false),
            _ => (&mut self.bricks, self.corrections),
        };
        let repeated = std::mem::replace(seen, true) && kind != ChunkType::BRIK;
        let faults = [
            late.then_some(OrderFault::PartOutOfOrder),
            repeated.then_some(OrderFault::RepeatedPart),
            is_mask_lost.then_some(OrderFault::MissingPart),
            is_unannounced.then_some(OrderFault::UnannouncedPart),
        ];
        faults.into_iter().flatten().collect()
    }

    fn announces(&self, kind: ChunkType) -> bool {
        self.announced.is_some_and(|announced| match kind {
            ChunkType::MASK => announced.mask,
            _ => announced.corrections,
        })
    }

    /// What is missing when no part follows.
    fn missing(&self) -> Option<OrderFault> {
        let mask = self.announces(ChunkType::MASK) && !self.mask;
        let corrections = self.announces(ChunkType::CORR) && !self.corrections;
        (mask || corrections).then_some(OrderFault::MissingPart)
    }
}

#[cfg(test)]
mod tests;
