//! Networks as predictors of a frame's details: what they are asked for, and what becomes of their answers.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use crate::backend::device::LevelPrediction;
use crate::backend::{Backend, PredictRequest, Scaling, input_multiplier, quantise_input, unit};
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::network::{Head, Hierarchy, InputChannels, Network, Transform};
use crate::recon::window::Window;
use crate::transform::{LevelPlan, Plan, Wavelet, forward};

/// Predicted values handled at once: bounds the memory of a prediction beside its result.
const SLAB_VALUES: usize = 1 << 22;
/// Coarse planes per slab at least: thinner ones would spend their time on the halo.
const SLAB_PLANES: usize = 16;
/// Values quantised by one task.
const TASK_VALUES: usize = 1 << 15;

/// A weight set and the machine it runs on.
#[derive(Clone)]
pub struct Networks {
    /// The networks.
    pub hierarchy: Arc<Hierarchy>,
    /// What runs them.
    pub backend: Arc<dyn Backend>,
}

/// Some cells of a level, and what is known of them.
#[derive(Clone, Copy)]
pub struct LevelPart<'a, T> {
    /// Number of the level; 0 is the finest.
    pub index: usize,
    /// Its shape.
    pub level: &'a LevelPlan,
    /// The cells whose details are asked for.
    pub cells: Region,
    /// The decoded low-pass; it holds what predicting the details takes.
    pub low: Window<'a, T>,
    /// What predicts them, where anything does.
    pub predictor: Option<&'a Predictor>,
}

impl<T: Real> LevelPart<'_, T> {
    /// The same level over some of its cells.
    #[must_use]
    pub fn over(self, cells: Region) -> Self {
        Self { cells, ..self }
    }

    /// The predicted details; `None` where nothing is predicted.
    ///
    /// # Errors
    /// What the backend reports.
    pub fn predict(&self) -> Result<Option<Vec<Vec<T>>>> {
        match self.predictor {
            Some(predictor) => predictor.details(self),
            None => Ok(None),
        }
    }

    /// The part of [`LevelPart::predict`] that has no gain; `None` where that cannot be told.
    ///
    /// # Errors
    /// What the backend reports.
    pub fn shortcut(&self) -> Result<Option<Vec<Vec<T>>>> {
        match self.predictor {
            Some(predictor) => predictor.shortcut(self),
            None => Ok(None),
        }
    }
}

/// Predicts details with the networks of a hierarchy.
pub struct Predictor {
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

impl Predictor {
    /// `gains` by level, finest first, and the quantisation `step` of a frame.
    #[must_use]
    pub fn new(
        networks: &Networks,
        wavelet: Wavelet,
        plan: &Plan,
        gains: Vec<f32>,
        step: f64,
    ) -> Self {
        let rank = plan.shape().grid_rank();
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

    /// What runs the networks.
    #[must_use]
    pub fn backend(&self) -> &dyn Backend {
        &*self.networks.backend
    }

    /// The network for a level, if there is one.
    #[must_use]
    pub fn network(&self, level: usize) -> Option<&Network> {
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

    /// What is asked of the level's network for the details of `cells`; `None` where none is used.
    ///
    /// # Errors
    /// `Corrupt` when there is no such network.
    pub fn prediction(
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
        let cells = LevelPrediction::cells_of(network, level, cells);
        Ok(Some(LevelPrediction {
            network,
            multiplier: input_multiplier(network, number),
            domain: level.coarse.dims(),
            extension: level.extension(self.wavelet),
            condition: wants_condition.then(|| condition(self.step, gain)),
            scaling: Scaling {
                gain,
                unit: unit(self.rank, number),
            },
            cells,
            level: level.window(cells),
        }))
    }

    /// The box of the coarse grid that predicting the details of `cells` takes.
    ///
    /// # Errors
    /// As [`Predictor::prediction`].
    pub fn needs(&self, index: usize, level: &LevelPlan, cells: Region) -> Result<Region> {
        let prediction = self.prediction(index, level, cells)?;
        Ok(prediction.map_or(cells, |prediction| prediction.needed()))
    }

    /// The subbands over the cells of `part` in coding order, or `None` where nothing is predicted. Its low-pass holds at
    /// least what [`Predictor::needs`] says.
    fn details<T: Real>(&self, part: &LevelPart<'_, T>) -> Result<Option<Vec<Vec<T>>>> {
        let prediction = self.prediction(part.index, part.level, part.cells)?;
        let run = |prediction| self.run(&prediction, part);
        prediction.map(run).transpose()
    }

    /// The part of [`Predictor::details`] that has no gain, or `None` where that cannot be told.
    fn shortcut<T: Real>(&self, part: &LevelPart<'_, T>) -> Result<Option<Vec<Vec<T>>>> {
        let level = part.level;
        let Some(prediction) = self.prediction(part.index, level, part.cells)? else {
            return Ok(None);
        };
        // With another gain these would predict something else altogether.
        if prediction.network.arch().head != Head::Subbands || prediction.condition.is_some() {
            return Ok(None);
        }
        let Some(network) = prediction.network.shortcut_alone()? else {
            let band = |&code| vec![T::ZERO; level.band_region(code, part.cells).len()];
            return Ok(Some(level.details.iter().map(band).collect()));
        };
        let alone = LevelPrediction {
            network: &network,
            ..prediction
        };
        self.run(&alone, part).map(Some)
    }

    /// Predicts the details of a part.
    fn run<T: Real>(
        &self,
        prediction: &LevelPrediction<'_>,
        part: &LevelPart<'_, T>,
    ) -> Result<Vec<Vec<T>>> {
        let (level, low) = (part.level, part.low);
        let needed = prediction.needed();
        // The encoder looks at single bricks of a level, and holds the whole level below it.
        let values: Cow<'_, [T]> = if needed == low.region {
            low.values.into()
        } else {
            low.region.crop(low.values, &needed).into()
        };
        let mut field = vec![0i16; values.len()];
        field
            .par_chunks_mut(TASK_VALUES)
            .zip(values.par_chunks(TASK_VALUES))
            .try_for_each(|(out, low)| {
                let low: Vec<f32> = low.iter().map(|v| v.to_f32()).collect();
                quantise_input(&low, prediction.multiplier, out)
            })?;
        let request = prediction.request(needed, &field);
        match prediction.network.arch().head {
            Head::Subbands => self.subbands(&request, level),
            Head::VoxelShuffle => self.upscaled(&request, level, part.cells),
        }
    }

    /// A network that predicts subbands.
    fn subbands<T: Real>(
        &self,
        request: &PredictRequest<'_>,
        level: &LevelPlan,
    ) -> Result<Vec<Vec<T>>> {
        let codes = &level.details;
        let mut details: Vec<Vec<T>> = codes
            .iter()
            .map(|&code| Vec::with_capacity(level.band_region(code, request.region).len()))
            .collect();
        for region in slabs(request.region, SLAB_VALUES / codes.len()) {
            let predicted = self.slab(request, region)?;
            let bands: Vec<&[f32]> = predicted.chunks_exact(region.len()).collect();
            details.par_iter_mut().zip(codes).zip(bands).for_each(
                |((details, &code), predicted)| {
                    // A high-pass axis of odd length is one shorter than the low-pass: drop the rest.
                    let kept = level.band_region(code, region);
                    region.for_each_row(&kept, &kept, |row, _, len| {
                        details.extend(predicted[row..row + len].iter().map(|&p| T::from_f32(p)));
                    });
                },
            );
        }
        Ok(details)
    }

    /// A network that predicts voxels: its details are those of the predicted field.
    fn upscaled<T: Real>(
        &self,
        request: &PredictRequest<'_>,
        level: &LevelPlan,
        cells: Region,
    ) -> Result<Vec<Vec<T>>> {
        let wide = request.region;
        let mut fine = Vec::with_capacity(level.fine_of(wide).len());
        for region in slabs(wide, SLAB_VALUES / 8) {
            let mut double = region;
            for axis in (0..3).filter(|&axis| level.split.contains(axis)) {
                double.start[axis] *= 2;
                double.size[axis] *= 2;
            }
            let predicted = self.slab(request, region)?;
            // An odd fine axis drops the last plane.
            let kept = level.fine_of(region);
            double.for_each_row(&kept, &kept, |row, _, len| {
                fine.extend(predicted[row..row + len].iter().map(|&p| T::from_f32(p)));
            });
        }
        let details = forward(self.wavelet, &level.window(wide), &mut fine).details;
        let crop = |(band, &code): (Vec<T>, _)| {
            let has = level.band_region(code, wide);
            let wants = level.band_region(code, cells);
            if has == wants {
                band
            } else {
                has.crop(&band, &wants)
            }
        };
        Ok(details.into_iter().zip(&level.details).map(crop).collect())
    }

    /// The prediction on `region` alone.
    fn slab(&self, request: &PredictRequest<'_>, region: Region) -> Result<Vec<f32>> {
        let request = PredictRequest { region, ..*request };
        let mut predicted = vec![0f32; request.output_len()];
        self.networks.backend.predict(&request, &mut predicted)?;
        Ok(predicted)
    }
}

/// `fl(fl(step / gain) 256)`, clamped and rounded: how coarse the quantiser is beside the details
/// (spec networks 3).
fn condition(step: f32, gain: f32) -> i16 {
    (step / gain * 256.0)
        .clamp(-32767.0, 32767.0)
        .round_ties_even() as i16
}

/// Cuts a box into slabs of about `values` values. A single row stays whole: the finer grid has several rows there.
fn slabs(cells: Region, values: usize) -> impl Iterator<Item = Region> {
    let thickness = match cells.slowest_axis() {
        2 => cells.size[2],
        _ => cells.planes_of(values).max(SLAB_PLANES),
    };
    cells.slabs(thickness)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::Shape;
    use crate::network::testing::Random;
    use crate::recon::testing::{TestFrame, networks};

    /// A frame of one level with networks, and its whole low-pass.
    fn frame(gain: f32) -> (TestFrame, Vec<f32>) {
        let shape = Shape::new(&[37, 30, 41]).unwrap();
        let frame = TestFrame::new(shape, Wavelet::Cdf97, &[gain]);
        let mut random = Random(3);
        let len = frame.plan.levels()[0].coarse.len();
        (frame, (0..len).map(|_| random.unit() - 0.5).collect())
    }

    /// Cells of the finest level, when the box `known` of its low-pass is.
    fn part<'a>(
        predictor: &'a Predictor,
        level: &'a LevelPlan,
        known: Region,
        values: &'a [f32],
        cells: Region,
    ) -> LevelPart<'a, f32> {
        LevelPart {
            index: 0,
            level,
            cells,
            low: Window {
                region: known,
                values,
            },
            predictor: Some(predictor),
        }
    }

    #[test]
    fn a_box_is_predicted_as_a_part_of_the_whole() {
        let (frame, low) = frame(0.3);
        let (predictor, level) = (frame.predictor.unwrap(), &frame.plan.levels()[0]);
        let whole = level.coarse.region();
        let all = part(&predictor, level, whole, &low, whole)
            .predict()
            .unwrap()
            .unwrap();
        for (start, size) in [([0, 0, 0], [5, 6, 7]), ([7, 9, 12], [12, 6, 9])] {
            let cells = Region { start, size };
            let needed = predictor.needs(0, level, cells).unwrap();
            assert!(whole.contains(&needed) && needed.contains(&cells));
            // No more is known than what it says it needs.
            let inner = whole.crop(&low, &needed);
            let found = part(&predictor, level, needed, &inner, cells)
                .predict()
                .unwrap()
                .unwrap();
            for ((found, all), &code) in found.iter().zip(&all).zip(&level.details) {
                let has = level.band_region(code, whole);
                assert_eq!(*found, has.crop(all, &level.band_region(code, cells)));
            }
        }
    }

    #[test]
    fn levels_without_gain_are_not_predicted_and_those_without_network_are_refused() {
        let (frame, _) = frame(0.0);
        let level = &frame.plan.levels()[0];
        let cells = level.coarse.region();
        let predictor = frame.predictor.unwrap();
        assert!(predictor.prediction(0, level, cells).unwrap().is_none());
        assert_eq!(predictor.needs(0, level, cells).unwrap(), cells);
        // The random networks are for 3-D frames.
        let flat = Plan::new(Shape::new(&[40, 50]).unwrap(), crate::Axes::NONE, 1);
        let cdf97 = Wavelet::Cdf97;
        let predictor = Predictor::new(&networks(cdf97), cdf97, &flat, vec![0.5], 0.1);
        let level = &flat.levels()[0];
        assert!(
            predictor
                .prediction(0, level, level.coarse.region())
                .is_err()
        );
    }

    #[test]
    fn the_shortcut_is_what_a_gain_of_next_to_nothing_leaves() {
        let (frame, low) = frame(1e-30);
        let (predictor, level) = (frame.predictor.unwrap(), &frame.plan.levels()[0]);
        let region = level.coarse.region();
        let part = part(&predictor, level, region, &low, region);
        let all = part.predict().unwrap().unwrap();
        let alone = part.shortcut().unwrap().unwrap();
        for (all, alone) in all.iter().flatten().zip(alone.iter().flatten()) {
            assert!((all - alone).abs() < 1e-6);
        }
    }

    #[test]
    fn slabs_cover_a_box_once() {
        let cells = Region {
            start: [1, 2, 3],
            size: [50, 4, 5],
        };
        let slabs: Vec<Region> = slabs(cells, 7).collect();
        assert!(slabs.iter().all(|slab| slab.size[0] <= SLAB_PLANES));
        assert_eq!(slabs.iter().map(Region::len).sum::<usize>(), cells.len());
        assert!(
            slabs
                .windows(2)
                .all(|pair| pair[0].end(0) == pair[1].start[0])
        );
    }
}
