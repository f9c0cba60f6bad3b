//! Values of a brick to bytes.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::real::Real;
use crate::codec::ctx::RangeEncoder;
use crate::codec::raster::MAX_DIFFERENCE;
use crate::codec::raster::line::walk_brick;
use crate::codec::raster::model::{DifferenceModel, States};
use crate::codec::raster::predict::{RasterPrediction, floor};
use crate::codec::raster::quantiser::Quantum;
use crate::codec::raster::walk::{Context, Voxel, VoxelCoder};

/// What a brick has to give back.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a, E> {
    /// Values of the brick.
    pub values: &'a [E],
    /// Which of them count; all where it is missing.
    pub ordinary: Option<&'a [bool]>,
    /// How far each of these may be off.
    pub max_error: f64,
}

/// Codes the values of a brick of extents `dims` in a field of rank `rank`, each within the bound: one that the steps
/// would miss is stored as it is. Ordinary values lie in the range of `quantum`, whose precision is computed in.
#[must_use]
pub fn encode<E: Element, T: Real>(
    dims: [usize; 3],
    rank: usize,
    prediction: RasterPrediction,
    quantum: &Quantum<T>,
    demand: Demand<'_, E>,
) -> Vec<u8> {
    let mut encoder = VoxelEncoder {
        coder: RangeEncoder::default(),
        model: DifferenceModel::default(),
        quantum,
        demand,
    };
    // The encoder finds no fault.
    let _ = walk_brick(dims, rank, prediction, &mut encoder);
    encoder.coder.finish()
}

struct VoxelEncoder<'a, E, T> {
    coder: RangeEncoder,
    model: DifferenceModel,
    quantum: &'a Quantum<T>,
    demand: Demand<'a, E>,
}

impl<E: Element, T: Real> VoxelCoder<T> for VoxelEncoder<'_, E, T> {
    type Difference = i16;

    #[inline(always)]
    fn floor(&self, _: T) -> T {
        floor()
    }

    #[inline(always)]
    fn voxel(&mut self, at: usize, prediction: T, context: Context<usize>) -> Voxel<T, i16> {
        let ordinary = self.demand.ordinary.is_none_or(|ordinary| ordinary[at]);
        let value = self.demand.values[at];
        let (prediction, rest) = self.quantum.start(prediction);
        let states = States::of_steps(context.level, context.sign, rest);
        let difference = if ordinary {
            // Half a step away from 0 goes away from 0; casts saturate.
            let exact = self.quantum.steps(value.to_f64()) - prediction.to_f64();
            (exact + 0.5f64.copysign(exact)) as i32
        } else {
            0
        };
        let place = self.quantum.add(prediction, difference);
        if ordinary {
            let decoded: E = self.quantum.value(place);
            let error = (decoded.to_f64() - value.to_f64()).abs();
            let fits = error <= self.demand.max_error;
            if !fits || difference.unsigned_abs() > MAX_DIFFERENCE as u32 {
                self.model.store(&mut self.coder, states, value);
                return Voxel {
                    place: self.quantum.place(value),
                    difference: 0,
                };
            }
        }
        self.model.encode(&mut self.coder, states, difference);
        Voxel::in_steps(place, difference)
    }

    fn row_done(&mut self) -> Result<()> {
        Ok(())
    }
}
