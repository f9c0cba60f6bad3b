//! Plans along the slowest axis: the bound, regions, levels, streams and masks, whatever the type of the values, and which
//! plan is chosen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Draw, Scalar, encode, noisy, smooth, turbulence};
use half::f16;
use proptest::prelude::*;
use srt::container::{Bound, Form};
use srt::transform::Wavelet;
use srt::{
    AxisPlan, Dataset, Decoder, Dtype, EncodeOptions, Encoder, ErrorKind, Field, FormChoice,
    FrameKey, Model, Region, Shape, StreamDecoder, Values,
};

const STACKED: [AxisPlan; 3] = [AxisPlan::Dct, AxisPlan::Wavelet, AxisPlan::Slices];

fn options(bound: Bound) -> EncodeOptions {
    EncodeOptions::new(bound)
        .with_threads(2)
        .with_model(Model::None)
        .with_form(FormChoice::Wavelet)
}

/// Planes of a stack, each another mixture of the same ones.
fn stack(shape: Shape) -> Vec<f32> {
    let [_, ny, nx] = shape.dims();
    let plane = Shape::new(&[ny, nx]).unwrap();
    let parts = [11, 12, 13].map(|seed| {
        let mut draw = Draw::new(seed);
        let rough = smooth(plane, seed).into_iter();
        rough.map(|v| v + 0.5 * draw.unit()).collect::<Vec<_>>()
    });
    let mixed = |i: usize| {
        let (z, at) = ((i / ny / nx) as f64, i % (ny * nx));
        let weights = [1.0, (0.2 * z).cos(), (0.13 * z).sin()];
        let sum: f64 = weights.iter().zip(&parts).map(|(w, p)| w * p[at]).sum();
        sum as f32
    };
    (0..shape.len()).map(mixed).collect()
}

fn bits<E: Scalar>(values: &[E]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits64()).collect()
}

/// The plan of the only frame; `None` in another form.
fn plan(file: &[u8]) -> Option<AxisPlan> {
    let decoder = Decoder::new(file).unwrap();
    match &decoder.only_frame().unwrap().record().form {
        Form::Wavelet(form) => AxisPlan::from_u8(form.plan),
        _ => None,
    }
}

/// Regions of all levels are what the whole says, and so is the stream; levels keep all planes.
fn check_parts<E: Scalar>(file: &[u8], seed: u64) {
    let decoder = Decoder::new(file).unwrap();
    let frame = decoder.only_frame().unwrap();
    let mut draw = Draw::new(seed);
    let mut stream = StreamDecoder::new(file).unwrap();
    stream.next_frame().unwrap().unwrap();
    for level in 0..=frame.record().form.levels() {
        let whole = frame.level(level).read::<E>().unwrap();
        let shape = whole.shape();
        for _ in 0..3 {
            let start = shape.dims().map(|n| draw.below(n));
            let size = [0, 1, 2].map(|axis| 1 + draw.below(shape.dims()[axis] - start[axis]));
            let region = Region { start, size };
            let found = frame.level(level).region(region).read::<E>().unwrap();
            let expected = shape.region().crop(whole.data(), &region);
            assert_eq!(bits(found.data()), bits(&expected), "{level} {region:?}");
        }
        let streamed = stream.frame().unwrap().level(level).read::<E>().unwrap();
        assert_eq!(bits(streamed.data()), bits(whole.data()));
        if plan(file).is_some_and(|plan| plan != AxisPlan::Levels) {
            assert_eq!(shape.dims()[0], decoder.dataset().shape.dims()[0]);
        }
    }
}

/// Encodes and checks a field by every plan.
fn check<E: Scalar>(shape: Shape, values: &[E], bound: Bound, wavelet: Wavelet, seed: u64) {
    for along in STACKED {
        let options = options(bound).with_plan(along).with_wavelet(wavelet);
        let file = encode(shape, values, &options).unwrap().0;
        // Next to nothing takes fewer bytes as it is.
        assert!(plan(&file) == Some(along) || plan(&file).is_none() && shape.len() < 6000);
        let decoder = Decoder::new(&file).unwrap();
        let decoded = decoder.only_frame().unwrap().read::<E>().unwrap();
        for (a, b) in values.iter().zip(decoded.data()) {
            match bound {
                _ if !a.is_finite() => assert_eq!(a.to_bits64(), b.to_bits64()),
                Bound::MaxError(e) => assert!((a.to_f64() - b.to_f64()).abs() <= e, "{a:?} {b:?}"),
                _ => {}
            }
        }
        if let Bound::Psnr(db) = bound {
            let psnr = common::psnr(values, decoded.data(), |v: E| v.is_finite());
            assert!(psnr >= db, "{psnr}");
        }
        check_parts::<E>(&file, seed);
        let other = options.clone().with_threads(1);
        assert!(encode(shape, values, &other).unwrap().0 == file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn stacks_of_all_types_come_back(
        dims in (2usize..=24, 1usize..=24, 1usize..=24),
        seed: u64,
        holes in 0usize..9,
        haar: bool,
    ) {
        let shape = Shape::new(&[dims.0, dims.1, dims.2]).unwrap();
        prop_assume!(shape.len() > 2 * holes + 30);
        let w = if haar { Wavelet::Haar } else { Wavelet::Cdf97 };
        check::<f16>(shape, &noisy(shape, seed, holes), Bound::MaxError(0.02), w, seed);
        check::<f32>(shape, &noisy(shape, seed, holes), Bound::MaxError(1e-3), w, seed);
        check::<f32>(shape, &noisy(shape, seed, holes), Bound::Psnr(45.0), w, seed);
        check::<f64>(shape, &noisy(shape, seed, holes), Bound::MaxError(1e-7), w, seed);
    }
}

#[test]
fn stacks_of_many_bricks_come_back() {
    for extents in [[70, 65, 130], [3, 140, 150], [130, 1, 300], [90, 70, 1]] {
        let shape = Shape::new(&extents).unwrap();
        let values: Vec<f32> = noisy(shape, 3, 0);
        check(shape, &values, Bound::MaxError(1e-2), Wavelet::Cdf97, 3);
    }
}

#[test]
fn the_plan_is_chosen_by_what_the_field_is_like() {
    let shape = Shape::new(&[40, 90, 100]).unwrap();
    let values = stack(shape);
    for bound in [
        Bound::Psnr(45.0),
        Bound::RelError(1e-2),
        Bound::Ssim(0.99),
        Bound::Ratio(60.0),
    ] {
        let file = encode(shape, &values, &options(bound)).unwrap().0;
        let found = plan(&file);
        assert!(
            found.is_some_and(AxisPlan::joins_planes),
            "{bound} {found:?}"
        );
        let levels = options(bound).with_plan(AxisPlan::Levels);
        let other = encode(shape, &values, &levels).unwrap().0;
        assert!(matches!(bound, Bound::Ratio(_)) || file.len() < other.len());
        // Neither memory to aim at nor threads change the file.
        let options = options(bound).with_threads(1).with_memory(1 << 20);
        assert!(encode(shape, &values, &options).unwrap().0 == file);
    }
    let (shape, values) = turbulence();
    for bound in [Bound::Psnr(40.0), Bound::RelError(1e-3)] {
        let file = encode(shape, &values, &options(bound)).unwrap().0;
        assert_eq!(plan(&file), Some(AxisPlan::Levels), "{bound}");
    }
}

#[test]
fn plans_that_a_field_cannot_have_are_refused() {
    for (extents, along) in [
        (&[20, 20][..], AxisPlan::Slices),
        (&[1, 20, 20], AxisPlan::Wavelet),
        (&[1025, 4, 4], AxisPlan::Dct),
    ] {
        let shape = Shape::new(extents).unwrap();
        let values: Vec<f32> = noisy(shape, 5, 0);
        let options = options(Bound::Psnr(40.0)).with_plan(along);
        let error = encode(shape, &values, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{along:?}");
    }
}

#[test]
fn slabs_of_stacks_are_joined_at_full_resolution() {
    let domain = Shape::new(&[32, 40, 44]).unwrap();
    let values = stack(domain);
    let half = values.len() / 2;
    let options = options(Bound::MaxError(0.05)).with_plan(AxisPlan::Dct);
    let fields = vec![Field {
        name: "u".into(),
        unit: String::new(),
        dtype: Dtype::F32,
    }];
    let dataset = Dataset::new(domain, fields);
    let mut encoder = Encoder::new(Vec::new(), dataset, options).unwrap();
    for (start, values) in [(0, &values[..half]), (16, &values[half..])] {
        let key = FrameKey::new("u", 0).planes(start..start + 16);
        encoder.write(&key, Values::F32(values.into())).unwrap();
    }
    let file = encoder.finish().unwrap().0;
    let decoder = Decoder::new(&file).unwrap();
    let frame = decoder.frame("u", 0).unwrap();
    let decoded = frame.read::<f32>().unwrap();
    for (a, b) in values.iter().zip(decoded.data()) {
        assert!((a - b).abs() <= 0.05);
    }
    assert!(frame.level(1).read::<f32>().is_err());
}
