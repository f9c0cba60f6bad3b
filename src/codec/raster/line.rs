//! The way over a brick of any rank; along one of a line (codec `raster`, section 8) each voxel is predicted from the four before
//! it.

use crate::base::error::Result;
use crate::base::real::Real;
use crate::codec::raster::contexts::{Bins, Neighbourhood};
use crate::codec::raster::difference::Difference;
use crate::codec::raster::predict::{PREDICTORS, RasterPrediction, blend};
use crate::codec::raster::walk::{Context, Voxel, VoxelCoder, walk};

/// Voxels that are known of those before.
const KNOWN: usize = 4;
/// Voxels after which it is asked whether something was wrong.
const STRETCH: usize = 1 << 12;
/// What is kept of an error from voxel to voxel.
const KEPT: f64 = 0.75;

/// What is known of the voxels before, the last one first.
struct LineWalk<T, D> {
    places: [T; KNOWN],
    differences: [D; KNOWN],
    /// How far each sub-prediction was off, fading.
    errors: [T; PREDICTORS],
}

/// Goes over a brick of extents `dims` in a field of rank `rank`.
///
/// # Errors
/// What `voxels` reports.
pub(super) fn walk_brick<T: Real, V: VoxelCoder<T>>(
    dims: [usize; 3],
    rank: usize,
    prediction: RasterPrediction,
    voxels: &mut V,
) -> Result<()> {
    if rank == 1 {
        return walk_line(dims.iter().product(), voxels);
    }
    walk(dims, rank, prediction, voxels)
}

/// Goes over a line of `len` voxels.
///
/// # Errors
/// What `voxels` reports.
fn walk_line<T: Real, V: VoxelCoder<T>>(len: usize, voxels: &mut V) -> Result<()> {
    let mut line = LineWalk::<T, V::Difference> {
        places: [T::ZERO; KNOWN],
        differences: [V::Difference::default(); KNOWN],
        errors: [T::ZERO; PREDICTORS],
    };
    for at in 0..len {
        line.voxel(at, voxels);
        if (at + 1).is_multiple_of(STRETCH) || at + 1 == len {
            voxels.row_done()?;
        }
    }
    Ok(())
}

impl<T: Real, D: Difference> LineWalk<T, D> {
    #[inline(always)]
    fn voxel(&mut self, at: usize, voxels: &mut impl VoxelCoder<T, Difference = D>) {
        let [west, ..] = self.places;
        let predicted = self.predictions();
        let moved = match at {
            0 => T::ZERO,
            _ => blend(&predicted, &self.errors, voxels.floor(west)),
        };
        let Voxel { place, difference } = voxels.voxel(at, west + moved, self.context());
        if at == 0 {
            // As if it had always been so.
            self.places = [place; KNOWN];
        } else {
            let (moved, kept) = (place - west, T::from_f64(KEPT));
            for (error, predicted) in self.errors.iter_mut().zip(predicted) {
                *error = *error * kept + (predicted - moved).abs();
            }
            self.places.rotate_right(1);
            self.places[0] = place;
        }
        self.differences.rotate_right(1);
        self.differences[0] = difference;
    }

    /// The sub-predictions, relative to the last voxel.
    #[inline(always)]
    fn predictions(&self) -> [T; PREDICTORS] {
        let [w, w2, w3, w4] = self.places;
        let (half, three_quarters) = (T::from_f64(0.5), T::from_f64(0.75));
        let (a, b, c) = (w - w2, w2 - w3, w3 - w4);
        let bend = a - b;
        let square = a + bend;
        let cube = square + (bend - (b - c));
        let half_way = half * a;
        let mean = (three_quarters * a + half * b) + T::from_f64(0.25) * c;
        [
            T::ZERO,
            a,
            square,
            cube,
            half_way,
            -half_way,
            -mean,
            half * (a + square),
        ]
    }

    fn context(&self) -> Context<D::Level> {
        let [w, w2, w3, w4] = self.differences;
        let energy = (w.weighted(8) + w2.weighted(4)) + (w3.weighted(2) + w4.weighted(1));
        Context {
            level: D::level(energy, Bins::of(Neighbourhood::Flat)),
            sign: 9 * w.sign() + 3 * w2.sign() + w3.sign(),
        }
    }
}
