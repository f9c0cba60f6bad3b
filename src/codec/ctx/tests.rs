use proptest::prelude::*;

use super::*;
use crate::transform::SubbandCode;

fn layout(dims: &[[usize; 3]]) -> GridLayout {
    let largest: [usize; 3] =
        std::array::from_fn(|axis| dims.iter().map(|d| d[axis]).max().unwrap());
    GridLayout {
        bands: dims
            .iter()
            .enumerate()
            .map(|(i, &dims)| BandLayout {
                code: SubbandCode::DETAILS[i % 7],
                dims,
            })
            .collect(),
        blocks: largest.map(|n| n.div_ceil(BLOCK)),
        planar: false,
    }
}

fn encode(layout: &GridLayout, active: &[bool], q: &mut [i32]) -> Vec<u8> {
    let mut encoder = BrickEncoder::default();
    encoder.grid(layout, active, q);
    encoder.finish()
}

fn dims() -> impl Strategy<Value = Vec<[usize; 3]>> {
    prop::collection::vec([1usize..=20, 1usize..=20, 1usize..=20], 1..=3)
}

/// Sparse noise with a heavy tail, zero in inactive blocks.
fn values(layout: &GridLayout, active: &[bool], seed: u64, size: u32) -> Vec<i32> {
    let mut state = seed | 1;
    let mut out = Vec::new();
    for band in &layout.bands {
        let [nz, ny, nx] = band.dims;
        for i in 0..nz * ny * nx {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let r = (state >> 33) as u32;
            let (z, y, x) = (i / nx / ny, i / nx % ny, i % nx);
            let [_, by, bx] = layout.blocks;
            let block = ((z / BLOCK) * by + y / BLOCK) * bx + x / BLOCK;
            let magnitude = (r >> 8) as i32 >> (31 - 8 - (r % size)).min(31);
            let value = if r & 128 == 0 { magnitude } else { -magnitude };
            out.push(if active[block] {
                value.clamp(-MAX_MAGNITUDE, MAX_MAGNITUDE)
            } else {
                0
            });
        }
    }
    out
}

proptest! {
    #[test]
    fn decoding_gives_back_every_coefficient(dims in dims(), seed: u64, size in 1u32..24, mask: u64, planar: bool) {
        let mut layout = layout(&dims);
        layout.planar = planar;
        let active: Vec<bool> = (0..layout.block_count()).map(|i| mask >> (i % 64) & 1 == 1).collect();
        let mut q = values(&layout, &active, seed, size);
        let bytes = encode(&layout, &active, &mut q);
        let mut back = vec![0; q.len()];
        BrickDecoder::new(&bytes).grid(&layout, &active, &mut back).unwrap();
        prop_assert_eq!(q, back);
    }

    #[test]
    fn arbitrary_bytes_never_panic(dims in dims(), bytes: Vec<u8>) {
        let layout = layout(&dims);
        let active = vec![true; layout.block_count()];
        let mut q = vec![0; layout.len()];
        let _ = BrickDecoder::new(&bytes).grid(&layout, &active, &mut q);
        prop_assert!(q.iter().all(|v| v.abs() <= MAX_MAGNITUDE));
    }

    #[test]
    fn quantised_values_stay_near(dims in dims(), seed: u64, lambda in 0f32..0.2) {
        let layout = layout(&dims);
        let mut active = vec![true; layout.block_count()];
        let q = values(&layout, &active, seed, 4);
        let residuals: Vec<f32> = q.iter().enumerate().map(|(i, &v)| v as f32 * 0.37 + (i % 7) as f32 * 0.1).collect();
        let mut costs = vec![BlockCost::default(); layout.block_count()];
        let mut out = vec![0; q.len()];
        let quantiser = Quantiser { inverse_step: 2.0, lambda, shrink: 0.02 };
        BrickQuantiser::new(quantiser).grid(&layout, &residuals, &mut active, &mut out, &mut costs).unwrap();
        for (r, q) in residuals.iter().zip(&out) {
            let error = (r * 2.0).abs() - q.abs() as f32;
            // Zero may be chosen from up to about two steps away, else the next lower integer.
            prop_assert!((-0.5..1.0).contains(&error) || (*q == 0 && error < 3.0), "{r} {q}");
        }
        // The estimate of the rate is close to the real code.
        let bits: f32 = costs.iter().map(|c| c.bits).sum();
        let real = 8.0 * encode(&layout, &active, &mut out).len() as f32;
        prop_assert!((bits - real).abs() < 0.06 * real + 60.0, "{bits} {real}");
    }
}

#[test]
fn zeros_cost_almost_nothing() {
    let layout = layout(&[[64, 64, 64]]);
    let active = vec![true; layout.block_count()];
    let bytes = encode(&layout, &active, &mut vec![0; 64 * 64 * 64]);
    assert!(bytes.len() < 40, "{}", bytes.len());
}

#[test]
fn streams_that_end_in_zeros_are_whole() {
    // One stream in 256 has a zero byte just before the look-ahead; it must not be dropped.
    let mut state = 7u64;
    for length in 0..4000 {
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 60) as u32
        };
        let bits: Vec<bool> = (0..length % 97).map(|_| draw() < 3).collect();
        let raw = draw();
        let (mut encoder, mut bit) = (RangeEncoder::default(), Bit::EVEN);
        for &b in &bits {
            encoder.bit(&mut bit, b);
        }
        encoder.raw(raw, 4);
        let bytes = encoder.finish();
        let (mut decoder, mut bit) = (RangeDecoder::new(&bytes), Bit::EVEN);
        assert!(bits.iter().all(|&b| decoder.bit(&mut bit) == b));
        assert_eq!(decoder.raw(4), raw);
        decoder.check_end("stream").unwrap();
    }
}

/// The worked example of spec/codecs/ctx.md, section 2.
#[test]
fn specified_example_has_its_bytes() {
    let mut coder = RangeEncoder::default();
    let mut state = Bit::EVEN;
    let expected = [32768, 54608, 32770, 23409, 32768, 26816, 22692, 19667];
    for (bit, p) in [1, 0, 0, 1, 0, 0, 0, 0].into_iter().zip(expected) {
        assert_eq!(state.probability(), p);
        coder.bit(&mut state, bit == 1);
    }
    let mut longer = RangeEncoder::default();
    let mut state = Bit::EVEN;
    for bit in [1, 0, 0, 1, 0, 0, 0, 0] {
        longer.bit(&mut state, bit == 1);
    }
    longer.raw(45, 6);
    assert_eq!(coder.finish(), [0x79]);
    assert_eq!(longer.finish(), [0x78, 0xFC]);
}

/// A number with many trailing zeros must not be cut so short that it looks truncated.
#[test]
fn streams_of_likely_bits_end_where_they_end() {
    for count in [0, 1, 100, 10_000, 1_000_000] {
        let mut coder = RangeEncoder::default();
        let mut state = Bit::EVEN;
        for _ in 0..count {
            coder.bit(&mut state, true);
        }
        coder.raw(0, 1);
        coder.raw(u32::MAX, 1);
        for _ in 0..20 {
            coder.raw(0, 8);
        }
        let bytes = coder.finish();
        let mut decoder = RangeDecoder::new(&bytes);
        let mut state = Bit::EVEN;
        assert!((0..count).all(|_| decoder.bit(&mut state)));
        assert_eq!([decoder.raw(1), decoder.raw(1)], [0, 1]);
        assert!((0..20).all(|_| decoder.raw(8) == 0));
        decoder.check_end("stream").unwrap();
    }
}
