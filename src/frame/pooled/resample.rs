//! From one level's grid to the next: mean pooling, linear and cubic interpolation (spec section 6.7).

use rayon::prelude::*;

use crate::base::grid::Region;
use crate::base::real::Real;
use crate::container::Interpolation;
use crate::recon::Window;

/// Values handled by one task.
const RUN: usize = 1 << 14;

/// How samples of one grid follow from those of its neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResamplingFilter {
    /// Mean of two samples: to the coarser level.
    Pool,
    /// To the finer level.
    Upscale(Interpolation),
}

/// Samples that make one along an axis: distances from a base, and weights.
type Taps = &'static [(isize, f64)];

const POOL: Taps = &[(0, 0.5), (1, 0.5)];
/// A fine sample lies a quarter of a cell beside its cell's centre, on the side of the next cell.
const LINEAR: [Taps; 2] = [&[(0, 0.75), (-1, 0.25)], &[(0, 0.75), (1, 0.25)]];
/// Catmull-Rom at a quarter: 111, 29, -9 and -3 of 128.
const CUBIC: [Taps; 2] = [
    &[
        (0, 0.867_187_5),
        (-1, 0.226_562_5),
        (1, -0.070_312_5),
        (-2, -0.023_437_5),
    ],
    &[
        (0, 0.867_187_5),
        (1, 0.226_562_5),
        (-1, -0.070_312_5),
        (2, -0.023_437_5),
    ],
];

impl ResamplingFilter {
    /// The taps of sample `i` and their base.
    fn taps(self, i: usize) -> (usize, Taps) {
        match self {
            Self::Pool => (2 * i, POOL),
            Self::Upscale(Interpolation::Linear) => (i / 2, LINEAR[i % 2]),
            Self::Upscale(Interpolation::Cubic) => (i / 2, CUBIC[i % 2]),
        }
    }

    /// Fine samples on either side of those under a changed coarse box that change with it.
    pub(crate) fn reach(interpolation: Interpolation) -> usize {
        match interpolation {
            Interpolation::Linear => 1,
            Interpolation::Cubic => 3,
        }
    }
}

/// The box `wanted` of the other grid, from the whole grid `values` of extents `dims`. Axes of one sample
/// stay as they are; along the others `x` goes first, then `y`, then `z`. Samples outside are those at
/// the border.
pub(crate) fn resample<T: Real>(
    filter: ResamplingFilter,
    dims: [usize; 3],
    values: &[T],
    wanted: Region,
) -> Vec<T> {
    let whole = Region {
        start: [0; 3],
        size: dims,
    };
    let needed = needed(filter, dims, wanted);
    let mut values = whole.crop(values, &needed);
    let mut have = needed;
    for axis in (0..3).rev().filter(|&axis| dims[axis] > 1) {
        let mut target = have;
        (target.start[axis], target.size[axis]) = (wanted.start[axis], wanted.size[axis]);
        let window = Window {
            region: have,
            values: &values,
        };
        values = along(filter, axis, dims[axis], window, target);
        have = target;
    }
    values
}

/// The box that the samples of `wanted` take.
fn needed(filter: ResamplingFilter, dims: [usize; 3], wanted: Region) -> Region {
    let mut out = wanted;
    for axis in (0..3).filter(|&axis| dims[axis] > 1) {
        let places = |i: usize| {
            let (base, taps) = filter.taps(i);
            taps.iter()
                .map(move |&(offset, _)| place(base, offset, dims[axis]))
        };
        // The outermost two on each side: even and odd samples reach differently far.
        let (first, last) = (wanted.start[axis], wanted.end(axis) - 1);
        let near = [first, (first + 1).min(last), last, last.max(first + 1) - 1];
        let all = || near.into_iter().flat_map(places);
        let (low, high) = (all().min().unwrap_or(0), all().max().unwrap_or(0));
        (out.start[axis], out.size[axis]) = (low, high + 1 - low);
    }
    out
}

/// A tap's sample, kept inside an axis of `extent` samples.
fn place(base: usize, offset: isize, extent: usize) -> usize {
    base.saturating_add_signed(offset).min(extent - 1)
}

/// One axis: a box becomes `target`, which differs from it along `axis` alone.
fn along<T: Real>(
    filter: ResamplingFilter,
    axis: usize,
    extent: usize,
    window: Window<'_, T>,
    target: Region,
) -> Vec<T> {
    let Window {
        region: have,
        values,
    } = window;
    let inner: usize = have.size[axis + 1..].iter().product();
    let (from, to) = (have.size[axis], target.size[axis]);
    let mut out = vec![T::ZERO; target.len()];
    let row = |number: usize, out: &mut [T]| {
        let (outer, i) = (number / to, number % to);
        let (base, taps) = filter.taps(target.start[axis] + i);
        for (n, &(offset, weight)) in taps.iter().enumerate() {
            let at = place(base, offset, extent) - have.start[axis];
            let source = &values[(outer * from + at) * inner..][..inner];
            let weight = T::from_f64(weight);
            for (o, &v) in out.iter_mut().zip(source) {
                *o = if n == 0 { weight * v } else { *o + weight * v };
            }
        }
    };
    // Along x a row is one sample: tasks take many.
    let rows = (RUN / inner).max(1);
    out.par_chunks_mut(rows * inner)
        .enumerate()
        .for_each(|(task, out)| {
            for (i, out) in out.chunks_mut(inner).enumerate() {
                row(task * rows + i, out);
            }
        });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Interpolation; 2] = [Interpolation::Linear, Interpolation::Cubic];

    fn whole(dims: [usize; 3]) -> Region {
        Region {
            start: [0; 3],
            size: dims,
        }
    }

    #[test]
    fn pooling_takes_means_and_repeats_a_last_odd_sample() {
        let values: Vec<f64> = (0..5).map(f64::from).collect();
        let pooled = resample(ResamplingFilter::Pool, [1, 1, 5], &values, whole([1, 1, 3]));
        assert_eq!(pooled, [0.5, 2.5, 4.0]);
    }

    #[test]
    fn interpolation_follows_slopes_and_keeps_constants() {
        let slope: Vec<f64> = (0..8).map(|i| f64::from(2 * i) + 0.5).collect();
        for interpolation in BOTH {
            let filter = ResamplingFilter::Upscale(interpolation);
            let fine = resample(filter, [1, 1, 8], &slope, whole([1, 1, 16]));
            assert!(
                (4..12).all(|i| (fine[i] - i as f64).abs() < 1e-12),
                "{fine:?}"
            );
            let flat = resample(filter, [3, 4, 5], &[7.0; 60], whole([6, 7, 9]));
            assert!(flat.iter().all(|&v: &f64| v == 7.0));
        }
    }

    #[test]
    fn boxes_equal_the_crop_of_the_whole() {
        let dims = [5, 6, 9];
        let values: Vec<f32> = (0..270).map(|i| (i as f32 * 0.7).sin()).collect();
        let fine = whole([9, 12, 18]);
        for filter in BOTH.map(ResamplingFilter::Upscale) {
            let all = resample(filter, dims, &values, fine);
            for (start, size) in [
                ([0, 3, 5], [9, 2, 1]),
                ([4, 0, 17], [3, 12, 1]),
                ([1, 1, 1], [1, 1, 8]),
            ] {
                let part = Region { start, size };
                assert_eq!(
                    resample(filter, dims, &values, part),
                    fine.crop(&all, &part)
                );
            }
        }
    }

    #[test]
    fn nothing_changes_beyond_the_reach() {
        let mut values = vec![0f32; 20];
        let fine = whole([1, 1, 40]);
        for interpolation in BOTH {
            let filter = ResamplingFilter::Upscale(interpolation);
            values[7] = 1.0;
            let changed = resample(filter, [1, 1, 20], &values, fine);
            let places: Vec<usize> = (0..40).filter(|&i| changed[i] != 0.0).collect();
            let reach = ResamplingFilter::reach(interpolation);
            assert_eq!(
                (places[0], places[places.len() - 1]),
                (14 - reach, 15 + reach)
            );
        }
    }
}
