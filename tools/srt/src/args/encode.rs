//! Arguments of `srt encode`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::backend::BackendChoice;
use super::bound::BoundArgs;
use super::lock::LockChoice;
use super::memory::MemorySize;
use super::paper::PaperArgs;
use super::part::PartText;
use super::raw::RawArgs;
use srt::{
    AxisPlan, Bound, Effort, EmbedWeights, Error, FormChoice, KEY_INTERVAL, Periodic, Result,
    Wavelet,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct EncodeArgs {
    /// Field to compress, .npy or raw with --shape and --dtype, or several: its time steps; - for
    /// standard input, one step behind the other. Last, the file to write; - for standard output.
    /// srt-import reads other formats
    #[arg(required = true, value_names = ["INPUT", "OUTPUT"], num_args = 1..)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    bound: BoundArgs,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// Axis of an array of rank 2 to 4 that counts time steps, the others are those of the field; 0 for rank 4 if not given
    #[arg(long, value_name = "AXIS", conflicts_with = "part")]
    pub(crate) steps_axis: Option<usize>,
    /// Axes along which the field repeats: a subset of zyx, none, or auto, those at whose ends it goes on
    #[arg(long, value_name = "AXES", default_value = "auto")]
    pub(crate) periodic: Periodic,
    /// Form of the frames, with a maximum or relative error or a PSNR: wavelet, raster (voxels predicted from those before
    /// them), or auto, what a sample of the field tells
    #[arg(long, value_name = "FORM", default_value = "auto")]
    pub(crate) form: FormName,
    /// What is done along the slowest axis of a 3-D field in the wavelet form: levels (halved like the others), dct (cosines over
    /// all of it, for stacks), wavelet (the filter pair over all of it), slices (nothing), or auto, what a sample of the field tells
    #[arg(long, value_name = "PLAN", default_value = "auto", value_parser = plan_choice)]
    pub(crate) plan: PlanName,
    /// How much time to take for a smaller file: 1, the fastest, one pass and no networks, to 9, where everything is tried
    #[arg(long, value_name = "N", default_value = "5", value_parser = effort)]
    pub(crate) effort: Effort,
    /// Filter pair: cdf97, or haar (mean pooling); what the model was made for if not given
    #[arg(long, value_name = "PAIR", value_parser = Wavelet::from_name)]
    pub(crate) wavelet: Option<Wavelet>,
    /// Name of the field; NAME=FILE for each further field or time step of one
    #[arg(long, value_name = "NAME[=FILE]")]
    pub(crate) field: Vec<OsString>,
    /// Unit of the field; NAME=UNIT where there are several
    #[arg(long, value_name = "[NAME=]UNIT")]
    pub(crate) unit: Vec<String>,
    /// Add frames to a file that is there; it stays as it is until the new one is complete
    #[arg(long)]
    pub(crate) append: bool,
    /// Of N time steps one is coded by itself, and those after it may be predicted from the one or two before them, where that
    /// is smaller: decoding a step takes N at most. 1: every step by itself, in the memory of three steps less
    #[arg(long, value_name = "N", default_value_t = KEY_INTERVAL, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) key_interval: u32,
    /// Number of the first time step; 0 if not given, or the one behind the last in the file
    #[arg(long, value_name = "N")]
    pub(crate) step: Option<u64>,
    /// Times of the steps, as many as there are
    #[arg(
        long,
        value_name = "T,..",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) time: Vec<f64>,
    /// Unit of the times
    #[arg(long, value_name = "UNIT", default_value = "")]
    pub(crate) time_unit: String,
    /// Distance of neighbouring voxels along each axis, slowest first
    #[arg(
        long,
        value_name = "DZ,DY,DX",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) spacing: Vec<f64>,
    /// Place of the first voxel
    #[arg(
        long,
        value_name = "Z,Y,X",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) origin: Vec<f64>,
    /// Unit of spacing and origin
    #[arg(long, value_name = "UNIT", default_value = "")]
    pub(crate) length_unit: String,
    /// Edge of a brick in voxels: 64, 128, 256, ...
    #[arg(long, value_name = "N")]
    pub(crate) brick: Option<u32>,
    /// A value that marks voxels without data; it is kept exactly
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    pub(crate) mask_value: Option<f64>,
    /// Encode only part I of N (from 1): a slab of the field along its slowest axis, for srt merge
    #[arg(long, value_name = "I/N", conflicts_with = "append")]
    pub(crate) part: Option<PartText>,
    /// Leave a part that is there already and whole as it is, replace a damaged one; another part, of other
    /// options or values, is refused
    #[arg(long, requires = "part")]
    pub(crate) resume: bool,
    /// Range of the whole field, which PSNR and relative errors refer to: two values, or the JSON
    /// report of srt stat; that of the input if not given
    #[arg(long, value_name = "MIN:MAX|FILE", allow_hyphen_values = true)]
    pub(crate) range: Option<PathBuf>,
    /// Networks: default (built in), none, the name of a model, or a file (.safetensors, or .srt
    /// with embedded weights)
    #[arg(long, value_name = "MODEL", default_value = "default")]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) paper: PaperArgs,
    /// Put the weights into the file; auto: unless they are built into the program
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) embed_weights: Embed,
    /// Memory to aim at, like 2G: a larger field is worked on in boxes, with the same bytes as result (but a stack that
    /// does not fit has plan levels); a quarter of this machine's if not given
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<MemorySize>,
    /// What runs the networks; the bytes do not depend on it
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    pub(crate) backend: BackendChoice,
    /// Threads; all cores if not given, and no more than four to a core (16 on fewer than four)
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Print every pass of the search, and which form was chosen, to standard error
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Overwrite the output
    #[arg(short, long)]
    pub(crate) force: bool,
    /// When another process is rewriting the output from what it holds
    #[arg(long, value_name = "WHAT", default_value = "wait")]
    pub(crate) lock: LockChoice,
}

/// `--form`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum FormName {
    Auto,
    Wavelet,
    Raster,
}

impl From<FormName> for FormChoice {
    fn from(form: FormName) -> Self {
        match form {
            FormName::Auto => Self::Auto,
            FormName::Wavelet => Self::Wavelet,
            FormName::Raster => Self::Raster,
        }
    }
}

/// `--plan`; `None`: auto.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanName(pub(crate) Option<AxisPlan>);

fn plan_choice(name: &str) -> Result<PlanName> {
    AxisPlan::choice(name).map(PlanName)
}

/// `--embed-weights`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Embed {
    Auto,
    Yes,
    No,
}

impl From<Embed> for EmbedWeights {
    fn from(embed: Embed) -> Self {
        match embed {
            Embed::Auto => Self::Auto,
            Embed::Yes => Self::Yes,
            Embed::No => Self::No,
        }
    }
}

impl EncodeArgs {
    /// # Errors
    /// `InvalidArgument` for what a part alone cannot promise for the whole.
    pub(crate) fn check_part(&self) -> Result<()> {
        let message = match (self.bound()?, &self.range) {
            (Bound::Ssim(_), _) => {
                "parts cannot promise an SSIM: its windows cross their borders; use --psnr, --max-error, --rel-error or --ratio"
            }
            (Bound::Psnr(_) | Bound::RelError(_), None) => {
                "parts need the range of the whole field for this bound: give it with --range, see srt stat"
            }
            _ => return Ok(()),
        };
        Err(Error::invalid(message))
    }

    /// The inputs without names of their own.
    pub(crate) fn inputs(&self) -> &[PathBuf] {
        let last = self.files.len().saturating_sub(1);
        &self.files[..last]
    }

    /// The file to write.
    pub(crate) fn output(&self) -> &Path {
        self.files.last().map_or(Path::new("-"), PathBuf::as_path)
    }

    pub(crate) fn bound(&self) -> Result<Bound> {
        self.bound.bound()
    }
}

fn effort(text: &str) -> Result<Effort> {
    let number = text.parse();
    Effort::new(number.map_err(|_| Error::invalid("a number from 1 to 9 expected"))?)
}
