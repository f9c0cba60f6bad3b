//! Bytes to values of a brick.

#![deny(clippy::indexing_slicing)]

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::real::Real;
use crate::codec::ctx::RangeDecoder;
use crate::codec::raster::MAX_DIFFERENCE;
use crate::codec::raster::line::walk_brick;
use crate::codec::raster::model::{DifferenceModel, States, Symbol};
use crate::codec::raster::predict::{RasterPrediction, floor};
use crate::codec::raster::quantiser::Quantum;
use crate::codec::raster::walk::{Context, Voxel, VoxelCoder};

/// Decodes what [`encode`](crate::codec::raster::encode) wrote for a brick of the same extents, in the precision of `quantum`.
///
/// # Errors
/// `Corrupt` when the payload ends early or late, and for differences and values that the format does not have.
pub fn decode<E: Element, T: Real>(
    dims: [usize; 3],
    rank: usize,
    prediction: RasterPrediction,
    quantum: &Quantum<T>,
    payload: &[u8],
) -> Result<Vec<E>> {
    let mut decoder = VoxelDecoder {
        coder: RangeDecoder::new(payload),
        model: DifferenceModel::default(),
        quantum,
        values: Vec::with_capacity(dims.iter().product()),
        fault: None,
    };
    walk_brick(dims, rank, prediction, &mut decoder)?;
    decoder.coder.check_end("a brick")?;
    Ok(decoder.values)
}

struct VoxelDecoder<'a, E, T> {
    coder: RangeDecoder<'a>,
    model: DifferenceModel,
    quantum: &'a Quantum<T>,
    values: Vec<E>,
    fault: Option<Fault>,
}

/// What a voxel cannot be.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Difference,
    Value(f64),
}

impl<E: Element, T: Real> VoxelCoder<T> for VoxelDecoder<'_, E, T> {
    type Difference = i16;

    #[inline(always)]
    fn floor(&self, _: T) -> T {
        floor()
    }

    #[inline(always)]
    fn voxel(&mut self, _: usize, prediction: T, context: Context<usize>) -> Voxel<T, i16> {
        let (prediction, rest) = self.quantum.start(prediction);
        let states = States::of_steps(context.level, context.sign, rest);
        match self.model.decode::<E>(&mut self.coder, states) {
            Some(Symbol::Difference(difference)) => {
                let place = self.quantum.add(prediction, difference);
                self.values.push(self.quantum.value(place));
                Voxel::in_steps(place, difference)
            }
            Some(Symbol::Stored(bits)) => self.stored(E::from_bits64(bits)),
            None => {
                self.fault = Some(Fault::Difference);
                self.stored(E::default())
            }
        }
    }

    fn row_done(&mut self) -> Result<()> {
        if self.coder.overran() {
            return Err(Error::corrupt("a brick ends early"));
        }
        match self.fault {
            None => Ok(()),
            Some(Fault::Difference) => Err(Error::corrupt(format!(
                "differences up to {MAX_DIFFERENCE} expected, a larger one found"
            ))),
            Some(Fault::Value(value)) => Err(Error::corrupt(format!(
                "a stored value in the range of the field expected, {value} found"
            ))),
        }
    }
}

impl<E: Element, T: Real> VoxelDecoder<'_, E, T> {
    /// Takes a value as it is.
    #[cold]
    fn stored(&mut self, value: E) -> Voxel<T, i16> {
        if !self.quantum.holds(value) && self.fault.is_none() {
            self.fault = Some(Fault::Value(value.to_f64()));
        }
        self.values.push(value);
        Voxel {
            place: self.quantum.place(value),
            difference: 0,
        }
    }
}
