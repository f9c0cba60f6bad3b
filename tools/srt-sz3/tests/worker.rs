//! The real worker at the other end of the pipes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;

use srt::base::dtype::ByteOrder;
use srt::codec::worker::Worker;
use srt::container::Bound;
use srt::metrics::compare;
use srt::volume::{AnyVolume, Values};
use srt::{
    Decoder, Dtype, Element, EncodeOptions, ErrorKind, Model, PooledCoder, PooledOptions, Profile,
    Shape, dtype_dispatch,
};
use srt::{VolumeView, encode_with_report};

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_srt-sz3"))
}

fn field(shape: Shape) -> Vec<f64> {
    let [_, ny, nx] = shape.dims();
    let at = |i: usize| [i / (ny * nx), i / nx % ny, i % nx].map(|c| c as f64);
    (0..shape.len())
        .map(|i| {
            let [z, y, x] = at(i);
            (0.3 * z).sin() + (0.2 * y + 0.1 * x).cos()
        })
        .collect()
}

#[test]
fn fields_come_back_within_the_bound() {
    for extents in [&[40, 50][..], &[20, 21, 22], &[1, 1, 9], &[1, 2]] {
        let shape = Shape::new(extents).unwrap();
        let values = field(shape);
        for (dtype, bound) in [(Dtype::F32, 1e-3), (Dtype::F64, 1e-3), (Dtype::F64, 1e-9)] {
            let mut raw = Vec::new();
            dtype_dispatch!(dtype, E => {
                let values: Vec<E> = values.iter().map(|&v| E::from_f64(v)).collect();
                E::encode_le(&values, &mut raw);
            });
            let coded = worker().encode(shape, dtype, bound, &raw).unwrap();
            let decoded = worker().decode(shape, dtype, &coded).unwrap();
            let back: Vec<f64> = dtype_dispatch!(dtype, E => {
                let back = E::decode(&decoded, ByteOrder::Little);
                back.into_iter().map(Element::to_f64).collect()
            });
            let worst = back
                .iter()
                .zip(&values)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            // The rounding of the values themselves to single precision.
            let slack = if dtype == Dtype::F32 { 3e-7 } else { 0.0 };
            assert!(worst <= bound + slack, "{shape} {dtype} {bound}: {worst}");
            assert_eq!(coded, worker().encode(shape, dtype, bound, &raw).unwrap());
        }
    }
}

#[test]
fn damaged_payloads_are_errors_or_fields_of_the_right_size() {
    let shape = Shape::new(&[12, 13, 14]).unwrap();
    let raw: Vec<u8> = field(shape)
        .iter()
        .flat_map(|v| (*v as f32).to_le_bytes())
        .collect();
    let coded = worker().encode(shape, Dtype::F32, 1e-2, &raw).unwrap();
    let step = (coded.len() / 40).max(1);
    let mut refused = 0;
    for at in (0..coded.len()).step_by(step) {
        let mut damaged = coded.clone();
        damaged[at] ^= 0x55;
        for payload in [damaged.as_slice(), &coded[..at]] {
            match worker().decode(shape, Dtype::F32, payload) {
                Ok(values) => assert_eq!(values.len(), raw.len()),
                Err(error) => {
                    let kinds = [ErrorKind::Corrupt, ErrorKind::LimitExceeded];
                    assert!(kinds.contains(&error.kind()), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn a_stream_of_another_field_is_refused() {
    let shape = Shape::new(&[12, 13]).unwrap();
    let raw = vec![0u8; 4 * shape.len()];
    let coded = worker().encode(shape, Dtype::F32, 1e-2, &raw).unwrap();
    let other = Shape::new(&[13, 12]).unwrap();
    let error = worker().decode(other, Dtype::F32, &coded).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let error = worker().decode(shape, Dtype::F64, &coded).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[test]
fn the_limit_on_memory_holds() {
    let shape = Shape::new(&[64, 64, 64]).unwrap();
    let raw = vec![0u8; 8 * shape.len()];
    let error = worker()
        .with_memory(12 << 20)
        .encode(shape, Dtype::F64, 1e-2, &raw)
        .unwrap_err();
    assert!(error.to_string().contains("srt-sz3"), "{error}");
}

#[test]
fn a_single_value_is_refused() {
    let shape = Shape::new(&[1, 1]).unwrap();
    assert!(worker().encode(shape, Dtype::F32, 1.0, &[0; 4]).is_err());
    assert!(worker().decode(shape, Dtype::F32, &[0; 64]).is_err());
}

#[test]
fn bounds_that_make_no_sense_are_refused() {
    let shape = Shape::new(&[4, 4]).unwrap();
    for bound in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = worker()
            .encode(shape, Dtype::F32, bound, &[0; 64])
            .unwrap_err();
        assert!(error.to_string().contains("bound above 0"), "{error}");
    }
}

#[test]
fn a_file_of_the_paper_profile_comes_back_within_its_bound() {
    let shape = Shape::new(&[40, 36, 33]).unwrap();
    let values: Vec<f32> = field(shape).iter().map(|&v| v as f32).collect();
    let paper = PooledOptions::default().with_coder(PooledCoder::Sz3(worker()));
    let options = EncodeOptions::new(Bound::Psnr(45.0))
        .with_model(Model::None)
        .with_profile(Profile::Pooled(paper));
    let input = Values::F32(Cow::Borrowed(&values));
    let (file, report) = encode_with_report(
        VolumeView::new(shape, &input).unwrap(),
        &options,
        Vec::new(),
    )
    .unwrap();
    let decode = |worker: Option<Worker>| {
        let mut decoder = Decoder::new(&file).unwrap();
        if let Some(worker) = worker {
            decoder.set_worker(worker);
        }
        decoder.only_frame().and_then(|frame| frame.read_any())
    };
    let AnyVolume::F32(decoded) = decode(Some(worker())).unwrap() else {
        panic!("another type");
    };
    let found = compare(&values, decoded.data(), None).unwrap();
    assert!(found.psnr_db >= 45.0, "{}", found.psnr_db);
    assert_eq!(found, report.comparison);
    // Without the worker, and with a program that is none.
    assert_eq!(decode(None).unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(decode(Some(Worker::new("/bin/false"))).is_err());
}
