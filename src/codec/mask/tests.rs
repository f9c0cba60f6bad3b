use std::time::Instant;

use half::f16;
use proptest::prelude::*;

use super::*;
use crate::base::error::ErrorKind;

fn shape(extents: &[usize]) -> Shape {
    Shape::new(extents).unwrap()
}

fn round_trip(mask: &Mask, shape: Shape, dtype: Dtype) -> usize {
    let payload = mask.encode(shape, dtype);
    let back = Mask::decode(shape, dtype, &payload, &Limits::default()).unwrap();
    assert_eq!(&back, mask);
    payload.len()
}

fn extents() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        prop::collection::vec(1usize..=12, 3),
        prop::collection::vec(1usize..=30, 2)
    ]
}

proptest! {
    #[test]
    fn decoding_gives_back_every_class(extents in extents(), seed: u64, palette in 1usize..=255, runs in 1u64..40) {
        let shape = shape(&extents);
        let mut state = seed | 1;
        let mut class = 0;
        let classes = (0..shape.len()).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (state >> 33).is_multiple_of(runs) {
                class = ((state >> 40) as usize % (palette + 1)) as u8;
            }
            class
        }).collect();
        let mask = Mask { classes, palette: (0..palette as u64).map(|k| k * 257).collect() };
        round_trip(&mask, shape, Dtype::F32);
    }

    #[test]
    fn special_values_survive_bit_for_bit(patterns in prop::collection::vec(any::<u32>(), 60), fill: f32) {
        let shape = shape(&[3, 4, 5]);
        let values: Vec<f32> = patterns.iter().enumerate().map(|(i, &bits)| match i % 4 {
            0 => f32::from_bits(bits | 0x7F80_0000),
            1 => fill,
            _ => f32::from_bits(bits),
        }).collect();
        let mask = Mask::find(&values, Some(f64::from(fill))).unwrap();
        round_trip(&mask, shape, Dtype::F32);
        let ordinary = mask.ordinary();
        let mut back: Vec<f32> = values.iter().zip(&ordinary).map(|(&v, &o)| if o { v } else { 7.0 }).collect();
        prop_assert!(back.iter().all(|v| v.is_finite()));
        mask.apply(shape, shape.region(), &mut back);
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&values));
    }

    #[test]
    fn arbitrary_bytes_never_panic(extents in extents(), bytes: Vec<u8>) {
        let shape = shape(&extents);
        if let Ok(mask) = Mask::decode(shape, Dtype::F16, &bytes, &Limits::default()) {
            mask.apply(shape, shape.region(), &mut vec![f16::ZERO; shape.len()]);
        }
    }
}

#[test]
fn ordinary_fields_have_no_mask() {
    assert_eq!(Mask::find(&[0.0f64, -1.0, f64::MAX], Some(5.0)), None);
    assert_eq!(Mask::find::<f32>(&[], Some(5.0)), None);
}

#[test]
fn fill_value_is_compared_after_rounding() {
    let values = [f16::from_f64(0.1), f16::ZERO, f16::NEG_ZERO];
    let mask = Mask::find(&values, Some(0.1)).unwrap();
    assert_eq!(mask.classes, [1, 0, 0]);
    let mask = Mask::find(&values, Some(0.0)).unwrap();
    assert_eq!(
        (mask.classes, mask.palette),
        (vec![0, 1, 2], vec![0, 0x8000])
    );
}

#[test]
fn nan_payloads_beyond_the_palette_become_plain() {
    let nans: Vec<u32> = (1..=300).map(|k| 0x7FC0_0000 + k).collect();
    let mut values: Vec<f32> = nans.iter().map(|&b| f32::from_bits(b)).collect();
    values.extend([f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1.0]);
    let mask = Mask::find(&values, Some(0.0)).unwrap();
    assert_eq!(mask.palette.len(), 255);
    let mut back = vec![1.0f32; values.len()];
    let shape = shape(&[1, values.len()]);
    mask.apply(shape, shape.region(), &mut back);
    let bits: Vec<u32> = back.iter().map(|v| v.to_bits()).collect();
    assert_eq!(bits[..250], nans[..250]);
    assert!(bits[250..300].iter().all(|&b| b == 0x7FC0_0000));
    assert_eq!(
        bits[300..],
        values[300..]
            .iter()
            .map(|v| v.to_bits())
            .collect::<Vec<_>>()
    );
}

/// A ball of ones in the middle and NaN around it.
fn ball(n: usize) -> Mask {
    let r2 = (n * n / 5) as i64;
    let d = |i: usize| (i as i64 - n as i64 / 2).pow(2);
    let classes = (0..n * n * n)
        .map(|i| u8::from(d(i / n / n) + d(i / n % n) + d(i % n) > r2))
        .collect();
    Mask {
        classes,
        palette: vec![0x7FC0_0000],
    }
}

#[test]
fn uniform_regions_cost_almost_nothing() {
    let all = |class: u8, n: usize| Mask {
        classes: vec![class; n * n * n],
        palette: vec![1],
    };
    for class in [0, 1] {
        let bytes = round_trip(&all(class, 64), shape(&[64, 64, 64]), Dtype::F32);
        assert!(bytes < 20, "{bytes}");
    }
    let bytes = round_trip(&ball(64), shape(&[64, 64, 64]), Dtype::F32);
    // About 12 000 voxels of surface.
    assert!(bytes < 1300, "{bytes}");
}

#[test]
fn uniform_rows_are_fast() {
    let n = 192;
    let grid = shape(&[n, n, n]);
    let mut mask = ball(n);
    // Uniform rows, no two planes alike.
    for (i, class) in mask.classes.iter_mut().enumerate() {
        *class = u8::from((i / n * 7919) % 97 > 30);
    }
    let start = Instant::now();
    let payload = mask.encode(grid, Dtype::F32);
    let encoded = start.elapsed();
    let back = Mask::decode(grid, Dtype::F32, &payload, &Limits::default()).unwrap();
    let both = start.elapsed();
    assert_eq!(back, mask);
    println!(
        "{} bytes, encode {encoded:?}, both {both:?} for {} voxels",
        payload.len(),
        grid.len()
    );
}

#[test]
fn palettes_are_checked() {
    let grid = shape(&[2, 2]);
    let limits = Limits::default();
    for bad in [
        &[][..],
        &[0],
        &[2, 1, 0, 1, 0],
        &[0x80, 2],
        &[1, 5],
        &[1, 5, 0, 0],
    ] {
        let error = Mask::decode(grid, Dtype::F16, bad, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{bad:?}");
    }
    let small = Limits::default().with_decoded_bytes(3);
    let error = Mask::decode(grid, Dtype::F16, &[1, 5, 0], &small).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

/// The worked example of spec/codecs/mask.md.
#[test]
fn specified_example_has_its_bytes() {
    let mask = Mask {
        classes: vec![0, 0, 1, 0, 0, 1],
        palette: vec![0x7FC0_0000],
    };
    let payload = mask.encode(shape(&[2, 3]), Dtype::F32);
    assert_eq!(payload, [1, 0, 0, 0xC0, 0x7F, 0xB5, 0x4A]);
}

/// Rows that all equal the row above are one likely bit each, and nothing else.
#[test]
fn many_equal_rows_survive() {
    let grid = shape(&[200_000, 2]);
    let mut classes = vec![1; grid.len()];
    classes[0] = 0;
    let mask = Mask {
        classes,
        palette: vec![1],
    };
    assert!(round_trip(&mask, grid, Dtype::F32) < 40);
}
