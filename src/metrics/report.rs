//! The numbers of one evaluation, as data.

use serde::{Serialize, Serializer};

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::metrics::{Comparison, compare, ssim};

/// How well a field was reconstructed; definitions in [`Comparison`] and [`ssim`](fn@ssim).
///
/// Serialised, a number that is not finite is null: JSON has no other way to write one. PSNR is null
/// for equal fields, which `identical` then tells, and whenever `mismatches` is not 0; SSIM is null
/// when no window could be compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EvalReport {
    /// Peak signal-to-noise ratio in dB; `+inf` (null) for equal fields.
    #[serde(serialize_with = "finite_or_null")]
    pub psnr_db: f64,
    /// Mean structural similarity index.
    #[serde(serialize_with = "finite_or_null")]
    pub ssim: f64,
    /// Largest absolute error, in the field's unit.
    #[serde(serialize_with = "finite_or_null")]
    pub max_abs_error: f64,
    /// Largest absolute error as a fraction of the range.
    #[serde(serialize_with = "finite_or_null")]
    pub max_rel_error: f64,
    /// Root of the mean squared error, in the field's unit.
    #[serde(serialize_with = "finite_or_null")]
    pub rmse: f64,
    /// Largest less smallest finite value of the original.
    #[serde(serialize_with = "finite_or_null")]
    pub range: f64,
    /// True when every value is equal, NaN where NaN was included.
    pub identical: bool,
    /// Voxels where only one of the fields is finite, or both are not but differently.
    pub mismatches: u64,
}

impl EvalReport {
    /// Compares a reconstruction with its original, within `mask` where one is given.
    ///
    /// # Errors
    /// `InvalidArgument` when the lengths differ from the shape's.
    pub fn measure<A: Element, B: Element>(
        shape: Shape,
        original: &[A],
        reconstructed: &[B],
        mask: Option<&[bool]>,
    ) -> Result<Self> {
        let comparison = compare(original, reconstructed, mask)?;
        let ssim = ssim(shape, original, reconstructed, mask)?;
        Ok(Self::new(&comparison, ssim))
    }

    /// The report of measurements already made.
    #[must_use]
    pub fn new(comparison: &Comparison, ssim: f64) -> Self {
        Self {
            psnr_db: comparison.psnr_db,
            ssim,
            max_abs_error: comparison.max_abs_error,
            max_rel_error: comparison.max_rel_error,
            rmse: comparison.rmse,
            range: comparison.range,
            identical: comparison.is_identical(),
            mismatches: comparison.mismatches,
        }
    }
}

fn finite_or_null<S: Serializer>(
    value: &f64,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_some(value)
    } else {
        serializer.serialize_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_psnr_is_null_and_identical() {
        let shape = Shape::new(&[3, 3]).unwrap();
        let field: Vec<f32> = (0..9u8).map(f32::from).collect();
        let report = EvalReport::measure(shape, &field, &field, None).unwrap();
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            "{\"psnr_db\":null,\"ssim\":1.0,\"max_abs_error\":0.0,\"max_rel_error\":0.0,\
             \"rmse\":0.0,\"range\":8.0,\"identical\":true,\"mismatches\":0}"
        );
        let mut other = field.clone();
        other[4] = 5.0;
        let report = EvalReport::measure(shape, &field, &other, None).unwrap();
        assert!(!report.identical && report.psnr_db.is_finite() && report.ssim < 1.0);
    }
}
