//! Bytes of a chunk to a file and back.

use srt::{
    ByteOrder, Decoder, Effort, Element, EncodeOptions, Error, Model, Result, ThreadPools, Values,
    VolumeView, dtype_dispatch,
};
use srt_h5_params::Networks;

use crate::chunk::Chunk;

/// HDF5 may be called after a fork, and by many threads.
static POOLS: std::sync::LazyLock<ThreadPools> = std::sync::LazyLock::new(ThreadPools::default);

/// The values of a chunk to the bytes of a file.
pub(crate) fn encode(chunk: &Chunk, bytes: &[u8]) -> Result<Vec<u8>> {
    if Some(bytes.len()) != chunk.len() {
        return Err(Error::invalid(format!(
            "a chunk of {:?} values expected, {} bytes found: another filter before this one?",
            chunk.shape.extents(),
            bytes.len()
        )));
    }
    let options = options(chunk)?;
    POOLS.run(None, || {
        let values: Values<'_> =
            dtype_dispatch!(chunk.dtype, E => E::decode(bytes, chunk.order).into());
        srt::encode(VolumeView::new(chunk.shape, values)?, &options)
    })?
}

fn options(chunk: &Chunk) -> Result<EncodeOptions> {
    let mut options = EncodeOptions::new(chunk.params.bound);
    if let Some(effort) = u8::try_from(chunk.params.effort).ok().filter(|&e| e > 0) {
        options = options.with_effort(Effort::new(effort)?);
    }
    match chunk.params.networks {
        Networks::None => options = options.with_model(Model::None),
        Networks::Tried => {}
    }
    // NaN and infinities come back by themselves.
    if let Some(fill) = chunk.fill.filter(|fill| fill.is_finite()) {
        options = options.with_mask_value(fill);
    }
    Ok(options)
}

/// The bytes of a file to the values of a chunk.
pub(crate) fn decode(chunk: &Chunk, file: &[u8]) -> Result<Vec<u8>> {
    POOLS.run(None, || {
        let decoder = Decoder::new(file)?;
        let dataset = decoder.dataset();
        let frame = decoder.only_frame()?;
        let dtype = dataset.dtype_of(frame.record())?;
        if dataset.shape != chunk.shape || dtype != chunk.dtype {
            return Err(Error::corrupt(format!(
                "a chunk of {} {dtype} found, of {} {} expected",
                dataset.shape, chunk.shape, chunk.dtype
            )));
        }
        dtype_dispatch!(chunk.dtype, E => Ok(to_bytes(frame.read::<E>()?.data(), chunk.order)))
    })?
}

fn to_bytes<E: Element>(values: &[E], order: ByteOrder) -> Vec<u8> {
    let mut bytes = Vec::new();
    E::encode_le(values, &mut bytes);
    if order == ByteOrder::Big {
        let size = E::DTYPE.size();
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use srt::{Bound, Dtype, Shape};
    use srt_h5_params::Params;

    #[test]
    fn chunks_come_back_within_the_bound_in_either_byte_order() {
        let shape = Shape::new(&[9, 10, 11]).unwrap();
        let mut values: Vec<f32> = (0..990).map(|i| (i as f32 * 0.01).sin()).collect();
        values[5] = -999.0;
        values[7] = f32::NAN;
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let bytes: Vec<u8> = match order {
                ByteOrder::Little => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                ByteOrder::Big => values.iter().flat_map(|v| v.to_be_bytes()).collect(),
            };
            let chunk = Chunk {
                dtype: Dtype::F32,
                order,
                shape,
                fill: Some(-999.0),
                params: Params::new(Bound::MaxError(1e-3)),
            };
            let file = encode(&chunk, &bytes).unwrap();
            let back = decode(&chunk, &file).unwrap();
            let back = f32::decode(&back, order);
            assert_eq!(back[5].to_bits(), values[5].to_bits());
            assert_eq!(back[7].to_bits(), values[7].to_bits());
            let pairs = values.iter().zip(&back).filter(|(v, _)| v.is_finite());
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() <= 1e-3));
            assert!(encode(&chunk, &bytes[1..]).is_err());
            let other = Chunk {
                shape: Shape::new(&[10, 9, 11]).unwrap(),
                ..chunk
            };
            assert!(decode(&other, &file).is_err());
            for at in (0..file.len()).step_by(7) {
                let mut damaged = file.clone();
                damaged[at] ^= 4;
                let found = decode(&chunk, &damaged);
                assert!(found.is_err() || found.unwrap().len() == bytes.len());
                assert!(decode(&chunk, &file[..at]).is_err());
            }
        }
    }
}
