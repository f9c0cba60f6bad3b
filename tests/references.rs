//! Series whose frames are predicted from earlier ones: every way of reading them gives the same values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Draw, Scalar, le_bytes, psnr, smooth};
use proptest::prelude::*;
use srt::{
    AnyVolume, Axes, Bound, ChunkType, Dataset, DecodeOptions, Decoder, EncodeOptions, Encoder,
    ErrorKind, Field, FormChoice, FrameKey, Limits, Model, Reader, Region, Result, Shape,
    StreamDecoder, dtype_dispatch,
};

/// Fields that drift from one to the other and change their range; a hole wanders through them where `holes`.
fn fields<E: Scalar>(shape: Shape, steps: usize, seed: u64, holes: bool) -> Vec<Vec<E>> {
    let (first, second) = (smooth(shape, seed), smooth(shape, seed + 1));
    let mut draw = Draw::new(seed);
    (0..steps)
        .map(|step| {
            let t = step as f64 * 0.07;
            let mut values: Vec<f64> = first
                .iter()
                .zip(&second)
                .map(|(a, b)| (1.0 + t) * (a * (1.0 - t) + b * t) + 3.0 * t + 0.001 * draw.unit())
                .collect();
            if holes {
                let at = step * 13 % values.len();
                values[at] = f64::NAN;
            }
            values.into_iter().map(E::from_f64).collect()
        })
        .collect()
}

/// A file of them, of every third step from 5 on.
fn series<E: Scalar>(shape: Shape, fields: &[Vec<E>], options: &EncodeOptions) -> Vec<u8> {
    let field = Field {
        name: "u".into(),
        unit: String::new(),
        dtype: E::DTYPE,
    };
    let dataset = Dataset::new(shape, vec![field]);
    let mut encoder = Encoder::new(Vec::new(), dataset, options.clone()).unwrap();
    for (number, values) in fields.iter().enumerate() {
        let key = FrameKey::new("u", 5 + 3 * number as u64);
        encoder.write(&key, E::values(values)).unwrap();
    }
    encoder.finish().unwrap().0
}

fn predicted(file: &[u8]) -> Vec<usize> {
    let decoder = Decoder::new(file).unwrap();
    let count = |frame: srt::FrameReader<'_>| {
        let references = frame.record().references();
        references.map_or(0, |references| references.distances.len())
    };
    decoder.frames().map(count).collect()
}

fn options(bound: Bound) -> EncodeOptions {
    EncodeOptions::new(bound)
        .with_threads(1)
        .with_form(FormChoice::Wavelet)
        .with_key_interval(16)
}

/// Every frame in order from one decoder, each from a decoder of its own, from a stream, by regions, by levels.
fn check_reads(file: &[u8], shape: Shape, seed: u64) -> Vec<AnyVolume> {
    let decoder = Decoder::new(file).unwrap();
    let whole: Vec<AnyVolume> = decoder.frames().map(|f| f.read_any().unwrap()).collect();
    let mut draw = Draw::new(seed);
    for (number, expected) in whole.iter().enumerate().rev() {
        let fresh = Decoder::new(file).unwrap();
        let frame = fresh.frame_at(number).unwrap();
        let dims = shape.dims();
        let start = dims.map(|n| draw.below(n));
        let size = [0, 1, 2].map(|axis| 1 + draw.below(dims[axis] - start[axis]));
        let region = Region { start, size };
        let part = frame.region(region).read_any().unwrap();
        let cut =
            dtype_dispatch!(expected, AnyVolume(v) => AnyVolume::from(v.crop(region).unwrap()));
        assert_eq!(le_bytes(&part), le_bytes(&cut), "{number} {region:?}");
        assert_eq!(le_bytes(&frame.read_any().unwrap()), le_bytes(expected));
        for level in 1..=frame.record().form.levels() {
            let level_field = fresh.frame_at(number).unwrap().level(level);
            let alone = Decoder::new(file).unwrap();
            let alone = alone.frame_at(number).unwrap().level(level);
            let bytes = le_bytes(&level_field.read_any().unwrap());
            assert_eq!(bytes, le_bytes(&alone.read_any().unwrap()));
        }
    }
    let mut stream = StreamDecoder::new(file).unwrap();
    let mut number = 0;
    while let Some(record) = stream.next_frame().unwrap() {
        // Some are gone over.
        if draw.below(3) > 0 {
            let level = draw.below(record.form.levels() + 1);
            let found = stream.frame().unwrap().level(level).read_any().unwrap();
            let frame = decoder.frame_at(number).unwrap().level(level);
            assert_eq!(le_bytes(&found), le_bytes(&frame.read_any().unwrap()));
        }
        number += 1;
    }
    assert_eq!(number, whole.len());
    whole
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn all_ways_of_reading_agree_and_the_bound_holds(
        z in 1usize..34,
        y in 8usize..34,
        x in 1usize..34,
        planar: bool,
        periodic in 0u8..8,
        holes: bool,
        pointwise: bool,
        networks: bool,
        seed in 0u64..1000,
    ) {
        let extents = if planar { vec![y, x] } else { vec![z, y, x] };
        let shape = Shape::new(&extents).unwrap();
        let bound = if pointwise { Bound::MaxError(0.01) } else { Bound::Psnr(45.0) };
        let mut options = options(bound).with_periodic(Axes::from_bits(periodic).unwrap());
        if !networks {
            options = options.with_model(Model::None);
        }
        let singles = fields::<f32>(shape, 4, seed, holes);
        let file = series(shape, &singles, &options);
        check_series(&file, &singles, &check_reads(&file, shape, seed), bound)?;
        let threads = series(shape, &singles, &options.clone().with_threads(3));
        prop_assert!(file == threads);
        let doubles = fields::<f64>(shape, 4, seed, holes);
        let file = series(shape, &doubles, &options);
        check_series(&file, &doubles, &check_reads(&file, shape, seed), bound)?;
    }
}

fn check_series<E: Scalar>(
    file: &[u8],
    fields: &[Vec<E>],
    decoded: &[AnyVolume],
    bound: Bound,
) -> std::result::Result<(), TestCaseError> {
    prop_assert!(predicted(file)[0] == 0);
    for (values, decoded) in fields.iter().zip(decoded) {
        let decoded = E::data(decoded.clone());
        let pairs = values.iter().zip(&decoded);
        for (a, b) in pairs {
            let (a, b) = (a.to_f64(), b.to_f64());
            prop_assert_eq!(a.is_nan(), b.is_nan());
            if let Bound::MaxError(error) = bound {
                prop_assert!(a.is_nan() || (a - b).abs() <= error);
            }
        }
        if let Bound::Psnr(db) = bound {
            let reached = psnr(values, &decoded, |v: E| !v.to_f64().is_nan());
            prop_assert!(reached >= db, "{}", reached);
        }
    }
    Ok(())
}

fn slow_series(steps: usize) -> (Shape, Vec<Vec<f32>>) {
    let shape = Shape::new(&[40, 36, 44]).unwrap();
    (shape, fields::<f32>(shape, steps, 7, false))
}

#[test]
fn slow_series_take_fewer_bytes_and_key_frames_come_in_time() {
    let (shape, fields) = slow_series(9);
    let options = options(Bound::Psnr(50.0)).with_model(Model::None);
    let alone = series(shape, &fields, &options.clone().with_key_interval(1));
    assert_eq!(predicted(&alone), [0; 9]);
    let together = series(shape, &fields, &options);
    assert_eq!(predicted(&together), [0, 1, 2, 2, 2, 2, 2, 2, 2]);
    assert!(
        together.len() * 10 < alone.len() * 9,
        "{} {}",
        together.len(),
        alone.len()
    );
    let often = series(shape, &fields, &options.with_key_interval(4));
    assert_eq!(predicted(&often), [0, 1, 2, 2, 0, 1, 2, 2, 0]);
    check_reads(&often, shape, 3);
}

#[test]
fn unrelated_steps_are_coded_by_themselves() {
    let shape = Shape::new(&[40, 36, 44]).unwrap();
    let noise = |seed| -> Vec<f32> {
        let mut draw = Draw::new(seed);
        (0..shape.len()).map(|_| draw.unit() as f32).collect()
    };
    let fields: Vec<Vec<f32>> = (1..4).map(noise).collect();
    let options = options(Bound::Psnr(30.0)).with_model(Model::None);
    let file = series(shape, &fields, &options);
    assert_eq!(file, series(shape, &fields, &options.with_key_interval(1)));
}

#[test]
fn a_damaged_key_frame_takes_the_others_with_it_and_no_more() {
    let (shape, fields) = slow_series(6);
    let options = options(Bound::Psnr(50.0)).with_model(Model::None);
    let mut file = series(shape, &fields, &options.with_key_interval(3));
    let reader = Reader::new(&file, &Limits::default()).unwrap();
    let brick = reader.entries().iter().find(|e| e.kind == ChunkType::BRIK);
    let at = brick.unwrap().payload_offset() as usize + 9;
    drop(reader);
    file[at] ^= 1;
    let decoder = Decoder::new(&file).unwrap();
    let reads = |n: usize| decoder.frame_at(n).unwrap().read_any();
    for number in 0..3 {
        let error = reads(number).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let error = reads(2).unwrap_err().to_string();
    assert!(error.contains("step 5"), "{error}");
    for number in 3..6 {
        assert!(reads(number).is_ok());
    }
}

#[test]
fn what_has_to_be_decoded_is_limited() {
    let (shape, fields) = slow_series(5);
    let file = series(
        shape,
        &fields,
        &options(Bound::Psnr(50.0)).with_model(Model::None),
    );
    let limits = Limits::default().with_references(3);
    let decode = DecodeOptions::default().with_limits(limits);
    let read = |number: usize| -> Result<AnyVolume> {
        let decoder = Decoder::with_options(&file, decode.clone())?;
        decoder.frame_at(number)?.read_any()
    };
    assert!(read(3).is_ok());
    assert_eq!(read(4).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

/// Whatever is appended to whatever is the file that would have been written at once, bit for bit.
fn check_appended<E: Scalar>(shape: Shape, fields: &[Vec<E>], options: &EncodeOptions) {
    let whole = series(shape, fields, options);
    for first in 1..fields.len() {
        let start = series(shape, &fields[..first], options);
        let old = Decoder::new(&start).unwrap();
        let dataset = old.dataset().clone();
        let mut encoder = Encoder::append(Vec::new(), &old, dataset, options.clone()).unwrap();
        for (number, values) in fields.iter().enumerate().skip(first) {
            let key = FrameKey::new("u", 5 + 3 * number as u64);
            encoder.write(&key, E::values(values)).unwrap();
        }
        assert!(encoder.finish().unwrap().0 == whole, "after {first} steps");
    }
}

#[test]
fn a_file_that_is_appended_to_is_the_one_written_at_once() {
    let (shape, fields) = slow_series(5);
    for interval in [2, 3, 16] {
        for model in [Model::None, Model::Default] {
            let options = options(Bound::Psnr(50.0)).with_key_interval(interval);
            check_appended(shape, &fields, &options.with_model(model));
        }
    }
    let doubles: Vec<Vec<f64>> = (fields.iter())
        .map(|field| field.iter().map(|&v| f64::from(v)).collect())
        .collect();
    let pointwise = options(Bound::MaxError(1e-3)).with_model(Model::None);
    check_appended(shape, &doubles, &pointwise);
    // The field has room in this, the bands of earlier ones beside it have not.
    let tight = options(Bound::Psnr(50.0)).with_model(Model::None);
    let tight = tight.with_memory(2 << 20);
    assert_eq!(predicted(&series(shape, &fields, &tight)), [0; 5]);
    check_appended(shape, &fields, &tight);
}

#[test]
fn appended_and_merged_series_stay_whole() {
    let (shape, fields) = slow_series(6);
    let options = options(Bound::Psnr(50.0)).with_model(Model::None);
    let file = series(shape, &fields[..4], &options);
    let old = Decoder::new(&file).unwrap();
    let dataset = old.dataset().clone();
    let mut encoder = Encoder::append(Vec::new(), &old, dataset, options.clone()).unwrap();
    for (number, values) in fields.iter().enumerate().skip(4) {
        let key = FrameKey::new("u", 5 + 3 * number as u64);
        encoder.write(&key, values).unwrap();
    }
    let appended = encoder.finish().unwrap().0;
    check_reads(&appended, shape, 1);
    // Steps of another file between those of a series.
    let mut between = Encoder::new(Vec::new(), old.dataset().clone(), options).unwrap();
    between.write(&FrameKey::new("u", 7), &fields[0]).unwrap();
    between.write(&FrameKey::new("u", 9), &fields[1]).unwrap();
    let between = between.finish().unwrap().0;
    let files = [old, Decoder::new(&between).unwrap()];
    let error = srt::merge(&files, Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let [old, _] = files;
    let (merged, _) = srt::merge(&[old], Vec::new()).unwrap();
    assert_eq!(merged.len(), file.len());
}

#[test]
fn threads_do_not_change_what_is_decoded() {
    let (shape, fields) = slow_series(3);
    let file = series(shape, &fields, &options(Bound::Psnr(50.0)));
    let last = |threads| {
        let options = DecodeOptions::default().with_threads(threads);
        let decoder = Decoder::with_options(&file, options).unwrap();
        le_bytes(&decoder.frame_at(2).unwrap().read_any().unwrap())
    };
    assert!(last(1) == last(4));
}
