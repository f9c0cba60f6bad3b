//! The command line.

use std::io::StdinLock;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand};

use crate::memory::MemorySize;
use crate::paper::PaperArgs;
use crate::part::PartText;
use crate::region::RegionText;
use srt::{
    Axes, Bound, Dtype, EmbedWeights, Error, FieldStream, Input, Limits, Result, Shape, Wavelet,
};

/// Error-bounded compression of scientific volumes.
#[derive(Debug, Parser)]
#[command(name = "srt", version, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Compress a field (.npy or raw) under an error bound
    Encode(Box<EncodeArgs>),
    /// Decompress a field to .npy or raw
    Decode(DecodeArgs),
    /// Range, mean and spread of a field, also put together from those of its parts
    Stat(StatArgs),
    /// Join files of one domain: parts of fields, time steps, fields; nothing is coded anew
    Merge(MergeArgs),
    /// Compare a reconstruction with its original
    Eval(EvalArgs),
    /// Check every checksum and decode everything; with the original, check the bound too
    Verify(VerifyArgs),
    /// Encode a sample of real turbulence at three qualities and show the result
    Demo(DemoArgs),
    /// List, show, import and export networks
    Model(ModelArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct ModelArgs {
    #[command(subcommand)]
    pub(super) command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Built-in and imported models
    List {
        /// Report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Networks, parameters and identity of a model
    Info {
        /// Name of a model, or a file
        model: String,
        /// Report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a model file and put it into the local store
    Import {
        /// Quantised safetensors, or an .srt file with embedded weights
        file: PathBuf,
        /// Name in the store; the model's own if not given
        #[arg(long)]
        name: Option<String>,
        /// Replace a model of that name
        #[arg(short, long)]
        force: bool,
    },
    /// Write a model to a .safetensors file or an .srt weights pack
    Export {
        /// Name of a model, or a file
        model: String,
        /// File to write
        output: PathBuf,
        /// Overwrite the output
        #[arg(short, long)]
        force: bool,
    },
}

/// `--backend`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum BackendChoice {
    /// The fastest there is
    #[default]
    Auto,
    Cpu,
    Cuda,
}

/// How a raw file is to be read.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct RawArgs {
    /// Extents of raw input, slowest axis first
    #[arg(long, value_name = "NZ,NY,NX", value_delimiter = ',')]
    pub(super) shape: Vec<usize>,
    /// Value type of raw input: f16, f32 or f64 (little endian)
    #[arg(long, value_name = "TYPE")]
    pub(super) dtype: Option<Dtype>,
}

impl RawArgs {
    fn shape(&self) -> Result<Option<Shape>> {
        match self.shape.as_slice() {
            [] => Ok(None),
            extents => Shape::new(extents).map(Some),
        }
    }

    /// Fields behind each other on standard input.
    pub(super) fn stream(&self) -> Result<FieldStream<StdinLock<'static>>> {
        let (shape, limits) = (self.shape()?, Limits::default());
        let input = std::io::stdin().lock();
        Ok(FieldStream::new(input, shape, self.dtype, limits))
    }

    /// Opens a field; `-` is standard input.
    pub(super) fn open(&self, path: &Path) -> Result<Input> {
        let shape = self.shape()?;
        if path.as_os_str() == "-" {
            return Input::from_reader(
                std::io::stdin().lock(),
                shape,
                self.dtype,
                &Limits::default(),
            );
        }
        Input::open(path, shape, self.dtype)
    }
}

#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("bound").required(true)))]
pub(super) struct EncodeArgs {
    /// Field to compress, .npy or raw with --shape and --dtype, or several: its time steps; - for
    /// standard input, one step behind the other. Last, the file to write; - for standard output
    #[arg(required = true, value_names = ["INPUT", "OUTPUT"], num_args = 1..)]
    files: Vec<PathBuf>,
    /// Peak signal-to-noise ratio of at least DB
    #[arg(
        long,
        value_name = "DB",
        group = "bound",
        allow_negative_numbers = true
    )]
    psnr: Option<f64>,
    /// Structural similarity of at least S
    #[arg(long, value_name = "S", group = "bound", allow_negative_numbers = true)]
    ssim: Option<f64>,
    /// Absolute error of every value at most E, in the field's unit; 0 is lossless
    #[arg(long, value_name = "E", group = "bound", allow_negative_numbers = true)]
    max_error: Option<f64>,
    /// Absolute error of every value at most R times the field's range
    #[arg(long, value_name = "R", group = "bound", allow_negative_numbers = true)]
    rel_error: Option<f64>,
    /// Compression ratio of X
    #[arg(long, value_name = "X", group = "bound", allow_negative_numbers = true)]
    ratio: Option<f64>,
    #[command(flatten)]
    pub(super) raw: RawArgs,
    /// Axes along which the field repeats, a subset of zyx
    #[arg(long, value_name = "AXES")]
    pub(super) periodic: Option<Axes>,
    /// Filter pair: cdf97, or haar (mean pooling); what the model was made for if not given
    #[arg(long, value_name = "PAIR", value_parser = Wavelet::from_name)]
    pub(super) wavelet: Option<Wavelet>,
    /// Name of the field; NAME=FILE for each further field or time step of one
    #[arg(long, value_name = "NAME[=FILE]")]
    pub(super) field: Vec<String>,
    /// Unit of the field; NAME=UNIT where there are several
    #[arg(long, value_name = "[NAME=]UNIT")]
    pub(super) unit: Vec<String>,
    /// Add frames to a file that is there; it stays as it is until the new one is complete
    #[arg(long)]
    pub(super) append: bool,
    /// Number of the first time step; 0 if not given, or the one behind the last in the file
    #[arg(long, value_name = "N")]
    pub(super) step: Option<u64>,
    /// Times of the steps, as many as there are
    #[arg(
        long,
        value_name = "T,..",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(super) time: Vec<f64>,
    /// Unit of the times
    #[arg(long, value_name = "UNIT", default_value = "")]
    pub(super) time_unit: String,
    /// Distance of neighbouring voxels along each axis, slowest first
    #[arg(
        long,
        value_name = "DZ,DY,DX",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(super) spacing: Vec<f64>,
    /// Place of the first voxel
    #[arg(
        long,
        value_name = "Z,Y,X",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(super) origin: Vec<f64>,
    /// Unit of spacing and origin
    #[arg(long, value_name = "UNIT", default_value = "")]
    pub(super) length_unit: String,
    /// Edge of a brick in voxels: 64, 128, 256, ...
    #[arg(long, value_name = "N")]
    pub(super) brick: Option<u32>,
    /// A value that marks voxels without data; it is kept exactly
    #[arg(long, value_name = "V", allow_negative_numbers = true)]
    pub(super) mask_value: Option<f64>,
    /// Encode only part I of N (from 1): a slab of the field along its slowest axis, for srt merge
    #[arg(long, value_name = "I/N", conflicts_with = "append")]
    pub(super) part: Option<PartText>,
    /// Leave a part that is there already and whole as it is, replace a damaged one
    #[arg(long, requires = "part")]
    pub(super) resume: bool,
    /// Range of the whole field, which PSNR and relative errors refer to: two values, or the JSON
    /// report of srt stat; that of the input if not given
    #[arg(long, value_name = "MIN:MAX|FILE", allow_hyphen_values = true)]
    pub(super) range: Option<String>,
    /// Networks: default (built in), none, the name of a model, or a file (.safetensors, or .srt
    /// with embedded weights)
    #[arg(long, value_name = "MODEL", default_value = "default")]
    pub(super) model: String,
    #[command(flatten)]
    pub(super) paper: PaperArgs,
    /// Put the weights into the file; auto: unless they are built into the program
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) embed_weights: Embed,
    /// Memory to aim at, like 2G: a larger field is worked on in boxes, with the same bytes as result; a
    /// quarter of this machine's if not given
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<MemorySize>,
    /// What runs the networks; the bytes do not depend on it
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    pub(super) backend: BackendChoice,
    /// Threads; all cores if not given
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Report as JSON on standard output
    #[arg(long)]
    pub(super) json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Print every pass of the search to standard error
    #[arg(short, long, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// Overwrite the output
    #[arg(short, long)]
    pub(super) force: bool,
}

/// `--embed-weights`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Embed {
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
    pub(super) fn check_part(&self) -> Result<()> {
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
    pub(super) fn inputs(&self) -> &[PathBuf] {
        let last = self.files.len().saturating_sub(1);
        &self.files[..last]
    }

    /// The file to write.
    pub(super) fn output(&self) -> &Path {
        self.files.last().map_or(Path::new("-"), PathBuf::as_path)
    }

    pub(super) fn bound(&self) -> Result<Bound> {
        let given = [
            self.psnr.map(Bound::Psnr),
            self.ssim.map(Bound::Ssim),
            self.max_error.map(Bound::MaxError),
            self.rel_error.map(Bound::RelError),
            self.ratio.map(Bound::Ratio),
        ];
        given
            .into_iter()
            .flatten()
            .next()
            .ok_or_else(|| Error::invalid("an error bound expected"))
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct DecodeArgs {
    /// File to read; - for standard input
    pub(super) input: PathBuf,
    /// Field to write: .npy, or .raw (little endian, x fastest); - for .npy on standard output, one
    /// behind the other where several are asked for
    pub(super) output: PathBuf,
    /// Downscaling level: 0 is full resolution, every level above halves each axis
    #[arg(long, value_name = "L", default_value_t = 0)]
    pub(super) level: usize,
    /// Box to decode, in voxels of the level asked for; the rest of the file is not read
    #[arg(long, value_name = "Z0:Z1,Y0:Y1,X0:X1")]
    pub(super) region: Option<RegionText>,
    /// Field to decode, where the file has several
    #[arg(long, value_name = "NAME")]
    pub(super) field: Option<String>,
    /// Weights that the file names by reference: .safetensors, or .srt with embedded weights
    #[arg(long, value_name = "FILE")]
    pub(super) weights: Option<PathBuf>,
    /// Time step to decode, where the file has several
    #[arg(long, value_name = "T")]
    pub(super) step: Option<u64>,
    /// What runs the networks; the bytes do not depend on it
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    pub(super) backend: BackendChoice,
    /// Threads; all cores if not given
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Overwrite the output
    #[arg(short, long)]
    pub(super) force: bool,
    /// Say how many bytes of the file were read (of standard input, all are)
    #[arg(short, long)]
    pub(super) verbose: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct StatArgs {
    /// Field, .npy or raw with --shape and --dtype; or the reports of all its parts
    #[arg(required = true)]
    pub(super) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) raw: RawArgs,
    /// Look at part I of N only (from 1)
    #[arg(long, value_name = "I/N")]
    pub(super) part: Option<PartText>,
    /// A value that marks voxels without data
    #[arg(long, value_name = "V", allow_negative_numbers = true)]
    pub(super) mask_value: Option<f64>,
    /// Report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct MergeArgs {
    /// Files to join, in any order; last, the file to write
    #[arg(required = true, value_names = ["PART", "OUTPUT"], num_args = 2..)]
    pub(super) files: Vec<PathBuf>,
    /// Report as JSON on standard output
    #[arg(long)]
    pub(super) json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Overwrite the output
    #[arg(short, long)]
    pub(super) force: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct EvalArgs {
    /// The field before compression: .npy, or raw with --shape and --dtype
    pub(super) original: PathBuf,
    /// The field after it, one or several: .npy, raw (of the original's shape and type) or .srt
    ///
    /// FILE.eval.json beside a FILE, such as {"series": "SZ3", "bytes": 12345}, names its curve on the page, and what a
    /// plain field was compressed to.
    #[arg(required = true)]
    pub(super) reconstructed: Vec<PathBuf>,
    /// Field to compare, where an .srt file has several
    #[arg(long, value_name = "NAME")]
    pub(super) field: Option<String>,
    /// Time step to compare, where an .srt file has several
    #[arg(long, value_name = "T")]
    pub(super) step: Option<u64>,
    #[command(flatten)]
    pub(super) raw: RawArgs,
    /// Report as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Power spectra of both fields by wavenumber, too
    #[arg(long)]
    pub(super) spectrum: bool,
    /// Write a page with pictures, charts and all numbers, in one file
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Overwrite the page
    #[arg(short, long)]
    pub(super) force: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct VerifyArgs {
    /// File to check
    pub(super) input: PathBuf,
    /// The field it was made from
    pub(super) original: Option<PathBuf>,
    #[command(flatten)]
    pub(super) raw: RawArgs,
    /// Report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct DemoArgs {
    /// Folder for the results
    #[arg(default_value = "srt-demo")]
    pub(super) dir: PathBuf,
}
