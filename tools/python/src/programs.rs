//! The programs `srt` and `srt-inspect`, as the commands of the wheel start them.

use std::ffi::OsString;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Runs the program that `command_line` begins with, and gives its exit code. It takes signals for itself: nothing else is to
/// be done in this process.
#[pyfunction]
pub(crate) fn run_program(py: Python<'_>, name: &str, command_line: Vec<OsString>) -> PyResult<u8> {
    let run: fn(Vec<OsString>) -> u8 = match name {
        "srt" => srt_cli::run,
        "srt-inspect" => srt_inspect::run,
        other => return Err(PyValueError::new_err(format!("no program {other:?}"))),
    };
    Ok(py.detach(|| run(command_line)))
}
