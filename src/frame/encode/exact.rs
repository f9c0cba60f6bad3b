//! A field as it is: by a palette of its values where there are few, by slots, or packed.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::Region;
use crate::frame::encode::FrameEncoder;
use crate::frame::encode::weigh::RasterWay;
use crate::frame::encoded::EncodedFrame;
use crate::frame::lossless;
use crate::frame::lossless::Lengths;
use crate::frame::raster::candidates::{
    BoxedField, ExactWays, Ranked, USUAL, Weighed, boxes, payload_bytes,
};
use crate::frame::raster::encode::{Predictors, RasterField, RasterTarget};
use crate::frame::raster::palette::ValuePalette;
use crate::options::{FormChoice, Observer};

/// Hardly a field takes less than this fraction of its raw bytes as it is; a look at some of it would cost more than it tells.
const LOSSLESS_SHARE: f64 = 0.05;
/// What boxes of the field promise may be so many times more than the best, or than a lossy form takes, and is tried still.
const LOSSLESS_NEAR: f64 = 1.1;
/// Slots hardly save more than this factor beside packing: coding boxes in them would tell what is known.
const SLOTS_SAVE: f64 = 2.0;
/// Bounds below so many steps between the largest values of a field leave next to nothing to lose.
const FINE_STEPS: f64 = 2.0;

impl<E: Element> FrameEncoder<'_, E> {
    /// The field as it is, in the smallest of the forms that keep all of it.
    pub(super) fn lossless(&self, lengths: Lengths) -> Result<EncodedFrame> {
        self.lossless_near(f64::INFINITY, lengths)
    }

    /// The same; forms that promise to take much more than `rival` bytes are not tried, but for packing.
    fn lossless_near(&self, rival: f64, lengths: Lengths) -> Result<EncodedFrame> {
        let ways = self.exact_ways()?;
        let rasters = [
            (ways.ranks).map(|found| (RasterTarget::Ranks(found.palette), found.way)),
            ways.slots.map(|way| (self.exact_target(), way)),
        ];
        let rasters = rasters.into_iter().flatten();
        let near = LOSSLESS_NEAR * ways.least().min(rival);
        let is_chosen = self.options.coding.form == FormChoice::Raster;
        let mut found = None;
        for (target, way) in rasters.filter(|(_, way)| is_chosen || way.bytes <= near) {
            let predictors = way.predictors;
            let encoded = self.raster(RasterWay { target, predictors })?;
            found = self.shorter(found, encoded);
        }
        self.tell(&format!("lossless: {ways}"));
        let Some(raster) = found else {
            return self.packed(lengths);
        };
        // What lies around bricks tells in fields that are no more than a sample.
        let is_large = boxes(&self.original, USUAL).is_some();
        if is_chosen || ways.packed > near && is_large {
            return Ok(raster);
        }
        let packed = self.packed(Lengths::Wanted)?;
        let (a, b) = (self.file_bytes(&raster), self.file_bytes(&packed));
        self.tell(&format!("lossless: {a} bytes in raster order, {b} packed"));
        Ok(if a < b { raster } else { packed })
    }

    fn packed(&self, lengths: Lengths) -> Result<EncodedFrame> {
        let (bound, range) = (self.options.bound, self.normalisation.range);
        let memory = self.options.resources.memory;
        lossless::encode(&self.original, bound, range, memory, lengths)
    }

    pub(super) fn smaller_of_lossless_and(&self, lossy: EncodedFrame) -> Result<EncodedFrame> {
        let bytes = self.file_bytes(&lossy);
        if self.tries_lossless(bytes as f64)? {
            let lossless = self.lossless_near(bytes as f64, Lengths::Wanted)?;
            if self.file_bytes(&lossless) < bytes {
                return Ok(lossless);
            }
        }
        Ok(lossy)
    }

    /// Whether the field as it is may be shorter than a lossy frame of so many bytes.
    fn tries_lossless(&self, bytes: f64) -> Result<bool> {
        let share = bytes / self.original.raw_bytes();
        if share > self.options.coding.effort.plan().lossless_above || self.has_fine_bound() {
            return Ok(true);
        }
        let near = LOSSLESS_NEAR * bytes;
        // Few values are worth a look at any size.
        let by_ranks = self.ranked()?.is_some_and(|found| found.way.bytes < near);
        let is_hopeful = || share > LOSSLESS_SHARE && self.packed_bytes() < SLOTS_SAVE * near;
        Ok(by_ranks || is_hopeful() && self.exact_ways()?.least() < near)
    }

    /// Whether the bound is about what rounding takes of the largest values.
    fn has_fine_bound(&self) -> bool {
        let (min, max) = self.normalisation.bounds();
        let largest = min.abs().max(max.abs());
        let step = if E::DTYPE.is_integer() {
            1.0
        } else {
            largest * 2f64.powi(-(E::DTYPE.mantissa_bits() as i32))
        };
        (self.goal.max_error()).is_some_and(|max_error| max_error < FINE_STEPS * step)
    }

    /// What the field takes as it is in each way, by boxes of it.
    fn exact_ways(&self) -> Result<ExactWays<'_>> {
        Ok(ExactWays {
            ranks: self.ranked()?,
            slots: self.slots()?,
            packed: self.packed_bytes(),
        })
    }

    /// What it takes packed; looked for once.
    fn packed_bytes(&self) -> f64 {
        let estimated = || lossless::estimated_bytes(self.original.values);
        *self.packed_bytes.get_or_init(estimated)
    }

    /// What it takes by slots; looked for once.
    fn slots(&self) -> Result<Option<Weighed>> {
        if let Some(found) = self.slots.get() {
            return Ok(*found);
        }
        let mut found = None;
        if self.keeps_bits {
            found = self.weigh(self.exact_target())?;
        }
        Ok(*self.slots.get_or_init(|| found))
    }

    /// How values are coded as they are where there is no palette: integers lie a step apart, floats in slots.
    fn exact_target(&self) -> RasterTarget<'static> {
        if E::DTYPE.is_integer() {
            RasterTarget::Within(0.0)
        } else {
            RasterTarget::Slots
        }
    }

    /// The palette of the field, if it has few values; looked for once.
    pub(super) fn palette(&self) -> Option<&ValuePalette> {
        let found = || ValuePalette::find(&self.original);
        self.palette.get_or_init(found).as_ref()
    }

    /// What it takes by ranks in that palette; looked for once.
    fn ranked(&self) -> Result<Option<Ranked<'_>>> {
        let Some(palette) = self.palette().filter(|_| self.keeps_bits) else {
            return Ok(None);
        };
        let way = match self.ranks.get() {
            Some(found) => *found,
            None => {
                let found = self.weigh(RasterTarget::Ranks(palette))?;
                *self.ranks.get_or_init(|| found)
            }
        };
        Ok(way.map(|way| Ranked { palette, way }))
    }

    /// Codes boxes of the field; `None` where all of it would take more memory than there is, which packing does not.
    fn weigh(&self, target: RasterTarget<'_>) -> Result<Option<Weighed>> {
        if self
            .raster_field(target)
            .check_memory(self.options)
            .is_err()
        {
            return Ok(None);
        }
        let whole = self.original.shape.region();
        let boxes = boxes(&self.original, USUAL).unwrap_or_else(|| vec![whole]);
        let mut options = self.options.clone();
        options.observer = Observer::default();
        options.resources.memory = None;
        options.resources.scratch = None;
        let mut best = (Predictors::Blend, usize::MAX);
        for predictors in Predictors::ALL {
            let mut sum = 0;
            for &region in &boxes {
                let held = BoxedField::cut(&self.original, region);
                let field = RasterField {
                    original: held.original(&options.observer),
                    ..self.raster_field(target)
                };
                let encoded = field.encode(&options, predictors)?;
                let raw = size_of_val(field.original.values);
                sum += encoded.map_or(raw, |mut encoded| {
                    // The palette is that of all boxes.
                    encoded.tree = None;
                    payload_bytes(&encoded)
                });
            }
            if sum < best.1 {
                best = (predictors, sum);
            }
        }
        let voxels: usize = boxes.iter().map(Region::len).sum();
        let share = whole.len() as f64 / voxels as f64;
        let palette = target.palette().map_or(0, |all| all.to_payload().len());
        Ok(Some(Weighed {
            predictors: best.0,
            bytes: best.1 as f64 * share + palette as f64,
        }))
    }
}
