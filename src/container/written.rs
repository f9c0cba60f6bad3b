//! Which fields are there at which steps.

use std::collections::HashMap;

use crate::container::{Frame, Slab};

/// Fields and steps of a file's frames, and up to which plane each is there.
#[derive(Debug, Default)]
pub(crate) struct Places(HashMap<(u64, u64), u64>);

impl Places {
    /// Whether another record of a field and step may follow: the first one, or a slab behind the
    /// slabs before it.
    pub(crate) fn is_free(&self, place: (u64, u64), slab: Option<Slab>) -> bool {
        let end = self.0.get(&place);
        end.is_none_or(|&end| slab.is_some_and(|slab| slab.start >= end))
    }

    /// Adds a record; false when it may not follow.
    pub(crate) fn add(&mut self, place: (u64, u64), slab: Option<Slab>) -> bool {
        let free = self.is_free(place, slab);
        self.0
            .insert(place, slab.map_or(u64::MAX, |slab| slab.end()));
        free
    }

    /// Number of fields and steps.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Field and step of a frame.
pub(crate) fn place(frame: &Frame) -> (u64, u64) {
    (frame.field, frame.step)
}
