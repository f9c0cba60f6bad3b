//! A field to a frame of the raster form.

use std::path::Path;
use std::time::Instant;

use crate::base::dtype::{Dtype, Element};
use crate::base::error::Result;
use crate::base::grid::{Region, Shape};
use crate::base::real::Real;
use crate::codec::raster::{
    Demand, LinearCoefficients, Quantum, Slots, WHOLE_STEP, encode, encode_exact, neighbours,
};
use crate::container::{Bound, Form, RasterForm, RasterSteps};
use crate::frame::coded::CodedBricks;
use crate::frame::encoded::{BrickChunks, EncodedFrame, Verification};
use crate::frame::original::Original;
use crate::frame::queue::in_order;
use crate::frame::raster::coarse_palette::CoarsePalette;
use crate::frame::raster::palette::ValuePalette;
use crate::frame::raster::stored::RasterBricks;
use crate::frame::sample::Normalisation;
use crate::metrics::{Comparer, Comparison};
use crate::options::EncodeOptions;
use crate::recon::{LINE_BRICK_EDGE, check_brick_edge};

/// Voxels, about, that are compared at a time.
const AT_ONCE: usize = 1 << 23;
/// Bytes, about, that a voxel of a brick takes while that is coded and decoded.
const BRICK_BYTES: u64 = 32;
/// The part of the memory to aim at for bricks that are coded at a time, and for the decoded values beside them.
const SHARE: u64 = 4;

/// In the working precision steps are for bounds of so many times what is rounded on the way.
const ROUNDING: f64 = 4.0;
/// The same of binary32, beside which there is binary64: a step loses no more than a sixteenth to rounding.
const ROUNDING_F32: f64 = 16.0;
/// Bounds of so many units in the last place lose little where one of them is lost.
const UNITS: f64 = 8.0;

/// What is less than a half away from an integer is rounded to that, and half a unit of binary32 more is not yet a half.
const HALF: f64 = 0.499;

/// So many times the field must fit the memory to aim at for its coded bricks to be held.
const HELD_SHARE: f64 = 4.0;

/// A field that is to be coded within a bound on the error of every voxel, or as it is.
#[derive(Clone, Copy)]
pub(crate) struct RasterField<'a, E: Element> {
    pub(crate) original: Original<'a, E>,
    pub(crate) normalisation: Normalisation<E::Work>,
    pub(crate) target: RasterTarget<'a>,
}

/// How close values are to come back.
#[derive(Clone, Copy)]
pub(crate) enum RasterTarget<'a> {
    /// No further off than this.
    Within(f64),
    /// As they are, by their ranks among all that occur.
    Ranks(&'a ValuePalette),
    /// Those that stand for them, by their ranks.
    Coarse(&'a CoarsePalette),
    /// As they are, by the slots that they are in.
    Slots,
}

impl<'a> RasterTarget<'a> {
    /// The palette that it goes by.
    pub(crate) fn palette(self) -> Option<&'a ValuePalette> {
        match self {
            Self::Ranks(palette) => Some(palette),
            Self::Coarse(coarse) => Some(&coarse.palette),
            Self::Within(_) | Self::Slots => None,
        }
    }
}

/// Which sub-predictors a frame has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predictors {
    /// All, blended.
    Blend,
    /// Medians alone.
    Median,
}

impl<E: Element> RasterField<'_, E> {
    /// The largest error that is allowed.
    fn max_error(&self) -> f64 {
        match self.target {
            RasterTarget::Within(max_error) => max_error,
            RasterTarget::Coarse(coarse) => coarse.max_error,
            RasterTarget::Ranks(_) | RasterTarget::Slots => 0.0,
        }
    }

    /// The largest error of what is coded: integers are rounded after it.
    fn coded_error(&self) -> f64 {
        if E::DTYPE.is_integer() {
            self.max_error().floor() + HALF
        } else {
            self.max_error()
        }
    }

    /// What the places of voxels count: steps by which all but a few voxels keep the bound, where there is one. `None` where
    /// rounding alone would use up a good part of it, or the steps are too many.
    pub(crate) fn steps(&self) -> Option<RasterSteps> {
        match self.target {
            RasterTarget::Ranks(palette) | RasterTarget::Coarse(CoarsePalette { palette, .. }) => {
                Some(RasterSteps::Palette(palette.len() as u32))
            }
            RasterTarget::Slots => Some(RasterSteps::Exact(self.unused_bits())),
            RasterTarget::Within(_) => self.even_step().map(RasterSteps::Even).or_else(|| {
                let is_binary32 = E::DTYPE == Dtype::F32;
                let step = is_binary32.then(|| self.fine_step()).flatten();
                step.map(RasterSteps::Fine)
            }),
        }
    }

    /// The step in the working precision, with room for what is rounded on the way.
    fn even_step(&self) -> Option<f64> {
        let mut max_error = self.max_error();
        let (min, max) = self.normalisation.bounds();
        if E::DTYPE.is_integer() {
            if max_error < 1.0 {
                let quantum = Quantum::<E::Work>::of_integers((min, max));
                return quantum.map(|_| WHOLE_STEP);
            }
            max_error = self.coded_error();
        }
        let largest = min.abs().max(max.abs());
        let work = match E::DTYPE.working() {
            Dtype::F64 => 2f64.powi(-53),
            _ => 2f64.powi(-24),
        };
        let (sample, least) = match E::DTYPE {
            Dtype::F16 => (largest * 2f64.powi(-11) + 2f64.powi(-25), ROUNDING),
            Dtype::F32 => (0.0, ROUNDING_F32),
            _ => (0.0, ROUNDING),
        };
        let rounding = work * (4.0 * (max - min) + 2.0 * largest) + sample;
        let is_above = max_error >= least * rounding;
        let step = 2.0 * (max_error - rounding) * (1.0 - 2f64.powi(-20));
        let step = E::Work::from_f64(step).to_f64();
        let is_usable = is_above && Quantum::<E::Work>::new(step, (min, max)).is_some();
        is_usable.then_some(step)
    }

    /// The step of binary32 values in binary64. Half of it is as far as a place is off before it is rounded to a value, which
    /// for an original of that type goes at most to the next of its kind: bounds between two of them are not used up.
    fn fine_step(&self) -> Option<f64> {
        let max_error = self.max_error();
        let (min, max) = self.normalisation.bounds();
        let largest = min.abs().max(max.abs()) as f32;
        let before = f32::from_bits(largest.to_bits().saturating_sub(1));
        let mut unit = f64::from(largest) - f64::from(before);
        let mut half = max_error;
        while unit * UNITS > max_error && unit > 0.0 {
            half = half.min(((max_error / unit).floor() + 0.5) * unit);
            unit /= 2.0;
        }
        let step = f64::from((2.0 * half * (1.0 - 2f64.powi(-20))) as f32);
        let is_usable = Quantum::<f64>::new(step, (min, max)).is_some();
        is_usable.then_some(step)
    }

    /// Low bits that are 0 in all ordinary values, and in the ends of the range: what stands for masked voxels lies there.
    fn unused_bits(&self) -> u8 {
        let Original {
            values, ordinary, ..
        } = self.original;
        let counts = |at: usize| ordinary.is_none_or(|ordinary| ordinary[at]);
        let counted = values.iter().enumerate().filter(|(at, _)| counts(*at));
        let (min, max) = self.normalisation.bounds();
        let ends = [min, max].map(E::from_f64).into_iter();
        Slots::unused_bits(counted.map(|(_, value)| *value).chain(ends)) as u8
    }

    /// The record of a frame with such `steps`.
    fn form(
        &self,
        options: &EncodeOptions,
        predictors: Predictors,
        steps: RasterSteps,
    ) -> RasterForm {
        let shape = self.original.shape;
        let coefficients = match predictors {
            Predictors::Blend if shape.rank() == 1 => Vec::new(),
            Predictors::Blend => self.fit(steps).0[..neighbours(shape.rank())].to_vec(),
            Predictors::Median => Vec::new(),
        };
        RasterForm {
            brick_edge: edge(shape, options),
            steps,
            coefficients,
        }
    }

    fn fit(&self, steps: RasterSteps) -> LinearCoefficients {
        let Original {
            shape,
            values,
            ordinary,
            ..
        } = self.original;
        let (least, largest) = self.normalisation.bounds();
        let slots = Slots::<E>::new(0, (least, largest));
        LinearCoefficients::fit(shape.dims(), shape.rank(), |at| {
            let is_ordinary = ordinary.is_none_or(|ordinary| ordinary[at]);
            is_ordinary.then(|| match (steps, self.target.palette()) {
                (_, Some(palette)) => palette.rank(values[at]),
                (RasterSteps::Even(step) | RasterSteps::Fine(step), _) => {
                    (values[at].to_f64() - least) / step
                }
                _ => slots.map_or(0.0, |slots| slots.place(values[at]).to_f64()),
            })
        })
    }

    /// Refuses a field of which a brick for each thread and the decoded values of one layer of bricks take more than there may be.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(crate) fn check_memory(&self, options: &EncodeOptions) -> Result<()> {
        let shape = self.original.shape;
        let edge = edge(shape, options) as usize;
        let brick: usize = shape.dims().map(|n| n.min(edge)).iter().product();
        let layer = shape.region().slabs(edge).next();
        let layer = layer.map_or(0, |layer| layer.len() * size_of::<E>());
        let needed = (rayon::current_num_threads() * brick) as u64 * BRICK_BYTES + layer as u64;
        let why = "layers of bricks in the raster form";
        options.resources.check_memory(needed, why, None)
    }

    /// Codes the bricks of a frame in their order, and measures what readers will decode.
    ///
    /// # Errors
    /// `InvalidArgument` for an edge of bricks that is none; those of the comparison.
    pub(crate) fn encode(
        &self,
        options: &EncodeOptions,
        predictors: Predictors,
    ) -> Result<Option<EncodedFrame>> {
        let Some(steps) = self.steps() else {
            return Ok(None);
        };
        let form = self.form(options, predictors, steps);
        check_brick_edge(form.brick_edge)?;
        let (shape, range) = (self.original.shape, self.normalisation.range);
        let tree = self.target.palette().map(ValuePalette::to_payload);
        let bricks = RasterBricks::new(shape, &form, self.normalisation.bounds())?
            .with_palette(tree.as_deref(), E::DTYPE)?;
        self.check_memory(options)?;
        let mut coded = CodedBricks::new(self.scratch(options))?;
        let verification = self.code(&bricks, options, &mut coded)?;
        coded.sort();
        let mut encoded = EncodedFrame::new(
            &self.original,
            options.bound,
            range,
            verification,
            Form::Raster(form),
        );
        encoded.tree = tree;
        encoded.bricks = BrickChunks::Coded(coded);
        // A voxel that steps do not reach is stored as it is: this is the last word on the bound.
        let keeps = verification.comparison.max_abs_error <= self.max_error();
        Ok(keeps.then_some(encoded))
    }

    /// Where coded bricks go to, if they are too many for memory: they are as long as the field at worst.
    fn scratch<'o>(&self, options: &'o EncodeOptions) -> Option<&'o Path> {
        let resources = &options.resources;
        let fits = |memory: u64| self.original.raw_bytes() <= memory as f64 / HELD_SHARE;
        let folder = resources.scratch.as_deref();
        folder.filter(|_| !resources.memory.is_none_or(fits))
    }

    /// Codes all bricks, some layers of them at a time, into `coded`; decodes each and compares.
    fn code(
        &self,
        bricks: &RasterBricks,
        options: &EncodeOptions,
        coded: &mut CodedBricks,
    ) -> Result<Verification> {
        let whole = self.original.shape.region();
        let bounds = self.normalisation.bounds();
        let mut comparer = Comparer::new(self.original.values, self.original.ordinary, bounds)?;
        let keeps_decoded =
            options.observer.measure_ssim || matches!(options.bound, Bound::Ssim(_));
        let (mut decoded, mut seconds, mut done) = (Vec::new(), 0.0, 0);
        let memory = options.resources.memory;
        let at_once = bricks.at_once(memory);
        for layer in whole.slabs(bricks.planes_at_once(voxels_at_once::<E>(memory))) {
            let mut values = vec![E::default(); layer.len()];
            let mut numbers = bricks.touching(layer).peekable();
            while numbers.peek().is_some() {
                let some: Vec<u32> = numbers.by_ref().take(at_once).collect();
                self.code_some(bricks, some, coded, (layer, &mut values))?;
            }
            let started = Instant::now();
            comparer.push(&values)?;
            self.original
                .observer
                .values_read(done..done + values.len());
            done += values.len();
            if keeps_decoded {
                decoded.extend(values);
            }
            seconds += started.elapsed().as_secs_f64();
        }
        let comparison: Comparison = self.normalisation.relate_to_range(comparer.finish()?);
        let ssim = keeps_decoded
            .then(|| self.original.ssim(&decoded))
            .transpose()?;
        Ok(Verification {
            comparison,
            ssim,
            seconds,
        })
    }

    /// Codes the bricks `numbers` into `coded` and decodes them again, into the values of a layer.
    fn code_some(
        &self,
        bricks: &RasterBricks,
        numbers: Vec<u32>,
        coded: &mut CodedBricks,
        (layer, values): (Region, &mut [E]),
    ) -> Result<()> {
        let results = in_order(numbers.into_iter(), |number| -> Result<_> {
            let region = bricks.region(number);
            let payload = self.code_brick(bricks, region)?;
            let own = bricks.decode_brick::<E>(number, &payload)?;
            Ok((number, payload, region, own))
        });
        let mut payloads = Vec::new();
        for result in results {
            let (number, payload, region, own) = result?;
            layer.for_each_row(&region, &region, |to, from, len| {
                values[to..to + len].copy_from_slice(&own[from..from + len]);
            });
            payloads.push((number, payload));
        }
        coded.take(payloads)
    }

    /// The bytes of a brick.
    fn code_brick(&self, bricks: &RasterBricks, region: Region) -> Result<Vec<u8>> {
        let whole = self.original.shape.region();
        let values = whole.crop(self.original.values, &region);
        let ordinary = self.original.ordinary.map(|all| whole.crop(all, &region));
        let (rank, prediction) = (self.original.shape.rank(), bricks.prediction());
        if let Some(palette) = bricks.palette() {
            let demand = Demand {
                values: &palette.ranks(&values),
                ordinary: ordinary.as_deref(),
                max_error: 0.0,
            };
            let quantum = palette.quantum();
            return Ok(encode(region.size, rank, prediction, &quantum, demand));
        }
        let coded = E::to_coded(values);
        let demand = Demand {
            values: &coded,
            ordinary: ordinary.as_deref(),
            max_error: self.coded_error(),
        };
        if let Some(slots) = bricks.slots() {
            return Ok(encode_exact(region.size, rank, prediction, &slots, demand));
        }
        Ok(if bricks.is_fine() {
            let quantum = bricks.quantum::<E, f64>()?;
            encode(region.size, rank, prediction, &quantum, demand)
        } else {
            let quantum = bricks.quantum::<E, E::Work>()?;
            encode(region.size, rank, prediction, &quantum, demand)
        })
    }
}

impl RasterBricks {
    /// Planes along the slowest axis in the layers of whole bricks that have `voxels` voxels, about.
    fn planes_at_once(&self, voxels: usize) -> usize {
        let (whole, edge) = (self.shape().region(), self.edge());
        (whole.planes_of(voxels) / edge).max(1) * edge
    }

    /// Bricks that are coded at a time: as many as fit into the memory to aim at, and one for each thread.
    fn at_once(&self, memory: Option<u64>) -> usize {
        let brick = BRICK_BYTES * self.region(0).len() as u64;
        let fitting = memory.map_or(u64::MAX, |memory| memory / SHARE / brick);
        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
        fitting.max(rayon::current_num_threads())
    }
}

/// Voxels of the layers in which decoded values of type `E` are compared.
fn voxels_at_once<E>(memory: Option<u64>) -> usize {
    let fitting = memory.map_or(u64::MAX, |memory| memory / SHARE / size_of::<E>() as u64);
    usize::try_from(fitting).unwrap_or(usize::MAX).min(AT_ONCE)
}

/// Edge of a brick in voxels, as asked for, or by rank: larger bricks are a little smaller in all, smaller ones occupy more threads.
fn edge(shape: Shape, options: &EncodeOptions) -> u32 {
    let default = match shape.rank() {
        1 => LINE_BRICK_EDGE,
        2 => 256,
        _ => 64,
    };
    options.coding.brick_edge.unwrap_or(default)
}

impl Predictors {
    /// In the order of preference.
    pub(crate) const ALL: [Self; 2] = [Self::Blend, Self::Median];

    /// In messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blend => "raster",
            Self::Median => "raster by medians",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::ErrorKind;
    use crate::frame::original::tests::original;

    #[test]
    fn a_field_of_large_planes_is_refused_where_a_layer_of_bricks_does_not_fit() {
        let shape = Shape::new(&[64, 512, 600]).unwrap();
        let values = vec![0f32; shape.len()];
        let field = RasterField {
            original: original(shape, &values, None),
            normalisation: Normalisation {
                offset: 0.0,
                scale: 1.0,
                range: (0.0, 1.0),
            },
            target: RasterTarget::Within(0.1),
        };
        let mut options = EncodeOptions::new(Bound::MaxError(0.1));
        let refused = |options: &EncodeOptions| field.check_memory(options).map_err(|e| e.kind());
        assert_eq!(refused(&options), Ok(()));
        options.resources.memory_limit = Some(70 << 20);
        assert_eq!(refused(&options), Err(ErrorKind::LimitExceeded));
        options.resources.memory_limit = Some(1 << 30);
        assert_eq!(refused(&options), Ok(()));
    }
}
