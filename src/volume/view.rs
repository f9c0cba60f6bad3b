//! Fields borrowed from wherever they lie: what an encoder reads.

use std::any::Any;
use std::borrow::Cow;

use crate::base::dtype::{Dtype, Element, dtype_dispatch, f16};
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::volume::{AnyVolume, Values, Volume};

/// A field without a copy: extents, and values borrowed from a [`Volume`], a slice or a mapped file.
///
/// ```
/// use srt::{Shape, Volume, VolumeView};
///
/// let shape = Shape::new(&[4, 5, 6])?;
/// let slice = [0.5f32; 120];
/// assert_eq!(VolumeView::new(shape, &slice[..])?.shape(), shape);
/// let volume = Volume::new(shape, slice.to_vec())?;
/// assert_eq!(VolumeView::from(&volume).values().len(), 120);
/// # Ok::<(), srt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct VolumeView<'a> {
    shape: Shape,
    values: Values<'a>,
}

impl<'a> VolumeView<'a> {
    /// Values, `x` fastest, on a grid.
    ///
    /// # Errors
    /// `InvalidArgument` when their number does not fit the shape.
    pub fn new(shape: Shape, values: impl Into<Values<'a>>) -> Result<Self> {
        let values = values.into();
        if values.len() != shape.len() {
            return Err(Error::invalid(format!(
                "{} values expected for {shape}, {} found",
                shape.len(),
                values.len()
            )));
        }
        Ok(Self { shape, values })
    }

    /// The extents.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The values, `x` fastest.
    #[must_use]
    pub fn values(&self) -> &Values<'a> {
        &self.values
    }
}

impl<'a> From<&'a AnyVolume> for Values<'a> {
    fn from(volume: &'a AnyVolume) -> Self {
        dtype_dispatch!(volume, AnyVolume(v) => v.into())
    }
}

impl<'a> From<&'a Values<'_>> for Values<'a> {
    fn from(values: &'a Values<'_>) -> Self {
        values.slice(0..values.len())
    }
}

impl<'a> From<&'a AnyVolume> for VolumeView<'a> {
    fn from(volume: &'a AnyVolume) -> Self {
        Self {
            shape: volume.shape(),
            values: volume.into(),
        }
    }
}

macro_rules! borrow {
    ($type:ty, $name:ident) => {
        impl<'a> From<&'a [$type]> for Values<'a> {
            fn from(values: &'a [$type]) -> Self {
                Self::$name(values.into())
            }
        }

        impl<'a> From<&'a Vec<$type>> for Values<'a> {
            fn from(values: &'a Vec<$type>) -> Self {
                Self::$name(values.into())
            }
        }

        impl From<Vec<$type>> for Values<'_> {
            fn from(values: Vec<$type>) -> Self {
                Self::$name(values.into())
            }
        }

        impl<'a> From<&'a Volume<$type>> for Values<'a> {
            fn from(volume: &'a Volume<$type>) -> Self {
                volume.data().into()
            }
        }

        impl<'a> From<&'a Volume<$type>> for VolumeView<'a> {
            fn from(volume: &'a Volume<$type>) -> Self {
                Self {
                    shape: volume.shape(),
                    values: volume.into(),
                }
            }
        }
    };
}

borrow!(f16, F16);
borrow!(f32, F32);
borrow!(f64, F64);
borrow!(u8, U8);
borrow!(i8, I8);
borrow!(u16, U16);
borrow!(i16, I16);
borrow!(u32, U32);
borrow!(i32, I32);

impl AnyVolume {
    /// The volume as one of samples of type `T`, which they must be already: nothing is converted.
    ///
    /// # Errors
    /// `InvalidArgument` when they are of another type.
    pub fn into_typed<T: Element>(self) -> Result<Volume<T>> {
        let found = self.dtype();
        let volume: Box<dyn Any> = dtype_dispatch!(self, Self(v) => Box::new(v));
        let volume = volume.downcast().map(|volume| *volume);
        volume.map_err(|_| other_type(found, T::DTYPE))
    }
}

impl AnyVolume {
    /// The values, which must be of type `T` already.
    ///
    /// # Errors
    /// `InvalidArgument` when they are of another type.
    pub(crate) fn data_of<T: Element>(&self) -> Result<Cow<'_, [T]>> {
        let volume: &dyn Any = dtype_dispatch!(self, Self(v) => v);
        let volume = volume.downcast_ref::<Volume<T>>();
        let volume = volume.ok_or_else(|| other_type(self.dtype(), T::DTYPE))?;
        Ok(Cow::Borrowed(volume.data()))
    }
}

/// A field was asked for as what it is not.
pub(crate) fn other_type(found: Dtype, asked: Dtype) -> Error {
    Error::invalid(format!("a field of {found}, asked for as {asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_borrowed_and_volumes_keep_their_type() {
        let shape = Shape::new(&[2, 3]).unwrap();
        let volume = Volume::new(shape, vec![1.5f32; 6]).unwrap();
        let view = VolumeView::from(&volume);
        let Values::F32(Cow::Borrowed(values)) = view.values() else {
            panic!("a copy");
        };
        assert!(std::ptr::eq(*values, volume.data()));
        assert!(VolumeView::new(shape, vec![0.0f64; 5]).is_err());

        let any = AnyVolume::from(volume.clone());
        assert_eq!(any.clone().into_typed::<f32>().unwrap(), volume);
        let error = any.into_typed::<f64>().unwrap_err().to_string();
        assert!(
            error.contains("a field of f32, asked for as f64"),
            "{error}"
        );
    }
}
