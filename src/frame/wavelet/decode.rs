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
    AddResiduals, BandBoxes, BandsAlone, Brick, BrickGrid, HeldBands, HeldCoefficients,
    LayeredGrids, Past, Predictor, ResidualSource, Sink, Subbands, TakeGrids, WholeGrids, grids_of,
};

/// Bricks of the finest level that a thread by itself decodes before their integers are added to the bands: few enough to lie in
/// memory that the bricks before them had. Several threads would wait for each other at the end of each few.
const BRICKS_BY_ONE: usize = 3;

/// Cells of a layer or slab, about: large enough for many threads.
pub(crate) const LAYER_CELLS: usize = 1 << 21;

/// What predicts the details of a frame, and the low-pass of its coarsest level.
pub(crate) struct FramePredictors<'a, T> {
    /// Networks, where any are used.
    pub(crate) networks: Option<&'a Predictor>,
    /// Earlier frames, where there are references.
    pub(crate) past: Option<&'a Past<T>>,
}

impl<T> Clone for FramePredictors<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for FramePredictors<'_, T> {}

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
    /// `Corrupt`, or what the predictors report.
    pub(crate) fn decode<T: Real>(
        &self,
        form: &WaveletForm,
        predictors: FramePredictors<'_, T>,
        request: &DecodeRequest<'_>,
    ) -> Result<Vec<T>> {
        let columns = DecodeRequest {
            region: self.with_columns(request.region),
            ..*request
        };
        let values = self.decode_columns(form, predictors, &columns, None)?;
        if columns.region == request.region {
            return Ok(values);
        }
        Ok(columns.region.crop(&values, &request.region))
    }

    /// [`FrameLayout::decode`] of a region that has whole columns where planes are joined; fills `kept` as
    /// [`FrameLayout::decode_layers`] does.
    fn decode_columns<T: Real>(
        &self,
        form: &WaveletForm,
        predictors: FramePredictors<'_, T>,
        request: &DecodeRequest<'_>,
        kept: Option<&mut HeldBands<T>>,
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
        // The level loop of devices knows no references.
        let rest = if predictors.past.is_some() || kept.is_some() {
            Some(*request)
        } else {
            decode_on_device(self, form, predictors.networks, request, &mut keep)?
        };
        if let Some(rest) = rest {
            let layers = Layers::none(request.level);
            self.decode_on_host(form, predictors, &rest, layers, kept, &mut keep)?;
        }
        let along = self.plan().axis_plan();
        along.inverse(self.wavelet(), request.region.size, &mut values);
        Ok(values)
    }

    /// Decodes the whole grid of downscaling level `level` like [`FrameLayout::decode`], in boxes that
    /// follow each other along the slowest axis: a large field never lies in memory twice, unless each of its planes takes
    /// all others. `kept`, all bands of the frame from that level on, are filled where they are asked for.
    ///
    /// # Errors
    /// `Corrupt`, or what the predictors and `sink` report.
    pub(crate) fn decode_layers<T: Real>(
        &self,
        form: &WaveletForm,
        predictors: FramePredictors<'_, T>,
        bricks: &dyn BrickPayloads,
        layered: LayerRequest,
        kept: Option<&mut HeldBands<T>>,
        sink: &mut Sink<'_, T>,
    ) -> Result<()> {
        let request = DecodeRequest {
            level: layered.level,
            region: self.grid(layered.level).region(),
            bricks,
            cache: None,
        };
        if self.plan().axis_plan().joins_planes() {
            let values = self.decode_columns(form, predictors, &request, kept)?;
            return sink(request.region, values);
        }
        let rest = if predictors.past.is_some() || kept.is_some() {
            Some(request)
        } else {
            decode_on_device(self, form, predictors.networks, &request, sink)?
        };
        let Some(rest) = rest else {
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
        self.decode_on_host(form, predictors, &rest, layers, kept, sink)
    }

    /// Decodes the bands over `boxes` alone; `bricks` and cache are those of a request.
    ///
    /// # Errors
    /// `Corrupt`, or what the predictors report.
    pub(crate) fn decode_bands<T: Real>(
        &self,
        form: &WaveletForm,
        predictors: FramePredictors<'_, T>,
        boxes: &BandBoxes,
        request: &DecodeRequest<'_>,
    ) -> Result<HeldBands<T>> {
        let level_loop = self.synthesis(predictors.networks).band_loop(boxes)?;
        let dequantiser = dequantiser(form.step, form.shrink);
        let mut held = HeldCoefficients {
            partition: self.partition(),
            coefficients: self.coefficients(request, boxes.target, level_loop.windows())?,
        };
        let mut kept = HeldBands::zeros(self.plan(), BandBoxes::of(&level_loop));
        let cells = level_loop.low_pass_box();
        let predicted = predictors.past.map(|past| past.low_pass(cells));
        kept.low = held.low_pass(cells, dequantiser, predicted.transpose()?.flatten());
        let low = kept.low.clone();
        let mut step = BandsAlone {
            step: AddResiduals {
                dequantiser,
                source: &mut held,
                past: predictors.past,
                kept: Some(&mut kept),
            },
            target: boxes.target,
        };
        level_loop.run(low, &mut WholeGrids { step: &mut step })?;
        Ok(kept)
    }

    /// The layers of the levels from `finest` on, up to the first level that is best made whole.
    fn layers(&self, finest: usize, cells: usize) -> Vec<Vec<Region>> {
        let synthesis = self.synthesis(None);
        let levels = finest..self.plan().levels().len();
        let layers = levels.map(|level| synthesis.layers(level, cells));
        layers.take_while(|layers| layers.len() > 1).collect()
    }

    /// Levels from `finest` on whose bricks are decoded when their level is made: those in layers, or else the finest alone,
    /// where it has bricks of its own: most of all. Those of coarser levels are few, and keep more threads busy together.
    fn levels_in_rounds(&self, finest: usize, layers: &Layers) -> usize {
        let has_bricks = self.partition().edge(finest).is_some();
        layers.finest.len().max(usize::from(has_bricks))
    }

    /// [`FrameLayout::decode`] without a device, the finest levels in `layers`.
    fn decode_on_host<T: Real>(
        &self,
        form: &WaveletForm,
        predictors: FramePredictors<'_, T>,
        request: &DecodeRequest<'_>,
        layers: Layers,
        mut kept: Option<&mut HeldBands<T>>,
        sink: &mut Sink<'_, T>,
    ) -> Result<()> {
        let synthesis = self.synthesis(predictors.networks);
        let level_loop = synthesis.level_loop(request.level, request.region)?;
        let dequantiser = dequantiser(form.step, form.shrink);
        let in_rounds = self.levels_in_rounds(request.level, &layers);
        let first_held = request.level + in_rounds;
        let (_, windows) = level_loop.windows().split_at(in_rounds);
        if layers.finest.is_empty() {
            // What has to be fetched from afar is asked for once.
            let all = self.touched(request.level, level_loop.windows());
            self.prepare(&all, request)?;
        }
        let held = HeldCoefficients {
            partition: self.partition(),
            coefficients: self.coefficients(request, first_held, windows)?,
        };
        let cells = level_loop.low_pass_box();
        let predicted = predictors.past.map(|past| past.low_pass(cells));
        let low = held.low_pass(cells, dequantiser, predicted.transpose()?.flatten());
        if let Some(kept) = &mut kept {
            kept.low.clone_from(&low);
        }
        let mut source = HostBricks {
            layout: self,
            request,
            held,
            first_held,
            batch: if layers.finest.is_empty() {
                usize::MAX
            } else {
                layers.request.batch()
            },
        };
        let mut step = AddResiduals {
            dequantiser,
            source: &mut source,
            past: predictors.past,
            kept,
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

/// The integers of a frame on the host: in memory from level `first_held` on, read round by round below it.
struct HostBricks<'a> {
    layout: &'a FrameLayout,
    request: &'a DecodeRequest<'a>,
    held: HeldCoefficients<'a>,
    first_held: usize,
    /// Bricks fetched at once, and decoded where there are several threads.
    batch: usize,
}

impl HostBricks<'_> {
    /// Decodes bricks and hands out their grids of a level.
    fn round(
        &self,
        bricks: &[(usize, &Brick)],
        level: usize,
        take: &mut TakeGrids<'_>,
    ) -> Result<()> {
        let decode = |&(number, brick)| self.layout.cached_brick(number, brick, self.request);
        let decoded: Vec<Arc<Vec<Vec<i32>>>> =
            bricks.par_iter().map(decode).collect::<Result<_>>()?;
        take(&grids_of(
            Subbands::Details(level),
            bricks.iter().map(|(_, brick)| *brick).zip(&decoded),
        ));
        Ok(())
    }
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
        let at_once = if rayon::current_num_threads() == 1 {
            BRICKS_BY_ONE
        } else {
            self.batch
        };
        for batch in layer.chunks(self.batch) {
            self.layout.prepare(batch, self.request)?;
            for bricks in batch.chunks(at_once) {
                self.round(bricks, level, take)?;
            }
        }
        Ok(())
    }
}
