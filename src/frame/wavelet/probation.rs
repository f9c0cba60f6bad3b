//! Whether networks are worth their time: a look at the field before they are tried, and a rule that ends the trial.
//!
//! Decoding a frame with networks takes several times as long as one without, so a few bytes are no reason for them; and
//! encoding it takes that time in every pass, which is lost on the many fields that they do not know.

use crate::base::real::Real;
use crate::frame::wavelet::analysis::Analysis;
use crate::frame::wavelet::quantise::Pass;

/// Share of a frame's bytes that networks must save.
pub(crate) const LEAST_SAVING: f64 = 1.0 / 32.0;
/// Networks tell fine details from coarse ones. Where those of the finest level are not weaker than the next ones by this, in
/// dB of a coefficient, they are noise, edges or texture, of which the coarse ones say little ..
const STEEP: f64 = 11.0;
/// .. and where more than this share of them pass the quantiser, noise is what is coded, unless they are weaker by so much more
/// that they must follow from the coarse ones. All from trials with the built-in
/// networks, see tests/bench/README.md.
const SPARSE: f64 = 0.3;
const STEEPEST: f64 = 18.0;
/// Squared steps that a bit less costs, about: half the distortion of a uniform quantiser for a bit of each coefficient, which is
/// what a coarser step gives where most are zero.
const PRICE: f64 = 0.1;
/// A coefficient of so many steps passes the quantiser.
const PASSES_FROM: f64 = 0.62;

/// Whether networks may save something of a field that is quantised with `step`, by the magnitudes of its coefficients. Fields
/// of one level or none are too small to tell.
pub(crate) fn is_hopeful<T: Real>(analysis: &Analysis<'_, T>, step: f64) -> bool {
    if analysis.plan.levels().len() < 2 {
        return true;
    }
    let weaker = 20.0 * (analysis.detail_rms(1) / analysis.detail_rms(0)).log10();
    let share = analysis.magnitudes(0).share_from(PASSES_FROM * step);
    // Also where the finest details are nothing.
    !(weaker < STEEP || share > SPARSE && weaker < STEEPEST)
}

/// What is thought of a pass before it is coded: without networks, what one with them must beat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassEstimate {
    /// Length of its bricks in bits, and the sum of its squared errors in the normalised unit; both as estimated.
    pub(crate) bits: f64,
    pub(crate) squared_error: f64,
    step: f64,
}

impl PassEstimate {
    pub(crate) fn new<T: Real>(pass: &Pass<T>) -> Self {
        Self {
            bits: pass.bits,
            squared_error: pass.squared_error,
            step: pass.dequantiser.step.to_f64(),
        }
    }

    /// The bits that a sum of squared errors less is worth at a step.
    pub(crate) fn bits_of_error(squared_error: f64, step: f64) -> f64 {
        squared_error / (PRICE * step * step)
    }

    /// Whether a pass is shorter by enough. A difference in quality counts as many bits as it would take to make up for it.
    pub(crate) fn is_beaten_by<T: Real>(self, pass: &Pass<T>) -> bool {
        let step = pass.dequantiser.step.to_f64();
        let worse = pass.squared_error - self.squared_error;
        // Between both, so that neither a finer nor a coarser step seems to win.
        let bits = pass.bits + worse / (PRICE * step * self.step);
        bits <= (1.0 - LEAST_SAVING) * self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::Shape;
    use crate::frame::wavelet::analysis::testing::{planned, waves};
    use crate::frame::wavelet::quantise::quantise;
    use crate::frame::wavelet::stored::dequantiser;
    use crate::transform::Wavelet;

    fn analysed(value: impl Fn(usize) -> f32) -> Analysis<'static, f32> {
        let shape = Shape::new(&[48, 48, 48]).unwrap();
        let (plan, partition) = planned(shape);
        let field = (0..shape.len()).map(value).collect();
        Analysis::held(Wavelet::Cdf97, plan, partition, field)
    }

    #[test]
    fn smooth_fields_are_hopeful_and_noise_is_not() {
        let smooth = analysed(|i| {
            let at = |stride: usize| (i / stride % 48) as f32;
            (0.2 * at(1)).sin() + (0.17 * at(48)).cos() + (0.23 * at(48 * 48)).sin()
        });
        assert!(is_hopeful(&smooth, 0.01));
        // So smooth that even a step as fine as this leaves hope.
        assert!(is_hopeful(&smooth, 1e-9));
        let noise = analysed(|i| (i as u32).wrapping_mul(2_654_435_761) as f32 / 4e9);
        assert!(!is_hopeful(&noise, 0.01) && !is_hopeful(&noise, 10.0));
        assert!(is_hopeful(&analysed(|i| (i / (48 * 48)) as f32), 1.0));
    }

    #[test]
    fn the_same_frame_finer_or_coarser_beats_nobody() {
        let analysis = waves(Shape::new(&[48, 40, 44]).unwrap());
        let pass = |step| {
            let pass = quantise(&analysis, dequantiser(step, 5), None, None, None);
            pass.unwrap().unwrap()
        };
        let rival = PassEstimate::new(&pass(0.02));
        for step in [0.016, 0.02, 0.025] {
            assert!(!rival.is_beaten_by(&pass(step)), "{step}");
        }
        let mut better = pass(0.02);
        better.bits *= 0.9;
        assert!(rival.is_beaten_by(&better));
        better.squared_error *= 2.0;
        assert!(!rival.is_beaten_by(&better));
    }
}
