//! The adaptive state of a brick, and how a difference is coded with it (codec `raster`, section 5).

use crate::base::dtype::Element;
use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};
use crate::codec::raster::MAX_DIFFERENCE;
use crate::codec::raster::contexts::{BINS, EXPONENTS, SIGNS, UNARY, raw_bits};

/// Unary bits that know how far a prediction is from a whole number.
const FIRST: usize = 2;
/// Classes of this distance, and of the side that the prediction is on.
const DISTANCES: usize = 3;
const SIDES: usize = 5;

/// All adaptive state of one brick.
#[derive(Debug)]
pub(super) struct DifferenceModel {
    /// The first unary bits, by how far the prediction is from a whole number.
    first: [[[Bit; FIRST]; BINS]; DISTANCES],
    unary: [[Bit; UNARY - FIRST]; BINS],
    escape: [[Bit; EXPONENTS]; BINS],
    /// By the side of a whole number that the prediction is on.
    sign: [[Bit; SIGNS]; SIDES],
}

impl Default for DifferenceModel {
    fn default() -> Self {
        Self {
            first: [[[Bit::EVEN; FIRST]; BINS]; DISTANCES],
            unary: [[Bit::EVEN; UNARY - FIRST]; BINS],
            escape: [[Bit::EVEN; EXPONENTS]; BINS],
            sign: [[Bit::EVEN; SIGNS]; SIDES],
        }
    }
}

/// How far a prediction is from the whole number that differences are added to, and on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    distance: usize,
    side: usize,
}

impl Rest {
    /// Of predictions that are not rounded.
    pub(super) const NONE: Self = Self {
        distance: 0,
        side: SIDES / 2,
    };

    /// Of what was rounded off, from -1/2 to 1/2.
    #[inline(always)]
    pub(super) fn new(rest: f64) -> Self {
        // 0, 1 and 2 by sixths, and -2 to 2 by fifths; casts cut off towards 0.
        let distance = (rest.abs() * 6.0) as usize;
        let side = (rest * 5.0 + 2.5) as usize;
        Self {
            distance: distance.min(DISTANCES - 1),
            side: side.min(SIDES - 1),
        }
    }
}

/// The states that a difference is coded with.
#[derive(Clone, Copy, Debug)]
pub(super) struct States {
    pub(super) bin: usize,
    pub(super) rest: Rest,
    pub(super) sign: usize,
    /// Bits of a magnitude that are not modelled.
    pub(super) raw: u32,
}

impl States {
    /// Those of a bin of steps.
    #[inline(always)]
    pub(super) fn of_steps(bin: usize, sign: usize, rest: Rest) -> Self {
        let raw = raw_bits(bin);
        Self {
            bin,
            rest,
            sign,
            raw,
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
    pub(super) fn encode(&mut self, coder: &mut RangeEncoder, states: States, difference: i32) {
        let (magnitude, raw) = (difference.unsigned_abs(), states.raw);
        let cell = (magnitude + (1 << raw) - 1) >> raw;
        let unary = self.unary(states.rest.distance, states.bin);
        for (k, state) in (0..).zip(unary) {
            coder.bit(state, cell > k);
            if cell <= k {
                break;
            }
        }
        if cell >= UNARY as u32 {
            let rest = cell - UNARY as u32 + 1;
            let exponent = rest.ilog2();
            self.exponent(coder, states.bin, exponent);
            coder.raw(rest, exponent);
        }
        if magnitude > 0 {
            coder.raw(magnitude - 1, raw);
            let state = &mut self.sign[states.rest.side][states.sign];
            coder.code(state.probability(), difference < 0);
            state.adapt_sign(difference < 0);
        }
    }

    /// Codes a value as it is.
    #[cold]
    pub(super) fn store<E: Element>(&mut self, coder: &mut RangeEncoder, states: States, value: E) {
        let States { bin, rest, .. } = states;
        for state in self.unary(rest.distance, bin) {
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

    #[inline(always)]
    fn unary(&mut self, distance: usize, bin: usize) -> impl Iterator<Item = &mut Bit> {
        self.first[distance][bin]
            .iter_mut()
            .chain(&mut self.unary[bin])
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
        states: States,
    ) -> Option<Symbol> {
        let mut cell = coder.unary(&mut self.first[states.rest.distance][states.bin]);
        if cell == 0 {
            return Some(Symbol::Difference(0));
        }
        if cell == FIRST as u32 {
            cell += coder.unary(&mut self.unary[states.bin]);
        }
        let mut cell = u64::from(cell);
        if cell == UNARY as u64 {
            let exponent = coder.unary(&mut self.escape[states.bin]);
            if exponent as usize == EXPONENTS {
                return Some(Symbol::Stored(stored::<E>(coder)));
            }
            cell += u64::from(1 << exponent | coder.raw(exponent)) - 1;
        }
        let raw = states.raw;
        let magnitude = ((cell - 1) << raw | u64::from(coder.raw(raw))) + 1;
        let magnitude = i32::try_from(magnitude).ok()?;
        if magnitude > MAX_DIFFERENCE {
            return None;
        }
        let state = &mut self.sign[states.rest.side][states.sign];
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
