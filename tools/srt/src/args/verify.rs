//! Arguments of `srt verify`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::raw::RawArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    /// File to check
    pub(crate) input: PathBuf,
    /// The field it was made from
    pub(crate) original: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// Report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
