//! The level loop.

use rayon::prelude::*;

use super::bricks::{BrickGrid, Partition, Source};
use crate::error::Result;
use crate::real::Real;
use crate::transform::{Bands, LevelPlan, Plan, Wavelet, inverse};

/// How stored integers become coefficients: `sign(q) (|q| - shrink) step`, every operation rounded
/// (spec section 6.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dequantiser<T> {
    /// Quantisation step in the orthonormal domain.
    pub step: T,
    /// Distance of a decoded magnitude below its integer, in steps.
    pub shrink: T,
}

impl<T: Real> Dequantiser<T> {
    #[inline(always)]
    fn value(self, q: i32) -> T {
        let magnitude = (T::from_i32(q.abs()) - self.shrink) * self.step;
        if q < 0 { -magnitude } else { magnitude }
    }
}

/// Quantised coefficients of all grids: `[brick][grid]`, empty where nothing is stored.
pub type Coefficients = Vec<Vec<Vec<i32>>>;

/// Predicts the details of a level from the decoded low-pass of the next coarser one.
pub trait Predict<T>: Sync {
    /// The subbands of `level` in coding order, or `None` where nothing is predicted.
    ///
    /// # Errors
    /// Whatever the backend reports.
    fn details(&self, level: usize, plan: &LevelPlan, low: &[T]) -> Result<Option<Vec<Vec<T>>>>;
}

/// Predicts nothing: residuals are the coefficients themselves.
#[derive(Clone, Copy, Debug)]
pub struct NoPrediction;

impl<T> Predict<T> for NoPrediction {
    fn details(&self, _: usize, _: &LevelPlan, _: &[T]) -> Result<Option<Vec<Vec<T>>>> {
        Ok(None)
    }
}

/// Extents of the bands of a grid's level.
pub(crate) fn band_dims(plan: &Plan, source: Source) -> Vec<[usize; 3]> {
    match source {
        Source::LowPass => vec![plan.coarsest().dims()],
        Source::Details(level) => {
            let level = &plan.levels()[level];
            level
                .details
                .iter()
                .map(|&code| level.band_dims(code))
                .collect()
        }
    }
}

/// Adds the decoded residuals of every grid of `source` to its bands.
pub fn add_residuals<T: Real>(
    plan: &Plan,
    partition: &Partition,
    coefficients: &Coefficients,
    source: Source,
    dequantiser: Dequantiser<T>,
    bands: &mut [Vec<T>],
) {
    let dims = band_dims(plan, source);
    let grids: Vec<(&BrickGrid, &[i32])> = partition
        .bricks()
        .iter()
        .zip(coefficients)
        .flat_map(|(brick, coefficients)| brick.grids.iter().zip(coefficients))
        .filter(|(grid, q)| grid.source == source && !q.is_empty())
        .map(|(grid, q)| (grid, q.as_slice()))
        .collect();
    bands.par_iter_mut().enumerate().for_each(|(band, values)| {
        for (grid, q) in &grids {
            grid.zip_band(band, &dims, values, q, |values, q| {
                for (v, &q) in values.iter_mut().zip(q) {
                    if q != 0 {
                        *v += dequantiser.value(q);
                    }
                }
            });
        }
    });
}

/// Decodes the field at downscaling level `target` (0 = full resolution) in the frame's normalised
/// orthonormal scale, from the quantised coefficients of all coarser levels. Each level's
/// coefficients are freed before the next grid is made: they would be a sixth of the peak of memory.
///
/// # Errors
/// What the predictor reports.
pub fn reconstruct<T: Real>(
    wavelet: Wavelet,
    plan: &Plan,
    partition: &Partition,
    mut coefficients: Coefficients,
    dequantiser: Dequantiser<T>,
    predictor: &dyn Predict<T>,
    target: usize,
) -> Result<Vec<T>> {
    let mut low = vec![vec![T::ZERO; plan.coarsest().len()]];
    add_residuals(
        plan,
        partition,
        &coefficients,
        Source::LowPass,
        dequantiser,
        &mut low,
    );
    let mut low = low.swap_remove(0);
    for (index, level) in plan.levels().iter().enumerate().skip(target).rev() {
        let mut details = match predictor.details(index, level, &low)? {
            Some(details) => details,
            None => zeros(level),
        };
        add_residuals(
            plan,
            partition,
            &coefficients,
            Source::Details(index),
            dequantiser,
            &mut details,
        );
        release(partition, &mut coefficients, Source::Details(index));
        low = inverse(wavelet, level, &mut Bands { low, details });
    }
    Ok(low)
}

/// Frees the coefficients of all grids of `source`.
fn release(partition: &Partition, coefficients: &mut Coefficients, source: Source) {
    for (brick, coefficients) in partition.bricks().iter().zip(coefficients) {
        for (grid, coefficients) in brick.grids.iter().zip(coefficients) {
            if grid.source == source {
                *coefficients = Vec::new();
            }
        }
    }
}

/// Details of a level without a prediction.
pub(crate) fn zeros<T: Real>(level: &LevelPlan) -> Vec<Vec<T>> {
    level
        .details
        .iter()
        .map(|&code| vec![T::ZERO; level.band_dims(code).iter().product()])
        .collect()
}
