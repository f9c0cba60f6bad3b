//! Where the bytes of a file lie: in memory, or where ranges of them can be read.

use std::fmt::Debug;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::base::error::{Error, Result};
use crate::base::file::FileBytes;

/// Bytes of which parts can be read in any order: a memory map, a file, an object in a store.
///
/// [`crate::Decoder::from_source`] reads from one. What it needs for a box is asked for in few calls, in ascending
/// ranges that do not touch: neighbours have been joined.
#[allow(clippy::len_without_is_empty)] // an empty one is no file
pub trait ByteSource: Debug + Send + Sync {
    /// Number of bytes.
    fn len(&self) -> u64;

    /// All of them, where they lie in memory: then nothing is copied, and [`ByteSource::read`] is not called.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// The bytes of each range, all of them.
    ///
    /// # Errors
    /// `Io`, and `Truncated` for a range that leaves the source.
    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>>;
}

impl ByteSource for FileBytes {
    fn len(&self) -> u64 {
        self.bytes().len() as u64
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(FileBytes::bytes(self))
    }

    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        let part = |range: &Range<u64>| in_memory(FileBytes::bytes(self), range.clone());
        let parts = ranges.iter().map(part);
        parts.map(|part| part.map(<[u8]>::to_vec)).collect()
    }
}

/// A source that is read through a cursor, by one thread at a time: a file without a map, or whatever else can seek.
#[derive(Debug)]
pub struct SeekSource<R> {
    input: Mutex<R>,
    len: u64,
}

impl<R: Read + Seek> SeekSource<R> {
    /// The bytes from the first to the last that `input` has.
    ///
    /// # Errors
    /// `Io`.
    pub fn new(mut input: R) -> Result<Self> {
        let len = input.seek(SeekFrom::End(0))?;
        let input = Mutex::new(input);
        Ok(Self { input, len })
    }
}

impl<R: Read + Seek + Debug + Send> ByteSource for SeekSource<R> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        // A panic of the input's leaves the cursor anywhere; each range begins with a seek.
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let mut part = |range: &Range<u64>| {
            check(range, self.len)?;
            input.seek(SeekFrom::Start(range.start))?;
            let wanted = range.end - range.start;
            let mut bytes = Vec::new();
            input.by_ref().take(wanted).read_to_end(&mut bytes)?;
            if (bytes.len() as u64) < wanted {
                return Err(short(range, range.start + bytes.len() as u64));
            }
            Ok(bytes)
        };
        ranges.iter().map(&mut part).collect()
    }
}

/// The bytes of a range of a file in memory.
///
/// # Errors
/// `Truncated` where it leaves them.
pub(crate) fn in_memory(bytes: &[u8], range: Range<u64>) -> Result<&[u8]> {
    check(&range, bytes.len() as u64)?;
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let part = bytes.get(place(range.start)..place(range.end));
    part.ok_or_else(|| short(&range, bytes.len() as u64))
}

fn check(range: &Range<u64>, len: u64) -> Result<()> {
    if range.start <= range.end && range.end <= len {
        return Ok(());
    }
    Err(short(range, len))
}

fn short(range: &Range<u64>, end: u64) -> Error {
    Error::truncated(format!(
        "bytes {} to {} expected, the file ends at byte {end}",
        range.start, range.end
    ))
}

/// Bytes between two ranges that are read with them rather than asked for apart: what a server sends in the time of an
/// answer.
const GAP: u64 = 1 << 15;
/// Most bytes of ranges that are joined.
const JOINED: u64 = 1 << 26;

/// Reads ascending ranges, near ones together.
///
/// # Errors
/// Those of the source, and `Truncated` when it gives fewer bytes than it was asked for.
pub(crate) fn read_joined(source: &dyn ByteSource, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        check(range, source.len())?;
        match joined.last_mut() {
            Some(last)
                if range.start >= last.end
                    && range.start - last.end <= GAP
                    && range.end - last.start <= JOINED =>
            {
                last.end = range.end;
            }
            _ => joined.push(range.clone()),
        }
    }
    let read = source.read(&joined)?;
    let mut blocks = joined.iter().zip(&read).peekable();
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        while blocks
            .next_if(|(block, _)| block.end < range.end || block.start > range.start)
            .is_some()
        {}
        let Some((block, bytes)) = blocks.peek() else {
            return Err(short(range, 0));
        };
        let own = range.start - block.start..range.end - block.start;
        parts.push(in_memory(bytes, own)?.to_vec());
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Counts what it is asked for.
    #[derive(Debug)]
    struct Counted {
        bytes: Vec<u8>,
        asked: Mutex<Vec<Range<u64>>>,
    }

    impl ByteSource for Counted {
        fn len(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
            self.asked.lock().unwrap().extend_from_slice(ranges);
            let part = |range: &Range<u64>| in_memory(&self.bytes, range.clone());
            let parts = ranges.iter().map(part);
            parts.map(|part| part.map(<[u8]>::to_vec)).collect()
        }
    }

    proptest! {
        #[test]
        fn joined_ranges_give_what_single_ones_do(
            lengths in prop::collection::vec((0u64..90_000, 0u64..70_000), 0..12),
        ) {
            let mut ranges = Vec::new();
            let mut end = 0;
            for (gap, len) in lengths {
                ranges.push(end + gap..end + gap + len);
                end += gap + len;
            }
            let bytes: Vec<u8> = (0..end).map(|i| ((i * 31) >> 4) as u8).collect();
            let source = Counted { bytes, asked: Mutex::default() };
            let parts = read_joined(&source, &ranges).unwrap();
            let asked = source.asked.lock().unwrap().clone();
            prop_assert!(asked.windows(2).all(|pair| pair[1].start > pair[0].end + GAP));
            for (range, part) in ranges.iter().zip(&parts) {
                prop_assert_eq!(in_memory(&source.bytes, range.clone()).unwrap(), &part[..]);
            }
            let seek = SeekSource::new(std::io::Cursor::new(source.bytes.clone())).unwrap();
            prop_assert_eq!(read_joined(&seek, &ranges).unwrap(), parts);
        }
    }

    #[test]
    fn a_range_that_leaves_the_source_is_truncation() {
        let seek = SeekSource::new(std::io::Cursor::new(vec![1; 10])).unwrap();
        let mapped = FileBytes::from(vec![1; 10]);
        for source in [&seek as &dyn ByteSource, &mapped] {
            for range in [5..11, 11..12, 0..u64::MAX] {
                let error = source.read(std::slice::from_ref(&range)).unwrap_err();
                assert_eq!(error.kind(), crate::ErrorKind::Truncated);
                assert!(read_joined(source, &[range]).is_err());
            }
        }
    }
}
