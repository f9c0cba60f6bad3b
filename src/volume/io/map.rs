//! The only place of this module that needs `unsafe`: a read-only memory map, and its bytes seen as
//! samples. `Element::decode` is the safe twin that tests compare with.
#![allow(unsafe_code)]

use std::fs::File;

use memmap2::Mmap;

use super::dtype::Element;
use crate::error::Result;

/// A read-only map of a whole file.
#[derive(Debug)]
pub(super) struct Map(Mmap);

impl Map {
    /// Maps `file`, which must not be empty.
    pub(super) fn new(file: &File) -> Result<Self> {
        // SAFETY: the map is private to this value and only ever read. What cannot be checked is that
        // no other process shortens or rewrites the file meanwhile; this program replaces files by
        // rename, which leaves mapped contents alone, and the documentation of `Input` asks the same
        // of others. Sizes were taken from the map itself, so no read of ours passes its end.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self(map))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `bytes` as samples in the machine's byte order, if they are aligned and a whole number of them.
pub(super) fn cast<T: Element>(bytes: &[u8]) -> Option<&[T]> {
    // SAFETY: `Element` is sealed to f16, f32 and f64, for which every bit pattern is a value, and
    // `align_to` itself keeps alignment and length.
    let (before, samples, after) = unsafe { bytes.align_to::<T>() };
    (before.is_empty() && after.is_empty()).then_some(samples)
}
