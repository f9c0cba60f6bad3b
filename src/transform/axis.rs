//! What is done along the slowest axis of a 3-D field before its levels: nothing, cosines over all of it, a wavelet, or
//! nothing but to leave it whole (spec section 6.9).

use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::base::real::Real;
use crate::transform::cosines;
use crate::transform::lift;
use crate::transform::lift::{Edge, Wavelet};

/// Most planes of a field whose planes are transformed together: work and the reach of a region grow with them.
const MOST_PLANES: usize = 1024;
/// Shortest length that the wavelet along the axis still splits.
const LEAST_SPLIT: usize = 4;
/// Columns that are summed at once.
const WIDTH: usize = 16;
/// Columns that are worked on at once: their planes lie in a cache.
const LANES: usize = 4 * WIDTH;

/// The plan along the slowest axis of a 3-D field, `z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AxisPlan {
    /// Levels halve it like the others.
    #[default]
    Levels,
    /// A cosine transform over all of it, then levels of its planes.
    Dct,
    /// All levels of the filter pair along it, then levels of its planes.
    Wavelet,
    /// Levels of its planes alone.
    Slices,
}

impl AxisPlan {
    /// All plans, by the number that a record holds.
    pub const ALL: [Self; 4] = [Self::Levels, Self::Dct, Self::Wavelet, Self::Slices];

    /// Number stored in a file.
    #[must_use]
    pub fn to_u8(self) -> u8 {
        match self {
            Self::Levels => 0,
            Self::Dct => 1,
            Self::Wavelet => 2,
            Self::Slices => 3,
        }
    }

    /// From the number stored in a file.
    #[must_use]
    pub fn from_u8(value: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.to_u8() == value)
    }

    /// Its name: `levels`, `dct`, `wavelet` or `slices`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Levels => "levels",
            Self::Dct => "dct",
            Self::Wavelet => "wavelet",
            Self::Slices => "slices",
        }
    }

    /// By name; `None` for `auto`, which leaves the choice to the encoder.
    ///
    /// # Errors
    /// `InvalidArgument` for another name.
    pub fn choice(name: &str) -> Result<Option<Self>> {
        let plan = Self::ALL.into_iter().find(|plan| plan.name() == name);
        if plan.is_none() && name != "auto" {
            return Err(Error::invalid(format!(
                "plan auto, levels, dct, wavelet or slices expected, {name:?} found"
            )));
        }
        Ok(plan)
    }

    /// Whether levels halve the slowest axis, too.
    #[must_use]
    pub fn splits_slowest(self) -> bool {
        self == Self::Levels
    }

    /// Whether a plane takes all others.
    #[must_use]
    pub fn joins_planes(self) -> bool {
        matches!(self, Self::Dct | Self::Wavelet)
    }

    /// Checks that a field of `shape` can have it.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn check(self, shape: Shape) -> Result<()> {
        let planes = shape.dims()[0];
        let most = if self.joins_planes() {
            MOST_PLANES
        } else {
            usize::MAX
        };
        if self == Self::Levels || shape.rank() == 3 && (2..=most).contains(&planes) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "plan {} is for 3-D fields of 2 planes or more, where it joins them up to {MOST_PLANES}; {shape} found",
            self.name()
        )))
    }

    /// Transforms columns along the first of `dims`, before the levels.
    pub(crate) fn forward<T: Real>(self, wavelet: Wavelet, dims: [usize; 3], values: &mut [T]) {
        match self {
            Self::Levels | Self::Slices => {}
            Self::Dct => {
                let table = cosines::table(dims[0]);
                columns(dims, values, |column, out| to_cosines(&table, column, out));
            }
            Self::Wavelet => columns(dims, values, |column, out| analyse(wavelet, column, out)),
        }
    }

    /// Undoes [`AxisPlan::forward`], behind the levels.
    pub(crate) fn inverse<T: Real>(self, wavelet: Wavelet, dims: [usize; 3], values: &mut [T]) {
        match self {
            Self::Levels | Self::Slices => {}
            Self::Dct => {
                let table = cosines::table(dims[0]);
                columns(dims, values, |column, out| {
                    from_cosines(&table, column, out);
                });
            }
            Self::Wavelet => columns(dims, values, |column, out| synthesise(wavelet, column, out)),
        }
    }
}

/// Calls `f(planes, result)` for blocks of columns and puts the result in the place of the planes; both have a row of
/// [`LANES`] for each plane.
fn columns<T: Real>(dims: [usize; 3], values: &mut [T], f: impl Fn(&mut [T], &mut [T]) + Sync) {
    let plane = dims[1] * dims[2];
    let blocks = plane.div_ceil(LANES);
    let mut rows: Vec<Vec<&mut [T]>> = (0..blocks).map(|_| Vec::with_capacity(dims[0])).collect();
    for plane in values.chunks_exact_mut(plane) {
        for (rows, row) in rows.iter_mut().zip(plane.chunks_mut(LANES)) {
            rows.push(row);
        }
    }
    let scratch = || {
        (
            vec![T::ZERO; dims[0] * LANES],
            vec![T::ZERO; dims[0] * LANES],
        )
    };
    rows.into_par_iter()
        .for_each_init(scratch, |(column, out), rows| {
            for (to, from) in column.chunks_exact_mut(LANES).zip(&rows) {
                to[..from.len()].copy_from_slice(from);
            }
            f(column, out);
            for (from, to) in out.chunks_exact(LANES).zip(rows) {
                let len = to.len();
                to.copy_from_slice(&from[..len]);
            }
        });
}

/// The first [`WIDTH`] of the values of row `row`, from value `first` on.
fn lane<T>(rows: &[T], row: usize, first: usize) -> &[T] {
    &rows[row * LANES + first..][..WIDTH]
}

fn put<T: Copy>(rows: &mut [T], row: usize, first: usize, values: [T; WIDTH]) {
    rows[row * LANES + first..][..WIDTH].copy_from_slice(&values);
}

/// Adds `factor` times each of `values` to its sum.
#[inline(always)]
fn add_product<T: Real>(sums: &mut [T; WIDTH], factor: T, values: &[T]) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

/// Frequencies to planes: even and odd ones apart, each from the highest down, for a plane and the one that mirrors it.
fn from_cosines<T: Real>(table: &[T], frequencies: &[T], planes: &mut [T]) {
    let n = frequencies.len() / LANES;
    for first in (0..LANES).step_by(WIDTH) {
        for (z, cosines) in table.chunks_exact(n).enumerate() {
            // One sum at a time stays in registers.
            let sum = |parity: usize| {
                let mut sum = [T::ZERO; WIDTH];
                for k in (parity..n).step_by(2).rev() {
                    add_product(&mut sum, cosines[k], lane(frequencies, k, first));
                }
                sum
            };
            let (even, odd) = (sum(0), sum(1));
            let pair = |i: usize| (even[i] + odd[i], even[i] - odd[i]);
            // The middle one of an odd number is its own mirror: its sum counts.
            put(planes, n - 1 - z, first, std::array::from_fn(|i| pair(i).1));
            put(planes, z, first, std::array::from_fn(|i| pair(i).0));
        }
    }
}

/// Planes to frequencies: the transpose of [`from_cosines`].
fn to_cosines<T: Real>(table: &[T], planes: &mut [T], frequencies: &mut [T]) {
    let n = planes.len() / LANES;
    for first in (0..LANES).step_by(WIDTH) {
        // Sums and differences of mirrored planes in their places.
        for z in 0..n / 2 {
            let pair = |i: usize| {
                let (a, b) = (lane(planes, z, first)[i], lane(planes, n - 1 - z, first)[i]);
                (a + b, a - b)
            };
            let pairs: [(T, T); WIDTH] = std::array::from_fn(pair);
            put(planes, z, first, pairs.map(|pair| pair.0));
            put(planes, n - 1 - z, first, pairs.map(|pair| pair.1));
        }
        for k in 0..n {
            let mut sum = [T::ZERO; WIDTH];
            for (z, cosines) in table.chunks_exact(n).enumerate() {
                let place = if k % 2 == 0 { z } else { n - 1 - z };
                add_product(&mut sum, cosines[k], lane(planes, place, first));
            }
            put(frequencies, k, first, sum);
        }
    }
}

/// The lengths that the wavelet splits, longest first.
fn lengths(n: usize) -> Vec<usize> {
    let halves = std::iter::successors(Some(n), |n| Some(n.div_ceil(2)));
    halves.take_while(|&n| n >= LEAST_SPLIT).collect()
}

fn multiply<T: Real>(values: &mut [T], factor: T) {
    for value in values {
        *value = *value * factor;
    }
}

/// Planes to the low-pass of the last level and the high-passes behind it, the coarsest first.
fn analyse<T: Real>(wavelet: Wavelet, planes: &mut [T], out: &mut [T]) {
    for n in lengths(planes.len() / LANES) {
        let half = n.div_ceil(2);
        for (i, plane) in planes[..n * LANES].chunks_exact(LANES).enumerate() {
            let to = if i % 2 == 0 { i / 2 } else { half + i / 2 };
            out[to * LANES..][..LANES].copy_from_slice(plane);
        }
        let (low, high) = out[..n * LANES].split_at_mut(half * LANES);
        lift::analyse(wavelet, Edge::Symmetric, low, high, LANES);
        multiply(low, wavelet.analysis_scale(1, 0));
        multiply(high, wavelet.analysis_scale(0, 1));
        planes[..n * LANES].copy_from_slice(&out[..n * LANES]);
    }
    out.copy_from_slice(planes);
}

/// Undoes [`analyse`].
fn synthesise<T: Real>(wavelet: Wavelet, planes: &mut [T], out: &mut [T]) {
    for n in lengths(planes.len() / LANES).into_iter().rev() {
        let half = n.div_ceil(2);
        let (low, high) = planes[..n * LANES].split_at_mut(half * LANES);
        multiply(low, wavelet.synthesis_scale(1, 0));
        multiply(high, wavelet.synthesis_scale(0, 1));
        lift::synthesise(wavelet, Edge::Symmetric, low, high, LANES);
        for (i, plane) in out[..n * LANES].chunks_exact_mut(LANES).enumerate() {
            let from = if i % 2 == 0 { i / 2 } else { half + i / 2 };
            plane.copy_from_slice(&planes[from * LANES..][..LANES]);
        }
        planes[..n * LANES].copy_from_slice(&out[..n * LANES]);
    }
    out.copy_from_slice(planes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            // Beside this file, not in a folder at the top.
            failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
            ..ProptestConfig::default()
        })]

        #[test]
        fn inverse_undoes_forward_and_energy_is_kept(
            dims in [1usize..70, 1usize..12, 1usize..12],
            seed: u32,
            haar: bool,
        ) {
            let w = if haar { Wavelet::Haar } else { Wavelet::Cdf97 };
            let value = |i: usize| f64::from((i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8) / 1e7;
            let field: Vec<f64> = (0..dims.iter().product()).map(value).collect();
            let energy = |field: &[f64]| field.iter().map(|v| v * v).sum::<f64>();
            for plan in AxisPlan::ALL {
                let mut values = field.clone();
                plan.forward(w, dims, &mut values);
                let ratio = energy(&values) / energy(&field).max(1e-300);
                // 9/7 is not quite orthonormal, at the ends of short columns least, and no pair is where an odd one ends.
                let is_orthonormal = plan != AxisPlan::Wavelet || haar && dims[0].is_power_of_two();
                let (low, high) = if is_orthonormal { (1.0 - 1e-9, 1.0 + 1e-9) } else { (0.3, 3.0) };
                prop_assert!(ratio > low && ratio < high, "{plan:?} {ratio}");
                plan.inverse(w, dims, &mut values);
                for (a, b) in field.iter().zip(&values) {
                    prop_assert!((a - b).abs() < 1e-10, "{plan:?} {a} {b}");
                }
            }
        }

        #[test]
        fn a_column_by_itself_is_that_of_the_whole(
            dims in [2usize..40, 1usize..9, 1usize..20],
            at: (usize, usize),
            seed: u32,
        ) {
            let value = |i: usize| ((i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 1e7;
            let [nz, ny, nx] = dims;
            let field: Vec<f32> = (0..nz * ny * nx).map(value).collect();
            let place = at.0 % ny * nx + at.1 % nx;
            let column = |field: &[f32]| -> Vec<f32> {
                (0..nz).map(|z| field[z * ny * nx + place]).collect()
            };
            for plan in AxisPlan::ALL {
                let (mut whole, mut part) = (field.clone(), column(&field));
                plan.inverse(Wavelet::Cdf97, dims, &mut whole);
                plan.inverse(Wavelet::Cdf97, [nz, 1, 1], &mut part);
                prop_assert_eq!(column(&whole), part);
            }
        }
    }

    #[test]
    fn planes_that_are_alike_make_one_frequency() {
        for plan in [AxisPlan::Dct, AxisPlan::Wavelet] {
            let mut values = vec![3.0f64; 24];
            plan.forward(Wavelet::Cdf97, [24, 1, 1], &mut values);
            let kept = if plan == AxisPlan::Dct { 1 } else { 3 };
            assert!(
                values[kept..].iter().all(|v| v.abs() < 1e-8),
                "{plan:?} {values:?}"
            );
        }
    }

    #[test]
    fn plans_are_for_stacks() {
        let shape = |extents: &[usize]| Shape::new(extents).unwrap();
        assert!(AxisPlan::Levels.check(shape(&[5, 5])).is_ok());
        for plan in [AxisPlan::Dct, AxisPlan::Wavelet, AxisPlan::Slices] {
            assert!(plan.check(shape(&[1024, 2, 1])).is_ok());
            assert!(plan.check(shape(&[5, 5])).is_err() && plan.check(shape(&[1, 5, 5])).is_err());
            assert_eq!(
                plan.check(shape(&[1025, 5, 5])).is_ok(),
                !plan.joins_planes()
            );
        }
    }
}
