use super::*;

#[test]
fn parts_are_judged_by_the_range_of_the_whole() {
    let (original, decoded) = ([1.0f64, 2.0, 3.0], [1.0, 2.5, 3.0]);
    let own = compare(&original, &decoded, None).unwrap();
    let same = own.of_range(1.0, 3.0);
    assert!((same.psnr_db - own.psnr_db).abs() < 1e-12 && same.max_rel_error == own.max_rel_error);
    let part = own.of_range(-10.0, 10.0);
    assert!((part.psnr_db - own.psnr_db - 20.0).abs() < 1e-12);
    assert_eq!(
        (part.max_rel_error, part.range, part.max),
        (0.025, 20.0, 3.0)
    );
    let exact = compare(&original, &original, None)
        .unwrap()
        .of_range(-1e308, 1e308);
    assert_eq!((exact.psnr_db, exact.max_rel_error), (f64::INFINITY, 0.0));
    assert!(own.of_range(-1.7e308, 1.7e308).psnr_db.is_finite());
}
use crate::base::error::ErrorKind;
use half::f16;
use proptest::prelude::*;

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

#[test]
fn plain_fields_match_the_definitions() {
    let a = [0.0f32, 1.0, 2.0, 4.0];
    let b = [0.5f64, 1.0, 1.0, 4.0];
    let c = compare(&a, &b, None).unwrap();
    let rmse = (1.25f64 / 4.0).sqrt();
    assert!(close(c.rmse, rmse) && close(c.psnr_db, 20.0 * (4.0 / rmse).log10()));
    assert_eq!(
        (c.max_abs_error, c.max_rel_error, c.range),
        (1.0, 0.25, 4.0)
    );
    assert_eq!((c.min, c.max, c.compared, c.mismatches), (0.0, 4.0, 4, 0));
    assert!(!c.is_identical());
    let masked = compare(&a, &b, Some(&[true, true, false, false])).unwrap();
    assert_eq!(
        (masked.max_abs_error, masked.range, masked.compared),
        (0.5, 1.0, 2)
    );
    assert_eq!(
        compare(&a, &b[1..], None).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    assert!(compare(&a, &b, Some(&[true])).is_err());
}

proptest! {
    #[test]
    fn parts_compare_like_the_whole(
        values in prop::collection::vec((-1e3f32..1e3, -1e-3f32..1e-3, any::<bool>()), 1..100_000),
        cuts in prop::collection::vec(0.0..1.0f64, 0..5),
        masked: bool,
    ) {
        let a: Vec<f32> = values.iter().map(|v| v.0).collect();
        let b: Vec<f32> = values.iter().map(|v| v.0 + v.1).collect();
        let mask: Vec<bool> = values.iter().map(|v| v.2).collect();
        let mask = masked.then_some(mask.as_slice());
        let mut comparer = Comparer::new(&a, mask, (-1001.0, 1001.0)).unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|c| (c * b.len() as f64) as usize).collect();
        cuts.extend([0, b.len()]);
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            comparer.push(&b[pair[0]..pair[1]]).unwrap();
        }
        let (found, whole) = (comparer.finish().unwrap(), compare(&a, &b, mask).unwrap());
        // Debug output holds every bit of a double, and NaN equals itself there.
        prop_assert_eq!(format!("{found:?}"), format!("{whole:?}"));
    }
}

#[test]
fn a_comparer_wants_every_value_once() {
    let a = [1.0f32; 5];
    let mut comparer = Comparer::new(&a, None, (0.0, 1.0)).unwrap();
    comparer.push(&a[..3]).unwrap();
    assert!(comparer.push(&a[..3]).is_err());
    assert!(comparer.finish().is_err());
}

#[test]
fn equal_and_constant_fields() {
    let c = compare(&[2.0f32; 9], &[2.0f32; 9], None).unwrap();
    assert_eq!(
        (c.psnr_db, c.range, c.max_rel_error),
        (f64::INFINITY, 0.0, 0.0)
    );
    assert!(c.is_identical());
    let c = compare(&[2.0f32; 9], &[3.0f32; 9], None).unwrap();
    assert_eq!((c.psnr_db, c.rmse), (f64::NEG_INFINITY, 1.0));
    assert_eq!((c.max_abs_error, c.max_rel_error), (1.0, f64::INFINITY));
    let c = compare::<f32, f32>(&[], &[], None).unwrap();
    assert!(c.is_identical() && c.min.is_nan() && c.range == 0.0);
    let c = compare(&[f16::NAN; 3], &[f32::NAN; 3], None).unwrap();
    assert!(c.is_identical() && c.min.is_nan() && c.compared == 0);
}

#[test]
fn non_finite_values_agree_or_mismatch() {
    let inf = f64::INFINITY;
    let a = [0.0, 1.0, f64::NAN, inf, -inf];
    let c = compare(&a, &[0.0, 0.5, f64::NAN, inf, -inf], None).unwrap();
    assert_eq!((c.max_abs_error, c.compared, c.mismatches), (0.5, 2, 0));
    for wrong in [
        [0.0, f64::NAN, f64::NAN, inf, -inf],
        [0.0, 1.0, 0.0, inf, -inf],
        [0.0, 1.0, f64::NAN, -inf, -inf],
        [0.0, 1.0, f64::NAN, f64::NAN, -inf],
    ] {
        let c = compare(&a, &wrong, None).unwrap();
        assert_eq!((c.mismatches, c.max_abs_error), (1, inf));
        assert_eq!(c.psnr_db, -inf);
    }
}

#[test]
fn huge_and_tiny_values_neither_overflow_nor_vanish() {
    let shape = [-1.0, -0.25, 0.5, 1.0];
    let noisy = [-1.0, -0.25 + 0.125, 0.5, 1.0 - 0.125];
    let plain = compare(&shape, &noisy, None).unwrap();
    for scale in [1.7e308, 1e308, 1e-300, 5e-308, 1e-310] {
        let c = compare(&shape.map(|v| v * scale), &noisy.map(|v| v * scale), None).unwrap();
        assert!((c.psnr_db - plain.psnr_db).abs() < 1e-9, "{scale}: {c:?}");
        assert!(
            (c.max_rel_error - plain.max_rel_error).abs() < 1e-9,
            "{scale}: {c:?}"
        );
        assert!(c.rmse.is_finite() && c.rmse > 0.0);
    }
    let least = f64::from_bits(1);
    let c = compare(&[0.0, least], &[0.0, 0.0], None).unwrap();
    assert!(close(c.psnr_db, 20.0 * 2f64.sqrt().log10()), "{c:?}");
    let c = compare(&[-1.5e308, 1.5e308], &[1.5e308, -1.5e308], None).unwrap();
    assert!(
        close(c.max_rel_error, 1.0) && c.psnr_db.abs() < 1e-9,
        "{c:?}"
    );
    let c = compare(&[0.0, 1e308], &[least, 1e308], None).unwrap();
    assert!(c.psnr_db > 12_000.0 && c.psnr_db.is_finite(), "{c:?}");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let a: Vec<f32> = (0..300_001u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32)
        .collect();
    let b: Vec<f32> = a
        .iter()
        .enumerate()
        .map(|(i, v)| v + (i % 7) as f32 * 0.3)
        .collect();
    let mask: Vec<bool> = (0..a.len()).map(|i| i % 5 != 0).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            (
                compare(&a, &b, None).unwrap(),
                compare(&a, &b, Some(&mask)).unwrap(),
            )
        })
    };
    assert!(run(1) == run(2) && run(1) == run(7));
}

proptest! {
    #[test]
    fn fast_and_careful_paths_agree(
        pairs in prop::collection::vec((any::<f32>(), any::<f64>()), 1..100),
    ) {
        let (a, b): (Vec<f32>, Vec<f64>) = pairs.into_iter().unzip();
        let all = vec![true; a.len()];
        let [fast, careful] = [None, Some(&all[..])].map(|m| compare(&a, &b, m).unwrap());
        prop_assert_eq!(format!("{fast:?}"), format!("{careful:?}"));
    }
}
