//! Fields to read: from a memory map without a copy where the bytes allow it.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use half::f16;
use rayon::prelude::*;

use crate::base::dtype::{ByteOrder, Dtype, Element, dtype_dispatch};
use crate::base::error::{Error, Result};
use crate::base::file::FileBytes;
use crate::base::grid::Shape;
use crate::volume::io::cast::cast;
use crate::volume::io::layout::{ArrayLayout, told};
use crate::volume::io::npy;
use crate::volume::{AnyVolume, Values, Volume, VolumeView};

/// A field in a file or in memory, read on demand.
///
/// Regular files are mapped, not loaded; they must not be shortened while the value lives. Pipes and
/// devices are read into memory, as far as the field goes.
///
/// `.npy`: versions 1 to 3, C and Fortran order, either byte order, types f16, f32, f64 and integers of up to 32 bits, rank 1
/// to 3. Leading axes of length 1 beyond rank 3 are dropped: `(1, 1, 64, 64)` is read as
/// `(1, 64, 64)`; an array of rank 3 keeps its rank.
#[derive(Debug)]
pub struct Input {
    bytes: Arc<FileBytes>,
    layout: ArrayLayout,
}

impl Input {
    /// Opens a `.npy` file.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` for a damaged file, `Unsupported` for its type or version,
    /// `InvalidArgument` for its rank or when it is no `.npy` file, `Io`.
    pub fn open_npy(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        FileBytes::load(path)
            .and_then(Self::from_npy)
            .map_err(|e| e.within(path.display()))
    }

    /// Opens a file of little-endian samples, `x` fastest, without a header.
    ///
    /// # Errors
    /// `Truncated` when the file is shorter than `shape` and `dtype` imply, `InvalidArgument` when it
    /// is longer, `Io`.
    pub fn open_raw(path: impl AsRef<Path>, shape: Shape, dtype: Dtype) -> Result<Self> {
        let path = path.as_ref();
        raw_layout(Some(shape), Some(dtype))
            .and_then(|layout| Self::from_raw(FileBytes::load(path)?, layout))
            .map_err(|e| e.within(path.display()))
    }

    pub(super) fn from_npy(bytes: FileBytes) -> Result<Self> {
        if !is_npy(bytes.bytes()) {
            return Err(Error::invalid("not an npy file: its first bytes differ"));
        }
        let layout = npy::parse(bytes.bytes())?;
        check_len(bytes.bytes().len(), &layout)?;
        Ok(Self {
            bytes: Arc::new(bytes),
            layout,
        })
    }

    pub(super) fn from_raw(bytes: FileBytes, layout: ArrayLayout) -> Result<Self> {
        check_len(bytes.bytes().len(), &layout)?;
        Ok(Self {
            bytes: Arc::new(bytes),
            layout,
        })
    }

    /// A field among others in `bytes`, which have all of it.
    pub(super) fn of_step(bytes: Arc<FileBytes>, layout: ArrayLayout) -> Self {
        Self { bytes, layout }
    }

    pub(super) fn agreeing(self, shape: Option<Shape>, dtype: Option<Dtype>) -> Result<Self> {
        if let Some(shape) = shape.filter(|&s| s != self.layout.shape) {
            return Err(Error::invalid(format!(
                "shape {shape} given, but the npy header says {}",
                self.layout.shape
            )));
        }
        if let Some(dtype) = dtype.filter(|&d| d != self.layout.dtype) {
            return Err(Error::invalid(format!(
                "type {dtype} given, but the npy header says {}",
                self.layout.dtype
            )));
        }
        Ok(self)
    }

    /// Checks that the field would be whole with `more` bytes after it.
    pub(super) fn check_followed_by(&self, more: usize) -> Result<()> {
        check_len(self.bytes.bytes().len().saturating_add(more), &self.layout)
    }

    /// The extents.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.layout.shape
    }

    /// The sample type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.layout.dtype
    }

    /// All values, `x` fastest: borrowed when the source holds them in native byte order, C order and
    /// aligned; otherwise a converted copy, made anew by each call.
    ///
    /// # Errors
    /// `InvalidArgument` when the field is not of type `T`.
    pub fn as_slice<T: Element>(&self) -> Result<Cow<'_, [T]>> {
        let layout = &self.layout;
        if layout.dtype != T::DTYPE {
            return Err(Error::invalid(format!(
                "field of {} expected, {} found",
                T::DTYPE,
                layout.dtype
            )));
        }
        let bytes = self.bytes.bytes().get(layout.offset..).unwrap_or_default();
        let (len, size) = (layout.shape.len(), layout.dtype.size());
        let values = match layout.runs {
            Some(runs) => Cow::Owned(T::decode(&runs.gather(bytes, len, size), layout.order)),
            None => in_one_piece(&bytes[..bytes.len().min(len * size)], layout.order),
        };
        if layout.fortran {
            Ok(Cow::Owned(to_c_order(layout.shape, &values)))
        } else {
            Ok(values)
        }
    }

    /// [`Input::as_slice`] for half precision.
    ///
    /// # Errors
    /// `InvalidArgument` when the field is of another type.
    pub fn as_f16(&self) -> Result<Cow<'_, [f16]>> {
        self.as_slice()
    }

    /// [`Input::as_slice`] for single precision.
    ///
    /// # Errors
    /// `InvalidArgument` when the field is of another type.
    pub fn as_f32(&self) -> Result<Cow<'_, [f32]>> {
        self.as_slice()
    }

    /// [`Input::as_slice`] for double precision.
    ///
    /// # Errors
    /// `InvalidArgument` when the field is of another type.
    pub fn as_f64(&self) -> Result<Cow<'_, [f64]>> {
        self.as_slice()
    }

    /// All values in the field's own type, to match on.
    ///
    /// # Errors
    /// None today; kept as [`Input::as_slice`] has it.
    pub fn values(&self) -> Result<Values<'_>> {
        dtype_dispatch!(self.layout.dtype, E => self.as_slice::<E>().map(Values::from))
    }

    /// The field without a copy, where [`Input::as_slice`] makes none: to be encoded.
    ///
    /// # Errors
    /// None today; kept as [`Input::values`] has it.
    pub fn view(&self) -> Result<VolumeView<'_>> {
        VolumeView::new(self.shape(), self.values()?)
    }

    /// Lets go of the pages that a range of values lies in, where the file is mapped: reading them again
    /// brings them back.
    pub fn release(&self, values: Range<usize>) {
        if self.layout.runs.is_some() {
            return;
        }
        let size = self.layout.dtype.size();
        let place = |value: usize| self.layout.offset + value * size;
        self.bytes.release(place(values.start)..place(values.end));
    }

    /// The field as a volume of its own.
    ///
    /// # Errors
    /// None today; kept as [`Volume::new`] has it.
    pub fn to_volume(&self) -> Result<AnyVolume> {
        let shape = self.shape();
        dtype_dispatch!(self.values()?, Values(v) => {
            Volume::new(shape, v.into_owned()).map(AnyVolume::from)
        })
    }
}

/// Values that lie one behind the other, without a copy where the machine has them so.
fn in_one_piece<T: Element>(bytes: &[u8], order: ByteOrder) -> Cow<'_, [T]> {
    let native = (order == ByteOrder::NATIVE).then(|| cast::<T>(bytes));
    let decoded = || Cow::Owned(T::decode(bytes, order));
    native.flatten().map_or_else(decoded, Cow::Borrowed)
}

pub(super) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(npy::MAGIC)
}

pub(super) fn raw_layout(shape: Option<Shape>, dtype: Option<Dtype>) -> Result<ArrayLayout> {
    let (shape, dtype) = told(shape, dtype)?;
    Ok(ArrayLayout {
        offset: 0,
        shape,
        dtype,
        order: ByteOrder::Little,
        fortran: false,
        runs: None,
    })
}

fn check_len(found: usize, layout: &ArrayLayout) -> Result<()> {
    let expected = layout.data_len()?.checked_add(layout.offset);
    let Some(expected) = expected else {
        return Err(Error::invalid("field too large for this machine"));
    };
    let message = || {
        let header = match layout.offset {
            0 => String::new(),
            n => format!(" after a header of {n}"),
        };
        format!(
            "{expected} bytes expected for {} of {}{header}, {found} found",
            layout.shape, layout.dtype
        )
    };
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(Error::truncated(message())),
        std::cmp::Ordering::Greater if layout.offset == 0 => {
            Err(Error::invalid(format!("{} or more", message())))
        }
        std::cmp::Ordering::Greater => Err(Error::corrupt(format!("{} or more", message()))),
    }
}

/// Planes (or rows of a single plane) turned over together, so that both reads and writes use whole
/// cache lines.
const TURN: usize = 16;

/// Values with the first axis fastest, put into the order with the last axis fastest.
fn to_c_order<T: Element>(shape: Shape, src: &[T]) -> Vec<T> {
    let [slow, mid, fast] = match shape.dims() {
        [1, ny, nx] => [ny, 1, nx],
        dims => dims,
    };
    let mut out = vec![T::default(); src.len()];
    let plane = mid * fast;
    out.par_chunks_mut(TURN * plane)
        .enumerate()
        .for_each(|(group, out)| {
            let first = group * TURN;
            for m in 0..mid {
                for f in 0..fast {
                    let from = &src[slow * (m + mid * f) + first..];
                    let to = out[m * fast + f..].iter_mut().step_by(plane);
                    to.zip(from).for_each(|(to, &from)| *to = from);
                }
            }
        });
    out
}
