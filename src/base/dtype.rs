//! Sample types of a field and the conversions between their values and bytes.
//!
//! [`Dtype`] is the type as data, [`Element`] the type itself; [`dtype_dispatch!`](crate::dtype_dispatch)
//! goes from the first to the second and is the only place that lists all of them.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::base::real::{Real, RealSlice};

pub use half::f16;

pub use crate::dtype_dispatch;

/// Values below this count are converted by one thread.
pub(super) const PARALLEL_FROM: usize = 1 << 16;

/// Sample type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE 754 binary16.
    F16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// Unsigned integers of 8 bits.
    U8,
    /// Integers of 8 bits.
    I8,
    /// Unsigned integers of 16 bits.
    U16,
    /// Integers of 16 bits.
    I16,
    /// Unsigned integers of 32 bits.
    U32,
    /// Integers of 32 bits.
    I32,
}

/// Added to the bytes of an unsigned integer in the number that stands for its type in files.
const UNSIGNED: u8 = 0x10;
/// The same of an integer with a sign.
const SIGNED: u8 = 0x20;

impl Dtype {
    /// All types.
    pub const ALL: [Self; 9] = [
        Self::F16,
        Self::F32,
        Self::F64,
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
    ];

    /// Bytes of one sample.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::F16 | Self::U16 | Self::I16 => 2,
            Self::F32 | Self::U32 | Self::I32 => 4,
            Self::F64 => 8,
        }
    }

    /// Whether all values are whole numbers.
    #[must_use]
    pub fn is_integer(self) -> bool {
        match self {
            Self::F16 | Self::F32 | Self::F64 => false,
            Self::U8 | Self::I8 | Self::U16 | Self::I16 | Self::U32 | Self::I32 => true,
        }
    }

    /// Bits of the mantissa, without the one that is not stored; of an integer, which has none, all.
    #[must_use]
    pub fn mantissa_bits(self) -> u32 {
        match self {
            Self::F16 => 10,
            Self::F32 => 23,
            Self::F64 => 52,
            Self::U8 | Self::I8 => 8,
            Self::U16 | Self::I16 => 16,
            Self::U32 | Self::I32 => 32,
        }
    }

    /// The type that a number stands for in files (spec section 4.1), if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.code() == code)
    }

    /// The number that stands for the type in files (spec section 4.1).
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::U8 => UNSIGNED | 1,
            Self::U16 => UNSIGNED | 2,
            Self::U32 => UNSIGNED | 4,
            Self::I8 => SIGNED | 1,
            Self::I16 => SIGNED | 2,
            Self::I32 => SIGNED | 4,
        }
    }

    /// The type of [`Element::Work`]: F32 for types of up to 16 bits and F32, F64 for the others.
    #[must_use]
    pub fn working(self) -> Self {
        match self {
            Self::F16 | Self::F32 | Self::U8 | Self::I8 | Self::U16 | Self::I16 => Self::F32,
            Self::F64 | Self::U32 | Self::I32 => Self::F64,
        }
    }

    /// A working precision as data: F32 or F64.
    #[must_use]
    pub fn of<T: Real>() -> Self {
        match T::values(&[]) {
            RealSlice::F32(_) => Self::F32,
            RealSlice::F64(_) => Self::F64,
        }
    }
}

/// Evaluates an expression for the one of the sample types that a value stands for.
///
/// - `dtype_dispatch!(dtype, E => expression)`: `E` is the type that the [`Dtype`] `dtype` names.
/// - `dtype_dispatch!(value, Enum(v) => expression)`: `v` is what the variant of `value` holds, for an
///   enum with the variants of [`Dtype`], such as [`AnyVolume`](crate::volume::AnyVolume) and
///   [`Values`](crate::volume::Values).
///
/// ```
/// use srt::{AnyVolume, Dtype, Element, Shape, Volume, dtype_dispatch};
///
/// fn zeros(dtype: Dtype, shape: Shape) -> AnyVolume {
///     dtype_dispatch!(dtype, E => Volume::<E>::zeros(shape).into())
/// }
///
/// let volume = zeros(Dtype::F16, Shape::new(&[2, 3])?);
/// let sum: f64 = dtype_dispatch!(&volume, AnyVolume(v) => v.data().iter().map(|v| v.to_f64()).sum());
/// assert_eq!(sum, 0.0);
/// # Ok::<(), srt::Error>(())
/// ```
#[macro_export]
macro_rules! dtype_dispatch {
    ($value:expr, $enum:ident($held:pat) => $body:expr) => {
        match $value {
            $enum::F16($held) => $body,
            $enum::F32($held) => $body,
            $enum::F64($held) => $body,
            $enum::U8($held) => $body,
            $enum::I8($held) => $body,
            $enum::U16($held) => $body,
            $enum::I16($held) => $body,
            $enum::U32($held) => $body,
            $enum::I32($held) => $body,
        }
    };
    ($dtype:expr, $element:ident => $body:expr) => {
        match $dtype {
            $crate::Dtype::F16 => {
                type $element = $crate::f16;
                $body
            }
            $crate::Dtype::F32 => {
                type $element = f32;
                $body
            }
            $crate::Dtype::F64 => {
                type $element = f64;
                $body
            }
            $crate::Dtype::U8 => {
                type $element = u8;
                $body
            }
            $crate::Dtype::I8 => {
                type $element = i8;
                $body
            }
            $crate::Dtype::U16 => {
                type $element = u16;
                $body
            }
            $crate::Dtype::I16 => {
                type $element = i16;
                $body
            }
            $crate::Dtype::U32 => {
                type $element = u32;
                $body
            }
            $crate::Dtype::I32 => {
                type $element = i32;
                $body
            }
        }
    };
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
        })
    }
}

impl FromStr for Dtype {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|d| d.to_string() == text);
        found.ok_or_else(|| {
            Error::invalid(format!(
                "type f16, f32, f64, u8, i8, u16, i16, u32 or i32 expected, '{text}' found"
            ))
        })
    }
}

/// Byte order of samples in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// The order of the machine this runs on.
    pub const NATIVE: Self = if cfg!(target_endian = "little") {
        Self::Little
    } else {
        Self::Big
    };
}

pub(super) mod sealed {
    pub trait Sealed {}
    impl Sealed for half::f16 {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A sample type, what is stored: `half::f16`, `f32`, `f64`, or an integer of up to 32 bits. Every bit pattern of its size is
/// a value of it.
pub trait Element:
    sealed::Sealed + Copy + Default + PartialEq + PartialOrd + fmt::Debug + Send + Sync + 'static
{
    /// The precision it is computed in: binary32 for f16, f32 and integers of up to 16 bits, binary64 for the others.
    type Work: Real;

    /// What the raster form codes values as: themselves, or the working precision for integers.
    type Coded: Element<Work = Self::Work>;

    /// The type's name as data.
    const DTYPE: Dtype;

    /// The exponent's bits in [`Element::to_bits64`]: all set for infinities and NaN only. 0 for integers.
    const EXPONENT: u64;

    /// Bit pattern of the NaN that stands for all others where they cannot be told apart: quiet,
    /// positive, no payload. 0 for integers, which have none.
    const QUIET_NAN: u64;

    /// The bit pattern, in the low bits.
    fn to_bits64(self) -> u64;

    /// The value with this bit pattern; bits above the type's size are ignored.
    fn from_bits64(bits: u64) -> Self;

    /// Neither an infinity nor NaN.
    #[inline]
    fn is_finite(self) -> bool {
        Self::EXPONENT == 0 || self.to_bits64() & Self::EXPONENT != Self::EXPONENT
    }

    /// The value in double precision; exact for all types.
    fn to_f64(self) -> f64;

    /// The nearest value of this type, ties to even. Integers saturate, and NaN is 0 as one.
    fn from_f64(value: f64) -> Self;

    /// The value that a mark of voxels without data has in this type: the nearest float, or that very integer. `None`
    /// where there is none.
    #[must_use]
    fn from_mark(mark: f64) -> Option<Self> {
        let value = Self::from_f64(mark);
        (!Self::DTYPE.is_integer() || value.to_f64() == mark).then_some(value)
    }

    /// Values as the raster form codes them; those that are what they are coded as move.
    fn to_coded(values: Vec<Self>) -> Vec<Self::Coded>;

    /// The nearest samples to what the raster form gives.
    fn from_coded(values: Vec<Self::Coded>) -> Vec<Self>;

    /// Rounds working values to samples; where both are the same type the values move.
    fn from_work(values: Vec<Self::Work>) -> Vec<Self>;

    /// Values from bytes; a rest shorter than one sample is ignored.
    fn decode(bytes: &[u8], order: ByteOrder) -> Vec<Self>;

    /// Appends the values as little-endian bytes.
    fn encode_le(values: &[Self], out: &mut Vec<u8>);
}

macro_rules! element {
    ($type:ty, $bits:ty, $dtype:ident, $size:literal, $exponent:literal, $to:expr, $from:expr, $work:ty, $from_work:expr) => {
        impl Element for $type {
            type Work = $work;
            type Coded = Self;
            const DTYPE: Dtype = Dtype::$dtype;
            const EXPONENT: u64 = $exponent;
            // The exponent and the highest bit of the mantissa.
            const QUIET_NAN: u64 = $exponent | ($exponent & !($exponent << 1)) >> 1;

            #[inline]
            fn to_bits64(self) -> u64 {
                u64::from(self.to_bits())
            }

            #[inline]
            fn from_bits64(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }

            #[inline]
            fn to_f64(self) -> f64 {
                $to(self)
            }

            #[inline]
            fn from_f64(value: f64) -> Self {
                $from(value)
            }

            fn to_coded(values: Vec<Self>) -> Vec<Self> {
                values
            }

            fn from_coded(values: Vec<Self>) -> Vec<Self> {
                values
            }

            fn from_work(values: Vec<$work>) -> Vec<Self> {
                $from_work(values)
            }

            fn decode(bytes: &[u8], order: ByteOrder) -> Vec<Self> {
                let samples = bytes.as_chunks::<$size>().0;
                let samples = samples.par_iter().with_min_len(PARALLEL_FROM);
                match order {
                    ByteOrder::Little => samples.map(|b| Self::from_le_bytes(*b)).collect(),
                    ByteOrder::Big => samples.map(|b| Self::from_be_bytes(*b)).collect(),
                }
            }

            fn encode_le(values: &[Self], out: &mut Vec<u8>) {
                let before = out.len();
                out.resize(before + values.len() * $size, 0);
                let bytes = out[before..].as_chunks_mut::<$size>().0;
                for (bytes, v) in bytes.iter_mut().zip(values) {
                    *bytes = v.to_le_bytes();
                }
            }
        }
    };
}

element!(
    f16,
    u16,
    F16,
    2,
    0x7C00,
    f16::to_f64,
    f16::from_f64,
    f32,
    round_to_f16
);
element!(
    f32,
    u32,
    F32,
    4,
    0x7F80_0000,
    f64::from,
    |v| v as f32,
    f32,
    |values| values
);
element!(
    f64,
    u64,
    F64,
    8,
    0x7FF0_0000_0000_0000,
    |v| v,
    |v| v,
    f64,
    |values| values
);

fn round_to_f16(values: Vec<f32>) -> Vec<f16> {
    let values = values.into_par_iter().with_min_len(PARALLEL_FROM);
    values.map(|v| f16::from_f64(f64::from(v))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<E: Element>() {
        let infinity = E::from_f64(f64::INFINITY);
        assert_eq!(infinity.to_bits64(), E::EXPONENT);
        assert!(!infinity.is_finite() && E::from_f64(-1.5).is_finite());
        let nan = E::from_bits64(E::QUIET_NAN);
        assert!(nan.to_f64().is_nan() && !nan.is_finite());
        assert_eq!(nan.to_bits64(), E::from_f64(f64::NAN).to_bits64());
    }

    #[test]
    fn sizes_and_names_come_back() {
        for dtype in Dtype::ALL {
            assert_eq!(Dtype::from_code(dtype.code()), Some(dtype));
            assert_eq!(usize::from(dtype.code() & 0xF), dtype.size());
            assert_eq!(dtype.to_string().parse::<Dtype>().unwrap(), dtype);
            dtype_dispatch!(dtype, E => {
                assert_eq!((E::DTYPE, size_of::<E>()), (dtype, dtype.size()));
                assert_eq!(Dtype::of::<<E as Element>::Work>(), dtype.working());
            });
        }
        let codes = [2, 4, 8, 0x11, 0x12, 0x14, 0x21, 0x22, 0x24];
        let other = (0..=u8::MAX).filter(|code| !codes.contains(code));
        assert!(other.map(Dtype::from_code).all(|dtype| dtype.is_none()));
    }

    #[test]
    fn special_values_have_their_bit_patterns() {
        check::<f16>();
        check::<f32>();
        check::<f64>();
    }
}
