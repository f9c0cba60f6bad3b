//! The palette of a frame: all values that occur, or some that stand for them, so that voxels are coded by their ranks among
//! them (spec section 4.11).

use std::collections::HashSet;

use crate::base::dtype::{Dtype, Element};
use crate::base::error::{Error, Result};
use crate::codec::lossless;
use crate::codec::raster::Quantum;
use crate::container::MAX_PALETTE;
use crate::frame::original::Original;

/// A palette pays where each value stands for so many voxels at least.
const LEAST_VOXELS: usize = 16;
/// Voxels that are looked at before all are ..
const SAMPLE: usize = 1 << 14;
/// .. of which at most this share may have values of their own.
const DISTINCT: f64 = 0.75;

/// Values that ascend, bit by bit: the two zeros are two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValuePalette {
    dtype: Dtype,
    /// Bits of the values, as numbers that ascend with them.
    keys: Vec<u64>,
}

impl ValuePalette {
    /// The values of the ordinary voxels of a field; `None` where they are too many to pay.
    pub(crate) fn find<E: Element>(original: &Original<'_, E>) -> Option<Self> {
        let len = original.values.len();
        let most = (len / LEAST_VOXELS).min(MAX_PALETTE as usize);
        let sample = len.min(SAMPLE);
        if len > SAMPLE {
            let most = (sample as f64 * DISTINCT) as usize;
            distinct(original, (0..sample).map(|i| i * (len / sample)), most)?;
        }
        let mut keys: Vec<u64> = distinct(original, 0..len, most)?.into_iter().collect();
        keys.sort_unstable();
        (!keys.is_empty()).then_some(Self {
            dtype: E::DTYPE,
            keys,
        })
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Ranks as places of voxels.
    pub(crate) fn quantum(&self) -> Quantum<f32> {
        Quantum::ranks(self.keys.len() as u32)
    }

    /// The values themselves.
    pub(crate) fn all<E: Element>(&self) -> impl Iterator<Item = f64> {
        let value = |key: &u64| E::from_bits64(bits(*key, self.dtype)).to_f64();
        self.keys.iter().map(value)
    }

    /// A palette of values that ascend.
    pub(crate) fn of<E: Element>(values: impl Iterator<Item = E>) -> Self {
        Self {
            dtype: E::DTYPE,
            keys: values.map(|v| key(v.to_bits64(), E::DTYPE)).collect(),
        }
    }

    /// The rank of a value, or of the one next to it.
    pub(crate) fn rank<E: Element>(&self, value: E) -> f64 {
        self.nearest(value) as f64
    }

    /// The rank of each value, or of the one next to it.
    pub(crate) fn ranks<E: Element>(&self, values: &[E]) -> Vec<f32> {
        self.each_rank(values).map(|rank| rank as f32).collect()
    }

    fn each_rank<E: Element>(&self, values: &[E]) -> impl Iterator<Item = usize> {
        // Neighbours are often alike: the last answer is looked at first.
        let mut last: Option<(u64, usize)> = None;
        values.iter().map(move |value| {
            let bits = value.to_bits64();
            let rank = match last {
                Some((of, rank)) if of == bits => rank,
                _ => self.nearest(*value),
            };
            last = Some((bits, rank));
            rank
        })
    }

    fn nearest<E: Element>(&self, value: E) -> usize {
        let key = key(value.to_bits64(), self.dtype);
        let above = match self.keys.binary_search(&key) {
            Ok(rank) => return rank,
            Err(above) => above,
        };
        let distance = |rank: usize| {
            let there = E::from_bits64(bits(self.keys[rank], self.dtype));
            (there.to_f64() - value.to_f64()).abs()
        };
        let last = self.keys.len() - 1;
        let below = above.saturating_sub(1);
        if above > last || distance(below) <= distance(above) {
            below
        } else {
            above
        }
    }

    /// How many ordinary voxels of a field have each value.
    pub(crate) fn counts<E: Element>(&self, original: &Original<'_, E>) -> Vec<u64> {
        let mut counts = vec![0; self.keys.len()];
        for (at, rank) in self.each_rank(original.values).enumerate() {
            if original.ordinary.is_none_or(|ordinary| ordinary[at]) {
                counts[rank] += 1;
            }
        }
        counts
    }

    /// The values of ranks; those above the last have the last.
    pub(crate) fn values<E: Element>(&self, ranks: &[f32]) -> Vec<E> {
        let last = self.keys.len() - 1;
        let value = |rank: &f32| bits(self.keys[(*rank as usize).min(last)], self.dtype);
        ranks
            .iter()
            .map(|rank| E::from_bits64(value(rank)))
            .collect()
    }

    /// The payload: what each value is above the one before, by the lossless codec.
    pub(crate) fn to_payload(&self) -> Vec<u8> {
        let width = self.dtype.size();
        let mut bytes = Vec::with_capacity(self.keys.len() * width);
        let mut before = 0;
        for key in &self.keys {
            bytes.extend_from_slice(&(key - before).to_le_bytes()[..width]);
            before = *key;
        }
        lossless::encode(&bytes, width)
    }

    /// Reads the payload of a palette of `count` values of type `dtype`.
    ///
    /// # Errors
    /// `Corrupt` when it does not hold so many finite values that ascend.
    pub(crate) fn parse(payload: &[u8], count: u32, dtype: Dtype) -> Result<Self> {
        let width = dtype.size();
        let bytes = lossless::decode(payload, width, count as usize * width)?;
        let mut keys: Vec<u64> = Vec::with_capacity(count as usize);
        let mut before = 0u64;
        for bytes in bytes.chunks_exact(width) {
            let mut wide = [0; 8];
            wide[..width].copy_from_slice(bytes);
            let above = u64::from_le_bytes(wide);
            let key = before
                .checked_add(above)
                .filter(|key| is_finite(*key, dtype));
            let ascends = above > 0 || keys.is_empty();
            let key = key.filter(|_| ascends);
            before = key.ok_or_else(|| Error::corrupt("values of a palette expected to ascend"))?;
            keys.push(before);
        }
        if keys.is_empty() {
            return Err(Error::corrupt("a palette without values"));
        }
        Ok(Self { dtype, keys })
    }
}

/// The keys of the ordinary voxels at `places`, if they are no more than `most`.
fn distinct<E: Element>(
    original: &Original<'_, E>,
    places: impl Iterator<Item = usize>,
    most: usize,
) -> Option<HashSet<u64>> {
    let mut found = HashSet::new();
    let mut last = None;
    for at in places {
        let bits = original.values[at].to_bits64();
        let is_ordinary = original.ordinary.is_none_or(|ordinary| ordinary[at]);
        if last == Some(bits) || !is_ordinary {
            continue;
        }
        last = Some(bits);
        found.insert(key(bits, E::DTYPE));
        if found.len() > most {
            return None;
        }
    }
    Some(found)
}

/// The bit of the sign, and all bits of a value.
fn masks(dtype: Dtype) -> (u64, u64) {
    let sign = 1 << (8 * dtype.size() - 1);
    (sign, sign | (sign - 1))
}

/// Numbers that ascend with the values: negative ones below the others, those of floats turned round.
fn key(bits: u64, dtype: Dtype) -> u64 {
    let (sign, all) = masks(dtype);
    if let Some(least) = integer_zero(dtype) {
        bits ^ least
    } else if bits & sign == 0 {
        bits | sign
    } else {
        !bits & all
    }
}

/// The key of the integer 0; `None` for floats.
fn integer_zero(dtype: Dtype) -> Option<u64> {
    match dtype {
        Dtype::F16 | Dtype::F32 | Dtype::F64 => None,
        Dtype::U8 | Dtype::U16 | Dtype::U32 => Some(0),
        Dtype::I8 | Dtype::I16 | Dtype::I32 => Some(masks(dtype).0),
    }
}

/// The bits of a key.
fn bits(key: u64, dtype: Dtype) -> u64 {
    let (sign, all) = masks(dtype);
    if let Some(least) = integer_zero(dtype) {
        key ^ least
    } else if key & sign == 0 {
        !key & all
    } else {
        key ^ sign
    }
}

/// Whether a key is that of a finite value.
fn is_finite(key: u64, dtype: Dtype) -> bool {
    let (sign, all) = masks(dtype);
    let infinity = match dtype {
        Dtype::F16 => 0x7C00,
        Dtype::F32 => 0x7F80_0000,
        Dtype::F64 => 0x7FF0_0000_0000_0000,
        Dtype::U8 | Dtype::I8 | Dtype::U16 | Dtype::I16 | Dtype::U32 | Dtype::I32 => {
            return key <= all;
        }
    };
    key <= all && bits(key, dtype) & !sign < infinity
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dtype::f16;
    use crate::base::grid::Shape;
    use crate::frame::original::tests::original;

    const VALUES: [f64; 7] = [-1e4, -2.5, -0.0, 0.0, 1e-7, 2.5, 6e4];

    fn comes_back<E: Element>() {
        let values: Vec<E> = (0..700).map(|i| E::from_f64(VALUES[i * i % 7])).collect();
        let shape = Shape::new(&[20, 35]).unwrap();
        let palette = ValuePalette::find(&original(shape, &values, None)).unwrap();
        let count = palette.len() as u32;
        let payload = palette.to_payload();
        assert_eq!(
            ValuePalette::parse(&payload, count, E::DTYPE).unwrap(),
            palette
        );
        let back: Vec<E> = palette.values(&palette.ranks(&values));
        let bits = |values: &[E]| values.iter().map(|v| v.to_bits64()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&values));
        for wrong in [0, count - 1, count + 1] {
            assert!(ValuePalette::parse(&payload, wrong, E::DTYPE).is_err());
        }
        let all: Vec<E> = palette.values(&(0..count).map(|r| r as f32).collect::<Vec<_>>());
        assert!(
            all.windows(2)
                .all(|pair| pair[0].to_f64() <= pair[1].to_f64())
        );
    }

    #[test]
    fn values_come_back_bit_for_bit_and_ascend() {
        comes_back::<f16>();
        comes_back::<f32>();
        comes_back::<f64>();
    }

    #[test]
    fn what_is_no_palette_is_corrupt() {
        let parse = |keys: &[u32]| {
            let bytes: Vec<u8> = keys.iter().flat_map(|key| key.to_le_bytes()).collect();
            ValuePalette::parse(&lossless::encode(&bytes, 4), keys.len() as u32, Dtype::F32)
        };
        let one = 1f32.to_bits() | 1 << 31;
        assert_eq!(parse(&[one, 5]).unwrap().values::<f32>(&[0.0])[0], 1.0);
        assert!(parse(&[one, 0]).is_err(), "twice the same");
        assert!(parse(&[one, u32::MAX]).is_err(), "past the last");
        for infinite in [0xFF80_0000, 0x007F_FFFF, 0xFFC0_0000, 0] {
            assert!(parse(&[infinite]).is_err(), "{infinite:x}");
        }
    }

    #[test]
    fn many_values_are_none() {
        let shape = Shape::new(&[200, 100]).unwrap();
        let few: Vec<f32> = (0..shape.len()).map(|i| (i % 1250) as f32).collect();
        let many: Vec<f32> = (0..shape.len()).map(|i| (i % 1251) as f32).collect();
        assert!(ValuePalette::find(&original(shape, &few, None)).is_some());
        assert!(ValuePalette::find(&original(shape, &many, None)).is_none());
        let ordinary: Vec<bool> = many.iter().map(|v| *v < 1250.0).collect();
        let palette = ValuePalette::find(&original(shape, &many, Some(&ordinary))).unwrap();
        assert_eq!(palette.len(), 1250);
    }
}
