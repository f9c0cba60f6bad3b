//! Numbers for kinds of errors, bounds, types.

use srt::{Bound, Dtype, ErrorKind};

use crate::failure::Failure;

/// What became of a call. Numbers keep their meaning; new ones may come.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// The bytes contradict the format or a checksum.
    Corrupt = 1,
    /// The file ends before it should.
    Truncated = 2,
    /// Valid as far as can be told, but newer than this reader.
    Unsupported = 3,
    /// A budget of memory or size would be exceeded.
    LimitExceeded = 4,
    /// An argument makes no sense: a null pointer, a box that leaves the grid, another type than the field has.
    InvalidArgument = 5,
    /// The error bound asked for cannot be reached.
    BoundNotMet = 6,
    /// The file names networks that are not at hand.
    MissingWeights = 7,
    /// An accelerator is missing or failed.
    Device = 8,
    /// The operating system reported an error.
    Io = 9,
    /// The handle is closed, was never opened, or is one of another kind.
    DeadHandle = 10,
    /// A function of the caller's asked to stop.
    Stopped = 11,
    /// A defect of the library; the handle is of no use afterwards.
    Internal = 12,
}

impl From<ErrorKind> for Status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Corrupt => Self::Corrupt,
            ErrorKind::Truncated => Self::Truncated,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::LimitExceeded => Self::LimitExceeded,
            ErrorKind::InvalidArgument => Self::InvalidArgument,
            ErrorKind::BoundNotMet => Self::BoundNotMet,
            ErrorKind::MissingWeights => Self::MissingWeights,
            ErrorKind::Device => Self::Device,
            ErrorKind::Io => Self::Io,
            // A kind that the library has and this file does not know yet.
            _ => Self::Internal,
        }
    }
}

/// Types of values.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Half precision: its 16 bits, as `uint16_t`.
    F16 = 1,
    /// `float`.
    F32 = 2,
    /// `double`.
    F64 = 3,
    /// `uint8_t`.
    U8 = 4,
    /// `int8_t`.
    I8 = 5,
    /// `uint16_t`.
    U16 = 6,
    /// `int16_t`.
    I16 = 7,
    /// `uint32_t`.
    U32 = 8,
    /// `int32_t`.
    I32 = 9,
}

impl From<Dtype> for ValueType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F16 => Self::F16,
            Dtype::F32 => Self::F32,
            Dtype::F64 => Self::F64,
            Dtype::U8 => Self::U8,
            Dtype::I8 => Self::I8,
            Dtype::U16 => Self::U16,
            Dtype::I16 => Self::I16,
            Dtype::U32 => Self::U32,
            Dtype::I32 => Self::I32,
        }
    }
}

/// A type by its number: what C passes may be any number, so that it must not be taken for the enum.
pub(crate) fn dtype(number: i32) -> Result<Dtype, Failure> {
    let found = Dtype::ALL
        .into_iter()
        .find(|&d| ValueType::from(d) as i32 == number);
    found.ok_or_else(|| Failure::invalid(format!("a type from 1 to 9 expected, {number} found")))
}

/// What is promised of a field.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundKind {
    /// At least so many dB.
    Psnr = 1,
    /// At least so much.
    Ssim = 2,
    /// No value is further off than this, in the field's unit; 0 gives back every bit.
    MaxError = 3,
    /// No value is further off than this part of the field's range.
    RelError = 4,
    /// The field's bytes by those of the file.
    Ratio = 5,
}

/// A bound by its number.
pub(crate) fn bound(number: i32, value: f64) -> Result<Bound, Failure> {
    // Those of files begin with 0, which here is none.
    let kind = number.checked_sub(1).map(u8::try_from);
    let found = kind.and_then(|kind| Bound::from_parts(kind.ok()?, value));
    found.ok_or_else(|| Failure::invalid(format!("a bound from 1 to 5 expected, {number} found")))
}

/// The number of a bound, and its value.
pub(crate) fn number_of(bound: Bound) -> (i32, f64) {
    let (kind, value) = bound.parts();
    (i32::from(kind) + 1, value)
}

/// Texts of a file.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Name of a field.
    FieldName = 1,
    /// Unit of a field.
    FieldUnit = 2,
    /// Unit of spacing and origin.
    LengthUnit = 3,
    /// Unit of times.
    TimeUnit = 4,
    /// What else is known: a JSON object, or nothing.
    Attributes = 5,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_the_numbers_of_the_header() {
        for (kind, expected) in [
            (BoundKind::Psnr, Bound::Psnr(0.5)),
            (BoundKind::Ssim, Bound::Ssim(0.5)),
            (BoundKind::MaxError, Bound::MaxError(0.5)),
            (BoundKind::RelError, Bound::RelError(0.5)),
            (BoundKind::Ratio, Bound::Ratio(0.5)),
        ] {
            assert_eq!(bound(kind as i32, 0.5).ok(), Some(expected));
            assert_eq!(number_of(expected), (kind as i32, 0.5));
        }
        assert!(
            [i32::MIN, -1, 0, 6, 257]
                .iter()
                .all(|&n| bound(n, 0.5).is_err())
        );
    }
}
