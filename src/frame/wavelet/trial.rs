//! One frame at a given quantisation step: coded payloads, and the decoding that both the encoder's
//! check and the decoder run.

use std::borrow::Cow;
use std::path::Path;
use std::time::Instant;

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::base::real::Real;
use crate::codec::corrections::CorrectionWriter;
use crate::container::{MAX_LEVELS, NetworkUse, WaveletForm};
use crate::frame::coded::CodedBricks;
use crate::frame::layout::FrameLayout;
use crate::frame::networks::Networks;
use crate::frame::original::Original;
use crate::frame::sample::Normalisation;
use crate::frame::wavelet::analysis::{Analysis, Samples};
use crate::frame::wavelet::bricks::{UncodedBricks, code_bricks};
use crate::frame::wavelet::decode::{FramePredictors, LayerRequest};
use crate::frame::wavelet::gains;
use crate::frame::wavelet::past::{OfferedPast, PastBands};
use crate::frame::wavelet::predictor::predictor;
use crate::frame::wavelet::probation::PassEstimate;
use crate::frame::wavelet::quantise::{LevelMask, Pass, quantise};
use crate::frame::wavelet::stored::{BrickPayloads, dequantiser};
use crate::metrics::{Comparer, Comparison};
use crate::octree;
use crate::options::Coding;
use crate::recon::{BandBoxes, HeldBands, LINE_BRICK_EDGE, Partition, Predictor};
use crate::transform::{Plan, Wavelet};

/// Edge of a brick of 3-D fields in voxels, where none is asked for.
const BRICK_EDGE: u32 = 64;
/// Edge of a brick of 2-D fields in voxels, where none is asked for.
const PLANAR_BRICK_EDGE: u32 = 512;
/// Distance of a decoded magnitude below its integer, in 1/256 step: after rate-distortion-optimised
/// quantisation the values of a bin lie almost evenly.
pub(crate) const SHRINK: u8 = 5;

/// Payloads of a frame of the wavelet form.
#[derive(Debug)]
pub(crate) struct FramePayloads {
    pub(crate) tree: Vec<u8>,
    pub(crate) bricks: CodedBricks,
}

impl BrickPayloads for FramePayloads {
    fn brick(&self, number: usize) -> Result<Option<Cow<'_, [u8]>>> {
        self.bricks.brick(number)
    }
}

impl FramePayloads {
    pub(crate) fn len(&self) -> usize {
        self.tree.len() + self.bricks.len()
    }
}

/// What the encoder tries: one field, transformed, at a step to be found.
pub(crate) struct TransformedField<'a, E: Element> {
    pub(crate) analysis: Analysis<'a, E::Work>,
    pub(crate) normalisation: Normalisation<E::Work>,
    pub(crate) form: WaveletForm,
    /// Cells of a level that are worked on at a time, about.
    cells: usize,
    /// Where the coded bricks of a field that is not held go to.
    scratch: Option<&'a Path>,
    /// The frames that it may be predicted from.
    pub(crate) past: Option<PastBands<E::Work>>,
    /// Whether its decoded bands are kept for frames that follow.
    keeps_bands: bool,
}

/// What is done with the decoded field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verify {
    /// Correct every voxel that is further off than this.
    pub(crate) correct_beyond: Option<f64>,
    /// Keep the field, to be measured further.
    pub(crate) keep_field: bool,
}

/// A field to transform, in normalised values.
pub(crate) enum NormalisedField<'a, T> {
    /// In memory.
    Held(Vec<T>),
    /// Made anew box by box, where its finest level is needed.
    Streamed(&'a dyn Samples<T>),
}

/// A coded frame and what it decodes to.
pub(crate) struct Trial<E: Element> {
    pub(crate) form: WaveletForm,
    pub(crate) payloads: FramePayloads,
    /// Payload of the corrections, where there are any.
    pub(crate) corrections: Option<Vec<u8>>,
    /// What was thought of its pass.
    pub(crate) estimate: PassEstimate,
    /// The original against the decoded and corrected field.
    pub(crate) comparison: Comparison,
    /// The decoded bands, where they are kept.
    pub(crate) bands: Option<HeldBands<E::Work>>,
    /// That field, where it was to be kept.
    pub(crate) decoded: Vec<E>,
    /// Seconds it took to decode, correct and compare.
    pub(crate) decode_seconds: f64,
}

/// A frame to decode.
#[derive(Clone, Copy)]
struct StoredFrame<'a> {
    form: &'a WaveletForm,
    tree: &'a [u8],
    bricks: &'a dyn BrickPayloads,
}

/// What a frame decodes to, as in [`Trial`].
struct DecodedFrame<E: Element> {
    corrections: Option<Vec<u8>>,
    comparison: Comparison,
    bands: Option<HeldBands<E::Work>>,
    values: Vec<E>,
}

/// Edge of a brick of a field in voxels, as asked for or as it is by rank.
pub(crate) fn brick_edge(coding: &Coding, shape: Shape) -> u32 {
    coding.brick_edge.unwrap_or(match shape.rank() {
        1 => LINE_BRICK_EDGE,
        2 => PLANAR_BRICK_EDGE,
        _ => BRICK_EDGE,
    })
}

impl<'a, E: Element> TransformedField<'a, E> {
    /// Transforms a field of `shape` as `coding` says. `cells` of a level are worked on at a time, about, where it is not held.
    ///
    /// # Errors
    /// `InvalidArgument` for an edge of bricks that is none.
    pub(crate) fn new(
        shape: Shape,
        coding: &Coding,
        wavelet: Wavelet,
        normalisation: Normalisation<E::Work>,
        field: NormalisedField<'a, E::Work>,
        cells: usize,
    ) -> Result<Self> {
        let along = coding.axis_plan();
        let periodic = coding.periodic_among(coding.periodic.given());
        let plan = Plan::along(along, shape, periodic, MAX_LEVELS.into());
        let brick_edge = brick_edge(coding, shape);
        let partition = Partition::new(&plan, brick_edge)?;
        let form = WaveletForm {
            wavelet: wavelet.to_u8(),
            periodic,
            plan: along.to_u8(),
            levels: plan.levels().len() as u8,
            brick_edge,
            shrink: SHRINK,
            step: 0.0, // set by each trial
            offset: normalisation.offset.to_f64(),
            scale: normalisation.scale.to_f64(),
            network: None,
            quality: Vec::new(),
            references: None,
        };
        let analysis = match field {
            NormalisedField::Held(mut field) => {
                along.forward(wavelet, shape.dims(), &mut field);
                Analysis::held(wavelet, plan, partition, field)
            }
            NormalisedField::Streamed(samples) => {
                Analysis::streamed(wavelet, plan, partition, samples, cells)
            }
        };
        Ok(Self {
            analysis,
            normalisation,
            form,
            cells,
            scratch: None,
            past: None,
            keeps_bands: false,
        })
    }

    /// Has it predicted from earlier frames, and kept for later ones, if its finest level is held.
    pub(crate) fn with_past(mut self, offered: OfferedPast<'_>) -> Self {
        if !self.analysis.is_streamed(0) {
            self.past = offered.bands(&self.form);
            self.keeps_bands = offered.keeps;
        }
        self
    }

    /// Has coded bricks put into a file in `folder`, if the finest level is not held.
    pub(crate) fn with_scratch(mut self, folder: Option<&'a Path>) -> Self {
        self.scratch = folder.filter(|_| self.analysis.is_streamed(0));
        self
    }

    /// Range of the field in the normalised unit.
    pub(crate) fn normalised_range(&self) -> f64 {
        let (min, max) = self.normalisation.bounds();
        // The range may pass the largest double; half of it does not.
        (max / 2.0 - min / 2.0) / self.form.scale * 2.0
    }

    /// A step at which every coefficient is zero: the low-pass of the coarsest level is as many times larger than the
    /// field as its samples are roots of voxels.
    pub(crate) fn coarsest_step(&self) -> f64 {
        let shape = self.analysis.plan.shape();
        let mut voxels = 2f64.powi(shape.grid_rank() as i32 * i32::from(self.form.levels));
        if !self.analysis.plan.axis_plan().splits_slowest() {
            voxels *= shape.dims()[0] as f64;
        }
        4.0 * self.normalised_range() * voxels.sqrt()
    }

    /// The root mean squared error that a step will leave, about, in the normalised unit.
    pub(crate) fn expected_rms_error(&self, step: f64) -> f64 {
        self.rms(self.analysis.expected_error(step))
    }

    /// The PSNR of a sum of squared errors, in the normalised unit.
    pub(crate) fn psnr_db(&self, squared_error: f64) -> f64 {
        20.0 * (self.normalised_range() / self.rms(squared_error)).log10()
    }

    /// Estimated root mean squared error of a pass, in the normalised unit.
    pub(crate) fn rms_error(&self, pass: &Pass<E::Work>) -> f64 {
        self.rms(pass.squared_error)
    }

    /// Of a sum of squared errors over the field.
    fn rms(&self, squared_error: f64) -> f64 {
        let count = self.analysis.plan.shape().len() as f64;
        (squared_error / count).sqrt()
    }

    /// The gains that a search starts from ([`gains::initial`]).
    pub(crate) fn gains(&self, networks: &Networks) -> Vec<f32> {
        let analysis = &self.analysis;
        gains::initial(networks, analysis.wavelet, &analysis.plan, |level| {
            analysis.detail_rms(level)
        })
    }

    /// Quantises at `step` (normalised unit). `gains` are those of `networks`, `fixed_levels` as in [`quantise`]. `None` when
    /// the step is too fine for the coder.
    ///
    /// # Errors
    /// What the predictor reports.
    pub(crate) fn quantise(
        &self,
        step: f64,
        networks: Option<&Networks>,
        gains: &[f32],
        fixed_levels: Option<&LevelMask>,
    ) -> Result<Option<Pass<E::Work>>> {
        let dequantiser = dequantiser::<E::Work>(step, SHRINK);
        let rounded = dequantiser.step.to_f64();
        if !rounded.is_finite() || rounded <= 0.0 || !(1.0 / rounded).is_finite() {
            return Ok(None);
        }
        let analysis = &self.analysis;
        let predictor = networks
            .map(|n| Predictor::new(n, analysis.wavelet, &analysis.plan, gains.to_vec(), rounded));
        let (predictor, past) = (predictor.as_ref(), self.past.as_ref());
        let mut pass = quantise(analysis, dequantiser, predictor, past, fixed_levels)?;
        if let Some(pass) = &mut pass {
            let used = gains.iter().zip(&pass.used);
            pass.gains = used.map(|(&g, &used)| if used { g } else { 0.0 }).collect();
        }
        Ok(pass)
    }

    /// The form of a pass in the frame's record.
    fn form_of(&self, pass: &Pass<E::Work>) -> WaveletForm {
        let mut form = self.form.clone();
        form.step = pass.dequantiser.step.to_f64();
        // Levels after the last that uses a network need no entry.
        if let Some(last) = pass.gains.iter().rposition(|&gain| gain != 0.0) {
            let gains = pass.gains[..=last].to_vec();
            form.network = Some(NetworkUse { gains });
        }
        if let (Some(past), Some(offered)) = (&pass.past, &self.past) {
            form.references = offered.references(past);
        }
        form
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
        verify: Verify,
    ) -> Result<Trial<E>> {
        let (form, past) = (self.form_of(&pass), pass.past.take());
        let analysis = &self.analysis;
        let predictor = predictor(analysis.wavelet, &analysis.plan, &form, networks)?;
        let mut bricks = CodedBricks::new(self.scratch)?;
        code_bricks(analysis, &mut pass, predictor.as_ref(), &mut bricks)?;
        let payloads = FramePayloads {
            tree: octree::encode(&pass.tree),
            bricks,
        };
        let estimate = PassEstimate::new(&pass);
        drop(pass);
        let start = Instant::now();
        let predictors = FramePredictors {
            networks: predictor.as_ref(),
            past: past.as_ref(),
        };
        let coded = StoredFrame {
            form: &form,
            tree: &payloads.tree,
            bricks: &payloads,
        };
        let decoded = self.decode(coded, predictors, original, verify)?;
        Ok(Trial {
            form,
            payloads,
            estimate,
            corrections: decoded.corrections,
            comparison: decoded.comparison,
            bands: decoded.bands,
            decoded: decoded.values,
            decode_seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// What a pass decodes to beside the original: the very values that decoding its coded bricks would give. `None` for a
    /// pass that is predicted, or whose integers are not held: there it costs no less than coding it.
    ///
    /// # Errors
    /// What the comparison reports.
    pub(crate) fn measure(
        &self,
        pass: &Pass<E::Work>,
        original: Original<'_, E>,
    ) -> Result<Option<Comparison>> {
        let is_predicted = pass.past.is_some() || pass.used.contains(&true);
        if is_predicted || self.analysis.is_streamed(0) {
            return Ok(None);
        }
        let form = self.form_of(pass);
        let stored = StoredFrame {
            form: &form,
            tree: &octree::encode(&pass.tree),
            bricks: &UncodedBricks {
                partition: &self.analysis.partition,
                pass,
            },
        };
        let predictors = FramePredictors {
            networks: None,
            past: None,
        };
        let verify = Verify {
            correct_beyond: None,
            keep_field: false,
        };
        let decoded = self.decode(stored, predictors, original, verify)?;
        Ok(Some(decoded.comparison))
    }

    /// Decodes a frame and compares it with the original, layer by layer.
    fn decode(
        &self,
        stored: StoredFrame<'_>,
        predictors: FramePredictors<'_, E::Work>,
        original: Original<'_, E>,
        verify: Verify,
    ) -> Result<DecodedFrame<E>> {
        let shape = self.analysis.plan.shape();
        let geometry = FrameLayout::new(shape, stored.form, stored.tree)?;
        let range = self.normalisation.bounds();
        let mut comparer = Comparer::new(original.values, original.ordinary, range)?;
        let correct = |bound| {
            CorrectionWriter::new(original.shape, original.values, original.ordinary, bound)
        };
        let mut corrections = verify.correct_beyond.map(correct);
        let (mut decoded, mut first) = (Vec::new(), 0);
        let mut bands = self.keeps_bands.then(|| {
            let plan = geometry.plan();
            HeldBands::zeros(plan, BandBoxes::whole(plan, 0))
        });
        let layers = LayerRequest {
            level: 0,
            cells: self.cells,
        };
        geometry.decode_layers(
            stored.form,
            predictors,
            stored.bricks,
            layers,
            bands.as_mut(),
            &mut |_, mut values| {
                self.normalisation.undo(&mut values);
                let mut samples = E::from_work(values);
                let end = first + samples.len();
                if let Some(corrections) = &mut corrections {
                    corrections.push(&mut samples);
                }
                comparer.push(&samples)?;
                original.observer.values_read(first..end);
                first = end;
                if verify.keep_field && decoded.is_empty() {
                    decoded = samples;
                } else if verify.keep_field {
                    decoded.append(&mut samples);
                }
                Ok(())
            },
        )?;
        Ok(DecodedFrame {
            corrections: corrections.and_then(CorrectionWriter::finish),
            comparison: self.normalisation.relate_to_range(comparer.finish()?),
            bands,
            values: decoded,
        })
    }
}
