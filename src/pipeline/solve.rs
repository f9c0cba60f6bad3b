//! Root finding for the quantisation step: the encoder asks for a quality, the step decides it.

/// Searches `x` so that a decreasing function `y(x)` falls in an interval.
///
/// `x` is the logarithm of the step, `y` a quality in a unit where the curve is nearly straight (dB,
/// `-ln(1 - ssim)`, `-ln ratio`). Secant steps, kept inside the bracket known so far.
#[derive(Debug)]
pub(super) struct Solver {
    slope: f64,
    /// Nearest point with too much quality, and with too little.
    above: Option<(f64, f64)>,
    below: Option<(f64, f64)>,
    last: Option<(f64, f64)>,
}

/// Largest step of `x` without a bracket on both sides: a factor of 16 of the quantisation step.
const LEAP: f64 = 2.772_588_722_239_781;

impl Solver {
    /// `slope` is a first guess of `dy / dx`, negative.
    pub(super) fn new(slope: f64) -> Self {
        Self {
            slope,
            above: None,
            below: None,
            last: None,
        }
    }

    /// Records `y(x)` and returns the next `x` to try for `y = aim`; `None` when the bracket has
    /// become too narrow for a better answer.
    pub(super) fn next(&mut self, x: f64, y: f64, aim: f64) -> Option<f64> {
        if let Some((x0, y0)) = self.last {
            let slope = (y - y0) / (x - x0);
            if slope.is_finite() && slope < 0.0 {
                self.slope = slope.clamp(8.0 * self.slope, self.slope / 8.0);
            }
        }
        self.last = Some((x, y));
        let better = |old: Option<(f64, f64)>| {
            old.is_none_or(|(_, old)| (old - aim).abs() >= (y - aim).abs())
        };
        if y >= aim && better(self.above) {
            self.above = Some((x, y));
        } else if y < aim && better(self.below) {
            self.below = Some((x, y));
        }
        let guess = if y.is_finite() {
            x + ((aim - y) / self.slope).clamp(-LEAP, LEAP)
        } else {
            x + LEAP
        };
        match (self.above, self.below) {
            (Some((low, _)), Some((high, _))) => {
                let width = high - low;
                if width < 1e-7 {
                    return None;
                }
                // Stay off the ends, so that the bracket shrinks every time.
                Some(guess.clamp(low + 0.03 * width, high - 0.03 * width))
            }
            _ => Some(guess),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_steps_of_bent_curves() {
        let curves: [(fn(f64) -> f64, f64); 3] = [
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
}
