//! Rate-distortion-optimised quantisation: greedy, coefficient by coefficient, at the cost that the
//! adaptive model has at that moment: later coefficients are priced by what earlier ones taught it.

use crate::base::real::Real;
use crate::codec::ctx::contexts::{UNARY, cell, raw_bits};
use crate::codec::ctx::cost::{BIT, cost};
use crate::codec::ctx::model::BrickModel;
use crate::codec::ctx::scan::{GridLayout, SignContext, Symbols, scan};
use crate::codec::ctx::{BLOCK, MAX_MAGNITUDE};

/// Blocks whose largest `|residual| / step` is below this are zero without a closer look.
const SKIP_BELOW: f32 = 0.62;
/// A value this far above the next lower integer is always rounded up.
const ROUND_UP_FROM: f32 = 0.9;

/// How residuals become integers.
#[derive(Clone, Copy, Debug)]
pub struct Quantiser<T> {
    /// `1 / step`, in the inverse unit of the residual.
    pub inverse_step: T,
    /// Price of one bit in units of `step^2`; 0 rounds to nearest.
    pub lambda: f32,
    /// Distance of a decoded magnitude below its integer, in steps.
    pub shrink: f32,
}

/// What one block costs: the terms of the Lagrangian, distortion in units of `step^2`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BlockCost {
    /// Code length in bits, when stored.
    pub bits: f32,
    /// Squared error when stored.
    pub stored: f32,
    /// Squared error when left out.
    pub left_out: f32,
}

/// Quantises the grids of one brick, one after the other, as [`crate::codec::ctx::BrickEncoder`] will code them.
#[derive(Debug)]
pub struct BrickQuantiser<T> {
    quantiser: Quantiser<T>,
    model: BrickModel,
}

impl<T: Real> BrickQuantiser<T> {
    /// Starts a brick.
    #[must_use]
    pub fn new(quantiser: Quantiser<T>) -> Self {
        Self {
            quantiser,
            model: BrickModel::default(),
        }
    }

    /// Quantises a grid of residuals (same order as the coefficients).
    ///
    /// Writes the integers to `coefficients`, adds to `costs` (one entry per block) and clears
    /// entries of `active` for blocks that are zero at first sight; blocks inactive before stay so.
    /// Returns `None` when a magnitude passes [`MAX_MAGNITUDE`].
    pub fn grid(
        &mut self,
        layout: &GridLayout,
        residuals: &[T],
        active: &mut [bool],
        coefficients: &mut [i32],
        costs: &mut [BlockCost],
    ) -> Option<()> {
        debug_assert_eq!(residuals.len(), layout.len());
        survey(
            layout,
            residuals,
            self.quantiser.inverse_step,
            active,
            costs,
        )?;
        coefficients.fill(0);
        let mut search = CandidateChoice {
            residuals,
            quantiser: self.quantiser,
            model: &mut self.model,
            costs,
            block: 0,
        };
        scan(layout, active, coefficients, &mut search);
        Some(())
    }
}

/// Finds the blocks that are zero at first sight and the error of leaving each block out.
fn survey<T: Real>(
    layout: &GridLayout,
    residuals: &[T],
    inverse_step: T,
    active: &mut [bool],
    costs: &mut [BlockCost],
) -> Option<()> {
    let mut largest = vec![0f32; layout.block_count()];
    let [_, by, bx] = layout.blocks;
    let mut first = 0;
    for band in &layout.bands {
        let [_, ny, nx] = band.dims;
        let rows = residuals[first..][..band.len()].chunks_exact(nx.max(1));
        for (i, row) in rows.enumerate() {
            let (z, y) = (i / ny, i % ny);
            let block = (z / BLOCK * by + y / BLOCK) * bx;
            for (b, run) in row.chunks(BLOCK).enumerate() {
                let mut peak = 0f32;
                let mut energy = 0f32;
                for &r in run {
                    let a = (r * inverse_step).abs().to_f32();
                    peak = peak.max(a);
                    energy += a * a;
                }
                largest[block + b] = largest[block + b].max(peak);
                costs[block + b].left_out += energy;
            }
        }
        first += band.len();
    }
    for ((active, cost), &peak) in active.iter_mut().zip(costs).zip(&largest) {
        if peak.is_nan() || peak >= MAX_MAGNITUDE as f32 {
            return None;
        }
        if peak < SKIP_BELOW {
            *active = false;
        }
        if !*active {
            cost.stored = cost.left_out;
        }
    }
    Some(())
}

/// What the symbols of a block become, one after the other.
struct CandidateChoice<'a, T> {
    residuals: &'a [T],
    quantiser: Quantiser<T>,
    model: &'a mut BrickModel,
    costs: &'a mut [BlockCost],
    block: usize,
}

impl<T: Real> CandidateChoice<'_, T> {
    /// The candidate with the least error plus price, among the nearest integer, the one below and
    /// zero.
    #[inline(always)]
    fn choose(&self, a: f32, nearest: u32, bin: usize) -> u32 {
        let Quantiser { lambda, shrink, .. } = self.quantiser;
        let raw_bits = raw_bits(bin);
        let top = cell(nearest, raw_bits);
        let certain = a >= nearest as f32 - (1.0 - ROUND_UP_FROM);
        if lambda == 0.0 || certain || top as usize >= UNARY {
            return nearest;
        }
        let bits = &self.model.magnitude[bin];
        let mut prefix = 0;
        let mut best = (f32::INFINITY, 0);
        for c in 0..=top {
            let p = bits[c as usize].probability();
            // The largest candidate of the cell; the one below the nearest in the same cell costs the same.
            let m = (c << raw_bits).min(nearest);
            if m == 0 || m + 1 >= nearest {
                let rest = if m > 0 { (1 + raw_bits) * BIT } else { 0 };
                let length = (prefix + cost(p, false) + rest) as f32 / BIT as f32;
                let decoded = if m > 0 { m as f32 - shrink } else { 0.0 };
                let price = (a - decoded) * (a - decoded) + lambda * length;
                if price < best.0 {
                    best = (price, m);
                }
            }
            prefix += cost(p, true);
        }
        best.1
    }
}

impl<T: Real> Symbols for CandidateChoice<'_, T> {
    fn enter_block(&mut self, block: usize) {
        self.block = block;
    }

    #[inline(always)]
    fn code(&mut self, at: usize, bin: usize, _: i32, sign: impl FnOnce() -> SignContext) -> i32 {
        let scaled = self.residuals[at] * self.quantiser.inverse_step;
        let a = scaled.abs();
        let nearest = (a + T::from_f64(0.5)).to_i32() as u32;
        let fraction_of = a.to_f32();
        let magnitude = match nearest {
            0 => 0,
            _ => self.choose(fraction_of, nearest, bin),
        };
        let raw_bits = raw_bits(bin);
        let cell = cell(magnitude, raw_bits) as usize;
        let mut length = 0;
        for (k, state) in self.model.magnitude[bin].iter_mut().enumerate() {
            let more = cell > k;
            length += cost(state.probability(), more);
            state.adapt(more);
            if !more {
                break;
            }
        }
        if cell >= UNARY {
            length += (2 * (cell - UNARY + 1).ilog2() + 1) * BIT;
        }
        let negative = scaled < T::ZERO;
        if magnitude > 0 {
            let SignContext { band, context } = sign();
            let state = &mut self.model.sign[band][context];
            length += cost(state.probability(), negative) + raw_bits * BIT;
            state.adapt_sign(negative);
        }
        let decoded = T::from_i32(magnitude as i32) - T::from_f64(f64::from(self.quantiser.shrink));
        let error = if magnitude > 0 {
            (a - decoded).to_f32()
        } else {
            fraction_of
        };
        let cost = &mut self.costs[self.block];
        cost.bits += length as f32 / BIT as f32;
        cost.stored += error * error;
        if negative {
            -(magnitude as i32)
        } else {
            magnitude as i32
        }
    }
}
