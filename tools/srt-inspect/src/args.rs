//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Looks into .srt files, damaged ones and newer ones included.
#[derive(Debug, Parser)]
#[command(name = "srt-inspect", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The file to look at.
#[derive(Debug, ClapArgs)]
pub(crate) struct Input {
    /// File to look at; - for standard input
    pub(crate) file: PathBuf,
    /// Report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Dimensions, fields, frames, bounds, ratios, levels, networks, state
    Info(Input),
    /// All chunks with their offsets and the state of their checksums
    List(Input),
    /// The fields and bytes of chunks
    Dump {
        #[command(flatten)]
        input: Input,
        /// Number or type of the chunk; all if not given
        chunk: Option<String>,
        /// Bytes of each payload to show; 0 for all
        #[arg(long, value_name = "N", default_value_t = 256)]
        bytes: usize,
    },
    /// Check every rule of the format; exit code 1 when one is broken
    Check(Input),
    /// Copy everything whole in a damaged file to a new one
    Recover {
        #[command(flatten)]
        input: Input,
        /// File to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Overwrite the output
        #[arg(short, long)]
        force: bool,
    },
    /// Draw octree levels and bits per voxel as a PNG
    Map {
        #[command(flatten)]
        input: Input,
        /// Picture to write; the name of the file with .map.png if not given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Frame to draw, counted from 0
        #[arg(long, value_name = "N", default_value_t = 0)]
        frame: usize,
        /// Overwrite the output
        #[arg(short, long)]
        force: bool,
    },
}
