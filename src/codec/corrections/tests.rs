use proptest::prelude::*;

use super::*;
use crate::base::error::ErrorKind;

struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }
}

fn shape(extents: &[usize]) -> Shape {
    Shape::new(extents).unwrap()
}

fn round_trip(corrections: &Corrections, shape: Shape, dtype: Dtype) -> usize {
    let payload = corrections.encode(shape, dtype);
    let back = Corrections::decode(shape, dtype, &payload, &Limits::default()).unwrap();
    assert_eq!(&back, corrections);
    payload.len()
}

/// One voxel in `every` on average, one step up or down.
fn sparse(shape: Shape, every: u32, seed: u64) -> Corrections {
    let mut random = Lcg(seed);
    let entries = (0..shape.len() as u64)
        .filter_map(|voxel| {
            let r = random.next();
            let sign = if random.next() & 1 == 1 { 1 } else { -1 };
            r.is_multiple_of(every)
                .then_some((voxel, Correction::Steps(sign)))
        })
        .collect();
    Corrections { entries }
}

fn extents() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        prop::collection::vec(1usize..=20, 3),
        prop::collection::vec(1usize..=70, 2)
    ]
}

proptest! {
    #[test]
    fn decoding_gives_back_every_correction(extents in extents(), seed: u64, every in 1u32..60, size in 0u32..31, dtype in prop::sample::select(Dtype::ALL.to_vec())) {
        let shape = shape(&extents);
        let mut random = Lcg(seed);
        let mut corrections = sparse(shape, every, seed);
        for (_, correction) in &mut corrections.entries {
            let bits = u64::from(random.next()) << 32 | u64::from(random.next());
            *correction = match random.next() % 5 {
                0 => Correction::Exact(bits >> (64 - 8 * dtype.size() as u32)),
                1 => Correction::Steps(i32::MAX - (random.next() % 3) as i32),
                2 => Correction::Steps(-i32::MAX),
                3 => Correction::Steps(1 + (random.next() % (1 << size)) as i32),
                _ => Correction::Steps(-1 - (random.next() % (1 << size)) as i32),
            };
        }
        round_trip(&corrections, shape, dtype);
    }

    #[test]
    fn arbitrary_bytes_never_panic(extents in extents(), bytes: Vec<u8>) {
        let shape = shape(&extents);
        if let Ok(found) = Corrections::decode(shape, Dtype::F64, &bytes, &Limits::default()) {
            prop_assert!(found.entries.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert!(found.entries.iter().all(|e| e.0 < shape.len() as u64 && e.1 != Correction::Steps(0)));
            round_trip(&found, shape, Dtype::F64);
        }
    }

    #[test]
    fn truncations_never_panic(seed: u64, keep in 0usize..100) {
        let shape = shape(&[16, 16, 16]);
        let corrections = sparse(shape, 20, seed);
        let payload = corrections.encode(shape, Dtype::F32);
        let cut = payload.len() * keep / 100;
        if let Ok(found) = Corrections::decode(shape, Dtype::F32, &payload[..cut], &Limits::default()) {
            prop_assert_ne!(found, corrections);
        }
    }
}

#[test]
fn sparse_positions_cost_their_entropy() {
    let mut worst = 0f64;
    for (extents, every) in [
        (&[96, 96, 96][..], 20_000),
        (&[96, 96, 96], 1000),
        (&[96, 96, 96], 100),
        (&[96, 96, 96], 12),
        (&[900, 900], 20_000),
        (&[900, 900], 500),
        (&[901, 899], 30),
    ] {
        let shape = shape(extents);
        let corrections = sparse(shape, every, 5);
        let bytes = round_trip(&corrections, shape, Dtype::F32);
        let (n, k) = (shape.len() as f64, corrections.entries.len() as f64);
        let p = k / n;
        let ideal = n * -(p * p.log2() + (1.0 - p) * (1.0 - p).log2()) + k;
        let over = bytes as f64 * 8.0 / ideal;
        println!(
            "{shape} 1/{every}: {k} entries, {:.2} bits each, {over:.3} of ideal",
            bytes as f64 * 8.0 / k
        );
        worst = worst.max(over - 4.0 / k);
    }
    assert!(worst < 1.11, "{worst}");
}

#[test]
fn clusters_cost_less_than_scattered_positions() {
    let grid = shape(&[64, 64, 64]);
    let scattered = sparse(grid, 50, 3);
    let mut clustered = Corrections::default();
    for voxel in 0..grid.len() as u64 {
        let (z, y, x) = (voxel >> 12, voxel >> 6 & 63, voxel & 63);
        if (z / 4 * 31 + y / 4 * 17 + x / 4 * 7).is_multiple_of(50) {
            clustered.entries.push((voxel, Correction::Steps(1)));
        }
    }
    let few = round_trip(&clustered, grid, Dtype::F32);
    let many = round_trip(&scattered, grid, Dtype::F32);
    assert!(few * 3 < many, "{few} {many}");
}

#[test]
fn no_corrections_cost_almost_nothing() {
    let bytes = round_trip(&Corrections::default(), shape(&[128, 128, 128]), Dtype::F32);
    assert!(bytes < 20, "{bytes}");
}

#[test]
fn more_than_the_limit_is_refused() {
    let grid = shape(&[16, 16, 16]);
    let payload = sparse(grid, 2, 1).encode(grid, Dtype::F32);
    let limits = Limits::default().with_decoded_bytes(1000);
    let error = Corrections::decode(grid, Dtype::F32, &payload, &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn a_plane_without_memory_is_refused() {
    // Found by the fuzzer `inspect`: planes of 2^46 voxels, and a payload of no use.
    let grid = shape(&[2, 1 << 23, 1 << 23]);
    for limits in [
        Limits::default(),
        Limits::default().with_decoded_bytes(u64::MAX),
    ] {
        let error = Corrections::decode(grid, Dtype::F32, &[0; 8], &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}
