//! Stored integers to details.

use std::sync::Arc;

use rayon::prelude::*;

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::recon::bricks::{Brick, BrickGrid, Partition, Subbands};
use crate::recon::levels::LevelStep;
use crate::recon::past::{HeldBands, Past};
use crate::recon::predict::LevelPart;
use crate::transform::{Dequantiser, LevelPlan, Plan};

/// Quantised coefficients of all grids: `[brick][grid]`, empty where nothing is stored or wanted.
pub type Coefficients = Vec<Arc<Vec<Vec<i32>>>>;

/// What is done to bands with residuals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// They are written over zeros in fresh pages. Never read: a read maps the shared zero page, and the next write
    /// faults again.
    Overwrite,
    /// They are added to a prediction.
    Add,
}

/// How residuals come to the bands over some cells.
pub struct Residuals<T> {
    /// The box of its subband that each band holds.
    pub regions: Vec<Region>,
    /// How integers become coefficients.
    pub dequantiser: Dequantiser<T>,
    /// What the bands hold where no residual was added yet.
    pub accumulate: Accumulate,
}

impl<T: Real> Residuals<T> {
    /// Decodes `grids`, which are of the same subbands as the bands, with their integers, into the bands.
    pub fn add(&self, grids: &[(&BrickGrid, &[i32])], bands: &mut [Vec<T>]) {
        let dequantiser = self.dequantiser;
        bands.par_iter_mut().enumerate().for_each(|(band, values)| {
            for (grid, q) in grids {
                grid.zip_band(band, &self.regions[band], values, q, |values, q| {
                    let changed = values.iter_mut().zip(q).filter(|(_, q)| **q != 0);
                    match self.accumulate {
                        Accumulate::Overwrite => {
                            changed.for_each(|(v, &q)| *v = dequantiser.value(q));
                        }
                        Accumulate::Add => changed.for_each(|(v, &q)| *v += dequantiser.value(q)),
                    }
                });
            }
        });
    }
}

/// Takes grids of one level with their integers.
pub type TakeGrids<'a> = dyn FnMut(&[(&BrickGrid, &[i32])]) + 'a;

/// Where stored integers come from.
pub trait ResidualSource {
    /// Hands out the grids of a level's details that touch `cells`, each once.
    ///
    /// # Errors
    /// `Corrupt` when they are damaged.
    fn read(&mut self, level: usize, cells: Region, take: &mut TakeGrids<'_>) -> Result<()>;
}

/// The decoder's step: adds stored residuals to what is predicted.
pub struct AddResiduals<'a, T> {
    /// How integers become coefficients.
    pub dequantiser: Dequantiser<T>,
    /// Where the integers come from.
    pub source: &'a mut dyn ResidualSource,
    /// What details are predicted from beside networks.
    pub past: Option<&'a Past<T>>,
    /// Where decoded details are kept for frames that are predicted from this one.
    pub kept: Option<&'a mut HeldBands<T>>,
}

impl<T: Real> LevelStep<T> for AddResiduals<'_, T> {
    fn details(&mut self, part: LevelPart<'_, T>) -> Result<Option<Vec<Vec<T>>>> {
        let mut predicted = part.predict()?;
        if let Some(past) = self.past {
            predicted = past.details(&part, predicted)?;
        }
        let (accumulate, mut details) = or_zeros(predicted, part.level, part.cells);
        let residuals = Residuals {
            regions: detail_regions(part.level, part.cells),
            dequantiser: self.dequantiser,
            accumulate,
        };
        let mut add = |grids: &[(&BrickGrid, &[i32])]| residuals.add(grids, &mut details);
        self.source.read(part.index, part.cells, &mut add)?;
        if let Some(kept) = &mut self.kept {
            kept.keep(&part, &details);
        }
        Ok(Some(details))
    }
}

/// [`AddResiduals`] for the bands alone: the grid of the finest level is not wanted.
pub struct BandsAlone<'a, T> {
    /// The step.
    pub step: AddResiduals<'a, T>,
    /// The finest level.
    pub target: usize,
}

impl<T: Real> LevelStep<T> for BandsAlone<'_, T> {
    fn details(&mut self, part: LevelPart<'_, T>) -> Result<Option<Vec<Vec<T>>>> {
        let details = self.step.details(part)?;
        Ok(details.filter(|_| part.index > self.target))
    }
}

/// Coefficients in memory, for loops that ask for each level once: those of a level are freed when they are read, before the next grid is made: they would be a
/// sixth of the peak of memory.
pub struct HeldCoefficients<'a> {
    /// The bricks they are of.
    pub partition: &'a Partition,
    /// The coefficients.
    pub coefficients: Coefficients,
}

impl HeldCoefficients<'_> {
    /// The box `cells` of the coarsest low-pass: what is predicted of it, if anything is, and what the first brick holds.
    #[must_use]
    pub fn low_pass<T: Real>(
        &self,
        cells: Region,
        dequantiser: Dequantiser<T>,
        predicted: Option<Vec<T>>,
    ) -> Vec<T> {
        let accumulate = match predicted {
            Some(_) => Accumulate::Add,
            None => Accumulate::Overwrite,
        };
        let mut low = vec![predicted.unwrap_or_else(|| vec![T::ZERO; cells.len()])];
        let residuals = Residuals {
            regions: vec![cells],
            dequantiser,
            accumulate,
        };
        let bricks = self.partition.bricks().iter().zip(&self.coefficients);
        residuals.add(&grids_of(Subbands::LowPass, bricks), &mut low);
        low.swap_remove(0)
    }

    /// Frees the coefficients of all bricks that hold grids of `subbands` alone.
    fn free(&mut self, subbands: Subbands) {
        for (brick, coefficients) in self.partition.bricks().iter().zip(&mut self.coefficients) {
            if brick.grids.iter().all(|grid| grid.subbands == subbands) {
                *coefficients = Arc::default();
            }
        }
    }
}

impl ResidualSource for HeldCoefficients<'_> {
    fn read(&mut self, level: usize, _: Region, take: &mut TakeGrids<'_>) -> Result<()> {
        let subbands = Subbands::Details(level);
        let bricks = self.partition.bricks().iter().zip(&self.coefficients);
        take(&grids_of(subbands, bricks));
        self.free(subbands);
        Ok(())
    }
}

/// The boxes that the bands of `subbands` over `cells` hold.
pub(crate) fn band_regions(plan: &Plan, subbands: Subbands, cells: Region) -> Vec<Region> {
    match subbands {
        Subbands::LowPass => vec![cells],
        Subbands::Details(level) => detail_regions(&plan.levels()[level], cells),
    }
}

fn detail_regions(level: &LevelPlan, cells: Region) -> Vec<Region> {
    let region = |&code| level.band_region(code, cells);
    level.details.iter().map(region).collect()
}

/// The grids of `subbands` among decoded bricks that store anything.
pub(crate) fn grids_of<'a>(
    subbands: Subbands,
    bricks: impl Iterator<Item = (&'a Brick, &'a Arc<Vec<Vec<i32>>>)>,
) -> Vec<(&'a BrickGrid, &'a [i32])> {
    bricks
        .flat_map(|(brick, coefficients)| brick.grids.iter().zip(&**coefficients))
        .filter(|(grid, q)| grid.subbands == subbands && !q.is_empty())
        .map(|(grid, q)| (grid, q.as_slice()))
        .collect()
}

/// The predicted details over `cells`, or zeros where there is no prediction.
pub(crate) fn or_zeros<T: Real>(
    predicted: Option<Vec<Vec<T>>>,
    level: &LevelPlan,
    cells: Region,
) -> (Accumulate, Vec<Vec<T>>) {
    if let Some(predicted) = predicted {
        return (Accumulate::Add, predicted);
    }
    let zeros = |&code| vec![T::ZERO; level.band_region(code, cells).len()];
    let zeros = level.details.iter().map(zeros).collect();
    (Accumulate::Overwrite, zeros)
}
