//! What an encoder of the pooled form is given, and how it measures what comes of that.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::real::Real;
use crate::frame::networks::Networks;
use crate::frame::original::Original;
use crate::frame::sample::Normalisation;
use crate::metrics::Comparison;
use crate::options::{EncodeOptions, PooledOptions};

/// A field that varies, with all that says how it is coded.
pub(crate) struct PooledEncoder<'a, E: Element> {
    pub(crate) original: Original<'a, E>,
    pub(crate) normalisation: Normalisation<E::Work>,
    pub(crate) options: &'a EncodeOptions,
    pub(crate) pooled: &'a PooledOptions,
    /// Networks that may be used.
    pub(crate) networks: Option<&'a Networks>,
}

impl<E: Element> PooledEncoder<'_, E> {
    /// `range / 10^(P / 20)` in the normalised unit: errors of at most this keep a PSNR of `psnr` dB.
    pub(super) fn epsilon(&self, psnr: f64) -> f64 {
        let (min, max) = self.normalisation.bounds();
        (max - min) / self.normalisation.scale.to_f64() / 10f64.powf(psnr / 20.0)
    }

    /// Normalised values compared with the field, in its own type.
    pub(super) fn compare(&self, mut values: Vec<E::Work>) -> Result<(Comparison, Vec<E>)> {
        self.normalisation.undo(&mut values);
        let decoded = E::from_work(values);
        let comparison = self.original.compare(&decoded)?;
        Ok((self.normalisation.relate_to_range(comparison), decoded))
    }
}
