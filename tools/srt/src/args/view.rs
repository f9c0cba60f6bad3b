//! Arguments of `srt view`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::backend::BackendChoice;

#[derive(Debug, ClapArgs)]
pub(crate) struct ViewArgs {
    /// Files to show
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What the first file's first field was encoded from (.npy), for maps of errors; again for further steps, in their
    /// order
    #[arg(long, value_name = "FILE")]
    pub(crate) original: Vec<PathBuf>,
    /// Port of 127.0.0.1 to listen on; a free one if not given
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Print the address and open no browser
    #[arg(long)]
    pub(crate) no_open: bool,
    /// What runs the networks; the values do not depend on it
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    pub(crate) backend: BackendChoice,
    /// Threads; all cores if not given, and no more than four to a core (16 on fewer than four)
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
}
