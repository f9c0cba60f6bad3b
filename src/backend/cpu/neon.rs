//! AArch64 NEON: `smlal` of 8 outputs' weights with one activation.
//!
//! A block of up to [`VOXELS`] voxels times 8 outputs stays in registers. The weights of the two
//! channels of a pair lie one after the other: `smlal` multiplies one channel at a time. Tests on
//! other machines run this module on `neon_model`.
#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;

use crate::backend::cpu::conv::{Activations, Job, OutputScaling};
#[cfg(not(target_arch = "aarch64"))]
use crate::backend::cpu::neon_model::*;
use crate::backend::cpu::packed::{Group, LANES, Packing};
use crate::backend::plan::parts::parts;

pub(super) const PACKING: Packing = Packing {
    widths: &[LANES],
    interleaved: false,
};

/// Voxels whose accumulators (2 registers each) fit the 32 registers beside weights and
/// activations.
const VOXELS: usize = 8;

/// 8 integers.
type Eight = [int32x4_t; 2];

/// Convolves and requantises. The caller has run `assert_sources` and `assert_targets`.
pub(super) fn activations(job: &Job<'_>, arena: &mut [i16], to: &Activations) {
    for group in &job.conv.groups {
        // SAFETY: NEON is part of AArch64; the caller has checked the job against the arena.
        unsafe { activations_of_group(job, group, arena.as_mut_ptr(), to) };
    }
}

/// Convolves and converts to output rows. The caller has run `assert_sources` and `assert_rows`.
pub(super) fn outputs(job: &Job<'_>, arena: &[i16], rows: &mut [f32], scaling: &OutputScaling<'_>) {
    for group in &job.conv.groups {
        // SAFETY: as in `activations`; the rows were checked by the caller.
        unsafe { outputs_of_group(job, group, arena.as_ptr(), rows, scaling) };
    }
}

/// # Safety
/// `arena` and the job passed `assert_sources` and `assert_targets`.
#[cfg_attr(target_arch = "aarch64", target_feature(enable = "neon"))]
unsafe fn activations_of_group(job: &Job<'_>, group: &Group, arena: *mut i16, to: &Activations) {
    let positive = &job.conv.positive[group.output..][..LANES];
    let negative = &job.conv.negative[group.output..][..LANES];
    let block = group.output / LANES * to.strides.block;
    let finish = |acc: Eight, at: [usize; 3]| {
        let offset = block + to.strides.offset(at);
        // SAFETY: the scales have 8 lanes; `assert_targets` covered every block of the result,
        // of the skip and of the blend.
        unsafe {
            let mut value = acc;
            for (half, value) in value.iter_mut().enumerate() {
                let positive = vld1q_f32(positive.as_ptr().add(4 * half));
                let negative = vld1q_f32(negative.as_ptr().add(4 * half));
                let scale = vbslq_f32(vcltzq_s32(*value), negative, positive);
                *value = round(vmulq_f32(vcvtq_f32_s32(*value), scale));
            }
            if let Some(skip) = to.skip {
                value = add_clamped(value, vld1q_s16(arena.add(skip + offset)));
            }
            if let Some((x, beta)) = to.blend {
                let [low, high] = value;
                let scaled = [
                    round(vmulq_n_f32(vcvtq_f32_s32(low), beta)),
                    round(vmulq_n_f32(vcvtq_f32_s32(high), beta)),
                ];
                value = add_clamped(scaled, vld1q_s16(arena.add(x + offset)));
            }
            let packed = vcombine_s16(vmovn_s32(value[0]), vmovn_s32(value[1]));
            vst1q_s16(arena.add(to.to + offset), packed);
        }
    };
    // SAFETY: the caller vouches for the job.
    unsafe { run(job, group, arena, finish) };
}

/// # Safety
/// `arena` and the job passed `assert_sources` and `assert_rows`.
#[cfg_attr(target_arch = "aarch64", target_feature(enable = "neon"))]
unsafe fn outputs_of_group(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    rows: &mut [f32],
    scaling: &OutputScaling<'_>,
) {
    let scale = &scaling.scale[group.output..][..LANES];
    let finish = |acc: Eight, at: [usize; 3]| {
        let voxel = (at[0] * job.size[1] + at[1]) * job.size[2] + at[2];
        let row = &mut rows[voxel * job.conv.outputs() + group.output..][..LANES];
        for (half, acc) in acc.into_iter().enumerate() {
            // SAFETY: scales and row have 8 lanes.
            unsafe {
                let scale = vld1q_f32(scale.as_ptr().add(4 * half));
                let mut value = vmulq_f32(vcvtq_f32_s32(acc), scale);
                let to = row.as_mut_ptr().add(4 * half);
                if scaling.add {
                    value = vaddq_f32(vld1q_f32(to), value);
                }
                vst1q_f32(to, value);
            }
        }
    };
    // SAFETY: the caller vouches for the job.
    unsafe { run(job, group, arena, finish) };
}

/// Clamped to the activation range, then rounded to nearest, ties to even.
#[inline]
#[cfg_attr(target_arch = "aarch64", target_feature(enable = "neon"))]
fn round(value: float32x4_t) -> int32x4_t {
    let value = vmaxq_f32(value, vdupq_n_f32(-32767.0));
    vcvtnq_s32_f32(vminq_f32(value, vdupq_n_f32(32767.0)))
}

/// `value + x`, clamped to the activation range.
#[inline]
#[cfg_attr(target_arch = "aarch64", target_feature(enable = "neon"))]
fn add_clamped(value: Eight, x: int16x8_t) -> Eight {
    let low = vaddw_s16(value[0], vget_low_s16(x));
    let high = vaddw_s16(value[1], vget_high_s16(x));
    let (least, most) = (vdupq_n_s32(-32767), vdupq_n_s32(32767));
    [
        vminq_s32(vmaxq_s32(low, least), most),
        vminq_s32(vmaxq_s32(high, least), most),
    ]
}

/// All voxels of the job for one group of 8 outputs; `finish` takes the accumulators of each.
///
/// # Safety
/// `arena` and the job passed `assert_sources`.
#[cfg_attr(target_arch = "aarch64", target_feature(enable = "neon"))]
unsafe fn run(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    mut finish: impl FnMut(Eight, [usize; 3]),
) {
    for [z, y] in job.rows() {
        for (x, voxels) in parts(job.size[2], VOXELS) {
            let at = [z, y, x];
            let mut done = [[vdupq_n_s32(0); 2]; VOXELS];
            // SAFETY: `voxels` voxels from `at` lie in the job's size.
            unsafe {
                match voxels {
                    1 => block::<1>(job, group, arena, at, &mut done),
                    2 => block::<2>(job, group, arena, at, &mut done),
                    3 => block::<3>(job, group, arena, at, &mut done),
                    4 => block::<4>(job, group, arena, at, &mut done),
                    5 => block::<5>(job, group, arena, at, &mut done),
                    6 => block::<6>(job, group, arena, at, &mut done),
                    7 => block::<7>(job, group, arena, at, &mut done),
                    _ => block::<VOXELS>(job, group, arena, at, &mut done),
                }
            }
            for (v, acc) in done.iter().take(voxels).enumerate() {
                finish(*acc, [z, y, x + v]);
            }
        }
    }
}

/// Accumulates `V` voxels from `at` along `x`, 8 outputs. The accumulators stay in registers only
/// as long as every loop over them is unrolled, so they leave for memory first thing.
///
/// # Safety
/// As [`run`]; the voxels lie in the job's size.
#[cfg_attr(target_arch = "aarch64", target_feature(enable = "neon"))]
unsafe fn block<const V: usize>(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    at: [usize; 3],
    done: &mut [Eight; VOXELS],
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
        for (done, acc) in done.iter_mut().zip(&acc) {
            *done = *acc;
        }
    }
}
