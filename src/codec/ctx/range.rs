//! Binary range coder, 32-bit range, byte-wise renormalisation with carry.

use std::hint::select_unpredictable;

use crate::base::error::{Error, Result};
use crate::codec::ctx::model::Bit;

/// The range is kept at or above this.
const FLOOR: u32 = 1 << 24;
/// Raw bits of one step: the range keeps 16 bits, so that rounding costs nothing to speak of.
const RAW_AT_ONCE: u32 = 8;

/// Writes bits, most probable ones cheaply.
#[derive(Debug)]
pub struct RangeEncoder {
    low: u64,
    range: u32,
    /// The last byte not yet written: a carry may still change it.
    cache: u8,
    /// Bytes held back: `cache` and then only `FF`s. The very first is a zero no carry can reach.
    pending: u64,
    out: Vec<u8>,
}

impl Default for RangeEncoder {
    fn default() -> Self {
        Self {
            low: 0,
            range: u32::MAX,
            cache: 0,
            pending: 1,
            out: Vec::new(),
        }
    }
}

impl RangeEncoder {
    /// Codes `bit`, which is one with probability `p / 65536`.
    #[inline(always)]
    pub fn code(&mut self, p: u32, bit: bool) {
        let bound = (self.range >> 16) * p;
        if bit {
            self.range = bound;
        } else {
            self.low += u64::from(bound);
            self.range -= bound;
        }
        self.normalise();
    }

    /// Codes `bit` with the adaptive probability `state`, and adapts it.
    #[inline(always)]
    pub fn bit(&mut self, state: &mut Bit, bit: bool) {
        self.code(state.probability(), bit);
        state.adapt(bit);
    }

    /// Codes the `count` low bits of `value` as evenly distributed, highest first.
    #[inline]
    pub fn raw(&mut self, value: u32, count: u32) {
        let mut left = count;
        while left > 0 {
            let taken = left.min(RAW_AT_ONCE);
            left -= taken;
            let part = value >> left & ((1 << taken) - 1);
            self.range >>= taken;
            self.low += u64::from(part) * u64::from(self.range);
            self.normalise();
        }
    }

    #[inline(always)]
    fn normalise(&mut self) {
        while self.range < FLOOR {
            self.range <<= 8;
            self.shift_low();
        }
    }

    /// Moves the top byte of `low` out, resolving carries.
    fn shift_low(&mut self) {
        let carry = (self.low >> 32) as u8;
        if carry == 1 || (self.low as u32) < 0xFF00_0000 {
            self.out.push(self.cache.wrapping_add(carry));
            for _ in 1..self.pending {
                self.out.push(0xFFu8.wrapping_add(carry));
            }
            self.cache = (self.low >> 24) as u8;
            self.pending = 0;
        }
        self.pending += 1;
        self.low = (self.low & 0x00FF_FFFF) << 8;
    }

    /// Ends the stream. The decoder reads zeros past the end, so the shortest number inside the
    /// final interval is chosen and its trailing zeros are dropped, as is the zero in front. Only the
    /// decoder's look-ahead of four bytes may be missing: more would look like an early end.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let least = self.out.len() as u64 + self.pending - 1;
        let last = self.low + u64::from(self.range) - 1;
        for bits in (0..=32).rev() {
            let value = last >> bits << bits;
            if value >= self.low {
                self.low = value;
                break;
            }
        }
        for _ in 0..5 {
            self.shift_low();
        }
        self.out.drain(..1);
        while self.out.len() as u64 > least && self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

/// Reads what [`RangeEncoder`] wrote.
#[derive(Debug)]
pub struct RangeDecoder<'a> {
    code: u32,
    range: u32,
    bytes: &'a [u8],
    next: usize,
}

impl<'a> RangeDecoder<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self {
            code: 0,
            range: u32::MAX,
            bytes,
            next: 0,
        };
        for _ in 0..4 {
            decoder.code = decoder.code << 8 | decoder.byte();
        }
        decoder
    }

    #[inline(always)]
    fn byte(&mut self) -> u32 {
        let byte = self.bytes.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        u32::from(byte)
    }

    /// Whether more bytes were consumed than a well-formed stream can need: at most the four bytes
    /// of look-ahead may lie past the end.
    #[must_use]
    pub fn overran(&self) -> bool {
        self.next > self.bytes.len() + 4
    }

    /// Checks after the last bit that the stream ends here, in the one form the encoder gives it.
    ///
    /// # Errors
    /// `Corrupt` when `what` ended early or bytes are left over.
    pub fn check_end(&self, what: &str) -> Result<()> {
        if self.overran() {
            return Err(Error::corrupt(format!("{what} ends early")));
        }
        let padded = self.bytes.last() == Some(&0) && self.next < self.bytes.len() + 4;
        if self.next < self.bytes.len() || padded {
            return Err(Error::corrupt(format!("bytes found behind {what}")));
        }
        Ok(())
    }

    /// Decodes one bit that is one with probability `p / 65536`.
    #[inline(always)]
    pub fn decode(&mut self, p: u32) -> bool {
        let bound = (self.range >> 16) * p;
        let bit = self.code < bound;
        if bit {
            self.range = bound;
        } else {
            self.code -= bound;
            self.range -= bound;
        }
        self.normalise();
        bit
    }

    /// As [`RangeDecoder::decode`], for bits that branch prediction gets wrong half of the time: without a
    /// branch.
    #[inline(always)]
    pub(crate) fn decode_even(&mut self, p: u32) -> bool {
        let bound = (self.range >> 16) * p;
        let bit = self.code < bound;
        let rest = (self.code.wrapping_sub(bound), self.range - bound);
        (self.code, self.range) = select_unpredictable(bit, (self.code, bound), rest);
        self.normalise();
        bit
    }

    /// Decodes one bit with the adaptive probability `state`, and adapts it.
    #[inline(always)]
    pub fn bit(&mut self, state: &mut Bit) -> bool {
        let bit = self.decode(state.probability());
        state.adapt(bit);
        bit
    }

    /// Decodes a unary number: a bit of each state while they are ones.
    #[inline(always)]
    pub(crate) fn unary(&mut self, states: &mut [Bit]) -> u32 {
        let mut count = 0;
        for state in states {
            if !self.bit(state) {
                break;
            }
            count += 1;
        }
        count
    }

    /// Decodes `count` evenly distributed bits, highest first.
    #[inline]
    pub fn raw(&mut self, count: u32) -> u32 {
        let mut value = 0;
        let mut left = count;
        while left > 0 {
            let taken = left.min(RAW_AT_ONCE);
            left -= taken;
            self.range >>= taken;
            // Above the mask only in bytes that no encoder wrote.
            let part = (self.code / self.range).min((1 << taken) - 1);
            self.code -= part * self.range;
            value = value << taken | part;
            self.normalise();
        }
        value
    }

    #[inline(always)]
    fn normalise(&mut self) {
        while self.range < FLOOR {
            self.range <<= 8;
            self.code = self.code << 8 | self.byte();
        }
    }
}
