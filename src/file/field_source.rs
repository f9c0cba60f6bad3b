//! A frame in slabs (spec section 4.3): each decodes by itself, and together they are the field.

use std::any::Any;
use std::sync::Arc;

use crate::base::dtype::{Dtype, Element, dtype_dispatch};
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::container::{Frame, Slab, slowest};
use crate::frame::decode::FrameSource;
use crate::frame::sampling::Sampling;
use crate::volume::view::other_type;
use crate::volume::{AnyVolume, Volume};

/// What of a field is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FieldRequest {
    /// Downscaling level; 0 is full resolution.
    pub(crate) level: usize,
    /// Box of the level's grid; `None`: all of it.
    pub(crate) region: Option<Region>,
}

/// All that decoding a field at one step takes.
pub(crate) struct FieldSource<'a> {
    pub(crate) domain: Shape,
    pub(crate) dtype: Dtype,
    pub(crate) parts: Parts<'a>,
}

/// What a field at one step is stored as.
pub(crate) enum Parts<'a> {
    /// One record of all of it, or the slab that is at hand taken for the whole.
    Whole(FrameSource<'a>),
    /// Slabs in the order of their planes; at least one.
    Slabs(Vec<FrameSource<'a>>),
}

impl FieldSource<'_> {
    /// The one source of a field that is not in slabs.
    fn only(&self) -> Option<&FrameSource<'_>> {
        match &self.parts {
            Parts::Whole(source) => Some(source),
            Parts::Slabs(_) => None,
        }
    }

    fn sources(&self) -> &[FrameSource<'_>] {
        match &self.parts {
            Parts::Whole(source) => std::slice::from_ref(source),
            Parts::Slabs(sources) => sources,
        }
    }

    fn slabs(&self) -> impl Iterator<Item = (Slab, &FrameSource<'_>)> {
        let slab = |source| Some((source_slab(source)?, source));
        self.sources().iter().filter_map(slab)
    }

    /// All bands of a frame of the wavelet form, in the working precision of its type.
    ///
    /// # Errors
    /// What decoding it reports, `Corrupt` for a frame of slabs or of another form.
    pub(crate) fn held_bands(&self) -> Result<Arc<dyn Any + Send + Sync>> {
        let cut = || Error::corrupt("a frame that is not in slabs expected");
        let source = self.only().ok_or_else(cut)?;
        dtype_dispatch!(self.dtype, E => {
            let bands = source.held_bands::<<E as Element>::Work>()?;
            Ok(bands as Arc<dyn Any + Send + Sync>)
        })
    }

    /// Decodes what is asked for.
    ///
    /// # Errors
    /// As [`FieldSource::whole`] and [`FieldSource::region`].
    pub(crate) fn read(&self, request: FieldRequest) -> Result<AnyVolume> {
        match request.region {
            Some(region) => self.region(request.level, region),
            None => self.whole(request.level),
        }
    }

    /// Decodes what is asked for, if it is of type `T`.
    ///
    /// # Errors
    /// As [`FieldSource::read`], and `InvalidArgument` for another type.
    pub(crate) fn read_as<T: Element>(&self, request: FieldRequest) -> Result<Volume<T>> {
        if T::DTYPE != self.dtype {
            return Err(other_type(self.dtype, T::DTYPE));
        }
        self.read(request)?.into_typed()
    }

    /// Decodes what is asked for in layers; a box is one of them.
    ///
    /// # Errors
    /// As [`FieldSource::layers`] and [`FieldSource::region`].
    pub(crate) fn read_layers(
        &self,
        request: FieldRequest,
        sink: &mut dyn FnMut(AnyVolume) -> Result<()>,
    ) -> Result<()> {
        match request.region {
            Some(region) => sink(self.region(request.level, region)?),
            None => self.layers(request.level, sink),
        }
    }

    /// Grid of downscaling level `level`.
    ///
    /// # Errors
    /// As [`FrameSource::grid`], and `InvalidArgument` where the levels of the slabs do not go
    /// together.
    pub(crate) fn grid(&self, level: usize) -> Result<Shape> {
        if let Some(source) = self.only() {
            return source.grid(level);
        }
        let axis = slowest(self.domain);
        let mut out = self.domain.dims();
        for (number, (slab, source)) in self.slabs().enumerate() {
            let grid = source.grid(level)?.dims();
            let mut others = grid;
            others[axis] = out[axis];
            let is_whole = level > 0 && source.keeps_planes();
            if !slab.has_level(level) || is_whole || (number > 0 && others != out) {
                return Err(Error::invalid(format!(
                    "the slabs of this frame do not go together at level {level}: a finer level expected"
                )));
            }
            out = others;
        }
        out[axis] = out[axis].div_ceil(1 << level);
        Ok(self.domain.with_dims(out))
    }

    /// Where the voxels of downscaling level `level` lie; slabs that go together agree on it.
    ///
    /// # Errors
    /// As [`FieldSource::grid`].
    pub(crate) fn sampling(&self, level: usize) -> Result<Sampling> {
        self.grid(level)?;
        let missing = || Error::invalid("a frame without records");
        let first = self.sources().first().ok_or_else(missing)?;
        first.sampling(level)
    }

    /// Decodes all of downscaling level `level`.
    ///
    /// # Errors
    /// As [`FrameSource::whole`] and [`FieldSource::grid`]; `InvalidArgument` when slabs are missing.
    pub(crate) fn whole(&self, level: usize) -> Result<AnyVolume> {
        if let Some(source) = self.only() {
            return source.whole(self.dtype, level);
        }
        let grid = self.grid(level)?;
        self.region(level, grid.region())
    }

    /// Decodes all of downscaling level `level` in boxes that follow each other along the slowest
    /// axis and fill the grid.
    ///
    /// # Errors
    /// As [`FieldSource::whole`], and what `sink` reports.
    pub(crate) fn layers(
        &self,
        level: usize,
        sink: &mut dyn FnMut(AnyVolume) -> Result<()>,
    ) -> Result<()> {
        if let Some(source) = self.only() {
            return source.layers(self.dtype, level, sink);
        }
        self.grid(level)?;
        let mut next = 0;
        for (slab, source) in self.slabs() {
            check_next(next, slab.start)?;
            next = slab.end();
            source.layers(self.dtype, level, sink)?;
        }
        check_next(next, self.domain.dims()[slowest(self.domain)] as u64)
    }

    /// Decodes the records that are there, whether or not they fill the grid, in boxes that follow each other.
    ///
    /// # Errors
    /// As [`FrameSource::whole`], and what `sink` reports.
    pub(crate) fn layers_at_hand(
        &self,
        sink: &mut dyn FnMut(&Frame, AnyVolume) -> Result<()>,
    ) -> Result<()> {
        for source in self.sources() {
            let frame = &source.chunks.frame;
            source.layers(self.dtype, 0, &mut |volume| sink(frame, volume))?;
        }
        Ok(())
    }

    /// Decodes the box `region` of the grid of downscaling level `level`.
    ///
    /// # Errors
    /// As [`FrameSource::region`] and [`FieldSource::grid`]; `InvalidArgument` when slabs are missing.
    pub(crate) fn region(&self, level: usize, region: Region) -> Result<AnyVolume> {
        if let Some(source) = self.only() {
            return source.region(self.dtype, level, region);
        }
        dtype_dispatch!(self.dtype, E => self.joined::<E>(level, region).map(AnyVolume::from))
    }

    /// The box `region` from the slabs that have a part of it.
    fn joined<E: Element>(&self, level: usize, region: Region) -> Result<Volume<E>> {
        let grid = self.grid(level)?;
        if region.is_empty() || !grid.region().contains(&region) {
            return Err(Error::invalid(format!(
                "a region inside the grid of {grid} expected, start {:?} size {:?} found",
                region.start, region.size
            )));
        }
        if let Some(source) = self.sources().first() {
            source.check_memory(self.dtype, region.len())?;
        }
        let axis = slowest(self.domain);
        let mut values = Vec::new();
        let mut next = region.start[axis];
        for (slab, source) in self.slabs() {
            // A plane of a grid in memory is a usize.
            let first = usize::try_from(slab.start >> level).unwrap_or(usize::MAX);
            let mut own = grid.region();
            own.start[axis] = first;
            own.size[axis] = source.grid(level)?.dims()[axis];
            let mut part = own.intersection(&region);
            if part.is_empty() {
                continue;
            }
            check_next(next as u64, part.start[axis] as u64)?;
            next = part.end(axis);
            part.start[axis] -= first;
            values.extend_from_slice(source.region_as::<E>(level, part)?.data());
        }
        check_next(next as u64, region.end(axis) as u64)?;
        Volume::new(self.domain.with_dims(region.size), values)
    }
}

fn source_slab(source: &FrameSource<'_>) -> Option<Slab> {
    source.chunks.frame.slab
}

/// Checks that no plane is left out before `start`.
fn check_next(next: u64, start: u64) -> Result<()> {
    if next == start {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "planes {next} to {start} of the field are not in this file: it is a part, to be merged with others"
    )))
}
