//! What a comparison found.

use crate::metrics::extremes::{Extremes, exponent};

/// Pointwise differences between an original field and its reconstruction.
///
/// Only voxels inside the mask, and finite in both fields, enter the errors. Where both are NaN, or
/// both the same infinity, they agree and are left out; where only one is, or they differ, the voxel
/// is a mismatch, and one mismatch makes every error infinite, so that no bound can pass by accident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// `20 log10(range / rmse)` in dB. `+inf` when all values are equal; `-inf` when they are not but
    /// the range is zero.
    pub psnr_db: f64,
    /// Root of the mean squared error, in the field's unit.
    pub rmse: f64,
    /// Largest absolute error, in the field's unit.
    pub max_abs_error: f64,
    /// Largest absolute error as a fraction of the range; 0 for equal fields, `+inf` where the range
    /// is zero and the error is not.
    pub max_rel_error: f64,
    /// `max - min`; infinite where that passes the largest double (PSNR and relative error are right
    /// all the same).
    pub range: f64,
    /// Smallest finite value of the original inside the mask; NaN where there is none.
    pub min: f64,
    /// Largest finite value of the original inside the mask; NaN where there is none.
    pub max: f64,
    /// Voxels that entered the errors.
    pub compared: u64,
    /// Voxels inside the mask where only one field is finite, or both are not but differently.
    pub mismatches: u64,
}

impl Comparison {
    /// True when every voxel inside the mask has the same value (signs of zero and NaN payloads aside).
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.max_abs_error == 0.0 && self.mismatches == 0
    }

    /// The same errors by a range given: that of the field that the values are part of. A range without extent
    /// says nothing, and the values' own stays.
    #[must_use]
    pub(crate) fn by_range(self, (min, max): (f64, f64)) -> Self {
        if min == max || (min, max) == (self.min, self.max) {
            return self;
        }
        self.of_range(min, max)
    }

    /// With voxels that differ where no error can be told.
    #[must_use]
    pub(crate) fn with_mismatches(self, more: u64) -> Self {
        if more == 0 {
            return self;
        }
        Self {
            psnr_db: f64::NEG_INFINITY,
            rmse: f64::INFINITY,
            max_abs_error: f64::INFINITY,
            max_rel_error: f64::INFINITY,
            mismatches: self.mismatches + more,
            ..self
        }
    }

    /// The same errors of fields that are parts of others with values from `min` to `max`: PSNR and relative
    /// error are by that range.
    #[must_use]
    pub(crate) fn of_range(self, min: f64, max: f64) -> Self {
        // The range may pass the largest double; half of it does not.
        let half = max / 2.0 - min / 2.0;
        let range = max - min;
        if self.max_abs_error == 0.0 || self.mismatches > 0 {
            return Self { range, ..self };
        }
        Self {
            psnr_db: 20.0 * (half.log10() + 2f64.log10() - self.rmse.log10()),
            max_rel_error: self.max_abs_error / 2.0 / half,
            range,
            ..self
        }
    }
}

/// Root, decibels and shares from what the passes found; `sum_of_squares(half, scale)` is that of the second.
pub(super) fn conclude(
    found: &Extremes,
    sum_of_squares: impl FnOnce(f64, f64) -> f64,
) -> Comparison {
    let some = found.min <= found.max;
    let range = if some { found.max - found.min } else { 0.0 };
    // Halve everything where a difference overflows; the halves' differences cannot.
    let half = if range.is_finite() && found.error.is_finite() {
        1.0
    } else {
        0.5
    };
    let error = if half == 1.0 {
        found.error
    } else {
        found.half_error
    };
    let scaled_range = found.max * half - found.min * half;
    let (mut rmse, mut psnr_db, mut max_rel_error) = (0.0, f64::INFINITY, 0.0);
    if error > 0.0 {
        // A power of two near 1 / error, so that squares stay near 1.
        let scale = 2f64.powi(-exponent(error));
        let root = (sum_of_squares(half, scale) / found.compared as f64).sqrt();
        rmse = root / scale / half;
        psnr_db = 20.0 * log10_ratio(scaled_range, root, scale);
        max_rel_error = error / scaled_range;
    }
    let mut max_abs_error = found.error;
    if found.mismatches > 0 {
        (rmse, max_abs_error, max_rel_error) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        psnr_db = f64::NEG_INFINITY;
    }
    Comparison {
        psnr_db,
        rmse,
        max_abs_error,
        max_rel_error,
        range,
        min: if some { found.min } else { f64::NAN },
        max: if some { found.max } else { f64::NAN },
        compared: found.compared,
        mismatches: found.mismatches,
    }
}

/// `log10(range / (root / scale))`, also where the quotient leaves the range of doubles.
fn log10_ratio(range: f64, root: f64, scale: f64) -> f64 {
    let quotient = range * scale / root;
    if quotient.is_normal() {
        return quotient.log10();
    }
    range.log10() + scale.log10() - root.log10()
}
