//! The encoder's loop against the decoder's.

use super::*;
use crate::base::grid::{Axes, Shape};
use crate::container::WaveletForm;
use crate::frame::coded::CodedBricks;
use crate::frame::layout::FrameLayout;
use crate::frame::wavelet::analysis::testing::{Waves, streamed_waves, waves};
use crate::frame::wavelet::bricks::code_bricks;
use crate::frame::wavelet::decode::{FramePredictors, LayerRequest};
use crate::frame::wavelet::gains;
use crate::frame::wavelet::stored::dequantiser;
use crate::frame::wavelet::trial::{FramePayloads, SHRINK};
use crate::recon::testing::networks;
use crate::transform::Wavelet;

/// Large enough for a finest level with bricks of its own.
fn shape() -> Shape {
    Shape::new(&[80, 66, 72]).unwrap()
}

/// A predictor of waves with random networks, at gains that fit a level's details.
fn predictor(analysis: &Analysis<'_, f32>, step: f64) -> Predictor {
    let networks = networks(Wavelet::Cdf97);
    let gains = gains::initial(&networks, Wavelet::Cdf97, &analysis.plan, |level| {
        0.1 * analysis.detail_rms(level)
    });
    Predictor::new(&networks, Wavelet::Cdf97, &analysis.plan, gains, step)
}

/// A pass with networks on all levels or none, coded and its field at `level` decoded again.
fn decoded(
    analysis: &Analysis<'_, f32>,
    step: f64,
    use_networks: bool,
    level: usize,
) -> (Pass<f32>, Vec<f32>) {
    let networks = use_networks.then(|| predictor(analysis, step));
    let fixed = vec![true; analysis.plan.levels().len()];
    let dequantiser = dequantiser(step, SHRINK);
    let pass = quantise(analysis, dequantiser, networks.as_ref(), None, Some(&fixed)).unwrap();
    let mut pass = pass.unwrap();
    let mut bricks = CodedBricks::default();
    code_bricks(analysis, &mut pass, networks.as_ref(), &mut bricks).unwrap();
    let payloads = FramePayloads {
        tree: crate::octree::encode(&pass.tree),
        bricks,
    };
    let form = WaveletForm {
        wavelet: Wavelet::Cdf97.to_u8(),
        levels: analysis.plan.levels().len() as u8,
        brick_edge: 64,
        periodic: Axes::NONE,
        plan: 0,
        step,
        shrink: SHRINK,
        offset: 0.0,
        scale: 1.0,
        network: None,
        quality: Vec::new(),
        references: None,
    };
    let layout = FrameLayout::new(analysis.plan.shape(), &form, &payloads.tree).unwrap();
    let mut field = Vec::new();
    let mut keep = |_, part: Vec<f32>| {
        field.extend_from_slice(&part);
        Ok(())
    };
    layout
        .decode_layers(
            &form,
            FramePredictors {
                networks: networks.as_ref(),
                past: None,
            },
            &payloads,
            LayerRequest::new(level),
            None,
            &mut keep,
        )
        .unwrap();
    (pass, field)
}

#[test]
fn what_is_decoded_is_as_far_off_as_the_encoder_says() {
    let field = Waves(shape());
    let original = crate::frame::wavelet::analysis::Samples::normalised(&field, shape().region());
    let analysis = waves(shape());
    for use_networks in [false, true] {
        let (pass, decoded) = decoded(&analysis, 0.02, use_networks, 0);
        let off = original.iter().zip(&decoded);
        let error: f64 = off.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let ratio = error / pass.squared_error;
        assert!(
            (0.8..1.2).contains(&ratio),
            "networks {use_networks}: {ratio}"
        );
    }
}

#[test]
fn the_encoder_holds_what_the_decoder_will() {
    let field = Waves(shape());
    // So fine that no block is left out.
    let (pass, decoded) = decoded(&streamed_waves(&field), 1e-4, true, 1);
    let all = Octree::uniform(&waves(shape()).plan, true);
    assert!(
        pass.tree
            .grids()
            .iter()
            .zip(all.grids())
            .all(|(a, b)| a.stored == b.stored)
    );
    assert!(pass.coarse == decoded);
}

#[test]
fn a_streamed_level_gives_the_bytes_of_a_held_one() {
    let field = Waves(shape());
    let (held, streamed) = (waves(shape()), streamed_waves(&field));
    for use_networks in [false, true] {
        for fixed in [None, Some(vec![true; held.plan.levels().len()])] {
            let coded = |analysis: &Analysis<'_, f32>| {
                let predictor = use_networks.then(|| predictor(analysis, 0.05));
                let dequantiser = dequantiser(0.05, SHRINK);
                let pass = quantise(
                    analysis,
                    dequantiser,
                    predictor.as_ref(),
                    None,
                    fixed.as_ref(),
                );
                let mut pass = pass.unwrap().unwrap();
                let mut bricks = CodedBricks::default();
                code_bricks(analysis, &mut pass, predictor.as_ref(), &mut bricks).unwrap();
                let factors = pass.gain_factors.clone();
                (
                    bricks.summaries(),
                    pass.used.clone(),
                    factors,
                    pass.squared_error.to_bits(),
                )
            };
            let (held, streamed) = (coded(&held), coded(&streamed));
            assert!(held == streamed, "networks {use_networks}, fixed {fixed:?}");
        }
    }
}

#[test]
fn networks_that_know_nothing_are_used_nowhere() {
    let analysis = waves(shape());
    let predictor = predictor(&analysis, 0.02);
    let pass = quantise(
        &analysis,
        dequantiser(0.02, SHRINK),
        Some(&predictor),
        None,
        None,
    );
    let pass = pass.unwrap().unwrap();
    assert!(pass.used.iter().all(|used| !used));
}

#[test]
fn steps_too_small_for_the_coder_are_told() {
    let analysis = waves(shape());
    let predictor = predictor(&analysis, 1e-12);
    for predictor in [None, Some(&predictor)] {
        let pass = quantise(&analysis, dequantiser(1e-12, SHRINK), predictor, None, None);
        assert!(pass.unwrap().is_none());
    }
}
