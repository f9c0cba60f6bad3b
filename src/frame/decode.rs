//! One frame to one field.

use crate::base::dtype::{Dtype, Element, dtype_dispatch};
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::limits::Limits;
use crate::base::real::Real;
use crate::codec::corrections::CorrectionReader;
use crate::codec::mask::Mask;
use crate::codec::worker::Worker;
use crate::container::{Form, PooledForm, RasterForm, WaveletForm};
use crate::frame::band_cache::BandCache;
use crate::frame::bricks::FileBricks;
use crate::frame::cache::FrameCache;
use crate::frame::chunks::{FrameChunks, Payloads};
use crate::frame::goal::Goal;
use crate::frame::layout::FrameLayout;
use crate::frame::networks::Networks;
use crate::frame::pooled;
use crate::frame::pooled::PooledFrame;
use crate::frame::raster::RasterBricks;
use crate::frame::sample::Normalisation;
use crate::frame::sampling::Sampling;
use crate::frame::thinned::Thinning;
use crate::frame::wavelet::decode::{FramePredictors, LayerRequest};
use crate::frame::wavelet::predictor::predictor;
use crate::frame::wavelet::stored::DecodeRequest;
use crate::frame::{constant, lossless};
use crate::recon::{BandBoxes, Predictor};
use crate::volume::{AnyVolume, Volume};

/// All that decoding one frame takes.
pub(crate) struct FrameSource<'a> {
    pub(crate) shape: Shape,
    pub(crate) chunks: &'a FrameChunks,
    pub(crate) payloads: &'a dyn Payloads,
    /// Where the frame uses networks.
    pub(crate) networks: Option<Networks>,
    pub(crate) limits: &'a Limits,
    /// Decodes payloads of SZ3.
    pub(crate) worker: Option<&'a Worker>,
    /// Bricks decoded before, where some are kept.
    pub(crate) cache: Option<FrameCache<'a>>,
    /// Where what the frame is predicted from comes from.
    pub(crate) past: PastSources<'a>,
}

/// A frame that another one is predicted from, by itself or by way of others.
pub(crate) struct Link<'a> {
    pub(crate) source: FrameSource<'a>,
    /// The record's number.
    pub(crate) number: usize,
    /// Its own references, nearest first, by their places among the links before it.
    pub(crate) references: Vec<usize>,
}

/// Where the references of a frame come from.
#[derive(Default)]
pub(crate) struct PastSources<'a> {
    /// All frames that it takes, in the order of the file.
    pub(crate) links: Vec<Link<'a>>,
    /// Its references, nearest first, by their places there.
    pub(crate) references: Vec<usize>,
    /// Where bands are kept, if they are.
    pub(crate) cache: Option<&'a BandCache>,
    /// The number of its record, where others are predicted from it and its bands are worth keeping.
    pub(crate) kept_as: Option<usize>,
}

impl FrameSource<'_> {
    /// Grid of downscaling level `level`.
    ///
    /// # Errors
    /// `InvalidArgument` when the frame has no such level, or the errors of its records.
    pub(crate) fn grid(&self, level: usize) -> Result<Shape> {
        match &self.chunks.frame.form {
            _ if level == 0 => Ok(self.shape),
            Form::Wavelet(form) if level <= usize::from(form.levels) => {
                Ok(self.geometry(form)?.grid(level))
            }
            Form::Wavelet(form) => Err(Error::invalid(format!(
                "level up to {} expected, {level} found",
                form.levels
            ))),
            Form::Pooled(form) => pooled::grid_of_level(self.shape, form, level),
            Form::Constant | Form::Lossless | Form::Raster(_) => {
                Ok(Thinning::new(self.shape, level)?.grid)
            }
        }
    }

    /// Whether coarse levels have all planes of the field.
    pub(crate) fn keeps_planes(&self) -> bool {
        matches!(&self.chunks.frame.form, Form::Wavelet(form) if form.plan != 0)
    }

    /// Where the voxels of downscaling level `level` lie among those of the field.
    ///
    /// # Errors
    /// As [`FrameSource::grid`].
    pub(crate) fn sampling(&self, level: usize) -> Result<Sampling> {
        self.grid(level)?;
        match &self.chunks.frame.form {
            Form::Wavelet(form) => Ok(self.geometry(form)?.sampling(level)),
            Form::Pooled(form) => pooled::sampling(self.shape, form, level),
            Form::Constant | Form::Lossless | Form::Raster(_) => {
                Ok(Thinning::new(self.shape, level)?.sampling())
            }
        }
    }

    /// Decodes values of type `dtype` at downscaling level `level`: the box `region` of its grid.
    ///
    /// # Errors
    /// As [`FrameSource::region_as`].
    pub(crate) fn region(&self, dtype: Dtype, level: usize, region: Region) -> Result<AnyVolume> {
        dtype_dispatch!(dtype, E => self.region_as::<E>(level, region).map(AnyVolume::from))
    }

    /// Decodes values of type `E` at downscaling level `level`: the box `region` of its grid.
    ///
    /// # Errors
    /// `InvalidArgument` for a level or region that does not exist, `Corrupt`, `LimitExceeded`,
    /// `MissingWeights`.
    pub(crate) fn region_as<E: Element>(&self, level: usize, region: Region) -> Result<Volume<E>> {
        self.check_memory(E::DTYPE, region.len())?;
        let grid = self.grid(level)?;
        if region.is_empty() || !grid.region().contains(&region) {
            return Err(Error::invalid(format!(
                "a region inside the grid of {grid} expected, start {:?} size {:?} found",
                region.start, region.size
            )));
        }
        let values = match &self.checked_form()? {
            Form::Wavelet(form) => self.wavelet(form, level, region)?,
            Form::Pooled(form) => {
                let values = self.pooled(form, level)?;
                grid.region().crop(&values, &region)
            }
            simple => self.simple(simple, level, region)?,
        };
        let mut post = self.post_processing::<E>(level)?;
        let volume = self.volume(&mut post, region, values)?;
        post.finish()?;
        Ok(volume)
    }

    /// Decodes all of downscaling level `level`.
    ///
    /// # Errors
    /// As [`FrameSource::region`].
    pub(crate) fn whole(&self, dtype: Dtype, level: usize) -> Result<AnyVolume> {
        self.check_memory(dtype, self.shape.len())?;
        dtype_dispatch!(dtype, E => self.whole_as::<E>(level).map(AnyVolume::from))
    }

    /// Decodes all of downscaling level `level` in boxes that follow each other along the slowest axis
    /// and fill the grid.
    ///
    /// # Errors
    /// As [`FrameSource::region`], and what `sink` reports.
    pub(crate) fn layers(
        &self,
        dtype: Dtype,
        level: usize,
        sink: &mut dyn FnMut(AnyVolume) -> Result<()>,
    ) -> Result<()> {
        self.check_memory(dtype, self.shape.len())?;
        dtype_dispatch!(dtype, E => self.layers_as::<E>(level, &mut |volume| sink(volume.into())))
    }

    /// Samples, working values, coefficients and one level of bands.
    pub(crate) fn check_memory(&self, dtype: Dtype, voxels: usize) -> Result<()> {
        let per_voxel = (dtype.size() + 4 * dtype.working().size()) as u64;
        self.limits
            .check_decoded((voxels as u64).saturating_mul(per_voxel))
    }

    fn whole_as<E: Element>(&self, level: usize) -> Result<Volume<E>> {
        let grid = self.grid(level)?;
        let mut values = Vec::new();
        self.layers_as(level, &mut |layer: Volume<E>| {
            if layer.shape() == grid {
                values = layer.into_data();
            } else {
                values.reserve_exact(grid.len() - values.len());
                values.extend_from_slice(layer.data());
            }
            Ok(())
        })?;
        Volume::new(grid, values)
    }

    fn layers_as<E: Element>(
        &self,
        level: usize,
        sink: &mut dyn FnMut(Volume<E>) -> Result<()>,
    ) -> Result<()> {
        let grid = self.grid(level)?;
        let form = self.checked_form()?;
        let mut post = self.post_processing::<E>(level)?;
        if let Form::Pooled(form) = form {
            let values = self.pooled(form, level)?;
            return sink(self.volume(&mut post, grid.region(), values)?);
        }
        let Form::Wavelet(form) = form else {
            let whole = grid.region();
            for region in whole.slabs(self.planes_at_once(form, level, whole)?) {
                sink(self.volume(&mut post, region, self.simple(form, level, region)?)?)?;
            }
            return Ok(());
        };
        let geometry = self.geometry(form)?;
        let predictor = self.predictor(geometry, form, level)?;
        let past = self.past(form, &BandBoxes::whole(geometry.plan(), level))?;
        let bricks = self.bricks(geometry)?;
        let predictors = FramePredictors {
            networks: predictor.as_ref(),
            past: past.as_ref(),
        };
        let mut kept = self.to_keep(geometry, level);
        geometry.decode_layers(
            form,
            predictors,
            &bricks,
            LayerRequest::new(level),
            kept.as_mut(),
            &mut |region, values| {
                let samples = self.to_field(geometry, form, level, values);
                sink(self.volume(&mut post, region, samples)?)
            },
        )?;
        self.keep(kept);
        post.finish()
    }

    /// The frame's form, when its chunks fit it.
    fn checked_form(&self) -> Result<&Form> {
        let chunks = self.chunks;
        match &chunks.frame.form {
            Form::Wavelet(_) => {}
            Form::Pooled(_) if chunks.corrections.is_some() || chunks.bricks.len() != 1 => {
                return Err(Error::corrupt(
                    "one brick and no corrections expected in a frame of the pooled form",
                ));
            }
            Form::Pooled(_) => {}
            // Of the raster form, the chunk of the octree is the palette.
            Form::Raster(_) if chunks.corrections.is_none() => {}
            _ if chunks.tree.is_some() || chunks.corrections.is_some() => {
                return Err(Error::corrupt(
                    "octree or corrections found in a frame of a form without them",
                ));
            }
            Form::Constant if !chunks.bricks.is_empty() => {
                return Err(Error::corrupt("a constant frame has bricks"));
            }
            Form::Constant | Form::Lossless | Form::Raster(_) => {}
        }
        Ok(&chunks.frame.form)
    }

    /// A box of a level of a frame that is not transformed. Above level 0 its voxels are those of the whole field, what
    /// the mask says of them included.
    fn simple<E: Element>(&self, form: &Form, level: usize, region: Region) -> Result<Vec<E>> {
        let thinning = Thinning::new(self.shape, level)?;
        let is_constant = matches!(form, Form::Constant);
        if is_constant && (level == 0 || self.chunks.mask.is_none()) {
            return Ok(constant::decode(&self.chunks.frame, region.len()));
        }
        let fine = thinning.fine(region);
        self.check_memory(E::DTYPE, fine.len())?;
        let mut values = if is_constant {
            constant::decode(&self.chunks.frame, fine.len())
        } else if let Form::Raster(form) = form {
            self.raster(form, fine)?
        } else {
            let whole = self.shape.region();
            lossless::decode(self.payloads, &self.chunks.bricks, whole, fine)?
        };
        if level > 0
            && let Some(mask) = &self.mask(E::DTYPE)?
        {
            mask.apply(self.shape, fine, &mut values);
        }
        Ok(thinning.thin(fine, values))
    }

    /// A box of a frame of the raster form.
    fn raster<E: Element>(&self, form: &RasterForm, region: Region) -> Result<Vec<E>> {
        let palette = self.chunks.tree.map(|number| self.payloads.payload(number));
        let bricks = RasterBricks::new(self.shape, form, self.chunks.frame.range)?
            .with_palette(palette.transpose()?, E::DTYPE)?;
        self.check_memory(E::DTYPE, bricks.voxels(region))?;
        let payloads = FileBricks::new(self.payloads, &self.chunks.bricks, bricks.count())?;
        bricks.decode(&payloads, region)
    }

    /// Planes of a level that are decoded at a time, of a frame that is not transformed: whole bricks, where it has some.
    fn planes_at_once(&self, form: &Form, level: usize, whole: Region) -> Result<usize> {
        let thinning = Thinning::new(self.shape, level)?;
        let planes = whole.planes_of(SLAB_VALUES / thinning.voxels());
        let Form::Raster(form) = form else {
            return Ok(planes);
        };
        let stride = thinning.stride(whole.slowest_axis());
        let brick = (form.brick_edge as usize / stride).max(1);
        Ok((planes / brick).max(1) * brick)
    }

    fn mask(&self, dtype: Dtype) -> Result<Option<Mask>> {
        let Some(number) = self.chunks.mask else {
            return Ok(None);
        };
        let payload = self.payloads.payload(number)?;
        Mask::decode(self.shape, dtype, payload, self.limits).map(Some)
    }

    /// Corrections and mask of the whole field; they belong to full resolution.
    fn post_processing<E: Element>(&self, level: usize) -> Result<PostProcessing<'_>> {
        let (shape, chunks) = (self.shape, self.chunks);
        let mut post = PostProcessing::default();
        if level > 0 {
            return Ok(post);
        }
        if let Some(number) = chunks.corrections {
            let goal = Goal::new(chunks.frame.bound, chunks.frame.range).of_values(E::DTYPE);
            let bound = goal.max_error().ok_or_else(|| {
                Error::corrupt("corrections in a frame without a bound on the error")
            })?;
            let payload = self.payloads.payload(number)?;
            let corrections = CorrectionReader::new(shape, E::DTYPE, payload, self.limits)?;
            post.corrections = Some((corrections, bound));
        }
        post.mask = self.mask(E::DTYPE)?;
        Ok(post)
    }

    /// The values of a box, finished, behind those of other boxes. In 2-D the `z` extent stays 1.
    fn volume<E: Element>(
        &self,
        post: &mut PostProcessing<'_>,
        region: Region,
        mut values: Vec<E>,
    ) -> Result<Volume<E>> {
        if let Some((corrections, bound)) = &mut post.corrections {
            corrections.apply(*bound, region, &mut values)?;
        }
        if let Some(mask) = &post.mask {
            mask.apply(self.shape, region, &mut values);
        }
        Volume::new(self.shape.with_dims(region.size), values)
    }

    /// The parts of a frame of the pooled form.
    pub(crate) fn pooled_parts<'a>(&'a self, form: &'a PooledForm) -> Result<PooledFrame<'a>> {
        let chunks = self.chunks;
        let (Some(tree), [volume]) = (chunks.tree, chunks.bricks.as_slice()) else {
            return Err(Error::corrupt("the octree or the only brick is missing"));
        };
        if self.payloads.part(*volume) != 0 {
            return Err(Error::corrupt("the only brick is not number 0"));
        }
        Ok(PooledFrame {
            shape: self.shape,
            form,
            tree: self.payloads.payload(tree)?,
            volume: self.payloads.payload(*volume)?,
            networks: self.networks.as_ref(),
            worker: self.worker,
        })
    }

    /// All of a level of the pooled form, in the field's unit.
    fn pooled<E: Element>(&self, form: &PooledForm, level: usize) -> Result<Vec<E>> {
        // Tree, stored values and what is known of every level, beside what is counted for any frame.
        let bytes = 16 + 4 * E::DTYPE.working().size() as u64;
        self.limits
            .check_decoded((self.shape.len() as u64).saturating_mul(bytes))?;
        let mut values = self.pooled_parts(form)?.values::<E::Work>(level)?;
        self.normalisation(form.offset, form.scale)
            .undo(&mut values);
        Ok(E::from_work(values))
    }

    fn normalisation<T: Real>(&self, offset: f64, scale: f64) -> Normalisation<T> {
        let range = self.chunks.frame.range;
        Normalisation {
            offset: T::from_f64(offset),
            scale: T::from_f64(scale),
            range: (T::from_f64(range.0), T::from_f64(range.1)),
        }
    }

    /// The frame's geometry, made once.
    pub(super) fn geometry(&self, form: &WaveletForm) -> Result<&FrameLayout> {
        let chunks = self.chunks;
        if let Some(geometry) = chunks.geometry.get() {
            return Ok(geometry);
        }
        let tree = chunks
            .tree
            .ok_or_else(|| Error::corrupt("the octree is missing"))?;
        // Octree and list of bricks: a byte for some hundred voxels of the domain.
        self.limits.check_decoded(self.shape.len() as u64 / 128)?;
        let geometry = FrameLayout::new(self.shape, form, self.payloads.payload(tree)?)?;
        Ok(chunks.geometry.get_or_init(|| geometry))
    }

    /// What predicts the details of the levels from `level` on.
    pub(super) fn predictor(
        &self,
        geometry: &FrameLayout,
        form: &WaveletForm,
        level: usize,
    ) -> Result<Option<Predictor>> {
        if !self.chunks.frame.form.needs_networks(level) {
            return Ok(None);
        }
        let (wavelet, plan) = (geometry.wavelet(), geometry.plan());
        predictor(wavelet, plan, form, self.networks.as_ref())
    }

    pub(super) fn bricks(&self, geometry: &FrameLayout) -> Result<FileBricks<'_>> {
        let all = u32::try_from(geometry.partition().bricks().len()).unwrap_or(u32::MAX);
        FileBricks::new(self.payloads, &self.chunks.bricks, all)
    }

    fn wavelet<E: Element>(
        &self,
        form: &WaveletForm,
        level: usize,
        region: Region,
    ) -> Result<Vec<E>> {
        let geometry = self.geometry(form)?;
        let columns = geometry.with_columns(region);
        self.check_memory(E::DTYPE, columns.len())?;
        let predictor = self.predictor(geometry, form, level)?;
        let level_loop = geometry
            .synthesis(predictor.as_ref())
            .level_loop(level, columns)?;
        let past = self.past(form, &BandBoxes::of(&level_loop))?;
        let predictors = FramePredictors {
            networks: predictor.as_ref(),
            past: past.as_ref(),
        };
        let request = DecodeRequest {
            level,
            region,
            bricks: &self.bricks(geometry)?,
            cache: self.cache,
        };
        let values = geometry.decode(form, predictors, &request)?;
        Ok(self.to_field(geometry, form, level, values))
    }

    /// Normalised values of a level to samples in the field's unit.
    fn to_field<E: Element>(
        &self,
        geometry: &FrameLayout,
        form: &WaveletForm,
        level: usize,
        mut values: Vec<E::Work>,
    ) -> Vec<E> {
        geometry.scale_to_level(level, &mut values);
        self.normalisation(form.offset, form.scale)
            .undo(&mut values);
        E::from_work(values)
    }
}

/// What is done to decoded values at full resolution.
#[derive(Default)]
struct PostProcessing<'a> {
    /// They and their step.
    corrections: Option<(CorrectionReader<'a>, f64)>,
    mask: Option<Mask>,
}

impl PostProcessing<'_> {
    /// Checks what no box has needed.
    fn finish(self) -> Result<()> {
        match self.corrections {
            Some((corrections, _)) => corrections.finish(),
            None => Ok(()),
        }
    }
}

/// Values of one box of a field without levels.
const SLAB_VALUES: usize = 1 << 24;

mod past;
