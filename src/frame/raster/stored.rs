//! The bricks of a frame of the raster form: where they lie, and their values (spec section 4.11).

use crate::base::dtype::{Dtype, Element};
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::real::Real;
use crate::codec::raster;
use crate::codec::raster::{
    LinearCoefficients, NEIGHBOURS_3D, Quantum, RasterPrediction, Slots, WHOLE_STEP, neighbours,
};
use crate::container::{RasterForm, RasterSteps};
use crate::frame::bricks::FileBricks;
use crate::frame::queue::in_order;
use crate::frame::raster::palette::ValuePalette;
use crate::frame::wavelet::stored::BrickPayloads;

/// What a frame's record says of its bricks.
#[derive(Clone, Debug)]
pub struct RasterBricks {
    shape: Shape,
    edge: usize,
    /// Bricks along each axis.
    counts: [usize; 3],
    count: u32,
    prediction: RasterPrediction,
    steps: RasterSteps,
    palette: Option<ValuePalette>,
    range: (f64, f64),
}

impl RasterBricks {
    /// Those of a frame of `shape` with that record; `range` is that of its values.
    ///
    /// # Errors
    /// `Corrupt` when the coefficients are not those of the rank, or the steps are too many; `LimitExceeded` for more bricks
    /// than have numbers.
    pub fn new(shape: Shape, form: &RasterForm, range: (f64, f64)) -> Result<Self> {
        let expected = neighbours(shape.rank());
        let prediction = match form.coefficients.len() {
            0 => RasterPrediction::Median,
            found if found == expected => {
                let mut all = [0; NEIGHBOURS_3D];
                all[..found].copy_from_slice(&form.coefficients);
                RasterPrediction::Blend(LinearCoefficients(all))
            }
            found => {
                return Err(Error::corrupt(format!(
                    "{expected} coefficients expected in rank {}, {found} found",
                    shape.rank()
                )));
            }
        };
        let edge = form.brick_edge as usize;
        let counts = shape.dims().map(|n| n.div_ceil(edge));
        let count = u32::try_from(counts.iter().product::<usize>())
            .map_err(|_| Error::limit("fewer than 2^32 bricks expected"))?;
        Ok(Self {
            shape,
            edge,
            counts,
            count,
            prediction,
            steps: form.steps,
            palette: None,
            range,
        })
    }

    /// With the palette that a frame of this form has; `payload` is that of its chunk, if there is one.
    ///
    /// # Errors
    /// `Corrupt` when it is there and should not be, or should be and is not, or is none of values of type `dtype`.
    pub fn with_palette(self, payload: Option<&[u8]>, dtype: Dtype) -> Result<Self> {
        let palette = match (self.steps, payload) {
            (RasterSteps::Even(_) | RasterSteps::Fine(_) | RasterSteps::Exact(_), None) => None,
            (RasterSteps::Even(_) | RasterSteps::Fine(_) | RasterSteps::Exact(_), Some(_)) => {
                return Err(Error::corrupt("an octree in a frame of the raster form"));
            }
            (RasterSteps::Palette(_), None) => {
                return Err(Error::corrupt("the palette is missing"));
            }
            (RasterSteps::Palette(count), Some(payload)) => {
                Some(ValuePalette::parse(payload, count, dtype)?)
            }
        };
        Ok(Self { palette, ..self })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The box of brick number `number`.
    #[must_use]
    pub fn region(&self, number: u32) -> Region {
        let number = number as usize;
        let [_, ny, nx] = self.counts;
        let start = [number / nx / ny, number / nx % ny, number % nx].map(|c| c * self.edge);
        Region {
            start,
            size: [self.edge; 3],
        }
        .clipped(self.shape.dims())
    }

    /// The numbers of the bricks that have voxels of `region`, ascending.
    pub(super) fn touching(&self, region: Region) -> impl Iterator<Item = u32> + Send + use<> {
        let [_, ny, nx] = self.counts;
        let along = |axis: usize| {
            let end = region.end(axis).div_ceil(self.edge);
            region.start[axis] / self.edge..end.min(self.counts[axis])
        };
        let [z, y, x] = [along(0), along(1), along(2)];
        let rows = z.flat_map(move |z| y.clone().map(move |y| z * ny + y));
        rows.flat_map(move |row| x.clone().map(move |x| (row * nx + x) as u32))
    }

    /// Voxels of all these bricks.
    pub(crate) fn voxels(&self, region: Region) -> usize {
        let bricks = self
            .touching(region)
            .map(|number| self.region(number).len());
        bricks.fold(region.len(), usize::saturating_add)
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn edge(&self) -> usize {
        self.edge
    }

    pub(super) fn palette(&self) -> Option<&ValuePalette> {
        self.palette.as_ref()
    }

    pub(super) fn prediction(&self) -> RasterPrediction {
        self.prediction
    }

    /// Whether values are computed in binary64 whatever their type.
    pub(super) fn is_fine(&self) -> bool {
        matches!(self.steps, RasterSteps::Fine(_))
    }

    /// The steps of the field.
    ///
    /// # Errors
    /// `Corrupt` for a step that is too small for the range.
    pub(super) fn quantum<E: Element, T: Real>(&self) -> Result<Quantum<T>> {
        let quantum = match self.steps {
            RasterSteps::Even(step) if E::DTYPE.is_integer() && step == WHOLE_STEP => {
                Quantum::of_integers(self.range)
            }
            RasterSteps::Even(step) | RasterSteps::Fine(step) => Quantum::new(step, self.range),
            RasterSteps::Palette(_) | RasterSteps::Exact(_) => None,
        };
        quantum.ok_or_else(|| Error::corrupt("a range of up to 2^31 steps expected"))
    }

    /// The slots of values that are kept as they are; `None` where they are not.
    pub(super) fn slots<E: Element>(&self) -> Option<Slots<E>> {
        match self.steps {
            RasterSteps::Exact(unused) => Slots::new(unused.into(), self.range),
            RasterSteps::Even(_) | RasterSteps::Fine(_) | RasterSteps::Palette(_) => None,
        }
    }

    /// Decodes a brick.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn decode_brick<E: Element>(&self, number: u32, payload: &[u8]) -> Result<Vec<E>> {
        let (dims, rank) = (self.region(number).size, self.shape.rank());
        let within = |e: Error| e.within(format!("brick {number}"));
        if let Some(palette) = &self.palette {
            let quantum = palette.quantum();
            let ranks = raster::decode(dims, rank, self.prediction, &quantum, payload);
            return Ok(palette.values(&ranks.map_err(within)?));
        }
        let values = self.decode_coded::<E>(dims, payload).map_err(within)?;
        Ok(E::from_coded(values))
    }

    /// The values of a brick of extents `dims`, as they are coded.
    fn decode_coded<E: Element>(&self, dims: [usize; 3], payload: &[u8]) -> Result<Vec<E::Coded>> {
        let rank = self.shape.rank();
        if let Some(slots) = self.slots::<E::Coded>() {
            return raster::decode_exact(dims, rank, self.prediction, &slots, payload);
        }
        if self.is_fine() {
            let quantum = self.quantum::<E, f64>()?;
            return raster::decode(dims, rank, self.prediction, &quantum, payload);
        }
        let quantum = self.quantum::<E, E::Work>()?;
        raster::decode(dims, rank, self.prediction, &quantum, payload)
    }

    /// Decodes the box `region` from the bricks that it touches.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(crate) fn decode<E: Element>(
        &self,
        payloads: &FileBricks<'_>,
        region: Region,
    ) -> Result<Vec<E>> {
        payloads.prepare(&mut self.touching(region).map(|number| number as usize))?;
        let decoded = in_order(self.touching(region), |number| -> Result<_> {
            let payload = payloads.brick(number as usize)?;
            let missing = || Error::corrupt(format!("brick {number} is missing"));
            let values = self.decode_brick::<E>(number, &payload.ok_or_else(missing)?)?;
            let own = self.region(number);
            let part = own.intersection(&region);
            Ok((part, own.crop(&values, &part)))
        });
        let mut out = vec![E::default(); region.len()];
        for decoded in decoded {
            let (part, values) = decoded?;
            region.for_each_row(&part, &part, |to, from, len| {
                out[to..to + len].copy_from_slice(&values[from..from + len]);
            });
        }
        Ok(out)
    }
}
