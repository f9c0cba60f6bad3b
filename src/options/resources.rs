//! What a run may use.

use std::path::PathBuf;
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
    /// Folder where a field that takes more than `memory` has its coded bricks while they are tried: in a file without a name, up to
    /// three times what the frame takes. Default: they stay in memory.
    pub scratch: Option<PathBuf>,
    /// What runs the networks. Default: the CPU.
    pub backend: Arc<dyn Backend>,
}

/// What needs less is not refused: the program itself, and its threads.
const NEVER_REFUSED: u64 = 64 << 20;

impl Resources {
    /// Refuses what needs more bytes of memory than there may be. `why` names it, and `instead` what would do beside more memory.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(crate) fn check_memory(&self, needed: u64, why: &str, instead: Option<&str>) -> Result<()> {
        let limit = self.memory_limit.unwrap_or(u64::MAX);
        if needed <= limit.max(NEVER_REFUSED) {
            return Ok(());
        }
        let instead = instead.map_or(String::new(), |instead| format!(" or {instead}"));
        Err(Error::limit(format!(
            "{} MiB of memory at most expected for {why}, about {} needed: more memory{instead} would do",
            limit >> 20,
            needed.div_ceil(1 << 20)
        )))
    }
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            threads: None,
            memory: None,
            memory_limit: None,
            scratch: None,
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
