//! SZ3 through crate `sz3`.

use srt::{Result, Shape};
use sz3::{Config, DimensionedData, ErrorBound, SZ3Compressible};

use super::{Codec, Knob, failed};
use crate::field::{Data, Field};

pub(super) fn encode(field: &Field, knob: Knob, threads: usize) -> Result<Vec<u8>> {
    let config = Config::new(ErrorBound::Absolute(knob.value)).openmp(threads > 1);
    match &field.data {
        Data::F32(v) => encode_as(field.shape, v, &config),
        Data::F64(v) => encode_as(field.shape, v, &config),
    }
}

fn encode_as<T: SZ3Compressible>(shape: Shape, values: &[T], config: &Config) -> Result<Vec<u8>> {
    let mut builder = DimensionedData::<T, &[T]>::build(&values);
    // SZ3 knows no axes of one sample.
    for extent in shape.dims().into_iter().filter(|&extent| extent > 1) {
        builder = builder.dim(extent).map_err(|e| failed(Codec::Sz3, e))?;
    }
    let data = builder.finish().map_err(|e| failed(Codec::Sz3, e))?;
    sz3::compress_with_config(&data, config).map_err(|e| failed(Codec::Sz3, e))
}

pub(super) fn decode(bytes: &[u8], like: &Field) -> Result<Data> {
    Ok(match like.data {
        Data::F32(_) => Data::F32(decode_as(bytes)?),
        Data::F64(_) => Data::F64(decode_as(bytes)?),
    })
}

fn decode_as<T: SZ3Compressible>(bytes: &[u8]) -> Result<Vec<T>> {
    let (_, data) = sz3::decompress::<T, _>(bytes).map_err(|e| failed(Codec::Sz3, e))?;
    Ok(data.into_data())
}
