//! Which lossy form a frame has: as asked for, or by what boxes of the field take in each.

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::{Axes, Region};
use crate::container::Bound;
use crate::frame::encode::FrameEncoder;
use crate::frame::encoded::EncodedFrame;
use crate::frame::goal::Goal;
use crate::frame::networks::PricedNetworks;
use crate::frame::raster::candidates::{BoxedField, boxes, payload_bytes};
use crate::frame::raster::encode::{Predictors, RasterField, RasterTarget};
use crate::frame::sample::Normalisation;
use crate::options::{EncodeOptions, FormChoice, Observer, Periodic};
use crate::transform::AxisPlan;

/// Voxels for which the wavelet form takes a byte less in a field than in boxes of it, by a look at eighteen fields.
const WAVELET_SAVES_BYTE_IN: usize = 80;

/// How often the raster form is tried for a PSNR, and by how many dB more than were missing a trial is finer.
const PSNR_TRIALS: usize = 3;
const PSNR_MARGIN: f64 = 0.005;

/// Bytes that boxes of a field take in each form.
#[derive(Clone, Copy, Debug, Default)]
struct BoxBytes {
    wavelet: usize,
    raster: [usize; Predictors::ALL.len()],
}

impl BoxBytes {
    /// What the wavelet form may save beside that in the whole field: its levels reach over the borders of the boxes, and
    /// networks do better away from them. Boxes that have all planes have fewer borders, and no networks.
    fn wavelet_saves(&self, boxes: &[Region], plan: AxisPlan) -> usize {
        let voxels: usize = boxes.iter().map(Region::len).sum();
        let saves = (voxels / WAVELET_SAVES_BYTE_IN).min(self.wavelet / 10);
        if plan.splits_slowest() {
            saves
        } else {
            saves / 2
        }
    }

    /// The predictors of the smallest raster form, and its bytes.
    fn best_raster(&self) -> (Predictors, usize) {
        let [blend, median] = self.raster;
        if median < blend {
            (Predictors::Median, median)
        } else {
            (Predictors::Blend, blend)
        }
    }
}

impl<E: Element> FrameEncoder<'_, E> {
    /// The frame in its lossy form; `None` where none keeps the bound.
    pub(super) fn chosen(&self) -> Result<Option<EncodedFrame>> {
        if self.options.coding.form == FormChoice::Raster {
            return self.of_form();
        }
        let choice = self.plan()?;
        let found = self.planned_frame(choice.plan)?;
        let Some(rival) = choice.rival else {
            return Ok(found);
        };
        // Networks save less of some fields than of boxes of them.
        let uses_networks = found.as_ref().is_some_and(EncodedFrame::uses_networks);
        let share = self.networks.filter(|_| uses_networks);
        let share = share.map_or(0, |priced| priced.frame_share);
        Ok(self.better(self.planned_frame(rival)?, found, share))
    }

    /// The frame with a plan.
    fn planned_frame(&self, plan: AxisPlan) -> Result<Option<EncodedFrame>> {
        let mut options = self.options.clone();
        options.coding.plan = Some(plan);
        let (original, normalisation) = (self.original, self.normalisation);
        let (networks, keeps_bits) = (self.networks, self.keeps_bits);
        let planned = FrameEncoder::new(original, normalisation, &options, networks, keeps_bits);
        planned.with_past(self.past).of_form()
    }

    fn of_form(&self) -> Result<Option<EncodedFrame>> {
        match (self.options.coding.form, self.goal.max_error()) {
            (FormChoice::Raster, None) => Err(Error::invalid(
                "the raster form needs a bound on the error of every voxel: a maximum or a relative error",
            )),
            (FormChoice::Wavelet, _) => self.wavelet(),
            (FormChoice::Auto, None) => match self.wavelet()? {
                Some(found) => Ok(Some(found)),
                None => self.raster_of_psnr(),
            },
            (FormChoice::Raster, Some(max_error)) => self.best_raster(max_error),
            // Who asks for a filter pair wants to see it used.
            (FormChoice::Auto, Some(_)) if self.options.coding.wavelet.is_some() => self.wavelet(),
            (FormChoice::Auto, Some(max_error)) => self.best_form(max_error),
        }
    }

    /// The raster form, with errors that lie evenly within a bound, for a PSNR that is out of reach of the wavelet form: that has
    /// integers of 24 bits at most.
    fn raster_of_psnr(&self) -> Result<Option<EncodedFrame>> {
        let Goal::Psnr(target) = self.goal else {
            return Ok(None);
        };
        let (min, max) = self.normalisation.bounds();
        let mut max_error = 3f64.sqrt() * (max - min) * 10f64.powf(-target / 20.0);
        for _ in 0..PSNR_TRIALS {
            let Some(found) = self.best_raster(max_error)? else {
                return Ok(None);
            };
            let missing = target - found.comparison.psnr_db;
            if missing <= 0.0 {
                return Ok(Some(found));
            }
            max_error *= 10f64.powf(-(missing + PSNR_MARGIN) / 20.0);
        }
        Ok(None)
    }

    fn best_form(&self, max_error: f64) -> Result<Option<EncodedFrame>> {
        if self.raster_field(max_error).steps().is_none() {
            return self.wavelet();
        }
        let Some(boxes) = self.boxes() else {
            // All of it is no more than a sample.
            let raster = self.best_raster(max_error)?;
            let wavelet = self.wavelet()?;
            return Ok(self.smaller(raster, wavelet));
        };
        let wavelet = |field: &RasterField<'_, E>, options: &EncodeOptions| {
            wavelet_bytes(field, options, self.networks)
        };
        let Some(bytes) = self.in_boxes(&boxes, max_error, wavelet)? else {
            return self.wavelet();
        };
        let (predictors, raster) = bytes.best_raster();
        let plan = self.options.coding.axis_plan();
        let is_raster = raster + bytes.wavelet_saves(&boxes, plan) < bytes.wavelet;
        let form = if is_raster {
            predictors.name()
        } else {
            "wavelet"
        };
        let [blend, median] = bytes.raster;
        self.original.observer.choice_made(&format!(
            "form {form}: {} boxes take {} bytes as wavelet, {blend} as raster, {median} as raster by medians",
            boxes.len(),
            bytes.wavelet,
        ));
        if !is_raster {
            return self.wavelet();
        }
        match self
            .raster_field(max_error)
            .encode(self.options, predictors)?
        {
            Some(encoded) => Ok(Some(encoded)),
            None => self.wavelet(),
        }
    }

    /// The boxes that stand for the field, with all of the slowest axis where that is not halved; `None` for a field that is
    /// hardly larger than they.
    fn boxes(&self) -> Option<Vec<Region>> {
        if self.options.coding.axis_plan().splits_slowest() {
            return boxes(&self.original);
        }
        Some(self.columns()).filter(|boxes| boxes.len() > 1)
    }

    /// The smaller of two frames of the whole field.
    fn smaller(
        &self,
        raster: Option<EncodedFrame>,
        wavelet: Option<EncodedFrame>,
    ) -> Option<EncodedFrame> {
        let (Some(a), Some(b)) = (&raster, &wavelet) else {
            return raster.or(wavelet);
        };
        let (a, b) = (self.file_bytes(a), self.file_bytes(b));
        let form = if a < b { "raster" } else { "wavelet" };
        self.original.observer.choice_made(&format!(
            "form {form}: the field takes {b} bytes as wavelet, {a} as raster"
        ));
        if a < b { raster } else { wavelet }
    }

    /// The smaller of the raster forms; which is tried on the whole field where that is small, else on boxes.
    fn best_raster(&self, max_error: f64) -> Result<Option<EncodedFrame>> {
        let field = self.raster_field(max_error);
        let sample = match self.boxes() {
            Some(boxes) => self.in_boxes(&boxes, max_error, |_, _| Ok(0))?,
            None => None,
        };
        if let Some(bytes) = sample {
            return field.encode(self.options, bytes.best_raster().0);
        }
        let [blend, median] =
            Predictors::ALL.map(|predictors| field.encode(self.options, predictors));
        let (Some(blend), Some(median)) = (blend?, median?) else {
            return Ok(None);
        };
        let is_median = self.file_bytes(&median) < self.file_bytes(&blend);
        Ok(Some(if is_median { median } else { blend }))
    }

    fn raster_field(&self, max_error: f64) -> RasterField<'_, E> {
        RasterField {
            original: self.original,
            normalisation: self.normalisation,
            target: RasterTarget::Within(max_error),
        }
    }

    /// What boxes take in each form, `wavelet` says what in that; `None` where all are constant.
    fn in_boxes(
        &self,
        boxes: &[Region],
        max_error: f64,
        wavelet: impl Fn(&RasterField<'_, E>, &EncodeOptions) -> Result<usize>,
    ) -> Result<Option<BoxBytes>> {
        let mut options = self.options.clone();
        options.bound = Bound::MaxError(max_error);
        options.observer = Observer::default();
        options.coding.periodic = Periodic::Given(Axes::NONE);
        options.resources.memory = None;
        options.resources.scratch = None;
        let mut sum = None;
        for &region in boxes {
            let held = BoxedField::cut(&self.original, region);
            let original = held.original(&options.observer);
            let normalisation =
                Normalisation::measure(original.values, original.ordinary, original.observer);
            let Some(normalisation) = normalisation.filter(|n| n.range.0 != n.range.1) else {
                continue;
            };
            let field = RasterField {
                original,
                normalisation,
                target: RasterTarget::Within(max_error),
            };
            let sum: &mut BoxBytes = sum.get_or_insert_default();
            sum.wavelet += wavelet(&field, &options)?;
            for (sum, predictors) in sum.raster.iter_mut().zip(Predictors::ALL) {
                *sum += bytes_or_raw(&field, field.encode(&options, predictors)?.as_ref());
            }
        }
        Ok(sum)
    }
}

/// What a box takes in the wavelet form, with networks where they may pay.
fn wavelet_bytes<E: Element>(
    field: &RasterField<'_, E>,
    options: &EncodeOptions,
    networks: Option<PricedNetworks<'_>>,
) -> Result<usize> {
    let (original, normalisation) = (field.original, field.normalisation);
    let encoder = FrameEncoder::new(original, normalisation, options, networks, true);
    Ok(bytes_or_raw(field, encoder.wavelet()?.as_ref()))
}

/// Of a frame; a form that cannot keep the bound takes as much as the values themselves.
fn bytes_or_raw<E: Element>(field: &RasterField<'_, E>, encoded: Option<&EncodedFrame>) -> usize {
    encoded.map_or(size_of_val(field.original.values), payload_bytes)
}
