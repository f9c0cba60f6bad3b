//! A field, transformed once, to frames of the wavelet form: with networks and without, each at the step that its search
//! finds.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::container::Form;
use crate::container::size::estimate;
use crate::frame::encoded::{BrickChunks, EncodedFrame};
use crate::frame::goal::Goal;
use crate::frame::networks::{Networks, PricedNetworks};
use crate::frame::original::Original;
use crate::frame::wavelet::decode::LAYER_CELLS;
use crate::frame::wavelet::memory::FieldMemory;
use crate::frame::wavelet::quality::level_quality;
use crate::frame::wavelet::samples::FieldSamples;
use crate::frame::wavelet::search::trials::{BestTrial, FrameTrials};
use crate::frame::wavelet::search::{max_error, psnr, target};
use crate::frame::wavelet::trial::{NormalisedField, TransformedField, Verify, brick_edge};
use crate::options::EncodeOptions;
use crate::transform::Wavelet;

/// Values in working precision, about, that fit the memory to aim at for each cell that is worked on: the samples and bands of a box,
/// its residuals and integers take a quarter of it.
const CELL_SHARE: u64 = 128;
/// Fewer cells make too much of the margins around them.
const LEAST_CELLS: usize = 1 << 16;

/// A transformed field and what is asked of its frames.
pub(crate) struct WaveletEncoder<'a, E: Element> {
    original: Original<'a, E>,
    transformed: TransformedField<'a, E>,
    goal: Goal,
    options: &'a EncodeOptions,
    measure_ssim: bool,
}

impl<'a, E: Element> WaveletEncoder<'a, E> {
    /// Transforms a field, with its finest level in memory or not as the options have it.
    ///
    /// # Errors
    /// `InvalidArgument` for an edge of bricks that is none, `LimitExceeded` where the field needs more memory than it may.
    pub(crate) fn new(
        samples: &'a FieldSamples<'a, E>,
        goal: Goal,
        options: &'a EncodeOptions,
        networks: Option<&Networks>,
    ) -> Result<Self> {
        let (original, normalisation) = (samples.original, samples.normalisation);
        let (shape, resources) = (original.shape, &options.resources);
        let memory = FieldMemory {
            shape,
            value_bytes: size_of::<E::Work>(),
            brick_edge: brick_edge(&options.coding, shape) as usize,
            periodic: options.coding.periodic,
            has_networks: networks.is_some(),
        };
        let passes = |limit| memory.held() > limit;
        let is_streamed = original.ordinary.is_none() && resources.memory.is_some_and(passes);
        if is_streamed {
            memory.check_streamed(resources)?;
        }
        if original.ordinary.is_some() || matches!(goal, Goal::Ssim(_)) {
            memory.check_held(resources)?;
        }
        let field = if is_streamed {
            NormalisedField::Streamed(samples)
        } else {
            NormalisedField::Held(original.normalised(&normalisation))
        };
        let wavelet = filter_pair(options, networks);
        let coding = &options.coding;
        Ok(Self {
            original,
            transformed: TransformedField::new(
                original.shape,
                coding,
                wavelet,
                normalisation,
                field,
                cells_within::<E::Work>(options.resources.memory),
            )?
            .with_scratch(resources.scratch.as_deref()),
            goal,
            options,
            // The SSIM takes the whole decoded field in memory.
            measure_ssim: options.observer.measure_ssim && !is_streamed
                || matches!(goal, Goal::Ssim(_)),
        })
    }

    /// The frame at the step that keeps the bound, searched from `start`; `None` when none does.
    ///
    /// # Errors
    /// What the networks report.
    pub(crate) fn run(
        &self,
        networks: Option<&PricedNetworks<'_>>,
        start: Option<f64>,
    ) -> Result<Option<EncodedFrame>> {
        let added = networks.map_or(0, |priced| priced.file_bytes);
        let networks = networks.map(|priced| priced.networks);
        let Some(best) = self.search(networks, start, added)? else {
            return Ok(None);
        };
        let encoded = self.finish(best);
        // The step was fitted against the decoded field itself; this is the last word on the bound.
        let bytes = encoded.file_bytes(E::DTYPE) + added;
        let ratio = self.original.raw_bytes() / bytes as f64;
        Ok(Some(encoded).filter(|encoded| self.goal.is_met_by(encoded, ratio)))
    }

    fn search(
        &self,
        networks: Option<&Networks>,
        start: Option<f64>,
        added: usize,
    ) -> Result<Option<BestTrial>> {
        let transformed = &self.transformed;
        let verify = Verify {
            correct_beyond: self.goal.max_error(),
            keep_field: self.measure_ssim,
        };
        let mut trials = FrameTrials::new(transformed, networks, self.original, verify);
        let range = transformed.normalised_range();
        match self.goal {
            Goal::Psnr(db) => {
                let coarsest = transformed.coarsest_step().ln();
                psnr::search(
                    &mut trials,
                    psnr::PsnrTarget::new(db, range, start, coarsest),
                )
            }
            Goal::Ssim(ssim) => {
                let aim = target::Target::ssim(ssim, start, range);
                target::search(&mut trials, aim, FrameTrials::ssim_reached)
            }
            Goal::Ratio(ratio) => {
                let bytes = self.original.raw_bytes() / ratio;
                let mask = self.original.mask.map(|mask| mask.len());
                let overhead = estimate::around_wavelet_form(E::DTYPE, mask) + added;
                target::search(
                    &mut trials,
                    target::Target::bytes(bytes, start, range),
                    |trials: &FrameTrials<'_, E>, trial| {
                        Ok(target::TrialQuality::bytes(trials.bytes(trial) + overhead))
                    },
                )
            }
            Goal::MaxError(bound) => {
                let valley = max_error::Valley {
                    bound: bound / transformed.form.scale,
                    voxels: self.original.ordinary_voxels(),
                    start,
                };
                max_error::search(&mut trials, valley, FrameTrials::corrected_bytes)
            }
        }
    }

    fn finish(&self, best: BestTrial) -> EncodedFrame {
        let BestTrial {
            mut form,
            payloads,
            corrections,
            verification,
        } = best;
        let analysis = &self.transformed.analysis;
        let (low, high) = self.transformed.normalisation.bounds();
        let range = (high - low) / form.scale;
        form.quality = level_quality(analysis, range, verification.comparison.psnr_db);
        let mut encoded = EncodedFrame::new(
            &self.original,
            self.options.bound,
            self.transformed.normalisation.range,
            verification,
            Form::Wavelet(form),
        );
        encoded.tree = Some(payloads.tree);
        encoded.bricks = BrickChunks::Coded(payloads.bricks);
        encoded.corrections = corrections;
        encoded
    }
}

/// Cells of a level to work on at a time, for values in memory of type `T`: a brick or more, and no more than many threads need.
fn cells_within<T>(memory: Option<u64>) -> usize {
    let cells = memory.map_or(u64::MAX, |memory| {
        memory / CELL_SHARE / size_of::<T>() as u64
    });
    usize::try_from(cells).map_or(LAYER_CELLS, |cells| cells.clamp(LEAST_CELLS, LAYER_CELLS))
}

/// The filter pair: what was asked for, else the one that the networks were made for.
pub(crate) fn filter_pair(options: &EncodeOptions, networks: Option<&Networks>) -> Wavelet {
    let default = || {
        if networks.is_some_and(Networks::are_for_haar) {
            Wavelet::Haar
        } else {
            Wavelet::Cdf97
        }
    };
    options.coding.wavelet.unwrap_or_else(default)
}
