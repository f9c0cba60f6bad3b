//! The NEON intrinsics that `neon` uses, lane by lane, so that tests run its loops on machines
//! without NEON. Names and signatures are those of `std::arch::aarch64`.
#![allow(unsafe_code, non_camel_case_types)]

pub(super) type float32x4_t = [f32; 4];
pub(super) type int32x4_t = [i32; 4];
pub(super) type uint32x4_t = [u32; 4];
pub(super) type int16x4_t = [i16; 4];
pub(super) type int16x8_t = [i16; 8];

pub(super) unsafe fn vld1q_f32(from: *const f32) -> float32x4_t {
    // SAFETY: the caller vouches for 4 elements.
    unsafe { from.cast::<float32x4_t>().read_unaligned() }
}

pub(super) unsafe fn vld1q_s32(from: *const i32) -> int32x4_t {
    // SAFETY: the caller vouches for 4 elements.
    unsafe { from.cast::<int32x4_t>().read_unaligned() }
}

pub(super) unsafe fn vld1q_s16(from: *const i16) -> int16x8_t {
    // SAFETY: the caller vouches for 8 elements.
    unsafe { from.cast::<int16x8_t>().read_unaligned() }
}

pub(super) unsafe fn vst1q_f32(to: *mut f32, value: float32x4_t) {
    // SAFETY: the caller vouches for 4 elements.
    unsafe { to.cast::<float32x4_t>().write_unaligned(value) }
}

pub(super) unsafe fn vst1q_s16(to: *mut i16, value: int16x8_t) {
    // SAFETY: the caller vouches for 8 elements.
    unsafe { to.cast::<int16x8_t>().write_unaligned(value) }
}

fn lanes<A: Copy, B: Copy, T, const N: usize>(
    a: [A; N],
    b: [B; N],
    f: impl Fn(A, B) -> T,
) -> [T; N] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

pub(super) fn vdupq_n_s32(value: i32) -> int32x4_t {
    [value; 4]
}

pub(super) fn vdupq_n_f32(value: f32) -> float32x4_t {
    [value; 4]
}

pub(super) fn vget_low_s16(v: int16x8_t) -> int16x4_t {
    std::array::from_fn(|i| v[i])
}

pub(super) fn vget_high_s16(v: int16x8_t) -> int16x4_t {
    std::array::from_fn(|i| v[i + 4])
}

pub(super) fn vcombine_s16(low: int16x4_t, high: int16x4_t) -> int16x8_t {
    std::array::from_fn(|i| if i < 4 { low[i] } else { high[i - 4] })
}

pub(super) fn vmovn_s32(v: int32x4_t) -> int16x4_t {
    v.map(|v| v as i16)
}

pub(super) fn vmlal_n_s16(acc: int32x4_t, a: int16x4_t, b: i16) -> int32x4_t {
    lanes(acc, a, |acc, a| {
        acc.wrapping_add(i32::from(a) * i32::from(b))
    })
}

pub(super) fn vaddw_s16(a: int32x4_t, b: int16x4_t) -> int32x4_t {
    lanes(a, b, |a, b| a.wrapping_add(i32::from(b)))
}

pub(super) fn vminq_s32(a: int32x4_t, b: int32x4_t) -> int32x4_t {
    lanes(a, b, i32::min)
}

pub(super) fn vmaxq_s32(a: int32x4_t, b: int32x4_t) -> int32x4_t {
    lanes(a, b, i32::max)
}

pub(super) fn vminq_f32(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    lanes(a, b, f32::min)
}

pub(super) fn vmaxq_f32(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    lanes(a, b, f32::max)
}

pub(super) fn vmulq_f32(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    lanes(a, b, |a, b| a * b)
}

pub(super) fn vmulq_n_f32(a: float32x4_t, b: f32) -> float32x4_t {
    a.map(|a| a * b)
}

pub(super) fn vaddq_f32(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    lanes(a, b, |a, b| a + b)
}

pub(super) fn vcvtq_f32_s32(v: int32x4_t) -> float32x4_t {
    v.map(|v| v as f32)
}

pub(super) fn vcvtnq_s32_f32(v: float32x4_t) -> int32x4_t {
    v.map(|v| v.round_ties_even() as i32)
}

pub(super) fn vcltzq_s32(v: int32x4_t) -> uint32x4_t {
    v.map(|v| if v < 0 { u32::MAX } else { 0 })
}

pub(super) fn vbslq_f32(mask: uint32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
    std::array::from_fn(|i| f32::from_bits(mask[i] & a[i].to_bits() | !mask[i] & b[i].to_bits()))
}
