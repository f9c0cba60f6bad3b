//! Counts of every coded bit by context: what the start tables are trained from.

use crate::codec::ctx::contexts::{BINS, ESCAPE_GROUP, EXPONENTS, SIGNS, UNARY, cell, raw_bits};
use crate::codec::ctx::scan::{GridLayout, SignContext, Symbols, scan};

/// Zeros and ones seen by one adaptive bit.
pub type Count = [u32; 2];

/// Counts of one brick.
#[derive(Clone, Debug)]
pub struct Census {
    /// By energy bin and cell.
    pub magnitude: [[Count; UNARY]; BINS],
    /// By group of energy bins and exponent.
    pub escape: [[Count; EXPONENTS]; BINS / ESCAPE_GROUP],
    /// By subband and sign context; a one is a negative coefficient.
    pub sign: [[Count; SIGNS]; 8],
}

impl Default for Census {
    fn default() -> Self {
        Self {
            magnitude: [[[0; 2]; UNARY]; BINS],
            escape: [[[0; 2]; EXPONENTS]; BINS / ESCAPE_GROUP],
            sign: [[[0; 2]; SIGNS]; 8],
        }
    }
}

impl Census {
    /// Counts what coding this grid would code.
    pub fn grid(&mut self, layout: &GridLayout, active: &[bool], coefficients: &mut [i32]) {
        scan(layout, active, coefficients, self);
    }
}

fn count(state: &mut Count, bit: bool) {
    let [zeros, ones] = state;
    *(if bit { ones } else { zeros }) += 1;
}

impl Symbols for Census {
    fn enter_block(&mut self, _: usize) {}

    fn code(
        &mut self,
        _: usize,
        bin: usize,
        current: i32,
        sign: impl FnOnce() -> SignContext,
    ) -> i32 {
        let cell = cell(current.unsigned_abs(), raw_bits(bin)) as usize;
        for (k, state) in self.magnitude[bin].iter_mut().enumerate().take(cell + 1) {
            count(state, cell > k);
        }
        if cell >= UNARY {
            let exponent = (cell - UNARY + 1).ilog2() as usize;
            let states = &mut self.escape[bin / ESCAPE_GROUP];
            for (k, state) in states.iter_mut().enumerate().take(exponent + 1) {
                count(state, k < exponent);
            }
        }
        if current != 0 {
            let SignContext { band, context } = sign();
            count(&mut self.sign[band][context], current < 0);
        }
        current
    }
}
