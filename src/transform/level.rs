//! One level of the transform in 2-D and 3-D: the `z` axis column by column, then `y` and `x` plane
//! by plane. Each voxel is read and written once per pass.

use rayon::prelude::*;

use crate::base::real::Real;
use crate::transform::lift;
use crate::transform::lift::{Edge, Wavelet};
use crate::transform::plan::LevelPlan;

/// Working set of one column block, in samples: it should stay in the first two cache levels.
const COLUMN_SAMPLES: usize = 1 << 14;

/// The result of one level: the low-pass and the detail subbands in coding order.
#[derive(Clone, Debug)]
pub struct Bands<T> {
    /// Low-pass, the grid of the next coarser level.
    pub low: Vec<T>,
    /// Detail subbands, in the order of [`LevelPlan::details`].
    pub details: Vec<Vec<T>>,
}

fn edge(plan: &LevelPlan, axis: usize) -> Edge {
    if plan.periodic.contains(axis) {
        Edge::Periodic
    } else {
        Edge::Symmetric
    }
}

/// Splits the grid `fine` (extents `plan.fine`, overwritten) into low-pass and details.
pub fn forward<T: Real>(wavelet: Wavelet, plan: &LevelPlan, fine: &mut [T]) -> Bands<T> {
    match plan.squeezed() {
        Some(plan) => split(wavelet, &plan, fine),
        None => split(wavelet, plan, fine),
    }
}

/// [`forward`] with the axes as they stand.
pub(super) fn split<T: Real>(wavelet: Wavelet, plan: &LevelPlan, fine: &mut [T]) -> Bands<T> {
    let dims = plan.fine.dims();
    if plan.split.contains(0) {
        columns(
            fine,
            dims,
            |column, lanes| {
                let half = dims[0].div_ceil(2) * lanes;
                let (low, high) = column.split_at_mut(half);
                lift::analyse(wavelet, edge(plan, 0), low, high, lanes);
            },
            Order::Deinterleave,
        );
    }
    let mut bands = Bands {
        low: vec![T::ZERO; plan.coarse.len()],
        details: plan
            .details
            .iter()
            .map(|&c| vec![T::ZERO; plan.band_dims(c).iter().product()])
            .collect(),
    };
    let planes = planes_of(plan, &mut bands);
    fine.par_chunks_exact(dims[1] * dims[2])
        .zip(planes)
        .for_each_init(Vec::new, |scratch, (plane, targets)| {
            scratch.clear();
            scratch.resize(plane.len(), T::ZERO);
            deinterleave_rows(plane, scratch, dims, plan.split.contains(1));
            if plan.split.contains(1) {
                let (low, high) = scratch.split_at_mut(dims[1].div_ceil(2) * dims[2]);
                lift::analyse(wavelet, edge(plan, 1), low, high, dims[2]);
            }
            store_rows(wavelet, plan, scratch, targets);
        });
    bands
}

/// Joins low-pass and details into the grid `plan.fine`; the subbands are overwritten.
pub fn inverse<T: Real>(wavelet: Wavelet, plan: &LevelPlan, bands: &mut Bands<T>) -> Vec<T> {
    match plan.squeezed() {
        Some(plan) => join(wavelet, &plan, bands),
        None => join(wavelet, plan, bands),
    }
}

/// [`inverse`] with the axes as they stand.
pub(super) fn join<T: Real>(wavelet: Wavelet, plan: &LevelPlan, bands: &mut Bands<T>) -> Vec<T> {
    let dims = plan.fine.dims();
    let mut fine = vec![T::ZERO; plan.fine.len()];
    let planes = planes_of(plan, bands);
    fine.par_chunks_exact_mut(dims[1] * dims[2])
        .zip(planes)
        .for_each_init(Vec::new, |scratch, (plane, sources)| {
            scratch.clear();
            scratch.resize(plane.len(), T::ZERO);
            load_rows(wavelet, plan, scratch, sources);
            if plan.split.contains(1) {
                let (low, high) = scratch.split_at_mut(dims[1].div_ceil(2) * dims[2]);
                lift::synthesise(wavelet, edge(plan, 1), low, high, dims[2]);
            }
            interleave_rows(scratch, plane, dims, plan.split.contains(1));
        });
    if plan.split.contains(0) {
        columns(
            &mut fine,
            dims,
            |column, lanes| {
                let half = dims[0].div_ceil(2) * lanes;
                let (low, high) = column.split_at_mut(half);
                lift::synthesise(wavelet, edge(plan, 0), low, high, lanes);
            },
            Order::Interleave,
        );
    }
    fine
}

/// How rows move between the grid and the scratch column around the lifting.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// Grid rows alternate low and high; the column and the result hold all low rows first.
    Deinterleave,
    /// The reverse.
    Interleave,
}

/// Row of the grid that belongs at place `i` of a sequence with all even rows first.
fn even_first(i: usize, n: usize) -> usize {
    let half = n.div_ceil(2);
    if i < half { 2 * i } else { 2 * (i - half) + 1 }
}

/// Applies `f` to blocks of columns along `z`, in place.
fn columns<T: Real>(
    grid: &mut [T],
    dims: [usize; 3],
    f: impl Fn(&mut [T], usize) + Sync,
    order: Order,
) {
    let [nz, ny, nx] = dims;
    let mut rows: Vec<Vec<&mut [T]>> = (0..ny).map(|_| Vec::with_capacity(nz)).collect();
    for (i, row) in grid.chunks_exact_mut(nx).enumerate() {
        rows[i % ny].push(row);
    }
    let width = (COLUMN_SAMPLES / nz).clamp(16, nx.max(16)).min(nx);
    rows.into_par_iter()
        .for_each_init(Vec::new, |scratch, mut rows| {
            for x in (0..nx).step_by(width) {
                let lanes = width.min(nx - x);
                scratch.clear();
                for i in 0..nz {
                    let from = if order == Order::Deinterleave {
                        even_first(i, nz)
                    } else {
                        i
                    };
                    scratch.extend_from_slice(&rows[from][x..x + lanes]);
                }
                f(scratch, lanes);
                for (i, line) in scratch.chunks_exact(lanes).enumerate() {
                    let to = if order == Order::Interleave {
                        even_first(i, nz)
                    } else {
                        i
                    };
                    rows[to][x..x + lanes].copy_from_slice(line);
                }
            }
        });
}

fn deinterleave_rows<T: Real>(plane: &[T], scratch: &mut [T], dims: [usize; 3], split: bool) {
    for (i, line) in scratch.chunks_exact_mut(dims[2]).enumerate() {
        let from = if split { even_first(i, dims[1]) } else { i };
        line.copy_from_slice(&plane[from * dims[2]..][..dims[2]]);
    }
}

fn interleave_rows<T: Real>(scratch: &[T], plane: &mut [T], dims: [usize; 3], split: bool) {
    for (i, line) in scratch.chunks_exact(dims[2]).enumerate() {
        let to = if split { even_first(i, dims[1]) } else { i };
        plane[to * dims[2]..][..dims[2]].copy_from_slice(line);
    }
}

/// One plane of the deinterleaved grid (low `z` first), as rows of its up to four subbands.
struct PlaneBands<'a, T> {
    z_high: bool,
    /// `[y low, y high][x low, x high]`.
    parts: [[Option<&'a mut [T]>; 2]; 2],
}

/// Cuts the subbands into planes.
fn planes_of<'a, T: Real>(plan: &LevelPlan, bands: &'a mut Bands<T>) -> Vec<PlaneBands<'a, T>> {
    let (fine, coarse) = (plan.fine.dims(), plan.coarse.dims());
    let mut planes: Vec<PlaneBands<'a, T>> = (0..fine[0])
        .map(|z| PlaneBands {
            z_high: z >= coarse[0],
            parts: Default::default(),
        })
        .collect();
    let mut place = |high: [bool; 3], dims: [usize; 3], band: &'a mut [T]| {
        let first = if high[0] { coarse[0] } else { 0 };
        for (z, part) in band.chunks_exact_mut(dims[1] * dims[2]).enumerate() {
            planes[first + z].parts[usize::from(high[1])][usize::from(high[2])] = Some(part);
        }
    };
    place([false; 3], coarse, &mut bands.low);
    for (&code, band) in plan.details.iter().zip(&mut bands.details) {
        let high = std::array::from_fn(|axis| code.is_high(axis));
        place(high, plan.band_dims(code), band);
    }
    planes
}

/// One row of the plane: its number with low `y` first, the low and high halves along `x`, and the
/// number of high-pass axes of the low half.
struct Row<'a, T> {
    number: usize,
    low: &'a mut [T],
    high: Option<&'a mut [T]>,
    high_axes: usize,
}

fn for_each_row<T: Real>(
    plan: &LevelPlan,
    plane: PlaneBands<'_, T>,
    mut f: impl FnMut(Row<'_, T>),
) {
    let (fine, coarse) = (plan.fine.dims(), plan.coarse.dims());
    let width = coarse[2];
    for (y_high, [low, high]) in plane.parts.into_iter().enumerate() {
        let Some(low) = low else { continue };
        let first = y_high * coarse[1];
        let mut high_rows = high.map(|h| h.chunks_exact_mut(fine[2] - width));
        for (i, low) in low.chunks_exact_mut(width).enumerate() {
            f(Row {
                number: first + i,
                low,
                high: high_rows.as_mut().and_then(Iterator::next),
                high_axes: usize::from(plane.z_high) + y_high,
            });
        }
    }
}

/// Splits the rows of a lifted plane along `x` and scales them to orthonormal subbands.
fn store_rows<T: Real>(wavelet: Wavelet, plan: &LevelPlan, lifted: &[T], plane: PlaneBands<'_, T>) {
    let nx = plan.fine.dims()[2];
    let axes = plan.split.count();
    let scale = |high: usize| wavelet.analysis_scale::<T>(axes - high, high);
    for_each_row(plan, plane, |row| {
        let line = &lifted[row.number * nx..][..nx];
        if let Some(high) = row.high {
            split_pairs(line, row.low, high);
            lift::analyse_line(wavelet, edge(plan, 2), row.low, high);
            multiply(high, scale(row.high_axes + 1));
        } else {
            row.low.copy_from_slice(line);
        }
        multiply(row.low, scale(row.high_axes));
    });
}

/// Undoes [`store_rows`].
fn load_rows<T: Real>(
    wavelet: Wavelet,
    plan: &LevelPlan,
    lifted: &mut [T],
    plane: PlaneBands<'_, T>,
) {
    let nx = plan.fine.dims()[2];
    let axes = plan.split.count();
    let scale = |high: usize| wavelet.synthesis_scale::<T>(axes - high, high);
    for_each_row(plan, plane, |row| {
        let line = &mut lifted[row.number * nx..][..nx];
        multiply(row.low, scale(row.high_axes));
        if let Some(high) = row.high {
            multiply(high, scale(row.high_axes + 1));
            lift::synthesise_line(wavelet, edge(plan, 2), row.low, high);
            join_pairs(row.low, high, line);
        } else {
            line.copy_from_slice(row.low);
        }
    });
}

/// Even samples of `line` to `low`, odd ones to `high`.
fn split_pairs<T: Real>(line: &[T], low: &mut [T], high: &mut [T]) {
    let pairs = line.as_chunks::<2>().0;
    for ((&[even, odd], l), h) in pairs.iter().zip(low.iter_mut()).zip(&mut *high) {
        (*l, *h) = (even, odd);
    }
    if let (Some(l), Some(&last)) = (low.get_mut(high.len()), line.last()) {
        *l = last;
    }
}

/// Undoes [`split_pairs`].
fn join_pairs<T: Real>(low: &[T], high: &[T], line: &mut [T]) {
    for ((pair, &l), &h) in line.as_chunks_mut::<2>().0.iter_mut().zip(low).zip(high) {
        *pair = [l, h];
    }
    if let (Some(&l), Some(last)) = (low.get(high.len()), line.last_mut()) {
        *last = l;
    }
}

fn multiply<T: Real>(values: &mut [T], factor: T) {
    for v in values {
        *v = *v * factor;
    }
}
