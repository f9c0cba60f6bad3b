//! The cosines of the transform along an axis, the same bits on every machine (spec section 6.9).

use crate::base::real::Real;

/// Bits behind the point of the integers that cosines are made of.
const BITS: u32 = 62;
/// Pi, rounded down to so many bits.
const PI: u128 = 14_488_038_916_154_245_684;

/// The orthonormal cosines of a length `n`, from its first plane to its middle one: those of the other half differ by a sign.
/// Entry `z n + k` is what frequency `k` adds to plane `z`.
pub(super) fn table<T: Real>(n: usize) -> Vec<T> {
    let quadrant: Vec<f64> = (0..=n).map(|m| cosine(m, n)).collect();
    let entry = |z: usize, k: usize| {
        let squared = if k == 0 { 1.0 } else { 2.0 };
        let weight = (squared / n as f64).sqrt();
        // Angles are multiples of a quadrant's n-th part: the circle, its half and its quadrant mirror each other.
        let m = (2 * z + 1) * k % (4 * n);
        let m = m.min(4 * n - m);
        let cosine = if m > n {
            -quadrant[2 * n - m]
        } else {
            quadrant[m]
        };
        T::from_f64(weight * cosine)
    };
    let planes = 0..n.div_ceil(2);
    planes
        .flat_map(|z| (0..n).map(move |k| (z, k)))
        .map(|(z, k)| entry(z, k))
        .collect()
}

/// The cosine of `m` `n`-th parts of a right angle, `m` up to `n`: its power series in integers, each term rounded down.
fn cosine(m: usize, n: usize) -> f64 {
    let angle = PI * m as u128 / (2 * n as u128);
    let square = (angle * angle) >> BITS;
    let mut term = 1u128 << BITS;
    let mut sum = 0i128;
    let mut sign = 1;
    let mut next = 1;
    while term > 0 {
        // At most 1.3 times 2^62.
        sum += sign * term.cast_signed();
        term = ((term * square) >> BITS) / (next * (next + 1));
        (sign, next) = (-sign, next + 2);
    }
    sum as f64 / (1u64 << BITS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_those_of_a_library_but_for_the_last_bit() {
        for n in [1, 2, 3, 24, 25, 1024] {
            for m in 0..=n {
                let angle = m as f64 / n as f64 * std::f64::consts::FRAC_PI_2;
                let found = cosine(m, n);
                assert!((found - angle.cos()).abs() < 3e-16, "{m} of {n}: {found}");
            }
        }
        assert_eq!(cosine(0, 7), 1.0);
    }

    #[test]
    fn lines_of_the_table_are_orthonormal() {
        for n in [2, 5, 16, 31] {
            let table = table::<f64>(n);
            for z in 0..n.div_ceil(2) {
                for other in 0..n.div_ceil(2) {
                    let product = |k: usize| table[z * n + k] * table[other * n + k];
                    let sum: f64 = (0..n).map(product).sum();
                    let expected = if z == other { 1.0 } else { 0.0 };
                    assert!((sum - expected).abs() < 1e-14, "{n}: {z} {other} {sum}");
                }
            }
        }
    }
}
