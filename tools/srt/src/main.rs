//! The `srt` program; see the library of this package.

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod large_blocks;

use std::process::ExitCode;

/// Memory for fields. The program's alone: who calls its library has an allocator.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: large_blocks::LargeBlocks = large_blocks::LargeBlocks;

fn main() -> ExitCode {
    ExitCode::from(srt_cli::run(std::env::args_os()))
}
