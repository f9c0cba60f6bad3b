//! Which contexts a brick has: bins of energy, cells of magnitudes, the sizes of the tables.

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
/// Sign contexts of one subband: three neighbours, three states each.
pub(super) const SIGNS: usize = 27;

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

/// Start values of all contexts: probability of a one in 1/65536, and the trust in it.
pub(super) struct Start {
    pub(super) magnitude: [[(u16, u8); UNARY]; BINS],
    pub(super) escape: [[(u16, u8); EXPONENTS]; BINS / ESCAPE_GROUP],
    pub(super) sign: [[(u16, u8); SIGNS]; 8],
}
