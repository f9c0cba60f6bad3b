//! Sample types of a field and the conversions between their values and bytes.

use std::fmt;
use std::str::FromStr;

use half::f16;
use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::volume::Volume;

/// Values below this count are converted by one thread.
const PARALLEL_FROM: usize = 1 << 16;

/// Sample type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE 754 binary16.
    F16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

impl Dtype {
    /// Bytes of one sample.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

impl FromStr for Dtype {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "f16" => Ok(Self::F16),
            "f32" => Ok(Self::F32),
            "f64" => Ok(Self::F64),
            _ => Err(Error::invalid(format!(
                "type f16, f32 or f64 expected, '{text}' found"
            ))),
        }
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

mod sealed {
    pub trait Sealed {}
    impl Sealed for half::f16 {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A sample type: `half::f16`, `f32` or `f64`. Every bit pattern of its size is a value of it.
pub trait Element:
    sealed::Sealed + Copy + Default + PartialEq + PartialOrd + fmt::Debug + Send + Sync + 'static
{
    /// The type's name as data.
    const DTYPE: Dtype;

    /// The exponent's bits in [`Element::to_bits64`]: all set for infinities and NaN only.
    const EXPONENT: u64;

    /// Bit pattern of the NaN that stands for all others where they cannot be told apart: quiet,
    /// positive, no payload.
    const QUIET_NAN: u64;

    /// The bit pattern, in the low bits.
    fn to_bits64(self) -> u64;

    /// The value with this bit pattern; bits above the type's size are ignored.
    fn from_bits64(bits: u64) -> Self;

    /// Neither an infinity nor NaN.
    #[inline]
    fn is_finite(self) -> bool {
        self.to_bits64() & Self::EXPONENT != Self::EXPONENT
    }

    /// The value in double precision; exact for all three types.
    fn to_f64(self) -> f64;

    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;

    /// Values from bytes; a rest shorter than one sample is ignored.
    fn decode(bytes: &[u8], order: ByteOrder) -> Vec<Self>;

    /// Appends the values as little-endian bytes.
    fn encode_le(values: &[Self], out: &mut Vec<u8>);
}

macro_rules! element {
    ($type:ty, $bits:ty, $dtype:ident, $size:literal, $exponent:literal, $to:expr, $from:expr) => {
        impl Element for $type {
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

element!(f16, u16, F16, 2, 0x7C00, f16::to_f64, f16::from_f64);
element!(f32, u32, F32, 4, 0x7F80_0000, f64::from, |v| v as f32);
element!(f64, u64, F64, 8, 0x7FF0_0000_0000_0000, |v| v, |v| v);

/// A volume of any sample type.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyVolume {
    /// Half precision.
    F16(Volume<f16>),
    /// Single precision.
    F32(Volume<f32>),
    /// Double precision.
    F64(Volume<f64>),
}

impl AnyVolume {
    /// The extents.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::F16(v) => v.shape(),
            Self::F32(v) => v.shape(),
            Self::F64(v) => v.shape(),
        }
    }

    /// The sample type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        match self {
            Self::F16(_) => Dtype::F16,
            Self::F32(_) => Dtype::F32,
            Self::F64(_) => Dtype::F64,
        }
    }
}

impl From<Volume<f16>> for AnyVolume {
    fn from(volume: Volume<f16>) -> Self {
        Self::F16(volume)
    }
}

impl From<Volume<f32>> for AnyVolume {
    fn from(volume: Volume<f32>) -> Self {
        Self::F32(volume)
    }
}

impl From<Volume<f64>> for AnyVolume {
    fn from(volume: Volume<f64>) -> Self {
        Self::F64(volume)
    }
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
    fn special_values_have_their_bit_patterns() {
        check::<f16>();
        check::<f32>();
        check::<f64>();
    }
}
