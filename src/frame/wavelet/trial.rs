//! One frame at a given quantisation step: coded payloads, and the decoding that both the encoder's
//! check and the decoder run.

use std::sync::Arc;
use std::time::Instant;

use crate::backend::Backend;
use crate::base::dtype::Element;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::real::Real;
use crate::codec::corrections::Corrections;
use crate::container::{CHUNK_HEADER_LEN, NetworkUse, WaveletForm};
use crate::frame::layout::{BrickPayloads, Geometry, dequantiser};
use crate::frame::sample::Normalisation;
use crate::frame::wavelet::analysis::Analysis;
use crate::frame::wavelet::gains;
use crate::frame::wavelet::predict::NetworkPredictor;
use crate::frame::wavelet::quantise::{Pass, Used, code_bricks, quantise};
use crate::metrics::{Comparer, Comparison};
use crate::network::Hierarchy;
use crate::octree;
use crate::options::Observer;
use crate::recon::{NoPrediction, Predict};
use crate::transform::{Plan, Wavelet};

/// Distance of a decoded magnitude below its integer, in 1/256 step: after rate-distortion-optimised
/// quantisation the values of a bin lie almost evenly.
pub(crate) const SHRINK: u8 = 5;

/// Bytes of a `BRIK` chunk around its payload: header and, about, entry of the index.
pub(crate) const BRICK_CHUNK: usize = CHUNK_HEADER_LEN + 4;

/// Payloads of a frame in multiresolution form.
#[derive(Debug)]
pub(crate) struct Payloads {
    pub(crate) tree: Vec<u8>,
    pub(crate) bricks: Vec<(u32, Vec<u8>)>,
}

impl BrickPayloads for Payloads {
    fn brick(&self, number: usize) -> Result<Option<&[u8]>> {
        let place = self
            .bricks
            .binary_search_by_key(&number, |(n, _)| *n as usize);
        Ok(place.ok().map(|i| self.bricks[i].1.as_slice()))
    }
}

impl Payloads {
    pub(crate) fn len(&self) -> usize {
        self.tree.len()
            + self
                .bricks
                .iter()
                .map(|(_, bytes)| bytes.len())
                .sum::<usize>()
    }
}

/// The predictor a frame's record asks for.
///
/// # Errors
/// `MissingWeights` when it uses networks and none are at hand.
pub(crate) fn predictor<T: Real>(
    wavelet: Wavelet,
    plan: &Plan,
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
    let predictor = NetworkPredictor::new(networks, wavelet, plan, gains.clone(), form.step);
    Ok(Box::new(predictor))
}

/// A weight set and the machine it runs on.
#[derive(Clone)]
pub(crate) struct Networks {
    pub(crate) hierarchy: Arc<Hierarchy>,
    pub(crate) backend: Arc<dyn Backend>,
}

/// What the encoder tries: one field, transformed, at a step to be found.
pub(crate) struct Candidate<'a, E: Element> {
    pub(crate) analysis: Analysis<'a, E::Work>,
    pub(crate) normalisation: Normalisation<E::Work>,
    pub(crate) form: WaveletForm,
}

/// The field a trial is checked against.
#[derive(Clone, Copy)]
pub(crate) struct Original<'a, E> {
    pub(crate) values: &'a [E],
    /// Whether each value is an ordinary number; all are where it is missing.
    pub(crate) ordinary: Option<&'a [bool]>,
    pub(crate) observer: &'a Observer,
}

/// What is done with the decoded field.
#[derive(Clone, Copy, Default)]
pub(crate) struct Check {
    /// Correct every voxel that is further off than this.
    pub(crate) correct: Option<f64>,
    /// Keep the field.
    pub(crate) keep: bool,
}

/// A coded frame and what it decodes to.
pub(crate) struct Trial<E: Element> {
    pub(crate) form: WaveletForm,
    pub(crate) payloads: Payloads,
    pub(crate) corrections: Corrections,
    /// The original against the decoded and corrected field.
    pub(crate) comparison: Comparison,
    /// That field, where it was to be kept.
    pub(crate) decoded: Vec<E>,
    /// Seconds it took to decode and compare.
    pub(crate) decode_seconds: f64,
}

impl<E: Element> Candidate<'_, E> {
    /// The gains that a search starts from ([`gains::initial`]); none without networks.
    pub(crate) fn gains(&self, networks: Option<&Networks>) -> Vec<f32> {
        let analysis = &self.analysis;
        networks.map_or(Vec::new(), |networks| {
            gains::initial(networks, analysis.wavelet, &analysis.plan, |level| {
                analysis.detail_rms(level)
            })
        })
    }

    /// Quantises at `step` (normalised unit); returns the estimated root mean squared error with what
    /// is needed to code it. `gains` are those of `networks`, `use_on` as in [`quantise`]. `None` when the
    /// step is too fine for the coder.
    ///
    /// # Errors
    /// What the predictor reports.
    pub(crate) fn quantise(
        &self,
        step: f64,
        networks: Option<&Networks>,
        gains: &[f32],
        use_on: Option<&Used>,
    ) -> Result<Option<(f64, Pass<E::Work>)>> {
        let dequantiser = dequantiser::<E::Work>(step, SHRINK);
        let rounded = dequantiser.step.to_f64();
        if !rounded.is_finite() || rounded <= 0.0 || !(1.0 / rounded).is_finite() {
            return Ok(None);
        }
        let analysis = &self.analysis;
        let predictor = networks.map(|n| {
            NetworkPredictor::new(n, analysis.wavelet, &analysis.plan, gains.to_vec(), rounded)
        });
        let predictor = predictor.as_ref().map(|p| p as &dyn Predict<E::Work>);
        let mut pass = quantise(analysis, dequantiser, predictor, use_on)?;
        if let Some(pass) = &mut pass {
            let used = gains.iter().zip(&pass.used);
            pass.gains = used.map(|(&g, &used)| if used { g } else { 0.0 }).collect();
        }
        let count = self.analysis.plan.shape().len() as f64;
        Ok(pass.map(|pass| ((pass.squared_error / count).sqrt(), pass)))
    }

    /// Codes a pass, decodes its bytes again and compares, layer by layer.
    ///
    /// # Errors
    /// What the predictor reports.
    pub(crate) fn code(
        &self,
        mut pass: Pass<E::Work>,
        networks: Option<&Networks>,
        original: Original<'_, E>,
        check: Check,
    ) -> Result<Trial<E>> {
        let mut form = self.form.clone();
        form.step = pass.dequantiser.step.to_f64();
        // Levels behind the last that uses a network need no entry.
        if let Some(last) = pass.gains.iter().rposition(|&gain| gain != 0.0) {
            let gains = pass.gains[..=last].to_vec();
            form.network = Some(NetworkUse { gains });
        }
        let analysis = &self.analysis;
        let predictor = predictor(analysis.wavelet, &analysis.plan, &form, networks)?;
        let payloads = Payloads {
            tree: octree::encode(&pass.tree),
            bricks: code_bricks(analysis, &mut pass, Some(&*predictor))?,
        };
        drop(pass);
        let start = Instant::now();
        let geometry = Geometry::new(analysis.plan.shape(), &form, &payloads.tree)?;
        let (min, max) = self.normalisation.range;
        let range = (min.to_f64(), max.to_f64());
        let mut comparer = Comparer::new(original.values, original.ordinary, range)?;
        let (mut decoded, mut corrections) = (Vec::new(), Corrections::default());
        let mut first = 0;
        geometry.decode_layers(&form, &*predictor, &payloads, 0, &mut |_, mut values| {
            self.normalisation.undo(&mut values);
            let mut samples = E::from_work(values);
            let end = first + samples.len();
            if let Some(bound) = check.correct {
                let ordinary = original.ordinary.map(|o| &o[first..end]);
                let values = &original.values[first..end];
                let found = Corrections::find(values, &mut samples, ordinary, bound);
                let moved = found.entries.into_iter();
                corrections
                    .entries
                    .extend(moved.map(|(voxel, c)| (voxel + first as u64, c)));
            }
            comparer.push(&samples)?;
            original.observer.values_read(first..end);
            first = end;
            if check.keep && decoded.is_empty() {
                decoded = samples;
            } else if check.keep {
                decoded.append(&mut samples);
            }
            Ok(())
        })?;
        Ok(Trial {
            form,
            payloads,
            corrections,
            comparison: self.normalisation.judge(comparer.finish()?),
            decoded,
            decode_seconds: start.elapsed().as_secs_f64(),
        })
    }
}
