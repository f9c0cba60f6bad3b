//! The coarsest step that keeps a PSNR.
//!
//! The first step follows from the magnitudes of the coefficients, a pass tells how far off that was, and the second one
//! lands. A pass is estimated from its coefficients, which costs a fraction of decoding it. The estimate is a little high:
//! 9/7 is not quite orthonormal, and the signs of the errors of small coefficients are not random. So a first pass near
//! the target is measured to learn by how much, without coding it where nothing is predicted, and from then on those that
//! should meet the target are coded and decoded. With networks estimates are off by more than without, and that is learned
//! from a pass whose gains do not fit yet, too.

use super::solve::Solver;
use super::{MAX_PASSES, StepTrials};
use crate::base::error::Result;

/// PSNR may exceed its target by this much, in dB: the spec's promise is a lower bound, and this is what is given away.
const SLACK: f64 = 0.1;
/// Passes from which more is close enough too, in dB.
const PATIENCE: [(usize, f64); 2] = [(3, 0.06), (5, SLACK)];
/// How near the estimate must come for the first decode, in dB: it tells how far estimates are off, and that hardly changes
/// from here to the target.
const FIRST_LOOK: f64 = 0.8;
/// How near it must come for those that follow: so many times what is aimed at above the target.
const NEXT_LOOK: f64 = 2.0;
/// Passes after which the levels that use networks are no longer chosen anew: in small fields each change of that choice
/// is a jump of the quality, and the target may lie inside the jump.
const FREE_PASSES: usize = 4;
/// Passes after which gains count as fitted.
const SETTLING_PASSES: usize = 3;
/// Steps tried at most where the quality is not smooth.
const SWEEP: usize = 48;
/// Voxels that are tried in all then: larger fields are smooth enough, or take too long.
const SWEPT: usize = 1 << 20;
/// Steps tried beyond a jump of the quality, as natural logarithms. The last are for fields of a few thousand voxels, where
/// the estimate is off by decibels.
const JUMPS: [f64; 6] = [0.0, -0.05, -0.15, -0.4, -1.0, -2.0];

/// Target PSNR that the lines below were fitted around, in dB.
const FITTED_AT: f64 = 60.0;
/// First guess of the estimate's bias: dB at [`FITTED_AT`], dB more per dB below it, and limits. About what turbulence and
/// mixing layers (128^3, 30 to 80 dB) have; a first decode replaces it.
const BIAS: Line = Line {
    at: 0.27,
    slope: 0.011,
    limits: (0.1, 0.9),
};
/// How much higher what the magnitudes let expect is than what is decoded: as [`BIAS`]. Only the first pass depends on it.
const PROMISE: Line = Line {
    at: 0.1,
    slope: 0.01,
    limits: (-0.1, 0.8),
};
/// Change of the logarithm of the step over which the slope is measured.
const NEARBY: f64 = 0.1;
/// The flattest slope a search starts with, in dB.
const LEAST_SLOPE: f64 = -2.0;
/// Halvings of the interval that the first step is looked for in: to a thousandth.
const HALVINGS: u32 = 16;
/// The finest step looked at, as a logarithm below the coarsest.
const REACH: f64 = 48.0;

/// A straight line over the target PSNR, cut at both ends.
struct Line {
    at: f64,
    slope: f64,
    limits: (f64, f64),
}

impl Line {
    fn value(&self, target: f64) -> f64 {
        (self.at + (FITTED_AT - target) * self.slope).clamp(self.limits.0, self.limits.1)
    }
}

/// What is searched, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PsnrTarget {
    /// Least PSNR in dB.
    psnr_db: f64,
    range: f64,
    /// Logarithm of the first step.
    start: f64,
    /// Decibels, about, that a step larger by a factor of e brings there: negative.
    slope: f64,
    /// Logarithm of a step at which every coefficient is zero.
    coarsest: f64,
    /// How much higher estimates are than what is decoded, in dB, about.
    bias: f64,
    /// What the search aims at above the target, in dB.
    aim: f64,
    /// Landing within this above the target ends the search at once, in dB.
    close: f64,
    /// Steps to try where the quality is not smooth.
    sweep: usize,
}

/// What is known of a field before its first pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prospect {
    /// Voxels it has.
    pub(crate) voxels: usize,
    /// Range in the normalised unit.
    pub(crate) range: f64,
    /// A step at which every coefficient is zero.
    pub(crate) coarsest: f64,
    /// A step that is likely near the answer, if one is known.
    pub(crate) start: Option<f64>,
    /// How much higher estimates were than what was decoded in another frame of the field, in dB, if there is one.
    pub(crate) bias: Option<f64>,
    /// Decibels, about, that a step larger by a factor of e brings, where the magnitudes do not tell.
    pub(crate) slope: Option<f64>,
    /// How far above the target the search aims, in dB, and how far above is close enough at once.
    pub(crate) aim: f64,
    pub(crate) close: f64,
}

impl PsnrTarget {
    /// `expected` is the root mean squared error that a step will leave, about, in the unit of the range.
    pub(crate) fn new(psnr_db: f64, field: Prospect, expected: impl Fn(f64) -> f64) -> Self {
        let (range, coarsest) = (field.range, field.coarsest.ln());
        let quality = |x: f64| 20.0 * (range / expected(x.exp())).log10();
        let start = match field.start {
            Some(start) => start.ln().min(coarsest),
            None => coarsest_with(
                &quality,
                psnr_db + PROMISE.value(psnr_db) + field.aim,
                coarsest,
            ),
        };
        let steepness = || (quality(start + NEARBY) - quality(start - NEARBY)) / (2.0 * NEARBY);
        let slope = field.slope.unwrap_or_else(steepness);
        Self {
            psnr_db,
            range,
            start,
            // Not flat, whatever a field is like: a search must get on.
            slope: if slope < LEAST_SLOPE {
                slope
            } else {
                LEAST_SLOPE
            },
            coarsest,
            aim: field.aim,
            close: field.close,
            bias: field.bias.unwrap_or_else(|| BIAS.value(psnr_db)),
            sweep: (SWEPT / field.voxels.max(1)).min(SWEEP),
        }
    }
}

/// Where a falling `quality` passes `wanted`, at `coarsest` at most.
fn coarsest_with(quality: &impl Fn(f64) -> f64, wanted: f64, coarsest: f64) -> f64 {
    let (mut low, mut high) = (coarsest - REACH, coarsest);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if quality(middle) >= wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The trial with the coarsest step found whose decoded PSNR is at least the target, and at most 0.1 dB above where the
/// quality is smooth enough. `None` when rounding keeps it out of reach, or where a pass shows that it is not worth while.
///
/// # Errors
/// Those of the trials.
pub(crate) fn search<T: StepTrials>(trials: &mut T, target: PsnrTarget) -> Result<Option<T::Best>> {
    let mut search = PsnrSearch::new(trials, target);
    search.approach()?;
    if search.is_in_vain {
        return Ok(None);
    }
    let best = match search.best.take() {
        None => search.beyond_jump()?,
        found => found,
    };
    let Some(best) = best else {
        return Ok(None);
    };
    if best.psnr_db <= target.psnr_db + SLACK.max(target.close) || best.psnr_db.is_infinite() {
        return search.coded(best);
    }
    match search.sweep(best.psnr_db, best.x)? {
        None => search.coded(best),
        nearest => Ok(nearest),
    }
}

/// A pass that meets the target.
struct Candidate<B> {
    psnr_db: f64,
    x: f64,
    /// None where it was not coded.
    trial: Option<B>,
}

/// A search under way.
struct PsnrSearch<'t, T: StepTrials> {
    trials: &'t mut T,
    target: PsnrTarget,
    solver: Solver,
    /// Logarithm of the step of the next pass.
    x: f64,
    /// How much higher estimates are than what is decoded, in dB.
    bias: f64,
    /// Whether that was seen, and not guessed.
    is_bias_seen: bool,
    /// How near to its aim an estimate must come to be decoded, in dB.
    near: f64,
    /// The coarsest step so far that is fine enough by its estimate.
    fine: Option<f64>,
    best: Option<Candidate<T::Best>>,
    /// Whether another frame was seen to be better.
    is_in_vain: bool,
}

impl<'t, T: StepTrials> PsnrSearch<'t, T> {
    fn new(trials: &'t mut T, target: PsnrTarget) -> Self {
        Self {
            trials,
            target,
            solver: Solver::new(target.slope),
            x: target.start,
            bias: target.bias,
            is_bias_seen: false,
            near: FIRST_LOOK,
            fine: None,
            best: None,
            is_in_vain: false,
        }
    }

    /// What an estimate should be.
    fn aim(&self) -> f64 {
        self.target.psnr_db + self.bias + self.target.aim
    }

    /// Follows the estimates to the target.
    fn approach(&mut self) -> Result<()> {
        for number in 1..=MAX_PASSES {
            let Some(next) = self.pass(number)? else {
                break;
            };
            self.x = next;
        }
        Ok(())
    }

    /// One pass, decoded where it should meet the target. The step of the next; `None` at the end of the search.
    fn pass(&mut self, number: usize) -> Result<Option<f64>> {
        let Some(quantised) = self.trials.quantise(self.x.exp())? else {
            return Ok(None);
        };
        // A pass whose gains will change says little about the next one.
        let is_settled = number >= SETTLING_PASSES || quantised.is_settled;
        if is_settled && !quantised.is_promising {
            self.is_in_vain = true;
            return Ok(None);
        }
        if number == FREE_PASSES && quantised.uses_networks {
            self.trials.fix_levels(&quantised.pass);
            self.solver = Solver::new(self.target.slope);
        }
        let is_exact = quantised.rms_error == 0.0;
        let estimate = 20.0 * (self.target.range / quantised.rms_error).log10();
        if estimate >= self.aim() && self.fine.is_none_or(|fine| self.x > fine) {
            self.fine = Some(self.x);
        }
        let is_near = (estimate - self.aim()).abs() <= self.near;
        if is_exact || is_settled && is_near {
            let seems_close = self.is_bias_seen && self.is_close(number, estimate - self.bias);
            let reached = if is_exact || seems_close {
                self.decode(number, quantised.pass)?
            } else {
                self.look(number, quantised.pass)?
            };
            if is_exact || self.is_close(number, reached) {
                return Ok(None);
            }
            self.learn_bias(estimate - reached);
        } else if is_near && !self.is_bias_seen && quantised.uses_networks && quantised.is_promising
        {
            // The next gains change the estimate and what is decoded alike: one decode costs less than one more pass with networks.
            let trial = self.trials.code(quantised.pass)?;
            let reached = self.trials.psnr_db(&trial);
            self.trials.pass_done(number, reached);
            self.learn_bias(estimate - reached);
        } else {
            self.trials.pass_done(number, estimate - self.bias);
        }
        Ok(self.next(estimate, is_settled))
    }

    fn learn_bias(&mut self, bias: f64) {
        self.bias = bias;
        self.is_bias_seen = true;
        self.near = NEXT_LOOK * self.target.aim;
    }

    /// The PSNR of a pass, which is coded only where that ends the search.
    fn look(&mut self, number: usize, pass: T::Pass) -> Result<f64> {
        let psnr_db = match self.trials.measure(&pass)? {
            Some(psnr_db) if !self.is_close(number, psnr_db) => psnr_db,
            _ => return self.decode(number, pass),
        };
        self.trials.pass_done(number, psnr_db);
        if self.is_best(psnr_db) {
            self.best = Some(Candidate {
                psnr_db,
                x: self.x,
                trial: None,
            });
        }
        Ok(psnr_db)
    }

    fn is_best(&self, psnr_db: f64) -> bool {
        let best = self.best.as_ref();
        psnr_db >= self.target.psnr_db && best.is_none_or(|best| psnr_db < best.psnr_db)
    }

    /// Codes and decodes a pass, and keeps it where it is the best so far. Its PSNR.
    fn decode(&mut self, number: usize, pass: T::Pass) -> Result<f64> {
        let trial = self.trials.code(pass)?;
        let psnr_db = self.trials.psnr_db(&trial);
        self.trials.pass_done(number, psnr_db);
        if self.is_best(psnr_db) {
            self.best = Some(self.candidate(self.x, trial)?);
        }
        Ok(psnr_db)
    }

    fn candidate(&mut self, x: f64, trial: T::Trial) -> Result<Candidate<T::Best>> {
        Ok(Candidate {
            psnr_db: self.trials.psnr_db(&trial),
            x,
            trial: Some(self.trials.keep(trial)?),
        })
    }

    /// The frame of a candidate. One that was not coded is quantised once more: only passes that depend on nothing but
    /// their step are looked at without.
    fn coded(&mut self, candidate: Candidate<T::Best>) -> Result<Option<T::Best>> {
        if candidate.trial.is_some() {
            return Ok(candidate.trial);
        }
        let Some(quantised) = self.trials.quantise(candidate.x.exp())? else {
            return Ok(None);
        };
        let trial = self.trials.code(quantised.pass)?;
        self.trials.keep(trial).map(Some)
    }

    fn is_close(&self, number: usize, reached: f64) -> bool {
        let target = self.target.psnr_db;
        let patience = PATIENCE.iter().rev().find(|(passes, _)| number >= *passes);
        let slack = patience.map_or(0.0, |(_, slack)| *slack);
        let slack = slack.max(self.target.close);
        (target..=target + slack).contains(&reached)
    }

    fn next(&mut self, estimate: f64, is_settled: bool) -> Option<f64> {
        let aim = self.aim();
        let next = if is_settled {
            self.solver.next(self.x, estimate, aim)
        } else {
            Solver::new(self.target.slope).next(self.x, estimate, aim)
        };
        let next = next.filter(|_| self.x < self.target.coarsest)?;
        Some(next.min(self.target.coarsest))
    }

    /// In small or very smooth fields the quality jumps from one step to the next, and the target may lie inside a jump:
    /// what is on its far side.
    fn beyond_jump(&mut self) -> Result<Option<Candidate<T::Best>>> {
        let fine = self.fine.unwrap_or(self.x);
        for finer in JUMPS {
            let x = fine + finer;
            let Some(quantised) = self.trials.quantise(x.exp())? else {
                break;
            };
            let trial = self.trials.code(quantised.pass)?;
            if self.trials.psnr_db(&trial) >= self.target.psnr_db {
                return self.candidate(x, trial).map(Some);
            }
        }
        Ok(None)
    }

    /// In small fields each rounding counts: the quality is no smooth function of the step, and a step that meets the
    /// target closely may lie where a bracket does not lead. Tries steps in turn, from `x` with its quality `reached` to
    /// twice as far as that of the target should lie. What meets the target most closely; `None` when nothing does better
    /// than `x`.
    fn sweep(&mut self, reached: f64, x: f64) -> Result<Option<T::Best>> {
        let target = self.target.psnr_db;
        let far = 2.0 * (target - reached) / self.target.slope;
        let (mut least, mut nearest) = (reached, None);
        for i in 1..=self.target.sweep {
            let step = (x + far * i as f64 / self.target.sweep as f64).exp();
            let Some(quantised) = self.trials.quantise(step)? else {
                break;
            };
            let trial = self.trials.code(quantised.pass)?;
            let reached = self.trials.psnr_db(&trial);
            if (target..least).contains(&reached) {
                (least, nearest) = (reached, Some(self.trials.keep(trial)?));
            }
            if least <= target + SLACK {
                break;
            }
        }
        Ok(nearest)
    }
}

#[cfg(test)]
mod tests;
