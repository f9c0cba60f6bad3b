//! What predicts the details of a frame, as its record says.

use crate::base::error::{Error, ErrorKind, Result};
use crate::container::{NetworkUse, WaveletForm};
use crate::frame::networks::Networks;
use crate::recon::Predictor;
use crate::transform::{Plan, Wavelet};

/// The predictor a frame's record asks for.
///
/// # Errors
/// `MissingWeights` when it uses networks and none are at hand.
pub(crate) fn predictor(
    wavelet: Wavelet,
    plan: &Plan,
    form: &WaveletForm,
    networks: Option<&Networks>,
) -> Result<Option<Predictor>> {
    let Some(NetworkUse { gains }) = &form.network else {
        return Ok(None);
    };
    let networks = networks.ok_or_else(|| {
        Error::new(
            ErrorKind::MissingWeights,
            "the frame uses networks, the file names none",
        )
    })?;
    let predictor = Predictor::new(networks, wavelet, plan, gains.clone(), form.step);
    Ok(Some(predictor))
}
