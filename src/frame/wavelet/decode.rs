//! From what a frame stores to values: on the predictor's device as far as it goes, else on the host.

use std::sync::Arc;

use rayon::prelude::*;

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::container::WaveletForm;
use crate::frame::layout::FrameLayout;
use crate::frame::wavelet::on_device::decode_on_device;
use crate::frame::wavelet::stored::{BATCH, BrickPayloads, DecodeRequest, dequantiser};
use crate::recon::{
    AddResiduals, Brick, BrickGrid, HeldCoefficients, LayeredGrids, Predictor, ResidualSource,
    Sink, Subbands, TakeGrids, grids_of,
};

/// Cells of a layer or slab, about: large enough for many threads.
pub(crate) const LAYER_CELLS: usize = 1 << 21;
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
        if let Some(rest) = decode_on_device(self, form, predictor, request, &mut keep)? {
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
        let Some(rest) = decode_on_device(self, form, predictor, &request, sink)? else {
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
        let levels = finest..self.plan().levels().len();
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
            partition: self.partition(),
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
        let bricks = self.layout.partition().bricks().iter().enumerate();
        let layer: Vec<(usize, &Brick)> = bricks
            .filter(|(_, brick)| brick.grids.iter().any(touches))
            .collect();
        for batch in layer.chunks(self.batch) {
            self.layout.prepare(batch, self.request)?;
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
