//! Structural similarity with a separable Gaussian window, streamed over planes.

use std::ops::Range;

use rayon::prelude::*;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::metrics::extremes::{check_lengths, exponent, extremes};

const SIGMA: f64 = 1.5;
/// Taps per axis; an axis shorter than this gets the largest odd number that fits.
const TAPS: usize = 11;
/// `(K L)^2` for a range L of 1: values are divided by the range first.
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;
/// Filtered quantities: a, b, a^2, b^2, a b.
const CHANNELS: usize = 5;
/// Scaled values are cut here, so that their squares stay finite and count as the error they are.
const FARTHEST: f64 = 1e100;
/// Bytes of filtered planes one task may hold; about a second-level cache.
const RING_BYTES: usize = 2 << 20;
/// Columns of windows summed together, and most per task; part of the result's definition, since it
/// fixes the order of sums.
const COLUMNS: usize = 512;
/// Least rows per task, since each task filters `TAPS - 1` rows more than it delivers.
const LEAST_ROWS: usize = 16;

/// Mean structural similarity index of two fields, 1 for equal ones.
///
/// Gaussian window of sigma 1.5 and 11 taps per axis, K1 = 0.01, K2 = 0.03, L = range of the original,
/// biased covariance, mean over the windows that lie inside the grid: in 2-D and 3-D the number that
/// scikit-image's `structural_similarity(gaussian_weights=True, use_sample_covariance=False,
/// data_range=L)` gives. An axis shorter than 11 gets a window of the largest odd length that fits
/// (scikit-image refuses it); along an axis of length 1 or 2 that is a single tap.
///
/// Windows that hold a masked voxel (`mask` false) or a value that is not finite in either field are
/// left out; the result is NaN when no window is left. Where the original is constant there is no
/// range, and the result is 1 for equal fields and 0 otherwise.
///
/// Numerics: double precision on values shifted and scaled by the original's range, so neither an
/// offset nor 1e308 costs accuracy; independent of the number of threads. Memory: a few MiB a thread.
///
/// # Errors
/// `InvalidArgument` when the lengths differ from the shape's.
pub fn ssim<A: Element, B: Element>(
    shape: Shape,
    original: &[A],
    reconstructed: &[B],
    mask: Option<&[bool]>,
) -> Result<f64> {
    check_lengths(original.len(), reconstructed.len(), mask)?;
    if original.len() != shape.len() {
        return Err(Error::invalid(format!(
            "{} values expected for a grid of {shape}, {} found",
            shape.len(),
            original.len()
        )));
    }
    let found = extremes(original, reconstructed, mask);
    if found.min > found.max {
        return Ok(f64::NAN);
    }
    if found.min == found.max {
        return Ok(if found.has_errors() { 0.0 } else { 1.0 });
    }
    let fields = Fields {
        dims: shape.dims(),
        original,
        reconstructed,
        mask,
        scaling: WindowScaling::new(found.min, found.max),
    };
    Ok(fields.mean_ssim())
}

/// Maps values to `(v - centre) / range`, in steps that neither overflow nor vanish.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowScaling {
    power: f64,
    centre: f64,
    inverse: f64,
    /// The centre in units of the range, to be added to means.
    mean: f64,
}

impl WindowScaling {
    pub(super) fn new(min: f64, max: f64) -> Self {
        let power = 2f64.powi(-exponent(max * 0.5 - min * 0.5));
        let (low, high) = (min * power, max * power);
        let centre = low * 0.5 + high * 0.5;
        let inverse = 1.0 / (high - low);
        Self {
            power,
            centre,
            inverse,
            mean: centre * inverse,
        }
    }

    fn apply(&self, value: f64) -> f64 {
        let scaled = (value * self.power - self.centre) * self.inverse;
        if value.is_finite() {
            scaled.clamp(-FARTHEST, FARTHEST)
        } else {
            f64::NAN
        }
    }
}

pub(super) struct Fields<'a, A, B> {
    pub(super) dims: [usize; 3],
    pub(super) original: &'a [A],
    pub(super) reconstructed: &'a [B],
    pub(super) mask: Option<&'a [bool]>,
    pub(super) scaling: WindowScaling,
}

/// Sum of the index over up to `COLUMNS` windows of a row, and their number.
pub(super) type RowSum = (f64, u64);

impl<A: Element, B: Element> Fields<'_, A, B> {
    fn mean_ssim(&self) -> f64 {
        let (sum, count) = add_rows((0.0, 0), &self.row_sums());
        sum / count as f64
    }

    /// Sums of the windows in the order of the grid, whatever the tasks were.
    pub(super) fn row_sums(&self) -> Vec<RowSum> {
        let windows = self.dims.map(window);
        let out: [usize; 3] = std::array::from_fn(|axis| self.dims[axis] + 1 - windows[axis].len());
        let tasks = tasks(out, windows[0].len());
        let sums: Vec<Vec<(usize, RowSum)>> = tasks
            .into_par_iter()
            .map(|task| self.task(&windows, out, &task))
            .collect();
        let mut ordered = vec![(0.0, 0); out[0] * out[1] * out[2].div_ceil(COLUMNS)];
        for (place, sum) in sums.into_iter().flatten() {
            ordered[place] = sum;
        }
        ordered
    }

    /// Sums of the windows whose first voxel lies in `task`, with their places in the order of sums.
    fn task(
        &self,
        windows: &[Vec<f64>; 3],
        out: [usize; 3],
        task: &WindowTask,
    ) -> Vec<(usize, RowSum)> {
        let [wz, wy, wx] = windows;
        let [planes, rows, columns] = task;
        let width = columns.len();
        let (in_rows, in_columns) = (rows.len() + wy.len() - 1, width + wx.len() - 1);
        let mut products = vec![0.0; CHANNELS * in_columns];
        // Filtered along x: one channel after the other, rows within.
        let mut lines = vec![0.0; CHANNELS * in_rows * width];
        let plane_len = rows.len() * width;
        // Filtered along x and y: the last planes, as many as taps along z.
        let mut ring = vec![0.0; wz.len() * CHANNELS * plane_len];
        let mut moments = vec![0.0; CHANNELS * width];
        let mut sums = Vec::with_capacity(planes.len() * rows.len());
        for z in planes.start..planes.end + wz.len() - 1 {
            for y in 0..in_rows {
                self.products([z, rows.start + y, columns.start], &mut products);
                for c in 0..CHANNELS {
                    let to = (c * in_rows + y) * width;
                    let src = &products[c * in_columns..(c + 1) * in_columns];
                    filter(wx, &mut lines[to..to + width], |tap| &src[tap..tap + width]);
                }
            }
            let slot = z % wz.len() * CHANNELS * plane_len;
            let slot = &mut ring[slot..slot + CHANNELS * plane_len];
            for (c, plane) in slot.chunks_exact_mut(plane_len).enumerate() {
                for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                    filter(wy, row, |tap| {
                        let from = (c * in_rows + y + tap) * width;
                        &lines[from..from + width]
                    });
                }
            }
            let Some(first) = (z + 1).checked_sub(wz.len()).filter(|z| *z >= planes.start) else {
                continue;
            };
            for y in 0..rows.len() {
                for (c, moment) in moments.chunks_exact_mut(width).enumerate() {
                    filter(wz, moment, |tap| {
                        let slot = (first + tap) % wz.len();
                        let from = (slot * CHANNELS + c) * plane_len + y * width;
                        &ring[from..from + width]
                    });
                }
                let row = first * out[1] + rows.start + y;
                let place = row * out[2].div_ceil(COLUMNS) + columns.start / COLUMNS;
                sums.push((place, row_sum(&moments, width, self.scaling.mean)));
            }
        }
        sums
    }

    /// Part of a row of the scaled fields and their products; NaN where a voxel does not count.
    fn products(&self, [z, y, x]: [usize; 3], out: &mut [f64]) {
        let nx = out.len() / CHANNELS;
        let start = (z * self.dims[1] + y) * self.dims[2] + x;
        let a = &self.original[start..start + nx];
        let b = &self.reconstructed[start..start + nx];
        let (firsts, seconds) = out.split_at_mut(2 * nx);
        let (to_a, to_b) = firsts.split_at_mut(nx);
        for (to, a) in to_a.iter_mut().zip(a) {
            *to = self.scaling.apply(a.to_f64());
        }
        for (to, b) in to_b.iter_mut().zip(b) {
            *to = self.scaling.apply(b.to_f64());
        }
        if let Some(mask) = self.mask {
            for (to, _) in to_a
                .iter_mut()
                .zip(&mask[start..start + nx])
                .filter(|(_, keep)| !**keep)
            {
                *to = f64::NAN;
            }
        }
        let (to_aa, rest) = seconds.split_at_mut(nx);
        let (to_bb, to_ab) = rest.split_at_mut(nx);
        for x in 0..nx {
            let (a, b) = (to_a[x], to_b[x]);
            to_aa[x] = a * a;
            to_bb[x] = b * b;
            to_ab[x] = a * b;
        }
    }
}

/// Adds the sums of rows to that of the rows before them.
pub(super) fn add_rows(before: RowSum, rows: &[RowSum]) -> RowSum {
    rows.iter()
        .fold(before, |(s, n), &(sum, count)| (s + sum, n + count))
}

/// Length of the window along an axis of length `n`.
pub(super) fn taps_along(n: usize) -> usize {
    TAPS.min(n - (1 - n % 2))
}

/// Weights of the window along an axis of length `n`.
fn window(n: usize) -> Vec<f64> {
    let taps = taps_along(n);
    let radius = (taps / 2) as f64;
    let weight = |i: usize| (-0.5 * ((i as f64 - radius) / SIGMA).powi(2)).exp();
    let sum: f64 = (0..taps).map(weight).sum();
    (0..taps).map(|i| weight(i) / sum).collect()
}

/// A box of windows worked on independently of others: planes, rows, columns.
type WindowTask = [Range<usize>; 3];

/// The tasks. They bound memory and feed the threads; results do not depend on the planes and rows
/// of each.
fn tasks(out: [usize; 3], taps_z: usize) -> Vec<WindowTask> {
    let row_bytes = taps_z * CHANNELS * size_of::<f64>() * out[2].min(COLUMNS);
    let rows = (RING_BYTES / row_bytes).max(LEAST_ROWS).min(out[1]);
    let threads = rayon::current_num_threads();
    let bands = out[1].div_ceil(rows) * out[2].div_ceil(COLUMNS);
    // Cutting along z repeats `taps_z - 1` planes per cut, so cut only as far as threads need it.
    let slabs = match threads {
        1 => 1,
        _ => (3 * threads).div_ceil(bands).min(out[0].div_ceil(TAPS)),
    };
    let planes = out[0].div_ceil(slabs);
    let mut boxes = Vec::new();
    for z in (0..out[0]).step_by(planes) {
        for y in (0..out[1]).step_by(rows) {
            for x in (0..out[2]).step_by(COLUMNS) {
                boxes.push([
                    z..(z + planes).min(out[0]),
                    y..(y + rows).min(out[1]),
                    x..(x + COLUMNS).min(out[2]),
                ]);
            }
        }
    }
    boxes
}

/// `out[i] = sum over taps of weights[tap] * tap(tap)[i]`, for a symmetric window of odd length.
#[inline]
fn filter<'a>(weights: &[f64], out: &mut [f64], tap: impl Fn(usize) -> &'a [f64]) {
    let last = weights.len() - 1;
    let middle = last / 2;
    let n = out.len();
    if let Ok(weights) = <&[f64; TAPS]>::try_from(weights) {
        let t: [&[f64]; TAPS] = std::array::from_fn(|i| &tap(i)[..n]);
        for i in 0..n {
            let mut sum = weights[5] * t[5][i];
            sum += weights[4] * (t[4][i] + t[6][i]);
            sum += weights[3] * (t[3][i] + t[7][i]);
            sum += weights[2] * (t[2][i] + t[8][i]);
            sum += weights[1] * (t[1][i] + t[9][i]);
            sum += weights[0] * (t[0][i] + t[10][i]);
            out[i] = sum;
        }
        return;
    }
    for (out, v) in out.iter_mut().zip(tap(middle)) {
        *out = weights[middle] * v;
    }
    for k in (0..middle).rev() {
        for ((out, a), b) in out.iter_mut().zip(tap(k)).zip(tap(last - k)) {
            *out += weights[k] * (a + b);
        }
    }
}

/// Sum of the index over a row of windows, from its five filtered rows.
fn row_sum(moments: &[f64], width: usize, mean: f64) -> RowSum {
    let (a, rest) = moments.split_at(width);
    let (b, rest) = rest.split_at(width);
    let (aa, rest) = rest.split_at(width);
    let (bb, ab) = rest.split_at(width);
    let ab = &ab[..width];
    let (mut sum, mut count) = (0.0, 0);
    for i in 0..width {
        // Variances do not change under a shift; means do.
        let var_a = aa[i] - a[i] * a[i];
        let var_b = bb[i] - b[i] * b[i];
        let cov = ab[i] - a[i] * b[i];
        let (mu_a, mu_b) = (a[i] + mean, b[i] + mean);
        let structure = (2.0 * cov + C2) / (var_a + var_b + C2);
        let luminance = (2.0 * mu_a * mu_b + C1) / (mu_a * mu_a + mu_b * mu_b + C1);
        let value = structure * luminance;
        if value.is_finite() {
            sum += value;
            count += 1;
        }
    }
    (sum, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, window by window.
    fn plain(shape: Shape, a: &[f64], b: &[f64], mask: Option<&[bool]>) -> f64 {
        let dims = shape.dims();
        let [wz, wy, wx] = dims.map(window);
        let keep = |i: usize| mask.is_none_or(|m| m[i]);
        let kept = || {
            a.iter()
                .enumerate()
                .filter(|(i, _)| keep(*i))
                .map(|(_, v)| *v)
        };
        let range = kept().fold(f64::MIN, f64::max) - kept().fold(f64::MAX, f64::min);
        let (c1, c2) = (C1 * range * range, C2 * range * range);
        let (mut sum, mut count) = (0.0, 0.0);
        for z in 0..=dims[0] - wz.len() {
            for y in 0..=dims[1] - wy.len() {
                for x in 0..=dims[2] - wx.len() {
                    let (mut m, mut all) = ([0.0; 5], true);
                    for (k, w) in wz.iter().enumerate() {
                        for (j, v) in wy.iter().enumerate() {
                            for (i, u) in wx.iter().enumerate() {
                                let at = ((z + k) * dims[1] + y + j) * dims[2] + x + i;
                                let (p, q, w) = (a[at], b[at], w * v * u);
                                all &= keep(at);
                                let terms = [p, q, p * p, q * q, p * q];
                                m.iter_mut().zip(terms).for_each(|(m, t)| *m += w * t);
                            }
                        }
                    }
                    let [p, q, pp, qq, pq] = m;
                    if all {
                        sum += (2.0 * p * q + c1) * (2.0 * (pq - p * q) + c2)
                            / ((p * p + q * q + c1) * (pp - p * p + qq - q * q + c2));
                        count += 1.0;
                    }
                }
            }
        }
        sum / count
    }

    fn noise(len: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        (0..len)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 40) as f64 / (1u64 << 24) as f64
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_shape_equals_the_definition(
            extents in prop::collection::vec(1usize..=17, 2..=3),
            seed in any::<u64>(),
            masked in any::<bool>(),
        ) {
            let shape = Shape::new(&extents).unwrap();
            let a = noise(shape.len(), seed);
            let b: Vec<f64> = noise(shape.len(), !seed).iter().zip(&a).map(|(n, v)| v + 0.3 * n).collect();
            let mask: Vec<bool> = (0..a.len()).map(|i| !masked || i % 977 != 5).collect();
            let fast = ssim(shape, &a, &b, Some(&mask)).unwrap();
            if shape.len() > 2 {
                let slow = plain(shape, &a, &b, Some(&mask));
                prop_assert!((fast - slow).abs() < 1e-11 || (fast.is_nan() && slow.is_nan()), "{fast} {slow}");
            }
        }
    }

    #[test]
    fn windows_shrink_to_odd_lengths_that_fit() {
        let lengths = [1, 2, 3, 4, 10, 11, 12].map(|n| window(n).len());
        assert_eq!(lengths, [1, 1, 3, 3, 9, 11, 11]);
    }

    #[test]
    fn equal_constant_and_undefined_fields() {
        let shape = Shape::new(&[12, 20]).unwrap();
        let a = noise(240, 3);
        assert_eq!(ssim(shape, &a, &a, None).unwrap(), 1.0);
        assert_eq!(
            ssim(shape, &[1.0f32; 240], &[1.0f64; 240], None).unwrap(),
            1.0
        );
        assert_eq!(ssim(shape, &[1.0f32; 240], &a, None).unwrap(), 0.0);
        assert!(ssim(shape, &[f32::NAN; 240], &a, None).unwrap().is_nan());
        assert!(ssim(shape, &a[1..], &a[1..], None).is_err());
        let mut b = a.clone();
        b[0] = f64::NAN; // in the first window only
        assert_eq!(ssim(shape, &b, &a, None).unwrap(), 1.0);
        b.fill(1e300); // finite, however wrong, counts
        assert!(ssim(shape, &a, &b, None).unwrap().abs() < 1e-3);
    }

    #[test]
    fn scale_does_not_matter() {
        let shape = Shape::new(&[13, 14, 15]).unwrap();
        let (a, n) = (noise(shape.len(), 1), noise(shape.len(), 2));
        let at = |scale: f64| {
            let a: Vec<f64> = a.iter().map(|v| (v - 0.5) * scale).collect();
            let b: Vec<f64> = a.iter().zip(&n).map(|(v, n)| v + 0.1 * n * scale).collect();
            ssim(shape, &a, &b, None).unwrap()
        };
        for scale in [1.7e308, 1e-200, 1e-306] {
            assert!(
                (at(scale) - at(1.0)).abs() < 1e-9,
                "{scale}: {} {}",
                at(scale),
                at(1.0)
            );
        }
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        for extents in [
            &[40, 50, 60][..],
            &[300, 200],
            &[14, 700, 300],
            &[2, 3, 5000],
        ] {
            let shape = Shape::new(extents).unwrap();
            let (a, b) = (noise(shape.len(), 1), noise(shape.len(), 2));
            let [one, two, seven] = [1, 2, 7].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                pool.install(|| ssim(shape, &a, &b, None).unwrap())
            });
            assert!(one == two && one == seven);
        }
    }
}
