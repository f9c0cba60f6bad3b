//! SPERR through crate `sperr`.

use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3};
use sperr::{CompressionMode, Element};
use srt::{Result, Shape};

use super::{Codec, Knob, Mode, failed};
use crate::field::{Data, Field};

/// Edge of a chunk, as SPERR's own programs have it.
const CHUNK: usize = 256;

pub(super) fn encode(field: &Field, knob: Knob) -> Result<Vec<u8>> {
    let mode = match knob.mode {
        Mode::Psnr | Mode::Direct => CompressionMode::PeakSignalToNoiseRatio { psnr: knob.value },
        Mode::Accuracy => CompressionMode::PointwiseError { pwe: knob.value },
        Mode::Rate => CompressionMode::BitsPerPixel { bpp: knob.value },
    };
    match &field.data {
        Data::F32(v) => encode_as(field.shape, v, mode),
        Data::F64(v) => encode_as(field.shape, v, mode),
    }
}

fn encode_as<T: Element>(shape: Shape, values: &[T], mode: CompressionMode) -> Result<Vec<u8>> {
    let bad = |e: ndarray::ShapeError| failed(Codec::Sperr, e);
    match *shape.extents() {
        [ny, nx] => {
            let view = ArrayView2::from_shape((ny, nx), values).map_err(bad)?;
            sperr::compress_2d(view, mode).map_err(|e| failed(Codec::Sperr, e))
        }
        _ => {
            let [nz, ny, nx] = shape.dims();
            let view = ArrayView3::from_shape((nz, ny, nx), values).map_err(bad)?;
            sperr::compress_3d(view, mode, (CHUNK, CHUNK, CHUNK))
                .map_err(|e| failed(Codec::Sperr, e))
        }
    }
}

pub(super) fn decode(bytes: &[u8], like: &Field) -> Result<Data> {
    Ok(match like.data {
        Data::F32(_) => Data::F32(decode_as(bytes, like.shape)?),
        Data::F64(_) => Data::F64(decode_as(bytes, like.shape)?),
    })
}

fn decode_as<T: Element + Default + Clone>(bytes: &[u8], shape: Shape) -> Result<Vec<T>> {
    let mut out = vec![T::default(); shape.len()];
    let bad = |e: ndarray::ShapeError| failed(Codec::Sperr, e);
    match *shape.extents() {
        [ny, nx] => {
            let view = ArrayViewMut2::from_shape((ny, nx), out.as_mut_slice()).map_err(bad)?;
            sperr::decompress_into_2d(bytes, view).map_err(|e| failed(Codec::Sperr, e))?;
        }
        _ => {
            let [nz, ny, nx] = shape.dims();
            let view = ArrayViewMut3::from_shape((nz, ny, nx), out.as_mut_slice()).map_err(bad)?;
            sperr::decompress_into_3d(bytes, view).map_err(|e| failed(Codec::Sperr, e))?;
        }
    }
    Ok(out)
}
