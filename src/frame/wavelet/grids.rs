//! Single grids of an encoder's pass: residuals to integers.

use rayon::prelude::*;

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::codec::ctx::{BlockCost, BrickQuantiser, Quantiser};
use crate::frame::wavelet::analysis::Analysis;
use crate::frame::wavelet::integers::Integers;
use crate::recon::{BrickGrid, LevelPart, Subbands, band_regions};

/// One grid after quantisation.
pub(super) struct GridPass {
    /// None where the level is not held in memory.
    pub(super) coefficients: Option<Integers>,
    pub(super) costs: Vec<BlockCost>,
    pub(super) wanted: Vec<bool>,
}

/// One grid with its integers.
pub(super) type QuantisedGrid = (GridPass, Vec<i32>);

/// Quantises one grid; its integers come apart from the rest, which does not hold them yet. `None` where the step is too
/// small for the coder.
pub(super) fn quantise_grid<T: Real>(
    session: &mut BrickQuantiser<T>,
    grid: &BrickGrid,
    residuals: &[T],
) -> Option<QuantisedGrid> {
    let blocks = grid.layout.block_count();
    let mut coefficients = vec![0; grid.len()];
    let mut pass = GridPass {
        coefficients: None,
        costs: vec![BlockCost::default(); blocks],
        wanted: vec![true; blocks],
    };
    session.grid(
        &grid.layout,
        residuals,
        &mut pass.wanted,
        &mut coefficients,
        &mut pass.costs,
    )?;
    Some((pass, coefficients))
}

pub(super) fn subtract<T: Real>(values: &mut [T], predicted: &[T]) {
    for (v, &p) in values.iter_mut().zip(predicted) {
        *v -= p;
    }
}

/// The bricks of a finest level that is not held in memory: they are made, predicted and quantised box by box.
pub(super) struct StreamedLevel<'a, T: Real> {
    pub(super) analysis: &'a Analysis<'a, T>,
    pub(super) quantiser: Quantiser<T>,
    /// What predicts it, where its prediction is used.
    pub(super) part: Option<LevelPart<'a, T>>,
}

impl<T: Real> StreamedLevel<'_, T> {
    /// Quantises the boxes some of whose bricks `wants`, and hands them out by the number of the brick. `None` where the
    /// step is too small for the coder.
    ///
    /// # Errors
    /// What the predictor reports.
    pub(super) fn for_each_box(
        &self,
        wants: impl Fn(usize) -> bool,
        mut take: impl FnMut(Vec<(usize, QuantisedGrid)>) -> Result<()>,
    ) -> Result<Option<()>> {
        for cells in self.analysis.boxes(0) {
            let grids = self.analysis.grids_in(0, cells);
            if !grids.iter().any(|&(number, _)| wants(number)) {
                continue;
            }
            let predicted = match self.part {
                Some(part) => part.over(cells).predict()?,
                None => None,
            };
            match self.quantise(cells, grids, predicted.as_deref()) {
                Some(done) => take(done)?,
                None => return Ok(None),
            }
        }
        Ok(Some(()))
    }

    fn quantise(
        &self,
        cells: Region,
        grids: Vec<(usize, &BrickGrid)>,
        predicted: Option<&[Vec<T>]>,
    ) -> Option<Vec<(usize, QuantisedGrid)>> {
        let subbands = Subbands::Details(0);
        let exact = self.analysis.bands(subbands, cells);
        let regions = band_regions(&self.analysis.plan, subbands, cells);
        let brick = |(number, grid): (usize, &BrickGrid)| {
            let mut residuals = grid.gather(&exact.regions, &exact.bands);
            if let Some(predicted) = predicted {
                subtract(&mut residuals, &grid.gather(&regions, predicted));
            }
            let mut session = BrickQuantiser::new(self.quantiser);
            Some((number, quantise_grid(&mut session, grid, &residuals)?))
        };
        grids.into_par_iter().map(brick).collect()
    }
}
