//! Curves in place of frames, to try searches on.

use std::cell::RefCell;

use super::{QuantisedPass, StepTrials};
use crate::base::error::Result;

type Curve = Box<dyn Fn(f64) -> f64>;

/// Frames whose quality is a function of the logarithm of the step; both a pass and a trial are that logarithm. Range 1.
pub(super) struct Curves {
    psnr_db: Curve,
    /// How much higher the estimate is, in dB.
    bias: Curve,
    /// Quality with other levels than those that the first passes use, once they are fixed.
    fixed: Option<Curve>,
    is_fixed: bool,
    /// Passes until gains are settled.
    unsettled: usize,
    /// Passes after which a frame turns out to be worse than what it is to replace.
    promising: Option<usize>,
    finest: f64,
    steps: Vec<f64>,
    decoded: Vec<f64>,
    /// Whether passes can be measured without being coded, and those that were.
    measures: bool,
    measured: Vec<f64>,
    shown: RefCell<Vec<f64>>,
}

impl Curves {
    /// `psnr_db` is the quality at the logarithm of a step.
    pub(super) fn new(psnr_db: impl Fn(f64) -> f64 + 'static) -> Self {
        Self {
            psnr_db: Box::new(psnr_db),
            bias: Box::new(|_| 0.4),
            fixed: None,
            is_fixed: false,
            unsettled: 0,
            promising: None,
            finest: 0.0,
            steps: Vec::new(),
            decoded: Vec::new(),
            measures: true,
            measured: Vec::new(),
            shown: RefCell::default(),
        }
    }

    /// With estimates that are off by `bias` dB.
    pub(super) fn biased(mut self, bias: impl Fn(f64) -> f64 + 'static) -> Self {
        self.bias = Box::new(bias);
        self
    }

    /// With passes that are not measured without being coded.
    pub(super) fn coded_only(mut self) -> Self {
        self.measures = false;
        self
    }

    /// With networks, whose levels may be fixed: from then on the quality is `psnr_db`.
    pub(super) fn when_fixed(mut self, psnr_db: impl Fn(f64) -> f64 + 'static) -> Self {
        self.fixed = Some(Box::new(psnr_db));
        self
    }

    /// With gains that change in the first `passes` passes.
    pub(super) fn unsettled(mut self, passes: usize) -> Self {
        self.unsettled = passes;
        self
    }

    /// With frames that look worth their while for so many passes.
    pub(super) fn promising(mut self, passes: usize) -> Self {
        self.promising = Some(passes);
        self
    }

    /// With a coder that takes steps from `step` on.
    pub(super) fn finest(mut self, step: f64) -> Self {
        self.finest = step;
        self
    }

    /// Quality at the logarithm of a step, as it is now.
    pub(super) fn quality(&self, x: f64) -> f64 {
        match &self.fixed {
            Some(fixed) if self.is_fixed => fixed(x),
            _ => (self.psnr_db)(x),
        }
    }

    /// Steps that were quantised.
    pub(super) fn steps(&self) -> &[f64] {
        &self.steps
    }

    pub(super) fn passes(&self) -> usize {
        self.steps.len()
    }

    /// Logarithms of the steps that were decoded.
    pub(super) fn decoded(&self) -> &[f64] {
        &self.decoded
    }

    /// Logarithms of the steps that were measured.
    pub(super) fn measured(&self) -> &[f64] {
        &self.measured
    }

    /// What was told of the passes.
    pub(super) fn shown(&self) -> Vec<f64> {
        self.shown.borrow().clone()
    }

    pub(super) fn is_fixed(&self) -> bool {
        self.is_fixed
    }
}

impl StepTrials for Curves {
    type Pass = f64;
    type Trial = f64;
    type Best = f64;

    fn quantise(&mut self, step: f64) -> Result<Option<QuantisedPass<f64>>> {
        if step < self.finest {
            return Ok(None);
        }
        self.steps.push(step);
        let x = step.ln();
        let estimate = self.quality(x) + (self.bias)(x);
        Ok(Some(QuantisedPass {
            rms_error: 10f64.powf(-estimate / 20.0),
            is_promising: self
                .promising
                .is_none_or(|passes| self.steps.len() <= passes),
            uses_networks: self.fixed.is_some(),
            is_settled: self.steps.len() > self.unsettled,
            pass: x,
        }))
    }

    fn fix_levels(&mut self, _: &f64) {
        self.is_fixed = true;
    }

    fn measure(&mut self, &x: &f64) -> Result<Option<f64>> {
        self.measured.push(x);
        Ok(self.measures.then(|| self.quality(x)))
    }

    fn code(&mut self, x: f64) -> Result<f64> {
        self.decoded.push(x);
        Ok(x)
    }

    fn psnr_db(&self, &x: &f64) -> f64 {
        self.quality(x)
    }

    fn keep(&mut self, x: f64) -> Result<f64> {
        Ok(x)
    }

    fn pass_done(&self, _: usize, quality: f64) {
        self.shown.borrow_mut().push(quality);
    }
}
