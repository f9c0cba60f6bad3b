//! Coefficients of a brick: arbitrary bytes decode to something legal or fail, and coefficients come
//! back as they were.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use srt::codec::ctx::{BLOCK, BandLayout, BrickDecoder, BrickEncoder, GridLayout, MAX_MAGNITUDE};
use srt::transform::SubbandCode;

#[derive(Arbitrary, Debug)]
struct Input {
    dims: Vec<[u8; 3]>,
    planar: bool,
    active: u64,
    coefficients: Vec<i32>,
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let dims: Vec<[usize; 3]> = input
        .dims
        .iter()
        .take(3)
        .map(|d| d.map(|n| usize::from(n % 20)))
        .collect();
    let largest: [usize; 3] =
        std::array::from_fn(|axis| dims.iter().map(|d| d[axis]).max().unwrap_or(0));
    let band = |(i, &dims): (usize, &[usize; 3])| BandLayout {
        code: SubbandCode::DETAILS[i % 7],
        dims,
    };
    let layout = GridLayout {
        bands: dims.iter().enumerate().map(band).collect(),
        blocks: largest.map(|n| n.div_ceil(BLOCK)),
        planar: input.planar,
    };
    let active: Vec<bool> = (0..layout.block_count())
        .map(|i| input.active >> (i % 64) & 1 == 1)
        .collect();
    let mut decoded = vec![0; layout.len()];
    let _ = BrickDecoder::new(&input.bytes).grid(&layout, &active, &mut decoded);
    assert!(decoded.iter().all(|q| q.abs() <= MAX_MAGNITUDE));

    let mut coefficients: Vec<i32> = (0..layout.len())
        .map(|i| input.coefficients.get(i).copied().unwrap_or(0))
        .map(|q| q.clamp(-MAX_MAGNITUDE, MAX_MAGNITUDE))
        .collect();
    layout.clear_blocks(&active, &mut coefficients);
    let mut encoder = BrickEncoder::default();
    encoder.grid(&layout, &active, &mut coefficients);
    let bytes = encoder.finish();
    let mut back = vec![0; layout.len()];
    BrickDecoder::new(&bytes)
        .grid(&layout, &active, &mut back)
        .expect("what was encoded");
    assert_eq!(back, coefficients);
});
