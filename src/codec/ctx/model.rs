//! Adaptive bit probabilities and the set of contexts of one brick.

use crate::codec::ctx::start::START;

/// Energy bins: `floor(4 log2(1 + n / 4))` for a weighted neighbour sum `n` below [`MAX_ENERGY`].
pub(super) const BINS: usize = 40;
/// Neighbour sums are clamped below this: the last bin ends here.
pub(super) const MAX_ENERGY: usize = 4092;
/// Cells below this are unary; the rest is an escape.
pub(super) const UNARY: usize = 12;
/// From this bin on cells hold several magnitudes: twice as many every four bins, as the mean grows.
const FIRST_WIDE_BIN: usize = 16;
/// Escape exponents: magnitudes stay below 2^24.
pub(super) const EXPONENTS: usize = 24;
/// Bins that share one set of escape probabilities.
pub(super) const ESCAPE_GROUP: usize = 8;
/// Least probability of either value, in 1/65536.
const MARGIN: u32 = 24;
/// Sign contexts of one subband: three neighbours, three states each.
pub(super) const SIGNS: usize = 27;

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
    pub(super) fn probability(self) -> u32 {
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
    pub(super) fn adapt_sign(&mut self, bit: bool) {
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

/// Energy bin of every neighbour sum.
pub(super) static BIN: [u8; MAX_ENERGY + 1] = bins();

/// `floor(4 log2(1 + n / 4))` in integers: bin `b` starts where `(n + 4)^4 >= 4^4 2^b`.
const fn bins() -> [u8; MAX_ENERGY + 1] {
    let mut table = [0; MAX_ENERGY + 1];
    let mut n = 0;
    let mut bin = 0;
    while n <= MAX_ENERGY {
        let m = (n + 4) as u128;
        while bin + 1 < BINS && m * m * m * m >= 256u128 << (bin + 1) {
            bin += 1;
        }
        table[n] = bin as u8;
        n += 1;
    }
    table
}

/// Bits of a magnitude that are not modelled in this bin: within a cell, whose width stays below the mean
/// of the neighbours, magnitudes are about equally frequent.
#[inline(always)]
pub(super) const fn raw_bits(bin: usize) -> u32 {
    match bin {
        0..FIRST_WIDE_BIN => 0,
        _ => (bin as u32 - FIRST_WIDE_BIN as u32) / 4 + 1,
    }
}

/// The cell of a magnitude: 0 is one of its own, cell `c` holds the `2^raw_bits` magnitudes from
/// `((c - 1) << raw_bits) + 1` on.
#[inline(always)]
pub(super) const fn cell(magnitude: u32, raw_bits: u32) -> u32 {
    (magnitude + (1 << raw_bits) - 1) >> raw_bits
}

/// All adaptive state of one brick. A brick starts from trained tables and ends with its bytes.
#[derive(Clone, Debug)]
pub(super) struct BrickModel {
    pub(super) magnitude: [[Bit; UNARY]; BINS],
    pub(super) escape: [[Bit; EXPONENTS]; BINS / ESCAPE_GROUP],
    /// By subband (bits of its high-pass axes) and sign context.
    pub(super) sign: [[Bit; SIGNS]; 8],
}

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

/// Start values of a [`BrickModel`]: probability of a one in 1/65536, and the trust in it.
pub(super) struct Start {
    pub(super) magnitude: [[(u16, u8); UNARY]; BINS],
    pub(super) escape: [[(u16, u8); EXPONENTS]; BINS / ESCAPE_GROUP],
    pub(super) sign: [[(u16, u8); SIGNS]; 8],
}
