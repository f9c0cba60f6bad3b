use half::f16;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;
use crate::base::dtype::Element;
use crate::base::error::ErrorKind;

/// A field with a slope, waves, plateaus and some noise, from -1 to 1 or a little more.
fn field(dims: [usize; 3], seed: u64) -> Vec<f64> {
    let [_, ny, nx] = dims;
    let mut state = seed | 1;
    let value = |i: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let noise = (state >> 40) as f64 / f64::from(1 << 24) - 0.5;
        let [z, y, x] = [i / nx / ny, i / nx % ny, i % nx].map(|c| c as f64);
        let wave = (0.3 * x + 0.1 * z).sin() * (0.2 * y).cos();
        if (x + 2.0 * y) % 17.0 < 4.0 {
            0.5
        } else {
            0.8 * wave + 0.02 * noise
        }
    };
    (0..dims.iter().product()).map(value).collect()
}

fn range_of<E: Element>(values: &[E]) -> (f64, f64) {
    let values = values.iter().map(|v| v.to_f64());
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        (a.min(v), b.max(v))
    })
}

/// Codes values with steps of twice the bound, decodes them and checks the bound; gives the payload.
fn round_trip<E: Element>(
    dims: [usize; 3],
    rank: usize,
    prediction: RasterPrediction,
    values: &[E],
    max_error: f64,
) -> Vec<u8> {
    let quantum = Quantum::<E::Work>::new(2.0 * max_error, range_of(values)).unwrap();
    let demand = Demand {
        values,
        ordinary: None,
        max_error,
    };
    let payload = encode(dims, rank, prediction, &quantum, demand);
    let decoded: Vec<E> = decode(dims, rank, prediction, &quantum, &payload).unwrap();
    assert_eq!(decoded.len(), values.len());
    for (a, b) in values.iter().zip(&decoded) {
        assert!((a.to_f64() - b.to_f64()).abs() <= max_error, "{a:?} {b:?}");
    }
    payload
}

fn fitted<E: Element>(dims: [usize; 3], rank: usize, values: &[E], step: f64) -> RasterPrediction {
    let least = range_of(values).0;
    let steps = |at: usize| Some((values[at].to_f64() - least) / step);
    RasterPrediction::Blend(LinearCoefficients::fit(dims, rank, steps))
}

fn every_type(dims: [usize; 3], rank: usize, seed: u64, max_error: f64) {
    let values = field(dims, seed);
    let single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    let half: Vec<f16> = values.iter().map(|&v| f16::from_f64(v)).collect();
    for prediction in [
        fitted(dims, rank, &values, 2.0 * max_error),
        RasterPrediction::Median,
    ] {
        round_trip(dims, rank, prediction, &values, max_error);
        round_trip(dims, rank, prediction, &single, max_error);
        round_trip(dims, rank, prediction, &half, max_error);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Beside this file, not in a folder at the top.
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn every_value_comes_back_within_the_bound(
        dims in prop::array::uniform3(1usize..=12), planar: bool, seed: u64, exponent in 1i32..=7,
    ) {
        let max_error = 10f64.powi(-exponent);
        if planar {
            every_type([1, dims[1], dims[2]], 2, seed, max_error);
        } else {
            every_type(dims, 3, seed, max_error);
        }
    }

    #[test]
    fn arbitrary_bytes_and_coefficients_never_panic(
        payload: Vec<u8>,
        coefficients: [i16; NEIGHBOURS_3D],
        dims in prop::array::uniform3(1usize..=6),
        top in 0.0..=MAX_TOP,
        planar: bool,
    ) {
        let (dims, rank) = if planar { ([1, dims[1], dims[2]], 2) } else { (dims, 3) };
        let blend = RasterPrediction::Blend(LinearCoefficients(coefficients));
        for prediction in [blend, RasterPrediction::Median] {
            let quantum = Quantum::<f32>::new(1.0, (0.0, top)).unwrap();
            if let Ok(values) = decode::<f32, f32>(dims, rank, prediction, &quantum, &payload) {
                prop_assert!(values.iter().all(|v| (0.0..=top as f32).contains(v)));
            }
            let quantum = Quantum::<f64>::new(1e300, (-8e307, 8e307)).unwrap();
            if let Ok(values) = decode::<f64, f64>(dims, rank, prediction, &quantum, &payload) {
                prop_assert!(values.iter().all(|v| (-8e307..=8e307).contains(v)));
            }
        }
    }
}

#[test]
fn values_that_no_step_reaches_are_stored() {
    // Steps of more than twice the bound miss about half of the values.
    let dims = [4, 9, 11];
    let values: Vec<f32> = field(dims, 5).iter().map(|&v| v as f32).collect();
    let quantum = Quantum::<f32>::new(0.02, range_of(&values)).unwrap();
    let demand = Demand {
        values: &values,
        ordinary: None,
        max_error: 0.004,
    };
    let median = RasterPrediction::Median;
    let payload = encode(dims, 3, median, &quantum, demand);
    let decoded: Vec<f32> = decode(dims, 3, median, &quantum, &payload).unwrap();
    let exact = values
        .iter()
        .zip(&decoded)
        .filter(|(a, b)| a.to_bits() == b.to_bits())
        .count();
    assert!(exact > values.len() / 4 && exact < values.len());
    assert!(
        values
            .iter()
            .zip(&decoded)
            .all(|(a, b)| (a - b).abs() <= 0.004)
    );
}

#[test]
fn values_that_do_not_count_cost_next_to_nothing() {
    let dims = [1, 64, 64];
    let values: Vec<f32> = field(dims, 5).iter().map(|&v| v as f32).collect();
    let ordinary: Vec<bool> = (0..values.len()).map(|i| i < 64).collect();
    let quantum = Quantum::<f32>::new(0.02, range_of(&values)).unwrap();
    let demand = Demand {
        values: &values,
        ordinary: Some(&ordinary),
        max_error: 0.01,
    };
    let all = round_trip(dims, 2, RasterPrediction::Median, &values, 0.01);
    let some = encode(dims, 2, RasterPrediction::Median, &quantum, demand);
    assert!(some.len() * 20 < all.len(), "{} {}", some.len(), all.len());
}

#[test]
fn payloads_that_are_cut_or_too_long_are_corrupt() {
    let dims = [3, 8, 8];
    let values: Vec<f32> = field(dims, 7).iter().map(|&v| v as f32).collect();
    let median = RasterPrediction::Median;
    let payload = round_trip(dims, 3, median, &values, 1e-3);
    let quantum = Quantum::<f32>::new(2e-3, range_of(&values)).unwrap();
    let decode = |payload: &[u8]| decode::<f32, f32>(dims, 3, median, &quantum, payload);
    assert!(decode(&payload).is_ok());
    for payload in [
        &payload[..payload.len() / 2],
        &[&payload[..], &[7; 9]].concat(),
        &[],
    ] {
        assert_eq!(decode(payload).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn a_linear_field_is_fitted_exactly() {
    let dims = [8, 9, 10];
    let steps = |at: usize| {
        let [z, y, x] = [at / 90, at / 10 % 9, at % 10].map(|c| c as f64);
        Some(5.0 * x * y + 3.0 * z * x + y)
    };
    let fitted = LinearCoefficients::fit(dims, 3, steps);
    assert_eq!(fitted.0.iter().map(|&c| i32::from(c)).sum::<i32>(), 1024);
    assert_eq!(
        LinearCoefficients::fit([2, 2, 2], 3, steps),
        LinearCoefficients::corners(3)
    );
    assert_eq!(
        LinearCoefficients::fit(dims, 3, |_| None),
        LinearCoefficients::corners(3)
    );
}

#[test]
fn steps_that_are_none_are_refused() {
    for (step, range) in [
        (0.0, (0.0, 1.0)),
        (f64::NAN, (0.0, 1.0)),
        (1e-10, (0.0, 1.0)),
        (1.0, (-3e38, 3e38)),
    ] {
        assert_eq!(Quantum::<f32>::new(step, range), None, "{step} {range:?}");
    }
}

#[test]
fn the_worked_example_is_what_is_written() {
    // spec/codecs/raster.md, section 8
    let values = [3f32, 3.0, 4.0, 4.0, 3.0, 4.0, 20.0, 4.0];
    let quantum = Quantum::<f32>::new(1.0, (0.0, 20.0)).unwrap();
    let demand = Demand {
        values: &values,
        ordinary: None,
        max_error: 0.5,
    };
    let payload = encode([1, 2, 4], 2, RasterPrediction::Median, &quantum, demand);
    assert_eq!(payload, [0x1d, 0xd8, 0xd6, 0x7d, 0x21, 0x00, 0x80]);
}

fn exact_round_trip<E: Element>(
    dims: [usize; 3],
    rank: usize,
    prediction: RasterPrediction,
    values: &[E],
) -> Vec<u8> {
    let unused = Slots::unused_bits(values.iter().copied());
    let slots = Slots::<E>::new(unused, range_of(values)).unwrap();
    let demand = Demand {
        values,
        ordinary: None,
        max_error: 0.0,
    };
    let payload = encode_exact(dims, rank, prediction, &slots, demand);
    let decoded = decode_exact(dims, rank, prediction, &slots, &payload).unwrap();
    let bits = |values: &[E]| values.iter().map(|v| v.to_bits64()).collect::<Vec<_>>();
    assert_eq!(bits(&decoded), bits(values));
    payload
}

/// Values of all magnitudes: smooth, next to 0, both zeros, denormal and largest ones, by turns.
fn wide_field(dims: [usize; 3], seed: u64, largest: f64) -> Vec<f64> {
    let smooth = field(dims, seed);
    let value = |(i, v): (usize, &f64)| match (i as u64 ^ seed) % 23 {
        0 => 0.0,
        1 => -0.0,
        2 => v * 1e-5,
        3 => v * largest * 1e-30,
        4 => v * largest * 0.9,
        5 => v * 1e-43,
        6 => v * 1e-310,
        _ => *v,
    };
    smooth.iter().enumerate().map(value).collect()
}

fn every_exact_type(dims: [usize; 3], rank: usize, seed: u64) {
    let fields = [
        field(dims, seed),
        wide_field(dims, seed, 1.0),
        wide_field(dims, seed, 3e38),
    ];
    for values in fields {
        let single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        let widened: Vec<f64> = single.iter().map(|&v| f64::from(v)).collect();
        let half: Vec<f16> = values
            .iter()
            .map(|&v| f16::from_f64(v.clamp(-6e4, 6e4)))
            .collect();
        let large: Vec<f64> = values.iter().map(|&v| v * 1e269).collect();
        for prediction in [fitted(dims, rank, &values, 1.0), RasterPrediction::Median] {
            exact_round_trip(dims, rank, prediction, &values);
            exact_round_trip(dims, rank, prediction, &single);
            exact_round_trip(dims, rank, prediction, &widened);
            exact_round_trip(dims, rank, prediction, &half);
            exact_round_trip(dims, rank, prediction, &large);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::with_cases(32)
    })]

    #[test]
    fn every_bit_comes_back(dims in prop::array::uniform3(1usize..=12), planar: bool, seed: u64) {
        if planar {
            every_exact_type([1, dims[1], dims[2]], 2, seed);
        } else {
            every_exact_type(dims, 3, seed);
        }
    }

    #[test]
    fn any_finite_numbers_come_back(bits in prop::collection::vec(any::<u32>(), 60), planar: bool) {
        let values: Vec<f32> = bits.iter().map(|b| f32::from_bits(*b)).collect();
        let values: Vec<f32> = values.iter().map(|v| if v.is_finite() { *v } else { 1.0 }).collect();
        let (dims, rank) = if planar { ([1, 6, 10], 2) } else { ([3, 4, 5], 3) };
        exact_round_trip(dims, rank, RasterPrediction::Median, &values);
        let blend = RasterPrediction::Blend(LinearCoefficients::corners(rank));
        exact_round_trip(dims, rank, blend, &values);
    }

    #[test]
    fn arbitrary_bytes_never_panic_where_values_are_kept(
        payload: Vec<u8>,
        coefficients: [i16; NEIGHBOURS_3D],
        dims in prop::array::uniform3(1usize..=6),
        ends: (f64, f64),
        unused in 0u32..=23,
        length in 0u8..60,
    ) {
        let blend = RasterPrediction::Blend(LinearCoefficients(coefficients));
        let payload = [&[length, 0, 0, 0], &payload[..]].concat();
        let range = (ends.0.min(ends.1), ends.0.max(ends.1));
        for prediction in [blend, RasterPrediction::Median] {
            let slots = Slots::<f64>::new(unused, range).unwrap();
            if let Ok(values) = decode_exact(dims, 3, prediction, &slots, &payload) {
                prop_assert!(values.iter().all(|v| (range.0..=range.1).contains(v)));
            }
            let single = (range.0 % 3e38, range.1 % 3e38);
            let slots = Slots::<f32>::new(unused, (single.0.min(single.1), single.0.max(single.1))).unwrap();
            let _ = decode_exact(dims, 3, prediction, &slots, &payload);
        }
    }
}

#[test]
fn the_worked_example_of_values_as_they_are_is_what_is_written() {
    // spec/codecs/raster.md, section 8
    let values = [1f32, 1.25, 1.5, 1.75, -0.0, 0.001, 1.3, 2.0];
    let slots = Slots::new(0, (0.0, 2.0)).unwrap();
    let demand = Demand {
        values: &values,
        ordinary: None,
        max_error: 0.0,
    };
    let median = RasterPrediction::Median;
    let payload = encode_exact([1, 2, 4], 2, median, &slots, demand);
    let coded = [
        0x00, 0x00, 0x00, 0x00, 0x00, 0x3f, 0x60, 0x40, 0x00, 0x32, 0x49, 0xb3, 0x9a, 0xe4, 0x96,
        0x8f, 0x98,
    ];
    let tails = [
        0, 0, 0, 0, 0, 0, 0, 0x78, 0x93, 0x18, 0x98, 0x99, 0x19, 0, 0,
    ];
    assert_eq!(payload, [&[17, 0, 0, 0], &coded[..], &tails].concat());
}

#[test]
fn bricks_of_values_as_they_are_that_are_cut_or_too_long_are_corrupt() {
    let dims = [3, 8, 8];
    let values: Vec<f32> = field(dims, 7).iter().map(|&v| v as f32).collect();
    let median = RasterPrediction::Median;
    let payload = exact_round_trip(dims, 3, median, &values);
    let slots = Slots::<f32>::new(0, range_of(&values)).unwrap();
    for cut in 0..payload.len() {
        let decoded = decode_exact(dims, 3, median, &slots, &payload[..cut]);
        assert_eq!(decoded.unwrap_err().kind(), ErrorKind::Corrupt);
    }
    let longer = [&payload[..], &[0]].concat();
    assert!(decode_exact(dims, 3, median, &slots, &longer).is_err());
    assert!(Slots::<f32>::new(24, (0.0, 1.0)).is_none());
}
