//! Arguments of `srt model`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, ClapArgs)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    pub(crate) command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Built-in and imported models
    List {
        /// Report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Networks, parameters and identity of a model
    Info {
        /// Name of a model, or a file
        model: PathBuf,
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
        model: PathBuf,
        /// File to write
        output: PathBuf,
        /// Overwrite the output
        #[arg(short, long)]
        force: bool,
    },
}
