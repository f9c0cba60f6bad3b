//! The step whose file is shortest when every voxel beyond a bound is corrected: coarse steps save coefficients, fine ones
//! corrections.

use super::StepTrials;
use crate::base::error::Result;

/// Steps tried, in units of the bound and as natural logarithms: at the bound itself few voxels need a correction, at six
/// times the bound nearly all; the shortest file lies between. Chosen when the search was written.
const INTERVAL: (f64, f64) = (0.0, 1.8);
/// Passes: they narrow the step down to a tenth of the interval, where the length is flat.
const PASSES: usize = 7;

/// The trial whose `bytes` are fewest; `unit` is the bound in the normalised unit. `None` when every step is too fine for
/// the coder.
///
/// # Errors
/// Those of the trials.
pub(crate) fn search<T: StepTrials>(
    trials: &mut T,
    unit: f64,
    bytes: impl Fn(&T, &T::Trial) -> usize,
) -> Result<Option<T::Best>> {
    let mut best: Option<(usize, T::Best)> = None;
    let mut passes = 0;
    golden_section(INTERVAL, PASSES, |x| {
        let Some(quantised) = trials.quantise(unit * x.exp())? else {
            return Ok(f64::INFINITY);
        };
        let trial = trials.code(quantised.pass)?;
        let bytes = bytes(trials, &trial);
        passes += 1;
        trials.pass_done(passes, bytes as f64);
        if best.as_ref().is_none_or(|(least, _)| bytes < *least) {
            best = Some((bytes, trials.keep(trial)?));
        }
        Ok(bytes as f64)
    })?;
    Ok(best.map(|(_, best)| best))
}

/// Narrows down the minimum of a function on an interval by `evaluations` calls, two at least.
fn golden_section(
    (mut low, mut high): (f64, f64),
    evaluations: usize,
    mut f: impl FnMut(f64) -> Result<f64>,
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

#[cfg(test)]
mod tests {
    use super::super::curves::Curves;
    use super::*;

    #[test]
    fn a_valley_is_found_wherever_it_lies() {
        for valley in [0.0, 0.4, 1.1, 1.8] {
            let mut curves = Curves::new(|_| 40.0);
            let bytes = |x: f64| (1e6 * (1.0 + (x - valley).powi(2))) as usize;
            let found = search(&mut curves, 1.0, |_, &x| bytes(x)).unwrap().unwrap();
            assert!((found - valley).abs() < 0.12, "{valley}: {found}");
            assert_eq!(curves.passes(), PASSES);
            // The best of all tried is kept, not the last.
            assert!(curves.steps().iter().all(|s| bytes(found) <= bytes(s.ln())));
        }
    }

    #[test]
    fn steps_are_in_units_of_the_bound() {
        let mut curves = Curves::new(|_| 40.0);
        search(&mut curves, 1e-3, |_, _| 1).unwrap();
        assert!(curves.steps().iter().all(|s| (1e-3..6.1e-3).contains(s)));
    }

    #[test]
    fn steps_too_fine_for_the_coder_are_passed_over() {
        let mut curves = Curves::new(|_| 40.0).finest(2.5);
        let found = search(&mut curves, 1.0, |_, &x| (1e6 * x) as usize);
        assert!(found.unwrap().unwrap() >= 2.5f64.ln());
        let mut curves = Curves::new(|_| 40.0).finest(100.0);
        assert_eq!(search(&mut curves, 1.0, |_, _| 1).unwrap(), None);
    }
}
