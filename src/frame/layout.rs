//! Transform, octree and bricks of a frame as its record describes them, and the way from brick
//! payloads to values.

use std::sync::Arc;

use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::real::Real;
use crate::codec::ctx::BrickDecoder;
use crate::container::WaveletForm;
use crate::frame::queue::in_order;
use crate::frame::wavelet::cache::FrameCache;
use crate::octree;
use crate::octree::{Leaf, Octree};
use crate::recon::{
    Base, Brick, BrickGrid, Coefficients, Dequantiser, LevelWindow, Partition, Predict, Source,
    Synthesis, add_residuals, grids_of,
};
use crate::transform::{Plan, Wavelet};

/// Cells of a layer or slab, about: large enough for many threads.
const LAYER_CELLS: usize = 1 << 21;
/// Bricks decoded at once when a level is decoded in layers: bounds their memory, and is enough for
/// many threads.
pub(crate) const BATCH: usize = 64;

/// What a frame's record and its octree say, whatever the precision of the values.
#[derive(Debug)]
pub(crate) struct Geometry {
    pub(crate) wavelet: Wavelet,
    pub(crate) plan: Plan,
    pub(crate) partition: Partition,
    tree: Octree,
}

/// Payloads of one frame's bricks.
pub(crate) trait BrickPayloads: Sync {
    /// Payload of brick `number`, if there is such a chunk.
    ///
    /// # Errors
    /// `Corrupt` when the chunk is damaged.
    fn brick(&self, number: usize) -> Result<Option<&[u8]>>;
}

/// What to decode and from where.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Downscaling level; 0 is full resolution.
    pub(crate) level: usize,
    /// Box of that level's grid.
    pub(crate) region: Region,
    pub(crate) bricks: &'a dyn BrickPayloads,
    /// Bricks decoded before, where some are kept.
    pub(crate) cache: Option<FrameCache<'a>>,
}

impl Geometry {
    /// Leaves of the octree, coarse ones first.
    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        self.tree.leaves(&self.plan)
    }

    /// # Errors
    /// `Unsupported` for an unknown filter, `Corrupt` when the level count does not fit the shape or
    /// the octree is damaged.
    pub(crate) fn new(shape: Shape, form: &WaveletForm, tree: &[u8]) -> Result<Self> {
        let wavelet = Wavelet::from_u8(form.wavelet)
            .ok_or_else(|| Error::unsupported(format!("unknown filter pair {}", form.wavelet)))?;
        let plan = Plan::new(shape, form.periodic, usize::from(form.levels));
        if plan.levels().len() != usize::from(form.levels) {
            return Err(Error::corrupt(format!(
                "{} levels found, a grid of {shape} has up to {}",
                form.levels,
                plan.levels().len()
            )));
        }
        let (partition, tree) = rayon::join(
            || Partition::new(&plan, form.brick_edge),
            || octree::decode(&plan, tree),
        );
        Ok(Self {
            wavelet,
            partition: partition?,
            tree: tree?,
            plan,
        })
    }

    /// Grid of downscaling level `level`.
    pub(crate) fn grid(&self, level: usize) -> Shape {
        match level.checked_sub(1) {
            None => self.plan.shape(),
            Some(finer) => self.plan.levels()[finer].coarse,
        }
    }

    /// By downscaling level from 0 on: the number of the last brick that the field at that level needs.
    pub(crate) fn last_bricks(&self) -> Vec<u32> {
        let mut last = vec![0; self.plan.levels().len() + 1];
        for (number, brick) in (0u32..).zip(self.partition.bricks()) {
            let holds = |grid: &BrickGrid| grid.stored(&self.tree).contains(&true);
            if !brick.grids.iter().any(holds) {
                continue;
            }
            // A brick serves the fields at its own level and finer, the one with the low-pass all.
            let level = |grid: &BrickGrid| grid.level().unwrap_or(last.len());
            let coarsest = brick.grids.iter().map(level).max().unwrap_or_default();
            for last in last.iter_mut().take(coarsest + 1) {
                *last = number;
            }
        }
        last
    }

    /// Decodes what is wanted to normalised values in the orthonormal scale of its level.
    ///
    /// # Errors
    /// `Corrupt`, or what the predictor reports.
    pub(crate) fn decode<T: Real>(
        &self,
        form: &WaveletForm,
        predictor: &dyn Predict<T>,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<T>> {
        let mut values = Vec::new();
        let mut keep = |_, part: Vec<T>| {
            match values.is_empty() {
                true => values = part,
                false => values.extend_from_slice(&part),
            }
            Ok(())
        };
        if let Some(region) = self.decode_on_device(form, predictor, wanted, &mut keep)? {
            let rest = Wanted { region, ..*wanted };
            keep(region, self.decode_on_host(form, predictor, &rest)?)?;
        }
        Ok(values)
    }

    /// [`Geometry::decode`] without a device.
    fn decode_on_host<T: Real>(
        &self,
        form: &WaveletForm,
        predictor: &dyn Predict<T>,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<T>> {
        let synthesis = self.synthesis(form, predictor);
        let windows = synthesis.windows(wanted.level, wanted.region);
        let coefficients = self.coefficients(wanted, &windows)?;
        synthesis.run(coefficients, wanted.level, wanted.region)
    }

    /// Decodes the whole grid of downscaling level `level` like [`Geometry::decode`], in boxes that
    /// follow each other along the slowest axis: a large field never lies in memory twice.
    ///
    /// # Errors
    /// `Corrupt`, or what the predictor and `sink` report.
    pub(crate) fn decode_layers<T: Real>(
        &self,
        form: &WaveletForm,
        predictor: &dyn Predict<T>,
        bricks: &dyn BrickPayloads,
        level: usize,
        sink: &mut dyn FnMut(Region, Vec<T>) -> Result<()>,
    ) -> Result<()> {
        let wanted = Wanted {
            level,
            region: self.grid(level).region(),
            bricks,
            cache: None,
        };
        match self.decode_on_device(form, predictor, &wanted, sink)? {
            None => Ok(()),
            Some(all) if all == wanted.region => {
                self.layers_on_host(form, predictor, &wanted, sink)
            }
            Some(region) => {
                let rest = Wanted { region, ..wanted };
                sink(region, self.decode_on_host(form, predictor, &rest)?)
            }
        }
    }

    /// [`Geometry::decode_layers`] without a device, of a whole grid.
    fn layers_on_host<T: Real>(
        &self,
        form: &WaveletForm,
        predictor: &dyn Predict<T>,
        wanted: &Wanted<'_>,
        sink: &mut dyn FnMut(Region, Vec<T>) -> Result<()>,
    ) -> Result<()> {
        let synthesis = self.synthesis(form, predictor);
        let Wanted { level, bricks, .. } = *wanted;
        let layers = match self.plan.levels().get(level) {
            None => Vec::new(),
            Some(_) => synthesis.layers(level, LAYER_CELLS),
        };
        if layers.len() < 2 {
            return sink(wanted.region, self.decode_on_host(form, predictor, wanted)?);
        }
        let mut low = Vec::new();
        let coarser = Wanted {
            level: level + 1,
            region: self.grid(level + 1).region(),
            ..*wanted
        };
        self.layers_on_host(form, predictor, &coarser, &mut |region, values| {
            if low.is_empty() && region == self.grid(level + 1).region() {
                low = values;
            } else {
                low.reserve_exact(self.grid(level + 1).len() - low.len());
                low.extend_from_slice(&values);
            }
            Ok(())
        })?;
        let source = Source::Details(level);
        let mut residuals = |cells: Region, base: Base, bands: &mut [Vec<T>]| {
            let in_layer = |(_, brick): &(usize, &Brick)| {
                let touches = |grid: &BrickGrid| !grid.region.intersection(&cells).is_empty();
                brick
                    .grids
                    .iter()
                    .any(|grid| grid.source == source && touches(grid))
            };
            let layer: Vec<(usize, &Brick)> = self
                .partition
                .bricks()
                .iter()
                .enumerate()
                .filter(in_layer)
                .collect();
            for batch in layer.chunks(BATCH) {
                let decoded: Vec<Arc<Vec<Vec<i32>>>> = batch
                    .par_iter()
                    .map(|&(number, brick)| self.brick(number, brick, bricks).map(Arc::new))
                    .collect::<Result<_>>()?;
                let grids = grids_of(source, batch.iter().map(|(_, brick)| *brick).zip(&decoded));
                let dequantiser = synthesis.dequantiser;
                add_residuals(&self.plan, source, cells, &grids, dequantiser, base, bands);
            }
            Ok(())
        };
        synthesis.sweep(level, &layers, LAYER_CELLS, &low, &mut residuals, sink)
    }

    pub(crate) fn synthesis<'a, T: Real>(
        &'a self,
        form: &WaveletForm,
        predictor: &'a dyn Predict<T>,
    ) -> Synthesis<'a, T> {
        Synthesis {
            wavelet: self.wavelet,
            plan: &self.plan,
            partition: &self.partition,
            dequantiser: dequantiser(form.step, form.shrink),
            predictor,
        }
    }

    /// Decodes the bricks that touch `windows`.
    fn coefficients(&self, wanted: &Wanted<'_>, windows: &[LevelWindow]) -> Result<Coefficients> {
        let is_wanted = |grid: &BrickGrid| match grid.source {
            Source::LowPass => true,
            Source::Details(level) => level
                .checked_sub(wanted.level)
                .and_then(|i| windows.get(i))
                .is_some_and(|window| !window.cells.intersection(&grid.region).is_empty()),
        };
        let bricks = self.partition.bricks();
        // Apart from the others, which may be nearly all: they would be most of some threads' work.
        let is_touched = |(_, brick): &(usize, &Brick)| brick.grids.iter().any(is_wanted);
        let touched: Vec<(usize, &Brick)> = bricks.iter().enumerate().filter(is_touched).collect();
        let decode = |&(number, brick): &(usize, &Brick)| self.wanted_brick(number, brick, wanted);
        let decoded = in_order(touched.iter(), decode);
        let mut coefficients: Coefficients = vec![Arc::default(); bricks.len()];
        for ((number, _), decoded) in touched.into_iter().zip(decoded) {
            coefficients[number] = decoded?;
        }
        Ok(coefficients)
    }

    /// The integers of a brick, from the cache where they are kept.
    pub(crate) fn wanted_brick(
        &self,
        number: usize,
        brick: &Brick,
        wanted: &Wanted<'_>,
    ) -> Result<Arc<Vec<Vec<i32>>>> {
        let decode = || self.brick(number, brick, wanted.bricks);
        match &wanted.cache {
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
        self.integers(brick, bricks.brick(number)?)
            .map_err(|e| e.within(format!("brick {number}")))
    }

    fn integers(&self, brick: &Brick, payload: Option<&[u8]>) -> Result<Vec<Vec<i32>>> {
        let stored: Vec<_> = brick
            .grids
            .iter()
            .map(|grid| grid.stored(&self.tree))
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
