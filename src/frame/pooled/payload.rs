//! The coded representative volume (paper section 4.2.3; spec section 4.10).

use crate::base::dtype::{ByteOrder, Dtype, Element};
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::base::real::{Real, RealSlice, RealSliceMut};
use crate::codec::quantised;
use crate::codec::worker::Worker;
use crate::container::PooledPayload;
use crate::options::PooledCoder;

/// Integers stay below this magnitude, so that they are exact in binary32.
const MAX_INTEGER: i32 = 1 << 24;

impl PooledCoder {
    /// Its name in the record.
    pub(crate) fn kind(&self) -> PooledPayload {
        match self {
            Self::Zstd => PooledPayload::Quantised,
            Self::Sz3(_) => PooledPayload::Sz3,
        }
    }

    pub(crate) fn worker(&self) -> Option<&Worker> {
        match self {
            Self::Zstd => None,
            Self::Sz3(worker) => Some(worker),
        }
    }
}

/// Codes a volume so that no value changes by more than about `epsilon`; `None` when that is too fine for
/// the codec.
///
/// # Errors
/// Those of the worker.
pub(crate) fn encode<T: Real>(
    payload: &PooledCoder,
    shape: Shape,
    volume: &[T],
    epsilon: T,
) -> Result<Option<Vec<u8>>> {
    match payload {
        PooledCoder::Zstd => {
            let step = 2.0 * epsilon.to_f64();
            let integer = |v: &T| (v.to_f64() / step).round();
            let exact = |v: &T| integer(v).abs() < f64::from(MAX_INTEGER);
            let integers = volume.iter().all(exact).then(|| {
                let integers: Vec<i32> = volume.iter().map(|v| integer(v) as i32).collect();
                quantised::encode(shape, &integers)
            });
            Ok(integers)
        }
        PooledCoder::Sz3(worker) => {
            let mut bytes = Vec::with_capacity(size_of_val(volume));
            match T::values(volume) {
                RealSlice::F32(values) => f32::encode_le(values, &mut bytes),
                RealSlice::F64(values) => f64::encode_le(values, &mut bytes),
            }
            let bound = epsilon.to_f64();
            worker
                .encode(shape, Dtype::of::<T>(), bound, &bytes)
                .map(Some)
        }
    }
}

/// Decodes what [`encode`] made.
///
/// # Errors
/// `Corrupt`, `Unsupported` when a worker is needed and none is given, and those of the worker.
pub(crate) fn decode<T: Real>(
    payload: PooledPayload,
    worker: Option<&Worker>,
    shape: Shape,
    bytes: &[u8],
    epsilon: T,
) -> Result<Vec<T>> {
    match payload {
        PooledPayload::Quantised => {
            let step = epsilon + epsilon;
            let integers = quantised::decode(shape, bytes)?;
            if integers
                .iter()
                .any(|q| q.unsigned_abs() >= MAX_INTEGER as u32)
            {
                return Err(Error::corrupt("an integer of 2^24 or more found"));
            }
            Ok(integers
                .into_iter()
                .map(|q| T::from_i32(q) * step)
                .collect())
        }
        PooledPayload::Sz3 => {
            let worker = worker.ok_or_else(|| {
                Error::unsupported("the payload is coded with SZ3: the program srt-sz3 is needed")
            })?;
            // The worker gives back as many bytes as the values have.
            let bytes = worker.decode(shape, Dtype::of::<T>(), bytes)?;
            let mut values = vec![T::ZERO; shape.len()];
            match T::values_mut(&mut values) {
                RealSliceMut::F32(out) => {
                    out.copy_from_slice(&f32::decode(&bytes, ByteOrder::Little));
                }
                RealSliceMut::F64(out) => {
                    out.copy_from_slice(&f64::decode(&bytes, ByteOrder::Little));
                }
            }
            Ok(values)
        }
    }
}
