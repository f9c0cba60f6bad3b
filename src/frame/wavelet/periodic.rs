//! Axes along which a field repeats, found by the encoder: at the seam between its last and its first sample it goes on as it does beside
//! it, and a column of the field along the axis takes fewer bits when it is closed to a ring.

use std::ops::RangeInclusive;

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::{Axes, Region, Shape};
use crate::container::MAX_LEVELS;
use crate::frame::box_edges::BoxEdges;
use crate::frame::goal::Goal;
use crate::frame::original::Original;
use crate::frame::wavelet::analysis::Analysis;
use crate::recon::Partition;
use crate::transform::{Plan, Wavelet};

/// Mean differences across the seam by those beside it, where the field may go on: about as large. Turbulence in a periodic
/// box has 0.9 to 1.1, and a field cut out of a larger one several times as much.
const ALIKE: RangeInclusive<f64> = 0.7..=1.5;
/// Lines along an axis that are looked at.
const LINES: usize = 1 << 12;
/// Edges of a column across the axis.
const EDGES: BoxEdges = BoxEdges {
    line: 1 << 15,
    planar: 224,
    solid: 48,
};
/// Share of the bits that a ring must save: below it is what the estimate does not tell.
const LEAST_SAVING: f64 = 1e-3;
/// What a field without a bound on its error is looked at with, in dB.
const USUAL_PSNR: f64 = 50.0;

/// A field and what is asked of it.
pub(crate) struct Ends<'a, E: Element> {
    pub(crate) original: Original<'a, E>,
    pub(crate) wavelet: Wavelet,
    pub(crate) brick_edge: u32,
    /// Of quantisation, in the normalised unit, about.
    pub(crate) step: f64,
}

impl<E: Element> Ends<'_, E> {
    /// Those of the axes `among` that are periodic; `normalised` gives the values of a box.
    ///
    /// # Errors
    /// `InvalidArgument` for an edge of bricks that is none.
    pub(crate) fn periodic(
        &self,
        among: Axes,
        normalised: impl Fn(Region) -> Vec<E::Work>,
    ) -> Result<Axes> {
        let mut found = Axes::NONE;
        for axis in 0..3 {
            if among.contains(axis) && self.goes_on(axis) && self.pays(axis, &normalised)? {
                found = found.with(axis);
            }
        }
        Ok(found)
    }

    /// Whether differences of values and of their differences are across the seam what they are at both ends.
    fn goes_on(&self, axis: usize) -> bool {
        let dims = self.original.shape.dims();
        let (extent, stride) = (dims[axis], dims[axis + 1..].iter().product::<usize>());
        // An axis of odd length is not split evenly: its ends never meet.
        if extent < 8 || !extent.is_multiple_of(2) {
            return false;
        }
        let lines = self.original.shape.len() / extent;
        let (mut across, mut beside) = ([0.0; 2], [0.0; 2]);
        for i in 0..lines.min(LINES) {
            let line = i * lines / lines.min(LINES);
            let first = line / stride * stride * extent + line % stride;
            let Some(six) = self.around_seam(first, stride, extent) else {
                continue;
            };
            let slopes: [f64; 5] = std::array::from_fn(|i| six[i + 1] - six[i]);
            let bends: [f64; 4] = std::array::from_fn(|i| (slopes[i + 1] - slopes[i]).abs());
            across[0] += 2.0 * slopes[2].abs();
            beside[0] += slopes[1].abs() + slopes[3].abs();
            across[1] += bends[1] + bends[2];
            beside[1] += bends[0] + bends[3];
        }
        // Not where nothing changes: 0 by 0 is no number.
        let alike = |(across, beside): (f64, f64)| ALIKE.contains(&(across / beside));
        across.into_iter().zip(beside).all(alike)
    }

    /// The last three samples of a line and its first three; `None` where one is masked.
    fn around_seam(&self, first: usize, stride: usize, extent: usize) -> Option<[f64; 6]> {
        let places = [extent - 3, extent - 2, extent - 1, 0, 1, 2].map(|i| first + i * stride);
        let ordinary = self.original.ordinary;
        let is_whole = places
            .iter()
            .all(|&at| ordinary.is_none_or(|ordinary| ordinary[at]));
        is_whole.then(|| places.map(|at| self.original.values[at].to_f64()))
    }

    /// Whether a column in the middle takes fewer bits as a ring.
    fn pays(&self, axis: usize, normalised: &impl Fn(Region) -> Vec<E::Work>) -> Result<bool> {
        let column = column(self.original.shape, axis);
        let shape = self.original.shape.with_dims(column.size);
        let values = normalised(column);
        let bits = |periodic: Axes, values: Vec<E::Work>| -> Result<f64> {
            let plan = Plan::new(shape, periodic, MAX_LEVELS.into());
            let partition = Partition::new(&plan, self.brick_edge)?;
            let analysis = Analysis::held(self.wavelet, plan, partition, values);
            Ok(analysis.expected_bits(self.step))
        };
        let open = bits(Axes::NONE, values.clone())?;
        let ring = bits(Axes::NONE.with(axis), values)?;
        Ok(ring < open * (1.0 - LEAST_SAVING))
    }
}

/// The step of quantisation that `goal` leads to, about; `range` and `scale` are those of the field, in its unit.
pub(crate) fn likely_step(goal: Goal, range: f64, scale: f64) -> f64 {
    let rms = |db: f64| range / scale * 10f64.powf(-db / 20.0);
    match goal {
        // A coarser step than that of even errors pays for corrections.
        Goal::MaxError(bound) => 1.5 * bound / scale,
        Goal::Psnr(db) => rms(db) * 12f64.sqrt(),
        Goal::Ssim(_) | Goal::Ratio(_) => rms(USUAL_PSNR) * 12f64.sqrt(),
    }
}

/// The part of a field in its middle that is whole along `axis`.
fn column(shape: Shape, axis: usize) -> Region {
    let edge = EDGES.of(shape);
    let dims = shape.dims();
    let mut size = dims.map(|n| n.min(edge));
    size[axis] = dims[axis];
    let start = [0, 1, 2].map(|axis| (dims[axis] - size[axis]) / 2);
    Region { start, size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::original::tests::original;

    /// Axes found in waves that come round along `rings`, and break off elsewhere.
    fn found(extents: &[usize], rings: Axes, among: Axes) -> Axes {
        let shape = Shape::new(extents).unwrap();
        let dims = shape.dims();
        let angle = |axis: usize, i: usize, k: f64| {
            let turns = if rings.contains(axis) { k } else { k + 0.37 };
            std::f64::consts::TAU * turns * i as f64 / dims[axis] as f64
        };
        let mut values = Vec::with_capacity(shape.len());
        for z in 0..dims[0] {
            for y in 0..dims[1] {
                for x in 0..dims[2] {
                    let [z1, y1, x1] = [angle(0, z, 1.0), angle(1, y, 2.0), angle(2, x, 3.0)];
                    let value = (z1 + 0.3).sin() + (y1 + x1 + 0.5).cos() + (2.0 * x1 - z1).sin();
                    values.push(value as f32);
                }
            }
        }
        let ends = Ends {
            original: original(shape, &values, None),
            wavelet: Wavelet::Cdf97,
            brick_edge: 64,
            step: 1e-3,
        };
        let whole = shape.region();
        ends.periodic(among, |region| whole.crop(&values, &region))
            .unwrap()
    }

    #[test]
    fn rings_are_found_and_nothing_else() {
        for bits in 0..8 {
            let rings = Axes::from_bits(bits).unwrap();
            assert_eq!(found(&[32, 48, 64], rings, Axes::ALL), rings);
        }
        let planar = Axes::NONE.with(2);
        assert_eq!(found(&[200, 300], planar, Axes::ALL), planar);
    }

    #[test]
    fn odd_and_short_axes_and_those_not_asked_for_are_left_out() {
        assert_eq!(found(&[33, 48, 6], Axes::ALL, Axes::ALL).to_string(), "y");
        assert_eq!(found(&[32, 48, 64], Axes::ALL, Axes::NONE), Axes::NONE);
    }
}
