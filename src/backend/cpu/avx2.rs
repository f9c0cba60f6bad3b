//! AVX2: `vpmaddwd` on channel pairs, and the epilogues that AVX-512 shares.
//!
//! A block of up to [`VOXELS`] voxels times 16 (or 8) outputs stays in registers; a channel pair
//! of a voxel is broadcast against the weights of all outputs.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::backend::cpu::conv::{Activations, Job, OutputScaling};
use crate::backend::cpu::packed::{Group, LANES, Packing};
use crate::backend::plan::parts::parts;

pub(super) const PACKING: Packing = Packing {
    widths: &[16, 8],
    interleaved: true,
};

/// Voxels whose accumulators fit the 16 registers beside two weights, a pair and a product.
const VOXELS: usize = 6;
/// Outputs of the widest group.
const MAX_WIDTH: usize = 16;

/// Convolves and requantises. The caller has run `assert_sources` and `assert_targets`.
pub(super) fn activations(job: &Job<'_>, arena: &mut [i16], to: &Activations) {
    for group in &job.conv.groups {
        let epilogue = Requantise::new(job, group, arena, to);
        // SAFETY: AVX2 was detected when the backend was made; the job was checked against the
        // arena by the caller.
        unsafe {
            match group.width {
                16 => run::<2, _>(job, group, arena.as_ptr(), &epilogue),
                _ => run::<1, _>(job, group, arena.as_ptr(), &epilogue),
            }
        }
    }
}

/// Convolves and converts to output rows. The caller has run `assert_sources` and `assert_rows`.
pub(super) fn outputs(job: &Job<'_>, arena: &[i16], rows: &mut [f32], scaling: &OutputScaling<'_>) {
    for group in &job.conv.groups {
        let epilogue = Convert::new(job, group, rows, scaling);
        // SAFETY: as in `activations`; the rows were checked by the caller.
        unsafe {
            match group.width {
                16 => run::<2, _>(job, group, arena.as_ptr(), &epilogue),
                _ => run::<1, _>(job, group, arena.as_ptr(), &epilogue),
            }
        }
    }
}

/// What happens to finished accumulators.
pub(super) trait Epilogue {
    /// Takes the accumulators of 8 outputs, number `8 * part` of the group and on, of voxel
    /// `at`.
    ///
    /// # Safety
    /// Needs AVX2; `at` lies in the job's size and `part` in the group.
    unsafe fn finish(&self, acc: __m256i, part: usize, at: [usize; 3]);
}

/// Requantised to activations.
pub(super) struct Requantise<'a> {
    positive: &'a [f32],
    negative: &'a [f32],
    arena: *mut i16,
    to: Activations,
    /// Offset of the group's first block.
    block: usize,
}

impl<'a> Requantise<'a> {
    pub(super) fn new(job: &Job<'a>, group: &Group, arena: &mut [i16], to: &Activations) -> Self {
        let outputs = group.output..group.output + group.width;
        Self {
            positive: &job.conv.positive[outputs.clone()],
            negative: &job.conv.negative[outputs],
            arena: arena.as_mut_ptr(),
            to: *to,
            block: group.output / LANES * to.strides.block,
        }
    }
}

impl Epilogue for Requantise<'_> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn finish(&self, acc: __m256i, part: usize, at: [usize; 3]) {
        let offset = self.block + part * self.to.strides.block + self.to.strides.offset(at);
        debug_assert!((part + 1) * LANES <= self.positive.len());
        // SAFETY: the scales hold the whole group; `assert_targets` covered every block of the
        // result, of the skip and of the blend.
        unsafe {
            let positive = _mm256_loadu_ps(self.positive.as_ptr().add(part * LANES));
            let negative = _mm256_loadu_ps(self.negative.as_ptr().add(part * LANES));
            let scale = _mm256_blendv_ps(positive, negative, _mm256_castsi256_ps(acc));
            let mut value = round(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale));
            if let Some(skip) = self.to.skip {
                value = add_clamped(value, self.arena.add(skip + offset));
            }
            if let Some((x, beta)) = self.to.blend {
                let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(value), _mm256_set1_ps(beta));
                value = add_clamped(round(scaled), self.arena.add(x + offset));
            }
            let low = _mm256_castsi256_si128(value);
            let high = _mm256_extracti128_si256::<1>(value);
            let to = self.arena.add(self.to.to + offset);
            _mm_storeu_si128(to.cast(), _mm_packs_epi32(low, high));
        }
    }
}

/// Clamped to the activation range, then rounded to nearest, ties to even: the conversion uses
/// the rounding mode of MXCSR, which Rust requires to be the default.
#[inline]
#[target_feature(enable = "avx2")]
fn round(value: __m256) -> __m256i {
    let value = _mm256_max_ps(value, _mm256_set1_ps(-32767.0));
    _mm256_cvtps_epi32(_mm256_min_ps(value, _mm256_set1_ps(32767.0)))
}

/// `value` plus 8 activations at `x`, clamped.
///
/// # Safety
/// 8 elements at `x` are readable.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_clamped(value: __m256i, x: *const i16) -> __m256i {
    // SAFETY: the caller vouches for `x`.
    let x = _mm256_cvtepi16_epi32(unsafe { _mm_loadu_si128(x.cast()) });
    let sum = _mm256_max_epi32(_mm256_add_epi32(value, x), _mm256_set1_epi32(-32767));
    _mm256_min_epi32(sum, _mm256_set1_epi32(32767))
}

/// Converted to output rows.
pub(super) struct Convert<'a> {
    scale: &'a [f32],
    rows: *mut f32,
    add: bool,
    /// Row length, plane height, and outputs of a voxel.
    size: [usize; 3],
}

impl<'a> Convert<'a> {
    pub(super) fn new(
        job: &Job<'_>,
        group: &Group,
        rows: &mut [f32],
        scaling: &OutputScaling<'a>,
    ) -> Self {
        Self {
            scale: &scaling.scale[group.output..group.output + group.width],
            // Of the first voxel; `assert_rows` made sure of `output` more elements.
            rows: rows[group.output..].as_mut_ptr(),
            add: scaling.add,
            size: [job.size[1], job.size[2], job.conv.outputs()],
        }
    }
}

impl Epilogue for Convert<'_> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn finish(&self, acc: __m256i, part: usize, at: [usize; 3]) {
        let [height, width, outputs] = self.size;
        let voxel = (at[0] * height + at[1]) * width + at[2];
        debug_assert!((part + 1) * LANES <= self.scale.len());
        // SAFETY: the scales hold the whole group; `assert_rows` covered every voxel's outputs.
        unsafe {
            let scale = _mm256_loadu_ps(self.scale.as_ptr().add(part * LANES));
            let mut value = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale);
            let to = self.rows.add(voxel * outputs + part * LANES);
            if self.add {
                value = _mm256_add_ps(_mm256_loadu_ps(to), value);
            }
            _mm256_storeu_ps(to, value);
        }
    }
}

/// Hands a block's accumulators, `[voxel][output]` of `width` outputs, to the epilogue.
///
/// # Safety
/// Needs AVX2; `voxels` voxels from `at` lie in the job's size, `width` is the group's.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn finish_block<E: Epilogue>(
    done: &[i32],
    at: [usize; 3],
    voxels: usize,
    width: usize,
    epilogue: &E,
) {
    for (v, done) in done.chunks_exact(width).take(voxels).enumerate() {
        for (part, done) in done.chunks_exact(LANES).enumerate() {
            // SAFETY: 8 accumulators are readable; the caller vouches for voxels and group.
            unsafe {
                let acc = _mm256_loadu_si256(done.as_ptr().cast());
                epilogue.finish(acc, part, [at[0], at[1], at[2] + v]);
            }
        }
    }
}

/// All voxels of the job for one group of `8 * N` outputs.
///
/// # Safety
/// Needs AVX2; `arena` and the job passed `assert_sources`.
#[target_feature(enable = "avx2")]
unsafe fn run<const N: usize, E: Epilogue>(
    job: &Job<'_>,
    group: &Group,
    arena: *const i16,
    epilogue: &E,
) {
    let mut done = [0; VOXELS * MAX_WIDTH];
    for [z, y] in job.rows() {
        for (x, voxels) in parts(job.size[2], VOXELS) {
            let at = [z, y, x];
            let out = done.as_mut_ptr();
            // SAFETY: `voxels` voxels from `at` lie in the job's size; `done` has room for
            // the most voxels times the widest group.
            unsafe {
                match voxels {
                    1 => block::<N, 1>(job, group, arena, at, out),
                    2 => block::<N, 2>(job, group, arena, at, out),
                    3 => block::<N, 3>(job, group, arena, at, out),
                    4 => block::<N, 4>(job, group, arena, at, out),
                    5 => block::<N, 5>(job, group, arena, at, out),
                    _ => block::<N, VOXELS>(job, group, arena, at, out),
                }
                finish_block(&done, at, voxels, LANES * N, epilogue);
            }
        }
    }
}

/// Accumulates `V` voxels from `at` along `x`, `8 * N` outputs, to `out`, `[voxel][output]`. The
/// accumulators stay in registers only as long as every loop over them is unrolled, so they
/// leave for memory before anything long is done with them.
///
/// # Safety
/// As [`run`]; the voxels lie in the job's size, and `out` has room for them.
#[target_feature(enable = "avx2")]
unsafe fn block<const N: usize, const V: usize>(
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
        let bias: *const __m256i = conv.bias[group.output..].as_ptr().cast();
        let mut acc = [[_mm256_setzero_si256(); N]; V];
        for acc in &mut acc {
            for (n, acc) in acc.iter_mut().enumerate() {
                *acc = _mm256_loadu_si256(bias.add(n));
            }
        }
        let mut weights: *const __m256i = conv.weights()[group.weights..].as_ptr().cast();
        let first = arena.add(job.start + job.strides.offset(at));
        for row in 0..kz * ky {
            let tap = first.add(row / ky * job.strides.slice + row % ky * job.strides.row);
            for source in &conv.sources {
                let mut voxel = tap.add(source.block * job.strides.block);
                for _ in 0..kx {
                    for pair in 0..source.pairs() {
                        let w: [__m256i; N] =
                            std::array::from_fn(|n| _mm256_loadu_si256(weights.add(n)));
                        weights = weights.add(N);
                        for (v, acc) in acc.iter_mut().enumerate() {
                            let at: *const i32 = voxel.add(v * LANES + 2 * pair).cast();
                            let x = _mm256_set1_epi32(at.read_unaligned());
                            for n in 0..N {
                                let product = _mm256_madd_epi16(w[n], x);
                                acc[n] = _mm256_add_epi32(acc[n], product);
                            }
                        }
                    }
                    voxel = voxel.add(LANES);
                }
            }
        }
        let out: *mut __m256i = out.cast();
        for (v, acc) in acc.iter().enumerate() {
            for (n, acc) in acc.iter().enumerate() {
                _mm256_storeu_si256(out.add(v * N + n), *acc);
            }
        }
    }
}
