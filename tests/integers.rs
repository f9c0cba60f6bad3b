//! Integers as values of fields: of every type and in every form they come back as their own type, within their bound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Cursor;

use common::{Draw, Scalar, decode, encode, smooth};
use proptest::prelude::*;
use srt::{
    AnyVolume, Bound, Decoder, Dtype, Element, EncodeOptions, FormChoice, Judging, Limits, Model,
    Region, Shape, StreamDecoder, VolumeView, dtype_dispatch,
};

const INTEGERS: [Dtype; 6] = [
    Dtype::U8,
    Dtype::I8,
    Dtype::U16,
    Dtype::I16,
    Dtype::U32,
    Dtype::I32,
];

/// What a field looks like.
#[derive(Clone, Copy, Debug)]
enum Look {
    /// Smooth, over a part of the range of the type.
    Smooth(f64),
    /// The same with noise, over more than the range: ends are cut off.
    Noisy,
    /// Labels.
    Labels,
    /// Any bits at all.
    Random,
}

fn look() -> impl Strategy<Value = Look> {
    prop_oneof![
        (0.0..1.0f64).prop_map(Look::Smooth),
        Just(Look::Noisy),
        Just(Look::Labels),
        Just(Look::Random),
    ]
}

fn field<E: Element>(shape: Shape, look: Look, seed: u64) -> Vec<E> {
    let mut draw = Draw::new(seed);
    let least = E::from_f64(f64::NEG_INFINITY).to_f64();
    let (middle, half) = {
        let largest = E::from_f64(f64::INFINITY).to_f64();
        (least / 2.0 + largest / 2.0, largest / 2.0 - least / 2.0)
    };
    let values = smooth(shape, seed).into_iter();
    let value = |v: f64| match look {
        Look::Smooth(part) => E::from_f64(middle + v * part * half),
        Look::Noisy => E::from_f64(middle + (2.5 * v + 0.1 * draw.unit()) * half),
        Look::Labels => E::from_f64(least + (8.0 * v + 8.0).floor()),
        Look::Random => E::from_bits64(draw.bits()),
    };
    values.map(value).collect()
}

fn options(bound: Bound, form: FormChoice) -> EncodeOptions {
    EncodeOptions::new(bound)
        .with_threads(1)
        .with_model(Model::None)
        .with_form(form)
}

/// The largest difference of two fields.
fn difference<E: Element>(a: &[E], b: &[E]) -> f64 {
    let pairs = a.iter().zip(b);
    pairs.fold(0.0, |most: f64, (a, b)| {
        most.max((a.to_f64() - b.to_f64()).abs())
    })
}

/// Encodes a field, and checks what every way to read it gives.
fn check<E: Scalar>(shape: Shape, values: &[E], options: &EncodeOptions) {
    let (file, _) = encode(shape, values, options).unwrap();
    let back = E::data(decode(&file, 0, Limits::default()).unwrap());
    let error = difference(values, &back);
    match options.bound {
        Bound::MaxError(bound) => assert!(error <= bound, "{error} beside {bound}"),
        _ => assert!(error.is_finite()),
    }
    let decoder = Decoder::new(&file).unwrap();
    assert_eq!(decoder.dataset().fields[0].dtype, E::DTYPE);
    let frame = decoder.frame_at(0).unwrap();
    let view = VolumeView::new(shape, E::values(values)).unwrap();
    let verdict = frame.judge(&view, &Judging::default()).unwrap();
    assert_eq!(verdict.holds, Some(true));
    assert_eq!(verdict.report.max_abs_error, error);
    // A box is the crop of the whole.
    let dims = shape.dims();
    let region = Region {
        start: dims.map(|n| n / 3),
        size: dims.map(|n| (n / 2).max(1)),
    }
    .clipped(dims);
    let part = E::data(frame.region(region).read_any().unwrap());
    assert!(part == shape.region().crop(&back, &region));
    let coarse = decoder.frame_at(0).unwrap().coarsest_level().unwrap();
    for level in 1..=coarse {
        E::data(decode(&file, level, Limits::default()).unwrap());
    }
    // What arrives as a stream is the same.
    let mut stream = StreamDecoder::new(Cursor::new(&file)).unwrap();
    stream.next_frame().unwrap().unwrap();
    let streamed = stream.frame().unwrap().read::<E>().unwrap();
    assert!(streamed.into_data() == back);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn integers_come_back_as_their_type_within_their_bound(
        extents in prop::collection::vec(1usize..24, 2..=3),
        kind in 0usize..6, look in look(), seed: u64, bound in 0.0..9.5f64,
        form in prop::sample::select(vec![FormChoice::Auto, FormChoice::Raster, FormChoice::Wavelet]),
    ) {
        let shape = Shape::new(&extents).unwrap();
        let bounds = [0.0, 0.7, bound.floor(), bound];
        let bound = Bound::MaxError(bounds[seed as usize % 4]);
        dtype_dispatch!(INTEGERS[kind], E => {
            check(shape, &field::<E>(shape, look, seed), &options(bound, form));
        });
    }

    #[test]
    fn bounds_of_other_kinds_are_kept(
        extents in prop::collection::vec(8usize..30, 2..=3), kind in 0usize..6, look in look(), seed: u64,
        bound in prop_oneof![
            (20.0..70.0f64).prop_map(Bound::Psnr), (1e-4..0.1f64).prop_map(Bound::RelError), (0.5..0.99f64).prop_map(Bound::Ssim),
        ],
    ) {
        let shape = Shape::new(&extents).unwrap();
        dtype_dispatch!(INTEGERS[kind], E => {
            check(shape, &field::<E>(shape, look, seed), &options(bound, FormChoice::Auto));
        });
    }
}

#[test]
fn one_value_and_the_ends_of_each_range_come_back() {
    for dtype in INTEGERS {
        for extents in [&[1, 1][..], &[9, 11, 13], &[2, 1, 1]] {
            let shape = Shape::new(extents).unwrap();
            dtype_dispatch!(dtype, E => {
                let ends = [f64::NEG_INFINITY, f64::INFINITY].map(E::from_f64);
                for bound in [0.0, 1.5] {
                    let options = options(Bound::MaxError(bound), FormChoice::Auto);
                    check(shape, &vec![ends[1]; shape.len()], &options);
                    check(shape, &vec![ends[0]; shape.len()], &options);
                    let both: Vec<E> = (0..shape.len()).map(|i| ends[i % 2]).collect();
                    check(shape, &both, &options);
                }
            });
        }
    }
}

#[test]
fn a_mask_value_is_one_of_the_type() {
    let shape = Shape::new(&[20, 30]).unwrap();
    let mut values = field::<u8>(shape, Look::Smooth(0.5), 3);
    values[17] = 255;
    values[18] = 0;
    let of = |mark: f64| {
        let mut options = options(Bound::MaxError(4.0), FormChoice::Auto);
        options.coding.mask_value = Some(mark);
        let (file, report) = encode(shape, &values, &options).unwrap();
        let back = u8::data(decode(&file, 0, Limits::default()).unwrap());
        assert!(difference(&values, &back) <= 4.0);
        (back[17], report.comparison.compared)
    };
    let all = shape.len() as u64;
    assert_eq!(of(255.0), (255, all - 1));
    // No u8 is that: nothing is left out, and certainly not the nearest.
    for mark in [-999.0, 256.0, 0.5, f64::NAN] {
        assert_eq!(of(mark).1, all, "{mark}");
    }
}

#[test]
fn steps_of_integers_are_predicted_from_those_before() {
    let shape = Shape::new(&[12, 20, 18]).unwrap();
    let dataset = srt::Dataset::new(
        shape,
        vec![srt::Field {
            name: "counts".into(),
            unit: String::new(),
            dtype: Dtype::I16,
        }],
    );
    let options = options(Bound::MaxError(2.0), FormChoice::Wavelet).with_key_interval(4);
    let base = smooth(shape, 5);
    let step = |t: usize| -> Vec<i16> {
        let value = |v: &f64| (v * 4000.0 * (1.0 + 0.02 * t as f64)).round() as i16;
        base.iter().map(value).collect()
    };
    let mut encoder = srt::Encoder::new(Vec::new(), dataset, options).unwrap();
    for t in 0..5 {
        let key = srt::FrameKey::new(0, t as u64);
        encoder.write(&key, step(t)).unwrap();
    }
    let (file, _) = encoder.finish().unwrap();
    let decoder = Decoder::new(&file).unwrap();
    for t in 0..5 {
        let back = decoder.frame_at(t).unwrap().read::<i16>().unwrap();
        assert!(difference(&step(t), back.data()) <= 2.0);
    }
}

#[test]
fn volumes_of_each_type_say_so() {
    let shape = Shape::new(&[2, 3]).unwrap();
    for dtype in Dtype::ALL {
        let volume: AnyVolume = dtype_dispatch!(dtype, E => srt::Volume::<E>::zeros(shape).into());
        assert_eq!(volume.dtype(), dtype);
        assert_eq!(VolumeView::from(&volume).values().dtype(), dtype);
    }
}
