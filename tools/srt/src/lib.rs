//! The `srt` program, for its `main` and for the package for Python, which brings it along.
//!
//! | module | job |
//! |---|---|
//! | `args` | the command line |
//! | `commands`, `demo` | what each command does |
//! | `input`, `output` | what they read and write |
//! | `models`, `worker`, `folders` | networks by name, the program srt-sz3, where the user keeps what |
//! | `subject`, `measure`, `spectrum`, `report` | reconstructions beside their original; the page of `srt eval` |

mod args;
mod commands;
mod demo;
mod folders;
mod input;
mod measure;
mod models;
mod output;
mod report;
mod spectrum;
mod subject;
mod worker;

use std::ffi::OsString;

use args::Args;

use srt::ErrorKind;
use srt_program::{handle_signals, parse, report_error};

/// Runs the program with its command line, of which the first is its own name, as the only thing that this process does:
/// signals and the allocator are set for that.
///
/// Exit codes: 0 done; 1 bound not met or check failed; 2 usage or I/O; 3 corrupt or truncated; 4 unsupported or weights
/// missing; 5 device; 128 + n ended by signal n.
#[must_use]
pub fn run(command_line: impl IntoIterator<Item = OsString>) -> u8 {
    return_large_blocks();
    handle_signals(exit_code(ErrorKind::Truncated));
    let args: Args = match parse(command_line) {
        Ok(args) => args,
        Err(code) => return code,
    };
    match commands::run(&args.command) {
        Ok(code) => code,
        Err(error) => {
            report_error(&error);
            exit_code(error.kind())
        }
    }
}

/// Asks glibc to give blocks of a mebibyte and more back to the system as soon as they are freed, where they are its own.
///
/// Left alone it raises that threshold with every large block freed, and then keeps a share of the
/// field for each thread: 6.7 times the volume at the peak of encoding instead of 4.6.
///
/// Of smaller blocks it may keep four mebibytes for each thread: bricks are coded one after the other in such, and to give them
/// back each time costs a tenth of an encode.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn return_large_blocks() {
    // SAFETY: `mallopt` takes two integers and touches only the allocator's own settings; no other
    // thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 4 << 20);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn return_large_blocks() {}

fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::BoundNotMet => 1,
        ErrorKind::InvalidArgument | ErrorKind::Io | ErrorKind::LimitExceeded => 2,
        ErrorKind::Corrupt | ErrorKind::Truncated => 3,
        ErrorKind::Unsupported | ErrorKind::MissingWeights => 4,
        ErrorKind::Device => 5,
        // A kind that the library knows and this program does not yet.
        _ => 2,
    }
}
