//! Stored integers to coefficients.

use crate::base::real::Real;

/// How stored integers become coefficients: `sign(q) (|q| - shrink) step`, every operation rounded
/// (spec section 6.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dequantiser<T> {
    /// Quantisation step in the orthonormal domain.
    pub step: T,
    /// Distance of a decoded magnitude below its integer, in steps.
    pub shrink: T,
}

impl<T: Real> Dequantiser<T> {
    /// The coefficient of `q`.
    #[inline(always)]
    #[must_use]
    pub fn value(self, q: i32) -> T {
        let magnitude = (T::from_i32(q.abs()) - self.shrink) * self.step;
        if q < 0 { -magnitude } else { magnitude }
    }

    /// The same in binary64, for what is not generic: exact.
    #[must_use]
    pub fn to_f64(self) -> Dequantiser<f64> {
        Dequantiser {
            step: self.step.to_f64(),
            shrink: self.shrink.to_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes_lie_below_their_integers_on_both_sides_of_zero() {
        let dequantiser = Dequantiser {
            step: 0.5f32,
            shrink: 0.25,
        };
        assert_eq!(dequantiser.value(3), 1.375);
        assert_eq!(dequantiser.value(-3), -1.375);
        assert_eq!(dequantiser.to_f64().value(-3), -1.375);
    }
}
