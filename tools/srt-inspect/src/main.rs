//! The `srt-inspect` program; see the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    srt_inspect::main()
}
