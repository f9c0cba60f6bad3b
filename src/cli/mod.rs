//! The `srt` program: one file per command.

mod args;
mod backend;
mod decode;
mod decode_stream;
mod demo;
mod encode;
mod encode_report;
mod eval;
mod label;
mod memory;
mod merge;
mod model;
mod models;
mod output;
mod paper;
mod part;
mod region;
mod report;
mod series;
mod stat;
mod subject;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, ErrorKind, Result};
use args::{Args, Command};

/// Parses the command line, runs the command and maps errors to exit codes: 0 done; 1 bound not met
/// or check failed; 2 usage or I/O; 3 corrupt or truncated; 4 unsupported or weights missing;
/// 5 device.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; clap knows the stream and code of each.
            let _ = error.print();
            return ExitCode::from(error.exit_code().clamp(0, 2) as u8);
        }
    };
    match run(&args) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(exit_code(error.kind()))
        }
    }
}

fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::Encode(args) => encode::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Stat(args) => stat::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Model(args) => model::run(args),
    }
}

fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::BoundNotMet => 1,
        ErrorKind::InvalidArgument | ErrorKind::Io | ErrorKind::LimitExceeded => 2,
        ErrorKind::Corrupt | ErrorKind::Truncated => 3,
        ErrorKind::Unsupported | ErrorKind::MissingWeights => 4,
        ErrorKind::Device => 5,
    }
}

/// A reader that went away, as in `srt decode a.srt - | head -c 100`, is no error.
fn is_closed_pipe(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    source.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
