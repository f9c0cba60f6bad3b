//! Each grid between the levels whole in memory.

use std::ops::ControlFlow;

use crate::base::error::Result;
use crate::base::real::Real;
use crate::recon::levels::{GridStorage, LevelStep, LevelTask, cropped, upscale};

/// Each grid whole in memory. Where the step wants no finer grid, the loop ends with the low-pass.
pub struct WholeGrids<'a, T> {
    /// What is done with the details.
    pub step: &'a mut dyn LevelStep<T>,
}

impl<T: Real> GridStorage<T> for WholeGrids<'_, T> {
    type Grid = Vec<T>;

    fn level(&mut self, task: &LevelTask<'_>, low: Vec<T>) -> Result<ControlFlow<Vec<T>, Vec<T>>> {
        whole_level(task, low, self.step)
    }
}

/// One level whole in memory. Its details are there before the grid is made: a step may free what it made them from.
pub(super) fn whole_level<T: Real>(
    task: &LevelTask<'_>,
    low: Vec<T>,
    step: &mut dyn LevelStep<T>,
) -> Result<ControlFlow<Vec<T>, Vec<T>>> {
    let window = task.window;
    let Some(details) = step.details(task.part(window.cells, &low))? else {
        return Ok(ControlFlow::Break(low));
    };
    let low = cropped(window.low, low, window.cells);
    let fine = upscale(
        task.synthesis.wavelet,
        task.level,
        window.cells,
        low,
        details,
    );
    let has = task.level.fine_of(window.cells);
    Ok(ControlFlow::Continue(cropped(has, fine, window.fine)))
}
