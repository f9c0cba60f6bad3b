use super::*;
use crate::container::Form;
use crate::frame::original::tests::original;

fn smooth(shape: Shape) -> Vec<f32> {
    let [_, ny, nx] = shape.dims();
    let value = |i: usize| {
        let [z, y, x] = [i / nx / ny, i / nx % ny, i % nx].map(|v| v as f32);
        (0.21 * x).sin() * (0.17 * y).cos() + 0.3 * (0.26 * z + 0.1 * x).sin()
    };
    (0..shape.len()).map(value).collect()
}

fn encode(values: &[f32], bound: Bound) -> EncodedFrame {
    let shape = Shape::new(&[24, 24, 24]).unwrap();
    encode_frame(shape, values, &EncodeOptions::new(bound), None).unwrap()
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
    for bound in [Bound::MaxError(0.0), Bound::RelError(0.0)] {
        assert!(matches!(form(&field, bound), Form::Lossless));
    }
    // Closer than single precision goes: exact is the smaller way.
    assert!(matches!(form(&field, Bound::Psnr(160.0)), Form::Lossless));
}

#[test]
fn a_ratio_out_of_reach_is_an_error() {
    let shape = Shape::new(&[8, 8, 8]).unwrap();
    let options = EncodeOptions::new(Bound::Ratio(1000.0));
    let error = encode_frame(shape, &smooth(shape), &options, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BoundNotMet);
}

#[test]
fn a_mask_is_part_of_every_form() {
    let mut field = smooth(Shape::new(&[24, 24, 24]).unwrap());
    field[5] = f32::NAN;
    for bound in [Bound::Psnr(40.0), Bound::MaxError(0.0)] {
        let encoded = encode(&field, bound);
        let kinds = encoded.chunks(f32::DTYPE).map(|(kind, _, _)| kind);
        let kinds: Vec<_> = kinds.take(2).collect();
        assert_eq!(
            kinds,
            [
                crate::container::ChunkType::FRAM,
                crate::container::ChunkType::MASK
            ]
        );
        let lengths: usize = encoded.chunks(f32::DTYPE).map(|(_, _, p)| p.len()).sum();
        assert!(encoded.file_bytes(f32::DTYPE) > lengths);
    }
}

#[test]
fn values_of_another_number_are_refused() {
    let shape = Shape::new(&[4, 4]).unwrap();
    let options = EncodeOptions::new(Bound::Psnr(40.0));
    assert!(encode_frame(shape, &[0f32; 15], &options, None).is_err());
}

/// A frame of the wavelet form whose bricks have `bytes`.
fn candidate(bytes: usize, psnr_db: f64, uses_networks: bool) -> EncodedFrame {
    let mut encoded = encode(
        &smooth(Shape::new(&[24, 24, 24]).unwrap()),
        Bound::Psnr(40.0),
    );
    encoded.bricks = vec![(0, vec![0; bytes])];
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
    let encoder = FrameEncoder::new(original, normalisation, &options, None);
    let chosen = encoder.choose(without, with, 100);
    chosen.map(|encoded| encoded.bricks[0].1.len())
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
