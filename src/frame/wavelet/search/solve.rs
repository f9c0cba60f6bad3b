//! Root finding for the quantisation step: the encoder asks for a quality, the step decides it.

/// Searches `x` so that a decreasing function `y(x)` falls in an interval.
///
/// `x` is the logarithm of the step, `y` a quality in a unit where the curve is nearly straight (dB,
/// `-ln(1 - ssim)`, `-ln ratio`). The aim may move from call to call, and the curve may have small
/// steps where it is not quite decreasing.
#[derive(Debug)]
pub(crate) struct Solver {
    slope: f64,
    points: Vec<(f64, f64)>,
}

/// Largest step of `x` without a bracket on both sides: a factor of 16 of the quantisation step.
const LEAP: f64 = 2.772_588_722_239_781;
/// Brackets narrower than this are not searched further.
const NARROWEST: f64 = 5e-4;

impl Solver {
    /// `slope` is a first guess of `dy / dx`, negative.
    pub(crate) fn new(slope: f64) -> Self {
        Self {
            slope,
            points: Vec::new(),
        }
    }

    /// Records `y(x)` and returns the next `x` to try for `y = aim`; `None` when there is no better
    /// answer to be expected.
    pub(crate) fn next(&mut self, x: f64, y: f64, aim: f64) -> Option<f64> {
        if let Some(&(x0, y0)) = self.points.last() {
            let slope = (y - y0) / (x - x0);
            if slope.is_finite() && slope < 0.0 {
                self.slope = slope.clamp(8.0 * self.slope, self.slope / 8.0);
            }
        }
        self.points.push((x, y));
        // The coarsest step that is good enough, and the next one that is not.
        let points = self.points.iter().copied();
        let low = points.clone().filter(|&(_, y)| y >= aim);
        let low = low.max_by(|a, b| a.0.total_cmp(&b.0));
        let floor = low.map_or(f64::NEG_INFINITY, |(x, _)| x);
        let high = points.filter(|&(x, y)| y < aim && x > floor);
        let high = high.min_by(|a, b| a.0.total_cmp(&b.0));
        let (Some((low, y_low)), Some((high, y_high))) = (low, high) else {
            let (x, y) = low.or(high).unwrap_or((x, y));
            let leap = if y.is_finite() {
                (aim - y) / self.slope
            } else {
                LEAP
            };
            return Some(x + leap.clamp(-LEAP, LEAP));
        };
        let width = high - low;
        if width < NARROWEST {
            return None;
        }
        let guess = low + width * ((y_low - aim) / (y_low - y_high));
        // Two points on one side of the aim: the other end stands still, and a straight line leads nowhere.
        let mut last = self.points.iter().rev().map(|&(_, y)| y >= aim);
        let stands_still = self.points.len() > 3 && last.next() == last.next();
        let guess = if guess.is_finite() && !stands_still {
            guess
        } else {
            low + width / 2.0
        };
        // Stay off the ends, so that the bracket shrinks every time.
        Some(guess.clamp(low + 0.05 * width, high - 0.05 * width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_steps_of_bent_curves() {
        type Curve = fn(f64) -> f64;
        let curves: [(Curve, f64); 3] = [
            (|x| 40.0 - 6.0 * x, 30.0),
            (|x| 40.0 - x.powi(3), 35.0),
            (|x| -(x.exp()), -4.0),
        ];
        for (curve, aim) in curves {
            let mut solver = Solver::new(-4.0);
            let mut x = 0.0;
            for _ in 0..30 {
                let y = curve(x);
                if (y - aim).abs() < 0.05 {
                    break;
                }
                x = solver.next(x, y, aim).unwrap();
            }
            assert!((curve(x) - aim).abs() < 0.05, "{x}");
        }
    }

    #[test]
    fn a_jump_is_closed_in_on_and_given_up() {
        // Flat on both sides: straight lines would creep.
        let curve = |x: f64| if x < 0.3 { 40.2 } else { 39.8 };
        let (mut solver, mut x) = (Solver::new(-6.0), 0.0);
        let mut passes = 0;
        while let Some(next) = solver.next(x, curve(x), 40.0) {
            x = next;
            passes += 1;
            assert!(passes < 24, "{x}");
        }
        assert!((x - 0.3).abs() < 2.0 * NARROWEST, "{x}");
    }

    #[test]
    fn no_step_is_tried_twice_where_the_curve_is_not_quite_decreasing() {
        let curve = |x: f64| 40.0 - 6.0 * x + 0.3 * (x * 300.0).sin();
        let (mut solver, mut x) = (Solver::new(-6.0), 1.0);
        let mut seen = Vec::new();
        while let Some(next) = solver.next(x, curve(x), 40.01) {
            assert!(!seen.contains(&next) && seen.len() < 20, "{seen:?}");
            seen.push(next);
            x = next;
        }
    }
}
