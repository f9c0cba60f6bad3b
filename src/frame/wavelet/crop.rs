//! A box of a field by itself: what networks do there tells of the whole at a fraction of the cost.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::{Axes, Region, Shape};
use crate::frame::box_edges::BoxEdges;
use crate::frame::networks::Networks;
use crate::frame::wavelet::analysis::Samples;
use crate::frame::wavelet::gains;
use crate::frame::wavelet::samples::FieldSamples;
use crate::frame::wavelet::trial::{NormalisedField, TransformedField};
use crate::options::{Coding, Periodic};
use crate::transform::Wavelet;

/// Edges of the box: a twentieth of a field of 128^3, of larger ones less, and as much of 1024^2.
const EDGES: BoxEdges = BoxEdges {
    line: 1 << 15,
    planar: 224,
    solid: 48,
};
/// Fields of fewer boxes than this are looked at themselves.
const LEAST_BOXES: usize = 4;
/// Passes over the box: a level's gain fits in the first, but what it is predicted from changes once more.
const PASSES: usize = 2;

/// Logarithm by which a step is moved at most.
const FARTHEST: f64 = 0.5;
/// Decibels that a step larger by a factor of e costs with networks, about: 5 to 6.5 for turbulence and mixing layers at 40 to
/// 60 dB. It tells where a search begins, and where it goes next.
pub(crate) const DB_PER_E: f64 = 6.0;

/// Where a search with networks begins.
#[derive(Clone, Debug)]
pub(crate) struct Outset {
    /// By level, finest first.
    pub(crate) gains: Vec<f32>,
    /// A step that is likely near the answer, if one is known.
    pub(crate) step: Option<f64>,
}

impl Outset {
    /// Fits the gains of the levels that `crop` has, and moves the step to where the quality should be that of `without`, the
    /// step of the whole field without networks.
    ///
    /// # Errors
    /// What the networks report.
    pub(crate) fn fit<E: Element>(
        &mut self,
        crop: &TransformedField<'_, E>,
        networks: &Networks,
        without: f64,
    ) -> Result<()> {
        let step = self.step.unwrap_or(without);
        let levels = crop.analysis.plan.levels().len().min(self.gains.len());
        let gains = &mut self.gains[..levels];
        let mut squared_error = None;
        for _ in 0..PASSES {
            let Some(pass) = crop.quantise(step, Some(networks), gains, None)? else {
                break;
            };
            gains::refit(gains, &pass.gain_factors);
            squared_error = Some(pass.squared_error);
            if pass.is_settled() {
                break;
            }
        }
        let plain = crop.quantise(without, None, &[], None)?;
        if let (Some(with), Some(plain)) = (squared_error, plain) {
            let better_db = 10.0 * (plain.squared_error / with).log10();
            let factor = (better_db / DB_PER_E).clamp(-FARTHEST, FARTHEST).exp();
            self.step = Some(step * factor).filter(|step| step.is_normal());
        }
        Ok(())
    }
}

/// A box in the middle of a field by itself; `None` for fields that are not much larger than it, or have masked voxels.
///
/// # Errors
/// As [`TransformedField::new`].
pub(crate) fn crop<E: Element>(
    field: &FieldSamples<'_, E>,
    coding: &Coding,
    wavelet: Wavelet,
) -> Result<Option<TransformedField<'static, E>>> {
    let shape = field.original.shape;
    let region = middle(shape);
    let crop = shape.with_dims(region.size);
    if field.original.ordinary.is_some() || shape.len() < LEAST_BOXES * crop.len() {
        return Ok(None);
    }
    let coding = Coding {
        periodic: Periodic::Given(Axes::NONE),
        ..coding.clone()
    };
    TransformedField::new(
        crop,
        &coding,
        wavelet,
        field.normalisation,
        NormalisedField::Held(field.normalised(region)),
        crop.len(),
    )
    .map(Some)
}

/// The box in the middle of a field.
fn middle(shape: Shape) -> Region {
    let edge = EDGES.of(shape);
    let size = shape.dims().map(|n| n.min(edge));
    let start = [0, 1, 2].map(|axis| (shape.dims()[axis] - size[axis]) / 2);
    Region { start, size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_lies_inside() {
        for extents in [&[300, 20, 90][..], &[1000, 30], &[1, 5000], &[1, 1, 1]] {
            let shape = Shape::new(extents).unwrap();
            let region = middle(shape);
            let crop = shape.with_dims(region.size);
            assert!(shape.region().contains(&region), "{extents:?}");
            assert_eq!((crop.dims(), crop.rank()), (region.size, shape.rank()));
        }
    }
}
