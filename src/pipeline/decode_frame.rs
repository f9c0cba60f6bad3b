//! One frame to one field.

use super::encode_frame::LOSSLESS_PART;
use super::frame::{Geometry, Networks, apply_corrections, predictor};
use super::frame_chunks::FrameChunks;
use super::sample::{Normalisation, Sample, to_samples};
use crate::codec::corrections::Corrections;
use crate::codec::{lossless, mask::Mask};
use crate::container::{Bound, Form, WaveletForm};
use crate::error::{Error, Result};
use crate::grid::Shape;
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
}

impl FrameSource<'_> {
    /// Decodes values of `value_bytes` at downscaling level `level`.
    pub(super) fn decode(&self, value_bytes: u8, level: usize) -> Result<AnyVolume> {
        // Samples, working values, coefficients and one level of bands.
        let voxels = self.shape.len() as u64;
        self.limits.check_decoded(
            voxels.saturating_mul(u64::from(value_bytes) + 4 * u64::from(value_bytes.max(4))),
        )?;
        Ok(match value_bytes {
            2 => AnyVolume::F16(self.decode_as(level)?),
            4 => AnyVolume::F32(self.decode_as(level)?),
            _ => AnyVolume::F64(self.decode_as(level)?),
        })
    }

    fn decode_as<E: Sample>(&self, level: usize) -> Result<Volume<E>> {
        let (shape, chunks) = (self.shape, self.chunks);
        let value_bytes = E::DTYPE.size() as u8;
        if level > 0 && !matches!(chunks.frame.form, Form::Wavelet(_)) {
            return Err(Error::invalid(
                "this frame is stored at full resolution only: level 0 expected",
            ));
        }
        let simple = !matches!(chunks.frame.form, Form::Wavelet(_));
        if simple && (chunks.tree.is_some() || chunks.corrections.is_some()) {
            return Err(Error::corrupt(
                "octree or corrections found in a frame of a form without them",
            ));
        }
        let mut volume = match &chunks.frame.form {
            Form::Constant => {
                if !chunks.bricks.is_empty() {
                    return Err(Error::corrupt("a constant frame has bricks"));
                }
                Volume::new(shape, vec![E::from_f64(chunks.frame.range.0); shape.len()])?
            }
            Form::Lossless => Volume::new(shape, self.lossless()?)?,
            Form::Wavelet(form) => self.wavelet(form, level)?,
        };
        if level > 0 {
            return Ok(volume);
        }
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
            let corrections = Corrections::decode(
                shape,
                value_bytes,
                self.payloads.payload(number)?,
                self.limits,
            )?;
            apply_corrections(&corrections, bound, volume.data_mut())?;
        }
        if let Some(number) = chunks.mask {
            let mask = Mask::decode(
                shape,
                value_bytes,
                self.payloads.payload(number)?,
                self.limits,
            )?;
            mask.apply(volume.data_mut());
        }
        Ok(volume)
    }

    fn lossless<E: Sample>(&self) -> Result<Vec<E>> {
        use rayon::prelude::*;
        let (total, chunks) = (self.shape.len(), self.chunks);
        if chunks.bricks.len() != total.div_ceil(LOSSLESS_PART) {
            return Err(Error::corrupt(format!(
                "{} parts expected, {} found",
                total.div_ceil(LOSSLESS_PART),
                chunks.bricks.len()
            )));
        }
        let parts: Vec<Vec<E>> = chunks
            .bricks
            .par_iter()
            .enumerate()
            .map(|(i, &number)| {
                let count = LOSSLESS_PART.min(total - i * LOSSLESS_PART);
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
        Ok(parts.concat())
    }

    fn wavelet<E: Sample>(&self, form: &WaveletForm, level: usize) -> Result<Volume<E>> {
        let (shape, chunks) = (self.shape, self.chunks);
        let geometry = Geometry::<E::Work>::new(shape, form)?;
        if level > usize::from(form.levels) {
            return Err(Error::invalid(format!(
                "level up to {} expected, {level} found",
                form.levels
            )));
        }
        let tree = chunks
            .tree
            .ok_or_else(|| Error::corrupt("the octree is missing"))?;
        let bricks: Vec<(u32, &[u8])> = chunks
            .bricks
            .iter()
            .map(|&number| {
                let part = self.payloads.part(number);
                Ok((part, self.payloads.payload(number)?))
            })
            .collect::<Result<_>>()?;
        let predictor = predictor(&geometry, form, self.networks.as_ref())?;
        let mut values =
            geometry.decode(self.payloads.payload(tree)?, &bricks, &*predictor, level)?;
        scale_to_level(&geometry, level, &mut values);
        let normalisation = Normalisation {
            offset: E::Work::from_f64(form.offset),
            scale: E::Work::from_f64(form.scale),
            range: (
                E::Work::from_f64(chunks.frame.range.0),
                E::Work::from_f64(chunks.frame.range.1),
            ),
        };
        normalisation.undo(&mut values);
        let shape = match level {
            0 => shape,
            _ => geometry.plan.levels()[level - 1].coarse,
        };
        Volume::new(shape, to_samples(&values))
    }
}

/// Brings low-pass coefficients of a level to the scale of the field: one multiplication by the
/// inverse of the low-pass gain, `2^(-k/2)` for `k` splits (spec section 6.4).
fn scale_to_level<T: Real>(geometry: &Geometry<T>, level: usize, values: &mut [T]) {
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
