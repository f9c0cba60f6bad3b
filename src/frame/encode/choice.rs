//! Which lossy form a frame has: as asked for, or by what boxes of the field take in each.

use std::sync::Arc;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::frame::encode::FrameEncoder;
use crate::frame::encode::weigh::{RasterWay, wavelet_bytes, wavelet_saves};
use crate::frame::encoded::EncodedFrame;
use crate::frame::goal::Goal;
use crate::frame::raster::coarse_palette::CoarsePalette;
use crate::frame::raster::encode::{RasterField, RasterTarget};
use crate::options::{EncodeOptions, FormChoice};
use crate::transform::AxisPlan;

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
        let planned = FrameEncoder {
            palette: Arc::clone(&self.palette),
            ..FrameEncoder::new(original, normalisation, &options, networks, keeps_bits)
        };
        planned.with_past(self.past).of_form()
    }

    fn of_form(&self) -> Result<Option<EncodedFrame>> {
        match (self.options.coding.form, self.goal) {
            (FormChoice::Raster, Goal::MaxError(max_error)) => {
                let coarse = self.coarse(max_error);
                self.best_raster(max_error, &RasterWay::all(max_error, coarse.as_ref()))
            }
            (FormChoice::Raster, Goal::Psnr(target)) => self.raster_of_psnr(target),
            (FormChoice::Raster, Goal::Ssim(_) | Goal::Ratio(_)) => Err(Error::invalid(
                "the raster form needs a bound on errors: a maximum, a relative error or a PSNR",
            )),
            (FormChoice::Wavelet, _) => self.wavelet(),
            // Who asks for a filter pair wants to see it used.
            (FormChoice::Auto, _) if self.options.coding.wavelet.is_some() => self.wavelet(),
            (FormChoice::Auto, Goal::MaxError(max_error)) => self.best_form(max_error),
            (FormChoice::Auto, Goal::Psnr(target)) => self.best_form_of_psnr(target),
            (FormChoice::Auto, Goal::Ssim(_) | Goal::Ratio(_)) => self.wavelet(),
        }
    }

    /// Values that stand for those of the field, where these are few.
    fn coarse(&self, max_error: f64) -> Option<CoarsePalette> {
        CoarsePalette::within::<E>(self.palette()?, max_error)
    }

    fn best_form(&self, max_error: f64) -> Result<Option<EncodedFrame>> {
        let coarse = self.coarse(max_error);
        let even = self.raster_field(RasterTarget::Within(max_error));
        if coarse.is_none() && even.steps().is_none() {
            return self.wavelet();
        }
        let ways = RasterWay::all(max_error, coarse.as_ref());
        let Some(boxes) = self.boxes() else {
            // All of it is no more than a sample.
            let raster = self.best_raster(max_error, &ways)?;
            let wavelet = self.wavelet()?;
            return Ok(self.smaller(raster, wavelet));
        };
        let wavelet = |field: &RasterField<'_, E>, options: &EncodeOptions| {
            wavelet_bytes(field, options, self.networks)
        };
        let Some(bytes) = self.in_boxes(&boxes, max_error, &ways, wavelet)? else {
            return self.wavelet();
        };
        let plan = self.options.coding.axis_plan();
        let saves = wavelet_saves(bytes.wavelet, &boxes, plan);
        let best = bytes.best_raster(&ways);
        let chosen = best.filter(|(_, raster)| raster + saves < bytes.wavelet);
        self.tell(&format!(
            "form {}: {} boxes take {} bytes as wavelet, {}",
            chosen.map_or("wavelet".into(), |(way, _)| way.name()),
            boxes.len(),
            bytes.wavelet,
            bytes.told(&ways),
        ));
        let raster = chosen.map(|(way, _)| self.raster(way)).transpose()?;
        match raster.flatten() {
            Some(encoded) => Ok(Some(encoded)),
            None => self.wavelet(),
        }
    }

    /// The smaller of two frames of the whole field.
    pub(super) fn smaller(
        &self,
        raster: Option<EncodedFrame>,
        wavelet: Option<EncodedFrame>,
    ) -> Option<EncodedFrame> {
        let (Some(a), Some(b)) = (&raster, &wavelet) else {
            return raster.or(wavelet);
        };
        let (a, b) = (self.file_bytes(a), self.file_bytes(b));
        let form = if a < b { "raster" } else { "wavelet" };
        self.tell(&format!(
            "form {form}: the field takes {b} bytes as wavelet, {a} as raster"
        ));
        if a < b { raster } else { wavelet }
    }
}
