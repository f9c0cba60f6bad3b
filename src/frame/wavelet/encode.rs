//! A field, transformed once, to frames of the wavelet form: with networks and without, each at the step that its search
//! finds.

use std::sync::Arc;

use crate::backend::{Backend, Remembered};
use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::{Axes, Shape};
use crate::base::real::Real;
use crate::container::Form;
use crate::container::size::estimate;
use crate::frame::encoded::{BrickChunks, EncodedFrame};
use crate::frame::goal::Goal;
use crate::frame::networks::{Networks, PricedNetworks};
use crate::frame::wavelet::crop::{DB_PER_E, Outset, crop};
use crate::frame::wavelet::decode::LAYER_CELLS;
use crate::frame::wavelet::memory::FieldMemory;
use crate::frame::wavelet::past::OfferedPast;
use crate::frame::wavelet::periodic::{Ends, likely_step};
use crate::frame::wavelet::probation::{PassEstimate, is_hopeful};
use crate::frame::wavelet::quality::level_quality;
use crate::frame::wavelet::samples::FieldSamples;
use crate::frame::wavelet::search::trials::{BestTrial, FrameTrials, NetworkTrial};
use crate::frame::wavelet::search::{max_error, psnr, target};
use crate::frame::wavelet::trial::{NormalisedField, TransformedField, Verify, brick_edge};
use crate::options::{Coding, EncodeOptions, Periodic};
use crate::transform::Wavelet;

/// Values in working precision, about, that fit the memory to aim at for each cell that is worked on: the samples and bands of a box,
/// its residuals and integers take a quarter of it.
const CELL_SHARE: u64 = 128;
/// Fewer cells make too much of the margins around them.
const LEAST_CELLS: usize = 1 << 16;

/// Networks that are tried.
pub(crate) struct Contender<'a> {
    pub(crate) priced: PricedNetworks<'a>,
    /// The frame to beat, which also tells where to begin.
    pub(crate) rival: Option<&'a Found>,
    /// Whether the trial ends where the rival is seen not to be beaten.
    pub(crate) gives_up: bool,
}

/// A frame that keeps the bound.
pub(crate) struct Found {
    pub(crate) encoded: EncodedFrame,
    estimate: PassEstimate,
    /// How much higher the PSNR was estimated than it is, in dB.
    bias: f64,
}

/// About how much coarser the step is with networks: where the search with them starts from that without.
const COARSER_WITH_NETWORKS: f64 = 1.15;

/// A transformed field and what is asked of its frames.
pub(crate) struct WaveletEncoder<'a, E: Element> {
    samples: &'a FieldSamples<'a, E>,
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
        past: OfferedPast<'_>,
    ) -> Result<Self> {
        let (original, normalisation) = (samples.original, samples.normalisation);
        let (shape, resources) = (original.shape, &options.resources);
        let memory = field_memory::<E>(shape, options, networks);
        let splits_slowest = options.coding.axis_plan().splits_slowest();
        let is_streamed =
            original.ordinary.is_none() && splits_slowest && !memory.fits(resources.memory);
        if is_streamed {
            memory.check_streamed(resources)?;
        }
        if original.ordinary.is_some() || matches!(goal, Goal::Ssim(_)) || !splits_slowest {
            memory.check_held(resources)?;
        }
        let field = if is_streamed {
            NormalisedField::Streamed(samples)
        } else {
            NormalisedField::Held(original.normalised(&normalisation))
        };
        let past = if memory.fits_with_past(resources.memory) {
            past
        } else {
            OfferedPast::default()
        };
        let wavelet = filter_pair(options, networks);
        let coding = Coding {
            periodic: Periodic::Given(periodic_axes(samples, goal, options, wavelet, &field)?),
            ..options.coding.clone()
        };
        Ok(Self {
            samples,
            transformed: TransformedField::new(
                original.shape,
                &coding,
                wavelet,
                normalisation,
                field,
                cells_within::<E::Work>(options.resources.memory),
            )?
            .with_scratch(resources.scratch.as_deref())
            .with_past(past),
            goal,
            options,
            // The SSIM takes the whole decoded field in memory.
            measure_ssim: options.observer.measure_ssim && !is_streamed
                || matches!(goal, Goal::Ssim(_)),
        })
    }

    /// The frame at the step that keeps the bound, without networks or with those of `contender`; `None` when there is no such
    /// step, or where the contender is seen to lose.
    ///
    /// # Errors
    /// What the networks report.
    pub(crate) fn run(&self, contender: Option<&Contender<'_>>) -> Result<Option<Found>> {
        let Some(best) = self.search(contender)? else {
            return Ok(None);
        };
        let estimate = best.estimate;
        let encoded = self.finish(best);
        // The step was fitted against the decoded field itself; this is the last word on the bound.
        let added = contender.map_or(0, |contender| contender.priced.file_bytes);
        let bytes = encoded.file_bytes(E::DTYPE) + added;
        let ratio = self.samples.original.raw_bytes() / bytes as f64;
        let is_met = self.goal.is_met_by(&encoded, ratio);
        let bias = self.transformed.psnr_db(estimate.squared_error) - encoded.comparison.psnr_db;
        Ok(is_met.then_some(Found {
            encoded,
            estimate,
            bias,
        }))
    }

    /// Whether it may pay to try networks on a field that takes this step without them.
    pub(crate) fn is_hopeful(&self, step: f64) -> bool {
        is_hopeful(&self.transformed.analysis, step)
    }

    fn search(&self, contender: Option<&Contender<'_>>) -> Result<Option<BestTrial>> {
        let trial = contender
            .map(|contender| self.network_trial(contender))
            .transpose()?;
        let added = contender.map_or(0, |contender| contender.priced.file_bytes);
        let rival = contender.and_then(|contender| contender.rival);
        let transformed = &self.transformed;
        let past_step = transformed.past.as_ref().and_then(|past| past.step);
        let start = trial.as_ref().map_or(past_step, |trial| trial.start);
        let verify = Verify {
            correct_beyond: self.goal.max_error(),
            keep_field: self.measure_ssim,
        };
        let mut trials = FrameTrials::new(transformed, trial, self.samples.original, verify);
        let range = transformed.normalised_range();
        let effort = self.options.coding.effort.plan();
        match self.goal {
            Goal::Psnr(db) => {
                let field = psnr::Prospect {
                    voxels: self.samples.original.shape.len(),
                    range,
                    coarsest: transformed.coarsest_step(),
                    start,
                    aim: effort.psnr_aim,
                    close: effort.psnr_close,
                    bias: rival
                        .map(|found| found.bias)
                        .filter(|bias| bias.is_finite()),
                    slope: contender.map(|_| -DB_PER_E),
                };
                let expected = |step| transformed.expected_rms_error(step);
                psnr::search(&mut trials, psnr::PsnrTarget::new(db, field, expected))
            }
            Goal::Ssim(ssim) => {
                let aim = target::Target::ssim(ssim, start, range);
                target::search(&mut trials, aim, FrameTrials::ssim_reached)
            }
            Goal::Ratio(ratio) => {
                let bytes = self.samples.original.raw_bytes() / ratio;
                let mask = self.samples.original.mask.map(|mask| mask.len());
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
                    voxels: self.samples.original.ordinary_voxels(),
                    passes: effort.max_error_passes,
                    looks_aside_below: effort.looks_aside_below,
                    start,
                };
                let expected = |step| transformed.analysis.expected_bits(step);
                max_error::search(&mut trials, valley, expected, FrameTrials::corrected_bytes)
            }
        }
    }

    /// Networks with the gains to start from.
    fn network_trial(&self, contender: &Contender<'_>) -> Result<NetworkTrial> {
        let mut networks = contender.priced.networks.clone();
        let mut outset = Outset {
            gains: self.transformed.gains(&networks),
            step: contender.rival.and_then(|found| found.encoded.step()),
        };
        // A box of the field by itself knows nothing of earlier frames.
        if let Some(step) = outset.step
            && self.transformed.past.is_none()
        {
            outset.step = Some(step * COARSER_WITH_NETWORKS);
            self.look_at_crop(step, &networks, &mut outset)?;
        }
        // A device keeps what it predicts to itself, and memory that is short has no room.
        let remembers = self.options.resources.memory_limit.is_none()
            && !self.transformed.analysis.is_streamed(0)
            && networks.backend.device().is_none();
        let remembered = remembers.then(|| {
            let (backend, hierarchy) = (&networks.backend, &networks.hierarchy);
            Arc::new(Remembered::new(Arc::clone(backend), Arc::clone(hierarchy)))
        });
        if let Some(remembered) = &remembered {
            networks.backend = Arc::clone(remembered) as Arc<dyn Backend>;
        }
        Ok(NetworkTrial {
            networks,
            remembered,
            gains: outset.gains,
            start: outset.step,
            rival: contender
                .rival
                .filter(|_| contender.gives_up)
                .map(|found| found.estimate),
        })
    }

    /// Corrects the start of a search by what networks do to a box of the field; `step` is the one without them.
    fn look_at_crop(&self, step: f64, networks: &Networks, outset: &mut Outset) -> Result<()> {
        let wavelet = self.transformed.analysis.wavelet;
        match crop(self.samples, &self.options.coding, wavelet)? {
            Some(crop) => outset.fit(&crop, networks, step),
            None => Ok(()),
        }
    }

    fn finish(&self, best: BestTrial) -> EncodedFrame {
        let BestTrial {
            mut form,
            payloads,
            corrections,
            verification,
            bands,
            ..
        } = best;
        let analysis = &self.transformed.analysis;
        let (low, high) = self.transformed.normalisation.bounds();
        let range = (high - low) / form.scale;
        form.quality = level_quality(analysis, range, verification.comparison.psnr_db);
        let mut encoded = EncodedFrame::new(
            &self.samples.original,
            self.options.bound,
            self.transformed.normalisation.range,
            verification,
            Form::Wavelet(form),
        );
        encoded.tree = Some(payloads.tree);
        encoded.bricks = BrickChunks::Coded(payloads.bricks);
        encoded.corrections = corrections;
        encoded.bands = bands;
        encoded
    }
}

/// What encoding a field takes in memory.
fn field_memory<E: Element>(
    shape: Shape,
    options: &EncodeOptions,
    networks: Option<&Networks>,
) -> FieldMemory {
    FieldMemory {
        shape,
        value_bytes: size_of::<E::Work>(),
        brick_edge: brick_edge(&options.coding, shape) as usize,
        periodic: options.coding.periodic.given(),
        has_networks: networks.is_some(),
    }
}

/// Whether a field may be held in memory while it is encoded.
pub(crate) fn may_be_held<E: Element>(
    shape: Shape,
    options: &EncodeOptions,
    networks: Option<&Networks>,
) -> bool {
    field_memory::<E>(shape, options, networks).fits(options.resources.memory_limit)
}

/// Whether a field may be predicted from earlier frames, for which their bands are held beside it.
pub(crate) fn may_have_past<E: Element>(
    shape: Shape,
    options: &EncodeOptions,
    networks: Option<&Networks>,
) -> bool {
    field_memory::<E>(shape, options, networks).fits_with_past(options.resources.memory)
}

/// The axes along which a field repeats: as asked for, or as its ends tell.
fn periodic_axes<E: Element>(
    samples: &FieldSamples<'_, E>,
    goal: Goal,
    options: &EncodeOptions,
    wavelet: Wavelet,
    field: &NormalisedField<'_, E::Work>,
) -> Result<Axes> {
    let among = match options.coding.periodic {
        Periodic::Given(axes) => return Ok(axes),
        Periodic::Found(among) => options.coding.periodic_among(among),
    };
    let (original, normalisation) = (samples.original, samples.normalisation);
    let whole = original.shape.region();
    let (least, largest) = normalisation.bounds();
    let ends = Ends {
        original,
        wavelet,
        brick_edge: brick_edge(&options.coding, original.shape),
        step: likely_step(goal, largest - least, normalisation.scale.to_f64()),
    };
    let found = match field {
        NormalisedField::Held(values) => ends.periodic(among, |region| whole.crop(values, &region)),
        // A box of all planes is what there is no memory for.
        NormalisedField::Streamed(samples) => {
            let among = among.without(whole.slowest_axis());
            ends.periodic(among, |region| samples.normalised(region))
        }
    }?;
    if found != Axes::NONE {
        let why =
            format!("axes {found} are periodic: what goes on from end to start takes fewer bits");
        original.observer.choice_made(&why);
    }
    Ok(found)
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
