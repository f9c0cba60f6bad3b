//! Fields of every shape, type and kind of value come back within every kind of bound, and the same
//! bytes come from any number of threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/mirror.rs"]
mod mirror;

use common::{Draw, Scalar, decode, decode_with_threads, encode, psnr, smooth, within};
use half::f16;
use proptest::prelude::*;
use srt::container::{Bound, ChunkType, Form, Reader, parse_brick_run};
use srt::{
    Axes, AxisPlan, Decoder, EncodeOptions, ErrorKind, Limits, Model, Shape, VolumeView,
    encode_with_report,
};

/// What a field is like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Smooth,
    Noise,
    Steps,
    Spike,
    Constant,
    AllNan,
    /// Smooth with NaN and infinities here and there.
    Sprinkled,
    Subnormal,
    /// The largest numbers of both signs.
    Huge,
    /// Magnitudes from the smallest to the largest.
    Mixed,
    /// Far from zero, little change.
    Offset,
}

const KINDS: [Kind; 11] = [
    Kind::Smooth,
    Kind::Noise,
    Kind::Steps,
    Kind::Spike,
    Kind::Constant,
    Kind::AllNan,
    Kind::Sprinkled,
    Kind::Subnormal,
    Kind::Huge,
    Kind::Mixed,
    Kind::Offset,
];

#[derive(Clone, Debug)]
struct Case {
    shape: Shape,
    kind: Kind,
    periodic: Axes,
    seed: u64,
    /// Whether the value of the first voxel marks voxels without data.
    masked: bool,
    /// Whether the built-in networks are tried.
    networks: bool,
}

fn build<E: Scalar>(case: &Case) -> Vec<E> {
    let mut draw = Draw::new(case.seed);
    let len = case.shape.len();
    let mut noise = || 2.0 * draw.unit() - 1.0;
    let values: Vec<f64> = match case.kind {
        Kind::Smooth | Kind::Sprinkled => smooth(case.shape, case.seed)
            .iter()
            .map(|v| v + 1e-3 * noise())
            .collect(),
        Kind::Noise => (0..len).map(|_| noise()).collect(),
        Kind::Steps => smooth(case.shape, case.seed)
            .iter()
            .map(|v| (v * 40.0).floor())
            .collect(),
        Kind::Spike | Kind::Constant => vec![0.375; len],
        Kind::AllNan => vec![f64::NAN; len],
        Kind::Subnormal => (0..len)
            .map(|_| (noise() * 9.0).round() * E::SMALLEST)
            .collect(),
        Kind::Huge => (0..len)
            .map(|_| E::LARGEST * if noise() > 0.0 { 1.0 } else { -1.0 })
            .collect(),
        Kind::Mixed => (0..len)
            .map(|_| noise() * E::LARGEST.powf(noise()))
            .collect(),
        Kind::Offset => smooth(case.shape, case.seed)
            .iter()
            .map(|v| 1000.0 + v)
            .collect(),
    };
    let mut values: Vec<E> = values.into_iter().map(E::from_f64).collect();
    match case.kind {
        Kind::Spike => values[draw.below(len)] = E::from_f64(E::LARGEST / 2.0),
        Kind::Sprinkled => {
            for special in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                for _ in 0..1 + len / 20 {
                    values[draw.below(len)] = E::from_f64(special);
                }
            }
        }
        _ => {}
    }
    values
}

fn shapes() -> impl Strategy<Value = Shape> {
    // Short axes are where the rules of splitting and extension change.
    let axis = || prop_oneof![3 => 1usize..=40, 1 => 1usize..=9];
    prop_oneof![
        (axis(), axis()).prop_map(|(y, x)| Shape::new(&[y, x]).unwrap()),
        (axis(), axis(), axis()).prop_map(|(z, y, x)| Shape::new(&[z, y, x]).unwrap()),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    (
        shapes(),
        prop::sample::select(&KINDS[..]),
        0u8..8,
        any::<u64>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.4),
    )
        .prop_map(|(shape, kind, axes, seed, masked, networks)| Case {
            shape,
            kind,
            periodic: Axes::from_bits(axes).unwrap(),
            seed,
            masked,
            networks,
        })
}

fn options(case: &Case, bound: Bound, threads: usize) -> EncodeOptions {
    let model = if case.networks {
        Model::Default
    } else {
        Model::None
    };
    EncodeOptions::new(bound)
        .with_periodic(case.periodic)
        .with_model(model)
        .with_threads(threads)
}

/// A field, what marks its voxels without data, the decoded field and the file.
type Trip<E> = (Vec<E>, Option<E>, Vec<E>, Vec<u8>);

/// Encodes, decodes, and checks what holds for every bound; `None` where a ratio is out of reach.
fn round_trip<E: Scalar>(case: &Case, bound: Bound) -> Result<Option<Trip<E>>, TestCaseError> {
    let values = build::<E>(case);
    let mask = case.masked.then(|| values[0]).filter(|v| v.is_finite());
    let mut options = options(case, bound, 1);
    options.coding.mask_value = mask.map(E::to_f64);
    // Small files are compact ones here, as users have them.
    let view = VolumeView::new(case.shape, E::values(&values)).unwrap();
    let (bytes, report) = match encode_with_report(view, &options, Vec::new()) {
        Ok(done) => done,
        Err(e) if matches!(bound, Bound::Ratio(_)) => {
            prop_assert_eq!(e.kind(), ErrorKind::BoundNotMet);
            return Ok(None);
        }
        Err(e) => return Err(TestCaseError::fail(e.to_string())),
    };
    prop_assert_eq!(report.bytes, bytes.len() as u64);
    let volume = decode(&bytes, 0, Limits::default())
        .map_err(|e| TestCaseError::fail(format!("decoding: {e}")))?;
    prop_assert_eq!(volume.shape(), case.shape);
    let decoded = E::data(volume);
    for (x, y) in values.iter().zip(&decoded) {
        if is_masked(*x, mask) {
            prop_assert_eq!(x.to_bits64(), y.to_bits64(), "masked voxel");
        } else {
            prop_assert!(y.is_finite());
        }
    }
    Ok(Some((values, mask, decoded, bytes)))
}

fn form_of(bytes: &[u8]) -> Form {
    let decoder = Decoder::new(bytes).unwrap();
    decoder.frames().next().unwrap().record().form.clone()
}

fn is_masked<E: Scalar>(v: E, mask: Option<E>) -> bool {
    !v.is_finite() || mask.is_some_and(|m| m == v)
}

fn range_of<E: Scalar>(values: &[E], mask: Option<E>) -> f64 {
    let ordinary = || {
        values
            .iter()
            .filter(|v| !is_masked(**v, mask))
            .map(|v| v.to_f64())
    };
    let max = ordinary().fold(f64::NEG_INFINITY, f64::max);
    let min = ordinary().fold(f64::INFINITY, f64::min);
    if max < min { 0.0 } else { max - min }
}

fn check_error<E: Scalar>(
    values: &[E],
    mask: Option<E>,
    decoded: &[E],
    bound: f64,
) -> Result<(), TestCaseError> {
    for (i, (x, y)) in values.iter().zip(decoded).enumerate() {
        let (a, b) = (x.to_f64(), y.to_f64());
        prop_assert!(
            is_masked(*x, mask) || within(a, b, bound),
            "voxel {i}: {a:e} decoded as {b:e}, bound {bound:e}"
        );
    }
    Ok(())
}

/// Checks a relative and an absolute bound on the error.
fn error_bounds<E: Scalar>(case: &Case, share: f64, relative: bool) -> Result<(), TestCaseError> {
    let range = {
        let values = build::<E>(case);
        let mask = case.masked.then(|| values[0]).filter(|v| v.is_finite());
        range_of(&values, mask)
    };
    // The bound of a relative error is this product, rounded once (spec section 4.9).
    let bound = share * range;
    let asked = match relative {
        true => Bound::RelError(share),
        false if bound.is_finite() => Bound::MaxError(bound),
        false => Bound::MaxError(share * f64::MAX),
    };
    let bound = match asked {
        Bound::MaxError(bound) => bound,
        _ => bound,
    };
    if let Some((values, mask, decoded, _)) = round_trip::<E>(case, asked)? {
        check_error(&values, mask, &decoded, bound)?;
    }
    Ok(())
}

fn psnr_bound<E: Scalar>(case: &Case, target: f64) -> Result<(), TestCaseError> {
    if let Some((values, mask, decoded, _)) = round_trip::<E>(case, Bound::Psnr(target))? {
        let reached = psnr(&values, &decoded, |v| !is_masked(v, mask));
        prop_assert!(reached >= target - 1e-9, "{reached} dB, {target} asked");
    }
    Ok(())
}

fn ssim_bound<E: Scalar>(case: &Case, target: f64) -> Result<(), TestCaseError> {
    if let Some((values, mask, decoded, _)) = round_trip::<E>(case, Bound::Ssim(target))? {
        let ordinary: Vec<bool> = values.iter().map(|v| !is_masked(*v, mask)).collect();
        let reached = srt::metrics::ssim(case.shape, &values, &decoded, Some(&ordinary)).unwrap();
        // Not a number: the field holds no window to compare.
        prop_assert!(
            reached.is_nan() || reached >= target - 1e-9,
            "SSIM {reached}, {target} asked"
        );
    }
    Ok(())
}

fn ratio_bound<E: Scalar>(case: &Case, target: f64) -> Result<(), TestCaseError> {
    if let Some((values, _, _, bytes)) = round_trip::<E>(case, Bound::Ratio(target))? {
        let ratio = std::mem::size_of_val(&values[..]) as f64 / bytes.len() as f64;
        // A constant field is as small as the format can make it.
        let constant = matches!(form_of(&bytes), Form::Constant);
        prop_assert!(
            constant || ratio >= 0.97 * target,
            "ratio {ratio}, {target} asked"
        );
    }
    Ok(())
}

/// Runs a check for the value type number `$type`.
macro_rules! for_type {
    ($type:expr, $check:ident($($argument:expr),*)) => {
        match $type {
            0 => $check::<f16>($($argument),*)?,
            1 => $check::<f32>($($argument),*)?,
            _ => $check::<f64>($($argument),*)?,
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn psnr_holds(case in cases(), kind in 0..3, target in 5.0..110.0) {
        for_type!(kind, psnr_bound(&case, target));
    }

    #[test]
    fn ssim_holds(case in cases(), kind in 0..3, target in 0.3..0.9999) {
        for_type!(kind, ssim_bound(&case, target));
    }

    #[test]
    fn max_error_holds(case in cases(), kind in 0..3, share in prop_oneof![1e-7..1e-3, 1e-3..0.3, Just(0.0)]) {
        for_type!(kind, error_bounds(&case, share, false));
    }

    #[test]
    fn rel_error_holds(case in cases(), kind in 0..3, share in prop_oneof![1e-7..1e-3, 1e-3..0.3, Just(0.0)]) {
        for_type!(kind, error_bounds(&case, share, true));
    }

    #[test]
    fn ratio_holds_where_it_is_reachable(case in cases(), kind in 0..3, target in 1.0..60.0) {
        for_type!(kind, ratio_bound(&case, target));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn threads_change_nothing(case in cases(), bound in 0..4) {
        let bound = match bound {
            0 => Bound::Psnr(45.0),
            1 => Bound::RelError(1e-3),
            2 => Bound::Ssim(0.95),
            _ => Bound::Psnr(20.0),
        };
        let values = build::<f32>(&case);
        let file = |threads| {
            encode(case.shape, &values, &options(&case, bound, threads)).unwrap().0
        };
        let one = file(1);
        prop_assert_eq!(&one, &file(2));
        prop_assert_eq!(&one, &file(7));
        let decoded: Vec<_> = [1, 2, 7]
            .map(|threads| common::le_bytes(&decode_with_threads(&one, threads)))
            .into();
        prop_assert_eq!(&decoded[0], &decoded[1]);
        prop_assert_eq!(&decoded[0], &decoded[2]);
    }

    #[test]
    fn levels_halve_the_axes(case in cases()) {
        let values = build::<f32>(&Case { kind: Kind::Smooth, ..case.clone() });
        let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        prop_assume!(low < high);
        // Other plans keep the planes of the slowest axis.
        let options = EncodeOptions::new(Bound::Psnr(30.0)).with_plan(AxisPlan::Levels);
        let (bytes, _) = encode(case.shape, &values, &options).unwrap();
        let decoder = Decoder::new(&bytes).unwrap();
        let mut dims = case.shape.dims();
        for level in 0..20 {
            let volume = match decoder.frame_at(0).and_then(|frame| frame.level(level).read_any()) {
                Ok(volume) => volume,
                Err(e) => {
                    prop_assert_eq!(e.kind(), ErrorKind::InvalidArgument);
                    let lossless = level == 1 && e.to_string().contains("full resolution");
                    prop_assert!(lossless || dims.iter().all(|&n| n < 8), "{}", e);
                    break;
                }
            };
            prop_assert_eq!(volume.shape().dims(), dims);
            prop_assert_eq!(volume.shape().rank(), case.shape.rank());
            prop_assert!(f32::data(volume).iter().all(|v| (low..=high).contains(v)));
            dims = dims.map(|n| if n < 8 { n } else { n.div_ceil(2) });
        }
    }
}

#[test]
fn real_data_lands_close_above_its_target() {
    let (shape, values) = common::turbulence();
    for target in [30.0, 45.0, 60.0, 80.0] {
        let (bytes, report) =
            encode(shape, &values, &EncodeOptions::new(Bound::Psnr(target))).unwrap();
        let decoded = f32::data(decode(&bytes, 0, Limits::default()).unwrap());
        let reached = psnr(&values, &decoded, |_| true);
        assert!(
            (target..=target + 0.15).contains(&reached),
            "{reached} dB, {target} asked"
        );
        assert!((reached - report.comparison.psnr_db).abs() < 1e-6);
    }
    for target in [5.0, 40.0, 200.0] {
        let (bytes, _) = encode(shape, &values, &EncodeOptions::new(Bound::Ratio(target))).unwrap();
        let ratio = (4 * values.len()) as f64 / bytes.len() as f64;
        assert!(
            (ratio / target - 1.0).abs() <= 0.03,
            "{ratio}, {target} asked"
        );
    }
}

#[test]
fn many_bricks_and_threads_give_one_file() {
    let (shape, values) = common::turbulence();
    for bound in [Bound::Psnr(50.0), Bound::RelError(1e-3)] {
        let files = [1, 2, 7].map(|threads| {
            let options = EncodeOptions::new(bound)
                .with_brick_edge(64)
                .with_threads(threads);
            encode(shape, &values, &options).unwrap().0
        });
        assert!(files[0] == files[1] && files[0] == files[2]);
        let decoded =
            [1, 2, 7].map(|threads| common::le_bytes(&decode_with_threads(&files[0], threads)));
        assert!(decoded[0] == decoded[1] && decoded[0] == decoded[2]);
    }
}

#[test]
fn nan_payloads_and_signed_zeros_survive() {
    let shape = Shape::new(&[9, 11]).unwrap();
    let mut values: Vec<f64> = smooth(shape, 4);
    values[3] = f64::from_bits(0x7FF8_0000_0000_1234);
    values[4] = f64::from_bits(0xFFF0_0000_0000_0001);
    values[50] = 0.0;
    values[51] = -0.0;
    let mut options = EncodeOptions::new(Bound::MaxError(1e-3));
    options.coding.mask_value = Some(0.0);
    let (bytes, _) = encode(shape, &values, &options).unwrap();
    let decoded = f64::data(decode(&bytes, 0, Limits::default()).unwrap());
    for i in [3, 4, 50, 51] {
        assert_eq!(values[i].to_bits(), decoded[i].to_bits(), "voxel {i}");
    }
    check_error(&values, Some(0.0), &decoded, 1e-3).unwrap();
}

#[test]
fn single_voxels_of_every_value() {
    for extents in [&[1usize, 1][..], &[1, 1, 1]] {
        let shape = Shape::new(extents).unwrap();
        for v in [
            0.0,
            -0.0,
            1.5,
            f64::MAX,
            5e-324,
            f64::NAN,
            f64::NEG_INFINITY,
        ] {
            for bound in [Bound::Psnr(40.0), Bound::Ssim(0.9), Bound::MaxError(0.0)] {
                let (bytes, _) = encode(shape, &[v], &EncodeOptions::new(bound)).unwrap();
                let decoded = f64::data(decode(&bytes, 0, Limits::default()).unwrap());
                assert!(
                    decoded[0] == v || decoded[0].to_bits() == v.to_bits(),
                    "{v}"
                );
            }
        }
    }
}

#[test]
fn a_small_file_is_nearly_all_coefficients() {
    let (shape, values) = mirror::sample_128();
    for (target, model) in [
        (35.0, Model::Default),
        (40.0, Model::Default),
        (40.0, Model::None),
    ] {
        let options = EncodeOptions::new(Bound::Psnr(target)).with_model(model);
        let (file, _) = encode(shape, &values, &options).unwrap();
        let reader = Reader::new(&file, &Limits::default()).unwrap();
        let chunks = reader.entries().iter().enumerate();
        let coefficients: usize = chunks
            .filter(|(_, entry)| entry.kind == ChunkType::BRIK)
            .flat_map(|(number, entry)| {
                let payload = reader.payload(number).unwrap();
                parse_brick_run(payload, 0, entry.part, u32::MAX).unwrap()
            })
            .map(|(_, brick)| brick.len())
            .sum();
        // Spec section 5.
        let rest = file.len() - coefficients;
        assert!(rest <= 400, "{rest} of {} bytes at {target} dB", file.len());
    }
}
