//! Multiresolution super resolution (paper section 4.3.1; spec section 6.7): the whole field goes up level by
//! level, and wherever a level is stored, its values replace what was made up.
//!
//! It goes over the levels with the loop of all frames ([`walk`]), each grid whole in memory. The rest of it is its own: a
//! level that no network serves is interpolated, not made from subbands, and stored values replace voxels, not details.

use std::ops::ControlFlow;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::real::Real;
use crate::container::{Interpolation, PooledForm};
use crate::frame::networks::Networks;
use crate::frame::pooled::resample::{ResamplingFilter, resample};
use crate::frame::pooled::stored::{grid, known_cells, unstitch};
use crate::octree::Octant;
use crate::recon::{LevelPart, Predictor, Window, upscale, walk};
use crate::transform::{Plan, Wavelet};

/// Upscales fields from level to level.
pub(crate) struct Upscaler<'a> {
    plan: &'a Plan,
    interpolation: Interpolation,
    /// Gain per level, finest first; 0 and missing ones: interpolation.
    gains: &'a [f32],
    networks: Option<Predictor>,
}

impl<'a> Upscaler<'a> {
    /// What a frame's record asks for.
    ///
    /// # Errors
    /// `MissingWeights` when it uses networks and none are at hand.
    pub(crate) fn new(
        plan: &'a Plan,
        form: &'a PooledForm,
        networks: Option<&Networks>,
    ) -> Result<Self> {
        let gains = form.network.as_ref().map_or(&[][..], |n| &n.gains);
        let networks = match (gains, networks) {
            ([], _) => None,
            (gains, Some(networks)) => Some(Predictor::new(
                networks,
                Wavelet::Haar,
                plan,
                gains.to_vec(),
                2.0 * form.epsilon,
            )),
            (_, None) => {
                return Err(Error::new(
                    ErrorKind::MissingWeights,
                    "the frame uses networks, the file names none",
                ));
            }
        };
        Ok(Self {
            plan,
            interpolation: form.interpolation,
            gains,
            networks,
        })
    }

    /// The values of `level` from those of the level above.
    fn upscale<T: Real>(&self, level: usize, coarse: &[T]) -> Result<Vec<T>> {
        let rank = self.plan.shape().grid_rank();
        let step = &self.plan.levels()[level];
        let cells = step.coarse.region();
        let used = self.gains.get(level).is_some_and(|&gain| gain != 0.0);
        if let Some(networks) = self.networks.as_ref().filter(|_| used) {
            let low = scaled(coarse, root_power(rank * (level + 1), false));
            let part = LevelPart {
                index: level,
                level: step,
                cells,
                low: Window {
                    region: cells,
                    values: &low,
                },
                predictor: Some(networks),
            };
            if let Some(details) = part.predict()? {
                let fine = upscale(Wavelet::Haar, step, cells, low, details);
                return Ok(scaled(&fine, root_power(rank * level, true)));
            }
        }
        Ok(resample(
            ResamplingFilter::Upscale(self.interpolation),
            step.coarse.dims(),
            coarse,
            step.fine.region(),
        ))
    }

    /// The field at level `target` from the representative volume.
    ///
    /// # Errors
    /// What the networks report.
    pub(crate) fn reconstruct<T: Real>(
        &self,
        tree: &Octant,
        finest: usize,
        volume: &[T],
        target: usize,
    ) -> Result<Vec<T>> {
        let mut stored = unstitch(self.plan, tree, finest, volume);
        let known = known_cells(self.plan, tree);
        let top = self.plan.levels().len();
        let coarsest = stored.swap_remove(top);
        let values = walk(target..top, coarsest, |level, coarse| {
            let mut values = self.upscale(level, &coarse)?;
            if level >= finest {
                overwrite_stale(&mut values, &stored[level], &known[level]);
            }
            Ok(ControlFlow::Continue(values))
        })?;
        debug_assert_eq!(values.len(), grid(self.plan, target).len());
        Ok(values)
    }
}

/// Replaces the values of cells that are stored.
fn overwrite_stale<T: Real>(values: &mut [T], stored: &[T], known: &[bool]) {
    let cells = values.iter_mut().zip(stored).zip(known);
    for ((value, &stored), _) in cells.filter(|(_, known)| **known) {
        *value = stored;
    }
}

/// `2^(k/2)`, or its inverse: from means to the orthonormal low-pass of Haar after `k` splits, and back.
pub(crate) fn root_power(k: usize, is_inverse: bool) -> f64 {
    let (root, two) = if is_inverse {
        (std::f64::consts::FRAC_1_SQRT_2, 0.5)
    } else {
        (std::f64::consts::SQRT_2, 2.0f64)
    };
    let odd = if k % 2 == 1 { root } else { 1.0 };
    odd * two.powi((k / 2) as i32)
}

/// Every value multiplied once.
pub(crate) fn scaled<T: Real>(values: &[T], factor: f64) -> Vec<T> {
    let factor = T::from_f64(factor);
    values.iter().map(|&v| v * factor).collect()
}
