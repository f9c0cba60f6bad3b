//! The records `FRAM` and `NREF` (spec section 4). New fields go at the end; readers ignore what they
//! do not know and take missing ones as not given.

use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::base::grid::{Axes, Shape};
use crate::container::bound::Bound;
use crate::container::bytes::{Cursor, Encode};
use crate::container::form::{
    MAX_LEVELS, NetworkUse, gains, positive_real, put_gains, put_real, real,
};
use crate::container::pooled::PooledForm;
use crate::container::raster::RasterForm;
use crate::container::references::References;
use crate::container::slab::Slab;

/// Time of a step that is not known, where a field follows it.
const UNKNOWN: u64 = 0x7FF8_0000_0000_0000;

/// `NREF`: a weight set by reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsReference {
    /// SHA-256 of the set's canonical form.
    pub sha256: [u8; 32],
    /// Display name.
    pub name: String,
}

impl WeightsReference {
    /// Serialises the record.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.sha256.to_vec();
        out.put_string(&self.name);
        out
    }

    /// Reads the record, which lies at `offset` in the file.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn parse(payload: &[u8], offset: u64) -> Result<Self> {
        let mut f = Cursor::new(payload, offset);
        Ok(Self {
            sha256: f.array("weights sha-256")?,
            name: f.string("weights name")?,
        })
    }
}

/// What the encoder measured by decoding the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// PSNR in dB; infinite when nothing changed.
    pub psnr_db: f32,
    /// SSIM, where that was the bound.
    pub ssim: Option<f32>,
    /// Largest absolute error, in the field's unit.
    pub max_error: f64,
}

/// The chunks that not every frame of a form has, as the record announces them: with the form they tell which chunk
/// is the frame's last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// `MASK`.
    pub mask: bool,
    /// `CORR`.
    pub corrections: bool,
}

/// Bits of the byte that says the form which announce chunks.
const HAS_MASK: u8 = 1 << 6;
const HAS_CORRECTIONS: u8 = 1 << 7;
/// Bit of that byte which says that a frame of the wavelet form has references.
pub const HAS_REFERENCES: u8 = 1 << 5;
/// Bits of that byte which say the form itself, and whether it has references.
pub const FORM_BITS: u8 = !(HAS_MASK | HAS_CORRECTIONS);

/// The wavelet form with references, in those bits.
const WAVELET_WITH_REFERENCES: u8 = 2 | HAS_REFERENCES;

impl Announced {
    fn bits(self) -> u8 {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        bit(self.mask, HAS_MASK) | bit(self.corrections, HAS_CORRECTIONS)
    }

    /// What the byte announces, and the number of the form.
    fn split(byte: u8) -> (Self, u8) {
        let announced = Self {
            mask: byte & HAS_MASK != 0,
            corrections: byte & HAS_CORRECTIONS != 0,
        };
        (announced, byte & FORM_BITS)
    }

    /// What is announced and cannot be, in a frame of that form and bound.
    fn contradiction(self, form: &Form, bound: Bound) -> Option<&'static str> {
        let is_pointwise = matches!(bound, Bound::MaxError(_) | Bound::RelError(_));
        match form {
            Form::Lossless if self.mask => Some("a mask in a lossless frame"),
            Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Raster(_)
                if self.corrections =>
            {
                Some("corrections in a frame of a form without them")
            }
            Form::Wavelet(_) if self.corrections && !is_pointwise => {
                Some("corrections in a frame without a bound on the error")
            }
            _ => None,
        }
    }
}

/// `FRAM`: one field at one time step.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Place of the field in the dataset.
    pub field: u64,
    /// Time step.
    pub step: u64,
    /// Time of the step in the dataset's unit of time, where it is known; finite.
    pub time: Option<f64>,
    /// Smallest and largest ordinary value.
    pub range: (f64, f64),
    /// What was asked for.
    pub bound: Bound,
    /// What was reached.
    pub measured: Measured,
    /// How the values are stored.
    pub form: Form,
    /// Which chunks belong to the frame, beside those that its form has in any case.
    pub announced: Announced,
    /// The part of the domain that the record is about; `None`: all of it.
    pub slab: Option<Slab>,
}

/// How the values of a frame are stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Every ordinary value equals the range's minimum; no bricks.
    Constant,
    /// Bricks of raw values, lossless.
    Lossless,
    /// Octree and bricks of coefficients.
    Wavelet(WaveletForm),
    /// Tree of mean-pooled boxes and one representative volume.
    Pooled(PooledForm),
    /// Voxels predicted from those before them.
    Raster(RasterForm),
}

impl Form {
    /// The coarsest downscaling level at which the field can be had.
    #[must_use]
    pub fn levels(&self) -> usize {
        match self {
            Self::Constant | Self::Lossless | Self::Raster(_) => 0,
            Self::Wavelet(form) => form.levels.into(),
            Self::Pooled(form) => form.levels.into(),
        }
    }

    /// The networks in use, if any.
    #[must_use]
    pub fn network(&self) -> Option<&NetworkUse> {
        match self {
            Self::Constant | Self::Lossless | Self::Raster(_) => None,
            Self::Wavelet(form) => form.network.as_ref(),
            Self::Pooled(form) => form.network.as_ref(),
        }
    }

    /// Whether decoding the field at downscaling level `level` takes the networks.
    #[must_use]
    pub fn needs_networks(&self, level: usize) -> bool {
        match self {
            Self::Constant | Self::Lossless | Self::Raster(_) => false,
            Self::Wavelet(form) => form.network.as_ref().is_some_and(|network| {
                let mut gains = network.gains.iter().skip(level);
                gains.any(|&gain| gain != 0.0)
            }),
            Self::Pooled(form) => form.network.is_some(),
        }
    }
}

/// Parameters of the multiresolution form.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveletForm {
    /// Number of the filter pair.
    pub wavelet: u8,
    /// Axes with periodic extension.
    pub periodic: Axes,
    /// Number of the plan along the slowest axis; 0: levels halve it, too.
    pub plan: u8,
    /// Number of levels.
    pub levels: u8,
    /// Edge of a brick in voxels.
    pub brick_edge: u32,
    /// Distance of a decoded magnitude below its integer, in 1/256 step.
    pub shrink: u8,
    /// Quantisation step in the normalised unit.
    pub step: f64,
    /// Normalised value 0 in the field's unit.
    pub offset: f64,
    /// Normalised value 1, above the offset, in the field's unit.
    pub scale: f64,
    /// The networks that predict details, if any.
    pub network: Option<NetworkUse>,
    /// Estimated PSNR, in half decibels, of the field that is known from a downscaling level alone:
    /// from level 1 on, one for each level.
    pub quality: Vec<u8>,
    /// The earlier frames that this one is predicted from, if any.
    pub references: Option<References>,
}

/// Where the plan stands in the byte that says the periodic axes, and its bits.
const PLAN_SHIFT: u8 = 3;
const PLAN_BITS: u8 = 7;

/// Steps of [`WaveletForm::quality`] in a decibel.
pub const QUALITY_STEPS: f64 = 2.0;

impl Frame {
    /// Serialises the record for a field of type `dtype`: numbers in the field's unit are stored in
    /// the working precision ([`Dtype::working`]), which holds them exactly.
    #[must_use]
    pub fn to_bytes(&self, dtype: Dtype) -> Vec<u8> {
        debug_assert_eq!(
            self.measured.ssim.is_some(),
            matches!(self.bound, Bound::Ssim(_))
        );
        let mut out = Vec::new();
        let real = |out: &mut Vec<u8>, v: f64| put_real(out, v, dtype);
        out.put_varint(self.field);
        out.put_varint(self.step);
        real(&mut out, self.range.0);
        real(&mut out, self.range.1);
        let (kind, value) = self.bound.parts();
        out.push(kind);
        out.extend(value.to_le_bytes());
        out.extend(self.measured.psnr_db.to_le_bytes());
        if let Some(ssim) = self.measured.ssim {
            out.extend(ssim.to_le_bytes());
        }
        out.extend(self.measured.max_error.to_le_bytes());
        let announced = self.announced.bits();
        match &self.form {
            Form::Constant => out.push(announced),
            Form::Lossless => out.push(1 | announced),
            Form::Wavelet(form) => {
                let references = form.references.as_ref();
                out.push(2 | announced | references.map_or(0, |_| HAS_REFERENCES));
                out.push(form.wavelet);
                out.push(form.periodic.bits() | form.plan << PLAN_SHIFT);
                out.push(form.levels);
                out.push(form.brick_edge.ilog2().to_le_bytes()[0]);
                out.push(form.shrink);
                real(&mut out, form.step);
                real(&mut out, form.offset);
                real(&mut out, form.scale);
                put_gains(&mut out, form.network.as_ref());
                debug_assert_eq!(form.quality.len(), usize::from(form.levels));
                out.extend_from_slice(&form.quality);
                if let Some(references) = references {
                    references.write(form.network.as_ref(), &mut out);
                }
            }
            Form::Pooled(form) => {
                out.push(3 | announced);
                form.write(dtype, &mut out);
            }
            Form::Raster(form) => {
                out.push(4 | announced);
                form.write(dtype, &mut out);
            }
        }
        match (self.time, self.slab) {
            (None, None) => {}
            (time, _) => out.extend(time.map_or(UNKNOWN, f64::to_bits).to_le_bytes()),
        }
        if let Some(slab) = self.slab {
            out.put_varint(slab.len);
            out.put_varint(slab.start);
        }
        out
    }

    /// PSNR in dB, against the field that was encoded, of what is known from downscaling level `level`
    /// and the coarser ones alone: measured at level 0, an estimate above. `None` where the record does
    /// not say it.
    #[must_use]
    pub fn psnr_db(&self, level: usize) -> Option<f64> {
        let Some(above) = level.checked_sub(1) else {
            return Some(self.measured.psnr_db.into());
        };
        match &self.form {
            Form::Wavelet(form) => Some(f64::from(*form.quality.get(above)?) / QUALITY_STEPS),
            Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Raster(_) => None,
        }
    }

    /// The grid that the record is about, in a file of the domain `domain`.
    ///
    /// # Errors
    /// `Corrupt` for a slab that is empty or leaves the domain.
    pub fn shape(&self, domain: Shape) -> Result<Shape> {
        let of = |slab: Slab| slab.of(domain).map_err(|e| Error::corrupt(e.to_string()));
        self.slab.map_or(Ok(domain), of)
    }

    /// Reads the record, which lies at `offset` in the file. `dtype(field)` gives the type of a
    /// field of the dataset, `None` if there is no such field: [`Dataset::dtype`](crate::container::Dataset::dtype).
    ///
    /// # Errors
    /// `Corrupt`; `Unsupported` for an unknown form, bound or filter.
    pub fn parse(
        payload: &[u8],
        offset: u64,
        dtype: impl Fn(u64) -> Option<Dtype>,
    ) -> Result<Self> {
        let mut f = Cursor::new(payload, offset);
        let field = f.varint("field number")?;
        let dtype =
            dtype(field).ok_or_else(|| f.corrupt(format!("no field {field} in the dataset")))?;
        let step = f.varint("time step")?;
        let range = (
            real(&mut f, "minimum", dtype)?,
            real(&mut f, "maximum", dtype)?,
        );
        if range.0 > range.1 {
            return Err(f.corrupt(format!("minimum {} is above maximum {}", range.0, range.1)));
        }
        let kind = f.u8("bound kind")?;
        let value = f.f64("bound value")?;
        let bound = Bound::from_parts(kind, value).ok_or_else(|| {
            Error::unsupported(format!("unknown bound kind {kind}")).at(f.offset())
        })?;
        if !(value.is_finite() && value >= 0.0) {
            return Err(f.corrupt(format!("finite bound from 0 expected, {value} found")));
        }
        let measured = Measured {
            psnr_db: f.f32("measured psnr")?,
            ssim: match bound {
                Bound::Ssim(_) => Some(f.f32("measured ssim")?),
                _ => None,
            },
            max_error: f.f64("measured error")?,
        };
        let (announced, form) = Announced::split(f.u8("form")?);
        let form = match form {
            0 => Form::Constant,
            1 => Form::Lossless,
            2 => Form::Wavelet(wavelet_form(&mut f, dtype)?),
            WAVELET_WITH_REFERENCES => Form::Wavelet(predicted_form(&mut f, dtype)?),
            3 => Form::Pooled(PooledForm::parse(&mut f, dtype)?),
            4 => Form::Raster(RasterForm::parse(&mut f, dtype)?),
            other => {
                return Err(
                    Error::unsupported(format!("unknown frame form {other}")).at(f.offset())
                );
            }
        };
        if let Some(what) = announced.contradiction(&form, bound) {
            return Err(f.corrupt(format!("{what} announced")));
        }
        let time = match f.rest() {
            [] => None,
            rest if rest.len() > 8 && rest.starts_with(&UNKNOWN.to_le_bytes()) => {
                f.f64("time")?;
                None
            }
            _ => Some(f.finite("time")?),
        };
        let slab = match f.rest() {
            [] => None,
            _ => match f.varint("number of planes")? {
                0 => None,
                len => Some(Slab {
                    start: f.varint("first plane")?,
                    len,
                }),
            },
        };
        Ok(Self {
            field,
            step,
            time,
            range,
            bound,
            measured,
            form,
            announced,
            slab,
        })
    }
}

fn predicted_form(f: &mut Cursor<'_>, dtype: Dtype) -> Result<WaveletForm> {
    let mut form = wavelet_form(f, dtype)?;
    let references = References::parse(f, form.levels, form.network.as_ref())?;
    form.references = Some(references);
    Ok(form)
}

fn wavelet_form(f: &mut Cursor<'_>, dtype: Dtype) -> Result<WaveletForm> {
    let wavelet = f.u8("filter pair")?;
    let axes = f.u8("periodic axes")?;
    let (plan, axes) = (
        axes >> PLAN_SHIFT & PLAN_BITS,
        axes & !(PLAN_BITS << PLAN_SHIFT),
    );
    let periodic = Axes::from_bits(axes).map_err(|e| e.at(f.offset()))?;
    if plan > 0 && periodic.contains(0) {
        return Err(f.corrupt(format!("plan {plan} along an axis that is periodic")));
    }
    let levels = f.u8("level count")?;
    if levels > MAX_LEVELS {
        return Err(f.corrupt(format!(
            "up to {MAX_LEVELS} levels expected, {levels} found"
        )));
    }
    let brick_edge = f.brick_edge()?;
    let shrink = f.u8("shrink")?;
    let step = positive_real(f, "quantisation step", dtype)?;
    let offset = real(f, "offset", dtype)?;
    let scale = positive_real(f, "scale", dtype)?;
    let network = gains(f, levels)?;
    if plan > 0 && network.is_some() {
        return Err(f.corrupt(format!("no gains expected beside plan {plan}")));
    }
    Ok(WaveletForm {
        wavelet,
        periodic,
        plan,
        levels,
        brick_edge,
        shrink,
        step,
        offset,
        scale,
        network,
        quality: f.take("quality of levels", levels.into())?.to_vec(),
        references: None,
    })
}
