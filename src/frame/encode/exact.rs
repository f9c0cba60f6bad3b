//! A field as it is: by a palette of its values where there are few, else packed.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::Region;
use crate::frame::encode::FrameEncoder;
use crate::frame::encoded::EncodedFrame;
use crate::frame::lossless;
use crate::frame::lossless::Lengths;
use crate::frame::raster::candidates::{BoxedField, Paletted, boxes};
use crate::frame::raster::encode::{Predictors, RasterField};
use crate::frame::raster::palette::ValuePalette;
use crate::options::Observer;

/// Hardly a field takes less than this fraction of its raw bytes packed; a look at some of it would cost more than it tells.
const LOSSLESS_SHARE: f64 = 0.05;
/// Lossless coding is tried where a look at some of the field promises at most so many times the bytes of the lossy form.
const LOSSLESS_NEAR: f64 = 1.1;

impl<E: Element> FrameEncoder<'_, E> {
    /// The field as it is, in the smaller of the forms that keep all of it.
    pub(super) fn lossless(&self, lengths: Lengths) -> Result<EncodedFrame> {
        let Some(paletted) = self.paletted()? else {
            return self.packed(lengths);
        };
        let field = self.exact_field(&paletted.palette);
        let Some(raster) = field.encode(self.options, paletted.predictors)? else {
            return self.packed(lengths);
        };
        let packed = self.packed(Lengths::Wanted)?;
        let (a, b) = (self.file_bytes(&raster), self.file_bytes(&packed));
        self.tell(&format!(
            "lossless: {a} bytes by a palette of {} values, {b} packed",
            paletted.palette.len()
        ));
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
            let lossless = self.lossless(Lengths::Wanted)?;
            if self.file_bytes(&lossless) < bytes {
                return Ok(lossless);
            }
        }
        Ok(lossy)
    }

    /// Whether the field as it is may be shorter than a lossy frame of so many bytes.
    fn tries_lossless(&self, bytes: f64) -> Result<bool> {
        let share = bytes / self.original.raw_bytes();
        if share > self.options.coding.effort.plan().lossless_above {
            return Ok(true);
        }
        let by_palette = self.paletted()?.map_or(f64::INFINITY, |found| found.bytes);
        let near = LOSSLESS_NEAR * bytes;
        Ok(by_palette < near
            || share > LOSSLESS_SHARE && lossless::estimated_bytes(self.original.values) < near)
    }

    /// The palette of the field, if it has few values, looked for once.
    fn paletted(&self) -> Result<Option<&Paletted>> {
        if let Some(found) = self.paletted.get() {
            return Ok(found.as_ref());
        }
        let palette = if self.keeps_bits {
            ValuePalette::find(&self.original)
        } else {
            None
        };
        // What is packed takes less memory.
        let fits = |palette: &ValuePalette| {
            let field = self.exact_field(palette);
            field.check_memory(self.options).is_ok()
        };
        let palette = palette.filter(fits);
        let found = palette.map(|palette| self.weigh(palette)).transpose()?;
        Ok(self.paletted.get_or_init(|| found).as_ref())
    }

    /// Codes boxes of the field by its palette.
    fn weigh(&self, palette: ValuePalette) -> Result<Paletted> {
        let whole = self.original.shape.region();
        let boxes = boxes(&self.original).unwrap_or_else(|| vec![whole]);
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
                    ..self.exact_field(&palette)
                };
                let encoded = field.encode(&options, predictors)?;
                let lengths = encoded.map(|encoded| encoded.bricks.lengths());
                sum += lengths.map_or(size_of_val(field.original.values), |lengths| {
                    lengths.iter().sum::<usize>()
                });
            }
            if sum < best.1 {
                best = (predictors, sum);
            }
        }
        let voxels: usize = boxes.iter().map(Region::len).sum();
        let share = whole.len() as f64 / voxels as f64;
        let bytes = best.1 as f64 * share + palette.to_payload().len() as f64;
        Ok(Paletted {
            palette,
            predictors: best.0,
            bytes,
        })
    }

    /// What is coded by a palette.
    fn exact_field<'p>(&'p self, palette: &'p ValuePalette) -> RasterField<'p, E> {
        RasterField {
            original: self.original,
            normalisation: self.normalisation,
            max_error: 0.0,
            palette: Some(palette),
        }
    }
}
