//! Fields of rank 1: in every form they come back as lines, within their bound, whole, in part and at coarse levels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Draw, decode, encode, smooth};
use proptest::prelude::*;
use srt::{Bound, Decoder, EncodeOptions, FormChoice, Limits, Model, Region, Shape, write_npy};

fn line(len: usize, noise: f64, seed: u64) -> (Shape, Vec<f32>) {
    let shape = Shape::new(&[len]).unwrap();
    let mut draw = Draw::new(seed);
    let values = smooth(shape, seed).into_iter();
    let values = values.map(|v| (v + noise * (draw.unit() - 0.5)) as f32);
    (shape, values.collect())
}

fn options(bound: Bound, form: FormChoice) -> EncodeOptions {
    EncodeOptions::new(bound)
        .with_threads(1)
        .with_model(Model::None)
        .with_form(form)
}

fn check(shape: Shape, values: &[f32], options: &EncodeOptions) -> usize {
    let (file, _) = encode(shape, values, options).unwrap();
    let decoder = Decoder::new(&file).unwrap();
    let frame = decoder.frame_at(0).unwrap();
    let back = frame.read::<f32>().unwrap();
    assert_eq!(back.shape(), shape);
    if let Bound::MaxError(bound) = options.bound {
        let pairs = back.data().iter().zip(values);
        let error = pairs.fold(0.0, |e: f64, (a, b)| {
            e.max((f64::from(*a) - f64::from(*b)).abs())
        });
        assert!(error <= bound, "{error} beside {bound}");
    }
    let len = shape.len();
    let region = Region::along_axes(&[len / 3], &[(len / 2).max(1)]).unwrap();
    let part = decoder
        .frame_at(0)
        .unwrap()
        .region(region)
        .read::<f32>()
        .unwrap();
    assert_eq!(part.shape().extents(), &[(len / 2).max(1)]);
    assert!(part.data() == shape.region().crop(back.data(), &region));
    let coarsest = decoder.frame_at(0).unwrap().coarsest_level().unwrap();
    for level in 1..=coarsest {
        let coarse = decode(&file, level, Limits::default()).unwrap();
        assert_eq!(coarse.shape().rank(), 1);
        assert!(coarse.shape().len() <= len.div_ceil(2));
    }
    file.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lines_come_back_within_their_bound(
        len in prop_oneof![1usize..40, 40usize..5000], noise in 0.0..0.1f64, seed: u64,
        bound in prop_oneof![Just(0.0), 1e-6..0.1f64],
        form in prop::sample::select(vec![FormChoice::Auto, FormChoice::Raster, FormChoice::Wavelet]),
    ) {
        let (shape, values) = line(len, noise, seed);
        check(shape, &values, &options(Bound::MaxError(bound), form));
    }

    #[test]
    fn other_bounds_are_kept(len in 20usize..3000, noise in 0.0..0.1f64, seed: u64, db in 20.0..80.0f64) {
        let (shape, values) = line(len, noise, seed);
        let options = options(Bound::Psnr(db), FormChoice::Auto);
        check(shape, &values, &options);
        let (_, report) = encode(shape, &values, &options).unwrap();
        prop_assert!(report.comparison.psnr_db >= db);
    }
}

#[test]
fn several_bricks_of_a_line_decode_by_themselves() {
    let (shape, values) = line(200_000, 0.02, 7);
    for form in [FormChoice::Raster, FormChoice::Wavelet] {
        check(shape, &values, &options(Bound::MaxError(1e-3), form));
    }
}

#[test]
fn lines_are_no_larger_than_as_planes_of_one_row() {
    let (shape, values) = line(50_000, 0.001, 9);
    let plane = Shape::new(&[1, 50_000]).unwrap();
    let options = options(Bound::MaxError(1e-4), FormChoice::Auto);
    let as_plane = encode(plane, &values, &options).unwrap().0.len();
    assert!(check(shape, &values, &options) <= as_plane);
}

#[test]
fn npy_says_that_it_is_a_line() {
    let mut out = Vec::new();
    let shape = Shape::new(&[3]).unwrap();
    write_npy(&mut out, shape, &[1f32, 2.0, 3.0]).unwrap();
    let text = String::from_utf8_lossy(&out);
    assert!(text.contains("'shape': (3,)"), "{text}");
}
