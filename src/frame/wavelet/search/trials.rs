//! The passes of a real frame.

use std::any::Any;
use std::sync::Arc;

use super::target::TrialQuality;
use super::{QuantisedPass, StepTrials};
use crate::backend::Remembered;
use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::container::WaveletForm;
use crate::container::size::estimate;
use crate::frame::encoded::Verification;
use crate::frame::networks::Networks;
use crate::frame::original::Original;
use crate::frame::wavelet::gains;
use crate::frame::wavelet::probation::PassEstimate;
use crate::frame::wavelet::quantise::{LevelMask, Pass};
use crate::frame::wavelet::trial::{FramePayloads, TransformedField, Trial, Verify};
use crate::options::Progress;

/// A trial worth keeping, without the field it decoded to: what is known of that stays.
pub(crate) struct BestTrial {
    pub(crate) form: WaveletForm,
    pub(crate) payloads: FramePayloads,
    /// Where there are any.
    pub(crate) corrections: Option<Vec<u8>>,
    pub(crate) verification: Verification,
    /// What was thought of its pass.
    pub(crate) estimate: PassEstimate,
    /// Its decoded bands, where frames that follow may be predicted from them.
    pub(crate) bands: Option<Arc<dyn Any + Send + Sync>>,
}

/// Networks during a search.
pub(crate) struct NetworkTrial {
    pub(crate) networks: Networks,
    /// What their backend remembers of a pass, where it does.
    pub(crate) remembered: Option<Arc<Remembered>>,
    /// The gains of the next pass.
    pub(crate) gains: Vec<f32>,
    /// A step that is likely near the answer, if one is known.
    pub(crate) start: Option<f64>,
    /// What the frame is to replace; `None` where it need not be better.
    pub(crate) rival: Option<PassEstimate>,
}

/// One field during a search.
pub(crate) struct FrameTrials<'a, E: Element> {
    transformed: &'a TransformedField<'a, E>,
    trial: Option<NetworkTrial>,
    /// The levels that use networks, once they are no longer chosen anew.
    fixed_levels: Option<LevelMask>,
    original: Original<'a, E>,
    verify: Verify,
}

impl<'a, E: Element> FrameTrials<'a, E> {
    /// The field of a trial is kept when the SSIM of what is kept shall be known.
    pub(crate) fn new(
        transformed: &'a TransformedField<'a, E>,
        trial: Option<NetworkTrial>,
        original: Original<'a, E>,
        verify: Verify,
    ) -> Self {
        Self {
            transformed,
            trial,
            fixed_levels: None,
            original,
            verify,
        }
    }

    fn networks(&self) -> Option<&Networks> {
        self.trial.as_ref().map(|trial| &trial.networks)
    }

    /// SSIM of what a trial decoded to.
    ///
    /// # Errors
    /// Those of the measurement.
    pub(crate) fn ssim_reached(&self, trial: &Trial<E>) -> Result<TrialQuality> {
        Ok(TrialQuality::ssim(self.original.ssim(&trial.decoded)?))
    }

    /// Bytes of a file that depend on the step.
    pub(crate) fn bytes(&self, trial: &Trial<E>) -> usize {
        let around = estimate::levels(&trial.form)
            + estimate::around_bricks(&trial.payloads.bricks.summaries());
        trial.payloads.len() + around
    }

    /// Bytes of a trial's payloads, corrections included.
    pub(crate) fn corrected_bytes(&self, trial: &Trial<E>) -> usize {
        trial.payloads.len() + trial.corrections.as_ref().map_or(0, Vec::len)
    }
}

impl<E: Element> StepTrials for FrameTrials<'_, E> {
    type Pass = Pass<E::Work>;
    type Trial = Trial<E>;
    type Best = BestTrial;

    /// A pass whose gains are fitted for the next one.
    fn quantise(&mut self, step: f64) -> Result<Option<QuantisedPass<Self::Pass>>> {
        if let Some(remembered) = self.trial.as_ref().and_then(|t| t.remembered.as_ref()) {
            remembered.forget();
        }
        let gains = self.trial.as_ref().map_or(&[][..], |trial| &trial.gains);
        let (networks, fixed) = (self.networks(), self.fixed_levels.as_ref());
        let pass = self.transformed.quantise(step, networks, gains, fixed)?;
        let Some(pass) = pass else {
            return Ok(None);
        };
        let mut is_promising = true;
        if let Some(trial) = &mut self.trial {
            gains::refit(&mut trial.gains, &pass.gain_factors);
            is_promising = trial.rival.is_none_or(|rival| rival.is_beaten_by(&pass));
        }
        Ok(Some(QuantisedPass {
            rms_error: self.transformed.rms_error(&pass),
            is_promising,
            uses_networks: pass.used.contains(&true),
            is_settled: pass.is_settled(),
            pass,
        }))
    }

    fn fix_levels(&mut self, pass: &Self::Pass) {
        self.fixed_levels = Some(pass.used.clone());
    }

    fn measure(&mut self, pass: &Self::Pass) -> Result<Option<f64>> {
        let comparison = self.transformed.measure(pass, self.original)?;
        Ok(comparison.map(|comparison| comparison.psnr_db))
    }

    fn code(&mut self, pass: Self::Pass) -> Result<Self::Trial> {
        self.transformed
            .code(pass, self.networks(), self.original, self.verify)
    }

    fn psnr_db(&self, trial: &Self::Trial) -> f64 {
        trial.comparison.psnr_db
    }

    fn keep(&mut self, trial: Self::Trial) -> Result<BestTrial> {
        let ssim = || self.original.ssim(&trial.decoded);
        let ssim = self.verify.keep_field.then(ssim).transpose()?;
        Ok(BestTrial {
            verification: Verification {
                comparison: trial.comparison,
                ssim,
                seconds: trial.decode_seconds,
            },
            form: trial.form,
            payloads: trial.payloads,
            estimate: trial.estimate,
            corrections: trial.corrections,
            bands: trial.bands.map(|bands| Arc::new(bands) as Arc<_>),
        })
    }

    fn pass_done(&self, passes: usize, quality: f64) {
        let observer = self.original.observer;
        observer.pass_done(Progress::new(passes, quality));
    }
}
