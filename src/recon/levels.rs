//! The level loop, and what is given to it: what a level does with its details, and where the grids between the levels lie.

use std::ops::{ControlFlow, Range};

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::recon::bricks::Partition;
use crate::recon::predict::{LevelPart, Predictor};
use crate::recon::window::{LevelWindow, Window};
use crate::transform::{Bands, LevelPlan, Plan, Wavelet, inverse};

/// Goes over `levels` from coarse to fine, beginning with `grid`, the low-pass of the coarsest. `level` makes the grid
/// of each from that of the next coarser one, or ends the loop with what it gives back.
///
/// # Errors
/// What `level` reports.
pub fn walk<G>(
    levels: Range<usize>,
    grid: G,
    mut level: impl FnMut(usize, G) -> Result<ControlFlow<G, G>>,
) -> Result<G> {
    let mut grid = grid;
    for index in levels.rev() {
        match level(index, grid)? {
            ControlFlow::Continue(finer) => grid = finer,
            ControlFlow::Break(last) => return Ok(last),
        }
    }
    Ok(grid)
}

/// What a level does with its details.
pub trait LevelStep<T> {
    /// The decoded details over the cells of `part` in coding order; `None` where no finer grid is wanted.
    ///
    /// # Errors
    /// What predicting or reading them reports.
    fn details(&mut self, part: LevelPart<'_, T>) -> Result<Option<Vec<Vec<T>>>>;
}

/// Takes grids from level to level.
pub trait GridStorage<T> {
    /// A grid of a level, or what stands for it.
    type Grid;

    /// The grid of a level from the low-pass of its window, or the end of the loop.
    ///
    /// # Errors
    /// What predicting, reading and handing on the level's grid reports.
    fn level(
        &mut self,
        task: &LevelTask<'_>,
        low: Self::Grid,
    ) -> Result<ControlFlow<Self::Grid, Self::Grid>>;
}

/// How a frame is put together again.
#[derive(Clone, Copy)]
pub struct Synthesis<'a> {
    /// Filter pair.
    pub wavelet: Wavelet,
    /// Levels and shapes.
    pub plan: &'a Plan,
    /// Bricks.
    pub partition: &'a Partition,
    /// What the residuals are added to, where anything is predicted.
    pub predictor: Option<&'a Predictor>,
}

/// The loop for a box of the grid of one level.
pub struct LevelLoop<'a> {
    synthesis: Synthesis<'a>,
    /// The level to arrive at.
    target: usize,
    /// The box of its grid that is wanted.
    region: Region,
    windows: Vec<LevelWindow>,
}

/// One level of a loop.
#[derive(Clone, Copy)]
pub struct LevelTask<'a> {
    /// What the level is part of.
    pub synthesis: Synthesis<'a>,
    /// Number of the level.
    pub index: usize,
    /// Its shape.
    pub level: &'a LevelPlan,
    /// The boxes to work on.
    pub window: LevelWindow,
    /// Whether the loop ends with it.
    pub is_last: bool,
}

impl<'a> Synthesis<'a> {
    /// The loop for `region` of the grid of downscaling level `target` (0 = full resolution).
    ///
    /// # Errors
    /// `Corrupt` when a level's network is missing.
    pub fn level_loop(self, target: usize, region: Region) -> Result<LevelLoop<'a>> {
        let mut fine = region;
        let mut windows = Vec::new();
        for (index, level) in self.plan.levels().iter().enumerate().skip(target) {
            let cells = level.cells(fine);
            let low = self.low_pass_box(index, cells)?;
            windows.push(LevelWindow { fine, cells, low });
            fine = low;
        }
        Ok(LevelLoop::new(self, target, region, windows))
    }

    /// The box of the low-pass that the cells of a level and their prediction take.
    pub(super) fn low_pass_box(&self, index: usize, cells: Region) -> Result<Region> {
        let level = &self.plan.levels()[index];
        Ok(match self.predictor {
            Some(predictor) => cells.hull(&predictor.needs(index, level, cells)?),
            None => cells,
        })
    }
}

impl<'a> LevelLoop<'a> {
    /// Arrives at `region` of level `target` by way of `windows`; where there are none, `region` is of the coarsest low-pass.
    pub(super) fn new(
        synthesis: Synthesis<'a>,
        target: usize,
        region: Region,
        windows: Vec<LevelWindow>,
    ) -> Self {
        Self {
            synthesis,
            target,
            region,
            windows,
        }
    }

    /// The level to arrive at.
    #[must_use]
    pub fn target(&self) -> usize {
        self.target
    }

    /// The boxes to work on; entry `i` belongs to level `target + i`.
    #[must_use]
    pub fn windows(&self) -> &[LevelWindow] {
        &self.windows
    }

    /// The box of the coarsest low-pass that the loop begins with.
    #[must_use]
    pub fn low_pass_box(&self) -> Region {
        self.windows.last().map_or(self.region, |window| window.low)
    }

    /// Goes from `low`, the box [`LevelLoop::low_pass_box`] of the coarsest low-pass, to the grid that is wanted.
    ///
    /// # Errors
    /// What the storage reports.
    pub fn run<T, P: GridStorage<T>>(&self, low: P::Grid, storage: &mut P) -> Result<P::Grid> {
        let levels = self.target..self.target + self.windows.len();
        walk(levels, low, |index, low| {
            let task = LevelTask {
                synthesis: self.synthesis,
                index,
                level: &self.synthesis.plan.levels()[index],
                window: self.windows[index - self.target],
                is_last: index == self.target,
            };
            storage.level(&task, low)
        })
    }
}

impl<'a> LevelTask<'a> {
    /// Some cells of the level, with `low`, the low-pass of its window.
    pub(super) fn part<'b, T>(&self, cells: Region, low: &'b [T]) -> LevelPart<'b, T>
    where
        'a: 'b,
    {
        LevelPart {
            index: self.index,
            level: self.level,
            cells,
            low: Window {
                region: self.window.low,
                values: low,
            },
            predictor: self.synthesis.predictor,
        }
    }
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

/// `values` of `region` cut to `part`; without a copy when that is all of it.
pub(super) fn cropped<T: Copy>(region: Region, values: Vec<T>, part: Region) -> Vec<T> {
    if region == part {
        values
    } else {
        region.crop(&values, &part)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_goes_from_coarse_to_fine_and_ends_where_a_level_says() {
        let go = |end: usize| {
            walk(1..5, Vec::new(), |index, mut seen| {
                seen.push(index);
                Ok(if index == end {
                    ControlFlow::Break(seen)
                } else {
                    ControlFlow::Continue(seen)
                })
            })
        };
        assert_eq!(go(0).unwrap(), [4, 3, 2, 1]);
        assert_eq!(go(3).unwrap(), [4, 3]);
        assert_eq!(
            walk(2..2, 7, |_, g| Ok(ControlFlow::Continue(g))).unwrap(),
            7
        );
    }
}
