//! Fields whose sample type is known at run time.

use std::borrow::Cow;
use std::ops::Range;

use crate::base::dtype::{Dtype, Element, dtype_dispatch, f16};
use crate::base::grid::Shape;
use crate::volume::Volume;

/// A volume of any sample type; [`dtype_dispatch!`](crate::dtype_dispatch) tells which.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyVolume {
    /// Half precision.
    F16(Volume<f16>),
    /// Single precision.
    F32(Volume<f32>),
    /// Double precision.
    F64(Volume<f64>),
    /// Unsigned integers of 8 bits.
    U8(Volume<u8>),
    /// Integers of 8 bits.
    I8(Volume<i8>),
    /// Unsigned integers of 16 bits.
    U16(Volume<u16>),
    /// Integers of 16 bits.
    I16(Volume<i16>),
    /// Unsigned integers of 32 bits.
    U32(Volume<u32>),
    /// Integers of 32 bits.
    I32(Volume<i32>),
}

impl AnyVolume {
    /// The extents.
    #[must_use]
    pub fn shape(&self) -> Shape {
        dtype_dispatch!(self, Self(v) => v.shape())
    }

    /// The sample type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        dtype_dispatch!(self, Self(v) => type_of(v.data()))
    }
}

/// The type of some values.
fn type_of<E: Element>(_: &[E]) -> Dtype {
    E::DTYPE
}

/// The values of a field, `x` fastest, borrowed where the source allowed it;
/// [`dtype_dispatch!`](crate::dtype_dispatch) tells of which type.
#[derive(Clone, Debug)]
pub enum Values<'a> {
    /// Half precision.
    F16(Cow<'a, [f16]>),
    /// Single precision.
    F32(Cow<'a, [f32]>),
    /// Double precision.
    F64(Cow<'a, [f64]>),
    /// Unsigned integers of 8 bits.
    U8(Cow<'a, [u8]>),
    /// Integers of 8 bits.
    I8(Cow<'a, [i8]>),
    /// Unsigned integers of 16 bits.
    U16(Cow<'a, [u16]>),
    /// Integers of 16 bits.
    I16(Cow<'a, [i16]>),
    /// Unsigned integers of 32 bits.
    U32(Cow<'a, [u32]>),
    /// Integers of 32 bits.
    I32(Cow<'a, [i32]>),
}

impl Values<'_> {
    /// The sample type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        dtype_dispatch!(self, Self(v) => type_of(v))
    }

    /// Some of the values; none where the range leaves them.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Values<'_> {
        dtype_dispatch!(self, Self(v) => Cow::from(v.get(range).unwrap_or_default()).into())
    }

    /// Number of values.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a field has at least one
    pub fn len(&self) -> usize {
        dtype_dispatch!(self, Self(v) => v.len())
    }
}

macro_rules! from_each {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<Volume<$type>> for AnyVolume {
            fn from(volume: Volume<$type>) -> Self {
                Self::$variant(volume)
            }
        }

        impl<'a> From<Cow<'a, [$type]>> for Values<'a> {
            fn from(values: Cow<'a, [$type]>) -> Self {
                Self::$variant(values)
            }
        }
    )*};
}

from_each!(
    f16 => F16, f32 => F32, f64 => F64,
    u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32
);
