//! All that the programs say: nothing else in them writes to standard output or error, but data.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;
use srt::{Error, ErrorKind, Result};

use crate::signals::wait_if_ending;
use crate::text::{printable, printable_json, printable_lines};

/// Prints a report as one JSON object.
///
/// # Errors
/// As [`print_text`].
pub fn print_json(report: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|e| Error::new(ErrorKind::Io, e.to_string()))?;
    put(&printable_json(&text), "\n")
}

/// Prints a line, or several, to standard output.
///
/// # Errors
/// As [`print_text`].
pub fn print_line(text: &str) -> Result<()> {
    put(&printable_lines(text), "\n")
}

/// Prints text to standard output. A reader that went away, as in `srt stat a.npy | head -1`, had all it wanted: what the
/// command found decides on the exit code.
///
/// # Errors
/// `Io`, for a disk that is full.
pub fn print_text(text: &str) -> Result<()> {
    put(&printable_lines(text), "")
}

fn put(text: &str, end: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(end.as_bytes()))
        .and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::from(e).within("standard output"))
        }
        _ => Ok(()),
    }
}

/// A line on standard error that is neither an error nor a warning.
pub fn say(text: impl Display) {
    complain("", &text);
}

/// Something that the user may not expect.
pub fn note(text: impl Display) {
    complain("note: ", &text);
}

/// Something that is likely wrong, with what to type instead.
pub fn warning(text: impl Display) {
    complain("warning: ", &text);
}

/// Why the program ends, unless a signal is the reason.
pub fn report_error(error: &Error) {
    wait_if_ending();
    self::error(error);
}

/// Why a command line cannot be read, as its parser says it: over several lines, with what was typed in them.
pub(crate) fn report_usage(message: impl Display) {
    let text = message.to_string();
    // Nobody is left to be told that nobody listens.
    let _ = io::stderr()
        .lock()
        .write_all(printable_lines(&text).as_bytes());
}

pub(crate) fn error(text: impl Display) {
    complain("error: ", &text);
}

fn complain(kind: &str, text: &dyn Display) {
    let line = format!("{kind}{}\n", printable(&text.to_string()));
    // Nobody is left to be told that nobody listens.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
