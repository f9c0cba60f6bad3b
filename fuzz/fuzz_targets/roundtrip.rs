//! Small volumes of any values under any bound: the bound holds for what decodes.
#![no_main]

use std::borrow::Cow;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use srt::container::Bound;
use srt::{Axes, AxisPlan, Decoder, Element, EncodeOptions, ErrorKind, Model, Shape};
use srt::{encode_with_report, VolumeView};
use srt::transform::Wavelet;
use srt::volume::{AnyVolume, Values};

#[derive(Arbitrary, Debug)]
struct Input {
    extents: [u8; 3],
    planar: bool,
    periodic: u8,
    bound: u8,
    value: u16,
    mask: Option<f32>,
    wide: bool,
    haar: bool,
    networks: u8,
    values: Vec<f32>,
}

fn holds<E: Element>(original: &[E], decoded: &[E], bound: Option<f64>, mask: Option<f64>) {
    for (x, y) in original.iter().zip(decoded) {
        let special = !x.is_finite() || mask.is_some_and(|m| *x == E::from_f64(m));
        if special {
            assert_eq!(x.to_bits64(), y.to_bits64());
        } else if let Some(bound) = bound {
            let error = (x.to_f64() - y.to_f64()).abs();
            assert!(error <= bound, "{x:?} {y:?} {bound}");
        } else {
            assert!(y.is_finite(), "{x:?} {y:?}");
        }
    }
}

fuzz_target!(|input: Input| {
    let most = if input.planar { 40 } else { 20 };
    let extents = input.extents.map(|n| usize::from(n % most) + 1);
    let extents = &extents[usize::from(input.planar)..];
    let shape = Shape::new(extents).expect("small extents");
    let last = input.values.last().copied().unwrap_or(0.0);
    // Few values given: repeated with a drift, so that fields are more than noise and constants.
    let value = |i: usize| match input.values.get(i % (input.values.len() + 1)) {
        Some(v) => *v + (i / 16) as f32 * 0.01,
        None => last,
    };
    let values: Vec<f32> = (0..shape.len()).map(value).collect();
    let strength = f64::from(input.value) / 65536.0;
    let bound = match input.bound % 5 {
        0 => Bound::Psnr(10.0 + strength * 90.0),
        1 => Bound::MaxError(strength * strength * 10.0),
        2 => Bound::RelError(strength * strength * 0.1),
        3 => Bound::Ssim(strength * 0.999),
        _ => Bound::Ratio(1.0 + strength * 200.0),
    };
    let mut options = EncodeOptions::new(bound)
        .with_threads(1)
        .with_periodic(Axes::from_bits(input.periodic & 7).expect("three bits"));
    // Bits of the same byte, so that inputs found before keep their meaning; 0 is what the encoder chooses.
    let plan = AxisPlan::from_u8(input.periodic >> 3 & 3).filter(|plan| *plan != AxisPlan::Levels);
    if let Some(plan) = plan.filter(|plan| plan.check(shape).is_ok()) {
        options = options.with_plan(plan);
    }
    if input.haar {
        options = options.with_wavelet(Wavelet::Haar);
    }
    // They take most of the time, and do little on small fields.
    if input.networks % 8 != 0 {
        options = options.with_model(Model::None);
    }
    let mask = input.mask.map(f64::from).filter(|m| m.is_finite());
    if let Some(mask) = mask {
        options = options.with_mask_value(mask);
    }
    let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    let field = if input.wide { Values::F64(Cow::Borrowed(&wide)) } else { Values::F32(Cow::Borrowed(&values)) };
    let encoded = encode_with_report(VolumeView::new(shape, field).unwrap(), &options, Vec::new());
    let bytes = match encoded {
        Ok((bytes, _)) => bytes,
        Err(e) if [ErrorKind::BoundNotMet, ErrorKind::InvalidArgument].contains(&e.kind()) => {
            return;
        }
        Err(e) => panic!("{e}"),
    };
    let decoder = Decoder::new(&bytes).expect("what was encoded");
    let ordinary = |v: &&f32| v.is_finite() && !mask.is_some_and(|m| **v == m as f32);
    let ordinary: Vec<f64> = values
        .iter()
        .filter(ordinary)
        .map(|&v| f64::from(v))
        .collect();
    let low = ordinary.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ordinary.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bound = match bound {
        Bound::MaxError(e) => Some(e),
        Bound::RelError(r) => Some(r * (high - low).max(0.0)),
        _ => None,
    };
    match decoder.frame_at(0).unwrap().read_any().expect("what was encoded") {
        AnyVolume::F32(v) => holds(&values, v.data(), bound, mask),
        AnyVolume::F64(v) => holds(&wide, v.data(), bound, mask),
        other => panic!("another type: {}", other.dtype()),
    }
});
