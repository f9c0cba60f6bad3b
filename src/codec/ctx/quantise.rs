//! Rate-distortion-optimised quantisation: greedy, coefficient by coefficient, at the cost in tables that
//! follow the coder's model: later coefficients are priced by what earlier ones taught it.

use crate::base::real::Real;
use crate::codec::ctx::contexts::{UNARY, cell, raw_bits};
use crate::codec::ctx::cost::{BIT, cost};
use crate::codec::ctx::lengths::CellLengths;
use crate::codec::ctx::model::{BrickModel, SignModel};
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
    lengths: CellLengths,
    signs: SignModel,
}

impl<T: Real> BrickQuantiser<T> {
    /// Starts a brick.
    #[must_use]
    pub fn new(quantiser: Quantiser<T>) -> Self {
        Self {
            quantiser,
            lengths: CellLengths::default(),
            signs: BrickModel::default().sign,
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
            lengths: &mut self.lengths,
            signs: &mut self.signs,
            costs,
            block: 0,
            bits: 0.0,
            error: 0.0,
        };
        scan(layout, active, coefficients, &mut search);
        if !search.costs.is_empty() {
            search.end_run();
        }
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
    lengths: &'a mut CellLengths,
    signs: &'a mut SignModel,
    costs: &'a mut [BlockCost],
    block: usize,
    /// What the run being quantised adds to the costs of `block`.
    bits: f32,
    error: f32,
}

impl<T: Real> CandidateChoice<'_, T> {
    /// The candidate with the least error plus price, among the nearest integer, the one below and
    /// zero.
    #[inline(always)]
    fn choose(&self, a: f32, nearest: u32, bin: usize) -> u32 {
        let Quantiser { lambda, shrink, .. } = self.quantiser;
        let raw_bits = raw_bits(bin);
        let certain = a >= nearest as f32 - (1.0 - ROUND_UP_FROM);
        if certain || lambda == 0.0 || cell(nearest, raw_bits) as usize >= UNARY {
            return nearest;
        }
        let lengths = self.lengths.of(bin);
        let price = |m: u32| {
            let error = a - (m as f32 - shrink);
            let length = lengths[cell(m, raw_bits) as usize] + (1 + raw_bits) as f32;
            error * error + lambda * length
        };
        let mut best = (a * a + lambda * lengths[0], 0);
        for m in [nearest - 1, nearest] {
            if m > 0 && price(m) < best.0 {
                best = (price(m), m);
            }
        }
        best.1
    }

    /// Adds the costs of the run that ends here to those of its block.
    #[inline(always)]
    fn end_run(&mut self) {
        let cost = &mut self.costs[self.block];
        cost.bits += std::mem::take(&mut self.bits);
        cost.stored += std::mem::take(&mut self.error);
    }
}

impl<T: Real> Symbols for CandidateChoice<'_, T> {
    fn enter_block(&mut self, block: usize) {
        self.end_run();
        self.lengths.begin_run();
        self.block = block;
    }

    #[inline(always)]
    fn code(&mut self, at: usize, bin: usize, _: i32, sign: impl FnOnce() -> SignContext) -> i32 {
        let scaled = self.residuals[at] * self.quantiser.inverse_step;
        let a = scaled.abs();
        let nearest = (a + T::from_f64(0.5)).to_i32() as u32;
        let magnitude = match nearest {
            0 => 0,
            _ => self.choose(a.to_f32(), nearest, bin),
        };
        if magnitude == 0 {
            let error = a.to_f32();
            self.lengths.count(bin, 0);
            self.bits += self.lengths.of(bin)[0];
            self.error += error * error;
            return 0;
        }
        let raw_bits = raw_bits(bin);
        let cell = cell(magnitude, raw_bits) as usize;
        let prefix = cell.min(UNARY);
        self.lengths.count(bin, prefix);
        let negative = scaled < T::ZERO;
        let SignContext { band, context } = sign();
        let state = &mut self.signs[band][context];
        let sign = cost(state.probability(), negative) as f32 / BIT as f32;
        state.adapt_sign(negative);
        self.bits += self.lengths.of(bin)[prefix] + raw_bits as f32 + sign;
        if cell >= UNARY {
            self.bits += (2 * (cell - UNARY + 1).ilog2() + 1) as f32;
        }
        let decoded = T::from_i32(magnitude as i32) - T::from_f64(f64::from(self.quantiser.shrink));
        let error = (a - decoded).to_f32();
        self.error += error * error;
        if negative {
            -(magnitude as i32)
        } else {
            magnitude as i32
        }
    }
}
