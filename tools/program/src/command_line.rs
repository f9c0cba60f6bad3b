//! Command lines, and what becomes of those that are none.

use std::ffi::OsString;

use clap::Parser;

use crate::print::report_usage;

/// A command line, of which the first is the program's own name, as its arguments.
///
/// # Errors
/// The exit code of what was said instead: 0 for help and the version, 2 for a mistake.
pub fn parse<A: Parser>(command_line: impl IntoIterator<Item = OsString>) -> Result<A, u8> {
    A::try_parse_from(command_line).map_err(|error| {
        // Help and version are no errors; clap knows the stream and code of each.
        if error.use_stderr() {
            report_usage(error.render());
        } else {
            let _ = error.print();
        }
        u8::try_from(error.exit_code()).unwrap_or(2)
    })
}
