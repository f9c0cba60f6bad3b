//! How samples lie in a file.

use crate::base::dtype::{ByteOrder, Dtype};
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;

/// Values of a field that lie in runs with gaps between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Runs {
    /// Values of a run.
    pub(super) len: usize,
    /// Values from the start of one to that of the next.
    pub(super) apart: usize,
}

impl Runs {
    /// The bytes of `values` of `size` bytes, one behind the other; the first is the first of `bytes`.
    pub(super) fn gather(self, bytes: &[u8], values: usize, size: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(values * size);
        for run in bytes.chunks(self.apart * size) {
            let missing = values * size - out.len();
            out.extend_from_slice(&run[..missing.min(self.len * size).min(run.len())]);
        }
        out
    }
}

/// How the samples of a field lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ArrayLayout {
    /// First byte of the samples.
    pub(super) offset: usize,
    pub(super) shape: Shape,
    pub(super) dtype: Dtype,
    pub(super) order: ByteOrder,
    /// First axis fastest.
    pub(super) fortran: bool,
    /// How they are spread, where they do not lie one behind the other.
    pub(super) runs: Option<Runs>,
}

/// What an array of any rank says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArrayHeader {
    /// First byte of the samples.
    pub(super) offset: usize,
    /// The slowest axis first, but in the order of Fortran the fastest.
    pub(super) extents: Vec<usize>,
    pub(super) dtype: Dtype,
    pub(super) order: ByteOrder,
    /// First axis fastest.
    pub(super) fortran: bool,
}

impl ArrayHeader {
    /// Of little-endian samples without a header, the last axis fastest.
    ///
    /// # Errors
    /// `InvalidArgument` where extents or type are missing.
    pub(super) fn raw(extents: Option<&[usize]>, dtype: Option<Dtype>) -> Result<Self> {
        let (extents, dtype) = told(extents, dtype)?;
        Ok(Self {
            offset: 0,
            extents: extents.to_vec(),
            dtype,
            order: ByteOrder::Little,
            fortran: false,
        })
    }
}

impl ArrayLayout {
    /// Bytes of all samples.
    ///
    /// # Errors
    /// `InvalidArgument` when this machine cannot address as many.
    pub(super) fn data_len(&self) -> Result<usize> {
        self.shape
            .len()
            .checked_mul(self.dtype.size())
            .ok_or_else(|| Error::invalid(format!("{} is too large for this machine", self.shape)))
    }
}

/// What a file that is not `.npy` has to be told of itself.
///
/// # Errors
/// `InvalidArgument` where a part of it is missing.
pub(super) fn told<S>(shape: Option<S>, dtype: Option<Dtype>) -> Result<(S, Dtype)> {
    let missing = match (shape, dtype) {
        (Some(shape), Some(dtype)) => return Ok((shape, dtype)),
        (None, None) => "shape and type are",
        (None, _) => "shape is",
        _ => "type is",
    };
    Err(Error::invalid(format!(
        "not an npy file, and its {missing} not given"
    )))
}
