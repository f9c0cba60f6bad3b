//! The adaptive state of a brick, and how a difference is coded with it (codec `raster`, section 5).

use crate::base::dtype::Element;
use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};
use crate::codec::raster::MAX_DIFFERENCE;
use crate::codec::raster::contexts::{BINS, EXPONENTS, SIGNS, UNARY, raw_bits};
use crate::codec::raster::walk::Context;

/// All adaptive state of one brick.
#[derive(Debug)]
pub(super) struct DifferenceModel {
    unary: [[Bit; UNARY]; BINS],
    escape: [[Bit; EXPONENTS]; BINS],
    sign: [Bit; SIGNS],
}

impl Default for DifferenceModel {
    fn default() -> Self {
        Self {
            unary: [[Bit::EVEN; UNARY]; BINS],
            escape: [[Bit::EVEN; EXPONENTS]; BINS],
            sign: [Bit::EVEN; SIGNS],
        }
    }
}

/// What stands at a voxel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Symbol {
    /// A difference of so many steps.
    Difference(i32),
    /// The bits of the value.
    Stored(u64),
}

impl DifferenceModel {
    #[inline(always)]
    pub(super) fn encode(&mut self, coder: &mut RangeEncoder, context: Context, difference: i32) {
        let (magnitude, raw) = (difference.unsigned_abs(), raw_bits(context.bin));
        let cell = (magnitude + (1 << raw) - 1) >> raw;
        for (k, state) in (0..).zip(&mut self.unary[context.bin]) {
            coder.bit(state, cell > k);
            if cell <= k {
                break;
            }
        }
        if cell >= UNARY as u32 {
            let rest = cell - UNARY as u32 + 1;
            let exponent = rest.ilog2();
            self.exponent(coder, context.bin, exponent);
            coder.raw(rest, exponent);
        }
        if magnitude > 0 {
            coder.raw(magnitude - 1, raw);
            let state = &mut self.sign[context.sign];
            coder.code(state.probability(), difference < 0);
            state.adapt_sign(difference < 0);
        }
    }

    /// Codes a value as it is.
    #[cold]
    pub(super) fn store<E: Element>(&mut self, coder: &mut RangeEncoder, bin: usize, value: E) {
        for state in &mut self.unary[bin] {
            coder.bit(state, true);
        }
        self.exponent(coder, bin, EXPONENTS as u32);
        for byte in value
            .to_bits64()
            .to_be_bytes()
            .iter()
            .skip(8 - E::DTYPE.size())
        {
            coder.raw(u32::from(*byte), 8);
        }
    }

    fn exponent(&mut self, coder: &mut RangeEncoder, bin: usize, exponent: u32) {
        for (k, state) in (0..=exponent).zip(&mut self.escape[bin]) {
            coder.bit(state, k < exponent);
        }
    }

    /// The next symbol; `None` for a difference above [`MAX_DIFFERENCE`].
    #[inline(always)]
    pub(super) fn decode<E: Element>(
        &mut self,
        coder: &mut RangeDecoder<'_>,
        context: Context,
    ) -> Option<Symbol> {
        let cell = coder.unary(&mut self.unary[context.bin]);
        if cell == 0 {
            return Some(Symbol::Difference(0));
        }
        let mut cell = u64::from(cell);
        if cell == UNARY as u64 {
            let exponent = coder.unary(&mut self.escape[context.bin]);
            if exponent as usize == EXPONENTS {
                return Some(Symbol::Stored(stored::<E>(coder)));
            }
            cell += u64::from(1 << exponent | coder.raw(exponent)) - 1;
        }
        let raw = raw_bits(context.bin);
        let magnitude = ((cell - 1) << raw | u64::from(coder.raw(raw))) + 1;
        let magnitude = i32::try_from(magnitude).ok()?;
        if magnitude > MAX_DIFFERENCE {
            return None;
        }
        let state = &mut self.sign[context.sign];
        let is_negative = coder.decode_even(state.probability());
        state.adapt_sign(is_negative);
        Some(Symbol::Difference(if is_negative {
            -magnitude
        } else {
            magnitude
        }))
    }
}

#[cold]
fn stored<E: Element>(coder: &mut RangeDecoder<'_>) -> u64 {
    (0..E::DTYPE.size()).fold(0, |bits, _| bits << 8 | u64::from(coder.raw(8)))
}
