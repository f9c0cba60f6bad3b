//! How a field is coded.

use std::sync::Arc;

use super::{Effort, PooledOptions};
use crate::base::error::{Error, Result};
use crate::base::grid::Axes;
use crate::network::Hierarchy;
use crate::transform::{AxisPlan, Wavelet};

/// The key interval that programs which write series take where nothing is said: so many frames decoding one takes at most.
/// Not the default of [`Coding`], which keeps nothing for frames that may not come.
pub const KEY_INTERVAL: u32 = 16;

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

/// The way a field is encoded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Wavelet details beside their prediction, any bound.
    #[default]
    Default,
    /// The pooled form, as in the paper (`--profile paper`): mean pooling, dynamic downscaling, a representative
    /// volume; PSNR only.
    Pooled(PooledOptions),
}

/// Which form a frame of the default profile has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormChoice {
    /// With a bound on the error of every voxel, and no filter pair asked for, the one that a sample of the field takes fewest
    /// bytes in, else the wavelet form.
    #[default]
    Auto,
    /// Wavelet details beside their prediction.
    Wavelet,
    /// Voxels predicted from those before them; only with a bound on the error of every voxel.
    Raster,
}

impl std::str::FromStr for FormChoice {
    type Err = Error;

    /// `auto`, `wavelet` or `raster`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "wavelet" => Ok(Self::Wavelet),
            "raster" => Ok(Self::Raster),
            other => Err(Error::invalid(format!(
                "form auto, wavelet or raster expected, {other:?} found"
            ))),
        }
    }
}

/// Axes along which a field repeats, so that its last sample is a neighbour of its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Periodic {
    /// These.
    Given(Axes),
    /// Those of these at whose ends the field goes on as it does inside, where the file gets smaller by it. The slowest axis is not
    /// looked at in a field that takes more memory than there is.
    Found(Axes),
}

impl Periodic {
    /// Those that are given.
    pub(crate) fn given(self) -> Axes {
        match self {
            Self::Given(axes) => axes,
            Self::Found(_) => Axes::NONE,
        }
    }

    /// The same but for one axis.
    pub(crate) fn without(self, axis: usize) -> Self {
        match self {
            Self::Given(axes) => Self::Given(axes.without(axis)),
            Self::Found(axes) => Self::Found(axes.without(axis)),
        }
    }
}

impl Default for Periodic {
    fn default() -> Self {
        Self::Found(Axes::ALL)
    }
}

/// A subset of the letters `zyx`, `none`, or `auto` for those that are found.
impl std::str::FromStr for Periodic {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::default()),
            "none" => Ok(Self::Given(Axes::NONE)),
            axes => axes.parse().map(Self::Given),
        }
    }
}

impl std::fmt::Display for Periodic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Given(Axes::NONE) => f.write_str("none"),
            Self::Given(axes) => write!(f, "{axes}"),
            Self::Found(axes) => write!(f, "found among {axes}"),
        }
    }
}

/// How a field is coded: everything beside the bound that the bytes of the file depend on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Coding {
    /// The way it is encoded. Periodic axes, filter pair, brick edge and memory are of the default profile.
    pub profile: Profile,
    /// Which form frames of the default profile have, if they are not constant and not lossless. Default: what a sample
    /// of the field tells.
    pub form: FormChoice,
    /// Axes along which the field repeats. Default those that are found among all.
    pub periodic: Periodic,
    /// The plan along the slowest axis of frames in the wavelet form. Default: for 3-D fields what a sample of the field tells,
    /// and [`AxisPlan::Levels`] for slabs, where `z` is periodic, and for fields above half a gibibyte in working precision or that
    /// [`crate::Resources::memory_limit`] does not let be held. Other plans hold the field, whatever memory to aim at is given.
    pub plan: Option<AxisPlan>,
    /// Filter pair. Default: Haar when the model given is made of networks for Haar, as the paper's
    /// are, else CDF 9/7.
    pub wavelet: Option<Wavelet>,
    /// Edge of a brick in voxels, a power of two from 64. Default 64 in 3-D; in 2-D 512, and 256 in the
    /// raster form.
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
    /// How much time the encoder may take for a smaller file. Default 5.
    pub effort: Effort,
    /// Frames that will share one set of weights, as far as is known: whether weights pay is judged by a
    /// frame's share of them, but for [`crate::Bound::Ratio`]. Default 1.
    pub frames: usize,
    /// Most frames of a field from one that is coded by itself to the next: those between may be predicted from the frames
    /// before them, and decoding one takes those back to the last that is not. 1, the default: every frame by itself.
    pub key_interval: u32,
}

impl Coding {
    /// The plan that is given, or that of a frame for which none was chosen.
    pub(crate) fn axis_plan(&self) -> AxisPlan {
        self.plan.unwrap_or_default()
    }

    /// The axes among `axes` that may be periodic: not the slowest one, where it is not halved.
    pub(crate) fn periodic_among(&self, axes: Axes) -> Axes {
        if self.axis_plan().splits_slowest() {
            axes
        } else {
            axes.without(0)
        }
    }

    /// Makes it that of a slab across the axis `slowest`: it does not repeat along that, and all slabs have the same levels.
    pub(crate) fn be_of_slab(&mut self, slowest: usize) {
        self.periodic = self.periodic.without(slowest);
        self.plan.get_or_insert_default();
    }
}

impl Default for Coding {
    fn default() -> Self {
        Self {
            profile: Profile::Default,
            form: FormChoice::Auto,
            periodic: Periodic::default(),
            plan: None,
            wavelet: None,
            brick_edge: None,
            mask_value: None,
            range: None,
            model: Model::Default,
            embed_weights: EmbedWeights::Auto,
            effort: Effort::default(),
            frames: 1,
            key_interval: 1,
        }
    }
}
