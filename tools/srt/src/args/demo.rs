//! Arguments of `srt demo`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// Folder for the results
    #[arg(default_value = "srt-demo")]
    pub(crate) dir: PathBuf,
}
