//! Fields larger than the memory to aim at: the same bytes as in memory.
#![allow(missing_docs, clippy::unwrap_used)]

use std::borrow::Cow;

use proptest::prelude::*;
use srt::container::Bound;
use srt::transform::Wavelet;
use srt::volume::Values;
use srt::{Axes, EncodeOptions, Model, Shape};
use srt::{VolumeView, encode_with_report};

mod common;

fn encode(shape: Shape, values: &Values<'_>, options: &EncodeOptions) -> Vec<u8> {
    encode_with_report(VolumeView::new(shape, values).unwrap(), options, Vec::new())
        .unwrap()
        .0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn memory_does_not_change_the_file(
        extents in prop::array::uniform3(66usize..140),
        periodic in 0u8..8,
        haar: bool,
        networks: bool,
        bound in 0..3usize,
    ) {
        let (shape, field) = common::mirrored(&extents);
        let values = Values::F32(Cow::Borrowed(&field));
        let bound = [Bound::Psnr(42.0), Bound::RelError(2e-3), Bound::Ratio(80.0)][bound];
        let mut options = EncodeOptions::new(bound)
            .with_periodic(Axes::from_bits(periodic).unwrap())
            .with_wavelet(if haar { Wavelet::Haar } else { Wavelet::Cdf97 });
        if !networks {
            options = options.with_model(Model::None);
        }
        let held = encode(shape, &values, &options);
        let streamed = encode(shape, &values, &options.with_memory(1));
        prop_assert!(held == streamed);
    }
}

/// Two dimensions, doubles, more boxes than one: 2100 x 2100 values have four bricks of 512.
#[test]
fn memory_does_not_change_a_plane() {
    let n = 2100;
    let value = |i: usize| {
        let (y, x) = ((i / n) as f64, (i % n) as f64);
        (y * 0.05).sin() * (x * 0.031).cos() + 0.3 * (x * 0.4 + y * 0.21).sin()
    };
    let field: Vec<f64> = (0..n * n).map(value).collect();
    let shape = Shape::new(&[n, n]).unwrap();
    let values = Values::F64(Cow::Owned(field));
    let options = EncodeOptions::new(Bound::Psnr(60.0));
    let held = encode(shape, &values, &options);
    assert!(held == encode(shape, &values, &options.with_memory(1)));
}
