//! Bits of a brick that are not modelled, in a stream of their own (codec `raster`, section 7).

#![deny(clippy::indexing_slicing)]

use crate::base::error::{Error, Result};

/// Most bits that are held between calls.
const HELD: u32 = 7;

/// Writes numbers of some bits each, lowest bit first.
#[derive(Debug, Default)]
pub(super) struct TailWriter {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl TailWriter {
    /// Writes the `count` low bits of `value`, at most 56.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u64, count: u32) {
        debug_assert!(count < 64 - HELD);
        self.held |= (value & ((1 << count) - 1)) << self.count;
        self.count += count;
        while self.count > HELD {
            self.bytes.push(self.held.to_le_bytes()[0]);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// All bytes; bits of 0 fill the last.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.held.to_le_bytes()[0]);
        }
        self.bytes
    }
}

/// Reads what [`TailWriter`] wrote.
#[derive(Debug)]
pub(super) struct TailReader<'a> {
    bytes: &'a [u8],
    /// The place of the next bit.
    next: usize,
}

impl<'a> TailReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0 }
    }

    /// The next `count` bits, at most 56; zeros past the end.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u64 {
        debug_assert!(count < 64 - HELD);
        let (byte, bit) = (self.next / 8, self.next % 8);
        self.next += count as usize;
        let rest = self.bytes.get(byte..).unwrap_or(&[]);
        let wide = match rest.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => last(rest),
        };
        wide >> bit & ((1 << count) - 1)
    }

    /// Whether more was taken than there is.
    pub(super) fn overran(&self) -> bool {
        self.next > 8 * self.bytes.len()
    }

    /// Checks that all was taken.
    ///
    /// # Errors
    /// `Corrupt` when bytes are missing or left, or the last bits are not 0.
    pub(super) fn check_end(&self) -> Result<()> {
        let (used, left) = (self.next.div_ceil(8), self.next % 8);
        let ends = used == self.bytes.len();
        let is_filled = left > 0 && self.bytes.last().is_some_and(|last| last >> left != 0);
        if !ends || is_filled {
            return Err(Error::corrupt(format!(
                "{used} bytes of tails expected that end with bits of 0, {} found",
                self.bytes.len()
            )));
        }
        Ok(())
    }
}

/// Fewer than eight bytes as a number.
#[cold]
fn last(bytes: &[u8]) -> u64 {
    let highest_first = bytes.iter().rev();
    highest_first.fold(0, |wide, byte| wide << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_width_come_back() {
        let numbers: Vec<(u64, u32)> = (0..400u64)
            .map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15), (i * 7 % 57) as u32))
            .collect();
        let mut writer = TailWriter::default();
        for (value, count) in &numbers {
            writer.put(*value, *count);
        }
        let bytes = writer.finish();
        let mut reader = TailReader::new(&bytes);
        for (value, count) in &numbers {
            assert_eq!(reader.take(*count), value & ((1 << count) - 1));
        }
        assert!(!reader.overran());
        assert!(reader.check_end().is_ok());
        let longer = [&bytes[..], &[0]].concat();
        let mut reader = TailReader::new(&longer);
        for (_, count) in &numbers {
            reader.take(*count);
        }
        assert!(reader.check_end().is_err());
        reader.take(17);
        assert!(reader.overran());
    }
}
