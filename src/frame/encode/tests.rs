use super::*;
use crate::container::ChunkType;
use crate::container::{Form, RasterSteps};
use crate::frame::encoded::BrickChunks;
use crate::frame::original::tests::original;

fn smooth(shape: Shape) -> Vec<f32> {
    let [_, ny, nx] = shape.dims();
    let value = |i: usize| {
        let [z, y, x] = [i / nx / ny, i / nx % ny, i % nx].map(|v| v as f32);
        (0.21 * x).sin() * (0.17 * y).cos() + 0.3 * (0.26 * z + 0.1 * x).sin()
    };
    (0..shape.len()).map(value).collect()
}

/// Numbers that nothing predicts.
fn pattern(i: u32) -> f32 {
    (i.wrapping_mul(0x9E37_79B1) >> 8) as f32
}

fn encode(values: &[f32], bound: Bound) -> EncodedFrame {
    let shape = Shape::new(&[24, 24, 24]).unwrap();
    encode_frame(
        shape,
        values,
        &EncodeOptions::new(bound),
        None,
        OfferedPast::default(),
    )
    .unwrap()
}

#[test]
fn each_field_takes_its_form() {
    let field = smooth(Shape::new(&[24, 24, 24]).unwrap());
    let form = |values: &[f32], bound| encode(values, bound).frame.form;
    assert!(matches!(
        form(&[3.0; 13824], Bound::Psnr(40.0)),
        Form::Constant
    ));
    assert!(matches!(
        form(&[f32::NAN; 13824], Bound::Psnr(40.0)),
        Form::Constant
    ));
    assert!(matches!(form(&field, Bound::Psnr(40.0)), Form::Wavelet(_)));
    let is_exact = |values: &[f32], bound| match form(values, bound) {
        Form::Raster(form) => matches!(form.steps, RasterSteps::Exact(_)),
        Form::Constant | Form::Lossless | Form::Wavelet(_) | Form::Pooled(_) => false,
    };
    for bound in [Bound::MaxError(0.0), Bound::RelError(0.0)] {
        assert!(is_exact(&field, bound));
        // What repeats itself is packed.
        let repeats: Vec<f32> = (0..13824u32).map(|i| pattern(i % 1500)).collect();
        assert!(matches!(form(&repeats, bound), Form::Lossless));
    }
    // Closer than the wavelet form goes: in finer steps or as it is, what is smaller.
    let close = encode(&field, Bound::Psnr(160.0));
    assert!(matches!(close.frame.form, Form::Raster(_)));
    let exact = encode(&field, Bound::MaxError(0.0));
    assert!(close.file_bytes(Dtype::F32) <= exact.file_bytes(Dtype::F32));
}

#[test]
fn a_ratio_out_of_reach_is_an_error() {
    let shape = Shape::new(&[8, 8, 8]).unwrap();
    let options = EncodeOptions::new(Bound::Ratio(1000.0));
    let error = encode_frame(
        shape,
        &smooth(shape),
        &options,
        None,
        OfferedPast::default(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BoundNotMet);
}

/// The kinds of a frame's chunks, after its record.
fn parts(field: &[f32], bound: Bound) -> Vec<ChunkType> {
    let encoded = encode(field, bound);
    let (mut lengths, mut kinds) = (0, Vec::new());
    let take = |kind, _, payload: &[u8]| {
        lengths += payload.len();
        kinds.push(kind);
        Ok(())
    };
    encoded.for_each_chunk(f32::DTYPE, take).unwrap();
    assert!(encoded.file_bytes(f32::DTYPE) > lengths);
    kinds.split_off(1)
}

#[test]
fn a_mask_is_part_of_every_frame_that_does_not_hold_all_bits() {
    let mut field = smooth(Shape::new(&[24, 24, 24]).unwrap());
    field[5] = f32::NAN;
    let lossy = [ChunkType::MASK, ChunkType::TREE, ChunkType::BRIK];
    assert_eq!(parts(&field, Bound::Psnr(40.0)), lossy);
    let exact = [ChunkType::MASK, ChunkType::BRIK];
    assert_eq!(parts(&field, Bound::MaxError(0.0)), exact);
    let mut repeats: Vec<f32> = (0..13824).map(|i| pattern(i % 1500)).collect();
    repeats[5] = f32::NAN;
    assert_eq!(parts(&repeats, Bound::MaxError(0.0)), [ChunkType::BRIK]);
    let mut constant = vec![2.5; 24 * 24 * 24];
    constant[7] = f32::NAN;
    for bound in [Bound::Psnr(40.0), Bound::MaxError(0.0)] {
        assert_eq!(parts(&constant, bound), [ChunkType::MASK]);
    }
}

#[test]
fn what_no_other_form_gives_back_bit_for_bit_is_lossless() {
    let mut zeros = vec![0f32; 24 * 24 * 24];
    assert_eq!(parts(&zeros, Bound::MaxError(0.0)), []);
    zeros[11] = -0.0;
    for bound in [
        Bound::MaxError(0.0),
        Bound::MaxError(1e-3),
        Bound::Psnr(40.0),
    ] {
        assert_eq!(parts(&zeros, bound), [ChunkType::BRIK], "{bound}");
    }
    // More patterns than a mask has places for.
    let mut nans = vec![1.0; 24 * 24 * 24];
    for (bits, value) in (0x7FC0_0000..).zip(&mut nans[..300]) {
        *value = f32::from_bits(bits);
    }
    assert_eq!(parts(&nans, Bound::MaxError(0.0)), [ChunkType::BRIK]);
    assert_eq!(parts(&nans, Bound::RelError(0.0)), [ChunkType::BRIK]);
    assert_eq!(parts(&nans, Bound::Psnr(40.0)), [ChunkType::MASK]);
}

#[test]
fn values_of_another_number_are_refused() {
    let shape = Shape::new(&[4, 4]).unwrap();
    let options = EncodeOptions::new(Bound::Psnr(40.0));
    assert!(encode_frame(shape, &[0f32; 15], &options, None, OfferedPast::default()).is_err());
}

/// A frame of the wavelet form whose bricks have `bytes`.
fn candidate(bytes: usize, psnr_db: f64, uses_networks: bool) -> EncodedFrame {
    let mut encoded = encode(
        &smooth(Shape::new(&[24, 24, 24]).unwrap()),
        Bound::Psnr(40.0),
    );
    encoded.bricks = BrickChunks::Held(vec![(0, vec![0; bytes])]);
    encoded.comparison.psnr_db = psnr_db;
    if let Form::Wavelet(form) = &mut encoded.frame.form {
        let gains = vec![1.0];
        form.network = uses_networks.then_some(crate::container::NetworkUse { gains });
    }
    encoded
}

/// Bytes of the bricks of what is chosen.
fn chosen(
    bound: Bound,
    without: Option<EncodedFrame>,
    with: Option<EncodedFrame>,
) -> Option<usize> {
    let (values, shape) = ([0f32, 1.0, 2.0, 3.0], Shape::new(&[2, 2]).unwrap());
    let original = original(shape, &values, None);
    let normalisation = Normalisation::measure(&values, None, original.observer).unwrap();
    let options = EncodeOptions::new(bound);
    let encoder = FrameEncoder::new(original, normalisation, &options, None, true);
    let chosen = encoder.choose(without, with, 100);
    chosen.map(|encoded| encoded.bricks.lengths()[0])
}

#[test]
fn networks_are_chosen_where_they_save_more_than_their_share() {
    let psnr = Bound::Psnr(40.0);
    let without = || Some(candidate(5000, 40.0, false));
    let with = |bytes| Some(candidate(bytes, 40.0, true));
    assert_eq!(chosen(psnr, without(), with(4800)), Some(4800));
    assert_eq!(chosen(psnr, without(), with(4950)), Some(5000));
    assert_eq!(chosen(psnr, None, with(4950)), Some(4950));
    assert_eq!(chosen(psnr, without(), None), Some(5000));
    assert_eq!(chosen(psnr, None, None), None);
    // A frame that was to use networks and does on no level is the other's equal.
    assert_eq!(
        chosen(psnr, without(), Some(candidate(10, 40.0, false))),
        Some(5000)
    );
}

#[test]
fn at_a_ratio_the_better_picture_is_chosen() {
    let ratio = Bound::Ratio(50.0);
    let without = || Some(candidate(5000, 40.0, false));
    let with = |psnr_db| Some(candidate(5100, psnr_db, true));
    assert_eq!(chosen(ratio, without(), with(40.1)), Some(5100));
    assert_eq!(chosen(ratio, without(), with(40.0)), Some(5000));
}
