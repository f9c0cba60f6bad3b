//! One frame to one field.

use super::cache::FrameCache;
use super::encode_frame::LOSSLESS_PART;
use super::frame::{Networks, apply_corrections, predictor};
use super::frame_chunks::FrameChunks;
use super::geometry::{BrickPayloads, Geometry, Wanted};
use super::sample::{Normalisation, Sample, to_samples};
use crate::codec::corrections::Corrections;
use crate::codec::{lossless, mask::Mask};
use crate::container::{Bound, Form, WaveletForm};
use crate::error::{Error, Result};
use crate::grid::{Region, Shape};
use crate::limits::Limits;
use crate::real::Real;
use crate::volume::Volume;
use crate::volume::io::{AnyVolume, ByteOrder};

/// Payloads of chunks by number: from a file with an index, or from a stream.
pub(super) trait Payloads: Sync {
    /// Checked payload of a chunk.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged.
    fn payload(&self, number: usize) -> Result<&[u8]>;

    /// The chunk's part number.
    fn part(&self, number: usize) -> u32;
}

/// All that decoding one frame takes.
pub(super) struct FrameSource<'a> {
    pub(super) shape: Shape,
    pub(super) chunks: &'a FrameChunks,
    pub(super) payloads: &'a dyn Payloads,
    /// Where the frame uses networks.
    pub(super) networks: Option<Networks>,
    pub(super) limits: &'a Limits,
    /// Bricks decoded before, where some are kept.
    pub(super) cache: Option<FrameCache<'a>>,
}

/// The bricks of a frame by number.
struct FileBricks<'a> {
    payloads: &'a dyn Payloads,
    /// Chunk of each brick, by ascending number.
    chunks: Vec<(usize, usize)>,
}

impl BrickPayloads for FileBricks<'_> {
    fn brick(&self, number: usize) -> Result<Option<&[u8]>> {
        let place = self.chunks.binary_search_by_key(&number, |&(part, _)| part);
        let chunk = place.ok().map(|i| self.chunks[i].1);
        chunk.map(|chunk| self.payloads.payload(chunk)).transpose()
    }
}

impl FrameSource<'_> {
    /// Grid of downscaling level `level`.
    ///
    /// # Errors
    /// `InvalidArgument` when the frame has no such level, or the errors of its records.
    pub(super) fn grid(&self, level: usize) -> Result<Shape> {
        match &self.chunks.frame.form {
            _ if level == 0 => Ok(self.shape),
            Form::Wavelet(form) if level <= usize::from(form.levels) => {
                Ok(self.geometry(form)?.grid(level))
            }
            Form::Wavelet(form) => Err(Error::invalid(format!(
                "level up to {} expected, {level} found",
                form.levels
            ))),
            Form::Constant | Form::Lossless => Err(Error::invalid(
                "this frame is stored at full resolution only: level 0 expected",
            )),
        }
    }

    /// Decodes values of `value_bytes` at downscaling level `level`: the box `region` of its grid, or
    /// all of it.
    ///
    /// # Errors
    /// `InvalidArgument` for a level or region that does not exist, `Corrupt`, `LimitExceeded`,
    /// `MissingWeights`.
    pub(super) fn decode(
        &self,
        value_bytes: u8,
        level: usize,
        region: Option<Region>,
    ) -> Result<AnyVolume> {
        // Samples, working values, coefficients and one level of bands.
        let needed = |voxels: usize| {
            (voxels as u64)
                .saturating_mul(u64::from(value_bytes) + 4 * u64::from(value_bytes.max(4)))
        };
        self.limits.check_decoded(needed(match region {
            None => self.shape.len(),
            Some(region) => region.len(),
        }))?;
        let grid = self.grid(level)?;
        let region = region.unwrap_or_else(|| grid.region());
        if region.is_empty() || !grid.region().contains(&region) {
            return Err(Error::invalid(format!(
                "a region inside the grid of {grid} expected, start {:?} size {:?} found",
                region.start, region.size
            )));
        }
        Ok(match value_bytes {
            2 => AnyVolume::F16(self.decode_as(level, region)?),
            4 => AnyVolume::F32(self.decode_as(level, region)?),
            _ => AnyVolume::F64(self.decode_as(level, region)?),
        })
    }

    fn decode_as<E: Sample>(&self, level: usize, region: Region) -> Result<Volume<E>> {
        let chunks = self.chunks;
        let value_bytes = E::DTYPE.size() as u8;
        let simple = !matches!(chunks.frame.form, Form::Wavelet(_));
        if simple && (chunks.tree.is_some() || chunks.corrections.is_some()) {
            return Err(Error::corrupt(
                "octree or corrections found in a frame of a form without them",
            ));
        }
        let mut values = match &chunks.frame.form {
            Form::Constant => {
                if !chunks.bricks.is_empty() {
                    return Err(Error::corrupt("a constant frame has bricks"));
                }
                vec![E::from_f64(chunks.frame.range.0); region.len()]
            }
            Form::Lossless => self.lossless(region)?,
            Form::Wavelet(form) => self.wavelet(form, level, region)?,
        };
        if level == 0 {
            self.finish(value_bytes, region, &mut values)?;
        }
        // In 2-D the `z` extent stays 1.
        Volume::new(self.shape.with_dims(region.size), values)
    }

    /// Applies corrections and mask: they belong to full resolution.
    fn finish<E: Sample>(&self, value_bytes: u8, region: Region, values: &mut [E]) -> Result<()> {
        let (shape, chunks) = (self.shape, self.chunks);
        if let Some(number) = chunks.corrections {
            let bound = match chunks.frame.bound {
                Bound::MaxError(bound) => bound,
                Bound::RelError(r) => r * (chunks.frame.range.1 - chunks.frame.range.0),
                Bound::Psnr(_) | Bound::Ssim(_) | Bound::Ratio(_) => {
                    return Err(Error::corrupt(
                        "corrections in a frame without a bound on the error",
                    ));
                }
            };
            let payload = self.payloads.payload(number)?;
            let corrections = Corrections::decode(shape, value_bytes, payload, self.limits)?;
            apply_corrections(&corrections, bound, shape, region, values)?;
        }
        if let Some(number) = chunks.mask {
            let payload = self.payloads.payload(number)?;
            let mask = Mask::decode(shape, value_bytes, payload, self.limits)?;
            mask.apply(shape, region, values);
        }
        Ok(())
    }

    fn lossless<E: Sample>(&self, region: Region) -> Result<Vec<E>> {
        use rayon::prelude::*;
        let (whole, chunks) = (self.shape.region(), self.chunks);
        let total = whole.len();
        if chunks.bricks.len() != total.div_ceil(LOSSLESS_PART) {
            return Err(Error::corrupt(format!(
                "{} parts expected, {} found",
                total.div_ceil(LOSSLESS_PART),
                chunks.bricks.len()
            )));
        }
        // Values before the region's first and behind its last need no decoding.
        let mut rows = Vec::new();
        whole.for_each_row(&region, &region, |at, to, len| rows.push((at, to, len)));
        let first = rows.first().map_or(0, |row| row.0) / LOSSLESS_PART;
        let last = rows.last().map_or(0, |row| row.0 + row.2 - 1) / LOSSLESS_PART;
        let parts: Vec<Vec<E>> = (first..=last)
            .into_par_iter()
            .map(|i| {
                let count = LOSSLESS_PART.min(total - i * LOSSLESS_PART);
                let number = chunks.bricks[i];
                if self.payloads.part(number) as usize != i {
                    return Err(Error::corrupt(format!("part {i} is missing")));
                }
                let bytes = lossless::decode(
                    self.payloads.payload(number)?,
                    E::DTYPE.size(),
                    count * E::DTYPE.size(),
                )?;
                Ok(E::decode(&bytes, ByteOrder::Little))
            })
            .collect::<Result<_>>()?;
        let values = parts.concat();
        if region == whole {
            return Ok(values);
        }
        let mut out = Vec::with_capacity(region.len());
        for (at, _, len) in rows {
            out.extend_from_slice(&values[at - first * LOSSLESS_PART..][..len]);
        }
        Ok(out)
    }

    /// The frame's geometry, made once.
    fn geometry(&self, form: &WaveletForm) -> Result<&Geometry> {
        let chunks = self.chunks;
        if let Some(geometry) = chunks.geometry.get() {
            return Ok(geometry);
        }
        let tree = chunks
            .tree
            .ok_or_else(|| Error::corrupt("the octree is missing"))?;
        // Octree and list of bricks: a byte for some hundred voxels of the domain.
        self.limits.check_decoded(self.shape.len() as u64 / 128)?;
        let geometry = Geometry::new(self.shape, form, self.payloads.payload(tree)?)?;
        Ok(chunks.geometry.get_or_init(|| geometry))
    }

    /// Chunks of the frame's bricks by number.
    fn bricks(&self, geometry: &Geometry) -> Result<FileBricks<'_>> {
        let all = geometry.partition.bricks().len();
        let mut chunks: Vec<(usize, usize)> = Vec::with_capacity(self.chunks.bricks.len());
        for &chunk in &self.chunks.bricks {
            let number = self.payloads.part(chunk) as usize;
            if number >= all {
                return Err(Error::corrupt(format!("brick {number} of {all} found")));
            }
            match chunks.last() {
                Some(&(last, _)) if last == number => {
                    return Err(Error::corrupt(format!("brick {number} found twice")));
                }
                Some(&(last, _)) if last > number => {
                    return Err(Error::corrupt(format!(
                        "brick {number} found behind brick {last}"
                    )));
                }
                _ => chunks.push((number, chunk)),
            }
        }
        Ok(FileBricks {
            payloads: self.payloads,
            chunks,
        })
    }

    fn wavelet<E: Sample>(
        &self,
        form: &WaveletForm,
        level: usize,
        region: Region,
    ) -> Result<Vec<E>> {
        let geometry = self.geometry(form)?;
        let predictor = predictor(geometry, form, self.networks.as_ref())?;
        let wanted = Wanted {
            level,
            region,
            bricks: &self.bricks(geometry)?,
            cache: self.cache,
        };
        let mut values = geometry.decode(form, &*predictor, &wanted)?;
        scale_to_level(geometry, level, &mut values);
        let range = self.chunks.frame.range;
        let normalisation = Normalisation {
            offset: E::Work::from_f64(form.offset),
            scale: E::Work::from_f64(form.scale),
            range: (E::Work::from_f64(range.0), E::Work::from_f64(range.1)),
        };
        normalisation.undo(&mut values);
        Ok(to_samples(&values))
    }
}

/// Brings low-pass coefficients of a level to the scale of the field: one multiplication by the
/// inverse of the low-pass gain, `2^(-k/2)` for `k` splits (spec section 6.4).
fn scale_to_level<T: Real>(geometry: &Geometry, level: usize, values: &mut [T]) {
    let splits: usize = geometry.plan.levels()[..level]
        .iter()
        .map(|l| l.split.count())
        .sum();
    if splits == 0 {
        return;
    }
    let half = if splits % 2 == 1 {
        std::f64::consts::FRAC_1_SQRT_2
    } else {
        1.0
    };
    let factor = T::from_f64(half * 0.5f64.powi((splits / 2) as i32));
    for v in values {
        *v = *v * factor;
    }
}
