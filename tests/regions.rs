//! Regions and levels: bit for bit the crop of the whole.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::borrow::Cow;
use std::sync::Arc;

use proptest::prelude::*;
use srt::container::{Bound, BrickRun, ChunkType, Reader, RunPolicy};
use srt::metrics::compare;
use srt::transform::{Bands, Plan, Wavelet, inverse};
use srt::volume::io::Input;
use srt::volume::{AnyVolume, Values};
use srt::{
    Axes, DecodeOptions, Decoder, Element, EncodeOptions, ErrorKind, Limits, Model, Region, Shape,
    StreamDecoder, dtype_dispatch,
};
use srt::{VolumeView, encode_with_report};

mod common;

use common::runs::{CHECKED, with_runs};

fn bytes(volume: &AnyVolume) -> Vec<u64> {
    dtype_dispatch!(volume, AnyVolume(v) => v.data().iter().map(|v| v.to_bits64()).collect())
}

/// The sample of turbulence cut to a shape.
fn sample(shape: Shape) -> Vec<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/turbulence_64.npy");
    let input = Input::open(path, None, None).unwrap();
    let whole = Region {
        start: [0; 3],
        size: [64; 3],
    };
    whole.crop(&input.as_f32().unwrap(), &shape.region())
}

fn encode(shape: Shape, values: &Values<'_>, options: &EncodeOptions) -> Vec<u8> {
    encode_with_report(VolumeView::new(shape, values).unwrap(), options, Vec::new())
        .unwrap()
        .0
}

/// The box between two corners given as fractions of the extents.
fn part(shape: Shape, corners: [(f64, f64); 3]) -> Region {
    let mut region = shape.region();
    for (axis, (a, b)) in corners.into_iter().enumerate() {
        let place = |f: f64| (f * region.size[axis] as f64) as usize;
        let (a, b) = (place(a), place(b));
        (region.start[axis], region.size[axis]) = (a.min(b), a.abs_diff(b) + 1);
    }
    region.clipped(shape.dims())
}

fn corners() -> impl Strategy<Value = [(f64, f64); 3]> {
    prop::array::uniform3((0.0..1.0f64, 0.0..1.0f64))
}

/// Checks one region of every level of a file against the crop of the whole level.
fn check(file: &[u8], corners: [(f64, f64); 3], levels: usize) {
    let decoder = Decoder::new(file).unwrap();
    for level in 0..=levels {
        let grid = decoder.frame_at(0).unwrap().level(level).grid().unwrap();
        let region = part(grid, corners);
        let whole = bytes(
            &decoder
                .frame_at(0)
                .unwrap()
                .level(level)
                .read_any()
                .unwrap(),
        );
        let found = bytes(
            &decoder
                .frame_at(0)
                .unwrap()
                .level(level)
                .region(region)
                .read_any()
                .unwrap(),
        );
        assert!(
            found == grid.region().crop(&whole, &region),
            "level {level}, {region:?}"
        );
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (1usize..=64, 1usize..=64).prop_map(|(y, x)| Shape::new(&[y, x]).unwrap()),
        (1usize..=64, 1usize..=64, 1usize..=64)
            .prop_map(|(z, y, x)| Shape::new(&[z, y, x]).unwrap()),
    ]
}

/// Levels that every grid of this shape has.
fn levels(shape: Shape) -> usize {
    let longest = *shape.extents().iter().max().unwrap();
    longest.ilog2().saturating_sub(2) as usize
}

/// What is known from the field at `level` alone: its inverse transforms with no details.
fn spread(plan: &Plan, level: usize, mut field: Vec<f32>) -> Vec<f32> {
    for plan in plan.levels()[..level].iter().rev() {
        let gain = 2f32.powi(plan.split.count() as i32).sqrt();
        let mut bands = Bands {
            low: field.iter().map(|v| v * gain).collect(),
            details: plan
                .details
                .iter()
                .map(|&code| vec![0.0; plan.band_dims(code).iter().product()])
                .collect(),
        };
        field = inverse(Wavelet::Cdf97, plan, &mut bands);
    }
    field
}

#[test]
fn levels_come_coarse_to_fine_with_what_they_are_worth() {
    for (extents, target, model) in [
        (vec![64, 64, 64], 60.0, Model::None),
        (vec![64, 64, 64], 35.0, Model::Default),
        (vec![50, 64, 37], 45.0, Model::None),
        (vec![64, 64], 50.0, Model::None),
    ] {
        let shape = Shape::new(&extents).unwrap();
        let values = sample(shape);
        let options = EncodeOptions::new(Bound::Psnr(target)).with_model(model);
        let file = encode(shape, &Values::F32(Cow::Borrowed(&values)), &options);
        let decoder = Decoder::new(&file).unwrap();
        let plan = Plan::new(shape, Axes::default(), 15);
        let fields: Vec<_> = decoder
            .frame_at(0)
            .unwrap()
            .levels()
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let levels: Vec<usize> = fields.iter().map(|f| f.level).collect();
        assert_eq!(levels, (0..=plan.levels().len()).rev().collect::<Vec<_>>());
        for field in fields {
            let level = field.level;
            assert_eq!(
                field.volume,
                decoder
                    .frame_at(0)
                    .unwrap()
                    .level(level)
                    .read_any()
                    .unwrap()
            );
            let AnyVolume::F32(volume) = field.volume else {
                panic!("another type");
            };
            let spread = spread(&plan, level, volume.data().to_vec());
            let found = compare(&values, &spread, None).unwrap().psnr_db;
            let estimate = field.psnr_db.unwrap();
            // The filters are not quite orthogonal.
            assert!(
                (estimate - found).abs() < 2.5,
                "{level}: {estimate} {found}"
            );
        }
    }
    assert!(
        Decoder::new(&encode_small())
            .unwrap()
            .frame_at(1)
            .and_then(|frame| frame.levels())
            .is_err()
    );
}

/// A file of one constant frame, whose only level is 0.
fn encode_small() -> Vec<u8> {
    let options = EncodeOptions::new(Bound::Psnr(40.0));
    encode(
        Shape::new(&[5, 5]).unwrap(),
        &Values::F32(Cow::Owned(vec![1.0; 25])),
        &options,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn regions_are_crops(
        shape in shapes(),
        corners in corners(),
        periodic in 0u8..8,
        haar: bool,
        networks: bool,
        target in 30.0..60.0f64,
    ) {
        let values = sample(shape);
        let mut options = EncodeOptions::new(Bound::Psnr(target))
            .with_periodic(Axes::from_bits(periodic).unwrap())
            .with_wavelet(if haar { Wavelet::Haar } else { Wavelet::Cdf97 });
        if !networks {
            options = options.with_model(Model::None);
        }
        let file = encode(shape, &Values::F32(Cow::Borrowed(&values)), &options);
        let decoder = Decoder::new(&file).unwrap();
        let frame = decoder.frames().next().unwrap();
        let is_multiresolution = matches!(frame.record().form, srt::container::Form::Wavelet(_));
        check(&file, corners, if is_multiresolution { levels(shape) } else { 0 });
    }

    #[test]
    fn regions_of_masked_corrected_and_lossless_fields_are_crops(
        shape in shapes(),
        corners in corners(),
        lossless: bool,
        doubles: bool,
    ) {
        let mut values = sample(shape);
        for v in values.iter_mut().step_by(7) {
            *v = f32::NAN;
        }
        let bound = Bound::RelError(if lossless { 0.0 } else { 1e-3 });
        let options = EncodeOptions::new(bound).with_model(Model::None);
        let file = if doubles {
            let values: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            encode(shape, &Values::F64(Cow::Owned(values)), &options)
        } else {
            encode(shape, &Values::F32(Cow::Owned(values)), &options)
        };
        check(&file, corners, 0);
    }
}

/// Several bricks per level, networks, every thread its own regions of one decoder.
#[test]
fn many_threads_read_regions_of_one_decoder() {
    let (shape, field) = common::mirrored(&[130, 121, 150]);
    let options = EncodeOptions::new(Bound::Psnr(45.0));
    let file = encode(shape, &Values::F32(Cow::Borrowed(&field)), &options);
    // So small a cache that bricks come and go.
    let options = DecodeOptions::default().with_cache_bytes(3 << 20);
    let decoder = Decoder::with_options(&file, options).unwrap();
    assert!(
        decoder.weights().unwrap().is_some(),
        "the model pays on turbulence"
    );
    let whole = Arc::new(bytes(&decoder.frame_at(0).unwrap().read_any().unwrap()));
    std::thread::scope(|scope| {
        for thread in 0..4usize {
            let (decoder, whole) = (&decoder, Arc::clone(&whole));
            scope.spawn(move || {
                for i in 0..6usize {
                    let seed = thread * 31 + i * 17;
                    let start = [seed * 7 % 100, seed * 13 % 90, seed * 29 % 120];
                    let region = Region {
                        start,
                        size: [1 + seed % 30, 1 + seed * 3 % 31, 1 + seed * 5 % 30],
                    };
                    let found = bytes(
                        &decoder
                            .frame_at(0)
                            .unwrap()
                            .region(region)
                            .read_any()
                            .unwrap(),
                    );
                    assert!(found == shape.region().crop(&whole, &region), "{region:?}");
                }
            });
        }
    });
}

/// Where bricks have checksums of their own, whoever wants one leaves the others of its run alone.
#[test]
fn a_part_reads_its_bricks_alone() {
    let (shape, field) = common::mirrored(&[40, 70, 600]);
    let options = EncodeOptions::new(Bound::Psnr(70.0)).with_model(Model::None);
    let file = encode(shape, &Values::F32(Cow::Borrowed(&field)), &options);
    let one_run = RunPolicy {
        bytes: usize::MAX,
        bricks: usize::MAX,
        checksums: false,
    };
    let checked = RunPolicy {
        checksums: true,
        ..one_run
    };
    let region = Region {
        start: [3, 30, 0],
        size: [9, 20, 30],
    };
    let read = |file: &[u8]| {
        let decoder = Decoder::new(file).unwrap();
        let whole = bytes(&decoder.frame_at(0).unwrap().read_any().unwrap());
        // Nothing twice, and nothing that is not used.
        assert_eq!(decoder.bytes_read(), file.len() as u64);
        let decoder = Decoder::new(file).unwrap();
        let found = bytes(
            &decoder
                .frame_at(0)
                .unwrap()
                .region(region)
                .read_any()
                .unwrap(),
        );
        assert!(found == shape.region().crop(&whole, &region));
        decoder.bytes_read()
    };
    // So large a frame that the encoder gives its bricks checksums.
    let reader = Reader::new(&file, &Limits::default()).unwrap();
    let chunks = reader.entries().iter().enumerate();
    let mut runs = chunks.filter(|(_, entry)| entry.kind == ChunkType::BRIK);
    assert!(runs.any(|(number, _)| BrickRun::has_checksums(reader.payload(number).unwrap())));
    assert!(read(&file) < file.len() as u64 / 2);
    let together = with_runs(&file, one_run);
    assert_eq!(read(&together), together.len() as u64);
    let apart = with_runs(&file, checked);
    assert!(read(&apart) < apart.len() as u64 / 2);
}

/// A wrong byte is found by the checksums of bricks and heads as well as by those of chunks.
#[test]
fn damage_to_bricks_with_checksums_is_found() {
    let shape = Shape::new(&[20, 60, 130]).unwrap();
    let (_, field) = common::mirrored(&[20, 60, 130]);
    let options = EncodeOptions::new(Bound::Psnr(40.0))
        .with_model(Model::None)
        .with_brick_edge(64);
    let file = encode(shape, &Values::F32(Cow::Borrowed(&field)), &options);
    let file = with_runs(&file, CHECKED);
    let whole = |file: &[u8]| {
        Decoder::new(file)?
            .frame_at(0)
            .and_then(|frame| frame.read_any())
    };
    whole(&file).unwrap();
    for at in (0..file.len()).step_by(7) {
        let mut damaged = file.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(whole(&damaged).is_err(), "byte {at}");
    }
}

/// A level of more than 2^21 cells is decoded in layers.
#[test]
fn layers_of_a_tall_field_fit_together() {
    let (shape, field) = common::mirrored(&[4300, 64, 64]);
    let options = EncodeOptions::new(Bound::Psnr(40.0));
    let file = encode(shape, &Values::F32(Cow::Borrowed(&field)), &options);
    let decoder = Decoder::new(&file).unwrap();
    let mut layers = 0;
    let mut whole = Vec::new();
    decoder
        .frame_at(0)
        .unwrap()
        .layers(|layer| {
            layers += 1;
            whole.extend(bytes(&layer));
            Ok(())
        })
        .unwrap();
    assert!(layers > 1);
    assert!(whole == bytes(&decoder.frame_at(0).unwrap().read_any().unwrap()));
    let region = Region {
        start: [3900, 0, 0],
        size: [400, 64, 64],
    };
    let found = bytes(
        &decoder
            .frame_at(0)
            .unwrap()
            .region(region)
            .read_any()
            .unwrap(),
    );
    assert!(found == shape.region().crop(&whole, &region));
}

#[test]
fn boxes_outside_the_grid_are_refused() {
    let shape = Shape::new(&[20, 20, 20]).unwrap();
    let values = sample(shape);
    let options = EncodeOptions::new(Bound::Psnr(40.0));
    let file = encode(shape, &Values::F32(Cow::Owned(values)), &options);
    let decoder = Decoder::new(&file).unwrap();
    for (start, size) in [
        ([0; 3], [0, 1, 1]),
        ([0; 3], [21, 1, 1]),
        ([20, 0, 0], [1, 1, 1]),
        ([usize::MAX, 0, 0], [2, 1, 1]),
    ] {
        let region = Region { start, size };
        let error = decoder
            .frame_at(0)
            .and_then(|frame| frame.region(region).read_any())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{region:?}");
    }
    assert!(
        decoder
            .frame_at(0)
            .and_then(|frame| frame.level(9).region(shape.region()).read_any())
            .is_err()
    );
    assert!(
        decoder
            .frame_at(1)
            .and_then(|frame| frame.region(shape.region()).read_any())
            .is_err()
    );
}

#[test]
fn levels_without_networks_need_no_weights() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/unsupported/missing_weights.srt"
    );
    let bytes = std::fs::read(path).unwrap();
    let decoder = Decoder::new(&bytes).unwrap();
    let finest = decoder
        .frame_at(0)
        .and_then(|frame| frame.read_any())
        .unwrap_err();
    assert_eq!(finest.kind(), ErrorKind::MissingWeights);
    let mut stream = StreamDecoder::new(&bytes[..]).unwrap();
    stream.next_frame().unwrap().unwrap();
    let full = decoder.frame_at(0).unwrap().grid().unwrap();
    assert_eq!(stream.frame().and_then(|frame| frame.grid()).unwrap(), full);
    for level in (1..=4).rev() {
        let region = decoder
            .frame_at(0)
            .unwrap()
            .level(level)
            .grid()
            .unwrap()
            .region();
        let field = decoder
            .frame_at(0)
            .unwrap()
            .level(level)
            .read_any()
            .unwrap();
        assert_eq!(
            decoder
                .frame_at(0)
                .unwrap()
                .level(level)
                .region(region)
                .read_any()
                .unwrap(),
            field
        );
        assert_eq!(
            stream
                .frame()
                .and_then(|frame| frame.level(level).read_any())
                .unwrap(),
            field
        );
    }
}
