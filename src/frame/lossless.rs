//! The lossless form: the field as it is, in parts that are packed each by itself (spec section 4.8).

use rayon::prelude::*;

use crate::base::dtype::{ByteOrder, Dtype, Element};
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::codec::lossless;
use crate::container::{Bound, Form};
use crate::frame::chunks::Payloads;
use crate::frame::encoded::{BrickChunks, EncodedFrame, Verification};
use crate::frame::original::Original;
use crate::options::{Observer, Resources};

/// Values per part, of the format (spec section 4.8).
pub const LOSSLESS_PART: usize = 1 << 22;

/// Bytes, about, that packing a part takes beside its planes and what they are packed to.
const PACKER_BYTES: u64 = 16 << 20;

/// Who wants to know how long the packed parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lengths {
    /// Somebody who compares them.
    Wanted,
    /// Nobody.
    Unused,
}

/// How the parts of a field are packed within `memory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartPacking {
    /// Parts packed at a time.
    pub(crate) at_once: usize,
    /// Whether there is room for all packed parts.
    holds_all: bool,
}

impl PartPacking {
    /// For `count` values of type `dtype`.
    pub(crate) fn new(dtype: Dtype, count: usize, memory: Option<u64>) -> Self {
        let threads = rayon::current_num_threads();
        let Some(memory) = memory else {
            return Self {
                at_once: threads,
                holds_all: true,
            };
        };
        let each = part_memory(dtype, count);
        let at_once = (memory / each).clamp(1, threads.max(1) as u64);
        Self {
            at_once: at_once as usize,
            holds_all: (count * dtype.size()) as u64 + at_once * each <= memory,
        }
    }
}

/// Values of a run that the length of a whole field is judged by, and how many runs.
const SAMPLE: usize = 1 << 14;
const SAMPLES: usize = 3;

/// Bytes that a field takes in this form, about, by a few runs of it. What repeats itself far apart is not seen.
pub(crate) fn estimated_bytes<E: Element>(values: &[E]) -> f64 {
    let apart = values.len() / SAMPLES;
    let runs = (0..SAMPLES).map(|run| {
        let start = run * apart + apart.saturating_sub(SAMPLE) / 2;
        &values[start..values.len().min(start + SAMPLE)]
    });
    let (mut packed, mut seen) = (0, 0);
    for run in runs {
        packed += lossless::encode_values(run).len();
        seen += run.len();
    }
    packed as f64 / seen.max(1) as f64 * values.len() as f64
}

/// Bytes, about, that packing a part of a field of `count` values takes.
fn part_memory(dtype: Dtype, count: usize) -> u64 {
    2 * (count.min(LOSSLESS_PART) * dtype.size()) as u64 + PACKER_BYTES
}

/// Refuses a field of which not even one part can be packed within the memory that there may be. A lossy frame may turn out to be
/// longer than one of this form, so that holds for all that vary.
///
/// # Errors
/// `LimitExceeded`.
pub(crate) fn check_memory(dtype: Dtype, count: usize, resources: &Resources) -> Result<()> {
    let why = "parts of the lossless form";
    resources.check_memory(part_memory(dtype, count), why, None)
}

/// Packs the parts that `values` begin, on all threads.
pub(crate) fn pack<E: Element>(values: &[E]) -> Vec<Vec<u8>> {
    let parts = values.par_chunks(LOSSLESS_PART);
    parts.map(lossless::encode_values).collect()
}

/// Has the parts of a field packed, `at_once` of them by each call of `pack`, and hands them out in order.
///
/// # Errors
/// What `take` reports.
pub(crate) fn for_each_part<E: Element>(
    values: &[E],
    at_once: usize,
    observer: &Observer,
    pack: impl Fn(&[E]) -> Vec<Vec<u8>>,
    mut take: impl FnMut(u32, Vec<u8>) -> Result<()>,
) -> Result<()> {
    let stretch = at_once * LOSSLESS_PART;
    for (number, batch) in values.chunks(stretch).enumerate() {
        let packed = pack(batch);
        let first = number * stretch;
        observer.values_read(first..first + batch.len());
        for (part, payload) in (number * at_once..).zip(packed) {
            take(part as u32, payload)?;
        }
    }
    Ok(())
}

/// Encodes a field exactly; `range` is that of its ordinary values. The parts of a field that is too large for `memory` are
/// packed when they are written, and before that only where their lengths count.
///
/// # Errors
/// Those of the comparison.
pub(crate) fn encode<E: Element>(
    original: &Original<'_, E>,
    bound: Bound,
    range: (E::Work, E::Work),
    memory: Option<u64>,
    lengths: Lengths,
) -> Result<EncodedFrame> {
    let verification = Verification::of_equal(original.compare_with_itself(range)?);
    let mut encoded = EncodedFrame::new(original, bound, range, verification, Form::Lossless);
    // The parts hold the bits of all voxels.
    encoded.mask = None;
    let packing = PartPacking::new(E::DTYPE, original.values.len(), memory);
    let (mut held, mut counted) = (Vec::new(), Vec::new());
    if packing.holds_all || lengths == Lengths::Wanted {
        let (values, observer) = (original.values, original.observer);
        for_each_part(values, packing.at_once, observer, pack, |part, payload| {
            if packing.holds_all {
                held.push((part, payload));
            } else {
                counted.push(payload.len());
            }
            Ok(())
        })?;
    }
    encoded.bricks = if packing.holds_all {
        BrickChunks::Held(held)
    } else {
        BrickChunks::PackedLater(counted)
    };
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
    payloads.fetch(chunks.get(first..=last).unwrap_or(chunks))?;
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

    impl Parts {
        /// Those of a field, which are the same, and as long as is said, when they are packed later.
        fn of<E: Element>(original: &Original<'_, E>, range: (E::Work, E::Work)) -> Self {
            let encode = |memory, lengths| {
                let bound = Bound::MaxError(0.0);
                encode(original, bound, range, memory, lengths).unwrap()
            };
            let BrickChunks::Held(bricks) = encode(None, Lengths::Unused).bricks else {
                panic!("room for all parts");
            };
            let mut later = Vec::new();
            let (values, observer) = (original.values, original.observer);
            let keep = |part, payload| {
                later.push((part, payload));
                Ok(())
            };
            for_each_part(values, 1, observer, pack, keep).unwrap();
            assert!(later == bricks);
            let lengths = |lengths| match encode(Some(1), lengths).bricks {
                BrickChunks::Held(_) | BrickChunks::Coded(_) => panic!("no room for parts"),
                BrickChunks::PackedLater(lengths) => lengths,
            };
            let own: Vec<usize> = bricks.iter().map(|(_, payload)| payload.len()).collect();
            assert_eq!(lengths(Lengths::Wanted), own);
            assert!(lengths(Lengths::Unused).is_empty());
            Self(bricks)
        }
    }

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
        let ordinary: Vec<bool> = (0..values.len()).map(|i| i != 7).collect();
        let parts = Parts::of(&original(shape, &values, Some(&ordinary)), (0.0, 999.0));
        assert_eq!(parts.0.len(), 2);
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
        let mut parts = Parts::of(&original(shape, &values, None), (1.0, 1.0));
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
