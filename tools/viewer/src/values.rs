//! Boxes of levels as numbers for the page.

use srt::{
    AnyVolume, Dtype, Element, Error, ErrorKind, FrameReader, Region, Result, Shape, Values,
    Volume, dtype_dispatch,
};

use crate::place::FramePlace;
use crate::query::Quantity;
use crate::viewer::{Decoded, Viewer};

/// Numbers, `x` fastest; voxels without one (masked ones, infinities) are NaN.
pub(crate) enum Numbers {
    Single(Vec<f32>),
    /// Of fields that are computed in double precision.
    Double(Vec<f64>),
}

impl Numbers {
    /// The type's name in answers.
    pub(crate) fn dtype(&self) -> &'static str {
        match self {
            Self::Single(_) => "f32",
            Self::Double(_) => "f64",
        }
    }

    /// Little endian.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Single(values) => bytes_of(values, |value| value.to_le_bytes()),
            Self::Double(values) => bytes_of(values, |value| value.to_le_bytes()),
        }
    }
}

fn bytes_of<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len() * N);
    for &value in values {
        out.extend_from_slice(&bytes(value));
    }
    out
}

/// What a request asks for.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) place: FramePlace,
    pub(crate) level: usize,
    /// All of the level without.
    pub(crate) region: Option<Region>,
    pub(crate) quantity: Quantity,
}

/// The numbers of a request.
///
/// # Errors
/// Those of decoding; `InvalidArgument` for errors where no original is given, or above level 0.
pub(crate) fn numbers(viewer: &Viewer, request: Request) -> Result<Numbers> {
    let Request { place, level, .. } = request;
    let frame = viewer.frame(place)?;
    let decoded = viewer.decoded(place, level, request.region)?;
    let ordinary = ordinary_values(frame, level);
    let keep = |value: f64| (ordinary.0..=ordinary.1).contains(&value);
    let original = match request.quantity {
        Quantity::Values => None,
        Quantity::Error => Some(original_box(viewer, place, level, decoded.wanted)?),
    };
    let volume = &*decoded.volume;
    let is_double = volume.dtype().working() == Dtype::F64;
    Ok(match original {
        Some(original) => {
            let values = dtype_dispatch!(volume, AnyVolume(v) => double(&decoded, v, keep));
            errors(&values, &original)
        }
        None if is_double => {
            Numbers::Double(dtype_dispatch!(volume, AnyVolume(v) => double(&decoded, v, keep)))
        }
        None => Numbers::Single(dtype_dispatch!(volume, AnyVolume(v) => single(&decoded, v, keep))),
    })
}

/// Between which values a voxel is one of the field's own and not masked: those that were encoded, and what they may be off
/// by. Above level 0 a mask is not applied and values may lie further out.
fn ordinary_values(frame: FrameReader<'_>, level: usize) -> (f64, f64) {
    if level > 0 {
        return (f64::MIN, f64::MAX);
    }
    let (low, high) = frame.range();
    // The error was measured between the types that files hold: a little more, for what rounding makes of it.
    let margin = frame.max_error() * 1.000_001;
    (low - margin, high + margin)
}

/// The wanted box of a volume around it.
fn crop<T: Element>(decoded: &Decoded, volume: &Volume<T>) -> Vec<T> {
    let own = volume.shape().region();
    own.crop(volume.data(), &decoded.part())
}

fn single<T: Element>(
    decoded: &Decoded,
    volume: &Volume<T>,
    keep: impl Fn(f64) -> bool,
) -> Vec<f32> {
    let ordinary = |value: T| {
        let value = value.to_f64();
        if keep(value) { value as f32 } else { f32::NAN }
    };
    crop(decoded, volume).into_iter().map(ordinary).collect()
}

fn double<T: Element>(
    decoded: &Decoded,
    volume: &Volume<T>,
    keep: impl Fn(f64) -> bool,
) -> Vec<f64> {
    let ordinary = |value: T| {
        let value = value.to_f64();
        if keep(value) { value } else { f64::NAN }
    };
    crop(decoded, volume).into_iter().map(ordinary).collect()
}

/// The original's values in a box of level 0.
fn original_box(
    viewer: &Viewer,
    place: FramePlace,
    level: usize,
    wanted: Region,
) -> Result<Vec<f64>> {
    let Some(original) = viewer.original(place)? else {
        return Err(Error::invalid("no original of this frame is given"));
    };
    if level > 0 {
        return Err(Error::invalid("errors are those of level 0"));
    }
    let shape = original.shape();
    let decoded = viewer.frame(place)?.domain();
    if shape != decoded {
        let message = format!("an original of {decoded} voxels expected, {shape} found");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let values = original.values()?;
    Ok(dtype_dispatch!(values, Values(values) => crop_of(shape, &values, wanted)))
}

fn crop_of<T: Element>(shape: Shape, values: &[T], wanted: Region) -> Vec<f64> {
    let values = shape.region().crop(values, &wanted).into_iter();
    values.map(Element::to_f64).collect()
}

/// Decoded less original. In single precision: an error has no more digits that matter.
fn errors(decoded: &[f64], original: &[f64]) -> Numbers {
    let pairs = decoded.iter().zip(original);
    let error = |(decoded, original): (&f64, &f64)| {
        let error = decoded - original;
        if error.is_finite() {
            error as f32
        } else {
            f32::NAN
        }
    };
    Numbers::Single(pairs.map(error).collect())
}
