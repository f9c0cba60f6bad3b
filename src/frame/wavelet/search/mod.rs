//! From an error bound to a quantisation step: few passes, each checked by a real decode.
//!
//! | module | searches for |
//! |---|---|
//! | [`psnr`] | a PSNR, led by estimates from the coefficients |
//! | [`target`] | an SSIM or a length, each pass decoded |
//! | [`max_error`] | the shortest file of those that keep a largest error |
//! | [`solve`] | the root of a falling function |
//! | [`trials`] | the passes of a real frame |
//!
//! Each search is a function over [`StepTrials`], so that it can be tried on curves instead of frames. Steps are searched
//! as natural logarithms. The numbers in here only decide how many passes a search takes and how close it lands: the
//! bound itself is checked on what was decoded.

pub(crate) mod max_error;
pub(crate) mod psnr;
pub(crate) mod solve;
pub(crate) mod target;
pub(crate) mod trials;

#[cfg(test)]
mod curves;

use crate::base::error::Result;

/// Passes after which the best so far is taken: bounds the time of a search that does not settle.
const MAX_PASSES: usize = 24;

/// What a search asks of the frame whose step it looks for.
pub(crate) trait StepTrials {
    /// A quantised frame.
    type Pass;
    /// A frame that was coded and decoded again.
    type Trial;
    /// What is kept of a trial.
    type Best;

    /// Quantises at `step`, in the normalised unit; `None` when that is too fine for the coder.
    ///
    /// # Errors
    /// What the predictor reports.
    fn quantise(&mut self, step: f64) -> Result<Option<QuantisedPass<Self::Pass>>>;

    /// Uses networks on the levels where `pass` does from now on.
    fn fix_levels(&mut self, pass: &Self::Pass);

    /// PSNR of what a pass will decode to, without coding it; `None` where that is no cheaper than [`StepTrials::code`].
    ///
    /// # Errors
    /// What the comparison reports.
    fn measure(&mut self, pass: &Self::Pass) -> Result<Option<f64>>;

    /// Codes and decodes a pass.
    ///
    /// # Errors
    /// What the predictor reports.
    fn code(&mut self, pass: Self::Pass) -> Result<Self::Trial>;

    /// PSNR of what was decoded.
    fn psnr_db(&self, trial: &Self::Trial) -> f64;

    /// Drops the decoded field, keeps its measurements.
    ///
    /// # Errors
    /// Those of the measurements.
    fn keep(&mut self, trial: Self::Trial) -> Result<Self::Best>;

    /// Tells how a search goes on: `quality` in the unit of its bound.
    fn pass_done(&self, passes: usize, quality: f64);
}

/// A pass and what is known of it before it is coded.
pub(crate) struct QuantisedPass<P> {
    /// Estimated root mean squared error, in the normalised unit.
    pub(crate) rms_error: f64,
    /// Whether it takes fewer bytes, by enough, than what it is to replace; true where it replaces nothing.
    pub(crate) is_promising: bool,
    /// Whether a level uses networks.
    pub(crate) uses_networks: bool,
    /// Whether the next pass would use about the same gains.
    pub(crate) is_settled: bool,
    pub(crate) pass: P,
}
