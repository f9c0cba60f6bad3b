//! Which fields are there at which steps.

use std::collections::HashMap;

use crate::container::{Frame, Slab};

/// Field and step of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameId {
    /// Number of the field in the dataset.
    pub field: u64,
    /// Time step.
    pub step: u64,
}

impl Frame {
    /// Field and step.
    #[must_use]
    pub fn id(&self) -> FrameId {
        FrameId {
            field: self.field,
            step: self.step,
        }
    }
}

/// Fields and steps written so far, and up to which plane.
#[derive(Debug, Default)]
pub struct WrittenFrames(HashMap<FrameId, u64>);

impl WrittenFrames {
    /// Whether another record of a field and step may follow: the first one, or a slab after the slabs
    /// before it.
    #[must_use]
    pub fn is_free(&self, id: FrameId, slab: Option<Slab>) -> bool {
        let end = self.0.get(&id);
        end.is_none_or(|&end| slab.is_some_and(|slab| slab.start >= end))
    }

    /// Adds a record; false when it may not follow.
    pub fn add(&mut self, id: FrameId, slab: Option<Slab>) -> bool {
        let free = self.is_free(id, slab);
        self.0.insert(id, slab.map_or(u64::MAX, |slab| slab.end()));
        free
    }

    /// Number of fields and steps.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // nobody asks
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
