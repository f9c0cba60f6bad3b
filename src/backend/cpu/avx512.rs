//! AVX-512 VNNI: `vpdpwssd` on channel pairs.
//!
//! A block of up to [`VOXELS`] voxels times 32 outputs (or 24, 16, 8) stays in registers; a
//! channel pair of a voxel is broadcast against the weights of all outputs. Epilogues are those
//! of AVX2: they run once per 500 or more multiplications.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::avx2::{Convert, Epilogue, Requantise};
use super::conv::{Activations, Job, Outputs, voxel_blocks};
use super::packed::{Group, LANES, Packing};

pub(super) const PACKING: Packing = Packing {
    widths: &[32, 24, 16, 8],
    interleaved: true,
};

/// Voxels whose accumulators (2 registers each) fit the 32 registers beside two weights and a
/// pair.
const VOXELS: usize = 14;

/// Convolves and requantises. The caller has run `assert_sources` and `assert_targets`.
pub(super) fn activations(job: &Job<'_>, arena: &mut [i16], to: &Activations) {
    for group in &job.conv.groups {
        let epilogue = Requantise::new(job, group, arena, to);
        run_group(job, group, arena, &epilogue);
    }
}

/// Convolves and converts to output rows. The caller has run `assert_sources` and `assert_rows`.
pub(super) fn outputs(job: &Job<'_>, arena: &[i16], rows: &mut [f32], out: &Outputs<'_>) {
    for group in &job.conv.groups {
        let epilogue = Convert::new(job, group, rows, out);
        run_group(job, group, arena, &epilogue);
    }
}

fn run_group<E: Epilogue>(job: &Job<'_>, group: &Group, arena: &[i16], epilogue: &E) {
    let arena = arena.as_ptr();
    // SAFETY: AVX-512 VNNI was detected when the backend was made; the job was checked against
    // the arena by the caller.
    unsafe {
        match group.width {
            32 => run::<2, 0, E>(job, group, arena, epilogue),
            24 => run::<1, 1, E>(job, group, arena, epilogue),
            16 => run::<1, 0, E>(job, group, arena, epilogue),
            _ => run::<0, 1, E>(job, group, arena, epilogue),
        }
    }
}

/// All voxels of the job for one group of `16 * Z + 8 * Y` outputs.
///
/// # Safety
/// Needs AVX-512 VNNI; `arena` and the job passed `assert_sources`.
#[target_feature(enable = "avx2,avx512f,avx512vl,avx512vnni")]
unsafe fn run<const Z: usize, const Y: usize, E: Epilogue>(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    epilogue: &E,
) {
    for z in 0..job.size[0] {
        for y in 0..job.size[1] {
            for (x, voxels) in voxel_blocks(job.size[2], VOXELS) {
                let at = [z, y, x];
                // SAFETY: `voxels` voxels from `at` lie in the job's size.
                unsafe {
                    match voxels {
                        1 => block::<Z, Y, 1, E>(job, group, arena, at, epilogue),
                        2 => block::<Z, Y, 2, E>(job, group, arena, at, epilogue),
                        3 => block::<Z, Y, 3, E>(job, group, arena, at, epilogue),
                        4 => block::<Z, Y, 4, E>(job, group, arena, at, epilogue),
                        5 => block::<Z, Y, 5, E>(job, group, arena, at, epilogue),
                        6 => block::<Z, Y, 6, E>(job, group, arena, at, epilogue),
                        7 => block::<Z, Y, 7, E>(job, group, arena, at, epilogue),
                        8 => block::<Z, Y, 8, E>(job, group, arena, at, epilogue),
                        9 => block::<Z, Y, 9, E>(job, group, arena, at, epilogue),
                        10 => block::<Z, Y, 10, E>(job, group, arena, at, epilogue),
                        11 => block::<Z, Y, 11, E>(job, group, arena, at, epilogue),
                        12 => block::<Z, Y, 12, E>(job, group, arena, at, epilogue),
                        13 => block::<Z, Y, 13, E>(job, group, arena, at, epilogue),
                        _ => block::<Z, Y, VOXELS, E>(job, group, arena, at, epilogue),
                    }
                }
            }
        }
    }
}

/// Accumulators of one voxel.
#[derive(Clone, Copy)]
struct Acc<const Z: usize, const Y: usize> {
    z: [__m512i; Z],
    y: [__m256i; Y],
}

/// `V` voxels from `at` along `x`.
///
/// # Safety
/// As [`run`]; the voxels lie in the job's size.
#[target_feature(enable = "avx2,avx512f,avx512vl,avx512vnni")]
unsafe fn block<const Z: usize, const Y: usize, const V: usize, E: Epilogue>(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    at: [usize; 3],
    epilogue: &E,
) {
    let conv = job.conv;
    let [kz, ky, kx] = conv.kernel;
    // SAFETY: `assert_sources` covered every tap of every voxel in every source block, the
    // weights of all groups, and the bias is padded to whole blocks.
    unsafe {
        let mut acc: [Acc<Z, Y>; V] = [bias(conv.bias[group.output..].as_ptr()); V];
        let mut weights = conv.weights()[group.weights..].as_ptr();
        let first = arena.add(job.start + job.strides.offset(at));
        for z in 0..kz {
            for y in 0..ky {
                let tap = first.add(z * job.strides.slice + y * job.strides.row);
                for source in &conv.sources {
                    let mut voxel = tap.add(source.block * job.strides.block);
                    if source.pairs() == LANES / 2 {
                        for _ in 0..kx {
                            for pair in 0..LANES / 2 {
                                weights = pair_step(&mut acc, weights, voxel.add(2 * pair));
                            }
                            voxel = voxel.add(LANES);
                        }
                    } else {
                        for _ in 0..kx {
                            for pair in 0..source.pairs() {
                                weights = pair_step(&mut acc, weights, voxel.add(2 * pair));
                            }
                            voxel = voxel.add(LANES);
                        }
                    }
                }
            }
        }
        for (v, acc) in acc.iter().enumerate() {
            let at = [at[0], at[1], at[2] + v];
            for (n, acc) in acc.z.iter().enumerate() {
                epilogue.finish(_mm512_castsi512_si256(*acc), 2 * n, at);
                epilogue.finish(_mm512_extracti64x4_epi64::<1>(*acc), 2 * n + 1, at);
            }
            for (n, acc) in acc.y.iter().enumerate() {
                epilogue.finish(*acc, 2 * Z + n, at);
            }
        }
    }
}

/// # Safety
/// `16 * Z + 8 * Y` elements at `bias` are readable.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vl,avx512vnni")]
unsafe fn bias<const Z: usize, const Y: usize>(bias: *const i32) -> Acc<Z, Y> {
    // SAFETY: the caller vouches for `bias`.
    unsafe {
        Acc {
            z: std::array::from_fn(|n| _mm512_loadu_si512(bias.add(16 * n).cast())),
            y: std::array::from_fn(|n| _mm256_loadu_si256(bias.add(16 * Z + 8 * n).cast())),
        }
    }
}

/// Multiplies one channel pair of `V` voxels, the first at `pair`, with the weights of all
/// outputs; returns the weights of the next pair.
///
/// # Safety
/// The weights of a pair are readable, as are 2 elements at `pair` and at every 8th after it, `V`
/// times.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vl,avx512vnni")]
unsafe fn pair_step<const Z: usize, const Y: usize, const V: usize>(
    acc: &mut [Acc<Z, Y>; V],
    weights: *const i16,
    pair: *const i16,
) -> *const i16 {
    // SAFETY: the caller vouches for both.
    unsafe {
        let wz: [__m512i; Z] =
            std::array::from_fn(|n| _mm512_loadu_si512(weights.add(32 * n).cast()));
        let wy: [__m256i; Y] =
            std::array::from_fn(|n| _mm256_loadu_si256(weights.add(32 * Z + 16 * n).cast()));
        for (v, acc) in acc.iter_mut().enumerate() {
            let x = pair.add(v * LANES).cast::<i32>().read_unaligned();
            let x = _mm512_set1_epi32(x);
            for n in 0..Z {
                acc.z[n] = _mm512_dpwssd_epi32(acc.z[n], wz[n], x);
            }
            for n in 0..Y {
                acc.y[n] = _mm256_dpwssd_epi32(acc.y[n], wy[n], _mm512_castsi512_si256(x));
            }
        }
        weights.add(32 * Z + 16 * Y)
    }
}
