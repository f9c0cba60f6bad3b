//! One frame at a given quantisation step: coded payloads, and the decoding that both the encoder's
//! check and the decoder run.

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::predict::NetworkPredictor;
use super::quantise::{Analysis, Pass, Used, code_bricks, quantise};
use super::sample::{Normalisation, Sample, to_samples};
use crate::backend::Backend;
use crate::codec::corrections::{Correction, Corrections};
use crate::codec::ctx::BrickDecoder;
use crate::container::{NetworkUse, WaveletForm};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Shape;
use crate::network::{Head, Hierarchy};
use crate::octree::{self, Octree};
use crate::real::Real;
use crate::recon::{
    Brick, BrickGrid, Coefficients, Dequantiser, NoPrediction, Partition, Predict, reconstruct,
};
use crate::transform::{Plan, Wavelet};

/// Distance of a decoded magnitude below its integer, in 1/256 step: after rate-distortion-optimised
/// quantisation the values of a bin lie almost evenly.
pub(super) const SHRINK: u8 = 5;

/// Payloads of a frame in multiresolution form.
#[derive(Debug)]
pub(super) struct Payloads {
    pub(super) tree: Vec<u8>,
    pub(super) bricks: Vec<(u32, Vec<u8>)>,
}

impl Payloads {
    pub(super) fn len(&self) -> usize {
        self.tree.len()
            + self
                .bricks
                .iter()
                .map(|(_, bytes)| bytes.len())
                .sum::<usize>()
    }
}

/// Transform, octree and bricks of a frame as its record describes them.
#[derive(Debug)]
pub(super) struct Geometry<T> {
    pub(super) wavelet: Wavelet,
    pub(super) plan: Plan,
    pub(super) partition: Partition,
    pub(super) dequantiser: Dequantiser<T>,
}

impl<T: Real> Geometry<T> {
    /// # Errors
    /// `Unsupported` for an unknown filter, `Corrupt` when the level count does not fit the shape.
    pub(super) fn new(shape: Shape, form: &WaveletForm) -> Result<Self> {
        let wavelet = Wavelet::from_u8(form.wavelet)
            .ok_or_else(|| Error::unsupported(format!("unknown filter pair {}", form.wavelet)))?;
        let plan = Plan::new(shape, form.periodic, usize::from(form.levels));
        if plan.levels().len() != usize::from(form.levels) {
            return Err(Error::corrupt(format!(
                "{} levels found, a grid of {shape} has up to {}",
                form.levels,
                plan.levels().len()
            )));
        }
        let partition = Partition::new(&plan, form.brick_edge)?;
        Ok(Self {
            wavelet,
            plan,
            partition,
            dequantiser: dequantiser(form.step, form.shrink),
        })
    }

    /// Decodes octree and bricks to normalised values at downscaling level `target`. `bricks` are the
    /// payloads by ascending number: all bricks that hold anything for the levels wanted.
    ///
    /// # Errors
    /// `Corrupt`, or what the predictor reports.
    pub(super) fn decode(
        &self,
        tree: &[u8],
        bricks: &[(u32, &[u8])],
        predictor: &dyn Predict<T>,
        target: usize,
    ) -> Result<Vec<T>> {
        let tree = octree::decode(&self.plan, tree)?;
        let coefficients = self.coefficients(&tree, bricks, target)?;
        reconstruct(
            self.wavelet,
            &self.plan,
            &self.partition,
            coefficients,
            self.dequantiser,
            predictor,
            target,
        )
    }

    fn coefficients(
        &self,
        tree: &Octree,
        payloads: &[(u32, &[u8])],
        target: usize,
    ) -> Result<Coefficients> {
        let all = self.partition.bricks();
        let mut by_number: Vec<Option<&[u8]>> = vec![None; all.len()];
        for &(number, bytes) in payloads {
            let slot = by_number
                .get_mut(number as usize)
                .ok_or_else(|| Error::corrupt(format!("brick {number} of {} found", all.len())))?;
            if slot.replace(bytes).is_some() {
                return Err(Error::corrupt(format!("brick {number} found twice")));
            }
        }
        let brick = |number: usize, (brick, payload): (&Brick, Option<&[u8]>)| {
            let stored: Vec<_> = brick.grids.iter().map(|grid| grid.stored(tree)).collect();
            let wanted = brick
                .grids
                .iter()
                .any(|grid| grid.level().is_none_or(|level| level >= target));
            let anything = stored.iter().flatten().any(|&s| s);
            match payload {
                _ if !wanted => Ok(vec![Vec::new(); brick.grids.len()]),
                None if anything => Err(Error::corrupt(format!("brick {number} is missing"))),
                Some(_) if !anything => {
                    Err(Error::corrupt(format!("brick {number} holds nothing")))
                }
                None => Ok(vec![Vec::new(); brick.grids.len()]),
                Some(payload) => decode_brick(brick, &stored, payload)
                    .map_err(|e| e.within(format!("brick {number}"))),
            }
        };
        // The finest level has the most work: start it first.
        let mut coefficients: Coefficients = all
            .par_iter()
            .zip(by_number)
            .enumerate()
            .rev()
            .map(|(number, pair)| brick(number, pair))
            .collect::<Result<_>>()?;
        coefficients.reverse();
        Ok(coefficients)
    }
}

/// The predictor a frame's record asks for.
///
/// # Errors
/// `MissingWeights` when it uses networks and none are at hand.
pub(super) fn predictor<T: Real>(
    geometry: &Geometry<T>,
    form: &WaveletForm,
    networks: Option<&Networks>,
) -> Result<Box<dyn Predict<T>>> {
    let Some(NetworkUse { gains }) = &form.network else {
        return Ok(Box::new(NoPrediction));
    };
    let networks = networks.ok_or_else(|| {
        Error::new(
            ErrorKind::MissingWeights,
            "the frame uses networks, the file names none",
        )
    })?;
    let predictor = NetworkPredictor::new(
        networks,
        geometry.wavelet,
        &geometry.plan,
        gains.clone(),
        form.step,
    );
    Ok(Box::new(predictor))
}

fn dequantiser<T: Real>(step: f64, shrink: u8) -> Dequantiser<T> {
    Dequantiser {
        step: T::from_f64(step),
        shrink: T::from_f64(f64::from(shrink) / 256.0),
    }
}

fn decode_brick(brick: &Brick, stored: &[Vec<bool>], payload: &[u8]) -> Result<Vec<Vec<i32>>> {
    let mut decoder = BrickDecoder::new(payload);
    let decode = |(grid, stored): (&BrickGrid, &Vec<bool>)| {
        if !stored.contains(&true) {
            return Ok(Vec::new());
        }
        let mut coefficients = vec![0; grid.len()];
        decoder.grid(&grid.layout, stored, &mut coefficients)?;
        Ok(coefficients)
    };
    brick.grids.iter().zip(stored).map(decode).collect()
}

/// A weight set and the machine it runs on.
#[derive(Clone)]
pub(super) struct Networks {
    pub(super) hierarchy: Arc<Hierarchy>,
    pub(super) backend: Arc<dyn Backend>,
}

/// What the encoder tries: one field, transformed, at a step to be found.
pub(super) struct Candidate<E: Sample> {
    pub(super) analysis: Analysis<E::Work>,
    pub(super) normalisation: Normalisation<E::Work>,
    pub(super) form: WaveletForm,
}

/// A coded frame and what it decodes to.
pub(super) struct Trial<E: Sample> {
    pub(super) form: WaveletForm,
    pub(super) payloads: Payloads,
    pub(super) decoded: Vec<E>,
    /// Seconds it took to decode.
    pub(super) decode_seconds: f64,
}

impl<E: Sample> Candidate<E> {
    /// The gain of each level's network, finest first; 0 where there is none.
    fn gains(&self, networks: &Networks) -> Vec<f32> {
        let plan = &self.analysis.plan;
        let probe = NetworkPredictor::new(networks, self.analysis.wavelet, plan, Vec::new(), 1.0);
        let rank = plan.shape().rank();
        let gain = |level: usize| match probe.network(level).map(|network| network.arch().head) {
            None => 0.0,
            Some(Head::Subbands) => self.analysis.detail_rms(level) as f32,
            // The field of a level: `unit` of the level below it.
            Some(Head::VoxelShuffle) => 2f64.powf((rank * level) as f64 / 2.0) as f32,
        };
        (0..plan.levels().len()).map(gain).collect()
    }

    /// Quantises at `step` (normalised unit); returns the estimated root mean squared error with what
    /// is needed to code it. `use_on` as in [`quantise`]. `None` when the step is too fine for the
    /// coder.
    ///
    /// # Errors
    /// What the predictor reports.
    pub(super) fn quantise(
        &self,
        step: f64,
        networks: Option<&Networks>,
        use_on: Option<&Used>,
    ) -> Result<Option<(f64, Pass<E::Work>)>> {
        let dequantiser = dequantiser::<E::Work>(step, SHRINK);
        let rounded = dequantiser.step.to_f64();
        if !rounded.is_finite() || rounded <= 0.0 || !(1.0 / rounded).is_finite() {
            return Ok(None);
        }
        let analysis = &self.analysis;
        let predictor = networks.map(|n| {
            NetworkPredictor::new(n, analysis.wavelet, &analysis.plan, self.gains(n), rounded)
        });
        let predictor = predictor.as_ref().map(|p| p as &dyn Predict<E::Work>);
        let pass = quantise(analysis, dequantiser, predictor, use_on)?;
        let count = self.analysis.plan.shape().len() as f64;
        Ok(pass.map(|pass| ((pass.squared_error / count).sqrt(), pass)))
    }

    /// Codes a pass and decodes its bytes again.
    ///
    /// # Errors
    /// What the predictor reports.
    pub(super) fn code(
        &self,
        mut pass: Pass<E::Work>,
        networks: Option<&Networks>,
    ) -> Result<Trial<E>> {
        let mut form = self.form.clone();
        form.step = pass.dequantiser.step.to_f64();
        if let Some(networks) = networks.filter(|_| pass.used.contains(&true)) {
            let mut gains = self.gains(networks);
            for (gain, &used) in gains.iter_mut().zip(&pass.used) {
                *gain = if used { *gain } else { 0.0 };
            }
            // Levels behind the last that uses a network need no entry.
            let count = gains
                .iter()
                .rposition(|&gain| gain != 0.0)
                .map_or(0, |last| last + 1);
            gains.truncate(count);
            form.network = (count > 0).then_some(NetworkUse { gains });
        }
        let payloads = Payloads {
            tree: octree::encode(&pass.tree),
            bricks: code_bricks(&self.analysis.partition, &mut pass),
        };
        drop(pass);
        let start = Instant::now();
        let geometry = Geometry::<E::Work>::new(self.analysis.plan.shape(), &form)?;
        let bricks: Vec<(u32, &[u8])> = payloads
            .bricks
            .iter()
            .map(|(n, b)| (*n, b.as_slice()))
            .collect();
        let predictor = predictor(&geometry, &form, networks)?;
        let mut values = geometry.decode(&payloads.tree, &bricks, &*predictor, 0)?;
        self.normalisation.undo(&mut values);
        let decoded = to_samples(&values);
        Ok(Trial {
            form,
            payloads,
            decoded,
            decode_seconds: start.elapsed().as_secs_f64(),
        })
    }
}

/// Finds the corrections that bring every ordinary voxel within `bound`, and applies them.
pub(super) fn correct<E: Sample>(
    original: &[E],
    decoded: &mut [E],
    ordinary: Option<&[bool]>,
    bound: f64,
) -> Corrections {
    let step = E::Work::from_f64(bound);
    let entry = |(i, (&x, y)): (usize, (&E, &mut E))| {
        if ordinary.is_some_and(|o| !o[i]) || within(x.to_f64(), y.to_f64(), bound) {
            return None;
        }
        let steps = ((x.to_f64() - y.to_f64()) / bound).round();
        if steps != 0.0 && steps.abs() <= f64::from(MAX_STEPS) {
            let moved = apply_steps(*y, steps as i32, step);
            if within(x.to_f64(), moved.to_f64(), bound) {
                *y = moved;
                return Some((i as u64, Correction::Steps(steps as i32)));
            }
        }
        *y = x;
        Some((i as u64, Correction::Exact(x.to_bits64())))
    };
    Corrections {
        entries: original
            .par_iter()
            .zip(decoded)
            .enumerate()
            .filter_map(entry)
            .collect(),
    }
}

/// Largest correction in steps of the bound; beyond, the value itself is stored.
const MAX_STEPS: i32 = 1 << 20;

/// Applies corrections to a decoded field (spec section 4.9).
///
/// # Errors
/// `Corrupt` when a voxel does not exist.
pub(super) fn apply_corrections<E: Sample>(
    corrections: &Corrections,
    bound: f64,
    values: &mut [E],
) -> Result<()> {
    let step = E::Work::from_f64(bound);
    for &(voxel, correction) in &corrections.entries {
        let value = usize::try_from(voxel)
            .ok()
            .and_then(|voxel| values.get_mut(voxel))
            .ok_or_else(|| {
                Error::corrupt(format!("correction of voxel {voxel} outside the domain"))
            })?;
        *value = match correction {
            Correction::Steps(steps) => apply_steps(*value, steps, step),
            Correction::Exact(bits) => E::from_bits64(bits),
        };
    }
    Ok(())
}

/// `y + k step` in the working precision, rounded to the sample type.
fn apply_steps<E: Sample>(y: E, steps: i32, step: E::Work) -> E {
    let moved = E::Work::from_f64(y.to_f64()) + E::Work::from_i32(steps) * step;
    E::from_f64(moved.to_f64())
}

/// Whether `|x - y| <= bound` holds exactly, rounding of the difference included.
pub(super) fn within(x: f64, y: f64, bound: f64) -> bool {
    let difference = x - y;
    if difference.abs() != bound {
        return difference.abs() < bound;
    }
    // The rounded difference meets the bound: its rounding error decides (Knuth's two-sum).
    let back = x - difference;
    let error = (x - (difference + back)) + (back - y);
    if difference > 0.0 {
        error <= 0.0
    } else {
        error >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_checked_to_the_last_bit() {
        assert!(within(1.0, 0.5, 0.5));
        assert!(within(0.5, 1.0, 0.5));
        let tiny = f64::from_bits(1);
        // 1 - (-tiny) rounds to 1 but is larger.
        assert!(!within(1.0, -tiny, 1.0));
        assert!(within(1.0, tiny, 1.0));
        assert!(!within(-1.0, tiny, 1.0));
        assert!(!within(1.0, f64::NAN, 1.0));
    }

    #[test]
    fn corrections_bring_every_voxel_within_the_bound() {
        let original: Vec<f32> = (0..500).map(|i| (i as f32 * 0.37).sin() * 1e3).collect();
        let mut decoded: Vec<f32> = original
            .iter()
            .enumerate()
            .map(|(i, v)| v + (i % 7) as f32 * 0.2)
            .collect();
        let before = decoded.clone();
        let corrections = correct(&original, &mut decoded, None, 0.25);
        assert!(corrections.entries.len() > 300);
        for (x, y) in original.iter().zip(&decoded) {
            assert!(within(f64::from(*x), f64::from(*y), 0.25));
        }
        let mut again = before;
        apply_corrections(&corrections, 0.25, &mut again).unwrap();
        assert_eq!(again, decoded);
    }
}
