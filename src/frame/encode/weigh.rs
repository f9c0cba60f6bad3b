//! What boxes of a field take in each form: by these few voxels it is told which form the field has.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::{Axes, Region};
use crate::container::Bound;
use crate::frame::box_edges::BoxEdges;
use crate::frame::encode::FrameEncoder;
use crate::frame::encode::plan::{BOX_VOXELS, EDGES};
use crate::frame::encoded::EncodedFrame;
use crate::frame::networks::PricedNetworks;
use crate::frame::raster::candidates::{BoxedField, GLANCE, USUAL, boxes, payload_bytes};
use crate::frame::raster::coarse_palette::CoarsePalette;
use crate::frame::raster::encode::{Predictors, RasterField, RasterTarget};
use crate::frame::sample::Normalisation;
use crate::options::{EncodeOptions, Observer, Periodic};
use crate::transform::AxisPlan;

/// Voxels for which the wavelet form takes a byte less in a field than in boxes of it, by a look at eighteen fields.
const WAVELET_SAVES_BYTE_IN: usize = 80;

/// Voxels of a box that has all of the slowest axis, where it is for a glance.
const GLANCE_VOXELS: usize = 1 << 14;
const GLANCE_EDGES: [usize; 4] = [16, 24, 32, 40];

/// A way in which the raster form codes a field.
#[derive(Clone, Copy)]
pub(super) struct RasterWay<'p> {
    pub(super) target: RasterTarget<'p>,
    pub(super) predictors: Predictors,
}

impl<'p> RasterWay<'p> {
    /// In the order of preference: steps of even size for a bound, and values that stand for others.
    pub(super) fn all(max_error: f64, coarse: Option<&'p CoarsePalette>) -> Vec<Self> {
        Self::by(&Predictors::ALL, max_error, coarse)
    }

    /// The same by some predictors.
    pub(super) fn by(
        some: &[Predictors],
        max_error: f64,
        coarse: Option<&'p CoarsePalette>,
    ) -> Vec<Self> {
        let even = RasterTarget::Within(max_error);
        let targets = [Some(even), coarse.map(RasterTarget::Coarse)];
        let of_target = |target| {
            let way = move |predictors: &Predictors| Self {
                target,
                predictors: *predictors,
            };
            some.iter().map(way)
        };
        targets.into_iter().flatten().flat_map(of_target).collect()
    }

    /// In messages.
    pub(super) fn name(&self) -> String {
        let values = self.target.palette().map(|all| all.len());
        let among = values.map_or(String::new(), |n| format!(" among {n} values"));
        format!("{}{among}", self.predictors.name())
    }
}

/// What boxes of a field take in the raster form.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RasterBytes {
    pub(super) bytes: usize,
    /// The sum of squared errors, in the field's unit.
    pub(super) squared_error: f64,
}

/// What boxes of a field take in each form.
pub(super) struct BoxBytes {
    pub(super) wavelet: usize,
    /// In each way that was asked for.
    pub(super) raster: Vec<RasterBytes>,
}

impl BoxBytes {
    /// The way that takes fewest bytes, and these.
    pub(super) fn best_raster<'p>(&self, ways: &[RasterWay<'p>]) -> Option<(RasterWay<'p>, usize)> {
        let found = ways.iter().zip(&self.raster);
        let best = found.min_by_key(|(_, found)| found.bytes);
        best.map(|(way, found)| (*way, found.bytes))
    }

    /// All of them, in messages.
    pub(super) fn told(&self, ways: &[RasterWay<'_>]) -> String {
        let each = ways.iter().zip(&self.raster);
        let each = each.map(|(way, found)| format!("{} as {}", found.bytes, way.name()));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// What the wavelet form may save beside `wavelet` bytes of boxes in the whole field: its levels reach over the borders of the
/// boxes, and networks do better away from them. Boxes that have all planes have fewer borders, and no networks.
pub(super) fn wavelet_saves(wavelet: usize, boxes: &[Region], plan: AxisPlan) -> usize {
    let voxels: usize = boxes.iter().map(Region::len).sum();
    let saves = (voxels / WAVELET_SAVES_BYTE_IN).min(wavelet / 10);
    if plan.splits_slowest() {
        saves
    } else {
        saves / 2
    }
}

impl<E: Element> FrameEncoder<'_, E> {
    /// The boxes that stand for the field, with all of the slowest axis where that is not halved; `None` for a field that is
    /// hardly larger than they.
    pub(super) fn boxes(&self) -> Option<Vec<Region>> {
        self.boxes_of(USUAL, BOX_VOXELS, &EDGES)
    }

    /// Boxes of the field of such edges, or of about so many voxels where they have all of the slowest axis, with planes of
    /// one of `edges`.
    fn boxes_of(&self, usual: BoxEdges, voxels: usize, edges: &[usize]) -> Option<Vec<Region>> {
        if self.options.coding.axis_plan().splits_slowest() {
            return boxes(&self.original, usual);
        }
        Some(self.columns(voxels, edges)).filter(|boxes| boxes.len() > 1)
    }

    /// Boxes of the field that tell what is worth a closer look.
    pub(super) fn glance(&self) -> Option<Vec<Region>> {
        self.boxes_of(GLANCE, GLANCE_VOXELS, &GLANCE_EDGES)
    }

    /// The field, coded in a way.
    pub(super) fn raster_field<'p>(&'p self, target: RasterTarget<'p>) -> RasterField<'p, E> {
        RasterField {
            original: self.original,
            normalisation: self.normalisation,
            target,
        }
    }

    /// The frame in the smallest of some ways; which that is is tried on the whole field where that is small, else on boxes.
    pub(super) fn best_raster(
        &self,
        max_error: f64,
        ways: &[RasterWay<'_>],
    ) -> Result<Option<EncodedFrame>> {
        let sample = match self.boxes() {
            Some(boxes) => self.in_boxes(&boxes, max_error, ways, |_, _| Ok(0))?,
            None => None,
        };
        if let Some((way, _)) = sample.and_then(|bytes| bytes.best_raster(ways)) {
            return self.raster(way);
        }
        let mut best = None;
        for way in ways {
            best = self.shorter(best, self.raster(*way)?);
        }
        Ok(best)
    }

    /// The shorter of two frames, the first of equals.
    pub(super) fn shorter(
        &self,
        first: Option<EncodedFrame>,
        second: Option<EncodedFrame>,
    ) -> Option<EncodedFrame> {
        match (first, second) {
            (Some(a), Some(b)) if self.file_bytes(&a) <= self.file_bytes(&b) => Some(a),
            (a, b) => b.or(a),
        }
    }

    /// The frame, coded in a way; `None` where that keeps no bound.
    pub(super) fn raster(&self, way: RasterWay<'_>) -> Result<Option<EncodedFrame>> {
        let field = self.raster_field(way.target);
        field.encode(self.options, way.predictors)
    }

    /// What boxes take in each form and way, `wavelet` says what in that; `None` where all are constant.
    pub(super) fn in_boxes(
        &self,
        boxes: &[Region],
        max_error: f64,
        ways: &[RasterWay<'_>],
        wavelet: impl Fn(&RasterField<'_, E>, &EncodeOptions) -> Result<usize>,
    ) -> Result<Option<BoxBytes>> {
        let options = alone(self.options, Bound::MaxError(max_error));
        let mut sum = None;
        for &region in boxes {
            let held = BoxedField::cut(&self.original, region);
            let original = held.original(&options.observer);
            let normalisation =
                Normalisation::measure(original.values, original.ordinary, original.observer);
            let Some(normalisation) = normalisation.filter(|n| n.range.0 != n.range.1) else {
                continue;
            };
            let sum: &mut BoxBytes = sum.get_or_insert_with(|| BoxBytes {
                wavelet: 0,
                raster: vec![RasterBytes::default(); ways.len()],
            });
            let mut field = RasterField {
                original,
                normalisation,
                target: RasterTarget::Within(max_error),
            };
            sum.wavelet += wavelet(&field, &options)?;
            for (sum, way) in sum.raster.iter_mut().zip(ways) {
                field.target = way.target;
                let found = raster_bytes(&field, &options, way.predictors)?;
                sum.bytes += found.bytes;
                sum.squared_error += found.squared_error;
            }
        }
        let voxels: usize = boxes.iter().map(Region::len).sum();
        let share = voxels as f64 / self.original.shape.len() as f64;
        if let Some(sum) = &mut sum {
            for (sum, way) in sum.raster.iter_mut().zip(ways) {
                let palette = way.target.palette().map_or(0, |all| all.to_payload().len());
                sum.bytes += (palette as f64 * share) as usize;
            }
        }
        Ok(sum)
    }
}

/// Options for a box that nobody is told of.
fn alone(options: &EncodeOptions, bound: Bound) -> EncodeOptions {
    let mut options = options.clone();
    options.bound = bound;
    options.observer = Observer::default();
    options.coding.periodic = Periodic::Given(Axes::NONE);
    options.resources.memory = None;
    options.resources.scratch = None;
    options
}

/// What a box takes in the raster form, but for a palette, which is that of the field.
fn raster_bytes<E: Element>(
    field: &RasterField<'_, E>,
    options: &EncodeOptions,
    predictors: Predictors,
) -> Result<RasterBytes> {
    let Some(mut encoded) = field.encode(options, predictors)? else {
        return Ok(RasterBytes {
            bytes: raw_bytes(field),
            squared_error: 0.0,
        });
    };
    encoded.tree = None;
    let comparison = &encoded.comparison;
    Ok(RasterBytes {
        bytes: payload_bytes(&encoded),
        squared_error: comparison.rmse.powi(2) * comparison.compared as f64,
    })
}

/// What a box takes in the wavelet form, with networks where they may pay.
pub(super) fn wavelet_bytes<E: Element>(
    field: &RasterField<'_, E>,
    options: &EncodeOptions,
    networks: Option<PricedNetworks<'_>>,
) -> Result<usize> {
    let (original, normalisation) = (field.original, field.normalisation);
    let encoder = FrameEncoder::new(original, normalisation, options, networks, true);
    let encoded = encoder.wavelet()?;
    Ok(encoded.map_or(raw_bytes(field), |encoded| payload_bytes(&encoded)))
}

/// A form that cannot keep the bound takes as much as the values themselves.
fn raw_bytes<E: Element>(field: &RasterField<'_, E>) -> usize {
    size_of_val(field.original.values)
}
