//! How far voxels are off what was expected, as contexts see it (codec `raster`, sections 4 and 7).

use std::fmt::Debug;
use std::ops::Add;

use crate::codec::raster::contexts::Bins;

/// What a voxel differs by from its prediction.
pub(super) trait Difference: Copy + Default {
    /// Sums of weighted magnitudes.
    type Energy: Copy + Default + Debug + Add<Output = Self::Energy>;
    /// What an energy says of the next voxel.
    type Level: Copy;

    /// The magnitude times a small power of two.
    fn weighted(self, weight: u8) -> Self::Energy;

    /// 0, 1 or 2 below, at and above 0.
    fn sign(self) -> usize;

    /// The level of an energy of neighbours whose bins are `bins`.
    fn level(energy: Self::Energy, bins: &Bins) -> Self::Level;
}

/// In steps.
impl Difference for i16 {
    type Energy = u32;
    type Level = usize;

    #[inline(always)]
    fn weighted(self, weight: u8) -> u32 {
        u32::from(weight) * u32::from(self.unsigned_abs())
    }

    #[inline(always)]
    fn sign(self) -> usize {
        (self.signum() + 1) as usize
    }

    #[inline(always)]
    fn level(energy: u32, bins: &Bins) -> usize {
        bins.bin(energy)
    }
}

/// As places of values that are kept as they are.
impl Difference for f32 {
    type Energy = f32;
    /// The mean magnitude.
    type Level = f32;

    #[inline(always)]
    fn weighted(self, weight: u8) -> f32 {
        f32::from(weight) * self.abs()
    }

    #[inline(always)]
    fn sign(self) -> usize {
        1 + usize::from(self > 0.0) - usize::from(self < 0.0)
    }

    #[inline(always)]
    fn level(energy: f32, bins: &Bins) -> f32 {
        bins.mean(energy)
    }
}
