//! Transform, octree and bricks of a frame as its record describes them, and the way from brick
//! payloads to values.

use std::sync::Arc;

use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::real::Real;
use crate::codec::ctx::BrickDecoder;
use crate::container::WaveletForm;
use crate::frame::cache::FrameCache;
use crate::frame::queue::in_order;
use crate::octree;
use crate::octree::{Leaf, Octree};
use crate::recon::{
    AddResiduals, Brick, BrickGrid, Coefficients, HeldCoefficients, LayeredGrids, LevelWindow,
    Partition, Predictor, ResidualSource, Sink, Subbands, Synthesis, TakeGrids, grids_of,
};
use crate::transform::{Dequantiser, Plan, Wavelet};

/// Cells of a layer or slab, about: large enough for many threads.
pub(crate) const LAYER_CELLS: usize = 1 << 21;
/// Bricks decoded at once when a level is decoded in layers of so many cells: bounds their memory, and is enough for
/// many threads.
pub(crate) const BATCH: usize = 64;

/// What a frame's record and its octree say, whatever the precision of the values.
#[derive(Debug)]
pub struct FrameLayout {
    wavelet: Wavelet,
    plan: Plan,
    partition: Partition,
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

/// A level to be decoded in layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerRequest {
    /// Downscaling level; 0 is full resolution.
    pub(crate) level: usize,
    /// Cells of a layer or slab, about.
    pub(crate) cells: usize,
}

impl LayerRequest {
    /// A level in layers that are large enough for many threads.
    pub(crate) fn new(level: usize) -> Self {
        Self {
            level,
            cells: LAYER_CELLS,
        }
    }

    /// Bricks decoded at once.
    fn batch(self) -> usize {
        (BATCH * self.cells / LAYER_CELLS).clamp(1, BATCH)
    }
}

/// The layers of the finest levels.
struct Layers {
    /// By level, finest first; none where a level is decoded at once.
    finest: Vec<Vec<Region>>,
    request: LayerRequest,
}

impl Layers {
    fn none(level: usize) -> Self {
        Self {
            finest: Vec::new(),
            request: LayerRequest::new(level),
        }
    }
}

impl FrameLayout {
    /// From a frame's grid, its record and the payload of its octree.
    ///
    /// # Errors
    /// `Unsupported` for an unknown filter, `Corrupt` when the level count does not fit the shape or
    /// the octree is damaged.
    pub fn new(shape: Shape, form: &WaveletForm, tree: &[u8]) -> Result<Self> {
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

    /// Filter pair.
    #[must_use]
    pub fn wavelet(&self) -> Wavelet {
        self.wavelet
    }

    /// Levels and shapes.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bricks.
    #[must_use]
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Which blocks are stored.
    #[must_use]
    pub fn tree(&self) -> &Octree {
        &self.tree
    }

    /// Leaves of the octree, coarse ones first.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf> {
        self.tree.leaves(&self.plan)
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

    /// Decodes what is asked for to normalised values in the orthonormal scale of its level.
    ///
    /// # Errors
    /// `Corrupt`, or what the predictor reports.
    pub(crate) fn decode<T: Real>(
        &self,
        form: &WaveletForm,
        predictor: Option<&Predictor>,
        request: &DecodeRequest<'_>,
    ) -> Result<Vec<T>> {
        let mut values = Vec::new();
        let mut keep = |_, part: Vec<T>| {
            if values.is_empty() {
                values = part;
            } else {
                values.extend_from_slice(&part);
            }
            Ok(())
        };
        if let Some(rest) = self.decode_on_device(form, predictor, request, &mut keep)? {
            self.decode_on_host(
                form,
                predictor,
                &rest,
                Layers::none(request.level),
                &mut keep,
            )?;
        }
        Ok(values)
    }

    /// Decodes the whole grid of downscaling level `level` like [`FrameLayout::decode`], in boxes that
    /// follow each other along the slowest axis: a large field never lies in memory twice.
    ///
    /// # Errors
    /// `Corrupt`, or what the predictor and `sink` report.
    pub(crate) fn decode_layers<T: Real>(
        &self,
        form: &WaveletForm,
        predictor: Option<&Predictor>,
        bricks: &dyn BrickPayloads,
        layered: LayerRequest,
        sink: &mut Sink<'_, T>,
    ) -> Result<()> {
        let request = DecodeRequest {
            level: layered.level,
            region: self.grid(layered.level).region(),
            bricks,
            cache: None,
        };
        let Some(rest) = self.decode_on_device(form, predictor, &request, sink)? else {
            return Ok(());
        };
        // Layers are of a whole grid.
        let layers = if rest.region == request.region {
            self.layers(layered.level, layered.cells)
        } else {
            Vec::new()
        };
        let layers = Layers {
            finest: layers,
            request: layered,
        };
        self.decode_on_host(form, predictor, &rest, layers, sink)
    }

    /// The layers of the levels from `finest` on, up to the first level that is best made whole.
    fn layers(&self, finest: usize, cells: usize) -> Vec<Vec<Region>> {
        let synthesis = self.synthesis(None);
        let levels = finest..self.plan.levels().len();
        let layers = levels.map(|level| synthesis.layers(level, cells));
        layers.take_while(|layers| layers.len() > 1).collect()
    }

    /// [`FrameLayout::decode`] without a device, the finest levels in `layers`.
    fn decode_on_host<T: Real>(
        &self,
        form: &WaveletForm,
        predictor: Option<&Predictor>,
        request: &DecodeRequest<'_>,
        layers: Layers,
        sink: &mut Sink<'_, T>,
    ) -> Result<()> {
        let synthesis = self.synthesis(predictor);
        let level_loop = synthesis.level_loop(request.level, request.region)?;
        let dequantiser = dequantiser(form.step, form.shrink);
        let first_held = request.level + layers.finest.len();
        let windows = &level_loop.windows()[layers.finest.len()..];
        let held = HeldCoefficients {
            partition: &self.partition,
            coefficients: self.coefficients(request, first_held, windows)?,
        };
        let low = held.low_pass(level_loop.low_pass_box(), dequantiser);
        let mut source = HostBricks {
            layout: self,
            request,
            held,
            first_held,
            batch: layers.request.batch(),
        };
        let mut step = AddResiduals {
            dequantiser,
            source: &mut source,
        };
        let mut storage = LayeredGrids {
            step: &mut step,
            target: request.level,
            layers: layers.finest,
            slab_cells: layers.request.cells,
            sink,
        };
        match level_loop.run(Some(low), &mut storage)? {
            Some(low) => sink(request.region, low),
            None => Ok(()),
        }
    }

    pub(crate) fn synthesis<'a>(&'a self, predictor: Option<&'a Predictor>) -> Synthesis<'a> {
        Synthesis {
            wavelet: self.wavelet,
            plan: &self.plan,
            partition: &self.partition,
            predictor,
        }
    }

    /// Decodes the bricks that touch `windows`, the first of which belongs to level `first`.
    fn coefficients(
        &self,
        request: &DecodeRequest<'_>,
        first: usize,
        windows: &[LevelWindow],
    ) -> Result<Coefficients> {
        let is_wanted = |grid: &BrickGrid| match grid.subbands {
            Subbands::LowPass => true,
            Subbands::Details(level) => level
                .checked_sub(first)
                .and_then(|i| windows.get(i))
                .is_some_and(|window| !window.cells.intersection(&grid.region).is_empty()),
        };
        let bricks = self.partition.bricks();
        // Filter first: untouched bricks would leave some threads idle.
        let is_touched = |(_, brick): &(usize, &Brick)| brick.grids.iter().any(is_wanted);
        let touched: Vec<(usize, &Brick)> = bricks.iter().enumerate().filter(is_touched).collect();
        let decode = |&(number, brick): &(usize, &Brick)| self.cached_brick(number, brick, request);
        let decoded = in_order(touched.iter(), decode);
        let mut coefficients: Coefficients = vec![Arc::default(); bricks.len()];
        for ((number, _), decoded) in touched.into_iter().zip(decoded) {
            coefficients[number] = decoded?;
        }
        Ok(coefficients)
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

/// The integers of a frame on the host: in memory from level `first_held` on, read batch by batch below it.
struct HostBricks<'a> {
    layout: &'a FrameLayout,
    request: &'a DecodeRequest<'a>,
    held: HeldCoefficients<'a>,
    first_held: usize,
    /// Bricks decoded at once.
    batch: usize,
}

impl ResidualSource for HostBricks<'_> {
    fn read(&mut self, level: usize, cells: Region, take: &mut TakeGrids<'_>) -> Result<()> {
        if level >= self.first_held {
            return self.held.read(level, cells, take);
        }
        let subbands = Subbands::Details(level);
        let touches = |grid: &BrickGrid| {
            grid.subbands == subbands && !grid.region.intersection(&cells).is_empty()
        };
        let bricks = self.layout.partition.bricks().iter().enumerate();
        let layer: Vec<(usize, &Brick)> = bricks
            .filter(|(_, brick)| brick.grids.iter().any(touches))
            .collect();
        for batch in layer.chunks(self.batch) {
            let decode = |&(number, brick)| self.layout.cached_brick(number, brick, self.request);
            let decoded: Vec<Arc<Vec<Vec<i32>>>> =
                batch.par_iter().map(decode).collect::<Result<_>>()?;
            take(&grids_of(
                subbands,
                batch.iter().map(|(_, brick)| *brick).zip(&decoded),
            ));
        }
        Ok(())
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
