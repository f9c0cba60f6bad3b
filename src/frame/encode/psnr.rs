//! The form of a frame that has to reach a PSNR: the wavelet form, or that in raster order where boxes take less in it, as those of
//! edges, of few values and with many voxels without data do.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::Region;
use crate::frame::encode::FrameEncoder;
use crate::frame::encode::plan::PlannedBoxes;
use crate::frame::encode::weigh::{BoxBytes, RasterWay, wavelet_saves};
use crate::frame::encoded::EncodedFrame;
use crate::frame::raster::candidates::ordinary_in;
use crate::frame::raster::coarse_palette::CoarsePalette;
use crate::frame::raster::encode::{Predictors, RasterTarget};

/// At a glance the raster form may take so many times the bits that magnitudes tell of the wavelet form, and is looked at more
/// closely: small boxes are hard for the one, and those bits are too few.
const GLANCE_NEAR: f64 = 1.35;
/// Predictors that take so many times the bytes of the best are left behind there.
const GLANCE_BEST: f64 = 1.15;
/// Where frames that follow may be predicted from this one, which only the wavelet form allows, the raster form must take less
/// than this share.
const SHARE_BEFORE_OTHERS: f64 = 0.5;

/// Trials of the raster form on the whole field at most, and of its boxes.
const TRIALS: usize = 3;
const BOX_TRIALS: usize = 2;
/// A trial that is above the PSNR by no more than this is the last, in dB, and the next one aims so far above it.
const CLOSE: f64 = 0.1;
const MARGIN: f64 = 0.005;
/// The most by which a trial is coarser than the one before, in dB: where nothing is lost yet there is no telling.
const STRIDE: f64 = 9.0;
/// Boxes whose squared error is below this share of what there may be are tried once more.
const WELL_BELOW: f64 = 0.8;

impl<E: Element> FrameEncoder<'_, E> {
    /// The smaller form; `None` where none reaches it.
    pub(super) fn best_form_of_psnr(&self, target: f64) -> Result<Option<EncodedFrame>> {
        // Frames that this one may be predicted from tell more than its own voxels.
        if !self.past.frames.is_empty() {
            return self.wavelet_or_raster(target);
        }
        let hopeful = self.hopeful(target)?;
        if hopeful.is_empty() {
            return self.wavelet_or_raster(target);
        }
        let coarse = self.coarse_of_psnr(target);
        let ways = RasterWay::by(&hopeful, self.even_error(target), coarse.as_ref());
        let Some(way) = self.weigh_for_psnr(ways, target)? else {
            return self.wavelet_or_raster(target);
        };
        match self.reach(way, target)? {
            Some(found) => Ok(Some(found)),
            None => self.wavelet(),
        }
    }

    fn wavelet_or_raster(&self, target: f64) -> Result<Option<EncodedFrame>> {
        match self.wavelet()? {
            Some(found) => Ok(Some(found)),
            // Its integers have 24 bits at most.
            None => self.raster_of_psnr(target),
        }
    }

    /// The raster form; `None` where it does not reach it.
    pub(super) fn raster_of_psnr(&self, target: f64) -> Result<Option<EncodedFrame>> {
        let coarse = self.coarse_of_psnr(target);
        let ways = RasterWay::all(self.even_error(target), coarse.as_ref());
        let boxes = self.boxes_or_whole();
        let found = self.in_boxes(&boxes, self.even_error(target), &ways, |_, _| Ok(0))?;
        match found.and_then(|bytes| bytes.best_raster(&ways)) {
            Some((way, _)) => self.reach(way, target),
            None => Ok(None),
        }
    }

    /// The boxes that stand for the field, or all of it where that is hardly larger.
    fn boxes_or_whole(&self) -> Vec<Region> {
        let whole = || vec![self.original.shape.region()];
        self.boxes().unwrap_or_else(whole)
    }

    /// The mean squared error that a PSNR allows.
    fn mean_squared_error(&self, target: f64) -> f64 {
        let (min, max) = self.normalisation.bounds();
        ((max - min) * 10f64.powf(-target / 20.0)).powi(2)
    }

    /// The bound within which errors lie evenly that reach a PSNR.
    fn even_error(&self, target: f64) -> f64 {
        (3.0 * self.mean_squared_error(target)).sqrt()
    }

    /// Values that stand for those of the field, where these are few.
    fn coarse_of_psnr(&self, target: f64) -> Option<CoarsePalette> {
        let palette = self.palette()?;
        let counts = palette.counts(&self.original);
        let voxels: u64 = counts.iter().sum();
        let most = self.mean_squared_error(target) * voxels as f64;
        CoarsePalette::of_squared_error::<E>(palette, &counts, most)
    }

    /// The predictors with which the raster form may be the smaller one, by small boxes and by the magnitudes of coefficients
    /// alone.
    fn hopeful(&self, target: f64) -> Result<Vec<Predictors>> {
        let glance = self.glance().unwrap_or_else(|| self.boxes_or_whole());
        let max_error = self.even_error(target);
        let ways = RasterWay::all(max_error, None);
        let Some(found) = self.in_boxes(&glance, max_error, &ways, |_, _| Ok(0))? else {
            return Ok(Predictors::ALL.to_vec());
        };
        let planned = self.planned(self.options.coding.axis_plan(), &glance)?;
        let wavelet = planned.expected_bits(self.aim(&planned)) / 8.0;
        let best = found.best_raster(&ways);
        let best = best.map_or(f64::INFINITY, |(_, bytes)| bytes as f64);
        let most = (GLANCE_NEAR * wavelet).min(GLANCE_BEST * best);
        let each = ways.iter().zip(&found.raster);
        let near = each.filter(|(_, found)| (found.bytes as f64) < most);
        Ok(near.map(|(way, _)| way.predictors).collect())
    }

    /// The way of the raster form that boxes take fewest bytes in; `None` where the wavelet form takes less.
    fn weigh_for_psnr<'p>(
        &self,
        mut ways: Vec<RasterWay<'p>>,
        target: f64,
    ) -> Result<Option<RasterWay<'p>>> {
        let boxes = self.boxes_or_whole();
        let Some(raster) = self.raster_boxes(&boxes, &mut ways, target)? else {
            return Ok(None);
        };
        let plan = self.options.coding.axis_plan();
        let planned = self.planned(plan, &boxes)?;
        let Some(wavelet) = self.wavelet_bytes_of(&planned)? else {
            return Ok(raster.best_raster(&ways).map(|(way, _)| way));
        };
        let saves = wavelet_saves(wavelet, &boxes, plan);
        let share = if self.past.keeps {
            SHARE_BEFORE_OTHERS
        } else {
            1.0
        };
        let best = raster.best_raster(&ways);
        let chosen = best.filter(|(_, bytes)| ((bytes + saves) as f64) < share * wavelet as f64);
        self.tell(&format!(
            "form {}: {} boxes take about {wavelet} bytes as wavelet, {}",
            chosen.map_or("wavelet".into(), |(way, _)| way.name()),
            boxes.len(),
            raster.told(&ways),
        ));
        Ok(chosen.map(|(way, _)| way))
    }

    /// What boxes take in each way; those of even steps get the steps that what there may be of errors takes.
    fn raster_boxes(
        &self,
        boxes: &[Region],
        ways: &mut [RasterWay<'_>],
        target: f64,
    ) -> Result<Option<BoxBytes>> {
        let voxels: usize = boxes
            .iter()
            .map(|region| ordinary_in(&self.original, *region))
            .sum();
        let most = self.mean_squared_error(target) * voxels as f64;
        let mut found = self.in_boxes(boxes, self.even_error(target), ways, |_, _| Ok(0))?;
        for _ in 1..BOX_TRIALS {
            let Some(found) = &mut found else {
                break;
            };
            for (way, bytes) in ways.iter_mut().zip(&mut found.raster) {
                let RasterTarget::Within(max_error) = way.target else {
                    continue;
                };
                if bytes.squared_error >= WELL_BELOW * most {
                    continue;
                }
                let below = 10.0 * (most / bytes.squared_error).log10();
                let max_error = max_error * 10f64.powf(below.min(STRIDE) / 20.0);
                way.target = RasterTarget::Within(max_error);
                let one = std::slice::from_ref(way);
                if let Some(again) = self.in_boxes(boxes, max_error, one, |_, _| Ok(0))? {
                    *bytes = again.raster[0];
                }
            }
        }
        Ok(found)
    }

    /// Bytes that boxes take in the wavelet form, about, with networks where these may pay.
    fn wavelet_bytes_of(&self, planned: &PlannedBoxes<E>) -> Result<Option<usize>> {
        let aim = self.aim(planned);
        let Some(mut bits) = planned.bits(aim, None)? else {
            return Ok(None);
        };
        let splits_slowest = self.options.coding.axis_plan().splits_slowest();
        let networks = self.networks.filter(|_| splits_slowest);
        if let Some(priced) = networks
            && self.may_use_networks(planned, planned.step(aim))
            && let Some(fewer) = planned.bits(aim, Some(priced.networks))?
        {
            bits = bits.min(fewer);
        }
        Ok(Some((bits / 8.0) as usize))
    }

    /// The frame in a way of the raster form, with steps as wide as the PSNR allows; `None` where it is out of reach.
    fn reach(&self, way: RasterWay<'_>, target: f64) -> Result<Option<EncodedFrame>> {
        let RasterTarget::Within(mut max_error) = way.target else {
            let found = self.raster(way)?;
            return Ok(found.filter(|found| found.comparison.psnr_db >= target));
        };
        let (mut best, mut meets, mut fails) = (None, 0.0, f64::INFINITY);
        for _ in 0..TRIALS {
            let within = RasterTarget::Within(max_error);
            let Some(found) = self.raster(RasterWay {
                target: within,
                ..way
            })?
            else {
                break;
            };
            let above = found.comparison.psnr_db - target;
            if above >= 0.0 {
                meets = max_error;
                best = self.shorter(best, Some(found));
            } else {
                fails = max_error;
            }
            if (0.0..=CLOSE).contains(&above) {
                break;
            }
            let next = max_error * 10f64.powf((above - MARGIN).min(STRIDE) / 20.0);
            // Errors of few values do not grow evenly.
            max_error = if meets < next && next < fails {
                next
            } else {
                (meets * fails).sqrt()
            };
        }
        Ok(best)
    }
}
