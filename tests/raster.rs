//! Frames of the raster form: the bound, regions, levels, streams and masks, whatever the type of the values.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Draw, Scalar, encode, noisy, psnr, smooth};
use half::f16;
use proptest::prelude::*;
use srt::container::{Bound, Form, RasterSteps};
use srt::{Decoder, EncodeOptions, ErrorKind, FormChoice, Model, Region, Shape, StreamDecoder};

fn options(bound: Bound, form: FormChoice) -> EncodeOptions {
    EncodeOptions::new(bound)
        .with_threads(2)
        .with_model(Model::None)
        .with_form(form)
}

fn bits<E: Scalar>(values: &[E]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits64()).collect()
}

/// The file of a field; it has the raster form and keeps the bound.
fn checked<E: Scalar>(shape: Shape, values: &[E], max_error: f64) -> Vec<u8> {
    let file = within(shape, values, max_error);
    let decoder = Decoder::new(&file).unwrap();
    let form = &decoder.only_frame().unwrap().record().form;
    // Next to nothing takes fewer bytes as it is.
    let is_raster = matches!(form, Form::Raster(_));
    assert!(is_raster || shape.len() < 1000 && *form == Form::Lossless);
    file
}

/// The file of a field, in the raster form if it is not constant or next to nothing; it keeps the bound.
fn within<E: Scalar>(shape: Shape, values: &[E], max_error: f64) -> Vec<u8> {
    let options = options(Bound::MaxError(max_error), FormChoice::Raster);
    let file = encode(shape, values, &options).unwrap().0;
    let decoder = Decoder::new(&file).unwrap();
    let decoded = decoder.only_frame().unwrap().read::<E>().unwrap();
    for (a, b) in values.iter().zip(decoded.data()) {
        if a.is_finite() {
            assert!((a.to_f64() - b.to_f64()).abs() <= max_error, "{a:?} {b:?}");
        } else {
            assert_eq!(a.to_bits64(), b.to_bits64());
        }
    }
    file
}

/// Regions and levels of a file are what the whole field says, and so is the stream.
fn check_parts<E: Scalar>(file: &[u8], seed: u64) {
    let decoder = Decoder::new(file).unwrap();
    let frame = decoder.only_frame().unwrap();
    let whole = frame.read::<E>().unwrap();
    let shape = whole.shape();
    let mut draw = Draw::new(seed);
    for _ in 0..4 {
        let start = shape.dims().map(|n| draw.below(n));
        let size = [0, 1, 2].map(|axis| 1 + draw.below(shape.dims()[axis] - start[axis]));
        let region = Region { start, size };
        let found = frame.region(region).read::<E>().unwrap();
        let expected = shape.region().crop(whole.data(), &region);
        assert_eq!(bits(found.data()), bits(&expected), "{region:?}");
    }
    let mut stream = StreamDecoder::new(file).unwrap();
    stream.next_frame().unwrap().unwrap();
    let streamed = stream.frame().unwrap().read::<E>().unwrap();
    assert_eq!(bits(streamed.data()), bits(whole.data()));
    // All axes that are long enough are split.
    let split = shape.dims().map(|n| if n >= 8 { 2 } else { 1 });
    if split == [1, 1, 1] {
        assert!(frame.level(1).read::<E>().is_err());
        return;
    }
    let half = frame.level(1).read::<E>().unwrap();
    let [_, ny, nx] = shape.dims();
    let place = |i: usize| {
        let [_, y, x] = half.shape().dims();
        let place = [i / x / y, i / x % y, i % x];
        let [z, y, x] = [0, 1, 2].map(|axis| place[axis] * split[axis]);
        (z * ny + y) * nx + x
    };
    let expected: Vec<E> = (0..half.shape().len())
        .map(|i| whole.data()[place(i)])
        .collect();
    assert_eq!(bits(half.data()), bits(&expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn small_fields_of_all_types_come_back(
        dims in prop::array::uniform3(1usize..=20), planar: bool, seed: u64, holes in 0usize..9,
    ) {
        let shape = Shape::new(if planar { &dims[1..] } else { &dims }).unwrap();
        // Constant and empty fields have a form of their own.
        prop_assume!(shape.len() > 2 * holes + 4);
        check_parts::<f16>(&checked::<f16>(shape, &noisy(shape, seed, holes), 0.02), seed);
        check_parts::<f32>(&checked::<f32>(shape, &noisy(shape, seed, holes), 1e-3), seed);
        check_parts::<f64>(&checked::<f64>(shape, &noisy(shape, seed, holes), 1e-9), seed);
    }
}

/// The file of a field without loss, by ranks where that is shorter.
fn lossless<E: Scalar>(shape: Shape, values: &[E]) -> Vec<u8> {
    let options = options(Bound::MaxError(0.0), FormChoice::Auto);
    let file = encode(shape, values, &options).unwrap().0;
    let decoded = srt::decode::<E>(&file).unwrap();
    assert_eq!(bits(decoded.data()), bits(values));
    file
}

fn has_palette(file: &[u8]) -> bool {
    let decoder = Decoder::new(file).unwrap();
    let frame = decoder.only_frame().unwrap();
    let Form::Raster(form) = &frame.record().form else {
        return false;
    };
    matches!(form.steps, RasterSteps::Palette(_))
}

/// A field of few values, of both zeros among them.
fn steps<E: Scalar>(shape: Shape, seed: u64, holes: usize) -> Vec<E> {
    let step = |v: E| {
        if v.is_finite() {
            E::from_f64((v.to_f64() * 5.0).round() / 3.0)
        } else {
            v
        }
    };
    noisy::<E>(shape, seed, holes)
        .into_iter()
        .map(step)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fields_of_few_values_come_back_bit_for_bit(
        dims in prop::array::uniform3(1usize..=30), planar: bool, seed: u64, holes in 0usize..9,
    ) {
        let shape = Shape::new(if planar { &dims[1..] } else { &dims }).unwrap();
        prop_assume!(shape.len() > 2 * holes + 4);
        check_parts::<f16>(&lossless::<f16>(shape, &steps(shape, seed, holes)), seed);
        check_parts::<f32>(&lossless::<f32>(shape, &steps(shape, seed, holes)), seed);
        check_parts::<f64>(&lossless::<f64>(shape, &steps(shape, seed, holes)), seed);
    }
}

/// The file of a field without loss in raster order.
fn exact<E: Scalar>(shape: Shape, values: &[E]) -> Vec<u8> {
    let options = options(Bound::MaxError(0.0), FormChoice::Raster);
    let file = encode(shape, values, &options).unwrap().0;
    let decoded = srt::decode::<E>(&file).unwrap();
    assert_eq!(bits(decoded.data()), bits(values));
    file
}

/// Noisy values of several magnitudes, zeros of both signs and infinities among them.
fn of_all_magnitudes<E: Scalar>(shape: Shape, seed: u64, holes: usize) -> Vec<E> {
    let value = |(i, v): (usize, E)| match (i as u64 ^ seed) % 17 {
        0 => E::from_f64(0.0),
        1 => E::from_f64(-0.0),
        2 if v.is_finite() => E::from_f64(v.to_f64() * 1e-4),
        3 if v.is_finite() => E::from_f64(v.to_f64() * 1e-42),
        4 if holes > 0 => E::from_f64(f64::NEG_INFINITY),
        _ => v,
    };
    noisy::<E>(shape, seed, holes)
        .into_iter()
        .enumerate()
        .map(value)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fields_without_loss_come_back_bit_for_bit(
        dims in prop::array::uniform3(1usize..=20), planar: bool, seed: u64, holes in 0usize..9,
    ) {
        let shape = Shape::new(if planar { &dims[1..] } else { &dims }).unwrap();
        prop_assume!(shape.len() > 2 * holes + 4);
        check_parts::<f16>(&exact::<f16>(shape, &of_all_magnitudes(shape, seed, holes)), seed);
        check_parts::<f32>(&exact::<f32>(shape, &of_all_magnitudes(shape, seed, holes)), seed);
        check_parts::<f64>(&exact::<f64>(shape, &of_all_magnitudes(shape, seed, holes)), seed);
    }
}

#[test]
fn values_as_they_are_do_not_depend_on_threads_and_memory() {
    let shape = Shape::new(&[140, 66, 70]).unwrap();
    let values: Vec<f32> = noisy(shape, 5, 9);
    let options = options(Bound::MaxError(0.0), FormChoice::Auto);
    let file = encode(shape, &values, &options).unwrap().0;
    let decoder = Decoder::new(&file).unwrap();
    let form = &decoder.only_frame().unwrap().record().form;
    assert!(matches!(form, Form::Raster(form) if matches!(form.steps, RasterSteps::Exact(_))));
    assert!(file.len() < values.len() * 4 * 9 / 10);
    check_parts::<f32>(&file, 9);
    for (threads, memory) in [(1, 1 << 40), (3, 1 << 24)] {
        let other = options.clone().with_threads(threads).with_memory(memory);
        assert!(encode(shape, &values, &other).unwrap().0 == file);
    }
}

#[test]
fn few_values_are_coded_by_ranks_where_that_is_shorter() {
    let shape = Shape::new(&[66, 70, 80]).unwrap();
    for holes in [0, 50] {
        let few = steps::<f64>(shape, 6, holes);
        let file = lossless(shape, &few);
        assert!(has_palette(&file));
        check_parts::<f64>(&file, 6);
        // Closer than the values are to each other, nothing is won by losing some.
        let options = options(Bound::MaxError(1e-3), FormChoice::Auto);
        assert!(has_palette(&encode(shape, &few, &options).unwrap().0));
    }
    assert!(!has_palette(&lossless(shape, &noisy::<f32>(shape, 7, 0))));
}

/// A field of few values keeps a bound and a PSNR in raster order.
fn keeps_few<E: Scalar>(shape: Shape, seed: u64, holes: usize, (max_error, db): (f64, f64)) {
    let values: Vec<E> = steps(shape, seed, holes);
    check_parts::<E>(&within(shape, &values, max_error), seed);
    let options = options(Bound::Psnr(db), FormChoice::Raster);
    let file = encode(shape, &values, &options).unwrap().0;
    let decoded = srt::decode::<E>(&file).unwrap();
    let found = psnr(&values, decoded.data(), |v| v.is_finite());
    assert!(found >= db, "{found} dB, {db} asked for");
    check_parts::<E>(&file, seed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn few_values_keep_bounds_that_are_wider_than_between_them(
        dims in prop::array::uniform3(1usize..=24),
        planar: bool,
        seed: u64,
        holes in 0usize..9,
        max_error in 0.05f64..1.5,
        db in 5.0f64..60.0,
    ) {
        let shape = Shape::new(if planar { &dims[1..] } else { &dims }).unwrap();
        prop_assume!(shape.len() > 2 * holes + 4);
        keeps_few::<f16>(shape, seed, holes, (max_error, db));
        keeps_few::<f32>(shape, seed, holes, (max_error, db));
        keeps_few::<f64>(shape, seed, holes, (max_error, db));
    }
}

/// Bytes of a field, and the form of its frame.
fn form_of<E: Scalar>(shape: Shape, values: &[E], options: &EncodeOptions) -> (usize, Form) {
    let file = encode(shape, values, options).unwrap().0;
    let decoder = Decoder::new(&file).unwrap();
    let frame = decoder.only_frame().unwrap();
    (file.len(), frame.record().form.clone())
}

#[test]
fn values_of_a_lattice_are_taken_together() {
    let shape = Shape::new(&[60, 64, 70]).unwrap();
    let whole: Vec<f32> = noisy::<f32>(shape, 8, 0);
    let whole: Vec<f32> = whole.iter().map(|v| (40.0 * v).round()).collect();
    let exact = form_of(
        shape,
        &whole,
        &options(Bound::MaxError(0.4), FormChoice::Auto),
    );
    let pairs = form_of(
        shape,
        &whole,
        &options(Bound::MaxError(0.6), FormChoice::Auto),
    );
    for (_, form) in [&exact, &pairs] {
        assert!(
            matches!(form, Form::Raster(form) if matches!(form.steps, RasterSteps::Palette(_)))
        );
    }
    assert!(pairs.0 * 4 < exact.0 * 3, "{} {}", pairs.0, exact.0);
}

#[test]
fn a_psnr_is_reached_in_raster_order_where_that_is_shorter() {
    let shape = Shape::new(&[100, 101, 102]).unwrap();
    let smooth: Vec<f32> = smooth(shape, 1).iter().map(|&v| v as f32).collect();
    let layers: Vec<f32> = smooth.iter().map(|v| (8.0 * v).round() * 0.125).collect();
    for (values, is_raster) in [(&smooth, false), (&layers, true)] {
        let mut options = options(Bound::Psnr(55.0), FormChoice::Auto);
        let (bytes, form) = form_of(shape, values, &options);
        assert_eq!(matches!(form, Form::Raster(_)), is_raster, "{form:?}");
        for other in [FormChoice::Wavelet, FormChoice::Raster] {
            options = options.with_form(other);
            let (others, _) = form_of(shape, values, &options);
            assert!(bytes <= others * 9 / 8, "{other:?}: {others}, {bytes}");
        }
    }
}

#[test]
fn fields_of_many_bricks_come_back() {
    for extents in [&[70, 65, 130][..], &[300, 520], &[1, 70, 70], &[3, 2, 300]] {
        let shape = Shape::new(extents).unwrap();
        check_parts::<f32>(&checked::<f32>(shape, &noisy(shape, 3, 40), 1e-3), 3);
        check_parts::<f64>(&checked::<f64>(shape, &noisy(shape, 4, 0), 1e-4), 4);
    }
}

#[test]
fn threads_and_memory_do_not_change_the_file() {
    let shape = Shape::new(&[140, 66, 70]).unwrap();
    let values: Vec<f32> = noisy(shape, 5, 0);
    let options = options(Bound::RelError(1e-3), FormChoice::Raster);
    let file = encode(shape, &values, &options).unwrap().0;
    for (threads, memory) in [(1, 1 << 40), (3, 1 << 20)] {
        let other = options.clone().with_threads(threads).with_memory(memory);
        assert!(encode(shape, &values, &other).unwrap().0 == file);
    }
}

#[test]
fn the_form_is_chosen_by_what_the_field_is_like() {
    let shape = Shape::new(&[100, 101, 102]).unwrap();
    let smooth: Vec<f32> = smooth(shape, 1).iter().map(|&v| v as f32).collect();
    let layers: Vec<f32> = smooth.iter().map(|v| (8.0 * v).round() * 0.125).collect();
    for (values, is_raster) in [(&smooth, false), (&layers, true)] {
        let options = options(Bound::RelError(1e-3), FormChoice::Auto);
        let file = encode(shape, values, &options).unwrap().0;
        let decoder = Decoder::new(&file).unwrap();
        let form = &decoder.only_frame().unwrap().record().form;
        assert_eq!(matches!(form, Form::Raster(_)), is_raster, "{form:?}");
    }
}

#[test]
fn the_raster_form_needs_a_bound_on_the_error() {
    let shape = Shape::new(&[9, 9]).unwrap();
    let values: Vec<f32> = noisy(shape, 5, 0);
    for bound in [Bound::Ssim(0.9), Bound::Ratio(3.0)] {
        let options = options(bound, FormChoice::Raster);
        let error = encode(shape, &values, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn bounds_below_the_precision_of_the_values_are_kept_without_loss() {
    let shape = Shape::new(&[12, 13]).unwrap();
    let values: Vec<f32> = noisy(shape, 5, 0);
    let options = options(Bound::MaxError(1e-10), FormChoice::Raster);
    let file = encode(shape, &values, &options).unwrap().0;
    let decoder = Decoder::new(&file).unwrap();
    let decoded = decoder.only_frame().unwrap().read::<f32>().unwrap();
    assert_eq!(bits(decoded.data()), bits(&values));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn binary32_fields_keep_bounds_down_to_their_last_bit(
        dims in prop::array::uniform3(1usize..=14),
        seed: u64,
        exponent in -36i32..-18,
        digits in 1.0..2.0f64,
        offset in prop_oneof![Just(0.0), Just(1.0), Just(-1000.0)],
    ) {
        let shape = Shape::new(&dims).unwrap();
        prop_assume!(shape.len() > 4);
        let values: Vec<f32> = smooth(shape, seed).iter().map(|v| (v + offset) as f32).collect();
        let max_error = digits * 2f64.powi(exponent);
        let options = options(Bound::MaxError(max_error), FormChoice::Raster);
        let file = encode(shape, &values, &options).unwrap().0;
        let decoded = srt::decode::<f32>(&file).unwrap();
        for (a, b) in values.iter().zip(decoded.data()) {
            prop_assert!((f64::from(*a) - f64::from(*b)).abs() <= max_error, "{a:?} {b:?}");
        }
        check_parts::<f32>(&file, seed);
    }
}

/// Bytes of a smooth field under a bound, and whether it is computed in binary64.
fn fine(bound: Bound, form: FormChoice) -> (usize, bool) {
    let shape = Shape::new(&[40, 44, 42]).unwrap();
    let values: Vec<f32> = smooth(shape, 71).iter().map(|&v| v as f32).collect();
    let file = encode(shape, &values, &options(bound, form)).unwrap().0;
    let decoder = Decoder::new(&file).unwrap();
    let frame = decoder.only_frame().unwrap();
    let is_fine = match &frame.record().form {
        Form::Raster(form) => matches!(form.steps, RasterSteps::Fine(_)),
        _ => false,
    };
    (file.len(), is_fine)
}

#[test]
fn bounds_of_binary32_have_no_cliff() {
    let mut before = 0;
    for exponent in [-12, -16, -19, -22, -24, -25] {
        let (bytes, is_fine) = fine(Bound::RelError(2f64.powi(exponent)), FormChoice::Raster);
        assert_eq!(is_fine, exponent < -17, "2^{exponent}");
        // Three bits a voxel, and some more.
        assert!(
            before == 0 || bytes < before + 4 * 73920 * 5 / 8,
            "2^{exponent}: {before}, {bytes}"
        );
        before = bytes;
    }
}

#[test]
fn a_psnr_beyond_the_wavelet_form_is_reached_in_steps() {
    let shape = Shape::new(&[40, 44, 42]).unwrap();
    let values = smooth(shape, 73);
    for db in [150.0, 170.0] {
        let options = options(Bound::Psnr(db), FormChoice::Auto);
        let (file, report) = encode(shape, &values, &options).unwrap();
        assert!(report.comparison.psnr_db >= db);
        assert!(
            report.comparison.psnr_db < db + 3.0,
            "{}",
            report.comparison.psnr_db
        );
        assert!(2 * file.len() < 8 * shape.len(), "{} bytes", file.len());
    }
}
