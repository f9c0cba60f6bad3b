//! The level loop.

use std::sync::Arc;

use rayon::prelude::*;

use crate::backend::device::{LevelPrediction, Levels};
use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::recon::bricks::{Brick, BrickGrid, Partition, Source};
use crate::recon::window::{LevelWindow, Window};
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

/// Quantised coefficients of all grids: `[brick][grid]`, empty where nothing is stored or wanted.
pub type Coefficients = Vec<Arc<Vec<Vec<i32>>>>;

/// Predicts the details of a level from the decoded low-pass of the next coarser one.
pub trait Predict<T>: Sync {
    /// The box of the coarse grid that predicting the details of `cells` takes.
    fn needs(&self, level: usize, plan: &LevelPlan, cells: Region) -> Region;

    /// The subbands of `level` over `cells` in coding order, or `None` where nothing is predicted.
    /// `low` holds at least what [`Predict::needs`] says.
    ///
    /// # Errors
    /// Whatever the backend reports.
    fn details(
        &self,
        level: usize,
        plan: &LevelPlan,
        low: Window<'_, T>,
        cells: Region,
    ) -> Result<Option<Vec<Vec<T>>>>;

    /// The part of [`Predict::details`] that has no gain, or `None` where that cannot be told.
    ///
    /// # Errors
    /// As [`Predict::details`].
    fn shortcut(
        &self,
        _level: usize,
        _plan: &LevelPlan,
        _low: Window<'_, T>,
        _cells: Region,
    ) -> Result<Option<Vec<Vec<T>>>> {
        Ok(None)
    }

    /// The device that puts levels together in place of the host, where there is one.
    fn device(&self) -> Option<Levels<'_>> {
        None
    }

    /// What a network predicts of `level` over `cells`, for that device; `None` where nothing is predicted.
    ///
    /// # Errors
    /// As [`Predict::details`].
    fn prediction(
        &self,
        _level: usize,
        _plan: &LevelPlan,
        _cells: Region,
    ) -> Result<Option<LevelPrediction<'_>>> {
        Ok(None)
    }
}

/// Predicts nothing: residuals are the coefficients themselves.
#[derive(Clone, Copy, Debug)]
pub struct NoPrediction;

impl<T> Predict<T> for NoPrediction {
    fn needs(&self, _: usize, _: &LevelPlan, cells: Region) -> Region {
        cells
    }

    fn details(
        &self,
        _: usize,
        _: &LevelPlan,
        _: Window<'_, T>,
        _: Region,
    ) -> Result<Option<Vec<Vec<T>>>> {
        Ok(None)
    }
}

/// The boxes of its subbands that the bands of `source` over `cells` hold.
pub(crate) fn band_regions(plan: &Plan, source: Source, cells: Region) -> Vec<Region> {
    match source {
        Source::LowPass => vec![cells],
        Source::Details(level) => {
            let level = &plan.levels()[level];
            let region = |&code| level.band_region(code, cells);
            level.details.iter().map(region).collect()
        }
    }
}

/// What bands hold before residuals are added to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Zeros, in memory that may not have been touched yet. It is not read then: the kernel would map its
    /// one page of zeros there, and have every thread drop it again at the write that follows.
    Zeros,
    /// A prediction.
    Prediction,
}

/// Adds decoded residuals to the bands of `source` over `cells`, which hold `base` where no residual was
/// added yet; `grids` are grids of that source with their integers.
pub fn add_residuals<T: Real>(
    plan: &Plan,
    source: Source,
    cells: Region,
    grids: &[(&BrickGrid, &[i32])],
    dequantiser: Dequantiser<T>,
    base: Base,
    bands: &mut [Vec<T>],
) {
    let places = band_regions(plan, source, cells);
    bands.par_iter_mut().enumerate().for_each(|(band, values)| {
        for (grid, q) in grids {
            grid.zip_band(band, &places[band], values, q, |values, q| {
                let changed = values.iter_mut().zip(q).filter(|(_, q)| **q != 0);
                match base {
                    Base::Zeros => changed.for_each(|(v, &q)| *v = dequantiser.value(q)),
                    Base::Prediction => changed.for_each(|(v, &q)| *v += dequantiser.value(q)),
                }
            });
        }
    });
}

/// The level's grid over the fine samples of `cells`, from the bands over the cells.
pub(crate) fn upscale<T: Real>(
    wavelet: Wavelet,
    level: &LevelPlan,
    cells: Region,
    low: Vec<T>,
    details: Vec<Vec<T>>,
) -> Vec<T> {
    inverse(wavelet, &level.window(cells), &mut Bands { low, details })
}

/// How a frame is put together again.
#[derive(Clone, Copy)]
pub struct Synthesis<'a, T> {
    /// Filter pair.
    pub wavelet: Wavelet,
    /// Levels and shapes.
    pub plan: &'a Plan,
    /// Bricks.
    pub partition: &'a Partition,
    /// How integers become coefficients.
    pub dequantiser: Dequantiser<T>,
    /// What the residuals are added to.
    pub predictor: &'a dyn Predict<T>,
}

impl<T: Real> Synthesis<'_, T> {
    /// The boxes to work on for `region` of the grid of downscaling level `target`: entry `i` belongs
    /// to level `target + i`.
    #[must_use]
    pub fn windows(&self, target: usize, region: Region) -> Vec<LevelWindow> {
        let mut fine = region;
        let mut windows = Vec::new();
        for (index, level) in self.plan.levels().iter().enumerate().skip(target) {
            let cells = level.cells(fine);
            let low = cells.hull(&self.predictor.needs(index, level, cells));
            windows.push(LevelWindow { fine, cells, low });
            fine = low;
        }
        windows
    }

    /// The box of the coarsest low-pass that `windows` start from; `region` when there are none.
    #[must_use]
    pub fn low_pass_box(windows: &[LevelWindow], region: Region) -> Region {
        windows.last().map_or(region, |window| window.low)
    }

    /// Decodes `region` of the field at downscaling level `target` (0 = full resolution) in the
    /// frame's normalised orthonormal scale, from the quantised coefficients of all coarser levels.
    /// Each level's coefficients are freed before the next grid is made: they would be a sixth of the
    /// peak of memory.
    ///
    /// # Errors
    /// What the predictor reports.
    pub fn run(
        &self,
        mut coefficients: Coefficients,
        target: usize,
        region: Region,
    ) -> Result<Vec<T>> {
        let windows = self.windows(target, region);
        let coarsest = Self::low_pass_box(&windows, region);
        let mut low = self.low_pass(&coefficients, coarsest);
        for (i, window) in windows.iter().enumerate().rev() {
            let index = target + i;
            let details = self.details(&coefficients, index, window, &low)?;
            release(self.partition, &mut coefficients, Source::Details(index));
            low = self.join(index, window, low, details);
        }
        Ok(low)
    }

    /// The box `cells` of the coarsest low-pass; the first brick holds its coefficients.
    pub(crate) fn low_pass(&self, coefficients: &Coefficients, cells: Region) -> Vec<T> {
        let mut low = vec![vec![T::ZERO; cells.len()]];
        self.add(coefficients, Source::LowPass, cells, Base::Zeros, &mut low);
        low.swap_remove(0)
    }

    /// Details of one level over its window: prediction and residuals.
    fn details(
        &self,
        coefficients: &Coefficients,
        index: usize,
        window: &LevelWindow,
        low: &[T],
    ) -> Result<Vec<Vec<T>>> {
        let level = &self.plan.levels()[index];
        let known = Window {
            region: window.low,
            values: low,
        };
        let predicted = self.predictor.details(index, level, known, window.cells)?;
        let (base, mut details) = or_zeros(predicted, level, window.cells);
        let source = Source::Details(index);
        self.add(coefficients, source, window.cells, base, &mut details);
        Ok(details)
    }

    fn add(
        &self,
        coefficients: &Coefficients,
        source: Source,
        cells: Region,
        base: Base,
        bands: &mut [Vec<T>],
    ) {
        let bricks = self.partition.bricks().iter().zip(coefficients);
        let grids = grids_of(source, bricks);
        let dequantiser = self.dequantiser;
        add_residuals(self.plan, source, cells, &grids, dequantiser, base, bands);
    }

    /// The fine samples of a window from its low-pass and details.
    fn join(
        &self,
        index: usize,
        window: &LevelWindow,
        low: Vec<T>,
        details: Vec<Vec<T>>,
    ) -> Vec<T> {
        let level = &self.plan.levels()[index];
        let low = cropped(window.low, low, window.cells);
        let fine = upscale(self.wavelet, level, window.cells, low, details);
        cropped(level.fine_of(window.cells), fine, window.fine)
    }
}

/// `values` of `region` cut to `part`; without a copy when that is all of it.
pub(super) fn cropped<T: Copy>(region: Region, values: Vec<T>, part: Region) -> Vec<T> {
    match region == part {
        true => values,
        false => region.crop(&values, &part),
    }
}

/// The grids of `source` among decoded bricks that store anything.
pub(crate) fn grids_of<'a>(
    source: Source,
    bricks: impl Iterator<Item = (&'a Brick, &'a Arc<Vec<Vec<i32>>>)>,
) -> Vec<(&'a BrickGrid, &'a [i32])> {
    bricks
        .flat_map(|(brick, coefficients)| brick.grids.iter().zip(&**coefficients))
        .filter(|(grid, q)| grid.source == source && !q.is_empty())
        .map(|(grid, q)| (grid, q.as_slice()))
        .collect()
}

/// Frees the coefficients of all bricks that hold grids of `source` alone.
fn release(partition: &Partition, coefficients: &mut Coefficients, source: Source) {
    for (brick, coefficients) in partition.bricks().iter().zip(coefficients) {
        if brick.grids.iter().all(|grid| grid.source == source) {
            *coefficients = Arc::default();
        }
    }
}

/// The part over `part` of details over `cells`.
pub(crate) fn crop_details<T: Copy>(
    level: &LevelPlan,
    details: &[Vec<T>],
    cells: Region,
    part: Region,
) -> Vec<Vec<T>> {
    let crop = |(band, &code): (&Vec<T>, _)| {
        let whole = level.band_region(code, cells);
        whole.crop(band, &level.band_region(code, part))
    };
    details.iter().zip(&level.details).map(crop).collect()
}

/// The predicted details over `cells`, or zeros where there is no prediction.
pub(crate) fn or_zeros<T: Real>(
    predicted: Option<Vec<Vec<T>>>,
    level: &LevelPlan,
    cells: Region,
) -> (Base, Vec<Vec<T>>) {
    if let Some(predicted) = predicted {
        return (Base::Prediction, predicted);
    }
    let zeros = |&code| vec![T::ZERO; level.band_region(code, cells).len()];
    (Base::Zeros, level.details.iter().map(zeros).collect())
}
