//! What a bound asks of one frame.

use crate::base::dtype::Dtype;
use crate::container::Bound;
use crate::frame::encoded::EncodedFrame;
use crate::metrics::Comparison;

/// A ratio counts as reached from this fraction of it: its search ends within 1 % of a length, and lengths are estimates.
const RATIO_TOLERANCE: f64 = 0.97;

/// A bound as one frame must keep it: relative errors are those of its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// At least so many dB.
    Psnr(f64),
    /// At least this SSIM.
    Ssim(f64),
    /// No voxel further off, in the field's unit.
    MaxError(f64),
    /// About this ratio of the field's bytes to the file's.
    Ratio(f64),
}

/// What was found of a decoded field beside its original.
pub(crate) struct Findings<'a> {
    pub(crate) comparison: &'a Comparison,
    /// NaN where no window fits; `None` where it was not measured.
    pub(crate) ssim: Option<f64>,
    /// Of its file, where that is known.
    pub(crate) ratio: Option<f64>,
    /// Whether bits are lost that were to come back.
    pub(crate) has_lost_bits: bool,
}

impl Goal {
    /// `range` is that of the field's ordinary values.
    pub(crate) fn new(bound: Bound, range: (f64, f64)) -> Self {
        match bound {
            Bound::Psnr(db) => Self::Psnr(db),
            Bound::Ssim(ssim) => Self::Ssim(ssim),
            Bound::MaxError(bound) => Self::MaxError(bound),
            Bound::RelError(part) => Self::MaxError(part * (range.1 - range.0)),
            Bound::Ratio(ratio) => Self::Ratio(ratio),
        }
    }

    /// The same for values of that type: the errors of integers are whole.
    pub(crate) fn of_values(self, dtype: Dtype) -> Self {
        match self {
            Self::MaxError(bound) if dtype.is_integer() => Self::MaxError(bound.floor()),
            _ => self,
        }
    }

    /// The largest error that a voxel may have, where there is such a bound.
    pub(crate) fn max_error(self) -> Option<f64> {
        match self {
            Self::MaxError(bound) => Some(bound),
            Self::Psnr(_) | Self::Ssim(_) | Self::Ratio(_) => None,
        }
    }

    /// Whether a frame is what was asked for; `ratio` is that of its file.
    pub(crate) fn is_met_by(self, encoded: &EncodedFrame, ratio: f64) -> bool {
        let findings = Findings {
            comparison: &encoded.comparison,
            ssim: encoded.ssim,
            ratio: Some(ratio),
            has_lost_bits: false,
        };
        self.judge(&findings) == Some(true)
    }

    /// Whether a field is what was asked for: the same for the encoder and for who checks its file. `None` where
    /// the findings do not tell.
    pub(crate) fn judge(self, found: &Findings<'_>) -> Option<bool> {
        let comparison = found.comparison;
        if comparison.mismatches > 0 || found.has_lost_bits {
            return Some(false);
        }
        match self {
            Self::Psnr(target) => Some(comparison.psnr_db >= target),
            Self::Ssim(target) => {
                let is_met = |ssim| comparison.is_identical() || ssim >= target;
                Some(found.ssim.is_none_or(is_met))
            }
            Self::MaxError(bound) => Some(comparison.max_abs_error <= bound),
            Self::Ratio(target) => found.ratio.map(|ratio| ratio >= target * RATIO_TOLERANCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::Shape;
    use crate::frame::constant;
    use crate::frame::original::tests::original;

    fn encoded(psnr_db: f64, ssim: Option<f64>, max_abs_error: f64) -> EncodedFrame {
        let values = [1f32; 4];
        let shape = Shape::new(&[2, 2]).unwrap();
        let original = original(shape, &values, None);
        let mut encoded = constant::encode(&original, Bound::Psnr(1.0), 1.0).unwrap();
        encoded.comparison.psnr_db = psnr_db;
        encoded.comparison.max_abs_error = max_abs_error;
        encoded.ssim = ssim;
        encoded
    }

    #[test]
    fn relative_errors_are_those_of_the_range() {
        let goal = Goal::new(Bound::RelError(0.25), (-1.0, 3.0));
        assert_eq!(goal, Goal::MaxError(1.0));
        assert_eq!(goal.max_error(), Some(1.0));
        assert_eq!(goal.of_values(Dtype::F32), goal);
        assert_eq!(
            Goal::MaxError(0.9).of_values(Dtype::U8),
            Goal::MaxError(0.0)
        );
        assert_eq!(Goal::Psnr(30.5).of_values(Dtype::I32), Goal::Psnr(30.5));
        assert_eq!(Goal::new(Bound::Psnr(30.0), (0.0, 1.0)).max_error(), None);
    }

    #[test]
    fn a_goal_is_met_up_to_its_limit() {
        let frame = encoded(40.0, Some(0.75), 0.5);
        for (goal, ratio, met) in [
            (Goal::Psnr(40.0), 1.0, true),
            (Goal::Psnr(40.001), 1.0, false),
            (Goal::Ssim(0.75), 1.0, true),
            (Goal::Ssim(0.76), 1.0, false),
            (Goal::MaxError(0.5), 1.0, true),
            (Goal::MaxError(0.499), 1.0, false),
            (Goal::Ratio(50.0), 49.0, true),
            (Goal::Ratio(50.0), 48.0, false),
        ] {
            assert_eq!(goal.is_met_by(&frame, ratio), met, "{goal:?}");
        }
        assert!(Goal::Ssim(0.99).is_met_by(&encoded(1.0, None, 1.0), 1.0));
    }
}
