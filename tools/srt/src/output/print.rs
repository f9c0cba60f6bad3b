//! Lines and reports on standard output.

use std::io::Write;

use serde::Serialize;

use srt::{Error, ErrorKind, Result};

/// Prints a report as one JSON object.
pub(crate) fn print_json(report: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|e| Error::new(ErrorKind::Io, e.to_string()))?;
    print_line(&text)
}

/// Prints to standard output, with a closed pipe as an error instead of a panic.
pub(crate) fn print_line(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
