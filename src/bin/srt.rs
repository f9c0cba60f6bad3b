//! The `srt` program; see `srt::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    srt::cli::main()
}
