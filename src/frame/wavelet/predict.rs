//! Networks as predictors of a frame's details.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::backend::device::{LevelPrediction, LevelShape, Levels};
use crate::backend::{Extension, NetworkInput, Scaling, input_multiplier, quantise_input, unit};
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::frame::networks::Networks;
use crate::network::{Head, InputChannels, Network, Transform};
use crate::recon::{Predict, Window};
use crate::transform::{LevelPlan, Plan, Wavelet, forward};

/// Predicted values handled at once: bounds the memory of a prediction beside its result.
const SLAB_VALUES: usize = 1 << 22;
/// Coarse planes per slab at least: thinner ones would spend their time on the halo.
const SLAB_PLANES: usize = 16;
/// Values quantised by one task.
const RUN: usize = 1 << 15;

/// Predicts details with the networks of a hierarchy.
pub(crate) struct NetworkPredictor {
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
    pub(crate) fn new(
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
    pub(crate) fn network(&self, level: usize) -> Option<&Network> {
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
    fn needs(&self, index: usize, level: &LevelPlan, cells: Region) -> Region {
        let used = self.gains.get(index).is_some_and(|&gain| gain != 0.0);
        let Some(network) = self.network(index).filter(|_| used) else {
            return cells;
        };
        self.needed(network, level, cells)
    }

    fn details(
        &self,
        index: usize,
        level: &LevelPlan,
        low: Window<'_, T>,
        cells: Region,
    ) -> Result<Option<Vec<Vec<T>>>> {
        match self.prediction_of(index, level, cells)? {
            Some(prediction) => self.run(&prediction, level, low, cells).map(Some),
            None => Ok(None),
        }
    }

    fn shortcut(
        &self,
        index: usize,
        level: &LevelPlan,
        low: Window<'_, T>,
        cells: Region,
    ) -> Result<Option<Vec<Vec<T>>>> {
        let Some(prediction) = self.prediction_of(index, level, cells)? else {
            return Ok(None);
        };
        let arch = prediction.network.arch();
        // With another gain these would predict something else altogether.
        if arch.head != Head::Subbands || prediction.condition.is_some() {
            return Ok(None);
        }
        let Some(network) = prediction.network.shortcut_alone()? else {
            let band = |&code| vec![T::ZERO; level.band_region(code, cells).len()];
            return Ok(Some(level.details.iter().map(band).collect()));
        };
        let alone = LevelPrediction {
            network: &network,
            ..prediction
        };
        self.run(&alone, level, low, cells).map(Some)
    }

    fn device(&self) -> Option<Levels<'_>> {
        self.networks.backend.levels()
    }

    fn prediction(
        &self,
        index: usize,
        level: &LevelPlan,
        cells: Region,
    ) -> Result<Option<LevelPrediction<'_>>> {
        self.prediction_of(index, level, cells)
    }
}

/// One network, its input and the units of its output.
struct Job<'a> {
    network: &'a Network,
    input: NetworkInput<'a>,
    level: &'a LevelPlan,
    scaling: Scaling,
}

/// The cells a network is run on for the details of `cells`: a network that predicts voxels goes through
/// the forward transform, which needs more of them.
fn predicted_cells(network: &Network, level: &LevelPlan, cells: Region) -> Region {
    match network.arch().head {
        Head::Subbands => cells,
        Head::VoxelShuffle => level.with_margin(cells),
    }
}

impl NetworkPredictor {
    /// What is predicted of a level over `cells`; `None` where no network is used.
    fn prediction_of(
        &self,
        index: usize,
        level: &LevelPlan,
        cells: Region,
    ) -> Result<Option<LevelPrediction<'_>>> {
        let gain = self.gains.get(index).copied().unwrap_or(0.0);
        if gain == 0.0 {
            return Ok(None);
        }
        let network = self.network(index).ok_or_else(|| {
            Error::corrupt(format!("no network for level {index} in the weight set"))
        })?;
        let number = u8::try_from(index).map_err(|_| Error::corrupt("too many levels"))?;
        let wants_condition = network.arch().channels.contains(InputChannels::CONDITION);
        let cells = predicted_cells(network, level, cells);
        Ok(Some(LevelPrediction {
            network,
            multiplier: input_multiplier(network, number),
            domain: level.coarse.dims(),
            extension: std::array::from_fn(|axis| self.extension(level, axis)),
            condition: wants_condition.then(|| condition(self.step, gain)),
            scaling: Scaling {
                gain,
                unit: unit(self.rank, number),
            },
            cells,
            shape: LevelShape::of(&level.window(cells)),
        }))
    }

    /// The box of the coarse grid that `network` takes for the details of `cells`.
    fn needed(&self, network: &Network, level: &LevelPlan, cells: Region) -> Region {
        let extension = std::array::from_fn(|axis| self.extension(level, axis));
        let predicted = predicted_cells(network, level, cells);
        NetworkInput::needed(network, predicted, level.coarse.dims(), extension)
    }

    /// Predicts the details of `cells`.
    fn run<T: Real>(
        &self,
        prediction: &LevelPrediction<'_>,
        level: &LevelPlan,
        low: Window<'_, T>,
        cells: Region,
    ) -> Result<Vec<Vec<T>>> {
        let needed = self.needed(prediction.network, level, cells);
        // The encoder looks at single bricks of a level, and holds the whole level below it.
        let values: Cow<'_, [T]> = match needed == low.region {
            true => low.values.into(),
            false => low.region.crop(low.values, &needed).into(),
        };
        let mut field = vec![0i16; values.len()];
        field
            .par_chunks_mut(RUN)
            .zip(values.par_chunks(RUN))
            .try_for_each(|(out, low)| {
                let low: Vec<f32> = low.iter().map(|v| v.to_f32()).collect();
                quantise_input(&low, prediction.multiplier, out)
            })?;
        let job = Job {
            network: prediction.network,
            input: NetworkInput {
                field: &field,
                origin: needed.start,
                size: needed.size,
                domain: prediction.domain,
                extension: prediction.extension,
                condition: prediction.condition,
            },
            level,
            scaling: prediction.scaling,
        };
        match prediction.network.arch().head {
            Head::Subbands => self.subbands(&job, cells),
            Head::VoxelShuffle => self.upscaled(&job, cells),
        }
    }

    fn subbands<T: Real>(&self, job: &Job<'_>, cells: Region) -> Result<Vec<Vec<T>>> {
        let codes = &job.level.details;
        let part = |code, region: Region| job.level.band_region(code, region);
        let mut details: Vec<Vec<T>> = codes
            .iter()
            .map(|&code| Vec::with_capacity(part(code, cells).len()))
            .collect();
        for region in slabs(cells, SLAB_VALUES / codes.len()) {
            let mut predicted = vec![0f32; region.len() * codes.len()];
            self.networks.backend.subbands(
                job.network,
                &job.input,
                region,
                job.scaling,
                &mut predicted,
            )?;
            let bands: Vec<&[f32]> = predicted.chunks_exact(region.len()).collect();
            details.par_iter_mut().zip(codes).zip(bands).for_each(
                |((details, &code), predicted)| {
                    // A high-pass axis of odd length is one shorter than the low-pass: drop the rest.
                    let kept = part(code, region);
                    region.for_each_row(&kept, &kept, |row, _, len| {
                        details.extend(predicted[row..row + len].iter().map(|&p| T::from_f32(p)));
                    });
                },
            );
        }
        Ok(details)
    }

    /// A network that predicts voxels: its details are those of the predicted field.
    fn upscaled<T: Real>(&self, job: &Job<'_>, cells: Region) -> Result<Vec<Vec<T>>> {
        let level = job.level;
        let wide = predicted_cells(job.network, level, cells);
        let mut fine = Vec::with_capacity(level.fine_of(wide).len());
        for region in slabs(wide, SLAB_VALUES / 8) {
            let mut double = region;
            for axis in 0..3 {
                if level.split.contains(axis) {
                    double.start[axis] *= 2;
                    double.size[axis] *= 2;
                }
            }
            let mut predicted = vec![0f32; double.len()];
            self.networks.backend.upscale(
                job.network,
                &job.input,
                region,
                job.scaling,
                &mut predicted,
            )?;
            // An odd fine axis drops the last plane.
            let kept = level.fine_of(region);
            double.for_each_row(&kept, &kept, |row, _, len| {
                fine.extend(predicted[row..row + len].iter().map(|&p| T::from_f32(p)));
            });
        }
        let details = forward(self.wavelet, &level.window(wide), &mut fine).details;
        let crop = |(band, &code): (Vec<T>, _)| {
            let (has, wants) = (
                level.band_region(code, wide),
                level.band_region(code, cells),
            );
            if has == wants {
                band
            } else {
                has.crop(&band, &wants)
            }
        };
        Ok(details.into_iter().zip(&level.details).map(crop).collect())
    }
}

/// Cuts a box into runs of rows along its slowest axis longer than 1, of about `values` values.
fn slabs(cells: Region, values: usize) -> impl Iterator<Item = Region> {
    let axis = if cells.size[0] > 1 { 0 } else { 1 };
    let plane = cells.len() / cells.size[axis];
    let thickness = (values / plane).max(SLAB_PLANES);
    (0..cells.size[axis]).step_by(thickness).map(move |first| {
        let mut region = cells;
        region.start[axis] += first;
        region.size[axis] = thickness.min(cells.size[axis] - first);
        region
    })
}
