//! Rules between the weights of a file and the frames that use them (spec 2, 4.4 and 6.4).

use std::sync::Arc;

use srt::base::grid::{Axes, Shape};
use srt::container::{Form, NetworkUse};
use srt::network::{Hierarchy, Network, Transform, builtin_by_hash};
use srt::transform::{Plan, Wavelet};

use crate::file::{File, network_levels};
use crate::finding::Finding;

/// What contradicts those rules, as far as the records can be read.
pub(crate) fn findings(file: &File<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    let known = match known(file) {
        Ok(known) => known,
        Err(finding) => {
            out.push(finding);
            None
        }
    };
    let none_named = file.reference.is_none() && file.networks.is_empty();
    for chunks in &file.frames {
        let Some(frame) = &chunks.frame else {
            continue;
        };
        let Some(shape) = file.shape(frame) else {
            continue;
        };
        let Some(network) = frame.form.network() else {
            continue;
        };
        let message = match &known {
            _ if none_named => Some("the frame uses networks, the file has none".to_owned()),
            Some(known) => level_without_network(known, shape, &frame.form, network)
                .map(|level| format!("a gain found for level {level}, and no network for it")),
            None => None,
        };
        if let Some(message) = message {
            let finding = Finding::fault("networks", chunks.chunk.offset, message);
            out.push(finding.in_chunk(chunks.chunk.number));
        }
    }
    out
}

/// The weights of the file: embedded and whole, or built in. `None` where they are not known here.
fn known(file: &File<'_>) -> Result<Option<Arc<Hierarchy>>, Finding> {
    if let Some(reference) = &file.reference {
        return match builtin_by_hash(&reference.sha256) {
            Ok(Some(known)) => Ok(Some(known)),
            _ => Err(Finding::note(
                "networks",
                0,
                format!(
                    "weights {:?} are not built in: decoding needs them from elsewhere",
                    reference.name
                ),
            )),
        };
    }
    let networks = file.networks.iter().map(|n| n.network.clone());
    let networks: Option<Vec<Network>> = networks.collect();
    let (Some(networks), Some(first)) = (networks, file.networks.first()) else {
        return Ok(None);
    };
    match Hierarchy::new("embedded", "", networks) {
        Ok(hierarchy) => Ok(Some(Arc::new(hierarchy))),
        Err(error) => Err(Finding::from_error("networks", first.chunk.offset, &error)),
    }
}

/// The first level with a gain above 0 that no network serves.
fn level_without_network(
    known: &Hierarchy,
    shape: Shape,
    form: &Form,
    network: &NetworkUse,
) -> Option<usize> {
    let (wavelet, levels) = match form {
        Form::Constant | Form::Lossless | Form::Raster(_) => return None,
        Form::Wavelet(form) => (Wavelet::from_u8(form.wavelet)?, form.levels),
        Form::Pooled(form) => (Wavelet::Haar, form.levels),
    };
    let transform = match wavelet {
        Wavelet::Cdf97 => Transform::Cdf97,
        Wavelet::Haar => Transform::Haar,
    };
    let rank = shape.grid_rank();
    let plan = Plan::new(shape, Axes::NONE, usize::from(levels));
    let levels = plan.levels().iter();
    let regular = levels.take_while(|l| l.split.count() == rank).count();
    let served = |level: usize| {
        let number = u8::try_from(level).ok();
        let network = number.and_then(|level| known.network_for(level, rank, transform));
        level < regular && network.is_some()
    };
    network_levels(network)
        .into_iter()
        .find(|&level| !served(level))
}
