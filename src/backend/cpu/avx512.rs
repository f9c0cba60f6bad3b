//! AVX-512 VNNI: `vpdpwssd` on channel pairs.
//!
//! A block of up to [`VOXELS`] voxels times 32 outputs (or 24, 16, 8) stays in registers; a
//! channel pair of a voxel is broadcast against the weights of all outputs. Epilogues are those
//! of AVX2: they run once per 500 or more multiplications.
//!
//! Measured by the bench `network`, one core of an AMD EPYC 9004 (Zen 4, 3.7 GHz), in multiply-
//! accumulates of the region alone, halo counted as loss, of a peak of 117-122 GMAC/s: default
//! network 64^3 -> 128^3 8.3 Mvoxel/s, 91 GMAC/s, 75 %; the paper's network 32^3 -> 64^3
//! 0.056 Mvoxel/s, 84 GMAC/s, 70 %.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::backend::cpu::avx2::{Convert, Epilogue, Requantise, finish_block};
use crate::backend::cpu::conv::{Activations, Job, OutputScaling};
use crate::backend::cpu::packed::{Group, LANES, Packing};
use crate::backend::plan::parts::parts;

pub(super) const PACKING: Packing = Packing {
    widths: &[32, 24, 16, 8],
    interleaved: true,
};

/// Voxels whose accumulators (2 registers each) fit the 32 registers beside two weights and a
/// pair.
const VOXELS: usize = 14;
/// Outputs of the widest group.
const MAX_WIDTH: usize = 32;

/// Convolves and requantises. The caller has run `assert_sources` and `assert_targets`.
pub(super) fn activations(job: &Job<'_>, arena: &mut [i16], to: &Activations) {
    for group in &job.conv.groups {
        let epilogue = Requantise::new(job, group, arena, to);
        run_group(job, group, arena, &epilogue);
    }
}

/// Convolves and converts to output rows. The caller has run `assert_sources` and `assert_rows`.
pub(super) fn outputs(job: &Job<'_>, arena: &[i16], rows: &mut [f32], scaling: &OutputScaling<'_>) {
    for group in &job.conv.groups {
        let epilogue = Convert::new(job, group, rows, scaling);
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
    let mut sums = BlockSums([0; VOXELS * MAX_WIDTH]);
    for [z, y] in job.rows() {
        for (x, voxels) in parts(job.size[2], VOXELS) {
            let at = [z, y, x];
            // SAFETY: `voxels` voxels from `at` lie in the job's size; `sums` has room for
            // the most voxels times the widest group.
            unsafe {
                accumulate::<Z, Y>(job, group, arena, at, voxels, sums.0.as_mut_ptr());
                finish_block(&sums.0, at, voxels, 16 * Z + 8 * Y, epilogue);
            }
        }
    }
}

/// Accumulators of a block on their way to the epilogue, `[voxel][output]`.
#[repr(align(64))]
struct BlockSums([i32; VOXELS * MAX_WIDTH]);

/// Accumulates `voxels` voxels from `at` along `x` to `out`, `[voxel][output]`.
///
/// # Safety
/// As [`run`]; the voxels lie in the job's size, and `out` has room for them.
#[target_feature(enable = "avx2,avx512f,avx512vl,avx512vnni")]
unsafe fn accumulate<const Z: usize, const Y: usize>(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    at: [usize; 3],
    voxels: usize,
    out: *mut i32,
) {
    // SAFETY: the caller vouches for all.
    unsafe {
        match voxels {
            1 => block::<Z, Y, 1>(job, group, arena, at, out),
            2 => block::<Z, Y, 2>(job, group, arena, at, out),
            3 => block::<Z, Y, 3>(job, group, arena, at, out),
            4 => block::<Z, Y, 4>(job, group, arena, at, out),
            5 => block::<Z, Y, 5>(job, group, arena, at, out),
            6 => block::<Z, Y, 6>(job, group, arena, at, out),
            7 => block::<Z, Y, 7>(job, group, arena, at, out),
            8 => block::<Z, Y, 8>(job, group, arena, at, out),
            9 => block::<Z, Y, 9>(job, group, arena, at, out),
            10 => block::<Z, Y, 10>(job, group, arena, at, out),
            11 => block::<Z, Y, 11>(job, group, arena, at, out),
            12 => block::<Z, Y, 12>(job, group, arena, at, out),
            13 => block::<Z, Y, 13>(job, group, arena, at, out),
            _ => block::<Z, Y, VOXELS>(job, group, arena, at, out),
        }
    }
}

/// Accumulators of one voxel.
#[derive(Clone, Copy)]
struct Acc<const Z: usize, const Y: usize> {
    z: [__m512i; Z],
    y: [__m256i; Y],
}

/// [`accumulate`] for `V` voxels. The accumulators stay in registers only as long as every loop
/// over them is unrolled, so they leave for memory before anything long is done with them.
///
/// # Safety
/// As [`accumulate`].
#[target_feature(enable = "avx2,avx512f,avx512vl,avx512vnni")]
unsafe fn block<const Z: usize, const Y: usize, const V: usize>(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    at: [usize; 3],
    out: *mut i32,
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
            let out = out.add(v * (16 * Z + 8 * Y));
            for (n, acc) in acc.z.iter().enumerate() {
                _mm512_storeu_si512(out.add(16 * n).cast(), *acc);
            }
            for (n, acc) in acc.y.iter().enumerate() {
                _mm256_storeu_si256(out.add(16 * Z + 8 * n).cast(), *acc);
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
            for (acc, w) in acc.z.iter_mut().zip(wz) {
                *acc = _mm512_dpwssd_epi32(*acc, w, x);
            }
            for (acc, w) in acc.y.iter_mut().zip(wy) {
                *acc = _mm256_dpwssd_epi32(*acc, w, _mm512_castsi512_si256(x));
            }
        }
        weights.add(32 * Z + 16 * Y)
    }
}
