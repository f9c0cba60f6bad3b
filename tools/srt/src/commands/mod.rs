//! One file or folder per command.

mod decode;
mod encode;
mod eval;
mod h5_params;
mod merge;
mod model;
mod stat;
mod verify;
mod view;

use crate::args::Command;
use crate::demo;
use srt::Result;

/// Runs a command; the exit code tells what it found.
///
/// # Errors
/// Those of the command.
pub(crate) fn run(command: &Command) -> Result<u8> {
    match command {
        Command::Encode(args) => encode::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Stat(args) => stat::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Verify(args) => verify::run(args),
        Command::View(args) => view::run(args),
        Command::Demo(args) => demo::run(args),
        Command::H5Params(args) => h5_params::run(args),
        Command::Model(args) => model::run(args),
    }
}
