//! Smooth values for voxels that hold none, so that a transform sees no edges there.

use rayon::prelude::*;

use crate::base::grid::Shape;
use crate::base::real::Real;

/// Relaxation sweeps per level of the pyramid.
const SWEEPS: usize = 4;

/// Replaces the values of voxels that are not `ordinary` by a smooth continuation of the others:
/// means of the ordinary voxels from coarse to fine, each level smoothed by a few sweeps. All are
/// zero when no voxel is ordinary. What masked voxels held before is never read.
///
/// Numerics: binary64, and every result depends on its neighbours only in a fixed order, so the
/// values are the same for any number of threads. Only the encoder uses this.
pub(crate) fn fill_masked<T: Real>(shape: Shape, values: &mut [T], ordinary: &[bool]) {
    let Some((low, high)) = range(values, ordinary) else {
        values.fill(T::ZERO);
        return;
    };
    if ordinary.iter().all(|&o| o) {
        return;
    }
    let finest = FillLevel {
        dims: shape.dims(),
        values: values
            .iter()
            .zip(ordinary)
            .map(|(v, &o)| if o { v.to_f64() } else { 0.0 })
            .collect(),
        known: ordinary.to_vec(),
    };
    let filled = finest.fill();
    for ((value, filled), &ordinary) in values.iter_mut().zip(filled).zip(ordinary) {
        if !ordinary {
            *value = T::from_f64(filled.clamp(low, high));
        }
    }
}

/// Smallest and largest ordinary value.
fn range<T: Real>(values: &[T], ordinary: &[bool]) -> Option<(f64, f64)> {
    let known = values.iter().zip(ordinary).filter(|(_, o)| **o);
    known.map(|(v, _)| v.to_f64()).fold(None, |range, v| {
        let (low, high) = range.unwrap_or((v, v));
        Some((f64::min(low, v), f64::max(high, v)))
    })
}

/// One level of the pyramid of means.
struct FillLevel {
    dims: [usize; 3],
    values: Vec<f64>,
    known: Vec<bool>,
}

impl FillLevel {
    /// All values, those not known filled in.
    fn fill(mut self) -> Vec<f64> {
        if self.known.iter().all(|&k| k) {
            return self.values;
        }
        let coarse = self.coarser();
        let dims = coarse.dims;
        let above = coarse.fill();
        let unknown: Vec<usize> = (0..self.values.len()).filter(|&i| !self.known[i]).collect();
        let start: Vec<f64> = unknown
            .par_iter()
            .map(|&i| interpolate(&above, dims, self.dims, i))
            .collect();
        self.put(&unknown, &start);
        for _ in 0..SWEEPS {
            let next: Vec<f64> = unknown.par_iter().map(|&i| self.mean_around(i)).collect();
            self.put(&unknown, &next);
        }
        self.values
    }

    fn put(&mut self, places: &[usize], values: &[f64]) {
        for (&place, &value) in places.iter().zip(values) {
            self.values[place] = value;
        }
    }

    /// Means of the known values of 2 x 2 x 2 boxes. Some value is known, so the pyramid ends.
    fn coarser(&self) -> Self {
        let dims = self.dims.map(|n| n.div_ceil(2));
        let [_, ny, nx] = dims;
        let cells: Vec<(f64, bool)> = (0..dims.iter().product())
            .into_par_iter()
            .map(|i: usize| self.mean_of_box([i / nx / ny, i / nx % ny, i % nx]))
            .collect();
        let (values, known) = cells.into_iter().unzip();
        Self {
            dims,
            values,
            known,
        }
    }

    fn mean_of_box(&self, cell: [usize; 3]) -> (f64, bool) {
        let [_, ny, nx] = self.dims;
        let span = |axis: usize| 2 * cell[axis]..(2 * cell[axis] + 2).min(self.dims[axis]);
        let (mut mean, mut count) = (0.0, 0.0);
        for z in span(0) {
            for y in span(1) {
                for x in span(2) {
                    let i = (z * ny + y) * nx + x;
                    if self.known[i] {
                        count += 1.0;
                        // Eighths first: the sum of huge values must not overflow.
                        mean += self.values[i] * 0.125;
                    }
                }
            }
        }
        if count > 0.0 {
            (mean * (8.0 / count), true)
        } else {
            (0.0, false)
        }
    }

    /// Mean of the neighbours along each axis; the grid ends in mirrors.
    fn mean_around(&self, i: usize) -> f64 {
        let [_, ny, nx] = self.dims;
        let coord = [i / nx / ny, i / nx % ny, i % nx];
        let stride = [ny * nx, nx, 1];
        let (mut sum, mut weight) = (0.0, 0.0);
        for axis in 0..3 {
            let n = self.dims[axis];
            if n == 1 {
                continue;
            }
            let before = if coord[axis] > 0 {
                i - stride[axis]
            } else {
                i + stride[axis]
            };
            let after = if coord[axis] + 1 < n {
                i + stride[axis]
            } else {
                i - stride[axis]
            };
            sum += (self.values[before] + self.values[after]) * 0.125;
            weight += 0.25;
        }
        if weight > 0.0 {
            sum / weight
        } else {
            self.values[i]
        }
    }
}

/// Multilinear interpolation of a coarse level at fine place `i`; cells cover two places per axis.
fn interpolate(coarse: &[f64], coarse_dims: [usize; 3], fine_dims: [usize; 3], i: usize) -> f64 {
    let [_, ny, nx] = fine_dims;
    let coord = [i / nx / ny, i / nx % ny, i % nx];
    let [_, cy, cx] = coarse_dims;
    // The cell a place lies in, and the next one on its side.
    let near = coord.map(|c| c / 2);
    let far: [usize; 3] = std::array::from_fn(|axis| match coord[axis] % 2 {
        0 => near[axis].saturating_sub(1),
        _ => (near[axis] + 1).min(coarse_dims[axis] - 1),
    });
    let mut value = 0.0;
    for corner in 0..8 {
        let mut weight = 1.0;
        let at: [usize; 3] = std::array::from_fn(|axis| match corner >> axis & 1 {
            0 => near[axis],
            _ => far[axis],
        });
        for axis in 0..3 {
            weight *= if corner >> axis & 1 == 0 { 0.75 } else { 0.25 };
        }
        value += weight * coarse[(at[0] * cy + at[1]) * cx + at[2]];
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extents() -> impl Strategy<Value = Vec<usize>> {
        prop_oneof![
            prop::collection::vec(1usize..=9, 3),
            prop::collection::vec(1usize..=20, 2)
        ]
    }

    proptest! {
        #[test]
        fn ordinary_values_stay_and_others_lie_between(extents in extents(), seed: u64, rest: u8, huge: bool) {
            let shape = Shape::new(&extents).unwrap();
            let ordinary: Vec<bool> = (0..shape.len()).map(|i| (seed.rotate_left(i as u32) ^ i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56 < u64::from(rest)).collect();
            let scale = if huge { f64::MAX / 9.0 } else { 1e-3 };
            let original: Vec<f64> = (0..shape.len()).map(|i| if ordinary[i] { ((i * 7) % 19) as f64 * 0.5 * scale } else { f64::NAN }).collect();
            let mut values = original.clone();
            fill_masked(shape, &mut values, &ordinary);
            let (low, high) = range(&original, &ordinary).unwrap_or((0.0, 0.0));
            for i in 0..shape.len() {
                if ordinary[i] {
                    prop_assert_eq!(values[i], original[i]);
                } else {
                    prop_assert!(values[i] >= low && values[i] <= high, "{}", values[i]);
                }
            }
        }
    }

    #[test]
    fn a_hole_in_a_ramp_is_continued_smoothly() {
        let n = 32;
        let shape = Shape::new(&[n, n, n]).unwrap();
        let ramp: Vec<f32> = (0..n * n * n).map(|i| (i % n + i / n % n) as f32).collect();
        let hole = |c: usize| (10..22).contains(&c);
        let ordinary: Vec<bool> = (0..n * n * n)
            .map(|i| !(hole(i / n / n) && hole(i / n % n) && hole(i % n)))
            .collect();
        let mut values = ramp.clone();
        fill_masked(shape, &mut values, &ordinary);
        let worst = ramp
            .iter()
            .zip(&values)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        // The ramp spans 22 across the hole.
        assert!(worst < 2.5, "{worst}");
    }

    #[test]
    fn any_number_of_threads_gives_the_same_values() {
        let shape = Shape::new(&[20, 30, 17]).unwrap();
        let ordinary: Vec<bool> = (0..shape.len()).map(|i| (i * i) % 11 < 4).collect();
        let fill = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let mut values: Vec<f32> = (0..shape.len()).map(|i| (i as f32).sin()).collect();
            pool.install(|| fill_masked(shape, &mut values, &ordinary));
            values
        };
        assert_eq!(fill(1), fill(7));
    }
}
