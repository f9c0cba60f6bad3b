//! The bytes behind a reader: in memory, or fetched chunk by chunk and held.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::base::error::Result;
use crate::base::source::{ByteSource, in_memory, read_joined};
use crate::container::index::Entry;

/// A file in memory, or a source.
#[derive(Clone, Debug)]
pub(super) enum ChunkSource<'a> {
    Slice(&'a [u8]),
    Source(Arc<dyn ByteSource>),
}

impl ChunkSource<'_> {
    /// All bytes, where they lie in memory.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Slice(bytes) => Some(bytes),
            Self::Source(source) => source.bytes(),
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Slice(bytes) => bytes.len() as u64,
            Self::Source(source) => source.len(),
        }
    }

    /// Copies of ranges, near ones of a source in one go.
    ///
    /// # Errors
    /// Those of the source; `Truncated` for ranges that leave it.
    pub(super) fn copies(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        match self {
            Self::Slice(bytes) => {
                let part = |range: &Range<u64>| in_memory(bytes, range.clone()).map(<[u8]>::to_vec);
                ranges.iter().map(part).collect()
            }
            Self::Source(source) => read_joined(source.as_ref(), ranges),
        }
    }
}

/// Places for chunks that follow each other in a file, header and payload; a chunk stays once it was fetched.
#[derive(Debug, Default)]
pub(super) struct HeldChunks {
    first: usize,
    chunks: Vec<OnceLock<Box<[u8]>>>,
}

impl HeldChunks {
    /// Places for the chunks of these numbers.
    pub(super) fn new(numbers: Range<usize>) -> Self {
        Self {
            first: numbers.start,
            chunks: numbers.map(|_| OnceLock::new()).collect(),
        }
    }

    fn place(&self, number: usize) -> Option<&OnceLock<Box<[u8]>>> {
        self.chunks.get(number.checked_sub(self.first)?)
    }

    /// A chunk, if there is a place for it: fetched now unless it was before.
    ///
    /// # Errors
    /// Those of the source.
    pub(super) fn chunk(
        &self,
        source: &ChunkSource<'_>,
        number: usize,
        entry: &Entry,
    ) -> Result<Option<&[u8]>> {
        let Some(place) = self.place(number) else {
            return Ok(None);
        };
        if let Some(bytes) = place.get() {
            return Ok(Some(bytes));
        }
        let range = entry.offset..entry.end();
        let mut read = source.copies(std::slice::from_ref(&range))?;
        let bytes = read.pop().unwrap_or_default().into_boxed_slice();
        Ok(Some(place.get_or_init(|| bytes)))
    }

    /// Fetches those of the chunks `numbers`, which ascend, that are not there yet.
    ///
    /// # Errors
    /// Those of the source.
    pub(super) fn fetch(
        &self,
        source: &ChunkSource<'_>,
        numbers: &[usize],
        entries: &[Entry],
    ) -> Result<()> {
        let missing = |&number: &usize| {
            let place = self.place(number).filter(|place| place.get().is_none());
            Some((place?, entries.get(number)?))
        };
        let missing: Vec<_> = numbers.iter().filter_map(missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let range = |(_, entry): &(_, &Entry)| entry.offset..entry.end();
        let ranges: Vec<Range<u64>> = missing.iter().map(range).collect();
        let read = source.copies(&ranges)?;
        for ((place, _), bytes) in missing.into_iter().zip(read) {
            // Whoever was faster has read the same.
            let _ = place.set(bytes.into_boxed_slice());
        }
        Ok(())
    }
}
