//! Decoding on a backend's device: bricks are decoded on the host while it predicts, and what it cannot do is left to the host.

use std::sync::Arc;

use rayon::prelude::*;

use crate::backend::device::{TakePiece, is_of_device};
use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::container::WaveletForm;
use crate::frame::layout::{BATCH, Geometry, Wanted};
use crate::recon::{Brick, BrickGrid, Coefficients, Predict, Source, Synthesis};

/// Integers of some bricks, grid by grid.
type Decoded = Vec<Arc<Vec<Vec<i32>>>>;

impl Geometry {
    /// Decodes what is wanted on the predictor's device, in boxes that follow each other along the slowest axis. Returns what
    /// is left: all where there is no device, and the rest where it failed and the host may take over.
    ///
    /// # Errors
    /// `Corrupt`, or what the predictor, the device and `sink` report.
    pub(crate) fn decode_on_device<T: Real>(
        &self,
        form: &WaveletForm,
        predictor: &dyn Predict<T>,
        wanted: &Wanted<'_>,
        sink: &mut dyn FnMut(Region, Vec<T>) -> Result<()>,
    ) -> Result<Option<Region>> {
        let Some(levels) = predictor.device() else {
            return Ok(Some(wanted.region));
        };
        let synthesis = self.synthesis(form, predictor);
        let (target, region) = (wanted.level, wanted.region);
        let windows = synthesis.windows(target, region);
        let bricks = self.partition.bricks();
        let shared: Coefficients = bricks
            .iter()
            .take(1)
            .map(|brick| self.wanted_brick(0, brick, wanted))
            .collect::<Result<_>>()?;
        let coarsest = Synthesis::<T>::low_pass_box(&windows, region);
        let low = synthesis.low_pass(&shared, coarsest);
        let mut pieces = |level: usize, cells: Region, take: &mut TakePiece<'_>| {
            self.pieces(level, cells, wanted, &shared, take)
        };
        let mut rest = region;
        let mut sink_failed = false;
        let mut counted = |part: Region, values: Vec<T>| {
            let axis = (0..2).find(|&a| region.size[a] > 1).unwrap_or(2);
            let end = region.end(axis);
            rest.start[axis] = part.end(axis);
            rest.size[axis] = end - part.end(axis);
            let taken = sink(part, values);
            sink_failed = taken.is_err();
            taken
        };
        let device = levels.device;
        let done = synthesis.run_on(device, (target, region), low, &mut pieces, &mut counted);
        match done {
            Ok(()) => Ok(None),
            Err(e) if levels.may_fail && !sink_failed && is_of_device(&e) => Ok(Some(rest)),
            Err(e) => Err(e),
        }
    }

    /// Hands out the integers of a level's details that touch `cells`; the first brick is decoded, the others are
    /// decoded while those before are taken.
    fn pieces(
        &self,
        level: usize,
        cells: Region,
        wanted: &Wanted<'_>,
        shared: &Coefficients,
        take: &mut TakePiece<'_>,
    ) -> Result<()> {
        let source = Source::Details(level);
        let touches = |grid: &BrickGrid| {
            grid.source == source && !grid.region.intersection(&cells).is_empty()
        };
        let mut give = |bricks: &[(usize, &Brick)], decoded: &Decoded| -> Result<()> {
            for ((_, brick), integers) in bricks.iter().zip(decoded) {
                for (grid, q) in brick.grids.iter().zip(&***integers) {
                    if touches(grid) && !q.is_empty() {
                        grid.pieces(q).try_for_each(&mut *take)?;
                    }
                }
            }
            Ok(())
        };
        let all: Vec<(usize, &Brick)> = self.partition.bricks().iter().enumerate().collect();
        let (first, others) = all.split_at(all.len().min(1));
        give(first, shared)?;
        let others: Vec<(usize, &Brick)> = (others.iter().copied())
            .filter(|(_, brick)| brick.grids.iter().any(touches))
            .collect();
        let decode = |batch: &[(usize, &Brick)]| -> Result<Decoded> {
            let one = |&(number, brick): &(usize, &Brick)| self.wanted_brick(number, brick, wanted);
            batch.par_iter().map(one).collect()
        };
        let mut batches = others.chunks(BATCH);
        let Some(mut batch) = batches.next() else {
            return Ok(());
        };
        let mut decoded = decode(batch)?;
        loop {
            let next = batches.next();
            let mut ahead = None;
            rayon::in_place_scope(|scope| {
                if let Some(next) = next {
                    scope.spawn(|_| ahead = Some(decode(next)));
                }
                give(batch, &decoded)
            })?;
            let (Some(next), Some(ahead)) = (next, ahead) else {
                return Ok(());
            };
            (batch, decoded) = (next, ahead?);
        }
    }
}
