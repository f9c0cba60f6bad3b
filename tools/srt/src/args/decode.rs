//! Arguments of `srt decode`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::backend::BackendChoice;
use super::region::RegionText;

#[derive(Debug, ClapArgs)]
pub(crate) struct DecodeArgs {
    /// File to read; - for standard input
    pub(crate) input: PathBuf,
    /// Field to write: .npy, or .raw (little endian, x fastest); - for .npy on standard output, one
    /// behind the other where several are asked for
    pub(crate) output: PathBuf,
    /// Downscaling level: 0 is full resolution, every level above halves each axis
    #[arg(long, value_name = "L", default_value_t = 0)]
    pub(crate) level: usize,
    /// Box to decode, in voxels of the level asked for; the rest of the file is not read
    #[arg(long, value_name = "Z0:Z1,Y0:Y1,X0:X1")]
    pub(crate) region: Option<RegionText>,
    /// Field to decode, where the file has several
    #[arg(long, value_name = "NAME")]
    pub(crate) field: Option<String>,
    /// Weights that the file names by reference: .safetensors, or .srt with embedded weights
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Time step to decode, where the file has several
    #[arg(long, value_name = "T")]
    pub(crate) step: Option<u64>,
    /// Write all time steps as one array, with an axis for them in front
    #[arg(long, conflicts_with = "step")]
    pub(crate) steps: bool,
    /// What runs the networks; the bytes do not depend on it
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    pub(crate) backend: BackendChoice,
    /// Threads; all cores if not given, and no more than four to a core (16 on fewer than four)
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Overwrite the output
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Say how many bytes of the file were read (of standard input, all are)
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}
