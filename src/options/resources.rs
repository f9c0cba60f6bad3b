//! What a run may use.

use std::sync::Arc;

use crate::backend::{Backend, cpu::Cpu};
use crate::base::error::{Error, ErrorKind, Result};

/// What a run may use: neither files nor values depend on it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resources {
    /// Threads; default all cores.
    pub threads: Option<usize>,
    /// Bytes of memory to aim at. A field that would take more is transformed and checked in boxes, the
    /// finest level anew in each pass: slower, with the same bytes in the file. Fields with masked
    /// values are held in memory all the same. Default: no aim, all is held.
    pub memory: Option<u64>,
    /// What runs the networks. Default: the CPU.
    pub backend: Arc<dyn Backend>,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            threads: None,
            memory: None,
            backend: Arc::new(Cpu::detect()),
        }
    }
}

impl Resources {
    /// A pool of the threads.
    ///
    /// # Errors
    /// `InvalidArgument` for 0 threads, `Io` when they cannot be started.
    pub(crate) fn pool(&self) -> Result<rayon::ThreadPool> {
        pool(self.threads)
    }
}

/// A pool of `threads` threads, or of all cores.
///
/// # Errors
/// `InvalidArgument` for 0 threads, `Io` when they cannot be started.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    if threads == Some(0) {
        return Err(Error::invalid("at least one thread expected, 0 found"));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .map_err(|e| Error::new(ErrorKind::Io, e.to_string()))
}
