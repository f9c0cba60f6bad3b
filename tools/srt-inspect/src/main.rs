//! The `srt-inspect` program; see the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(srt_inspect::run(std::env::args_os()))
}
