//! Arguments of `srt stat`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::part::PartText;
use super::raw::RawArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct StatArgs {
    /// Field, .npy or raw with --shape and --dtype; or the reports of all its parts
    #[arg(required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// Look at part I of N only (from 1)
    #[arg(long, value_name = "I/N")]
    pub(crate) part: Option<PartText>,
    /// A value that marks voxels without data
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    pub(crate) mask_value: Option<f64>,
    /// Report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
