//! Codec `lossless`: the raw values of one part as byte planes through zstd, or as they are where
//! that does not pay. Format: `spec/codecs/lossless.md`.

#![deny(clippy::indexing_slicing)]

use std::io::Read;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};

/// First payload byte: the values follow as they are.
const PLAIN: u8 = 0;
/// First payload byte: one zstd frame of byte planes follows.
const PLANES: u8 = 1;
/// Compression level: decoding speed does not depend on it, higher ones gain little on planes.
const LEVEL: i32 = 9;
/// Largest zstd window a reader accepts, as a power of two.
const WINDOW_LOG: u32 = 23;

/// Compresses little-endian values of `width` bytes each; never longer than `bytes` by more
/// than one byte.
#[must_use]
pub fn encode(bytes: &[u8], width: usize) -> Vec<u8> {
    let packed = packed(to_planes(bytes, width));
    packed.unwrap_or_else(|| [&[PLAIN], bytes].concat())
}

/// [`encode`] of the bytes of `values`, without a copy of them beside their planes.
#[must_use]
pub fn encode_values<E: Element>(values: &[E]) -> Vec<u8> {
    let size = E::DTYPE.size();
    let mut planes = Vec::with_capacity(size_of_val(values));
    for shift in (0..size).map(|plane| 8 * plane) {
        planes.extend(values.iter().map(|v| (v.to_bits64() >> shift & 0xFF) as u8));
    }
    packed(planes).unwrap_or_else(|| {
        let mut out = Vec::with_capacity(1 + size_of_val(values));
        out.push(PLAIN);
        E::encode_le(values, &mut out);
        out
    })
}

/// A payload of byte planes, where that is shorter than the planes.
fn packed(planes: Vec<u8>) -> Option<Vec<u8>> {
    let packed = compress(&planes)?;
    let is_shorter = packed.len() < planes.len();
    drop(planes);
    is_shorter.then(|| [&[PLANES], packed.as_slice()].concat())
}

/// One zstd frame that states its content size, with a window that readers accept.
fn compress(planes: &[u8]) -> Option<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).ok()?;
    if planes.len() > 1 << WINDOW_LOG {
        compressor.window_log(WINDOW_LOG).ok()?;
    }
    compressor.compress(planes).ok()
}

/// Gives back the `expected_len` bytes that [`encode`] was given.
///
/// Memory grows with the data as they are decompressed, never with a number found in them.
///
/// # Errors
/// `Corrupt` when the payload does not hold exactly that many bytes.
pub fn decode(payload: &[u8], width: usize, expected_len: usize) -> Result<Vec<u8>> {
    let Some((&method, rest)) = payload.split_first() else {
        return Err(Error::corrupt("lossless payload is empty"));
    };
    let bytes = match method {
        PLAIN => rest.to_vec(),
        PLANES => from_planes(&decompress(rest, expected_len)?, width),
        other => {
            return Err(Error::corrupt(format!(
                "lossless method 0 or 1 expected, {other} found"
            )));
        }
    };
    if bytes.len() != expected_len {
        return Err(Error::corrupt(format!(
            "{expected_len} bytes of values expected, {} found",
            bytes.len()
        )));
    }
    Ok(bytes)
}

/// Decompresses one frame to at most one byte more than expected, which shows a wrong length.
fn decompress(mut frame: &[u8], expected_len: usize) -> Result<Vec<u8>> {
    let corrupt = |e: std::io::Error| Error::corrupt(format!("zstd frame: {e}"));
    let mut planes = Vec::new();
    let mut decoder = zstd::stream::read::Decoder::with_buffer(&mut frame)
        .map_err(corrupt)?
        .single_frame();
    decoder.window_log_max(WINDOW_LOG).map_err(corrupt)?;
    decoder
        .take((expected_len as u64).saturating_add(1))
        .read_to_end(&mut planes)
        .map_err(corrupt)?;
    if planes.len() == expected_len && !frame.is_empty() {
        return Err(Error::corrupt(format!(
            "{} bytes found behind the zstd frame",
            frame.len()
        )));
    }
    Ok(planes)
}

/// All first bytes, then all second bytes, and so on; a rest shorter than a value stays at the end.
fn to_planes(bytes: &[u8], width: usize) -> Vec<u8> {
    let size = width.max(1);
    let values = bytes.chunks_exact(size);
    let rest = values.remainder();
    let mut out = Vec::with_capacity(bytes.len());
    for plane in 0..size {
        out.extend(values.clone().filter_map(|value| value.get(plane)));
    }
    out.extend_from_slice(rest);
    out
}

/// The inverse of [`to_planes`].
fn from_planes(planes: &[u8], width: usize) -> Vec<u8> {
    let size = width.max(1);
    let count = planes.len() / size;
    let (whole, rest) = planes
        .split_at_checked(count * size)
        .unwrap_or((planes, &[]));
    let mut out = vec![0; whole.len()];
    for (plane, bytes) in whole.chunks_exact(count.max(1)).enumerate() {
        let targets = out.iter_mut().skip(plane).step_by(size);
        for (target, &byte) in targets.zip(bytes) {
            *target = byte;
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use proptest::prelude::*;

    use super::*;
    use crate::base::error::ErrorKind;

    fn smooth(count: u16) -> Vec<u8> {
        (0..count)
            .flat_map(|i| (f32::from(i) * 0.01).sin().to_le_bytes())
            .collect()
    }

    proptest! {
        #[test]
        fn decoding_gives_back_every_byte(bytes: Vec<u8>, width in prop::sample::select(vec![2usize, 4, 8])) {
            let payload = encode(&bytes, width);
            prop_assert!(payload.len() <= bytes.len() + 1);
            prop_assert_eq!(decode(&payload, width, bytes.len()).unwrap(), bytes);
        }

        #[test]
        fn arbitrary_bytes_never_panic(payload: Vec<u8>, len in 0usize..1000) {
            let _ = decode(&payload, 4, len);
        }

        #[test]
        fn damaged_frames_never_panic(at: usize, value: u8) {
            let bytes = smooth(500);
            let mut payload = encode(&bytes, 4);
            let at = at % payload.len();
            payload[at] = value;
            if let Ok(back) = decode(&payload, 4, bytes.len()) {
                prop_assert_eq!(back.len(), bytes.len());
            }
        }
    }

    #[test]
    fn values_are_packed_like_their_bytes() {
        let smooth: Vec<f32> = (0..5000u16).map(|i| (f32::from(i) * 0.01).sin()).collect();
        let rough = [1.5f64, f64::NAN, -0.0];
        let mut bytes = Vec::new();
        f32::encode_le(&smooth, &mut bytes);
        assert_eq!(encode_values(&smooth), encode(&bytes, 4));
        bytes.clear();
        f64::encode_le(&rough, &mut bytes);
        assert_eq!(encode_values(&rough), encode(&bytes, 8));
        assert_eq!(encode_values::<f32>(&[]), encode(&[], 4));
    }

    #[test]
    fn planes_of_smooth_values_compress() {
        let bytes = smooth(20_000);
        let payload = encode(&bytes, 4);
        assert_eq!(payload[0], PLANES);
        assert!(payload.len() < bytes.len() * 3 / 4, "{}", payload.len());
    }

    #[test]
    fn other_lengths_are_refused() {
        let bytes = smooth(500);
        let payload = encode(&bytes, 4);
        for len in [0, bytes.len() - 4, bytes.len() + 4, usize::MAX] {
            let error = decode(&payload, 4, len).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}");
        }
        let mut longer = payload.clone();
        longer.push(0);
        assert!(decode(&longer, 4, bytes.len()).is_err());
        for len in 0..payload.len() {
            assert!(decode(&payload[..len], 4, bytes.len()).is_err(), "{len}");
        }
    }
}
