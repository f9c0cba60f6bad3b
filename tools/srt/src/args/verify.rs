//! Arguments of `srt verify`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::raw::RawArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    /// File to check
    pub(crate) input: PathBuf,
    /// The field it was made from, or its time steps in their order, as srt encode takes them; a part of a field is
    /// checked against its own planes
    ///
    /// Judged is what the encoder promised: the voxels that it did not leave out (--mask-value), by the range that it was
    /// given (--range); every bit where the bound is 0 or the frame is stored lossless. Fields are decoded and compared
    /// slab by slab, the SSIM too; in whole lie in memory: a file from standard input, frames of --profile
    /// paper, originals in Fortran order or the other byte order, and one to three bytes a voxel of masks.
    #[arg(value_name = "ORIGINAL")]
    pub(crate) originals: Vec<PathBuf>,
    /// Field to check, where the file has several
    #[arg(long, value_name = "NAME")]
    pub(crate) field: Option<String>,
    /// Time step to check; of several originals, that of the first
    #[arg(long, value_name = "T")]
    pub(crate) step: Option<u64>,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// Axis of an original of rank 2 to 4 that counts time steps, as for srt encode; 0 for rank 4 if not given
    #[arg(long, value_name = "AXIS")]
    pub(crate) steps_axis: Option<usize>,
    /// Report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
