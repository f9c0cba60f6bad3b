//! What a voxel is expected to be (codec `raster`, section 3): all in steps, relative to the voxel before it.

use crate::base::real::Real;

/// Sub-predictors of a voxel.
pub(super) const PREDICTORS: usize = 8;
/// Neighbours of the linear sub-predictor in rank 2: W, N, NW, NE, WW, NN.
const NEIGHBOURS_2D: usize = 6;
/// In rank 3: those, and B, BW, BE, BN, BS, BNW, BNE, BSW, BSE, BB.
pub const NEIGHBOURS_3D: usize = 16;
/// Neighbours of the linear sub-predictor in rank `rank`; none in rank 1, which has no such predictor.
#[must_use]
pub fn neighbours(rank: usize) -> usize {
    match rank {
        1 => 0,
        2 => NEIGHBOURS_2D,
        _ => NEIGHBOURS_3D,
    }
}

/// A coefficient of 1.
const UNIT: i16 = 1024;

/// How voxels are predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RasterPrediction {
    /// Sub-predictors, each weighted by how well it did nearby.
    Blend(LinearCoefficients),
    /// The median of W, N and W + N - NW: for fields of few values.
    Median,
}

/// The linear sub-predictor of a frame: a coefficient for each neighbour, in 1/1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearCoefficients(pub [i16; NEIGHBOURS_3D]);

impl LinearCoefficients {
    /// The prediction by which the others are fitted: W + N - NW, in rank 3 that of all seven corners of a cube.
    #[must_use]
    pub fn corners(rank: usize) -> Self {
        let mut all = [0; NEIGHBOURS_3D];
        let used: &[(usize, i16)] = if rank == 2 {
            &[(0, 1), (1, 1), (2, -1)]
        } else {
            &[(0, 1), (1, 1), (2, -1), (6, 1), (7, -1), (9, -1), (11, 1)]
        };
        for &(place, sign) in used {
            all[place] = sign * UNIT;
        }
        Self(all)
    }

    /// As numbers of the working precision, which are exact.
    pub(super) fn to_work<T: Real>(self) -> [T; NEIGHBOURS_3D] {
        self.0.map(|c| T::from_f64(f64::from(c) / f64::from(UNIT)))
    }
}

/// The less of two.
#[inline(always)]
fn min<T: Real>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

/// The larger of two.
#[inline(always)]
fn max<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

#[inline(always)]
pub(super) fn median<T: Real>(a: T, b: T, c: T) -> T {
    max(min(a, b), min(max(a, b), c))
}

/// The values around a voxel in its own plane, of which those of its row have just been decoded.
#[derive(Clone, Copy)]
pub(super) struct Near<T> {
    pub(super) west: T,
    pub(super) west_west: T,
    pub(super) north: T,
    pub(super) north_west: T,
    pub(super) linear: T,
    /// LinearCoefficients of W and WW.
    pub(super) own: [T; 2],
}

impl<T: Real> Near<T> {
    /// The median of W, N and W + N - NW, less W.
    #[inline(always)]
    pub(super) fn median(&self) -> T {
        median(
            T::ZERO,
            self.north - self.west,
            self.north - self.north_west,
        )
    }

    /// The linear sub-predictor, less W.
    #[inline(always)]
    fn linear(&self) -> T {
        let west = self.own[0] * (self.west - self.north);
        let west_west = self.own[1] * (self.west_west - self.north);
        (self.north - self.west) + ((west + west_west) + self.linear)
    }

    /// The sub-predictors in a plane, less W.
    #[inline(always)]
    pub(super) fn in_plane(&self, north_east: T, north_north: T) -> [T; PREDICTORS] {
        let north = self.north - self.west;
        [
            self.north - self.north_west,
            self.median(),
            self.linear(),
            T::ZERO,
            north,
            T::from_f64(0.5) * (north_east - self.north),
            north + (self.north - north_north),
            self.west - self.west_west,
        ]
    }

    /// The sub-predictors with the plane before, less W.
    #[inline(always)]
    pub(super) fn in_volume(&self, back: Back<T>) -> [T; PREDICTORS] {
        let north = self.north - self.west;
        let own = back.own - self.west;
        let along = self.west - back.west;
        [
            (self.north - self.north_west) + back.slope,
            self.median(),
            self.linear(),
            T::ZERO,
            north,
            own,
            own + median(along, back.change, along + (back.change - back.corner)),
            median(T::ZERO, north, own),
        ]
    }
}

/// What the plane before has at a voxel.
#[derive(Clone, Copy)]
pub(super) struct Back<T> {
    /// B.
    pub(super) own: T,
    /// BW.
    pub(super) west: T,
    /// (B - BW) - (BN - BNW).
    pub(super) slope: T,
    /// N - BN.
    pub(super) change: T,
    /// NW - BNW.
    pub(super) corner: T,
}

/// What is added to errors in steps.
#[inline(always)]
pub(super) fn floor<T: Real>() -> T {
    T::from_f64(0.05)
}

/// The mean of the sub-predictors, each weighted by the inverse square of its `errors` nearby, to which `floor` is added.
#[inline(always)]
pub(super) fn blend<T: Real>(predicted: &[T; PREDICTORS], errors: &[T; PREDICTORS], floor: T) -> T {
    let one = T::from_f64(1.0);
    let mut weights = [T::ZERO; PREDICTORS];
    let mut weighted = [T::ZERO; PREDICTORS];
    for k in 0..PREDICTORS {
        let error = errors[k] + floor;
        weights[k] = one / (error * error);
        weighted[k] = weights[k] * predicted[k];
    }
    sum(&weighted) / sum(&weights)
}

/// The sum in the order that the format says.
#[inline(always)]
fn sum<T: Real>(v: &[T; PREDICTORS]) -> T {
    let pair = |k: usize| v[k] + v[k + 4];
    (pair(0) + pair(2)) + (pair(1) + pair(3))
}
