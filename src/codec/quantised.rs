//! Codec `quantised`: a grid of integers, differenced along every axis, as byte planes through zstd.
//! Format: `spec/codecs/quantised.md`.

#![deny(clippy::indexing_slicing)]

use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::codec::lossless;

/// Bytes of a difference.
const BYTES: usize = 4;

/// Compresses the integers of a grid.
#[must_use]
pub fn encode(shape: Shape, integers: &[i32]) -> Vec<u8> {
    let mut differences = integers.to_vec();
    for line in Lines::all(shape) {
        line.difference(&mut differences);
    }
    let bytes: Vec<u8> = differences
        .iter()
        .flat_map(|&d| (d << 1 ^ d >> 31).to_le_bytes())
        .collect();
    lossless::encode(&bytes, BYTES)
}

/// Gives back the integers that [`encode`] was given for the same grid.
///
/// # Errors
/// `Corrupt` when the payload does not hold exactly those of the grid.
pub fn decode(shape: Shape, payload: &[u8]) -> Result<Vec<i32>> {
    let bytes = lossless::decode(payload, BYTES, shape.len() * BYTES)?;
    let mut values: Vec<i32> = bytes
        .as_chunks::<BYTES>()
        .0
        .iter()
        .map(|&b| {
            let folded = u32::from_le_bytes(b);
            (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed()
        })
        .collect();
    for line in Lines::all(shape).into_iter().rev() {
        line.accumulate(&mut values);
    }
    Ok(values)
}

/// The lines of a grid along one axis: values at a distance of `stride`, in blocks of whole lines.
struct Lines {
    stride: usize,
    block: usize,
}

impl Lines {
    /// Along x, y and z.
    fn all(shape: Shape) -> [Self; 3] {
        let [nz, ny, nx] = shape.dims();
        [(1, nx), (nx, nx * ny), (nx * ny, nx * ny * nz)]
            .map(|(stride, block)| Self { stride, block })
    }

    /// Subtracts from every value the one before it.
    fn difference(&self, values: &mut [i32]) {
        for block in values.chunks_mut(self.block) {
            for i in (1..block.len() / self.stride).rev() {
                self.combine(block, i, i32::wrapping_sub);
            }
        }
    }

    /// Adds to every value the sum of those before it.
    fn accumulate(&self, values: &mut [i32]) {
        for block in values.chunks_mut(self.block) {
            for i in 1..block.len() / self.stride {
                self.combine(block, i, i32::wrapping_add);
            }
        }
    }

    /// Replaces the values at place `i` of all lines of a block by `f(value, the one before)`.
    fn combine(&self, block: &mut [i32], i: usize, f: impl Fn(i32, i32) -> i32) {
        let (front, back) = block.split_at_mut(i * self.stride);
        let before = front.iter().skip((i - 1) * self.stride);
        for (value, before) in back.iter_mut().zip(before) {
            *value = f(*value, *before);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decoding_gives_back_every_integer(
            dims in prop::array::uniform3(1usize..8), values: Vec<i32>, rank in 2usize..=3,
        ) {
            let shape = Shape::new(&dims[3 - rank..]).unwrap();
            let grid: Vec<i32> = (0..shape.len())
                .map(|i| values.get(i).copied().unwrap_or(i as i32))
                .collect();
            let payload = encode(shape, &grid);
            prop_assert_eq!(decode(shape, &payload).unwrap(), grid);
        }

        #[test]
        fn arbitrary_bytes_never_panic(payload: Vec<u8>) {
            let shape = Shape::new(&[3, 4, 5]).unwrap();
            let _ = decode(shape, &payload);
        }
    }

    #[test]
    fn a_constant_or_sloping_grid_takes_next_to_nothing() {
        let shape = Shape::new(&[16, 16, 16]).unwrap();
        let slope: Vec<i32> = (0..shape.len() as i32)
            .map(|i| 7 * (i % 16) - 300 + i / 256)
            .collect();
        assert!(encode(shape, &vec![-5; shape.len()]).len() < 60);
        assert!(encode(shape, &slope).len() < 120);
        assert!(decode(shape, &[]).is_err());
    }
}
