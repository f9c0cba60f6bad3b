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
const NARROWEST: f64 = 1e-5;

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
        let nearest = |above: bool| {
            let side = self
                .points
                .iter()
                .copied()
                .filter(|&(_, y)| (y >= aim) == above);
            side.min_by(|a, b| (a.1 - aim).abs().total_cmp(&(b.1 - aim).abs()))
        };
        let (Some((low, y_low)), Some((high, y_high))) = (nearest(true), nearest(false)) else {
            let leap = if y.is_finite() {
                (aim - y) / self.slope
            } else {
                LEAP
            };
            return Some(x + leap.clamp(-LEAP, LEAP));
        };
        let width = high - low;
        if width.abs() < NARROWEST {
            return None;
        }
        if width < 0.0 {
            // Not decreasing here: look beyond, where there is more quality.
            return Some(high - 2.0 * width.abs());
        }
        // Stay off the ends, so that the bracket shrinks every time.
        let guess = low + width * ((y_low - aim) / (y_low - y_high));
        let guess = if guess.is_finite() {
            guess
        } else {
            low + width / 2.0
        };
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
}
