//! Code lengths of magnitudes, as the quantiser expects them: tables that follow what was quantised in steps, where the coder
//! adapts with every bit.

use crate::codec::ctx::contexts::{BINS, UNARY};
use crate::codec::ctx::cost::{BIT, cost};
use crate::codec::ctx::start::START;

/// Runs of a block's row before the tables are first renewed, and at most between two renewals; the time doubles between
/// both. Chosen on isotropic turbulence and mixing layers (128^3) at 40 and 60 dB: later costs bytes of small bricks, which
/// have nothing but their beginning.
const FIRST_RENEWED: u32 = 2;
const RENEWED_AFTER: u32 = 128;
/// Bits seen that an estimate is trusted for at most, so that it follows the field.
const MOST_SEEN: u32 = 256;
/// Least probability of either value of a bit, in 1/65536.
const MARGIN: u32 = 24;

/// What each cell costs in each bin, and what was seen since that was reckoned.
#[derive(Clone, Debug)]
pub(super) struct CellLengths {
    bins: [BinLengths; BINS],
    /// Runs since the last renewal, and those that the next one comes after.
    runs: u32,
    next: u32,
}

/// The cells of one bin.
#[derive(Clone, Copy, Debug)]
struct BinLengths {
    /// In bits; the last entry is the prefix of an escape.
    bits: [f32; UNARY + 1],
    /// Cells seen since the last renewal.
    counts: [u16; UNARY + 1],
    /// Of each bit: probability of a one in 1/65536, and the bits that it is trusted for.
    states: [(u32, u32); UNARY],
}

impl Default for CellLengths {
    fn default() -> Self {
        let begin = |start: [(u16, u8); UNARY]| {
            let mut bin = BinLengths {
                bits: [0.0; UNARY + 1],
                counts: [0; UNARY + 1],
                states: start.map(|(p, seen)| (u32::from(p), u32::from(seen))),
            };
            bin.renew();
            bin
        };
        Self {
            bins: START.magnitude.map(begin),
            runs: 0,
            next: FIRST_RENEWED,
        }
    }
}

impl CellLengths {
    /// Lengths in bits of the cells of a bin, in their order.
    #[inline(always)]
    pub(super) fn of(&self, bin: usize) -> &[f32; UNARY + 1] {
        &self.bins[bin].bits
    }

    /// Takes note of a cell, at most [`UNARY`].
    #[inline(always)]
    pub(super) fn count(&mut self, bin: usize, cell: usize) {
        // A renewal comes long before this overflows.
        self.bins[bin].counts[cell] += 1;
    }

    /// Takes note that a run of coefficients begins, and renews the tables where it is time.
    #[inline(always)]
    pub(super) fn begin_run(&mut self) {
        self.runs += 1;
        if self.runs == self.next {
            self.renew();
        }
    }

    #[cold]
    fn renew(&mut self) {
        self.runs = 0;
        self.next = (2 * self.next).min(RENEWED_AFTER);
        for bin in &mut self.bins {
            if bin.counts != [0; UNARY + 1] {
                bin.renew();
            }
        }
    }
}

impl BinLengths {
    /// Reckons the lengths anew from what was counted. In integers up to the last step, so that every encoder decides alike.
    fn renew(&mut self) {
        let mut reached: u32 = self.counts.iter().map(|&count| u32::from(count)).sum();
        let mut prefix = 0;
        let cells = self.bits.iter_mut().zip(&mut self.states);
        for ((length, (p, seen)), &ended) in cells.zip(&self.counts) {
            let more = reached - u32::from(ended);
            if reached > 0 {
                // At most 2^16 * (MOST_SEEN + BLOCK * RENEWED_AFTER): below 2^28.
                *p = (*p * *seen + (more << 16)) / (*seen + reached);
                *p = (*p).clamp(MARGIN, 65536 - MARGIN);
                *seen = (*seen + reached).min(MOST_SEEN);
            }
            *length = (prefix + cost(*p, false)) as f32 / BIT as f32;
            prefix += cost(*p, true);
            reached = more;
        }
        self.bits[UNARY] = prefix as f32 / BIT as f32;
        self.counts.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_begin_with_the_start_tables_and_follow_what_is_counted() {
        let mut lengths = CellLengths::default();
        let bit = |(p, _): (u16, u8), one| cost(u32::from(p), one) as f32 / BIT as f32;
        let [first, second, ..] = START.magnitude[3];
        assert_eq!(lengths.of(3)[0], bit(first, false));
        let one = lengths.of(3)[1] - (bit(first, true) + bit(second, false));
        assert!(one.abs() < 1e-5, "{one}");
        let untouched = *lengths.of(4);
        // Three of four are ones: that costs 0.415 bits for each, and 2 for the others.
        for run in 0..4 * RENEWED_AFTER {
            for cell in [1, 1, 0, 1] {
                lengths.count(3, cell);
            }
            lengths.begin_run();
            assert!(run > 0 || lengths.of(3)[0] == bit(first, false));
        }
        let [zero, one, ..] = *lengths.of(3);
        assert!(
            (zero - 2.0).abs() < 0.05 && one > 0.415 && one < 0.48,
            "{zero} {one}"
        );
        assert_eq!(*lengths.of(4), untouched);
    }

    #[test]
    fn a_cell_that_is_always_seen_costs_next_to_nothing_and_others_stay_possible() {
        let mut lengths = CellLengths::default();
        for _ in 0..8 * RENEWED_AFTER {
            for _ in 0..8 {
                lengths.count(39, UNARY);
            }
            lengths.begin_run();
        }
        let bits = lengths.of(39);
        assert!(bits[UNARY] < 0.1 && bits.iter().all(|bits| bits.is_finite() && *bits < 24.0));
    }
}
