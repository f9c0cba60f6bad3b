//! Kernels in plain Rust, for machines without one of the others: the safe twin of the SIMD
//! modules.

use crate::backend::cpu::conv::{Activations, Job, OutputScaling};
use crate::backend::cpu::packed::{Group, LANES, Packing};
use crate::backend::plan::parts::parts;

pub(super) const PACKING: Packing = Packing {
    widths: &[LANES],
    interleaved: false,
};

/// Voxels of a block: enough to use a weight more than once, few enough for 16 registers.
const VOXELS: usize = 4;

/// Accumulators of 8 outputs.
type Acc = [i32; LANES];

/// Convolves and requantises.
pub(super) fn activations(job: &Job<'_>, arena: &mut [i16], to: &Activations) {
    let conv = job.conv;
    for group in &conv.groups {
        let scales = group.output..group.output + LANES;
        let positive = &conv.positive[scales.clone()];
        let negative = &conv.negative[scales];
        let block = group.output / LANES * to.strides.block;
        for_each_block(job, |at, voxels| {
            let acc = accumulate(job, arena, group, at, voxels);
            for (v, acc) in acc.iter().take(voxels).enumerate() {
                let offset = block + to.strides.offset([at[0], at[1], at[2] + v]);
                for (lane, &acc) in acc.iter().enumerate() {
                    let scale = if acc < 0 { negative } else { positive }[lane];
                    let mut value = round(acc as f32 * scale);
                    if let Some(skip) = to.skip {
                        value = clamp(value + i32::from(arena[skip + offset + lane]));
                    }
                    if let Some((x, beta)) = to.blend {
                        let scaled = round(value as f32 * beta);
                        value = clamp(scaled + i32::from(arena[x + offset + lane]));
                    }
                    arena[to.to + offset + lane] = value as i16;
                }
            }
        });
    }
}

/// Convolves and converts to output rows, `[z][y][x][padded outputs]`.
pub(super) fn outputs(job: &Job<'_>, arena: &[i16], rows: &mut [f32], scaling: &OutputScaling<'_>) {
    let conv = job.conv;
    for group in &conv.groups {
        let scale = &scaling.scale[group.output..group.output + LANES];
        for_each_block(job, |at, voxels| {
            let acc = accumulate(job, arena, group, at, voxels);
            for (v, acc) in acc.iter().take(voxels).enumerate() {
                let voxel = (at[0] * job.size[1] + at[1]) * job.size[2] + at[2] + v;
                let row = &mut rows[voxel * conv.outputs() + group.output..][..LANES];
                for ((row, acc), scale) in row.iter_mut().zip(acc).zip(scale) {
                    let value = *acc as f32 * scale;
                    *row = if scaling.add { *row + value } else { value };
                }
            }
        });
    }
}

/// Visits blocks of up to [`VOXELS`] voxels: the first, and how many.
fn for_each_block(job: &Job<'_>, mut visit: impl FnMut([usize; 3], usize)) {
    for [z, y] in job.rows() {
        for (x, voxels) in parts(job.size[2], VOXELS) {
            visit([z, y, x], voxels);
        }
    }
}

/// Accumulators of one group at `voxels` voxels from `at`.
fn accumulate(
    job: &Job<'_>,
    arena: &[i16],
    group: &Group,
    at: [usize; 3],
    voxels: usize,
) -> [Acc; VOXELS] {
    let mut out = [[0; LANES]; VOXELS];
    match voxels {
        1 => out[..1].copy_from_slice(&block::<1>(job, arena, group, at)),
        2 => out[..2].copy_from_slice(&block::<2>(job, arena, group, at)),
        3 => out[..3].copy_from_slice(&block::<3>(job, arena, group, at)),
        _ => out = block::<VOXELS>(job, arena, group, at),
    }
    out
}

fn block<const V: usize>(job: &Job<'_>, arena: &[i16], group: &Group, at: [usize; 3]) -> [Acc; V] {
    let conv = job.conv;
    let [kz, ky, kx] = conv.kernel;
    let mut bias = [0; LANES];
    bias.copy_from_slice(&conv.bias[group.output..group.output + LANES]);
    let mut acc = [bias; V];
    let mut weights = conv.weights()[group.weights..]
        .as_chunks::<LANES>()
        .0
        .iter();
    for row in 0..kz * ky {
        for source in &conv.sources {
            let block = job.start + source.block * job.strides.block;
            for x in 0..kx {
                let tap = [at[0] + row / ky, at[1] + row % ky, at[2] + x];
                let from = block + job.strides.offset(tap);
                let voxels = arena[from..from + V * LANES].as_chunks::<LANES>().0;
                for (lane, weights) in (0..2 * source.pairs()).zip(&mut weights) {
                    for (acc, voxel) in acc.iter_mut().zip(voxels) {
                        let x = i32::from(voxel[lane % LANES]);
                        for (acc, w) in acc.iter_mut().zip(weights) {
                            *acc += i32::from(*w) * x;
                        }
                    }
                }
            }
        }
    }
    acc
}

/// Clamped to the activation range, then rounded to nearest, ties to even.
fn round(value: f32) -> i32 {
    value.clamp(-32767.0, 32767.0).round_ties_even() as i32
}

fn clamp(value: i32) -> i32 {
    value.clamp(-32767, 32767)
}
