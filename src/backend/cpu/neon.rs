//! AArch64 NEON: `smlal` of 8 outputs' weights with one activation.
//!
//! A block of up to [`VOXELS`] voxels times 8 outputs stays in registers. The weights of the two
//! channels of a pair lie one after the other: `smlal` multiplies one channel at a time.
#![allow(unsafe_code)]

use std::arch::aarch64::*;

use super::conv::{Activations, Job, Outputs, voxel_blocks};
use super::packed::{Group, LANES, Packing};

pub(super) const PACKING: Packing = Packing {
    widths: &[LANES],
    interleaved: false,
};

/// Voxels whose accumulators (2 registers each) fit the 32 registers beside weights and
/// activations.
const VOXELS: usize = 8;

/// Accumulators of 8 outputs.
type Acc = [int32x4_t; 2];

/// Convolves and requantises. The caller has run `assert_sources` and `assert_targets`.
pub(super) fn activations(job: &Job<'_>, arena: &mut [i16], to: &Activations) {
    let arena = arena.as_mut_ptr();
    for group in &job.conv.groups {
        let positive = &job.conv.positive[group.output..][..LANES];
        let negative = &job.conv.negative[group.output..][..LANES];
        let block = group.output / LANES * to.strides.block;
        let finish = |acc: Acc, at: [usize; 3]| {
            let offset = block + to.strides.offset(at);
            // SAFETY: AArch64 always has NEON; the scales have 8 lanes; `assert_targets` covered
            // every block of the result, of the skip and of the blend.
            unsafe {
                let mut value = [vdupq_n_s32(0); 2];
                for half in 0..2 {
                    let positive = vld1q_f32(positive.as_ptr().add(4 * half));
                    let negative = vld1q_f32(negative.as_ptr().add(4 * half));
                    let scale = vbslq_f32(vcltzq_s32(acc[half]), negative, positive);
                    value[half] = round(vmulq_f32(vcvtq_f32_s32(acc[half]), scale));
                }
                if let Some(skip) = to.skip {
                    value = add_clamped(value, arena.add(skip + offset));
                }
                if let Some((x, beta)) = to.blend {
                    let scaled = value.map(|v| round(vmulq_n_f32(vcvtq_f32_s32(v), beta)));
                    value = add_clamped(scaled, arena.add(x + offset));
                }
                let packed = vcombine_s16(vmovn_s32(value[0]), vmovn_s32(value[1]));
                vst1q_s16(arena.add(to.to + offset), packed);
            }
        };
        // SAFETY: the caller has checked the job against the arena.
        unsafe { run(job, group, arena, finish) };
    }
}

/// Convolves and converts to output rows. The caller has run `assert_sources` and `assert_rows`.
pub(super) fn outputs(job: &Job<'_>, arena: &[i16], rows: &mut [f32], out: &Outputs<'_>) {
    for group in &job.conv.groups {
        let scale = &out.scale[group.output..][..LANES];
        let finish = |acc: Acc, at: [usize; 3]| {
            let voxel = (at[0] * job.size[1] + at[1]) * job.size[2] + at[2];
            let row = &mut rows[voxel * job.conv.outputs() + group.output..][..LANES];
            for half in 0..2 {
                // SAFETY: AArch64 always has NEON; scales and row have 8 lanes.
                unsafe {
                    let scale = vld1q_f32(scale.as_ptr().add(4 * half));
                    let mut value = vmulq_f32(vcvtq_f32_s32(acc[half]), scale);
                    let to = row.as_mut_ptr().add(4 * half);
                    if out.add {
                        value = vaddq_f32(vld1q_f32(to), value);
                    }
                    vst1q_f32(to, value);
                }
            }
        };
        // SAFETY: the caller has checked the job against the arena.
        unsafe { run(job, group, arena.as_ptr(), finish) };
    }
}

/// Clamped to the activation range, then rounded to nearest, ties to even.
///
/// # Safety
/// Needs NEON.
#[inline]
unsafe fn round(value: float32x4_t) -> int32x4_t {
    // SAFETY: no memory is touched.
    unsafe {
        let value = vmaxq_f32(value, vdupq_n_f32(-32767.0));
        vcvtnq_s32_f32(vminq_f32(value, vdupq_n_f32(32767.0)))
    }
}

/// `value` plus 8 activations at `x`, clamped.
///
/// # Safety
/// Needs NEON; 8 elements at `x` are readable.
#[inline]
unsafe fn add_clamped(value: Acc, x: *const i16) -> Acc {
    // SAFETY: the caller vouches for `x`.
    unsafe {
        let x = vld1q_s16(x);
        let (low, high) = (vget_low_s16(x), vget_high_s16(x));
        let clamp = |sum| vminq_s32(vmaxq_s32(sum, vdupq_n_s32(-32767)), vdupq_n_s32(32767));
        [
            clamp(vaddw_s16(value[0], low)),
            clamp(vaddw_s16(value[1], high)),
        ]
    }
}

/// All voxels of the job for one group of 8 outputs.
///
/// # Safety
/// `arena` and the job passed `assert_sources`.
unsafe fn run(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    mut finish: impl FnMut(Acc, [usize; 3]),
) {
    for [z, y] in job.rows() {
        for (x, voxels) in voxel_blocks(job.size[2], VOXELS) {
            let at = [z, y, x];
            // SAFETY: `voxels` voxels from `at` lie in the job's size.
            unsafe {
                match voxels {
                    1 => block::<1>(job, group, arena, at, &mut finish),
                    2 => block::<2>(job, group, arena, at, &mut finish),
                    3 => block::<3>(job, group, arena, at, &mut finish),
                    4 => block::<4>(job, group, arena, at, &mut finish),
                    5 => block::<5>(job, group, arena, at, &mut finish),
                    6 => block::<6>(job, group, arena, at, &mut finish),
                    7 => block::<7>(job, group, arena, at, &mut finish),
                    _ => block::<VOXELS>(job, group, arena, at, &mut finish),
                }
            }
        }
    }
}

/// `V` voxels from `at` along `x`, 8 outputs.
///
/// # Safety
/// As [`run`]; the voxels lie in the job's size.
#[inline]
unsafe fn block<const V: usize>(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    at: [usize; 3],
    finish: &mut impl FnMut(Acc, [usize; 3]),
) {
    let conv = job.conv;
    let [kz, ky, kx] = conv.kernel;
    // SAFETY: `assert_sources` covered every tap of every voxel in every source block, the
    // weights of all groups, and the bias is padded to whole blocks.
    unsafe {
        let bias = conv.bias[group.output..].as_ptr();
        let mut acc = [[vld1q_s32(bias), vld1q_s32(bias.add(4))]; V];
        let mut weights = conv.weights()[group.weights..].as_ptr();
        let first = arena.add(job.start + job.strides.offset(at));
        for row in 0..kz * ky {
            let tap = first.add(row / ky * job.strides.slice + row % ky * job.strides.row);
            for source in &conv.sources {
                let mut voxel = tap.add(source.block * job.strides.block);
                for _ in 0..kx {
                    for lane in 0..2 * source.pairs() {
                        let w = vld1q_s16(weights);
                        weights = weights.add(LANES);
                        for (v, acc) in acc.iter_mut().enumerate() {
                            let x = *voxel.add(v * LANES + lane);
                            acc[0] = vmlal_n_s16(acc[0], vget_low_s16(w), x);
                            acc[1] = vmlal_n_s16(acc[1], vget_high_s16(w), x);
                        }
                    }
                    voxel = voxel.add(LANES);
                }
            }
        }
        for (v, acc) in acc.iter().enumerate() {
            finish(*acc, [at[0], at[1], at[2] + v]);
        }
    }
}
