//! A step whose frame has a wanted SSIM or length. There is no estimate of either: every pass is coded, and decoded where
//! that is asked for.

use super::solve::Solver;
use super::{MAX_PASSES, StepTrials};
use crate::base::error::Result;

/// `-ln(1 - ssim)` may exceed its target by this much: 2 % of the distance to 1.
const SSIM_SLACK: f64 = 0.02;
/// A compression ratio may miss its target by this fraction.
const RATIO_SLACK: f64 = 0.01;
/// First step tried, as a part of the field's range: an error of about a hundredth of the range, as most who ask for a
/// ratio or an SSIM want. Chosen when the search was written; only the first pass depends on it.
const FIRST_STEP: f64 = 0.05;
/// First guess of how either quality falls with the logarithm of the step: a step twice as large halves the length, about.
/// The solver replaces it by what it sees.
const SLOPE: f64 = -1.0;
/// Distances of an SSIM from 1 below this count as this: where its rounding errors lie.
const LEAST_DISTANCE: f64 = 1e-16;
/// The same of a wanted SSIM: a little further off, so that it can be reached.
const LEAST_WANTED_DISTANCE: f64 = 1e-15;

/// What is searched, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Least quality.
    wanted: f64,
    /// How far above it the search may end.
    slack: f64,
    /// The first step.
    start: f64,
}

impl Target {
    /// Least SSIM. `start` is a step that is likely near the answer, if one is known, `range` that of the field in the
    /// normalised unit.
    pub(crate) fn ssim(ssim: f64, start: Option<f64>, range: f64) -> Self {
        Self {
            wanted: -(1.0 - ssim).max(LEAST_WANTED_DISTANCE).ln(),
            slack: SSIM_SLACK,
            start: start.unwrap_or(range * FIRST_STEP),
        }
    }

    /// A length in bytes, 1 % more or less; the others as in [`Target::ssim`].
    pub(crate) fn bytes(bytes: f64, start: Option<f64>, range: f64) -> Self {
        Self {
            wanted: bytes.ln() - RATIO_SLACK,
            slack: 2.0 * RATIO_SLACK,
            start: start.unwrap_or(range * FIRST_STEP),
        }
    }
}

/// What a trial has of the quality that is searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrialQuality {
    /// In a unit in which it is nearly linear in the logarithm of the step.
    quality: f64,
    /// In the unit of the bound.
    shown: f64,
}

impl TrialQuality {
    /// An SSIM. Fields without a single window have none and count as equal.
    pub(crate) fn ssim(ssim: f64) -> Self {
        Self {
            quality: -(1.0 - ssim).max(LEAST_DISTANCE).ln(),
            shown: if ssim.is_nan() { 1.0 } else { ssim },
        }
    }

    /// A length in bytes.
    pub(crate) fn bytes(bytes: usize) -> Self {
        let bytes = bytes as f64;
        Self {
            quality: bytes.ln(),
            shown: bytes,
        }
    }
}

/// Finds a step whose quality, as `measure` has it, lies in the target's interval; failing that, the nearest above.
///
/// # Errors
/// Those of the trials and of `measure`.
pub(crate) fn search<T: StepTrials>(
    trials: &mut T,
    target: Target,
    measure: impl Fn(&T, &T::Trial) -> Result<TrialQuality>,
) -> Result<Option<T::Best>> {
    let Target { wanted, slack, .. } = target;
    let miss = |quality: f64| {
        if quality < wanted {
            f64::INFINITY
        } else {
            quality - wanted
        }
    };
    let mut solver = Solver::new(SLOPE);
    let mut x = target.start.ln();
    let mut best: Option<(f64, T::Best)> = None;
    for number in 1..=MAX_PASSES {
        let Some(quantised) = trials.quantise(x.exp())? else {
            break;
        };
        if quantised.is_settled && !quantised.is_promising {
            return Ok(None);
        }
        let trial = trials.code(quantised.pass)?;
        let TrialQuality { quality, shown } = measure(trials, &trial)?;
        trials.pass_done(number, shown);
        let is_best = |best: &(f64, _)| miss(quality) < miss(best.0);
        if best.as_ref().is_none_or(is_best) {
            best = Some((quality, trials.keep(trial)?));
        }
        if (wanted..=wanted + slack).contains(&quality) {
            break;
        }
        let Some(next) = solver.next(x, quality, wanted + slack / 2.0) else {
            break;
        };
        x = next;
    }
    let best = best.filter(|(quality, _)| *quality >= wanted);
    Ok(best.map(|(_, best)| best))
}

#[cfg(test)]
mod tests {
    use super::super::curves::Curves;
    use super::*;

    /// The SSIM of an error that grows with the step.
    fn ssim(x: f64) -> f64 {
        1.0 - (1e-3 * x.exp().powf(1.3)).min(1.0)
    }

    fn bytes(x: f64) -> f64 {
        1e5 * (-0.8 * x).exp() + 300.0
    }

    fn search_ssim(curves: &mut Curves, wanted: f64) -> Option<f64> {
        let target = Target::ssim(wanted, None, 10.0);
        search(curves, target, |_, &x| Ok(TrialQuality::ssim(ssim(x)))).unwrap()
    }

    #[test]
    fn an_ssim_is_met_closely_from_above() {
        for wanted in [0.5, 0.9, 0.99, 0.9999] {
            let mut curves = Curves::new(|_| 40.0);
            let found = ssim(search_ssim(&mut curves, wanted).unwrap());
            let distance = (1.0 - found) / (1.0 - wanted);
            assert!((0.97..=1.0).contains(&distance), "{wanted}: {found}");
            assert!(curves.passes() < 10, "{}", curves.passes());
        }
    }

    #[test]
    fn a_length_is_met_within_one_percent() {
        for wanted in [1e3, 2e4, 3e6] {
            let mut curves = Curves::new(|_| 40.0);
            let target = Target::bytes(wanted, None, 10.0);
            let measure = |_: &Curves, &x: &f64| Ok(TrialQuality::bytes(bytes(x) as usize));
            let found = search(&mut curves, target, measure).unwrap().unwrap();
            assert!((bytes(found) / wanted).ln().abs() < 0.0101, "{wanted}");
            assert!(curves.passes() < 12, "{}", curves.passes());
        }
    }

    #[test]
    fn the_start_given_is_the_first_step() {
        let mut curves = Curves::new(|_| 40.0);
        let target = Target::ssim(0.9, Some(0.5), 10.0);
        search(&mut curves, target, |_, _| Ok(TrialQuality::ssim(0.9))).unwrap();
        assert_eq!(curves.steps(), [0.5]);
    }

    #[test]
    fn a_jump_over_the_interval_ends_above_it() {
        let jumping = |x: f64| if x < 0.3 { 0.999 } else { 0.8 };
        let mut curves = Curves::new(|_| 40.0);
        let target = Target::ssim(0.95, None, 10.0);
        let measure = |_: &Curves, &x: &f64| Ok(TrialQuality::ssim(jumping(x)));
        let found = search(&mut curves, target, measure).unwrap();
        assert_eq!(jumping(found.unwrap()), 0.999);
        assert!(curves.passes() <= MAX_PASSES);
    }

    #[test]
    fn what_is_out_of_reach_takes_a_bounded_number_of_passes() {
        let mut curves = Curves::new(|_| 40.0);
        let target = Target::ssim(0.99, None, 10.0);
        let found = search(&mut curves, target, |_, _| Ok(TrialQuality::ssim(0.5))).unwrap();
        assert_eq!(found, None);
        assert_eq!(curves.passes(), MAX_PASSES);
        // A step too fine for the coder ends it earlier.
        let mut curves = Curves::new(|_| 40.0).finest(0.1);
        let found = search(&mut curves, target, |_, _| Ok(TrialQuality::ssim(0.5))).unwrap();
        assert!(found.is_none() && curves.passes() < 5);
    }

    #[test]
    fn fields_without_a_window_count_as_equal() {
        let mut curves = Curves::new(|_| 40.0);
        let target = Target::ssim(0.99, None, 10.0);
        search(&mut curves, target, |_, _| Ok(TrialQuality::ssim(f64::NAN))).unwrap();
        assert_eq!(curves.shown()[0], 1.0);
    }
}
