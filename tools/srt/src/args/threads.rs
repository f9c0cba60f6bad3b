//! `--threads`.

use std::thread::available_parallelism;

use srt::{Error, Result};

/// More threads than this to a core only wait for each other, and each takes memory of its own: thousands took minutes.
const PER_CORE: usize = 4;
/// As many may be asked for on any machine.
const ANYWHERE: usize = 16;

/// The threads to start where `asked` are asked for: neither files nor values depend on it.
pub(crate) fn threads(asked: Option<usize>) -> Option<usize> {
    let cores = available_parallelism().map_or(1, usize::from);
    asked.map(|threads| threads.min((PER_CORE * cores).max(ANYWHERE)))
}

/// The same, before anything else is done.
///
/// # Errors
/// `InvalidArgument` for none.
pub(crate) fn checked_threads(asked: Option<usize>) -> Result<Option<usize>> {
    match asked {
        Some(0) => Err(Error::invalid("at least one thread expected, 0 found")),
        asked => Ok(threads(asked)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_threads_are_as_asked_and_many_are_not_started() {
        for few in [None, Some(0), Some(1), Some(7), Some(ANYWHERE)] {
            assert_eq!(threads(few), few);
        }
        let most = threads(Some(usize::MAX));
        assert_eq!(threads(Some(100_000)), most);
        assert!(most < Some(100_000));
    }
}
