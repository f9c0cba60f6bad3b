//! How a field is to be encoded.

use std::ops::Range;
use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::base::error::{Error, Result};
use crate::base::grid::Axes;
use crate::container::Bound;
use crate::frame::pooled::PaperOptions;
use crate::network::Hierarchy;
use crate::transform::Wavelet;

/// Which networks predict the details.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Model {
    /// The built-in model for the field's rank.
    #[default]
    Default,
    /// No prediction.
    None,
    /// This one.
    Given(Arc<Hierarchy>),
}

/// Whether the weights go into the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmbedWeights {
    /// Unless they are built into the program.
    #[default]
    Auto,
    /// Always.
    Yes,
    /// Never: the file names them by their SHA-256.
    No,
}

/// Called with a range of values that will not be read again for a while: a caller who maps a file may
/// let go of its pages.
#[derive(Clone)]
pub struct Release(Arc<dyn Fn(Range<usize>) + Send + Sync>);

impl Release {
    /// Wraps a callback.
    pub fn new(release: impl Fn(Range<usize>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(release))
    }

    pub(crate) fn call(&self, values: Range<usize>) {
        (self.0)(values);
    }
}

impl std::fmt::Debug for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Release")
    }
}

/// The way a field is encoded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Wavelet details beside their prediction, any bound.
    #[default]
    Default,
    /// As in the paper: mean pooling, dynamic downscaling, a representative volume; PSNR only.
    Paper(PaperOptions),
}

/// How a field is encoded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Error bound.
    pub bound: Bound,
    /// The way it is encoded. Periodic axes, filter pair, brick edge and memory are of the default profile.
    pub profile: Profile,
    /// Name of the field; may be empty. For [`crate::file::encode_volume`]: an encoder of several fields
    /// takes names and units from its dataset.
    pub field: String,
    /// Unit of the field; may be empty. As the name.
    pub unit: String,
    /// Axes along which the field repeats. Default none.
    pub periodic: Axes,
    /// Filter pair. Default: Haar when the model given is made of networks for Haar, as the paper's
    /// are, else CDF 9/7.
    pub wavelet: Option<Wavelet>,
    /// Edge of a brick in voxels, a power of two from 64. Default 64 in 3-D, 512 in 2-D.
    pub brick_edge: Option<u32>,
    /// A value that marks voxels without data. Default none.
    pub mask_value: Option<f64>,
    /// Smallest and largest ordinary value of the field that the values are part of: what PSNR and
    /// relative errors refer to. Default: those of the values.
    pub range: Option<(f64, f64)>,
    /// Networks. Default: the built-in model.
    pub model: Model,
    /// Whether weights are embedded. Default: unless they are built in.
    pub embed_weights: EmbedWeights,
    /// Frames that will share one set of weights, as far as is known: whether weights pay is judged by a
    /// frame's share of them, but for [`Bound::Ratio`]. Default 1.
    pub frames: usize,
    /// What runs the networks. Default: the CPU. The file does not depend on it.
    pub backend: Arc<dyn Backend>,
    /// Bytes of memory to aim at. A field that would take more is transformed and checked in boxes, the
    /// finest level anew in each pass: slower, with the same bytes in the file. Fields with masked
    /// values are held in memory all the same. Default: no aim, all is held.
    pub memory: Option<u64>,
    /// What to tell when values have been read. Default: nothing.
    pub release: Option<Release>,
    /// Threads; default all cores.
    pub threads: Option<usize>,
    /// Whether the report shall contain the SSIM. Default false; the file does not depend on it.
    pub measure_ssim: bool,
}

impl EncodeOptions {
    /// Default options for a bound.
    #[must_use]
    pub fn new(bound: Bound) -> Self {
        Self {
            bound,
            profile: Profile::Default,
            field: String::new(),
            unit: String::new(),
            periodic: Axes::NONE,
            wavelet: None,
            brick_edge: None,
            mask_value: None,
            range: None,
            model: Model::Default,
            embed_weights: EmbedWeights::Auto,
            frames: 1,
            backend: Arc::new(Cpu::detect()),
            memory: None,
            release: None,
            threads: None,
            measure_ssim: false,
        }
    }

    /// Sets the way the field is encoded.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets the name of the field.
    #[must_use]
    pub fn with_field(mut self, name: impl Into<String>) -> Self {
        self.field = name.into();
        self
    }

    /// Sets the axes along which the field repeats.
    #[must_use]
    pub fn with_periodic(mut self, axes: Axes) -> Self {
        self.periodic = axes;
        self
    }

    /// Sets the filter pair.
    #[must_use]
    pub fn with_wavelet(mut self, wavelet: Wavelet) -> Self {
        self.wavelet = Some(wavelet);
        self
    }

    /// Sets the edge of a brick in voxels.
    #[must_use]
    pub fn with_brick_edge(mut self, edge: u32) -> Self {
        self.brick_edge = Some(edge);
        self
    }

    /// Sets the value that marks voxels without data.
    #[must_use]
    pub fn with_mask_value(mut self, value: f64) -> Self {
        self.mask_value = Some(value);
        self
    }

    /// Sets the range that PSNR and relative errors refer to.
    #[must_use]
    pub fn with_range(mut self, min: f64, max: f64) -> Self {
        self.range = Some((min, max));
        self
    }

    /// Sets the networks.
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.model = model;
        self
    }

    /// Sets whether weights are embedded.
    #[must_use]
    pub fn with_embed_weights(mut self, embed: EmbedWeights) -> Self {
        self.embed_weights = embed;
        self
    }

    /// Sets the number of frames that will share the weights.
    #[must_use]
    pub fn with_frames(mut self, frames: usize) -> Self {
        self.frames = frames;
        self
    }

    /// Sets what runs the networks.
    #[must_use]
    pub fn with_backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backend = backend;
        self
    }

    /// Sets the bytes of memory to aim at.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Sets the number of threads.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
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
    Err(Error::invalid(format!("{what} expected, {value} found")))
}
