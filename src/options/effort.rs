//! How much time an encoder may take.

use crate::base::error::{Error, Result};

/// How much time an encoder may take for a smaller file, from 1, the fastest, to 9, where everything is tried. What a frame
/// promises holds at every effort.
///
/// ```
/// # use srt::Effort;
/// assert_eq!(Effort::default(), Effort::new(5)?);
/// assert!(Effort::new(0).is_err());
/// # Ok::<(), srt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effort(u8);

impl Default for Effort {
    fn default() -> Self {
        Self(5)
    }
}

/// Which fields networks are tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkTrials {
    None,
    /// Those that may gain something by the magnitudes of their coefficients; a trial ends where it is seen to lose.
    Hopeful,
    /// All; a trial ends where it is seen to lose.
    All,
    /// All, to the end of the search, and a byte saved is reason enough.
    Full,
}

/// What an effort comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EffortPlan {
    pub(crate) networks: NetworkTrials,
    /// How far above a PSNR the search aims, in dB, and how far above ends it at once.
    pub(crate) psnr_aim: f64,
    pub(crate) psnr_close: f64,
    /// Passes at most for a bound on single errors.
    pub(crate) max_error_passes: usize,
    /// Bits for each voxel below which one of them looks beside the step that the rate leads to.
    pub(crate) looks_aside_below: f64,
    /// Plans are quantised in boxes of the field where the magnitudes of their coefficients promise less than this share of
    /// the bits that levels take.
    pub(crate) likely_plans: f64,
    /// Lossless coding is tried where the lossy form takes more than this fraction of the raw bytes.
    pub(crate) lossless_above: f64,
}

const fn plan(
    networks: NetworkTrials,
    (psnr_aim, psnr_close): (f64, f64),
    (max_error_passes, looks_aside_below): (usize, f64),
    (likely_plans, lossless_above): (f64, f64),
) -> EffortPlan {
    EffortPlan {
        networks,
        psnr_aim,
        psnr_close,
        max_error_passes,
        looks_aside_below,
        likely_plans,
        lossless_above,
    }
}

/// Where a step beside that of the rate may be better: on turbulence and mixing layers (128^3, 1024^2, bounds of 1e-2 to 1e-4 of
/// the range) it never was above 0.6 bits.
const SPARSE: f64 = 1.0;
const ALWAYS: f64 = f64::INFINITY;

/// A plan must save a twentieth, and magnitudes tell the ratio of its bits to a tenth, where many coefficients are not zero.
const LIKELY: f64 = 1.1;

/// By effort, from 1 on. What each costs and gains: tests/bench/README.md.
const PLANS: [EffortPlan; 9] = [
    plan(NetworkTrials::None, (0.25, 0.6), (1, 0.0), (LIKELY, 0.9)),
    plan(NetworkTrials::None, (0.1, 0.25), (1, 0.0), (LIKELY, 0.9)),
    plan(NetworkTrials::None, (0.03, 0.1), (2, SPARSE), (LIKELY, 0.6)),
    plan(
        NetworkTrials::Hopeful,
        (0.03, 0.1),
        (2, SPARSE),
        (LIKELY, 0.6),
    ),
    plan(
        NetworkTrials::Hopeful,
        (0.015, 0.045),
        (5, SPARSE),
        (LIKELY, 0.35),
    ),
    plan(
        NetworkTrials::Hopeful,
        (0.01, 0.03),
        (5, ALWAYS),
        (LIKELY, 0.35),
    ),
    plan(NetworkTrials::All, (0.01, 0.03), (5, ALWAYS), (ALWAYS, 0.2)),
    plan(NetworkTrials::All, (0.01, 0.03), (7, ALWAYS), (ALWAYS, 0.1)),
    plan(
        NetworkTrials::Full,
        (0.007, 0.02),
        (9, ALWAYS),
        (ALWAYS, 0.0),
    ),
];

impl Effort {
    /// An effort from 1 to 9.
    ///
    /// # Errors
    /// `InvalidArgument` for another number.
    pub fn new(effort: u8) -> Result<Self> {
        if (1..=9).contains(&effort) {
            Ok(Self(effort))
        } else {
            Err(Error::invalid(format!(
                "an effort from 1 to 9 expected, {effort} found"
            )))
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    pub(crate) fn plan(self) -> EffortPlan {
        PLANS[usize::from(self.0 - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_effort_is_never_less_exact() {
        let plans = (1..=9).map(|n| Effort::new(n).unwrap().plan());
        let plans: Vec<EffortPlan> = plans.collect();
        for pair in plans.windows(2) {
            assert!(pair[0].psnr_aim >= pair[1].psnr_aim);
            assert!(pair[0].psnr_close >= pair[1].psnr_close);
            assert!(pair[0].max_error_passes <= pair[1].max_error_passes);
            assert!(pair[0].looks_aside_below <= pair[1].looks_aside_below);
            assert!(pair[0].likely_plans <= pair[1].likely_plans);
            assert!(pair[0].lossless_above >= pair[1].lossless_above);
        }
        assert!(plans.iter().all(|plan| plan.psnr_aim < plan.psnr_close));
    }
}
