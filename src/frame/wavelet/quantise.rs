//! One pass of the encoder at a fixed quantisation step: residuals, integers, octree, bytes.

use rayon::prelude::*;

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::codec::ctx::{BlockCost, BrickEncoder, BrickQuantiser, Quantiser};
use crate::frame::queue::in_order;
use crate::frame::wavelet::analysis::Analysis;
use crate::frame::wavelet::gains;
use crate::frame::wavelet::gains::GainFit;
use crate::frame::wavelet::integers::Integers;
use crate::octree::{Octree, prune};
use crate::recon::{
    Base, Brick, BrickGrid, Dequantiser, Partition, Predict, Source, Window, add_residuals,
    band_regions, crop_details, or_zeros, upscale,
};
use crate::transform::Plan;

/// Price of one bit in units of `step^2`: where the slope of the rate-distortion curve lies for a
/// uniform quantiser with this coder (DESIGN section 4).
const LAMBDA: f32 = 0.06;
/// Bricks quantised at a time.
const BATCH: usize = 64;

/// Which levels the predictor was used on, finest first.
pub(crate) type Used = Vec<bool>;

/// The integers of one frame and what they cost.
#[derive(Debug)]
pub(crate) struct Pass<T> {
    /// How they become coefficients again.
    pub(crate) dequantiser: Dequantiser<T>,
    /// Integers by brick and grid; none where the level is not held in memory.
    coefficients: Vec<Vec<Option<Integers>>>,
    /// Which blocks they lie in.
    pub(crate) tree: Octree,
    /// Estimated sum of squared errors in the normalised unit.
    pub(crate) squared_error: f64,
    /// Levels on which the prediction pays.
    pub(crate) used: Used,
    /// The gains of those levels, finest first, 0 on the others; empty without networks.
    pub(crate) gains: Vec<f32>,
    /// What the gains of the next pass should be, as factors, where that is known.
    pub(crate) gain_factors: Vec<Option<f64>>,
    quantiser: Quantiser<T>,
    /// The decoded low-pass that the finest level is predicted from, when that is not held.
    coarse: Vec<T>,
}

impl<T> Pass<T> {
    /// Whether the gains of the levels that use networks are those that fit, or nearly.
    pub(crate) fn is_settled(&self) -> bool {
        let used = self.gain_factors.iter().zip(&self.used);
        used.filter(|(_, used)| **used)
            .all(|(factor, _)| factor.is_none_or(gains::is_settled))
    }
}

/// One grid after quantisation.
struct GridPass {
    /// None where the level is not held in memory.
    coefficients: Option<Integers>,
    costs: Vec<BlockCost>,
    wanted: Vec<bool>,
}

/// One grid with its integers.
type GridDone = (GridPass, Vec<i32>);

/// Quantises `analysis` at `step` against `predictor` and prunes the octree.
///
/// `use_on` says on which levels the predictor is used; without it, where its prediction pays.
/// `Ok(None)` when the step is too small for the coder's integers.
///
/// # Errors
/// What the predictor reports.
pub(crate) fn quantise<T: Real>(
    analysis: &Analysis<'_, T>,
    dequantiser: Dequantiser<T>,
    predictor: Option<&dyn Predict<T>>,
    use_on: Option<&Used>,
) -> Result<Option<Pass<T>>> {
    let quantiser = Quantiser {
        inverse_step: T::from_f64(1.0 / dequantiser.step.to_f64()),
        lambda: LAMBDA,
        shrink: dequantiser.shrink.to_f32(),
    };
    let done = match predictor {
        None => open_loop(analysis, quantiser),
        Some(predictor) => closed_loop(analysis, quantiser, dequantiser, predictor, use_on)?,
    };
    Ok(done.map(|done| finish(analysis, quantiser, dequantiser, done)))
}

/// What the loop over the levels leaves behind.
struct Done<T> {
    /// By brick.
    grids: Vec<Vec<GridPass>>,
    used: Used,
    gain_factors: Vec<Option<f64>>,
    coarse: Vec<T>,
}

/// All bricks at once: nothing depends on the decoded field.
fn open_loop<T: Real>(analysis: &Analysis<'_, T>, quantiser: Quantiser<T>) -> Option<Done<T>> {
    let brick = |brick: &Brick| {
        if brick
            .grids
            .iter()
            .any(|grid| grid.level().is_some_and(|l| analysis.is_streamed(l)))
        {
            return Some(Vec::new());
        }
        let mut session = BrickQuantiser::new(quantiser);
        let grid = |grid: &BrickGrid| {
            let exact = analysis.bands(grid.source, grid.region);
            let residuals = grid.gather(&exact.places, &exact.bands);
            let (mut pass, integers) = quantise_grid(&mut session, grid, &residuals)?;
            pass.coefficients = Some(Integers::pack(integers));
            Some(pass)
        };
        brick.grids.iter().map(grid).collect()
    };
    let grids = in_order(analysis.partition.bricks().iter(), brick);
    let mut grids: Vec<Vec<GridPass>> = grids.into_iter().collect::<Option<_>>()?;
    if analysis.is_streamed(0) {
        for cells in analysis.boxes(0) {
            for (number, (pass, _)) in quantise_box(analysis, quantiser, cells, None)? {
                grids[number].push(pass);
            }
        }
    }
    Some(Done {
        grids,
        used: vec![false; analysis.plan.levels().len()],
        gain_factors: Vec::new(),
        coarse: Vec::new(),
    })
}

/// Quantises the bricks of a finest level that is not held, in one of its boxes.
fn quantise_box<T: Real>(
    analysis: &Analysis<'_, T>,
    quantiser: Quantiser<T>,
    cells: Region,
    predicted: Option<&[Vec<T>]>,
) -> Option<Vec<(usize, GridDone)>> {
    let source = Source::Details(0);
    let exact = analysis.bands(source, cells);
    let places = band_regions(&analysis.plan, source, cells);
    let brick = |(number, grid): (usize, &BrickGrid)| {
        let mut residuals = grid.gather(&exact.places, &exact.bands);
        if let Some(predicted) = predicted {
            subtract(&mut residuals, &grid.gather(&places, predicted));
        }
        let pass = quantise_grid(&mut BrickQuantiser::new(quantiser), grid, &residuals)?;
        Some((number, pass))
    };
    analysis
        .grids_in(0, cells)
        .into_par_iter()
        .map(brick)
        .collect()
}

fn subtract<T: Real>(values: &mut [T], predicted: &[T]) {
    for (v, &p) in values.iter_mut().zip(predicted) {
        *v -= p;
    }
}

/// Level by level: each is predicted from the decoded low-pass.
fn closed_loop<T: Real>(
    analysis: &Analysis<'_, T>,
    quantiser: Quantiser<T>,
    dequantiser: Dequantiser<T>,
    predictor: &dyn Predict<T>,
    use_on: Option<&Used>,
) -> Result<Option<Done<T>>> {
    let (plan, partition) = (&analysis.plan, &analysis.partition);
    let mut grids: Vec<Vec<GridPass>> = partition.bricks().iter().map(|_| Vec::new()).collect();
    // One brick holds the grids of several levels, and its coder goes on from one to the next.
    let mut shared = BrickQuantiser::new(quantiser);
    // Quantises one level and returns its decoded bands.
    let mut stage = |grids: &mut Vec<Vec<GridPass>>, source, base, mut decoded: Vec<Vec<T>>| {
        let cells = whole_cells(plan, source);
        let exact = analysis.bands(source, cells);
        let quantise = |session: &mut BrickQuantiser<T>, grid: &BrickGrid, decoded: &[Vec<T>]| {
            let mut residuals = grid.gather(&exact.places, &exact.bands);
            if base == Base::Prediction {
                subtract(&mut residuals, &grid.gather(&exact.places, decoded));
            }
            quantise_grid(session, grid, &residuals)
        };
        let of_source = |(number, brick): (usize, &'_ Brick)| {
            let place = brick.grids.iter().position(|g| g.source == source)?;
            Some((number, place))
        };
        let places: Vec<_> = partition
            .bricks()
            .iter()
            .enumerate()
            .filter_map(of_source)
            .collect();
        let grid = |(number, place): (usize, usize)| &partition.bricks()[number].grids[place];
        // What is quantised lies in memory as words until it is packed: not a whole level at once.
        for batch in places.chunks(BATCH) {
            let done: Option<Vec<GridDone>> = match batch {
                &[(0, place)] => {
                    let done = quantise(&mut shared, grid((0, place)), &decoded);
                    done.map(|done| vec![done])
                }
                _ => batch
                    .par_iter()
                    .map(|&at| quantise(&mut BrickQuantiser::new(quantiser), grid(at), &decoded))
                    .collect(),
            };
            let done = done?;
            let stored = batch.iter().zip(&done);
            let stored: Vec<(&BrickGrid, &[i32])> = stored
                .map(|(&at, (_, integers))| (grid(at), integers.as_slice()))
                .collect();
            add_residuals(
                plan,
                source,
                cells,
                &stored,
                dequantiser,
                base,
                &mut decoded,
            );
            for (&(number, _), (mut pass, integers)) in batch.iter().zip(done) {
                pass.coefficients = Some(Integers::pack(integers));
                grids[number].push(pass);
            }
        }
        Some(decoded)
    };
    let low_zero = vec![vec![T::ZERO; analysis.low.len()]];
    let Some(mut low) = stage(&mut grids, Source::LowPass, Base::Zeros, low_zero) else {
        return Ok(None);
    };
    let mut low = low.swap_remove(0);
    let mut used = vec![false; plan.levels().len()];
    let mut gain_factors = vec![None; plan.levels().len()];
    for (index, level) in plan.levels().iter().enumerate().rev() {
        let whole = level.coarse.region();
        let known = Window {
            region: whole,
            values: &low,
        };
        let predict = |cells| predictor.details(index, level, known, cells);
        let mut pays = |predict: &Prediction<'_, T>| -> Result<bool> {
            let shortcut = |cells| predictor.shortcut(index, level, known, cells);
            let judged = judge(analysis, index, quantiser.inverse_step, predict, &shortcut)?;
            gain_factors[index] = judged.gain_factor;
            Ok(judged.pays)
        };
        if analysis.is_streamed(index) {
            used[index] = match use_on {
                Some(levels) => levels[index],
                None => pays(&predict)?,
            };
            for cells in analysis.boxes(index) {
                let predicted = if used[index] { predict(cells)? } else { None };
                let Some(done) = quantise_box(analysis, quantiser, cells, predicted.as_deref())
                else {
                    return Ok(None);
                };
                for (number, (pass, _)) in done {
                    grids[number].push(pass);
                }
            }
            break;
        }
        let predicted = predict(whole)?;
        used[index] = match (&predicted, use_on) {
            (None, _) => false,
            (_, Some(levels)) => levels[index],
            (Some(predicted), None) => {
                let crop = |cells| Ok(Some(crop_details(level, predicted, whole, cells)));
                pays(&crop)?
            }
        };
        let (base, bands) = or_zeros(predicted.filter(|_| used[index]), level, whole);
        let Some(details) = stage(&mut grids, Source::Details(index), base, bands) else {
            return Ok(None);
        };
        if index > 0 {
            low = upscale(analysis.wavelet, level, whole, low, details);
        }
    }
    let coarse = match analysis.is_streamed(0) {
        true => low,
        false => Vec::new(),
    };
    Ok(Some(Done {
        grids,
        used,
        gain_factors,
        coarse,
    }))
}

/// All cells of a source's grid.
fn whole_cells(plan: &Plan, source: Source) -> Region {
    match source {
        Source::LowPass => plan.coarsest().region(),
        Source::Details(level) => plan.levels()[level].coarse.region(),
    }
}

/// Bricks of a level, about, that are looked at to decide whether its prediction pays.
const LOOK_AT: usize = 64;

/// Share of a level's bits that its network must save: where it saves less, it is not worth its time in
/// every decode, nor the wider surroundings that a region then reads.
const LEAST_GAIN: f64 = 1.0 / 64.0;

/// Details of a level over some of its cells, where they are predicted.
type Prediction<'a, T> = dyn Fn(Region) -> Result<Option<Vec<Vec<T>>>> + Sync + 'a;

/// What is thought of the prediction of a level.
struct Judgement {
    /// Whether residuals against it take fewer bits than the details themselves.
    pays: bool,
    /// What its gain should be multiplied with, where that is known.
    gain_factor: Option<f64>,
}

/// Judges a prediction by evenly spread bricks, with exactly rounded operations in a fixed order, so that every encoder
/// decides alike whatever it holds in memory. `shortcut` is the part of the prediction that has no gain.
fn judge<T: Real>(
    analysis: &Analysis<'_, T>,
    level: usize,
    inverse_step: T,
    predict: &Prediction<'_, T>,
    shortcut: &Prediction<'_, T>,
) -> Result<Judgement> {
    #[derive(Default)]
    struct Sums {
        with: f64,
        without: f64,
        fit: GainFit,
    }
    let steps = |v: T| (v * inverse_step).to_f64();
    let bits = |steps: f64| log2(1.0 + steps * steps);
    let source = Source::Details(level);
    let all = analysis.grids_in(level, whole_cells(&analysis.plan, source));
    let stride = all.len().div_ceil(LOOK_AT).max(1);
    let look = |&(_, grid): &(usize, &BrickGrid)| {
        let mut sums = Sums::default();
        let Some(predicted) = predict(grid.region)? else {
            return Ok(sums);
        };
        let exact = analysis.bands(source, grid.region);
        let exact = grid.gather(&exact.places, &exact.bands);
        let places = band_regions(&analysis.plan, source, grid.region);
        let predicted = grid.gather(&places, &predicted);
        for (&d, &p) in exact.iter().zip(&predicted) {
            sums.with += bits(steps(d - p));
            sums.without += bits(steps(d));
        }
        if let Some(shortcut) = shortcut(grid.region)? {
            let shortcut = grid.gather(&places, &shortcut);
            for ((&d, &p), &s) in exact.iter().zip(&predicted).zip(&shortcut) {
                sums.fit.add(steps(d - p), steps(p - s));
            }
        }
        Ok(sums)
    };
    let looked_at: Vec<_> = all.into_iter().step_by(stride).collect();
    let sums: Vec<Sums> = looked_at.par_iter().map(look).collect::<Result<_>>()?;
    let sums = sums.into_iter().fold(Sums::default(), |a, b| Sums {
        with: a.with + b.with,
        without: a.without + b.without,
        fit: a.fit.join(b.fit),
    });
    Ok(Judgement {
        pays: sums.with < sums.without * (1.0 - LEAST_GAIN),
        gain_factor: sums.fit.factor(),
    })
}

/// The binary logarithm of a number from 1 on, linear between powers of two: exact operations alone.
fn log2(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as f64 - 1023.0;
    let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    exponent + (mantissa - 1.0)
}

/// Quantises one grid; its integers come apart from the rest, which does not hold them yet.
fn quantise_grid<T: Real>(
    session: &mut BrickQuantiser<T>,
    grid: &BrickGrid,
    residuals: &[T],
) -> Option<GridDone> {
    let blocks = grid.layout.block_count();
    let mut coefficients = vec![0; grid.len()];
    let mut pass = GridPass {
        coefficients: None,
        costs: vec![BlockCost::default(); blocks],
        wanted: vec![true; blocks],
    };
    session.grid(
        &grid.layout,
        residuals,
        &mut pass.wanted,
        &mut coefficients,
        &mut pass.costs,
    )?;
    Some((pass, coefficients))
}

/// Prunes the tree.
fn finish<T: Real>(
    analysis: &Analysis<'_, T>,
    quantiser: Quantiser<T>,
    dequantiser: Dequantiser<T>,
    done: Done<T>,
) -> Pass<T> {
    let Done {
        mut grids,
        used,
        gain_factors,
        coarse,
    } = done;
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
        gains: Vec::new(),
        gain_factors,
        quantiser,
        coarse,
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

/// Codes every brick that stores anything: its number and bytes. `predictor` is the one the pass was
/// made with.
///
/// # Errors
/// What the predictor reports.
pub(crate) fn code_bricks<T: Real>(
    analysis: &Analysis<'_, T>,
    pass: &mut Pass<T>,
    predictor: Option<&dyn Predict<T>>,
) -> Result<Vec<(u32, Vec<u8>)>> {
    let tree = &pass.tree;
    let stored = |brick: &Brick| -> Option<Vec<Vec<bool>>> {
        let stored: Vec<_> = brick.grids.iter().map(|grid| grid.stored(tree)).collect();
        stored.iter().flatten().any(|&s| s).then_some(stored)
    };
    let bricks = analysis.partition.bricks();
    let coefficients = std::mem::take(&mut pass.coefficients);
    let code = |(number, brick): (usize, &Brick)| {
        let stored = stored(brick)?;
        let unpack = |held: &Option<Integers>| held.as_ref().map(Integers::unpack);
        let mut integers: Vec<_> = coefficients[number]
            .iter()
            .map(unpack)
            .collect::<Option<_>>()?;
        Some((number as u32, code_brick(brick, &stored, &mut integers)))
    };
    let mut coded: Vec<_> = in_order(bricks.iter().enumerate(), code)
        .into_iter()
        .flatten()
        .collect();
    if !analysis.is_streamed(0) {
        return Ok(coded);
    }
    // The integers of the finest level were not kept: quantise its boxes once more.
    let level = &analysis.plan.levels()[0];
    let known = Window {
        region: level.coarse.region(),
        values: &pass.coarse,
    };
    let predictor = predictor.filter(|_| pass.used[0]);
    for cells in analysis.boxes(0) {
        let grids = analysis.grids_in(0, cells);
        if grids
            .iter()
            .all(|&(number, _)| stored(&bricks[number]).is_none())
        {
            continue;
        }
        let predicted = match predictor {
            None => None,
            Some(predictor) => predictor.details(0, level, known, cells)?,
        };
        let done = quantise_box(analysis, pass.quantiser, cells, predicted.as_deref());
        let code = |(number, (_, integers)): (usize, GridDone)| {
            let (brick, mut integers) = (&bricks[number], [integers]);
            let code = |stored: Vec<Vec<bool>>| code_brick(brick, &stored, &mut integers);
            stored(brick).map(code).map(|bytes| (number as u32, bytes))
        };
        let done = done.unwrap_or_default();
        coded.par_extend(done.into_par_iter().filter_map(code));
    }
    coded.sort_unstable_by_key(|&(number, _)| number);
    Ok(coded)
}

/// Clears the blocks of a brick that the tree leaves out, and codes the others.
fn code_brick(brick: &Brick, stored: &[Vec<bool>], integers: &mut [Vec<i32>]) -> Vec<u8> {
    let mut encoder = BrickEncoder::default();
    for ((grid, stored), integers) in brick.grids.iter().zip(stored).zip(integers) {
        grid.layout.clear_blocks(stored, integers);
        encoder.grid(&grid.layout, stored, integers);
    }
    encoder.finish()
}
