//! The paper's transform and head: Haar (mean pooling) with networks that predict voxels.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::borrow::Cow;
use std::sync::Arc;

use srt::backend::cpu::Reference;
use srt::container::{Bound, Form};
use srt::network::{
    Architecture, Head, Hierarchy, InputChannels, Layer, LayerRole, LayerScales, LayerSpec,
    Network, Padding, Scales, Transform, Trunk, Weights,
};
use srt::transform::Wavelet;
use srt::volume::io::Input;
use srt::volume::{AnyVolume, Values};
use srt::{AxisPlan, DecodeOptions, Decoder, EncodeOptions, Model, Shape, metrics};
use srt::{VolumeView, encode_with_report};

const INPUT_SCALE: f32 = 2048.0;

/// A network with the paper's head that does linear interpolation between the means of its cells:
/// each of the `2^rank` fine voxels of a cell lies a quarter of a cell off its middle.
fn interpolating(rank: u8, padding: Padding) -> Network {
    let arch = Architecture {
        rank,
        min_level: 0,
        max_level: 255,
        transform: Transform::Haar,
        padding,
        channels: InputChannels::FIELD,
        input_scale: INPUT_SCALE,
        features: 1,
        input_kernel: 1,
        slope: 1.0,
        trunk: Trunk::Residual { blocks: 0 },
        head: Head::VoxelShuffle,
        shortcut_kernel: None,
    };
    let layers = arch.plan().unwrap().into_iter().map(layer).collect();
    Network::new(arch, layers).unwrap()
}

fn layer(spec: LayerSpec) -> Layer {
    let [kz, ky, kx] = spec.kernel;
    let mut weights = Vec::new();
    for output in 0..spec.outputs {
        for tap in 0..spec.taps() {
            let at = [tap / kx / ky, tap / kx % ky, tap % kx];
            weights.push(match spec.role {
                LayerRole::Shuffle => interpolation(output, [kz, ky, kx], at),
                _ => i8::from(at == [kz / 2, ky / 2, kx / 2]),
            });
        }
    }
    let scale = match spec.role {
        // The weights of one output add up to 4 per axis.
        LayerRole::Shuffle => 1.0 / (4f32).powi(if kz > 1 { 3 } else { 2 }),
        LayerRole::Head => 1.0 / INPUT_SCALE,
        _ => 1.0,
    };
    let scales = vec![scale; spec.outputs];
    Layer {
        spec,
        weights: Weights::I8(weights),
        bias: vec![0; spec.outputs],
        scales: match spec.scales {
            Scales::Activation => LayerScales::Activation {
                positive: scales.clone(),
                negative: scales,
            },
            Scales::Output => LayerScales::Output(scales),
        },
    }
}

/// Weight of one tap for the fine voxel with offset bits `output`: 3 in the middle, 1 beside it.
fn interpolation(output: usize, kernel: [usize; 3], at: [usize; 3]) -> i8 {
    let axis = |axis: usize, bit: usize| match (kernel[axis], at[axis], output >> bit & 1) {
        (1, _, _) => 1,
        (_, 1, _) => 3,
        (_, 0, 0) | (_, 2, 1) => 1,
        _ => 0,
    };
    axis(0, 2) * axis(1, 1) * axis(2, 0)
}

fn turbulence() -> (Shape, Vec<f32>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/turbulence_64.npy");
    let input = Input::open(path, None, None).unwrap();
    let values = input.as_f32().unwrap().to_vec();
    (input.shape(), values)
}

/// A plane of the sample, cut to odd extents.
fn plane() -> (Shape, Vec<f32>) {
    let (_, values) = turbulence();
    let rows = values[20 * 64 * 64..].chunks(64).take(63);
    let cut = rows.flat_map(|row| row[..61].iter().copied()).collect();
    (Shape::new(&[63, 61]).unwrap(), cut)
}

fn encode(shape: Shape, values: &[f32], options: &EncodeOptions) -> Vec<u8> {
    let values = Values::F32(Cow::Borrowed(values));
    encode_with_report(
        VolumeView::new(shape, &values).unwrap(),
        options,
        Vec::new(),
    )
    .unwrap()
    .0
}

fn decoded(decoder: &Decoder<'_>, level: usize) -> Vec<f32> {
    match decoder
        .frame_at(0)
        .unwrap()
        .level(level)
        .read_any()
        .unwrap()
    {
        AnyVolume::F32(volume) => volume.data().to_vec(),
        other => panic!("f32 expected, {other:?} found"),
    }
}

fn psnr(values: &[f32], file: &[u8]) -> f64 {
    let decoder = Decoder::new(file).unwrap();
    metrics::compare(values, &decoded(&decoder, 0), None)
        .unwrap()
        .psnr_db
}

#[test]
fn voxel_networks_predict_haar_details() {
    for (rank, (shape, values)) in [(3, turbulence()), (2, plane())] {
        for padding in [Padding::Extend, Padding::Zero] {
            let hierarchy = Hierarchy::new(
                "interpolating",
                "CC0-1.0",
                vec![interpolating(rank, padding)],
            );
            let options = EncodeOptions::new(Bound::Psnr(45.0));
            let with = options
                .clone()
                .with_model(Model::Given(Arc::new(hierarchy.unwrap())));
            let without = options.with_model(Model::None).with_wavelet(Wavelet::Haar);
            let (file, plain) = (
                encode(shape, &values, &with),
                encode(shape, &values, &without),
            );
            let decoder = Decoder::new(&file).unwrap();
            // The filter follows from the model.
            let Form::Wavelet(form) = &decoder.frames().next().unwrap().record().form else {
                panic!("a multiresolution frame expected");
            };
            assert_eq!(Wavelet::from_u8(form.wavelet), Some(Wavelet::Haar));
            assert!(form.network.is_some(), "interpolation pays at rank {rank}");
            let weights = decoder.weights().unwrap().unwrap();
            let weight_bytes: usize = weights.networks().iter().map(|n| n.to_bytes().len()).sum();
            let coded = file.len() - weight_bytes;
            assert!(
                (coded as f64) < 0.95 * plain.len() as f64,
                "{coded} bytes with interpolation, {} without",
                plain.len()
            );
            for (name, file) in [("with", &file), ("without", &plain)] {
                let psnr = psnr(&values, file);
                assert!(
                    (45.0..45.15).contains(&psnr),
                    "{name}, rank {rank}, {padding:?}: {psnr} dB"
                );
            }
        }
    }
}

#[test]
fn every_backend_and_thread_count_decodes_the_same_bytes() {
    let (shape, values) = turbulence();
    let hierarchy = Hierarchy::new("i", "CC0-1.0", vec![interpolating(3, Padding::Extend)]);
    let options = EncodeOptions::new(Bound::Psnr(40.0))
        .with_model(Model::Given(Arc::new(hierarchy.unwrap())));
    let file = encode(shape, &values, &options);
    let decode = |threads, reference| {
        let mut options = DecodeOptions::default().with_threads(threads);
        if reference {
            options = options.with_backend(Arc::new(Reference));
        }
        let values = decoded(&Decoder::with_options(&file, options).unwrap(), 0);
        values.into_iter().map(f32::to_bits).collect::<Vec<u32>>()
    };
    let expected = decode(1, true);
    for threads in [1, 2, 5] {
        assert!(decode(threads, false) == expected, "{threads} threads");
    }
}

/// At a level above 0 a Haar frame holds means of voxels.
#[test]
fn coarse_levels_are_means() {
    let (shape, values) = turbulence();
    let options = EncodeOptions::new(Bound::MaxError(1e-4))
        .with_model(Model::None)
        .with_plan(AxisPlan::Levels)
        .with_wavelet(Wavelet::Haar);
    let file = encode(shape, &values, &options);
    let decoder = Decoder::new(&file).unwrap();
    let coarse = decoded(&decoder, 1);
    let at = |z: usize, y: usize, x: usize| f64::from(values[(z * 64 + y) * 64 + x]);
    for (i, &found) in coarse.iter().enumerate().step_by(97) {
        let [z, y, x] = [i / 1024 * 2, i / 32 % 32 * 2, i % 32 * 2];
        let cell = (0..8).map(|o| at(z + (o >> 2), y + (o >> 1 & 1), x + (o & 1)));
        let mean = cell.sum::<f64>() / 8.0;
        assert!((mean - f64::from(found)).abs() < 1e-4, "{mean} {found}");
    }
}
