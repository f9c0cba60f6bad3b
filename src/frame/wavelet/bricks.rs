//! A pass to bytes.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::base::error::Result;
use crate::base::real::Real;
use crate::codec::ctx::BrickEncoder;
use crate::frame::coded::CodedBricks;
use crate::frame::queue::in_order;
use crate::frame::wavelet::analysis::Analysis;
use crate::frame::wavelet::grids::{QuantisedGrid, StreamedLevel};
use crate::frame::wavelet::integers::Integers;
use crate::frame::wavelet::quantise::Pass;
use crate::frame::wavelet::stored::BrickPayloads;
use crate::octree::Octree;
use crate::recon::{Brick, LevelPart, Partition, Predictor, Window};

/// Codes every brick that stores anything. `predictor` is the one the pass was made with.
///
/// # Errors
/// What the predictor reports, `Io` where coded bricks go to a file.
pub(crate) fn code_bricks<T: Real>(
    analysis: &Analysis<'_, T>,
    pass: &mut Pass<T>,
    predictor: Option<&Predictor>,
    coded: &mut CodedBricks,
) -> Result<()> {
    let bricks = analysis.partition.bricks();
    let coefficients = std::mem::take(&mut pass.coefficients);
    let code = |(number, brick): (usize, &Brick)| {
        let stored = stored(brick, &pass.tree)?;
        let unpack = |held: &Option<Integers>| held.as_ref().map(Integers::unpack);
        let mut integers: Vec<_> = coefficients[number]
            .iter()
            .map(unpack)
            .collect::<Option<_>>()?;
        Some((number as u32, code_brick(brick, &stored, &mut integers)))
    };
    let held = in_order(bricks.iter().enumerate(), code);
    coded.take(held.into_iter().flatten().collect())?;
    if analysis.is_streamed(0) {
        code_streamed(analysis, pass, predictor, coded)?;
    }
    coded.sort();
    Ok(())
}

/// Codes the bricks of a finest level whose integers were not kept: its boxes are quantised once more.
fn code_streamed<T: Real>(
    analysis: &Analysis<'_, T>,
    pass: &Pass<T>,
    predictor: Option<&Predictor>,
    coded: &mut CodedBricks,
) -> Result<()> {
    let bricks = analysis.partition.bricks();
    let level = &analysis.plan.levels()[0];
    let whole = level.coarse.region();
    let predicted = predictor.filter(|_| pass.used[0]);
    let streamed = StreamedLevel {
        analysis,
        quantiser: pass.quantiser,
        part: predicted.map(|predictor| LevelPart {
            index: 0,
            level,
            cells: whole,
            low: Window {
                region: whole,
                values: &pass.coarse,
            },
            predictor: Some(predictor),
        }),
    };
    let code = |(number, (_, integers)): (usize, QuantisedGrid)| {
        let (brick, mut integers) = (&bricks[number], [integers]);
        let stored = stored(brick, &pass.tree)?;
        Some((number as u32, code_brick(brick, &stored, &mut integers)))
    };
    // The pass was made with this step: it is not too small.
    streamed
        .for_each_box(
            |number| stored(&bricks[number], &pass.tree).is_some(),
            |done| coded.take(done.into_par_iter().filter_map(code).collect()),
        )
        .map(|_| ())
}

/// Which blocks of each grid of a brick the tree stores; `None` when it stores none.
fn stored(brick: &Brick, tree: &Octree) -> Option<Vec<Vec<bool>>> {
    let stored: Vec<_> = brick.grids.iter().map(|grid| grid.stored(tree)).collect();
    stored.iter().flatten().any(|&s| s).then_some(stored)
}

/// Clears the blocks of a brick that the tree leaves out, and codes the others.
fn code_brick(brick: &Brick, stored: &[Vec<bool>], integers: &mut [Vec<i32>]) -> Vec<u8> {
    let mut encoder = BrickEncoder::default();
    for ((grid, stored), integers) in brick.grids.iter().zip(stored).zip(integers) {
        grid.layout.clear_blocks(stored, integers);
        encoder.grid(&grid.layout, stored, integers);
    }
    encoder.finish()
}

/// The integers of a pass in place of coded bricks: what a decoder would get, without a coder.
pub(crate) struct UncodedBricks<'a, T> {
    pub(crate) partition: &'a Partition,
    /// All of its levels are held in memory.
    pub(crate) pass: &'a Pass<T>,
}

impl<T: Real> BrickPayloads for UncodedBricks<'_, T> {
    fn integers(&self, number: usize) -> Option<Vec<Vec<i32>>> {
        let brick = self.partition.bricks().get(number)?;
        let held = self.pass.coefficients.get(number)?;
        let grids = brick.grids.iter().zip(held).map(|(grid, integers)| {
            let stored = grid.stored(&self.pass.tree);
            if !stored.contains(&true) {
                return Some(Vec::new());
            }
            let mut integers = integers.as_ref()?.unpack();
            grid.layout.clear_blocks(&stored, &mut integers);
            Some(integers)
        });
        grids.collect()
    }

    fn brick(&self, _: usize) -> Result<Option<Cow<'_, [u8]>>> {
        Ok(None)
    }
}
