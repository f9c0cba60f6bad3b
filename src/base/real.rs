//! The two working precisions: binary32 for f16 and f32 fields, binary64 for f64 fields.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// Values in one of the working precisions, for what is not generic.
#[derive(Clone, Copy, Debug)]
pub enum RealSlice<'a> {
    /// binary32.
    F32(&'a [f32]),
    /// binary64.
    F64(&'a [f64]),
}

/// [`RealSlice`] to be written.
#[derive(Debug)]
pub enum RealSliceMut<'a> {
    /// binary32.
    F32(&'a mut [f32]),
    /// binary64.
    F64(&'a mut [f64]),
}

/// A working precision, what is computed with. Every operation used on it in decoding is one IEEE 754 operation, rounded to
/// nearest even; nothing is fused or reordered (spec section 6).
pub trait Real:
    sealed::Sealed
    + Copy
    + Default
    + Debug
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// Values with their precision.
    fn values(values: &[Self]) -> RealSlice<'_>;
    /// [`Real::values`], to be written.
    fn values_mut(values: &mut [Self]) -> RealSliceMut<'_>;
    /// Nearest value.
    fn from_f64(value: f64) -> Self;
    /// Exact widening.
    fn to_f64(self) -> f64;
    /// Nearest value.
    fn from_i32(value: i32) -> Self;
    /// Exact for binary64, exact widening of a binary32 prediction.
    fn from_f32(value: f32) -> Self;
    /// Nearest binary32.
    fn to_f32(self) -> f32;
    /// Magnitude.
    fn abs(self) -> Self;
    /// Truncation toward zero, saturating.
    fn to_i32(self) -> i32;
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    fn values(values: &[Self]) -> RealSlice<'_> {
        RealSlice::F32(values)
    }
    fn values_mut(values: &mut [Self]) -> RealSliceMut<'_> {
        RealSliceMut::F32(values)
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn from_i32(value: i32) -> Self {
        value as f32
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn to_i32(self) -> i32 {
        self as i32
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    fn values(values: &[Self]) -> RealSlice<'_> {
        RealSlice::F64(values)
    }
    fn values_mut(values: &mut [Self]) -> RealSliceMut<'_> {
        RealSliceMut::F64(values)
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn from_i32(value: i32) -> Self {
        f64::from(value)
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        f64::from(value)
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self as f32
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn to_i32(self) -> i32 {
        self as i32
    }
}

/// A number in a message: its digits, or with an exponent where these would be many.
#[must_use]
pub fn short_number(value: f64) -> String {
    let digits = value.to_string();
    if digits.len() <= 20 {
        return digits;
    }
    format!("{value:e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_many_digits_are_shown_with_an_exponent() {
        let shown = [40.0, 0.001, 1e-4, 123_456_789.5, 1e300, -2.5e-200].map(short_number);
        assert_eq!(
            shown,
            ["40", "0.001", "0.0001", "123456789.5", "1e300", "-2.5e-200"]
        );
    }
}
