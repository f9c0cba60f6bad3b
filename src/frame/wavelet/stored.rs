//! The integers that a frame stores, brick by brick, and what they stand for.

use std::borrow::Cow;
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::codec::ctx::BrickDecoder;
use crate::frame::cache::FrameCache;
use crate::frame::layout::FrameLayout;
use crate::frame::queue::in_order;
use crate::recon::{Brick, BrickGrid, Coefficients, LevelWindow, Subbands};
use crate::transform::Dequantiser;

/// Bricks decoded at once when a level is decoded in layers of so many cells: bounds their memory, and is enough for
/// many threads.
pub(crate) const BATCH: usize = 64;

/// Payloads of one frame's bricks.
pub(crate) trait BrickPayloads: Sync {
    /// Says that the bricks `numbers` will be asked for, so that they can be fetched together.
    ///
    /// # Errors
    /// `Io` where they are read from a file.
    fn prepare(&self, _numbers: &mut dyn Iterator<Item = usize>) -> Result<()> {
        Ok(())
    }

    /// The integers of brick `number`, grid by grid, where they are at hand without being decoded.
    fn integers(&self, _number: usize) -> Option<Vec<Vec<i32>>> {
        None
    }

    /// Payload of brick `number`, if there is such a chunk.
    ///
    /// # Errors
    /// `Corrupt` when the chunk is damaged, `Io` where it is read from a file.
    fn brick(&self, number: usize) -> Result<Option<Cow<'_, [u8]>>>;
}

/// A box of a level, and where its bricks are.
#[derive(Clone, Copy)]
pub(crate) struct DecodeRequest<'a> {
    /// Downscaling level; 0 is full resolution.
    pub(crate) level: usize,
    /// Box of that level's grid.
    pub(crate) region: Region,
    pub(crate) bricks: &'a dyn BrickPayloads,
    /// Bricks decoded before, where some are kept.
    pub(crate) cache: Option<FrameCache<'a>>,
}

impl FrameLayout {
    /// Decodes the bricks that touch `windows`, the first of which belongs to level `first`.
    pub(super) fn coefficients(
        &self,
        request: &DecodeRequest<'_>,
        first: usize,
        windows: &[LevelWindow],
    ) -> Result<Coefficients> {
        let bricks = self.partition().bricks();
        // Filter first: untouched bricks would leave some threads idle.
        let touched = self.touched(first, windows);
        self.prepare(&touched, request)?;
        let decode = |&(number, brick): &(usize, &Brick)| self.cached_brick(number, brick, request);
        let decoded = in_order(touched.iter(), decode);
        let mut coefficients: Coefficients = vec![Arc::default(); bricks.len()];
        for ((number, _), decoded) in touched.into_iter().zip(decoded) {
            coefficients[number] = decoded?;
        }
        Ok(coefficients)
    }

    /// The bricks that touch `windows`, the first of which belongs to level `first`, and that of the low-pass.
    pub(super) fn touched(&self, first: usize, windows: &[LevelWindow]) -> Vec<(usize, &Brick)> {
        let is_wanted = |grid: &BrickGrid| match grid.subbands {
            Subbands::LowPass => true,
            Subbands::Details(level) => level
                .checked_sub(first)
                .and_then(|i| windows.get(i))
                .is_some_and(|window| !window.cells.intersection(&grid.region).is_empty()),
        };
        let bricks = self.partition().bricks().iter().enumerate();
        bricks
            .filter(|(_, brick)| brick.grids.iter().any(is_wanted))
            .collect()
    }

    /// Has bricks fetched that no cache has.
    ///
    /// # Errors
    /// As [`BrickPayloads::prepare`].
    pub(super) fn prepare(
        &self,
        bricks: &[(usize, &Brick)],
        request: &DecodeRequest<'_>,
    ) -> Result<()> {
        let is_kept = |number| request.cache.is_some_and(|cache| cache.has(number));
        let numbers = bricks.iter().map(|(number, _)| *number);
        request
            .bricks
            .prepare(&mut numbers.filter(|&number| !is_kept(number)))
    }

    /// The integers of a brick, from the cache where they are kept.
    pub(crate) fn cached_brick(
        &self,
        number: usize,
        brick: &Brick,
        request: &DecodeRequest<'_>,
    ) -> Result<Arc<Vec<Vec<i32>>>> {
        let decode = || self.brick(number, brick, request.bricks);
        match &request.cache {
            Some(cache) => cache.get_or(number, decode),
            None => decode().map(Arc::new),
        }
    }

    fn brick(
        &self,
        number: usize,
        brick: &Brick,
        bricks: &dyn BrickPayloads,
    ) -> Result<Vec<Vec<i32>>> {
        if let Some(integers) = bricks.integers(number) {
            return Ok(integers);
        }
        self.integers(brick, bricks.brick(number)?.as_deref())
            .map_err(|e| e.within(format!("brick {number}")))
    }

    fn integers(&self, brick: &Brick, payload: Option<&[u8]>) -> Result<Vec<Vec<i32>>> {
        let stored: Vec<_> = brick
            .grids
            .iter()
            .map(|grid| grid.stored(self.tree()))
            .collect();
        let anything = stored.iter().flatten().any(|&s| s);
        match payload {
            None if anything => Err(Error::corrupt("the brick is missing")),
            Some(_) if !anything => Err(Error::corrupt("the brick holds nothing")),
            None => Ok(vec![Vec::new(); brick.grids.len()]),
            Some(payload) => decode_brick(brick, &stored, payload),
        }
    }
}

/// As a frame's record states it: the step, and the distance below an integer in 1/256 step.
pub(crate) fn dequantiser<T: Real>(step: f64, shrink: u8) -> Dequantiser<T> {
    Dequantiser {
        step: T::from_f64(step),
        shrink: T::from_f64(f64::from(shrink) / 256.0),
    }
}

fn decode_brick(brick: &Brick, stored: &[Vec<bool>], payload: &[u8]) -> Result<Vec<Vec<i32>>> {
    let mut decoder = BrickDecoder::new(payload);
    let decode = |(grid, stored): (&BrickGrid, &Vec<bool>)| {
        if !stored.contains(&true) {
            return Ok(Vec::new());
        }
        let mut coefficients = vec![0; grid.len()];
        decoder.grid(&grid.layout, stored, &mut coefficients)?;
        Ok(coefficients)
    };
    brick.grids.iter().zip(stored).map(decode).collect()
}
