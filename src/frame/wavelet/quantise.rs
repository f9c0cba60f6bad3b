//! One pass of the encoder at a fixed quantisation step: residuals, integers, octree.

use rayon::prelude::*;

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::codec::ctx::{BlockCost, BrickQuantiser, Quantiser};
use crate::frame::queue::in_order;
use crate::frame::wavelet::analysis::{Analysis, BandsOver};
use crate::frame::wavelet::gains;
use crate::frame::wavelet::grids::{
    GridPass, QuantisedGrid, StreamedLevel, quantise_grid, subtract,
};
use crate::frame::wavelet::integers::Integers;
use crate::frame::wavelet::judgement::{PredictedLevel, Prediction};
use crate::frame::wavelet::past::{LevelCandidates, PastBands, low_pass};
use crate::octree::{Octree, prune};
use crate::recon::{
    Accumulate, Brick, BrickGrid, LevelPart, LevelStep, Partition, Past, Predictor, Residuals,
    Subbands, Synthesis, WholeGrids, band_regions, crop_details, or_zeros,
};
use crate::transform::Dequantiser;

/// Price of one bit in units of `step^2`: where the slope of the rate-distortion curve lies for a
/// uniform quantiser with this coder.
const LAMBDA: f32 = 0.06;
/// Bricks quantised at a time.
const BATCH: usize = 64;

/// Which levels use the predictor, finest first.
pub(crate) type LevelMask = Vec<bool>;

/// The integers of one frame and what they cost.
#[derive(Debug)]
pub(crate) struct Pass<T> {
    /// How they become coefficients again.
    pub(crate) dequantiser: Dequantiser<T>,
    /// Integers by brick and grid; none where the level is not held in memory.
    pub(super) coefficients: Vec<Vec<Option<Integers>>>,
    /// Which blocks they lie in.
    pub(crate) tree: Octree,
    /// Estimated sum of squared errors in the normalised unit.
    pub(crate) squared_error: f64,
    /// Estimated length of the bricks in bits.
    pub(crate) bits: f64,
    /// Levels on which the prediction pays.
    pub(crate) used: LevelMask,
    /// The gains of those levels, finest first, 0 on the others; empty without networks.
    pub(crate) gains: Vec<f32>,
    /// What the gains of the next pass should be, as factors, where that is known.
    pub(crate) gain_factors: Vec<Option<f64>>,
    /// What earlier frames predict, where there are any.
    pub(crate) past: Option<Past<T>>,
    pub(super) quantiser: Quantiser<T>,
    /// The decoded low-pass that the finest level is predicted from, when that is not held.
    pub(super) coarse: Vec<T>,
}

impl<T> Pass<T> {
    /// Whether the gains of the levels that use networks are those that fit, or nearly; where none uses any, whether those that
    /// were tried are.
    pub(crate) fn is_settled(&self) -> bool {
        let tries = !self.used.contains(&true);
        let levels = self.gain_factors.iter().zip(&self.used);
        let mut counted = levels.filter(|(_, used)| **used || tries);
        counted.all(|(factor, _)| factor.is_none_or(gains::is_settled))
    }
}

/// Quantises `analysis` at `step` against `predictor` and what may be known of earlier frames, and prunes the octree.
///
/// `fixed_levels` says on which levels the predictor is used; without it, where its prediction pays.
/// `Ok(None)` when the step is too small for the coder's integers.
///
/// # Errors
/// What the predictor reports.
pub(crate) fn quantise<T: Real>(
    analysis: &Analysis<'_, T>,
    dequantiser: Dequantiser<T>,
    predictor: Option<&Predictor>,
    past: Option<&PastBands<T>>,
    fixed_levels: Option<&LevelMask>,
) -> Result<Option<Pass<T>>> {
    let quantiser = Quantiser {
        inverse_step: T::from_f64(1.0 / dequantiser.step.to_f64()),
        lambda: LAMBDA,
        shrink: dequantiser.shrink.to_f32(),
    };
    let outcome = if predictor.is_none() && past.is_none() {
        open_loop(analysis, quantiser)?
    } else {
        let encoding = Encoding::new(analysis, quantiser, dequantiser, fixed_levels, past);
        encoding.closed_loop(predictor)?
    };
    Ok(outcome.map(|outcome| outcome.prune_and_total(analysis, quantiser, dequantiser)))
}

/// What the loop over the levels leaves.
struct LoopOutcome<T> {
    /// By brick.
    grids: Vec<Vec<GridPass>>,
    used: LevelMask,
    gain_factors: Vec<Option<f64>>,
    past: Option<Past<T>>,
    coarse: Vec<T>,
}

/// All bricks at once: nothing depends on the decoded field.
fn open_loop<T: Real>(
    analysis: &Analysis<'_, T>,
    quantiser: Quantiser<T>,
) -> Result<Option<LoopOutcome<T>>> {
    let is_streamed = |grid: &BrickGrid| grid.level().is_some_and(|l| analysis.is_streamed(l));
    let brick = |brick: &Brick| {
        if brick.grids.iter().any(is_streamed) {
            return Some(Vec::new());
        }
        let mut session = BrickQuantiser::new(quantiser);
        let grid = |grid: &BrickGrid| {
            let exact = analysis.bands(grid.subbands, grid.region);
            let residuals = grid.gather(&exact.regions, &exact.bands);
            let (mut pass, integers) = quantise_grid(&mut session, grid, &residuals)?;
            pass.coefficients = Some(Integers::pack(integers));
            Some(pass)
        };
        brick.grids.iter().map(grid).collect()
    };
    let grids = in_order(analysis.partition.bricks().iter(), brick);
    let Some(mut grids) = grids.into_iter().collect::<Option<Vec<Vec<GridPass>>>>() else {
        return Ok(None);
    };
    if analysis.is_streamed(0) {
        let streamed = StreamedLevel {
            analysis,
            quantiser,
            part: None,
        };
        let keep = |done| {
            keep_passes(&mut grids, done);
            Ok(())
        };
        if streamed.for_each_box(|_| true, keep)?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(LoopOutcome {
        grids,
        used: vec![false; analysis.plan.levels().len()],
        gain_factors: Vec::new(),
        past: None,
        coarse: Vec::new(),
    }))
}

fn keep_passes(grids: &mut [Vec<GridPass>], done: Vec<(usize, QuantisedGrid)>) {
    for (number, (pass, _)) in done {
        grids[number].push(pass);
    }
}

/// The encoder's step: each level is predicted from the decoded low-pass, and what is left of it is quantised and added
/// back.
struct Encoding<'a, T: Real> {
    analysis: &'a Analysis<'a, T>,
    quantiser: Quantiser<T>,
    dequantiser: Dequantiser<T>,
    fixed_levels: Option<&'a LevelMask>,
    /// One brick holds the grids of several levels, and its coder goes on from one to the next.
    shared: BrickQuantiser<T>,
    /// By brick.
    grids: Vec<Vec<GridPass>>,
    used: LevelMask,
    gain_factors: Vec<Option<f64>>,
    /// The references, with the weights found so far.
    past: Option<Past<T>>,
    /// Whether the step turned out to be too small for the coder's integers.
    overflowed: bool,
}

impl<'a, T: Real> Encoding<'a, T> {
    fn new(
        analysis: &'a Analysis<'a, T>,
        quantiser: Quantiser<T>,
        dequantiser: Dequantiser<T>,
        fixed_levels: Option<&'a LevelMask>,
        past: Option<&PastBands<T>>,
    ) -> Self {
        let levels = analysis.plan.levels().len();
        let bricks = analysis.partition.bricks().iter();
        Self {
            analysis,
            quantiser,
            dequantiser,
            fixed_levels,
            shared: BrickQuantiser::new(quantiser),
            grids: bricks.map(|_| Vec::new()).collect(),
            used: vec![false; levels],
            gain_factors: vec![None; levels],
            past: past.map(|past| Past {
                references: past.bands.clone(),
                low: None,
                levels: vec![Vec::new(); levels],
            }),
            overflowed: false,
        }
    }

    /// Level by level, from the low-pass on.
    fn closed_loop(mut self, predictor: Option<&Predictor>) -> Result<Option<LoopOutcome<T>>> {
        let analysis = self.analysis;
        let cells = analysis.plan.coarsest().region();
        let (accumulate, low) = match self.predicted_low_pass(cells)? {
            Some(predicted) => (Accumulate::Add, predicted),
            None => (Accumulate::Overwrite, vec![T::ZERO; cells.len()]),
        };
        let low = self.quantised(Subbands::LowPass, cells, accumulate, vec![low]);
        let Some(mut low) = low else {
            return Ok(None);
        };
        let synthesis = Synthesis {
            wavelet: analysis.wavelet,
            plan: &analysis.plan,
            partition: &analysis.partition,
            predictor,
        };
        let level_loop = synthesis.level_loop(0, analysis.plan.shape().region())?;
        let low = level_loop.run(low.swap_remove(0), &mut WholeGrids { step: &mut self })?;
        if self.overflowed {
            return Ok(None);
        }
        Ok(Some(LoopOutcome {
            grids: self.grids,
            used: self.used,
            gain_factors: self.gain_factors,
            past: self.past,
            coarse: if analysis.is_streamed(0) {
                low
            } else {
                Vec::new()
            },
        }))
    }

    /// What the references tell of the low-pass.
    fn predicted_low_pass(&mut self, cells: Region) -> Result<Option<Vec<T>>> {
        let Some(past) = &mut self.past else {
            return Ok(None);
        };
        let references: Vec<&[T]> = past.references.iter().map(|r| &r.low[..]).collect();
        past.low = low_pass(&self.analysis.low, &references, self.quantiser.inverse_step);
        past.low_pass(cells)
    }

    /// The prediction of a level by its network, where that is used, and by the references.
    fn predicted(
        &mut self,
        part: LevelPart<'_, T>,
        network: Option<Vec<Vec<T>>>,
        network_pays: bool,
    ) -> Result<Option<Vec<Vec<T>>>> {
        let Some(past) = &mut self.past else {
            return Ok(network.filter(|_| network_pays));
        };
        let exact = self
            .analysis
            .bands(Subbands::Details(part.index), part.cells);
        let references = past.references.iter();
        // Where levels are fixed, a network that does not pay is left out as it was.
        let is_fixed = self.fixed_levels.is_some();
        let candidate = network.filter(|_| network_pays || !is_fixed);
        let choice = LevelCandidates {
            exact: &exact.bands,
            network: candidate.as_deref(),
            network_pays,
            references: references.map(|r| &r.details[part.index][..]).collect(),
            inverse_step: self.quantiser.inverse_step,
        }
        .choose();
        self.used[part.index] = choice.uses_network;
        past.levels[part.index] = choice.sets;
        past.details(&part, candidate.filter(|_| choice.uses_network))
    }

    /// Whether the prediction of a level is used: as was decided before, or where it pays.
    fn is_used(&mut self, part: LevelPart<'_, T>, predict: &Prediction<'_, T>) -> Result<bool> {
        if let Some(levels) = self.fixed_levels {
            return Ok(levels[part.index]);
        }
        let predicted = PredictedLevel {
            analysis: self.analysis,
            level: part.index,
            inverse_step: self.quantiser.inverse_step,
            predict,
            shortcut: &|cells| part.over(cells).shortcut(),
        };
        let judgement = predicted.measure_prediction()?;
        self.gain_factors[part.index] = judgement.gain_factor;
        Ok(judgement.pays)
    }

    /// Quantises a finest level that is not held.
    fn streamed(&mut self, part: LevelPart<'_, T>) -> Result<()> {
        let used = self.is_used(part, &|cells| part.over(cells).predict())?;
        self.used[part.index] = used;
        let streamed = StreamedLevel {
            analysis: self.analysis,
            quantiser: self.quantiser,
            part: used.then_some(part),
        };
        let keep = |done| {
            keep_passes(&mut self.grids, done);
            Ok(())
        };
        self.overflowed = streamed.for_each_box(|_| true, keep)?.is_none();
        Ok(())
    }

    /// Quantises a level against what `decoded`, its bands over all `cells`, hold, and returns the decoded bands. `None`
    /// where the step is too small.
    fn quantised(
        &mut self,
        subbands: Subbands,
        cells: Region,
        accumulate: Accumulate,
        mut decoded: Vec<Vec<T>>,
    ) -> Option<Vec<Vec<T>>> {
        let analysis = self.analysis;
        let exact = analysis.bands(subbands, cells);
        let residuals = Residuals {
            regions: band_regions(&analysis.plan, subbands, cells),
            dequantiser: self.dequantiser,
            accumulate,
        };
        let bricks = analysis.partition.bricks().iter().enumerate();
        let grids: Vec<(usize, &BrickGrid)> = bricks
            .filter_map(|(number, brick)| {
                let grid = brick.grids.iter().find(|grid| grid.subbands == subbands)?;
                Some((number, grid))
            })
            .collect();
        // What is quantised lies in memory as words until it is packed: not a whole level at once.
        for batch in grids.chunks(BATCH) {
            let predicted = (accumulate == Accumulate::Add).then_some(&decoded[..]);
            let done = self.batch(batch, &exact, predicted)?;
            let stored: Vec<(&BrickGrid, &[i32])> = (batch.iter().zip(&done))
                .map(|(&(_, grid), (_, integers))| (grid, integers.as_slice()))
                .collect();
            residuals.add(&stored, &mut decoded);
            for (&(number, _), (mut pass, integers)) in batch.iter().zip(done) {
                pass.coefficients = Some(Integers::pack(integers));
                self.grids[number].push(pass);
            }
        }
        Some(decoded)
    }

    /// Quantises some grids of one level.
    fn batch(
        &mut self,
        batch: &[(usize, &BrickGrid)],
        exact: &BandsOver<'_, T>,
        predicted: Option<&[Vec<T>]>,
    ) -> Option<Vec<QuantisedGrid>> {
        let quantise = |session: &mut BrickQuantiser<T>, grid: &BrickGrid| {
            let mut residuals = grid.gather(&exact.regions, &exact.bands);
            if let Some(predicted) = predicted {
                subtract(&mut residuals, &grid.gather(&exact.regions, predicted));
            }
            quantise_grid(session, grid, &residuals)
        };
        if let &[(0, grid)] = batch {
            return quantise(&mut self.shared, grid).map(|done| vec![done]);
        }
        let quantiser = self.quantiser;
        batch
            .par_iter()
            .map(|&(_, grid)| quantise(&mut BrickQuantiser::new(quantiser), grid))
            .collect()
    }
}

impl<T: Real> LevelStep<T> for Encoding<'_, T> {
    fn details(&mut self, part: LevelPart<'_, T>) -> Result<Option<Vec<Vec<T>>>> {
        let (index, level, cells) = (part.index, part.level, part.cells);
        if self.analysis.is_streamed(index) {
            self.streamed(part)?;
            return Ok(None);
        }
        let predicted = part.predict()?;
        let used = match &predicted {
            None => false,
            Some(predicted) => {
                let crop = |part| Ok(Some(crop_details(level, predicted, cells, part)));
                self.is_used(part, &crop)?
            }
        };
        self.used[index] = used;
        let predicted = self.predicted(part, predicted, used)?;
        let (accumulate, bands) = or_zeros(predicted, level, cells);
        let details = self.quantised(Subbands::Details(index), cells, accumulate, bands);
        self.overflowed = details.is_none();
        // Nobody needs the field itself.
        Ok(details.filter(|_| index > 0))
    }
}

impl<T: Real> LoopOutcome<T> {
    /// Prunes the octree and totals the squared error.
    fn prune_and_total(
        mut self,
        analysis: &Analysis<'_, T>,
        quantiser: Quantiser<T>,
        dequantiser: Dequantiser<T>,
    ) -> Pass<T> {
        let plan = &analysis.plan;
        let all = Octree::uniform(plan, true);
        let nodes = all.grids().iter().map(|grid| grid.stored.len());
        let mut costs: Vec<Vec<BlockCost>> = nodes
            .clone()
            .map(|n| vec![BlockCost::default(); n])
            .collect();
        let mut wanted: Vec<Vec<bool>> = nodes.map(|n| vec![false; n]).collect();
        let (mut error, mut bits) = (0.0, 0.0);
        for (grid, pass) in pairs(&analysis.partition, &mut self.grids) {
            match grid.subbands {
                Subbands::LowPass => {
                    error += pass.costs.iter().map(|c| f64::from(c.stored)).sum::<f64>();
                    bits += pass.costs.iter().map(|c| f64::from(c.bits)).sum::<f64>();
                }
                Subbands::Details(level) => {
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
                bits += f64::from(if stored { cost.bits } else { 0.0 });
            }
        }
        let step = dequantiser.step.to_f64();
        let integers = |brick: Vec<GridPass>| brick.into_iter().map(|g| g.coefficients).collect();
        Pass {
            dequantiser,
            coefficients: self.grids.into_iter().map(integers).collect(),
            tree,
            squared_error: error * step * step,
            bits,
            used: self.used,
            gains: Vec::new(),
            gain_factors: self.gain_factors,
            past: self.past,
            quantiser,
            coarse: self.coarse,
        }
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

#[cfg(test)]
mod tests;
