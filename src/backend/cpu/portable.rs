//! Kernels in plain Rust, for machines without one of the others: the safe twin of the SIMD
//! modules.

use super::conv::{Activations, Job, Outputs};
use super::packed::{Group, LANES, Packing};

pub(super) const PACKING: Packing = Packing {
    widths: &[LANES],
    interleaved: true,
};

/// Convolves and requantises.
pub(super) fn activations(job: &Job<'_>, arena: &mut [i16], to: &Activations) {
    let conv = job.conv;
    for group in &conv.groups {
        let scales = group.output..group.output + LANES;
        let positive = &conv.positive[scales.clone()];
        let negative = &conv.negative[scales];
        for_each_voxel(job, |at| {
            let acc = accumulate(job, arena, group, at);
            let offset = group.output / LANES * to.strides.block + to.strides.offset(at);
            for lane in 0..LANES {
                let scale = if acc[lane] < 0 {
                    negative[lane]
                } else {
                    positive[lane]
                };
                let mut value = round(acc[lane] as f32 * scale);
                if let Some(skip) = to.skip {
                    value = clamp(value + i32::from(arena[skip + offset + lane]));
                }
                if let Some((x, beta)) = to.blend {
                    let scaled = round(value as f32 * beta);
                    value = clamp(scaled + i32::from(arena[x + offset + lane]));
                }
                arena[to.to + offset + lane] = value as i16;
            }
        });
    }
}

/// Convolves and converts to output rows, `[z][y][x][padded outputs]`.
pub(super) fn outputs(job: &Job<'_>, arena: &[i16], rows: &mut [f32], out: &Outputs<'_>) {
    let conv = job.conv;
    for group in &conv.groups {
        let scale = &out.scale[group.output..group.output + LANES];
        for_each_voxel(job, |at| {
            let acc = accumulate(job, arena, group, at);
            let voxel = (at[0] * job.size[1] + at[1]) * job.size[2] + at[2];
            let row = &mut rows[voxel * conv.outputs() + group.output..][..LANES];
            for lane in 0..LANES {
                let value = acc[lane] as f32 * scale[lane];
                row[lane] = if out.add { row[lane] + value } else { value };
            }
        });
    }
}

fn for_each_voxel(job: &Job<'_>, mut visit: impl FnMut([usize; 3])) {
    for z in 0..job.size[0] {
        for y in 0..job.size[1] {
            for x in 0..job.size[2] {
                visit([z, y, x]);
            }
        }
    }
}

/// Accumulators of one group at one voxel.
fn accumulate(job: &Job<'_>, arena: &[i16], group: &Group, at: [usize; 3]) -> [i32; LANES] {
    let conv = job.conv;
    let [kz, ky, kx] = conv.kernel;
    let mut acc = [0; LANES];
    acc.copy_from_slice(&conv.bias[group.output..group.output + LANES]);
    let (mut weights, _) = conv.weights()[group.weights..].as_chunks::<{ 2 * LANES }>();
    for row in 0..kz * ky {
        for source in &conv.sources {
            for x in 0..kx {
                let tap = [at[0] + row / ky, at[1] + row % ky, at[2] + x];
                let from = job.start + source.block * job.strides.block + job.strides.offset(tap);
                let values = &arena[from..from + LANES];
                for pair in values.as_chunks::<2>().0.iter().take(source.pairs()) {
                    let Some((w, rest)) = weights.split_first() else {
                        return acc;
                    };
                    weights = rest;
                    for lane in 0..LANES {
                        acc[lane] += i32::from(w[2 * lane]) * i32::from(pair[0])
                            + i32::from(w[2 * lane + 1]) * i32::from(pair[1]);
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
