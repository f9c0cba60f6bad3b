//! What the rows before a row say of its voxels: computed for the whole row at once, before its first voxel is decoded
//! (codec `raster`, sections 2 to 4).

use std::ops::Add;

use crate::base::real::Real;
use crate::codec::raster::contexts::Neighbourhood;
use crate::codec::raster::difference::Difference;
use crate::codec::raster::planes::{BEFORE, RasterPlane};
use crate::codec::raster::predict::{NEIGHBOURS_3D, PREDICTORS};

/// The errors of the sub-predictors at a voxel, in steps.
pub(super) type Errors<T> = [T; PREDICTORS];

/// Sums over the rows before, by voxel of the row.
#[derive(Debug)]
pub(super) struct RowSums<T, E> {
    /// The linear sub-predictor without W and WW, less N.
    pub(super) linear: Vec<T>,
    /// (B - BW) - (BN - BNW).
    pub(super) slope: Vec<T>,
    pub(super) errors: Vec<Errors<T>>,
    /// Weighted magnitudes of differences.
    pub(super) energy: Vec<E>,
}

/// The rows of one kind of value around a row; each has entries beside its voxels.
#[derive(Clone, Copy)]
pub(super) struct Around<'a, V> {
    pub(super) north: &'a [V],
    pub(super) north_north: &'a [V],
    pub(super) back: Option<BackRows<'a, V>>,
}

/// The rows of the plane before.
#[derive(Clone, Copy)]
pub(super) struct BackRows<'a, V> {
    pub(super) own: &'a [V],
    pub(super) north: &'a [V],
    pub(super) south: &'a [V],
}

impl<'a, V: Copy + Default> Around<'a, V> {
    /// The rows around row `y` of a plane of `ny` rows.
    pub(super) fn new(
        plane: &'a RasterPlane<V>,
        back: Option<&'a RasterPlane<V>>,
        y: usize,
        ny: usize,
    ) -> Self {
        Self {
            north: plane.row(y),
            north_north: plane.row(y.saturating_sub(1)),
            back: back.map(|back| BackRows {
                own: back.row(y + 1),
                north: back.row(y),
                south: back.row((y + 2).min(ny)),
            }),
        }
    }
}

impl<T: Real, E: Copy + Default> RowSums<T, E> {
    pub(super) fn new(nx: usize) -> Self {
        Self {
            linear: vec![T::ZERO; nx],
            slope: vec![T::ZERO; nx],
            errors: vec![[T::ZERO; PREDICTORS]; nx],
            energy: vec![E::default(); nx],
        }
    }

    /// The linear sub-predictor with `coefficients`; `far` is the row two planes before.
    pub(super) fn add_up_values(
        &mut self,
        around: Around<'_, T>,
        far: &[T],
        coefficients: &[T; NEIGHBOURS_3D],
    ) {
        let nx = self.linear.len();
        let at = |row: &'_ [T], x: usize, shift: usize| row[BEFORE - 1 + shift + x];
        let (n, nn, c) = (
            &around.north[..nx + 3],
            &around.north_north[..nx + 3],
            coefficients,
        );
        for x in 0..nx {
            let north = at(n, x, 1);
            let mut sum = c[2] * (at(n, x, 0) - north) + c[3] * (at(n, x, 2) - north);
            sum += c[5] * (at(nn, x, 1) - north);
            self.linear[x] = sum;
        }
        let Some(BackRows { own, north, south }) = around.back else {
            return;
        };
        let (b, bn, bs) = (&own[..nx + 3], &north[..nx + 3], &south[..nx + 3]);
        let far = &far[..nx + 3];
        for x in 0..nx {
            let north = at(n, x, 1);
            let mut sum = self.linear[x];
            sum += c[6] * (at(b, x, 1) - north);
            sum += c[7] * (at(b, x, 0) - north);
            sum += c[8] * (at(b, x, 2) - north);
            sum += c[9] * (at(bn, x, 1) - north);
            sum += c[10] * (at(bs, x, 1) - north);
            sum += c[11] * (at(bn, x, 0) - north);
            sum += c[12] * (at(bn, x, 2) - north);
            sum += c[13] * (at(bs, x, 0) - north);
            sum += c[14] * (at(bs, x, 2) - north);
            sum += c[15] * (at(far, x, 1) - north);
            self.linear[x] = sum;
            self.slope[x] = (at(b, x, 1) - at(b, x, 0)) - (at(bn, x, 1) - at(bn, x, 0));
        }
    }

    /// The errors nearby, in the rows before: those above the first row of a plane and below its last count as 0.
    pub(super) fn add_up_errors(&mut self, north: &[Errors<T>], back: Option<[&[Errors<T>]; 2]>) {
        let half = T::from_f64(0.5);
        let n = &north[..self.errors.len() + 3];
        for (x, sum) in self.errors.iter_mut().enumerate() {
            for (k, sum) in sum.iter_mut().enumerate() {
                *sum = (n[x + 2][k] + n[x + 1][k]) + n[x + 3][k];
            }
        }
        let Some([own, south]) = back else { return };
        let (b, bs) = (&own[..n.len()], &south[..n.len()]);
        for (x, sum) in self.errors.iter_mut().enumerate() {
            for (k, sum) in sum.iter_mut().enumerate() {
                *sum += b[x + 2][k] + half * (b[x + 3][k] + bs[x + 2][k]);
            }
        }
    }

    /// The energy without W and WW.
    pub(super) fn add_up_energy<D: Difference<Energy = E>>(&mut self, around: Around<'_, D>)
    where
        E: Add<Output = E>,
    {
        let nx = self.energy.len();
        let at = |row: &'_ [D], x: usize, shift: usize, weight: u8| {
            row[BEFORE - 1 + shift + x].weighted(weight)
        };
        let (n, nn) = (&around.north[..nx + 3], &around.north_north[..nx + 3]);
        for (x, energy) in self.energy.iter_mut().enumerate() {
            let beside = at(n, x, 0, 2) + at(n, x, 2, 2);
            *energy = at(n, x, 1, 4) + beside + at(nn, x, 1, 1);
        }
        let Some(BackRows { own, north, south }) = around.back else {
            return;
        };
        let (b, bn, bs) = (&own[..nx + 3], &north[..nx + 3], &south[..nx + 3]);
        for (x, energy) in self.energy.iter_mut().enumerate() {
            let beside = at(b, x, 0, 2) + at(b, x, 2, 2) + at(bn, x, 1, 2) + at(bs, x, 1, 2);
            *energy = *energy + (at(b, x, 1, 4) + beside);
        }
    }
}

impl<V> Around<'_, V> {
    /// Which neighbours there are.
    pub(super) fn neighbourhood(&self) -> Neighbourhood {
        if self.back.is_some() {
            Neighbourhood::Deep
        } else {
            Neighbourhood::Flat
        }
    }
}
