//! One pass of the encoder at a fixed quantisation step: residuals, integers, octree, bytes.

use rayon::prelude::*;

use crate::codec::ctx::{BlockCost, BrickEncoder, BrickQuantiser, Quantiser};
use crate::error::Result;
use crate::grid::Region;
use crate::octree::{Octree, prune};
use crate::real::Real;
use crate::recon::{
    Brick, BrickGrid, Dequantiser, Partition, Predict, Source, Window, add_residuals, band_regions,
    upscale, zeros,
};
use crate::transform::{Plan, Wavelet, forward};

/// Price of one bit in units of `step^2`: where the slope of the rate-distortion curve lies for a
/// uniform quantiser with this coder (DESIGN section 4).
const LAMBDA: f32 = 0.06;

/// The transform of one field.
#[derive(Debug)]
pub(super) struct Analysis<T> {
    /// Filter pair.
    pub(super) wavelet: Wavelet,
    /// Levels and shapes.
    pub(super) plan: Plan,
    /// Bricks.
    pub(super) partition: Partition,
    /// Low-pass of the coarsest level.
    low: Vec<T>,
    /// Details by level, finest first.
    details: Vec<Vec<Vec<T>>>,
}

impl<T: Real> Analysis<T> {
    /// Transforms `field`, the normalised values of `plan`'s full grid.
    #[must_use]
    pub(super) fn new(
        wavelet: Wavelet,
        plan: Plan,
        partition: Partition,
        mut field: Vec<T>,
    ) -> Self {
        let mut details = Vec::with_capacity(plan.levels().len());
        for level in plan.levels() {
            let bands = forward(wavelet, level, &mut field);
            field = bands.low;
            details.push(bands.details);
        }
        Self {
            wavelet,
            plan,
            partition,
            low: field,
            details,
        }
    }

    /// Root mean square of the details of a level, in the frame's orthonormal scale.
    #[must_use]
    pub(super) fn detail_rms(&self, level: usize) -> f64 {
        let (mut sum, mut count) = (0.0, 0);
        for band in &self.details[level] {
            count += band.len();
            sum += band.iter().map(|d| d.to_f64() * d.to_f64()).sum::<f64>();
        }
        (sum / count.max(1) as f64).sqrt()
    }
}

/// Which levels the predictor was used on, finest first.
pub(super) type Used = Vec<bool>;

/// The integers of one frame and what they cost.
#[derive(Debug)]
pub(super) struct Pass<T> {
    /// How they become coefficients again.
    pub(super) dequantiser: Dequantiser<T>,
    /// Integers by brick and grid.
    pub(super) coefficients: Vec<Vec<Vec<i32>>>,
    /// Which blocks they lie in.
    pub(super) tree: Octree,
    /// Estimated sum of squared errors in the normalised unit.
    pub(super) squared_error: f64,
    /// Levels on which the prediction pays.
    pub(super) used: Used,
}

/// One grid after quantisation.
struct GridPass {
    coefficients: Vec<i32>,
    costs: Vec<BlockCost>,
    wanted: Vec<bool>,
}

/// Quantises `analysis` at `step` against `predictor` and prunes the octree.
///
/// `use_on` says on which levels the predictor is used; without it, where its prediction pays.
/// `Ok(None)` when the step is too small for the coder's integers.
///
/// # Errors
/// What the predictor reports.
pub(super) fn quantise<T: Real>(
    analysis: &Analysis<T>,
    dequantiser: Dequantiser<T>,
    predictor: Option<&dyn Predict<T>>,
    use_on: Option<&Used>,
) -> Result<Option<Pass<T>>> {
    let quantiser = Quantiser {
        inverse_step: T::from_f64(1.0 / dequantiser.step.to_f64()),
        lambda: LAMBDA,
        shrink: dequantiser.shrink.to_f32(),
    };
    let grids = match predictor {
        None => {
            open_loop(analysis, quantiser).map(|grids| (grids, vec![false; analysis.details.len()]))
        }
        Some(predictor) => closed_loop(analysis, quantiser, dequantiser, predictor, use_on)?,
    };
    Ok(grids.map(|(grids, used)| finish(analysis, dequantiser, grids, used)))
}

/// All bricks at once: nothing depends on the decoded field.
fn open_loop<T: Real>(
    analysis: &Analysis<T>,
    quantiser: Quantiser<T>,
) -> Option<Vec<Vec<GridPass>>> {
    let brick = |brick: &Brick| {
        let mut session = BrickQuantiser::new(quantiser);
        let grid = |grid: &BrickGrid| {
            let places = whole_bands(&analysis.plan, grid.source);
            let residuals = match grid.source {
                Source::LowPass => analysis.low.clone(),
                Source::Details(level) => grid.gather(&places, &analysis.details[level]),
            };
            quantise_grid(&mut session, grid, &residuals)
        };
        brick.grids.iter().map(grid).collect()
    };
    // The finest level has the most work: start it first.
    let mut bricks: Vec<_> = analysis
        .partition
        .bricks()
        .par_iter()
        .rev()
        .map(brick)
        .collect::<Option<_>>()?;
    bricks.reverse();
    Some(bricks)
}

/// Level by level: each is predicted from the decoded low-pass.
fn closed_loop<T: Real>(
    analysis: &Analysis<T>,
    quantiser: Quantiser<T>,
    dequantiser: Dequantiser<T>,
    predictor: &dyn Predict<T>,
    use_on: Option<&Used>,
) -> Result<Option<(Vec<Vec<GridPass>>, Used)>> {
    let (plan, partition) = (&analysis.plan, &analysis.partition);
    let mut sessions: Vec<_> = partition
        .bricks()
        .iter()
        .map(|_| BrickQuantiser::new(quantiser))
        .collect();
    let mut passes: Vec<Vec<GridPass>> = partition.bricks().iter().map(|_| Vec::new()).collect();
    // Quantises one level and returns its decoded bands.
    let mut stage = |source: Source, exact: &[Vec<T>], mut decoded: Vec<Vec<T>>| {
        let places = whole_bands(plan, source);
        let done: Option<Vec<Option<GridPass>>> = sessions
            .par_iter_mut()
            .zip(partition.bricks())
            .map(|(session, brick)| {
                let Some(grid) = brick.grids.iter().find(|grid| grid.source == source) else {
                    return Some(None);
                };
                let mut residuals = grid.gather(&places, exact);
                for (r, p) in residuals.iter_mut().zip(grid.gather(&places, &decoded)) {
                    *r -= p;
                }
                quantise_grid(session, grid, &residuals).map(Some)
            })
            .collect();
        for (brick, pass) in done?.into_iter().enumerate() {
            passes[brick].extend(pass);
        }
        let grids: Vec<(&BrickGrid, &[i32])> = partition
            .bricks()
            .iter()
            .zip(&passes)
            .flat_map(|(brick, passes)| brick.grids.iter().zip(passes))
            .filter(|(grid, _)| grid.source == source)
            .map(|(grid, pass)| (grid, pass.coefficients.as_slice()))
            .collect();
        let cells = whole_cells(plan, source);
        add_residuals(plan, source, cells, &grids, dequantiser, &mut decoded);
        Some(decoded)
    };
    let low_zero = vec![vec![T::ZERO; analysis.low.len()]];
    let Some(mut low) = stage(
        Source::LowPass,
        std::slice::from_ref(&analysis.low),
        low_zero,
    ) else {
        return Ok(None);
    };
    let mut low = low.swap_remove(0);
    let mut used = vec![false; plan.levels().len()];
    for (index, level) in plan.levels().iter().enumerate().rev() {
        let cells = level.coarse.region();
        let known = Window {
            region: cells,
            values: &low,
        };
        let predicted = predictor
            .details(index, level, known, cells)?
            .filter(|predicted| match use_on {
                Some(levels) => levels[index],
                None => pays(&analysis.details[index], predicted, quantiser.inverse_step),
            });
        used[index] = predicted.is_some();
        let predicted = predicted.unwrap_or_else(|| zeros(level, cells));
        let Some(details) = stage(Source::Details(index), &analysis.details[index], predicted)
        else {
            return Ok(None);
        };
        if index > 0 {
            low = upscale(analysis.wavelet, level, cells, low, details);
        }
    }
    Ok(Some((passes, used)))
}

/// All cells of a source's grid.
fn whole_cells(plan: &Plan, source: Source) -> Region {
    match source {
        Source::LowPass => plan.coarsest().region(),
        Source::Details(level) => plan.levels()[level].coarse.region(),
    }
}

/// Boxes of the whole subbands of a source.
fn whole_bands(plan: &Plan, source: Source) -> Vec<Region> {
    band_regions(plan, source, whole_cells(plan, source))
}

/// Whether residuals against the prediction are cheaper than the details themselves: fewer of them
/// stand out from the quantiser's dead zone. Only exactly rounded operations, so that every encoder
/// decides alike.
fn pays<T: Real>(exact: &[Vec<T>], predicted: &[Vec<T>], inverse_step: T) -> bool {
    let weight = |v: T| {
        let a = (v * inverse_step).to_f64();
        a * a / (a * a + 1.0)
    };
    let sums: Vec<(f64, f64)> = exact
        .par_iter()
        .zip(predicted)
        .map(|(exact, predicted)| {
            let pairs = exact.iter().zip(predicted);
            pairs.fold((0.0, 0.0), |(with, without), (&d, &p)| {
                (with + weight(d - p), without + weight(d))
            })
        })
        .collect();
    let (with, without) = sums.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    with < without
}

fn quantise_grid<T: Real>(
    session: &mut BrickQuantiser<T>,
    grid: &BrickGrid,
    residuals: &[T],
) -> Option<GridPass> {
    let blocks = grid.layout.block_count();
    let mut pass = GridPass {
        coefficients: vec![0; grid.len()],
        costs: vec![BlockCost::default(); blocks],
        wanted: vec![true; blocks],
    };
    session.grid(
        &grid.layout,
        residuals,
        &mut pass.wanted,
        &mut pass.coefficients,
        &mut pass.costs,
    )?;
    Some(pass)
}

/// Prunes the tree and clears what it leaves out.
fn finish<T: Real>(
    analysis: &Analysis<T>,
    dequantiser: Dequantiser<T>,
    mut grids: Vec<Vec<GridPass>>,
    used: Used,
) -> Pass<T> {
    let (plan, partition) = (&analysis.plan, &analysis.partition);
    let all = Octree::uniform(plan, true);
    let mut costs: Vec<Vec<BlockCost>> = all
        .grids()
        .iter()
        .map(|g| vec![BlockCost::default(); g.stored.len()])
        .collect();
    let mut wanted: Vec<Vec<bool>> = all
        .grids()
        .iter()
        .map(|g| vec![false; g.stored.len()])
        .collect();
    let mut error = 0.0;
    for (grid, pass) in pairs(partition, &mut grids) {
        match grid.source {
            Source::LowPass => error += pass.costs.iter().map(|c| f64::from(c.stored)).sum::<f64>(),
            Source::Details(level) => {
                let dims = all.grids()[level].dims;
                grid.scatter_blocks(dims, &pass.costs, &mut costs[level]);
                grid.scatter_blocks(dims, &pass.wanted, &mut wanted[level]);
            }
        }
    }
    let tree = prune(plan, &costs, &wanted, LAMBDA);
    for (nodes, costs) in tree.grids().iter().zip(&costs) {
        for (&stored, cost) in nodes.stored.iter().zip(costs) {
            error += f64::from(if stored { cost.stored } else { cost.left_out });
        }
    }
    grids
        .par_iter_mut()
        .zip(partition.bricks())
        .for_each(|(passes, brick)| {
            for (pass, grid) in passes.iter_mut().zip(&brick.grids) {
                grid.layout
                    .clear_blocks(&grid.stored(&tree), &mut pass.coefficients);
            }
        });
    let step = dequantiser.step.to_f64();
    Pass {
        dequantiser,
        coefficients: grids
            .into_iter()
            .map(|brick| brick.into_iter().map(|grid| grid.coefficients).collect())
            .collect(),
        tree,
        squared_error: error * step * step,
        used,
    }
}

fn pairs<'a>(
    partition: &'a Partition,
    grids: &'a mut [Vec<GridPass>],
) -> impl Iterator<Item = (&'a BrickGrid, &'a mut GridPass)> {
    partition
        .bricks()
        .iter()
        .zip(grids)
        .flat_map(|(brick, passes)| brick.grids.iter().zip(passes))
}

/// Codes every brick that stores anything: its number and bytes.
#[must_use]
pub(super) fn code_bricks<T: Real>(
    partition: &Partition,
    pass: &mut Pass<T>,
) -> Vec<(u32, Vec<u8>)> {
    let tree = &pass.tree;
    let code = |(number, (brick, coefficients)): (usize, (&Brick, &mut Vec<Vec<i32>>))| {
        let stored: Vec<_> = brick.grids.iter().map(|grid| grid.stored(tree)).collect();
        if !stored.iter().flatten().any(|&s| s) {
            return None;
        }
        let mut encoder = BrickEncoder::default();
        for ((grid, stored), coefficients) in brick.grids.iter().zip(&stored).zip(coefficients) {
            encoder.grid(&grid.layout, stored, coefficients);
        }
        Some((number as u32, encoder.finish()))
    };
    let mut bricks: Vec<_> = partition
        .bricks()
        .par_iter()
        .zip(&mut pass.coefficients)
        .enumerate()
        .rev()
        .filter_map(code)
        .collect();
    bricks.reverse();
    bricks
}
