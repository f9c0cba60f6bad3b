//! What a run may use.

use std::sync::Arc;

use crate::backend::{Backend, cpu::Cpu};
use crate::base::error::{Error, ErrorKind, Result};

/// What a run may use: neither files nor values depend on it.
///
/// Encoders and decoders take threads by one rule. Without a number they work in the `rayon` pool that
/// they are called in, which is the global one, of all cores, for a thread of no pool. With a number they
/// start a pool of that many threads when they are opened, and work in that one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resources {
    /// Threads; default those of the pool that the call is made in, or all cores.
    pub threads: Option<usize>,
    /// Bytes of memory to aim at while encoding. A field that would take more is transformed and checked in boxes, the
    /// finest level anew in each pass: slower, with the same bytes in the file. Fields with masked
    /// values are held in memory all the same. Default: no aim, all is held.
    pub memory: Option<u64>,
    /// Bytes of memory that a field must not need, where that can be told before it is transformed: else `LimitExceeded`. What
    /// needs less than 64 MiB is never refused. Default: none is.
    pub memory_limit: Option<u64>,
    /// What runs the networks. Default: the CPU.
    pub backend: Arc<dyn Backend>,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            threads: None,
            memory: None,
            memory_limit: None,
            backend: Arc::new(Cpu::detect()),
        }
    }
}

/// Where the work of an encoder or a decoder is done, as [`Resources`] says.
#[derive(Debug)]
pub(crate) struct Workplace(Option<rayon::ThreadPool>);

impl Workplace {
    /// Starts the threads that are asked for.
    ///
    /// # Errors
    /// `InvalidArgument` for 0 threads, `Io` when they cannot be started.
    pub(crate) fn new(resources: &Resources) -> Result<Self> {
        let threads = resources.threads;
        threads.map(|n| pool(Some(n))).transpose().map(Self)
    }

    /// Does it there.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_in_the_pool_of_the_caller_or_in_one_of_its_own() {
        let threads = |threads| {
            let resources = Resources {
                threads,
                ..Resources::default()
            };
            Workplace::new(&resources).map(|place| place.run(rayon::current_num_threads))
        };
        let caller = pool(Some(3)).unwrap();
        assert_eq!(caller.install(|| threads(None)).unwrap(), 3);
        assert_eq!(caller.install(|| threads(Some(2))).unwrap(), 2);
        assert!(threads(Some(0)).is_err());
    }
}
