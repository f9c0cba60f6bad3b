//! What predicts the details of a frame, as its record says.

use std::sync::Arc;

use crate::base::error::{Error, ErrorKind, Result};
use crate::container::{BandWeights, NetworkUse, References, WaveletForm};
use crate::frame::networks::Networks;
use crate::recon::{HeldBands, Past, PastWeights, Predictor};
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

/// What a frame's record makes of the bands of its references.
pub(crate) fn past<T>(references: &References, bands: Vec<Arc<HeldBands<T>>>) -> Past<T> {
    let low = references.low.as_ref();
    let level = |sets: &Vec<_>| sets.iter().map(weights).collect();
    Past {
        references: bands,
        low: low.map(|low| (low.references.clone(), low.offset)),
        levels: references.levels.iter().map(level).collect(),
    }
}

fn weights(set: &BandWeights) -> PastWeights {
    PastWeights {
        network: set.network,
        references: set.references.clone(),
    }
}
