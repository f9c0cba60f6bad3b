//! The second pass of a comparison: sums of squared differences, in a fixed order.

use rayon::prelude::*;

use crate::base::dtype::Element;

/// Values per block; part of the result's definition, since it fixes the order of sums.
pub(super) const BLOCK: usize = 1 << 15;
/// Independent sums within a block, likewise.
pub(super) const LANES: usize = 8;

/// Sum of `((a - b) half scale)^2` over the voxels that count.
pub(super) fn sum_of_squares<A: Element, B: Element>(
    original: &[A],
    reconstructed: &[B],
    mask: Option<&[bool]>,
    half: f64,
    scale: f64,
) -> f64 {
    let sums: Vec<f64> = original
        .par_chunks(BLOCK)
        .zip(reconstructed.par_chunks(BLOCK))
        .enumerate()
        .map(|(i, (a, b))| block_squares(a, b, mask.map(|m| &m[i * BLOCK..]), half, scale))
        .collect();
    sums.iter().sum()
}

/// [`sum_of_squares`] of one block.
pub(super) fn block_squares<A: Element, B: Element>(
    a: &[A],
    b: &[B],
    mask: Option<&[bool]>,
    half: f64,
    scale: f64,
) -> f64 {
    let term = |a: A, b: B| {
        let d = (a.to_f64() * half - b.to_f64() * half) * scale;
        // Infinite and NaN differences come from voxels that do not count.
        if d.abs() < f64::INFINITY { d * d } else { 0.0 }
    };
    let mut sums = [0.0f64; LANES];
    if let Some(mask) = mask {
        for (j, (&a, &b)) in a.iter().zip(b).enumerate() {
            sums[j % LANES] += if mask[j] { term(a, b) } else { 0.0 };
        }
        return sums.iter().sum();
    }
    let (groups_a, rest_a) = a.as_chunks::<LANES>();
    let (groups_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in groups_a.iter().zip(groups_b) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += term(a, b);
        }
    }
    for (sum, (&a, &b)) in sums.iter_mut().zip(rest_a.iter().zip(rest_b)) {
        *sum += term(a, b);
    }
    sums.iter().sum::<f64>()
}
