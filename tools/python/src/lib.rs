//! The extension module of the Python package `srt_codec`: converts, and leaves the work to the library.
//!
//! | file | job |
//! |---|---|
//! | `arrays` | arrays of numpy to values of the library and back |
//! | `errors` | errors to exceptions |
//! | `options` | keyword arguments to options |
//! | `programs` | `srt` and `srt-inspect` |
//! | `reading` | an open file |
//! | `sources` | where its bytes come from |
//! | `writing` | files that are made |

// What Python passes is converted to values that are owned.
#![allow(clippy::needless_pass_by_value)]

mod arrays;
mod errors;
mod options;
mod programs;
mod reading;
mod sources;
mod writing;

use std::path::PathBuf;

use pyo3::prelude::*;
use srt::ThreadPools;
use srt_inspect::{file::File, info};

use crate::errors::raised;

/// Threads of this process: work from Python comes from many threads, and from processes that were forked.
static POOLS: std::sync::LazyLock<ThreadPools> = std::sync::LazyLock::new(ThreadPools::default);

/// Does `work` without holding the interpreter, with so many threads. All that reaches into the library goes this way: outside
/// of these pools its work would go to one of the process, whose threads a fork leaves behind.
fn without_python<T: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    work: impl FnOnce() -> srt::Result<T> + Send,
) -> PyResult<T> {
    let done = py.detach(|| POOLS.run(threads, work).and_then(|done| done));
    done.map_err(|error| raised(py, &error))
}

/// What `srt-inspect info --json` says of a file, as text.
#[pyfunction]
fn inspect(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    without_python(py, Some(1), || {
        let bytes = srt::FileBytes::open(&path)?;
        let limits = srt::Limits::default();
        Ok(File::with(bytes.bytes(), &limits, |file| {
            info::json(file, &limits).to_string()
        }))
    })
}

#[pymodule]
mod _native {
    #[pymodule_export]
    const KEY_INTERVAL: u32 = srt::KEY_INTERVAL;
    #[pymodule_export]
    use super::arrays::{encode, stat};
    #[pymodule_export]
    use super::inspect;
    #[pymodule_export]
    use super::programs::run_program;
    #[pymodule_export]
    use super::reading::NativeFile;
    #[pymodule_export]
    use super::writing::{NativeWriter, merge};

    #[pymodule_init]
    fn init(m: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        super::errors::register(m)
    }
}
