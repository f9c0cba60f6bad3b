//! The encoder fits how much of its networks' output a field wants.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use srt::container::Bound;
use srt::network::{Hierarchy, Layer, LayerRole, LayerScales, Network, builtin};
use srt::{Decoder, EmbedWeights, EncodeOptions, Model, Shape};

/// The small built-in networks with an output `factor` times as large.
fn amplified(factor: f32) -> Arc<Hierarchy> {
    let small = builtin("turbulence3d-s").unwrap().unwrap();
    let amplify = |layer: &Layer| {
        let mut layer = layer.clone();
        if let (LayerRole::Head, LayerScales::Output(scales)) = (layer.spec.role, &mut layer.scales)
        {
            scales.iter_mut().for_each(|scale| *scale *= factor);
        }
        layer
    };
    let network = |network: &Network| {
        let layers = network.layers().iter().map(amplify).collect();
        Network::new(*network.arch(), layers).unwrap()
    };
    let networks = small.networks().iter().map(network).collect();
    Arc::new(Hierarchy::new("amplified", "CC0-1.0", networks).unwrap())
}

/// Bytes of a file that names its networks.
fn encoded(shape: Shape, values: &[f32], db: f64, model: Model) -> Vec<u8> {
    let options = EncodeOptions::new(Bound::Psnr(db))
        .with_model(model)
        .with_embed_weights(EmbedWeights::No);
    common::encode(shape, values, &options).unwrap().0
}

#[test]
fn networks_of_any_amplitude_serve_alike() {
    let (shape, values) = common::turbulence();
    for db in [40.0, 55.0] {
        let bytes = |model| encoded(shape, &values, db, model).len() as f64;
        let (without, as_trained) = (bytes(Model::None), bytes(Model::Given(amplified(1.0))));
        assert!(as_trained < 0.95 * without, "{as_trained} of {without}");
        for factor in [0.4, 2.5] {
            let found = bytes(Model::Given(amplified(factor)));
            assert!(
                (found / as_trained - 1.0).abs() < 0.01,
                "{db} dB, times {factor}: {found} bytes, {as_trained} as trained"
            );
        }
    }
}

#[test]
fn fitted_gains_are_in_the_file() {
    let (shape, values) = common::turbulence();
    let gains = |factor| {
        let model = amplified(factor);
        let file = encoded(shape, &values, 50.0, Model::Given(Arc::clone(&model)));
        let decoder = Decoder::new(&file).unwrap();
        let frame = decoder.frames().next().unwrap();
        frame.record().form.network().unwrap().gains.clone()
    };
    let (as_trained, amplified) = (gains(1.0), gains(2.5));
    // Levels with few coefficients say little about their gain.
    for level in 0..2 {
        let factor = as_trained[level] / amplified[level];
        assert!((1.7..3.5).contains(&factor), "level {level}: {factor}");
    }
}
