//! How a field is to be encoded: what is promised, how it is coded, what it is called, what the run may use, who is told;
//! and what a file is decoded with.
//!
//! Frames are coded by these options, so they stand below `frame`; files are made of frames by the same ones.

mod coding;
mod decoding;
mod effort;
mod observer;
mod pooled;
mod pools;
mod resources;

use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::Backend;
use crate::base::error::{Error, Result};
use crate::base::grid::Axes;
use crate::base::real::short_number;
use crate::container::Bound;
use crate::transform::{AxisPlan, Wavelet};

pub use coding::{Coding, EmbedWeights, FormChoice, KEY_INTERVAL, Model, Periodic, Profile};
pub use decoding::DecodeOptions;
pub use effort::Effort;
pub(crate) use effort::NetworkTrials;
pub use observer::{Observer, Progress};
pub use pooled::{Downscaling, PooledCoder, PooledOptions, Trials, Upscaling};
pub use pools::ThreadPools;
pub(crate) use resources::Workplace;
pub use resources::{Resources, pool};

/// What the only field of a file is called. An encoder of several fields takes names and units from its dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Names {
    /// Name of the field; may be empty.
    pub field: String,
    /// Unit of the field; may be empty.
    pub unit: String,
}

/// How a field is encoded.
///
/// ```
/// use srt::{Axes, Bound, EncodeOptions};
///
/// let options = EncodeOptions::new(Bound::MaxError(1e-3))
///     .with_field("pressure")
///     .with_periodic(Axes::NONE)
///     .with_threads(4);
/// assert_eq!(options.resources.threads, Some(4));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Error bound: what is promised.
    pub bound: Bound,
    /// How it is coded.
    pub coding: Coding,
    /// What the only field is called.
    pub names: Names,
    /// What the run may use.
    pub resources: Resources,
    /// Who is told how it goes on.
    pub observer: Observer,
}

impl EncodeOptions {
    /// Default options for a bound.
    #[must_use]
    pub fn new(bound: Bound) -> Self {
        Self {
            bound,
            coding: Coding::default(),
            names: Names::default(),
            resources: Resources::default(),
            observer: Observer::default(),
        }
    }

    /// Sets how much time the encoder may take.
    #[must_use]
    pub fn with_effort(mut self, effort: Effort) -> Self {
        self.coding.effort = effort;
        self
    }

    /// Sets the way the field is encoded.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.coding.profile = profile;
        self
    }

    /// Sets which form frames have.
    #[must_use]
    pub fn with_form(mut self, form: FormChoice) -> Self {
        self.coding.form = form;
        self
    }

    /// Sets the name of the field.
    #[must_use]
    pub fn with_field(mut self, name: impl Into<String>) -> Self {
        self.names.field = name.into();
        self
    }

    /// Sets the unit of the field.
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.names.unit = unit.into();
        self
    }

    /// Sets the axes along which the field repeats; none are looked for.
    #[must_use]
    pub fn with_periodic(mut self, axes: Axes) -> Self {
        self.coding.periodic = Periodic::Given(axes);
        self
    }

    /// Sets the plan along the slowest axis.
    #[must_use]
    pub fn with_plan(mut self, plan: AxisPlan) -> Self {
        self.coding.plan = Some(plan);
        self
    }

    /// Sets the filter pair.
    #[must_use]
    pub fn with_wavelet(mut self, wavelet: Wavelet) -> Self {
        self.coding.wavelet = Some(wavelet);
        self
    }

    /// Sets the edge of a brick in voxels.
    #[must_use]
    pub fn with_brick_edge(mut self, edge: u32) -> Self {
        self.coding.brick_edge = Some(edge);
        self
    }

    /// Sets the value that marks voxels without data.
    #[must_use]
    pub fn with_mask_value(mut self, value: f64) -> Self {
        self.coding.mask_value = Some(value);
        self
    }

    /// Sets the range that PSNR and relative errors refer to.
    #[must_use]
    pub fn with_range(mut self, min: f64, max: f64) -> Self {
        self.coding.range = Some((min, max));
        self
    }

    /// Sets the networks.
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.coding.model = model;
        self
    }

    /// Sets whether weights are embedded.
    #[must_use]
    pub fn with_embed_weights(mut self, embed: EmbedWeights) -> Self {
        self.coding.embed_weights = embed;
        self
    }

    /// Sets the number of frames that will share the weights.
    #[must_use]
    pub fn with_frames(mut self, frames: usize) -> Self {
        self.coding.frames = frames;
        self
    }

    /// Sets how many frames of a field there are at most from one coded by itself to the next.
    #[must_use]
    pub fn with_key_interval(mut self, frames: u32) -> Self {
        self.coding.key_interval = frames;
        self
    }

    /// Sets what runs the networks.
    #[must_use]
    pub fn with_backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.resources.backend = backend;
        self
    }

    /// Sets the bytes of memory to aim at.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.resources.memory = Some(bytes);
        self
    }

    /// Sets the folder for what is coded and does not fit that memory.
    #[must_use]
    pub fn with_scratch(mut self, folder: impl Into<PathBuf>) -> Self {
        self.resources.scratch = Some(folder.into());
        self
    }

    /// Sets who is told how the run goes on.
    #[must_use]
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Sets the number of threads; see [`Resources`].
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.resources.threads = Some(threads);
        self
    }
}

/// # Errors
/// `InvalidArgument` for a bound that no field can meet.
pub(crate) fn check_bound(bound: Bound) -> Result<()> {
    let (value, ok, what) = match bound {
        Bound::Psnr(v) => (v, v.is_finite() && v > 0.0, "a PSNR above 0 dB"),
        Bound::Ssim(v) => (v, v > 0.0 && v < 1.0, "an SSIM between 0 and 1"),
        Bound::MaxError(v) => (v, v.is_finite() && v >= 0.0, "a finite error from 0"),
        Bound::RelError(v) => (
            v,
            (0.0..1.0).contains(&v),
            "a relative error from 0 to below 1",
        ),
        Bound::Ratio(v) => (v, v.is_finite() && v >= 1.0, "a ratio from 1"),
    };
    if ok {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{what} expected, {} found",
        short_number(value)
    )))
}
