//! The coarsest step that keeps a PSNR.
//!
//! A pass is estimated from its coefficients, which costs a fraction of decoding it. The estimate is a little high: 9/7 is
//! not quite orthonormal, and the signs of the errors of small coefficients are not random. So a first pass near the
//! target is decoded to learn by how much, and from then on those that should meet the target.

use super::solve::Solver;
use super::{MAX_PASSES, StepTrials};
use crate::base::error::Result;

/// PSNR may exceed its target by this much, in dB: the spec's promise is a lower bound, and this is what is given away.
const SLACK: f64 = 0.15;
/// What the search aims at above the target, and how far off it may land, in dB.
const AIM: f64 = 0.01;
/// Landing within this above the target ends the search at once, in dB.
const CLOSE: f64 = 3.0 * AIM;
/// Passes from which [`SLACK`] is close enough too.
const PATIENT_PASSES: usize = 5;
/// How near the estimate must come for the first decode, in dB: it tells how far estimates are off, by tenths of a
/// decibel.
const FIRST_LOOK: f64 = 0.1;
/// How near it must come for those that follow, in dB.
const NEXT_LOOK: f64 = 1.5 * AIM;
/// Decibels, about, that a step larger by a factor of e costs: 20 log10(e) = 8.7 if all coefficients were quantised
/// alike, less because small ones are zero already. Fitted on isotropic turbulence (128^3, 30 to 60 dB) when the search was
/// written; it only speeds up the search, for the solver replaces it by what it sees.
const DB_PER_E: f64 = 6.4;
/// Passes after which the levels that use networks are no longer chosen anew: in small fields each change of that choice
/// is a jump of the quality, and the target may lie inside the jump.
const FREE_PASSES: usize = 8;
/// Passes after which gains count as fitted.
const SETTLING_PASSES: usize = 4;
/// Steps tried where the quality is not smooth.
const SWEEP: u32 = 48;
/// Steps tried beyond a jump of the quality, as natural logarithms. The last are for fields of a few thousand voxels, where
/// the estimate is off by decibels.
const JUMPS: [f64; 6] = [0.0, -0.05, -0.15, -0.4, -1.0, -2.0];

/// Target PSNR that the lines below were fitted around, in dB.
const FITTED_AT: f64 = 60.0;
/// First guess of the estimate's bias: dB at [`FITTED_AT`], dB more per dB below it, and limits. Fitted like [`DB_PER_E`];
/// a first decode replaces it.
const BIAS: Line = Line {
    at: 0.39,
    slope: 0.03,
    limits: (0.2, 1.6),
};
/// First guess of the step: in units of the error allowed at [`FITTED_AT`], more per dB below it, and limits. A uniform
/// quantiser alone would have sqrt(12) = 3.5; most coefficients are zero at a low PSNR, and the step grows. Fitted like
/// [`DB_PER_E`]; only the first pass depends on it.
const STEP: Line = Line {
    at: 4.5,
    slope: 0.35,
    limits: (3.5, 16.0),
};

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
    /// Range of the field in the normalised unit.
    range: f64,
    /// Logarithm of the first step.
    start: f64,
    /// Logarithm of a step at which every coefficient is zero.
    coarsest: f64,
}

impl PsnrTarget {
    /// `start` is a step that is likely near the answer, if one is known; `coarsest` is the logarithm of one at which
    /// every coefficient is zero.
    pub(crate) fn new(psnr_db: f64, range: f64, start: Option<f64>, coarsest: f64) -> Self {
        let rms = range * 10f64.powf(-psnr_db / 20.0);
        let guess = rms * STEP.value(psnr_db);
        Self {
            psnr_db,
            range,
            start: start.unwrap_or(guess).ln().min(coarsest),
            coarsest,
        }
    }
}

/// The trial with the coarsest step found whose decoded PSNR is at least the target, and at most 0.15 dB above where the
/// quality is smooth enough. `None` when rounding keeps it out of reach.
///
/// # Errors
/// Those of the trials.
pub(crate) fn search<T: StepTrials>(trials: &mut T, target: PsnrTarget) -> Result<Option<T::Best>> {
    let mut search = PsnrSearch::new(trials, target);
    search.approach()?;
    let best = match search.best.take() {
        None => search.beyond_jump()?,
        found => found,
    };
    let Some(best) = best else {
        return Ok(None);
    };
    if best.psnr_db <= target.psnr_db + SLACK || best.psnr_db.is_infinite() {
        return Ok(Some(best.trial));
    }
    Ok(Some(
        search.sweep(best.psnr_db, best.x)?.unwrap_or(best.trial),
    ))
}

/// A trial that meets the target.
struct Candidate<B> {
    psnr_db: f64,
    x: f64,
    trial: B,
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
    /// How near to its aim an estimate must come to be decoded, in dB.
    near: f64,
    /// The coarsest step so far that is fine enough by its estimate.
    fine: Option<f64>,
    best: Option<Candidate<T::Best>>,
}

impl<'t, T: StepTrials> PsnrSearch<'t, T> {
    fn new(trials: &'t mut T, target: PsnrTarget) -> Self {
        Self {
            trials,
            target,
            solver: Solver::new(-DB_PER_E),
            x: target.start,
            bias: BIAS.value(target.psnr_db),
            near: FIRST_LOOK,
            fine: None,
            best: None,
        }
    }

    /// What an estimate should be.
    fn aim(&self) -> f64 {
        self.target.psnr_db + self.bias + AIM
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
        if number == FREE_PASSES && quantised.uses_networks {
            self.trials.fix_levels(&quantised.pass);
            self.solver = Solver::new(-DB_PER_E);
        }
        let is_exact = quantised.rms_error == 0.0;
        let estimate = 20.0 * (self.target.range / quantised.rms_error).log10();
        // A pass whose gains will change says little about the next one.
        let is_settled = number >= SETTLING_PASSES || quantised.is_settled;
        if estimate >= self.aim() && self.fine.is_none_or(|fine| self.x > fine) {
            self.fine = Some(self.x);
        }
        if is_exact || is_settled && (estimate - self.aim()).abs() <= self.near {
            let reached = self.decode(number, quantised.pass)?;
            if is_exact || self.is_close(number, reached) {
                return Ok(None);
            }
            self.bias = estimate - reached;
            self.near = NEXT_LOOK;
        } else {
            self.trials.pass_done(number, estimate - self.bias);
        }
        Ok(self.next(estimate, is_settled))
    }

    /// Codes and decodes a pass, and keeps it where it is the best so far. Its PSNR.
    fn decode(&mut self, number: usize, pass: T::Pass) -> Result<f64> {
        let trial = self.trials.code(pass)?;
        let psnr_db = self.trials.psnr_db(&trial);
        self.trials.pass_done(number, psnr_db);
        let is_best = |best: &Candidate<_>| psnr_db < best.psnr_db;
        if psnr_db >= self.target.psnr_db && self.best.as_ref().is_none_or(is_best) {
            self.best = Some(self.candidate(self.x, trial)?);
        }
        Ok(psnr_db)
    }

    fn candidate(&mut self, x: f64, trial: T::Trial) -> Result<Candidate<T::Best>> {
        Ok(Candidate {
            psnr_db: self.trials.psnr_db(&trial),
            x,
            trial: self.trials.keep(trial)?,
        })
    }

    fn is_close(&self, number: usize, reached: f64) -> bool {
        let target = self.target.psnr_db;
        let slack = if number >= PATIENT_PASSES {
            SLACK
        } else {
            CLOSE
        };
        (target..=target + slack).contains(&reached)
    }

    fn next(&mut self, estimate: f64, is_settled: bool) -> Option<f64> {
        let aim = self.aim();
        let next = if is_settled {
            self.solver.next(self.x, estimate, aim)
        } else {
            Solver::new(-DB_PER_E).next(self.x, estimate, aim)
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
        let far = 2.0 * (reached - target) / DB_PER_E;
        let (mut least, mut nearest) = (reached, None);
        for i in 1..=SWEEP {
            let step = (x + far * f64::from(i) / f64::from(SWEEP)).exp();
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
