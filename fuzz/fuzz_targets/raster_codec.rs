//! Values of a brick in raster order: arbitrary bytes decode to values in the range or fail, and values come back within the
//! bound.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use srt::codec::raster::{
    Demand, LinearCoefficients, NEIGHBOURS_3D, Quantum, RasterPrediction, decode, encode,
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
    let rank = if input.planar { 2 } else { 3 };
    if input.planar {
        dims[0] = 1;
    }
    let prediction = input.coefficients.map_or(RasterPrediction::Median, |all| {
        RasterPrediction::Blend(LinearCoefficients(all))
    });
    let value = |i: usize| input.values.get(i % (input.values.len() + 1)).copied().unwrap_or(0.0);
    let values: Vec<f32> = (0..dims.iter().product()).map(value).collect();
    let ordinary: Vec<bool> = values.iter().map(|v| v.is_finite()).collect();
    let finite = values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(v), b.max(v)));
    let range = (f64::from(low), f64::from(high));
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
    let demand = Demand {
        values: &values,
        ordinary: Some(&ordinary),
        max_error: f64::from(input.step) / 2.0,
    };
    let payload = encode(dims, rank, prediction, &quantum, demand);
    let decoded = decode::<f32, f32>(dims, rank, prediction, &quantum, &payload).expect("what was encoded");
    for ((a, b), _) in values.iter().zip(decoded).zip(&ordinary).filter(|(_, is)| **is) {
        assert!((f64::from(*a) - f64::from(b)).abs() <= demand.max_error, "{a} {b}");
    }
});
