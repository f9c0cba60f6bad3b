//! The lossless form: the field as it is, in parts that are packed each by itself (spec section 4.8).

use rayon::prelude::*;

use crate::base::dtype::{ByteOrder, Element};
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::codec::lossless;
use crate::container::{Bound, Form};
use crate::frame::chunks::Payloads;
use crate::frame::encoded::{EncodedFrame, Verification};
use crate::frame::original::Original;

/// Values per part, of the format (spec section 4.8).
pub const LOSSLESS_PART: usize = 1 << 22;

/// Encodes a field exactly; `range` is that of its ordinary values.
///
/// # Errors
/// Those of the comparison.
pub(crate) fn encode<E: Element>(
    original: &Original<'_, E>,
    bound: Bound,
    range: (E::Work, E::Work),
) -> Result<EncodedFrame> {
    let pack = |(part, values): (usize, &[E])| {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        E::encode_le(values, &mut bytes);
        (part as u32, lossless::encode(&bytes, E::DTYPE.size()))
    };
    let verification = Verification::of_equal(original.compare(original.values)?);
    let mut encoded = EncodedFrame::new(original, bound, range, verification, Form::Lossless);
    // The parts hold the bits of all voxels.
    encoded.mask = None;
    let parts = original.values.par_chunks(LOSSLESS_PART).enumerate();
    encoded.bricks = parts.map(pack).collect();
    Ok(encoded)
}

/// Decodes the box `region` of the grid `whole`; `chunks` are the numbers of the parts' chunks in `payloads`.
///
/// # Errors
/// `Corrupt`.
pub(crate) fn decode<E: Element>(
    payloads: &dyn Payloads,
    chunks: &[usize],
    whole: Region,
    region: Region,
) -> Result<Vec<E>> {
    let total = whole.len();
    if chunks.len() != total.div_ceil(LOSSLESS_PART) {
        return Err(Error::corrupt(format!(
            "{} parts expected, {} found",
            total.div_ceil(LOSSLESS_PART),
            chunks.len()
        )));
    }
    // Values before the region's first and after its last need no decoding.
    let mut rows = Vec::new();
    whole.for_each_row(&region, &region, |at, _, len| rows.push((at, len)));
    let first = rows.first().map_or(0, |row| row.0) / LOSSLESS_PART;
    let last = rows.last().map_or(0, |row| row.0 + row.1 - 1) / LOSSLESS_PART;
    let unpack = |(part, &chunk): (usize, &usize)| {
        if payloads.part(chunk) as usize != part {
            return Err(Error::corrupt(format!("part {part} is missing")));
        }
        let size = E::DTYPE.size();
        let len = LOSSLESS_PART.min(total - part * LOSSLESS_PART);
        let bytes = lossless::decode(payloads.payload(chunk)?, size, len * size)?;
        Ok(E::decode(&bytes, ByteOrder::Little))
    };
    let wanted = chunks.par_iter().enumerate().skip(first);
    let parts: Vec<Vec<E>> = (wanted.take(last + 1 - first).map(unpack)).collect::<Result<_>>()?;
    let values = parts.concat();
    if region == whole {
        return Ok(values);
    }
    let mut out = Vec::with_capacity(region.len());
    for (at, len) in rows {
        out.extend_from_slice(&values[at - first * LOSSLESS_PART..][..len]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::ErrorKind;
    use crate::base::grid::Shape;
    use crate::container::BrickRun;
    use crate::frame::original::tests::original;

    /// Parts as chunks with the same numbers, but for a first chunk of another kind.
    struct Parts(Vec<(u32, Vec<u8>)>);

    impl Payloads for Parts {
        fn payload(&self, number: usize) -> Result<&[u8]> {
            Ok(&self.0[number - 1].1)
        }

        fn part(&self, number: usize) -> u32 {
            self.0[number - 1].0
        }

        fn run(&self, _: usize, _: u32) -> Result<BrickRun<'_>> {
            Err(Error::corrupt("no bricks here"))
        }
    }

    #[test]
    fn every_bit_comes_back_whole_and_by_region() {
        // A little more than one part.
        let shape = Shape::new(&[2, 2049, 1024]).unwrap();
        let mut values: Vec<f32> = (0..shape.len()).map(|i| (i % 1000) as f32).collect();
        values[7] = f32::from_bits(0xFFC0_0001);
        let encoded = encode(
            &original(shape, &values, None),
            Bound::MaxError(0.0),
            (0.0, 999.0),
        );
        let encoded = encoded.unwrap();
        assert_eq!(encoded.bricks.len(), 2);
        let parts = Parts(encoded.bricks);
        let whole = shape.region();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let back: Vec<f32> = decode(&parts, &[1, 2], whole, whole).unwrap();
        assert_eq!(bits(&back), bits(&values));
        for start in [[0, 0, 0], [1, 2040, 3], [0, 2048, 1000]] {
            let size = [1, 1, 24];
            let region = Region { start, size };
            let back: Vec<f32> = decode(&parts, &[1, 2], whole, region).unwrap();
            assert_eq!(bits(&back), bits(&whole.crop(&values, &region)));
        }
    }

    #[test]
    fn missing_and_misplaced_parts_are_corrupt() {
        let shape = Shape::new(&[5, 5]).unwrap();
        let values = [1.0f64; 25];
        let encoded = encode(
            &original(shape, &values, None),
            Bound::MaxError(0.0),
            (1.0, 1.0),
        );
        let mut parts = Parts(encoded.unwrap().bricks);
        let decode = |parts: &Parts, chunks: &[usize]| {
            decode::<f64>(parts, chunks, shape.region(), shape.region()).map_err(|e| e.kind())
        };
        assert!(decode(&parts, &[1]).is_ok());
        for chunks in [&[][..], &[1, 1]] {
            assert_eq!(decode(&parts, chunks), Err(ErrorKind::Corrupt));
        }
        parts.0[0].0 = 1;
        assert_eq!(decode(&parts, &[1]), Err(ErrorKind::Corrupt));
    }
}
