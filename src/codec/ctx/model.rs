//! Adaptive bit probabilities and the state of all contexts of one brick.

use crate::codec::ctx::contexts::{BINS, ESCAPE_GROUP, EXPONENTS, SIGNS, UNARY};
use crate::codec::ctx::start::START;

/// Least probability of either value, in 1/65536.
const MARGIN: u32 = 24;

/// Rates in 1/4096 by the number of bits seen: fast start, then the floor of each speed.
const fn rates(floor: u32) -> [u16; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let start = 2 * 4096 / (2 * n as u32 + 3);
        table[n] = if start > 4096 / floor {
            start
        } else {
            4096 / floor
        } as u16;
        n += 1;
    }
    table
}
/// Of the fast and the slow estimate.
static RATES: [[u16; 2]; 256] = pairs(rates(32), rates(256));
static SIGN_RATES: [u16; 256] = rates(128);

const fn pairs(fast: [u16; 256], slow: [u16; 256]) -> [[u16; 2]; 256] {
    let mut table = [[0; 2]; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = [fast[n], slow[n]];
        n += 1;
    }
    table
}

/// Fraction bits of an estimate; the coder sees the upper 16.
const PRECISION: u32 = 20;
/// Certainty.
const ONE: u32 = 1 << PRECISION;

/// The probability of a one, as the mean of a fast and a slow estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bit {
    fast: u32,
    slow: u32,
    seen: u8,
}

impl Bit {
    /// Even odds, nothing seen.
    pub const EVEN: Self = Self::started(1 << 15, 0);

    /// Probability `p / 65536` of a one, trusted like `seen` bits already seen.
    pub(super) const fn started(p: u16, seen: u8) -> Self {
        let p = (p as u32) << (PRECISION - 16);
        Self {
            fast: p,
            slow: p,
            seen,
        }
    }

    /// Probability of a one in 1/65536, kept away from certainty.
    #[inline(always)]
    pub(crate) fn probability(self) -> u32 {
        ((self.fast + self.slow) >> (PRECISION - 15)).clamp(MARGIN, 65536 - MARGIN)
    }

    #[inline(always)]
    pub(super) fn adapt(&mut self, bit: bool) {
        let [fast, slow] = RATES[usize::from(self.seen)];
        self.fast = step(self.fast, fast, bit);
        self.slow = step(self.slow, slow, bit);
        self.seen = self.seen.saturating_add(1);
    }

    /// Adapts a sign probability: one estimate, kept within 1 and 99 %.
    #[inline(always)]
    pub(crate) fn adapt_sign(&mut self, bit: bool) {
        let rate = SIGN_RATES[usize::from(self.seen)];
        let p = step(self.slow, rate, bit).clamp(ONE / 100, ONE - ONE / 100);
        *self = Self {
            fast: p,
            slow: p,
            seen: self.seen.saturating_add(1),
        };
    }
}

#[inline(always)]
fn step(p: u32, rate: u16, bit: bool) -> u32 {
    let rate = u32::from(rate);
    if bit {
        p + (((ONE - p) * rate) >> 12)
    } else {
        p - ((p * rate) >> 12)
    }
}

/// All adaptive state of one brick. A brick starts from trained tables and ends with its bytes.
#[derive(Clone, Debug)]
pub(super) struct BrickModel {
    pub(super) magnitude: [[Bit; UNARY]; BINS],
    pub(super) escape: [[Bit; EXPONENTS]; BINS / ESCAPE_GROUP],
    pub(super) sign: SignModel,
}

/// By subband (bits of its high-pass axes) and sign context.
pub(super) type SignModel = [[Bit; SIGNS]; 8];

impl Default for BrickModel {
    fn default() -> Self {
        let mut model = Self {
            magnitude: [[Bit::EVEN; UNARY]; BINS],
            escape: [[Bit::EVEN; EXPONENTS]; BINS / ESCAPE_GROUP],
            sign: [[Bit::EVEN; SIGNS]; 8],
        };
        begin(&mut model.magnitude, &START.magnitude);
        begin(&mut model.escape, &START.escape);
        begin(&mut model.sign, &START.sign);
        model
    }
}

fn begin<const N: usize>(bits: &mut [[Bit; N]], start: &[[(u16, u8); N]]) {
    for (bit, &(p, seen)) in bits.as_flattened_mut().iter_mut().zip(start.as_flattened()) {
        *bit = Bit::started(p, seen);
    }
}

impl BrickModel {
    /// Escape probabilities for an energy bin.
    pub(super) fn escape(&mut self, bin: usize) -> &mut [Bit; EXPONENTS] {
        &mut self.escape[bin / ESCAPE_GROUP]
    }
}
