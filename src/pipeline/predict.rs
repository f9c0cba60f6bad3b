//! Networks as predictors of a frame's details.

use rayon::prelude::*;

use super::frame::Networks;
use crate::backend::{Extension, NetworkInput, Scaling, input_multiplier, quantise_input, unit};
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::network::{Head, InputChannels, Network, Transform};
use crate::real::Real;
use crate::recon::Predict;
use crate::transform::{LevelPlan, Plan, Wavelet, forward};

/// Predicted values handled at once: bounds the memory of a prediction beside its result.
const SLAB_VALUES: usize = 1 << 22;
/// Coarse planes per slab at least: thinner ones would spend their time on the halo.
const SLAB_PLANES: usize = 16;
/// Values quantised by one task.
const RUN: usize = 1 << 15;

/// Predicts details with the networks of a hierarchy.
pub(super) struct NetworkPredictor {
    networks: Networks,
    wavelet: Wavelet,
    rank: usize,
    /// Levels from 0 whose every axis is split: only there the networks' units are defined.
    regular_levels: usize,
    /// Gain per level; 0 where no network is used.
    gains: Vec<f32>,
    /// Quantisation step in the orthonormal domain, for networks that take it into account.
    step: f32,
}

impl NetworkPredictor {
    pub(super) fn new(
        networks: &Networks,
        wavelet: Wavelet,
        plan: &Plan,
        gains: Vec<f32>,
        step: f64,
    ) -> Self {
        let rank = plan.shape().rank();
        Self {
            networks: networks.clone(),
            wavelet,
            rank,
            regular_levels: plan
                .levels()
                .iter()
                .take_while(|level| level.split.count() == rank)
                .count(),
            gains,
            step: step as f32,
        }
    }

    /// The network for a level, if there is one.
    pub(super) fn network(&self, level: usize) -> Option<&Network> {
        let transform = match self.wavelet {
            Wavelet::Cdf97 => Transform::Cdf97,
            Wavelet::Haar => Transform::Haar,
        };
        if level >= self.regular_levels {
            return None;
        }
        self.networks
            .hierarchy
            .network_for(u8::try_from(level).ok()?, self.rank, transform)
    }

    fn extension(&self, level: &LevelPlan, axis: usize) -> Extension {
        if level.periodic.contains(axis) {
            return Extension::Periodic;
        }
        match (self.wavelet, level.fine.dims()[axis] % 2) {
            (Wavelet::Haar, _) => Extension::Half,
            (Wavelet::Cdf97, 0) => Extension::Even,
            (Wavelet::Cdf97, _) => Extension::Odd,
        }
    }
}

/// `fl(fl(step / gain) 256)`, clamped and rounded: how coarse the quantiser is beside the details
/// (spec networks 3).
fn condition(step: f32, gain: f32) -> i16 {
    (step / gain * 256.0)
        .clamp(-32767.0, 32767.0)
        .round_ties_even() as i16
}

impl<T: Real> Predict<T> for NetworkPredictor {
    fn details(&self, index: usize, level: &LevelPlan, low: &[T]) -> Result<Option<Vec<Vec<T>>>> {
        let gain = self.gains.get(index).copied().unwrap_or(0.0);
        if gain == 0.0 {
            return Ok(None);
        }
        let network = self.network(index).ok_or_else(|| {
            Error::corrupt(format!("no network for level {index} in the weight set"))
        })?;
        let number = u8::try_from(index).map_err(|_| Error::corrupt("too many levels"))?;
        let multiplier = input_multiplier(network, number);
        let mut field = vec![0i16; low.len()];
        field
            .par_chunks_mut(RUN)
            .zip(low.par_chunks(RUN))
            .try_for_each(|(out, low)| {
                let low: Vec<f32> = low.iter().map(|v| v.to_f32()).collect();
                quantise_input(&low, multiplier, out)
            })?;
        let domain = level.coarse.dims();
        let wants_condition = network.arch().channels.contains(InputChannels::CONDITION);
        let input = NetworkInput {
            field: &field,
            origin: [0; 3],
            size: domain,
            domain,
            extension: std::array::from_fn(|axis| self.extension(level, axis)),
            condition: wants_condition.then(|| condition(self.step, gain)),
        };
        let scaling = Scaling {
            gain,
            unit: unit(self.rank, number),
        };
        match network.arch().head {
            Head::Subbands => self.subbands(network, &input, level, scaling).map(Some),
            Head::VoxelShuffle => self.upscaled(network, &input, level, scaling).map(Some),
        }
    }
}

impl NetworkPredictor {
    fn subbands<T: Real>(
        &self,
        network: &Network,
        input: &NetworkInput<'_>,
        level: &LevelPlan,
        scaling: Scaling,
    ) -> Result<Vec<Vec<T>>> {
        let mut details: Vec<Vec<T>> = level
            .details
            .iter()
            .map(|&code| Vec::with_capacity(level.band_dims(code).iter().product()))
            .collect();
        for region in slabs(input.domain, SLAB_VALUES / details.len()) {
            let mut predicted = vec![0f32; region.len() * details.len()];
            self.networks
                .backend
                .subbands(network, input, region, scaling, &mut predicted)?;
            let bands = predicted.chunks_exact(region.len());
            details
                .par_iter_mut()
                .zip(&level.details)
                .zip(bands.collect::<Vec<_>>())
                .for_each(|((details, &code), predicted)| {
                    // A high-pass axis of odd length is one shorter than the low-pass: drop the rest.
                    let [nz, ny, nx] = region.clipped(level.band_dims(code)).size;
                    for z in 0..nz {
                        for y in 0..ny {
                            let row = (z * region.size[1] + y) * region.size[2];
                            details
                                .extend(predicted[row..row + nx].iter().map(|&p| T::from_f32(p)));
                        }
                    }
                });
        }
        Ok(details)
    }

    /// A network that predicts voxels: its details are those of the predicted field.
    fn upscaled<T: Real>(
        &self,
        network: &Network,
        input: &NetworkInput<'_>,
        level: &LevelPlan,
        scaling: Scaling,
    ) -> Result<Vec<Vec<T>>> {
        let dims = level.fine.dims();
        let mut fine = Vec::with_capacity(level.fine.len());
        for region in slabs(input.domain, SLAB_VALUES / 8) {
            let double: [usize; 3] = std::array::from_fn(|axis| match level.split.contains(axis) {
                true => 2 * region.size[axis],
                false => region.size[axis],
            });
            let mut predicted = vec![0f32; double.iter().product()];
            self.networks
                .backend
                .upscale(network, input, region, scaling, &mut predicted)?;
            // The first voxel of the slab is twice its start; an odd fine axis drops the last plane.
            let rest = |axis: usize| double[axis].min(dims[axis] - 2 * region.start[axis]);
            for z in 0..rest(0) {
                for y in 0..rest(1) {
                    let row = (z * double[1] + y) * double[2];
                    fine.extend(
                        predicted[row..row + dims[2]]
                            .iter()
                            .map(|&p| T::from_f32(p)),
                    );
                }
            }
        }
        Ok(forward(self.wavelet, level, &mut fine).details)
    }
}

/// Cuts a grid into runs of rows along its slowest axis longer than 1, of about `values` values.
fn slabs(dims: [usize; 3], values: usize) -> impl Iterator<Item = Region> {
    let axis = if dims[0] > 1 { 0 } else { 1 };
    let plane = dims.iter().product::<usize>() / dims[axis];
    let thickness = (values / plane).max(SLAB_PLANES);
    (0..dims[axis]).step_by(thickness).map(move |first| {
        let mut region = Region {
            start: [0; 3],
            size: dims,
        };
        region.start[axis] = first;
        region.size[axis] = thickness.min(dims[axis] - first);
        region
    })
}
