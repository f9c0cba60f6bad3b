//! From an error bound to a quantisation step: few passes, each checked by a real decode.

use std::cell::RefCell;

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::codec::corrections::Corrections;
use crate::container::{WaveletForm, brick_runs_cost};
use crate::frame::wavelet::gains;
use crate::frame::wavelet::quantise::{Pass, Used};
use crate::frame::wavelet::solve::Solver;
use crate::frame::wavelet::trial::{
    BRICK_CHUNK, Candidate, Check, Networks, Original, Payloads, Trial,
};
use crate::metrics::{Comparison, ssim};
use crate::options::Progress;

/// PSNR may exceed its target by this much, in dB.
const PSNR_SLACK: f64 = 0.15;
/// What the search aims at above the target, and how far off it may land, in dB.
const PSNR_AIM: f64 = 0.01;
/// How near the estimate must come for the first decode, in dB: it tells how far estimates are off, by
/// tenths of a decibel.
const FIRST_LOOK: f64 = 0.1;
/// `-ln(1 - ssim)` may exceed its target by this much: 2 % of the distance to 1.
const SSIM_SLACK: f64 = 0.02;
/// A compression ratio may miss its target by this fraction.
const RATIO_SLACK: f64 = 0.01;
/// Passes after which the best so far is taken.
const MAX_PASSES: usize = 24;
/// Decibels, about, that a step larger by a factor of e costs.
const DB_PER_E: f64 = 6.4;
/// Steps tried where the quality is not smooth.
const SWEEP: u32 = 48;
/// Steps tried beyond a jump of the quality, as natural logarithms. The last are for fields of a few
/// thousand voxels, where the estimate is off by decibels.
const JUMPS: [f64; 6] = [0.0, -0.05, -0.15, -0.4, -1.0, -2.0];
/// Passes after which the levels that use networks are no longer chosen anew: in small fields each
/// change of that choice is a jump of the quality, and the target may lie inside the jump.
const FREE_PASSES: usize = 8;
/// Passes after which gains count as fitted.
const SETTLING_PASSES: usize = 4;

/// A trial worth keeping, without the field it decoded to: what is known of that stays.
pub(crate) struct Found {
    pub(crate) form: WaveletForm,
    pub(crate) payloads: Payloads,
    pub(crate) corrections: Option<Corrections>,
    pub(crate) comparison: Comparison,
    /// Where it was asked for.
    pub(crate) ssim: Option<f64>,
    pub(crate) decode_seconds: f64,
}

/// The field and its context during a search.
pub(crate) struct Search<'a, E: Element> {
    pub(crate) candidate: &'a Candidate<'a, E>,
    pub(crate) networks: Option<&'a Networks>,
    /// The gains of the next pass; empty without networks.
    pub(crate) gains: RefCell<Vec<f32>>,
    /// A step that is likely near the answer.
    pub(crate) start: Option<f64>,
    pub(crate) shape: Shape,
    pub(crate) original: Original<'a, E>,
    /// Whether the SSIM of what is kept shall be known.
    pub(crate) measure_ssim: bool,
}

impl<E: Element> Search<'_, E> {
    /// A pass at `step`. While the levels that use networks are free, its gains are fitted for the next one.
    fn quantise(&self, step: f64, use_on: Option<&Used>) -> Result<Option<(f64, Pass<E::Work>)>> {
        let mut gains = self.gains.borrow_mut();
        let done = self
            .candidate
            .quantise(step, self.networks, &gains, use_on)?;
        if let Some((_, pass)) = &done {
            gains::refit(&mut gains, &pass.gain_factors);
        }
        Ok(done)
    }

    /// Codes and decodes a pass.
    fn code(&self, pass: Pass<E::Work>, correct: Option<f64>) -> Result<Trial<E>> {
        let check = Check {
            correct,
            keep: self.measure_ssim,
        };
        self.candidate
            .code(pass, self.networks, self.original, check)
    }

    fn ssim_of(&self, trial: &Trial<E>) -> Result<f64> {
        let Original {
            values, ordinary, ..
        } = self.original;
        ssim(self.shape, values, &trial.decoded, ordinary)
    }

    /// Lets a trial's decoded field go.
    fn keep(&self, trial: Trial<E>) -> Result<Found> {
        Ok(Found {
            ssim: self
                .measure_ssim
                .then(|| self.ssim_of(&trial))
                .transpose()?,
            comparison: trial.comparison,
            form: trial.form,
            payloads: trial.payloads,
            corrections: Some(trial.corrections).filter(|c| !c.entries.is_empty()),
            decode_seconds: trial.decode_seconds,
        })
    }

    /// The coarsest step whose decoded PSNR is at least `target` dB and at most 0.15 dB above.
    /// `None` when rounding keeps it out of reach.
    pub(crate) fn psnr(&self, target: f64) -> Result<Option<Found>> {
        // The estimate from the coefficients is a little high: 9/7 is not quite orthonormal, and the
        // signs of the errors of small coefficients are not random.
        let mut bias = (0.39 + (60.0 - target) * 0.03).clamp(0.2, 1.6);
        let rms = self.normalised_range() * 10f64.powf(-target / 20.0);
        let guess = rms * (4.5 + 0.35 * (60.0 - target)).clamp(3.5, 16.0);
        let coarsest = self.coarsest();
        let mut x = self.start.unwrap_or(guess).ln().min(coarsest);
        let mut solver = Solver::new(-DB_PER_E);
        let mut best: Option<(f64, f64, Found)> = None;
        let mut use_on: Option<Used> = None;
        let mut near = FIRST_LOOK;
        // The coarsest step so far that is fine enough by its estimate.
        let mut fine: Option<f64> = None;
        for passes in 1..=MAX_PASSES {
            let quantised = self.quantise(x.exp(), use_on.as_ref())?;
            let Some((error, pass)) = quantised else {
                break;
            };
            if passes == FREE_PASSES && pass.used.contains(&true) {
                use_on = Some(pass.used.clone());
                solver = Solver::new(-DB_PER_E);
            }
            let estimate = 20.0 * (self.normalised_range() / error).log10();
            let aim = target + bias + PSNR_AIM;
            // A pass whose gains will change says little about the next one.
            let settled = passes >= SETTLING_PASSES || pass.is_settled();
            if estimate >= aim && fine.is_none_or(|fine| x > fine) {
                fine = Some(x);
            }
            if error == 0.0 || settled && (estimate - aim).abs() <= near {
                let trial = self.code(pass, None)?;
                let reached = trial.comparison.psnr_db;
                self.original
                    .observer
                    .pass_done(Progress::new(passes, reached));
                if reached >= target && best.as_ref().is_none_or(|(p, ..)| reached < *p) {
                    best = Some((reached, x, self.keep(trial)?));
                }
                if (target..=target + 3.0 * PSNR_AIM).contains(&reached) || error == 0.0 {
                    break;
                }
                if passes >= 5 && (target..=target + PSNR_SLACK).contains(&reached) {
                    break;
                }
                bias = estimate - reached;
                near = PSNR_AIM * 1.5;
            } else {
                self.original
                    .observer
                    .pass_done(Progress::new(passes, estimate - bias));
            }
            let aim = target + bias + PSNR_AIM;
            let next = if settled {
                solver.next(x, estimate, aim)
            } else {
                Solver::new(-DB_PER_E).next(x, estimate, aim)
            };
            let Some(next) = next else {
                break;
            };
            if x >= coarsest {
                break;
            }
            x = next.min(coarsest);
        }
        let best = match best {
            None => self.beyond_jump(target, fine.unwrap_or(x), use_on.as_ref())?,
            found => found,
        };
        let Some((reached, x, found)) = best else {
            return Ok(None);
        };
        if reached <= target + PSNR_SLACK || reached.is_infinite() {
            return Ok(Some(found));
        }
        let nearer = self.sweep(target, reached, x, use_on.as_ref())?;
        Ok(nearer.or(Some(found)))
    }

    /// In small fields each rounding counts: the quality is no smooth function of the step, and a step
    /// that meets `target` closely may lie where a bracket does not lead. Tries steps in turn, from `x`
    /// with its quality `reached` to twice as far as that of `target` should lie. What meets the target most
    /// closely; `None` when nothing does better than `x`.
    fn sweep(
        &self,
        target: f64,
        reached: f64,
        x: f64,
        use_on: Option<&Used>,
    ) -> Result<Option<Found>> {
        let far = 2.0 * (reached - target) / DB_PER_E;
        let (mut least, mut nearest) = (reached, None);
        for i in 1..=SWEEP {
            let step = (x + far * f64::from(i) / f64::from(SWEEP)).exp();
            let Some((_, pass)) = self.quantise(step, use_on)? else {
                break;
            };
            let trial = self.code(pass, None)?;
            let reached = trial.comparison.psnr_db;
            if (target..least).contains(&reached) {
                (least, nearest) = (reached, Some(self.keep(trial)?));
            }
            if least <= target + PSNR_SLACK {
                break;
            }
        }
        Ok(nearest)
    }

    /// In small or very smooth fields the quality jumps from one step to the next, and the target may
    /// lie inside a jump: what is on its far side, from `fine` on, with its quality and the logarithm
    /// of its step.
    fn beyond_jump(
        &self,
        target: f64,
        fine: f64,
        use_on: Option<&Used>,
    ) -> Result<Option<(f64, f64, Found)>> {
        for finer in JUMPS {
            let x = fine + finer;
            let Some((_, pass)) = self.quantise(x.exp(), use_on)? else {
                break;
            };
            let trial = self.code(pass, None)?;
            let reached = trial.comparison.psnr_db;
            if reached >= target {
                return Ok(Some((reached, x, self.keep(trial)?)));
            }
        }
        Ok(None)
    }

    /// The coarsest step whose decoded SSIM is at least `target`.
    pub(crate) fn ssim(&self, target: f64) -> Result<Option<Found>> {
        let quality = |trial: &Trial<E>| {
            let value = self.ssim_of(trial)?;
            // Fields without a single window count as equal.
            Ok((
                -(1.0 - value).max(1e-16).ln(),
                if value.is_nan() { 1.0 } else { value },
            ))
        };
        let wanted = -(1.0 - target).max(1e-15).ln();
        self.decoded(
            wanted,
            SSIM_SLACK,
            -1.0,
            self.normalised_range() * 0.05,
            quality,
        )
    }

    /// The step whose file is `target` bytes long, 1 % more or less.
    pub(crate) fn bytes(&self, target: f64, overhead: usize) -> Result<Option<Found>> {
        let quality = |trial: &Trial<E>| {
            let (runs, heads) = brick_runs_cost(&trial.payloads.bricks);
            let gains = trial.form.network.as_ref().map_or(0, |n| n.gains.len());
            let levels = usize::from(trial.form.levels) + gains * size_of::<f32>();
            let chunks = runs * BRICK_CHUNK + heads;
            let bytes = (trial.payloads.len() + overhead + levels + chunks) as f64;
            Ok((bytes.ln(), bytes))
        };
        let aim = target.ln() - RATIO_SLACK;
        self.decoded(
            aim,
            2.0 * RATIO_SLACK,
            -1.0,
            self.normalised_range() * 0.05,
            quality,
        )
    }

    /// Finds a step whose `quality` (decreasing with the step) lies within `[wanted, wanted + slack]`;
    /// failing that, the nearest above. `quality` returns the value and what to report.
    fn decoded(
        &self,
        wanted: f64,
        slack: f64,
        slope: f64,
        start: f64,
        quality: impl Fn(&Trial<E>) -> Result<(f64, f64)>,
    ) -> Result<Option<Found>> {
        let mut solver = Solver::new(slope);
        let mut x = self.start.unwrap_or(start).ln();
        let mut best: Option<(f64, Found)> = None;
        for passes in 1..=MAX_PASSES {
            let Some((_, pass)) = self.quantise(x.exp(), None)? else {
                break;
            };
            let trial = self.code(pass, None)?;
            let (reached, shown) = quality(&trial)?;
            self.original
                .observer
                .pass_done(Progress::new(passes, shown));
            let miss = |q: f64| {
                if q < wanted {
                    f64::INFINITY
                } else {
                    q - wanted
                }
            };
            if best.as_ref().is_none_or(|(q, _)| miss(reached) < miss(*q)) {
                best = Some((reached, self.keep(trial)?));
            }
            if (wanted..=wanted + slack).contains(&reached) {
                break;
            }
            let Some(next) = solver.next(x, reached, wanted + slack / 2.0) else {
                break;
            };
            x = next;
        }
        Ok(best.filter(|(q, _)| *q >= wanted).map(|(_, found)| found))
    }

    /// The step whose file is shortest when every voxel beyond `bound` is corrected.
    pub(crate) fn max_error(&self, bound: f64) -> Result<Option<Found>> {
        let unit = bound / self.candidate.form.scale;
        let mut best: Option<(usize, Found)> = None;
        let mut passes = 0;
        let mut cost = |x: f64| -> Result<f64> {
            let Some((_, pass)) = self.quantise(unit * x.exp(), None)? else {
                return Ok(f64::INFINITY);
            };
            let trial = self.code(pass, Some(bound))?;
            let extra = match trial.corrections.entries.is_empty() {
                true => 0,
                false => trial.corrections.encode(self.shape, E::DTYPE).len(),
            };
            let bytes = trial.payloads.len() + extra;
            passes += 1;
            self.original
                .observer
                .pass_done(Progress::new(passes, bytes as f64));
            if best.as_ref().is_none_or(|(b, _)| bytes < *b) {
                best = Some((bytes, self.keep(trial)?));
            }
            Ok(bytes as f64)
        };
        golden_section(0.0, 1.8, 7, &mut cost)?;
        Ok(best.map(|(_, found)| found))
    }

    /// Logarithm of a step at which every coefficient is zero: the low-pass of the coarsest level is as many
    /// times larger than the field as its samples are roots of voxels.
    fn coarsest(&self) -> f64 {
        let voxels = 2f64.powi(self.shape.rank() as i32 * i32::from(self.candidate.form.levels));
        (4.0 * self.normalised_range() * voxels.sqrt()).ln()
    }

    fn normalised_range(&self) -> f64 {
        let (min, max) = self.candidate.normalisation.range;
        use crate::base::real::Real;
        (max.to_f64() / 2.0 - min.to_f64() / 2.0) / self.candidate.form.scale * 2.0
    }
}

/// Narrows down the minimum of a function on `[low, high]` by `evaluations` calls.
fn golden_section(
    mut low: f64,
    mut high: f64,
    evaluations: usize,
    f: &mut impl FnMut(f64) -> Result<f64>,
) -> Result<()> {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let mut a = high - ratio * (high - low);
    let mut b = low + ratio * (high - low);
    let (mut fa, mut fb) = (f(a)?, f(b)?);
    for _ in 2..evaluations {
        if fa < fb {
            (high, b, fb) = (b, a, fa);
            a = high - ratio * (high - low);
            fa = f(a)?;
        } else {
            (low, a, fa) = (a, b, fb);
            b = low + ratio * (high - low);
            fb = f(b)?;
        }
    }
    Ok(())
}
