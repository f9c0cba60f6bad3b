//! Integers as sample types. They are computed with in floating point, which holds them exactly, and rounded to the nearest
//! integer of their type at the end (spec section 4.1).

use rayon::prelude::*;

use crate::base::dtype::{ByteOrder, Dtype, Element, PARALLEL_FROM, sealed};

/// One and a half times 2^52: what is added to this and taken off again is rounded to an integer, halves to even ones.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// The nearest integer from `least` to `largest`, which are below 2^51 in magnitude; 0 for NaN. Two IEEE 754 operations and
/// comparisons: the same on every processor.
#[inline(always)]
fn nearest(value: f64, least: f64, largest: f64) -> f64 {
    let value = if value < least { least } else { value };
    let value = if value > largest { largest } else { value };
    (value + ROUNDER) - ROUNDER
}

macro_rules! integer {
    ($type:ident, $unsigned:ident, $dtype:ident, $work:ident) => {
        impl sealed::Sealed for $type {}

        impl Element for $type {
            type Work = $work;
            type Coded = $work;
            const DTYPE: Dtype = Dtype::$dtype;
            const EXPONENT: u64 = 0;
            const QUIET_NAN: u64 = 0;

            #[inline]
            fn to_bits64(self) -> u64 {
                u64::from(self as $unsigned)
            }

            #[inline]
            fn from_bits64(bits: u64) -> Self {
                bits as Self
            }

            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline]
            fn from_f64(value: f64) -> Self {
                nearest(value, f64::from(Self::MIN), f64::from(Self::MAX)) as Self
            }

            fn to_coded(values: Vec<Self>) -> Vec<$work> {
                values.into_iter().map($work::from).collect()
            }

            fn from_coded(values: Vec<$work>) -> Vec<Self> {
                Self::from_work(values)
            }

            fn from_work(values: Vec<$work>) -> Vec<Self> {
                let values = values.into_par_iter().with_min_len(PARALLEL_FROM);
                values.map(|v| Self::from_f64(f64::from(v))).collect()
            }

            fn decode(bytes: &[u8], order: ByteOrder) -> Vec<Self> {
                let samples = bytes.as_chunks::<{ size_of::<Self>() }>().0;
                let samples = samples.par_iter().with_min_len(PARALLEL_FROM);
                match order {
                    ByteOrder::Little => samples.map(|b| Self::from_le_bytes(*b)).collect(),
                    ByteOrder::Big => samples.map(|b| Self::from_be_bytes(*b)).collect(),
                }
            }

            fn encode_le(values: &[Self], out: &mut Vec<u8>) {
                out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            }
        }
    };
}

integer!(u8, u8, U8, f32);
integer!(i8, u8, I8, f32);
integer!(u16, u16, U16, f32);
integer!(i16, u16, I16, f32);
integer!(u32, u32, U32, f64);
integer!(i32, u32, I32, f64);

#[cfg(test)]
mod tests {
    use super::*;

    fn check<E: Element>(least: f64, largest: f64) {
        for (value, expected) in [
            (least - 0.75, least),
            (largest + 0.75, largest),
            (f64::NEG_INFINITY, least),
            (f64::INFINITY, largest),
            (f64::NAN, 0.0),
            (-0.5, 0.0),
            (2.5, 2.0),
            (3.5, 4.0),
            (3.499_999, 3.0),
            (largest - 0.25, largest),
        ] {
            assert_eq!(E::from_f64(value).to_f64(), expected, "{value}");
        }
        let ends = [least, -0.0, 1.0, largest].map(E::from_f64);
        let bits = ends.map(|v| E::from_bits64(v.to_bits64()));
        assert_eq!(bits.map(E::to_f64), [least, 0.0, 1.0, largest]);
        assert!(ends.into_iter().all(E::is_finite));
        let mut bytes = Vec::new();
        E::encode_le(&ends, &mut bytes);
        assert_eq!(E::decode(&bytes, ByteOrder::Little), ends);
        let turned: Vec<u8> = bytes
            .chunks(size_of::<E>())
            .flat_map(|v| v.iter().rev().copied())
            .collect();
        assert_eq!(E::decode(&turned, ByteOrder::Big), ends);
        assert_eq!(E::from_mark(largest), Some(ends[3]));
        assert_eq!(E::from_mark(largest + 1.0), None);
        assert_eq!(E::from_mark(f64::NAN), None);
        assert_eq!(E::from_mark(0.5), None);
    }

    #[test]
    fn numbers_become_the_nearest_integers_of_their_type() {
        check::<u8>(0.0, 255.0);
        check::<i8>(-128.0, 127.0);
        check::<u16>(0.0, 65535.0);
        check::<i16>(-32768.0, 32767.0);
        check::<u32>(0.0, 4_294_967_295.0);
        check::<i32>(-2_147_483_648.0, 2_147_483_647.0);
    }
}
