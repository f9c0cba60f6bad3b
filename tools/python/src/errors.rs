//! Errors to exceptions.

use std::error::Error as _;
use std::io;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyOSError, PyValueError};
use pyo3::prelude::*;
use srt::{Error, ErrorKind};

create_exception!(
    srt_codec,
    SrtError,
    PyException,
    "An error of the codec or of a file; its subclasses say what can be done about it."
);
create_exception!(
    srt_codec,
    Corrupt,
    SrtError,
    "The bytes contradict the format or a checksum."
);
create_exception!(
    srt_codec,
    Truncated,
    SrtError,
    "The file ends before it should."
);
create_exception!(
    srt_codec,
    Unsupported,
    SrtError,
    "Valid as far as can be told, but newer than this reader."
);
create_exception!(
    srt_codec,
    LimitExceeded,
    SrtError,
    "A budget of memory or size would be exceeded."
);
create_exception!(
    srt_codec,
    BoundNotMet,
    SrtError,
    "The error bound asked for cannot be reached."
);
create_exception!(
    srt_codec,
    MissingWeights,
    SrtError,
    "The file names networks that are not at hand."
);
create_exception!(
    srt_codec,
    Device,
    SrtError,
    "An accelerator is missing or failed."
);

/// The exception for an error: that of Python where there is one (`ValueError`, `OSError` and its kin).
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Corrupt => Corrupt::new_err(message),
        ErrorKind::Truncated => Truncated::new_err(message),
        ErrorKind::Unsupported => Unsupported::new_err(message),
        ErrorKind::LimitExceeded => LimitExceeded::new_err(message),
        ErrorKind::InvalidArgument => PyValueError::new_err(message),
        ErrorKind::BoundNotMet => BoundNotMet::new_err(message),
        ErrorKind::MissingWeights => MissingWeights::new_err(message),
        ErrorKind::Device => Device::new_err(message),
        ErrorKind::Io => of_system(py, error, message),
        _ => SrtError::new_err(message),
    }
}

/// With the system's number Python makes it a `FileNotFoundError`, `PermissionError` and so on; what a source written in
/// Python has raised is raised again.
fn of_system(py: Python<'_>, error: &Error, message: String) -> PyErr {
    let source = error.source().and_then(|e| e.downcast_ref::<io::Error>());
    if let Some(code) = source.and_then(io::Error::raw_os_error) {
        return PyOSError::new_err((code, message));
    }
    let inner = source.and_then(|e| e.get_ref());
    match inner.and_then(|e| e.downcast_ref::<PyErr>()) {
        Some(raised) => raised.clone_ref(py),
        None => PyOSError::new_err(message),
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = m.py();
    m.add("SrtError", py.get_type::<SrtError>())?;
    m.add("Corrupt", py.get_type::<Corrupt>())?;
    m.add("Truncated", py.get_type::<Truncated>())?;
    m.add("Unsupported", py.get_type::<Unsupported>())?;
    m.add("LimitExceeded", py.get_type::<LimitExceeded>())?;
    m.add("BoundNotMet", py.get_type::<BoundNotMet>())?;
    m.add("MissingWeights", py.get_type::<MissingWeights>())?;
    m.add("Device", py.get_type::<Device>())
}
