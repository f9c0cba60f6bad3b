//! Arguments of `srt merge`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::lock::LockChoice;

#[derive(Debug, ClapArgs)]
pub(crate) struct MergeArgs {
    /// Files to join, in any order; last, the file to write
    #[arg(required = true, value_names = ["PART", "OUTPUT"], num_args = 2..)]
    pub(crate) files: Vec<PathBuf>,
    /// Report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Overwrite the output
    #[arg(short, long)]
    pub(crate) force: bool,
    /// When another process is rewriting the output from what it holds
    #[arg(long, value_name = "WHAT", default_value = "wait")]
    pub(crate) lock: LockChoice,
}
