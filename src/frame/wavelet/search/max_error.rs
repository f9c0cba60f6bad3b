//! The step whose file is shortest when every voxel beyond a bound is corrected: coarse steps save coefficients, fine ones
//! corrections.
//!
//! The length over the logarithm of the step is a valley, whose place and width follow from the rate: where most
//! coefficients are zero, errors of single voxels are rare and the step may be far above the bound. So a first pass tells
//! where the valley lies, a second one on which side of it, and there is another only where it should gain something. Where few
//! coefficients are zero the rate tells well enough, and the first pass is the last.

use super::StepTrials;
use crate::base::error::Result;

/// Steps tried at most, in units of the bound and as natural logarithms: at the bound itself few voxels need a correction,
/// at six times the bound nearly all; the shortest file lies between.
const INTERVAL: (f64, f64) = (0.0, 1.8);
/// Passes that follow the rate before the valley is looked at itself.
const GUESSES: usize = 3;
/// Steps tried at most where those below are too fine for the coder.
const LADDER: usize = 5;
/// Where the valley lies at high rates, and where a search begins that knows nothing.
const FLOOR: f64 = 0.62;
/// Two passes of a valley lie about this far apart: near enough for a parabola, and not for noise.
const APART: f64 = 0.2;
/// Nearer than this a pass counts as where it should be.
const NEAR: f64 = 0.12;
/// Share of the bytes that a further pass must be expected to gain.
const WORTH: f64 = 0.002;

/// What is searched, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Valley {
    /// The bound, in the normalised unit.
    pub(crate) bound: f64,
    /// Voxels that are coded.
    pub(crate) voxels: usize,
    /// Passes at most.
    pub(crate) passes: usize,
    /// Bits for each voxel below which the valley may lie elsewhere than the rate tells, so that a pass looks aside.
    pub(crate) looks_aside_below: f64,
    /// A step that is likely near the answer, if one is known.
    pub(crate) start: Option<f64>,
}

/// The trial whose `bytes` are fewest. `None` when every step is too fine for the coder, or where a pass shows that it is not
/// worth while.
///
/// # Errors
/// Those of the trials.
pub(crate) fn search<T: StepTrials>(
    trials: &mut T,
    valley: Valley,
    expected_bits: impl Fn(f64) -> f64,
    bytes: impl Fn(&T, &T::Trial) -> usize,
) -> Result<Option<T::Best>> {
    let mut search = Search {
        trials,
        valley,
        bytes,
        seen: Vec::new(),
        best: None,
        passes: 0,
        is_in_vain: false,
    };
    search.run(expected_bits)?;
    let best = search.best.filter(|_| !search.is_in_vain);
    Ok(best.map(|(_, best)| best))
}

/// Where the valley of a field of `rate` bits for each voxel lies, as the logarithm of the step in units of the bound.
///
/// Fitted on turbulence and mixing layers (128^3, 1024^2) at bounds of 1e-1 to 1e-5 of the range; it only saves passes.
fn floor_at(rate: f64) -> f64 {
    let sparse = (2.0 / rate).log10().max(0.0);
    (FLOOR + 0.3 * sparse.powf(1.6)).min(INTERVAL.1)
}

/// How steep the valley is there: share of the bytes that a pass costs, by the square of its distance. Fitted alike.
fn steepness(rate: f64) -> f64 {
    1.4 / (1.0 + 0.7 * rate)
}

/// A search under way.
struct Search<'t, T: StepTrials, F> {
    trials: &'t mut T,
    valley: Valley,
    bytes: F,
    /// Logarithms of the steps tried, in units of the bound, and the bytes of each.
    seen: Vec<(f64, f64)>,
    best: Option<(usize, T::Best)>,
    passes: usize,
    /// Whether another frame was seen to be better.
    is_in_vain: bool,
}

impl<T: StepTrials, F: Fn(&T, &T::Trial) -> usize> Search<'_, T, F> {
    fn run(&mut self, expected_bits: impl Fn(f64) -> f64) -> Result<()> {
        let mut x = match self.valley.start {
            Some(start) => (start / self.valley.bound).ln(),
            None => self.expected_floor(expected_bits),
        };
        // A start is taken for good: whoever knows one has seen the rate.
        let guesses = if self.valley.start.is_some() {
            1
        } else {
            GUESSES
        };
        for _ in 0..guesses.min(self.valley.passes) {
            let Some(bytes) = self.pass(x)? else {
                return if self.is_in_vain {
                    Ok(())
                } else {
                    self.coarser(x)
                };
            };
            let next = floor_at(self.rate(bytes));
            if next <= x + NEAR {
                break;
            }
            x = next;
        }
        while self.passes < self.valley.passes {
            let Some(next) = self.next() else { break };
            if self.pass(next)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Where the valley lies by what is expected of the rate.
    fn expected_floor(&self, expected_bits: impl Fn(f64) -> f64) -> f64 {
        let mut x = FLOOR;
        for _ in 0..GUESSES {
            let bits = expected_bits(self.valley.bound * x.exp());
            x = floor_at(self.rate(bits / 8.0));
        }
        x
    }

    /// Bits for each voxel.
    fn rate(&self, bytes: f64) -> f64 {
        8.0 * bytes / self.valley.voxels.max(1) as f64
    }

    /// The bytes of a pass; `None` where the step is too fine for the coder.
    fn pass(&mut self, x: f64) -> Result<Option<f64>> {
        let x = x.clamp(INTERVAL.0, INTERVAL.1);
        let Some(quantised) = self.trials.quantise(self.valley.bound * x.exp())? else {
            return Ok(None);
        };
        if quantised.is_settled && !quantised.is_promising {
            self.is_in_vain = true;
            return Ok(None);
        }
        let trial = self.trials.code(quantised.pass)?;
        let bytes = (self.bytes)(self.trials, &trial);
        self.passes += 1;
        self.trials.pass_done(self.passes, bytes as f64);
        if self.best.as_ref().is_none_or(|(least, _)| bytes < *least) {
            self.best = Some((bytes, self.trials.keep(trial)?));
        }
        self.seen.push((x, bytes as f64));
        Ok(Some(bytes as f64))
    }

    /// What there is at steps coarser than `x`, which is too fine for the coder.
    fn coarser(&mut self, x: f64) -> Result<()> {
        for number in 1..=LADDER {
            let coarser = x + (INTERVAL.1 - x) * number as f64 / LADDER as f64;
            if self.pass(coarser)?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Whether the only pass so far may lie beside its valley. One that began with a step of another frame may.
    fn looks_aside(&self, bytes: f64) -> bool {
        self.valley.start.is_some() || self.rate(bytes) < self.valley.looks_aside_below
    }

    /// The step of the next pass; `None` where it would gain too little.
    fn next(&mut self) -> Option<f64> {
        self.seen.sort_by(|a, b| a.0.total_cmp(&b.0));
        let least = |a: &usize, b: &usize| self.seen[*a].1.total_cmp(&self.seen[*b].1);
        let best = (0..self.seen.len()).min_by(least)?;
        let (x, bytes) = self.seen[best];
        // The neighbours of the best pass that are near enough to tell of its valley.
        let is_near = |&&(other, _): &&(f64, f64)| (other - x).abs() <= 2.0 * APART;
        let below = best.checked_sub(1).map(|i| self.seen[i]);
        let below = below.as_ref().filter(is_near).copied();
        let above = self.seen.get(best + 1).filter(is_near).copied();
        let typical = steepness(self.rate(bytes));
        let (bottom, steepness) = match (below, above) {
            (Some(below), Some(above)) => parabola([below, (x, bytes), above])?,
            (Some(other), None) | (None, Some(other)) => {
                // The bottom of a valley of the typical shape through both.
                let (middle, apart) = ((x + other.0) / 2.0, x - other.0);
                let slope = (bytes - other.1) / bytes / apart;
                (middle - slope / (2.0 * typical), typical)
            }
            // Alone: on which side the bottom is will be seen.
            (None, None) if !self.looks_aside(bytes) => return None,
            (None, None) => {
                let aside = if x + APART <= INTERVAL.1 {
                    APART
                } else {
                    -APART
                };
                return Some(x + aside);
            }
        };
        // No further than what was seen can tell.
        let next = bottom.clamp(x - 1.5 * APART, x + 1.5 * APART);
        let next = next.clamp(INTERVAL.0, INTERVAL.1);
        let gain = steepness * (next - x).powi(2);
        if gain > WORTH {
            return Some(next);
        }
        // The length still fell towards coarser steps: a valley wider than most goes on there.
        let falls = below.is_some_and(|(_, other)| other - bytes > WORTH * bytes);
        (falls && above.is_none() && x + APART <= INTERVAL.1).then_some(x + APART)
    }
}

/// The bottom of the parabola through three points, whose middle one is the lowest, and its steepness as share of that.
fn parabola([a, b, c]: [(f64, f64); 3]) -> Option<(f64, f64)> {
    let left = (b.1 - a.1) / (b.0 - a.0);
    let right = (c.1 - b.1) / (c.0 - b.0);
    let curvature = (right - left) / (c.0 - a.0);
    let bottom = (a.0 + b.0) / 2.0 - left / (2.0 * curvature);
    (curvature > 0.0 && bottom.is_finite()).then_some((bottom, curvature / b.1))
}

#[cfg(test)]
mod tests {
    use super::super::curves::Curves;
    use super::*;

    const VOXELS: usize = 1 << 20;
    const PASSES: usize = 5;

    fn valley() -> Valley {
        Valley {
            bound: 1.0,
            voxels: VOXELS,
            passes: PASSES,
            looks_aside_below: f64::INFINITY,
            start: None,
        }
    }

    /// Expects a high rate, whatever it is.
    fn unknowing(_: f64) -> f64 {
        1e12
    }

    /// Lengths of a field of about `rate` bits for each voxel, least at `bottom`.
    fn lengths(rate: f64, bottom: f64, steepness: f64) -> impl Fn(f64) -> usize {
        let least = rate / 8.0 * VOXELS as f64;
        move |x| (least * (1.0 + steepness * (x - bottom).powi(2))) as usize
    }

    #[test]
    fn a_valley_is_found_wherever_it_lies() {
        for rate in [0.02, 0.3, 1.0, 5.0] {
            for aside in [-0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5] {
                let bottom = (floor_at(rate) + aside).min(INTERVAL.1);
                for steeper in [0.6, 1.0, 1.6] {
                    let bytes = lengths(rate, bottom, steeper * steepness(rate));
                    let mut curves = Curves::new(|_| 40.0);
                    let found = search(&mut curves, valley(), unknowing, |_, &x| bytes(x))
                        .unwrap()
                        .unwrap();
                    let excess = bytes(found) as f64 / bytes(bottom) as f64 - 1.0;
                    // Far from where it was expected five passes come near.
                    let allowed = if aside.abs() > 0.3 { 0.03 } else { 0.01 };
                    assert!(excess < allowed, "{rate} {bottom} {steeper}: {excess}");
                    assert!(curves.passes() <= PASSES);
                    // The best of all tried is kept, not the last.
                    assert!(curves.steps().iter().all(|s| bytes(found) <= bytes(s.ln())));
                }
            }
        }
    }

    #[test]
    fn a_valley_where_it_is_expected_takes_two_passes() {
        for rate in [2.0, 5.0, 10.0] {
            let bytes = lengths(rate, floor_at(rate), steepness(rate));
            let mut curves = Curves::new(|_| 40.0);
            search(&mut curves, valley(), unknowing, |_, &x| bytes(x)).unwrap();
            assert_eq!(curves.passes(), 2, "{rate}");
        }
        let bytes = lengths(0.1, 1.3, steepness(0.1));
        let known = Valley {
            start: Some(1.3f64.exp()),
            ..valley()
        };
        let mut curves = Curves::new(|_| 40.0);
        search(&mut curves, known, unknowing, |_, &x| bytes(x)).unwrap();
        assert_eq!(curves.passes(), 2);
    }

    #[test]
    fn lengths_that_are_no_valley_end_the_search() {
        let bumpy = |x: f64| (1e5 * (2.0 + (40.0 * x).sin())) as usize;
        for bytes in [&bumpy as &dyn Fn(f64) -> usize, &|_| 1, &|_| 0] {
            let mut curves = Curves::new(|_| 40.0);
            let found = search(&mut curves, valley(), unknowing, |_, &x| bytes(x)).unwrap();
            assert!(found.is_some() && (2..=PASSES).contains(&curves.passes()));
        }
    }

    #[test]
    fn steps_are_in_units_of_the_bound() {
        let mut curves = Curves::new(|_| 40.0);
        let small = Valley {
            bound: 1e-3,
            ..valley()
        };
        search(&mut curves, small, unknowing, |_, _| 1).unwrap();
        assert!(curves.steps().iter().all(|s| (1e-3..6.1e-3).contains(s)));
    }

    #[test]
    fn steps_too_fine_for_the_coder_are_passed_over() {
        let mut curves = Curves::new(|_| 40.0).finest(2.5);
        let found = search(&mut curves, valley(), unknowing, |_, &x| (1e6 * x) as usize);
        assert!(found.unwrap().unwrap() >= 2.5f64.ln());
        let mut curves = Curves::new(|_| 40.0).finest(100.0);
        assert_eq!(
            search(&mut curves, valley(), unknowing, |_, _| 1).unwrap(),
            None
        );
    }

    #[test]
    fn an_expected_rate_saves_passes() {
        for rate in [0.05, 0.3] {
            let bytes = lengths(rate, floor_at(rate), steepness(rate));
            let passes = |expected: &dyn Fn(f64) -> f64| {
                let mut curves = Curves::new(|_| 40.0);
                search(&mut curves, valley(), expected, |_, &x| bytes(x)).unwrap();
                curves.passes()
            };
            let right = passes(&|_| rate * VOXELS as f64);
            assert!(right < passes(&unknowing), "{rate}: {right}");
        }
    }

    #[test]
    fn one_pass_is_where_the_valley_is_expected() {
        let one = Valley {
            passes: 1,
            ..valley()
        };
        let mut curves = Curves::new(|_| 40.0);
        search(&mut curves, one, |_| 0.1 * VOXELS as f64, |_, _| 1000).unwrap();
        assert_eq!(curves.passes(), 1);
        assert!((curves.steps()[0].ln() - floor_at(0.1)).abs() < 1e-9);
    }

    #[test]
    fn a_rate_that_tells_enough_needs_no_look_aside() {
        let passes = |rate: f64, start| {
            let sparse = Valley {
                looks_aside_below: 1.0,
                start,
                ..valley()
            };
            let mut curves = Curves::new(|_| 40.0);
            let bytes = (rate * VOXELS as f64 / 8.0) as usize;
            search(&mut curves, sparse, |_| rate * VOXELS as f64, |_, _| bytes).unwrap();
            curves.passes()
        };
        assert_eq!(passes(1.5, None), 1);
        assert!(passes(0.5, None) > 1);
        // What another frame took says less.
        assert!(passes(1.5, Some(2.0)) > 1);
    }
}
