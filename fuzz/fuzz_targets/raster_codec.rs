//! Values of a brick in raster order: arbitrary bytes decode to values in the range or fail, and values come back within the
//! bound.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use srt::codec::raster::{
    Demand, LinearCoefficients, NEIGHBOURS_3D, Quantum, RasterPrediction, Slots, decode, decode_exact, encode,
    encode_exact,
};

#[derive(Arbitrary, Debug)]
struct Input {
    extents: [u8; 3],
    planar: bool,
    coefficients: Option<[i16; NEIGHBOURS_3D]>,
    step: f32,
    values: Vec<f32>,
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let mut dims = input.extents.map(|n| usize::from(n % 20) + 1);
    let mut rank = if input.planar { 2 } else { 3 };
    if input.planar {
        dims[0] = 1;
    }
    // A plane of one row is a line.
    if dims[0] * dims[1] == 1 {
        rank = 1;
    }
    let prediction = input.coefficients.map_or(RasterPrediction::Median, |all| {
        RasterPrediction::Blend(LinearCoefficients(all))
    });
    let value = |i: usize| input.values.get(i % (input.values.len() + 1)).copied().unwrap_or(0.0);
    let values: Vec<f32> = (0..dims.iter().product()).map(value).collect();
    let ordinary: Vec<bool> = values.iter().map(|v| v.is_finite()).collect();
    let finite = finite_of(&values, &ordinary);
    let (low, high) = finite.fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(v), b.max(v)));
    let range = (f64::from(low), f64::from(high));
    let mut demand = Demand {
        values: &values,
        ordinary: Some(&ordinary),
        max_error: 0.0,
    };
    let unused = Slots::unused_bits(finite_of(&values, &ordinary));
    let slots = Slots::<f32>::new(unused, range).expect("no more bits than a mantissa has");
    if let Ok(values) = decode_exact(dims, rank, prediction, &slots, &input.bytes) {
        assert!(values.iter().all(|v| (low..=high).contains(v)));
    }
    if low <= high {
        let payload = encode_exact(dims, rank, prediction, &slots, demand);
        let decoded = decode_exact(dims, rank, prediction, &slots, &payload).expect("what was encoded");
        for ((a, b), _) in values.iter().zip(decoded).zip(&ordinary).filter(|(_, is)| **is) {
            assert_eq!(a.to_bits(), b.to_bits());
        }
    }
    let Some(quantum) = Quantum::<f32>::new(input.step.into(), range) else {
        return;
    };
    if let Ok(values) = decode::<f32, f32>(dims, rank, prediction, &quantum, &input.bytes) {
        assert!(values.iter().all(|v| (low..=high).contains(v)));
    }
    let count = u32::from(input.extents[0]) * 7 + 1;
    let ranks = Quantum::ranks(count);
    if let Ok(values) = decode::<f32, f32>(dims, rank, prediction, &ranks, &input.bytes) {
        assert!(values.iter().all(|v| v.fract() == 0.0 && *v >= 0.0 && (*v as u32) < count));
    }
    if let Some(whole) = Quantum::<f32>::of_integers(range)
        && let Ok(values) = decode::<f32, f32>(dims, rank, prediction, &whole, &input.bytes)
    {
        assert!(values.iter().all(|v| (low..=high).contains(v)));
    }
    demand.max_error = f64::from(input.step) / 2.0;
    let payload = encode(dims, rank, prediction, &quantum, demand);
    let decoded = decode::<f32, f32>(dims, rank, prediction, &quantum, &payload).expect("what was encoded");
    for ((a, b), _) in values.iter().zip(decoded).zip(&ordinary).filter(|(_, is)| **is) {
        assert!((f64::from(*a) - f64::from(b)).abs() <= demand.max_error, "{a} {b}");
    }
});

fn finite_of<'a>(values: &'a [f32], ordinary: &'a [bool]) -> impl Iterator<Item = f32> + 'a {
    let pairs = values.iter().zip(ordinary);
    pairs.filter(|(_, is)| **is).map(|(value, _)| *value)
}
