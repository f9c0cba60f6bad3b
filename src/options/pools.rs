//! Threads for a process that may fork.

use std::mem;
use std::sync::{Arc, Mutex, TryLockError};

use rayon::ThreadPool;

use super::pool;
use crate::base::error::Result;

/// Pools of threads for calls that come from many threads of a process that may fork, as those from Python do. A forked
/// process has none of its parent's threads, so that work given to them would wait for ever: here it gets new ones.
///
/// A call that does not say how many threads it wants has all cores if it is the only one, and one thread beside others:
/// many calls at once are faster next to each other than within each other.
///
/// ```
/// let pools = srt::ThreadPools::default();
/// assert_eq!(pools.run(Some(2), || 6 * 7)?, 42);
/// # Ok::<(), srt::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ThreadPools {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    process: u32,
    /// Of all cores.
    shared: Option<Arc<ThreadPool>>,
    is_shared_taken: bool,
    /// Of a number of threads each, at work for nobody.
    idle: Vec<Arc<ThreadPool>>,
}

/// Pools that are kept for the next call.
const MOST_IDLE: usize = 16;

impl State {
    /// Leaves behind what belongs to the process that this one was forked from. It is not dropped: that would speak to
    /// threads that are not there.
    fn enter(&mut self) {
        let process = std::process::id();
        if self.process != process {
            let of_parent = mem::replace(
                self,
                Self {
                    process,
                    ..Self::default()
                },
            );
            mem::forget(of_parent);
        }
    }

    fn take(&mut self, threads: Option<usize>) -> Result<Arc<ThreadPool>> {
        self.enter();
        let threads = match threads {
            Some(threads) => threads,
            None if self.is_shared_taken => 1,
            None => {
                let shared = match &self.shared {
                    Some(shared) => Arc::clone(shared),
                    None => Arc::new(pool(None)?),
                };
                self.shared = Some(Arc::clone(&shared));
                self.is_shared_taken = true;
                return Ok(shared);
            }
        };
        let has_as_many = |pool: &Arc<ThreadPool>| pool.current_num_threads() == threads;
        match self.idle.iter().position(has_as_many) {
            Some(place) => Ok(self.idle.swap_remove(place)),
            None => pool(Some(threads)).map(Arc::new),
        }
    }

    fn give_back(&mut self, pool: Arc<ThreadPool>) {
        self.enter();
        match &self.shared {
            Some(shared) if Arc::ptr_eq(shared, &pool) => self.is_shared_taken = false,
            _ if self.idle.len() < MOST_IDLE => self.idle.push(pool),
            _ => {}
        }
    }
}

impl ThreadPools {
    /// Does `work` with so many threads.
    ///
    /// # Errors
    /// `InvalidArgument` for 0 threads, `Io` when they cannot be started.
    pub fn run<T: Send>(
        &self,
        threads: Option<usize>,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T> {
        let taken = self.locked(|state| state.take(threads));
        let pool = taken.unwrap_or_else(|| pool(threads).map(Arc::new))?;
        let returned = Returned { pools: self, pool };
        Ok(returned.pool.install(work))
    }

    /// Calls `work` with the state; not where a process was forked while another thread held it, which then nobody gives back.
    fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> Option<T> {
        // Held for as long as it takes to start threads; who would wait longer than that waits for nobody.
        for _ in 0..10_000 {
            match self.state.try_lock() {
                Ok(mut state) => return Some(work(&mut state)),
                Err(TryLockError::Poisoned(state)) => return Some(work(&mut state.into_inner())),
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(std::time::Duration::from_micros(20));
                }
            }
        }
        None
    }
}

/// Gives a pool back, also when the work panics.
struct Returned<'p> {
    pools: &'p ThreadPools,
    pool: Arc<ThreadPool>,
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        let pool = Arc::clone(&self.pool);
        self.pools.locked(|state| state.give_back(pool));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::current_num_threads;

    #[test]
    fn one_call_has_all_cores_and_others_beside_it_one_thread() {
        let pools = ThreadPools::default();
        let all = pools.run(None, current_num_threads).unwrap();
        assert_eq!(all, pool(None).unwrap().current_num_threads());
        let beside = pools.run(None, || {
            std::thread::scope(|scope| {
                let own = |n| scope.spawn(move || n).join().unwrap();
                let one = scope.spawn(|| pools.run(None, current_num_threads).unwrap());
                let three = scope.spawn(|| pools.run(Some(3), current_num_threads).unwrap());
                (one.join().unwrap(), own(three.join().unwrap()))
            })
        });
        assert_eq!(beside.unwrap(), (1, 3));
        assert_eq!(pools.run(None, current_num_threads).unwrap(), all);
        assert_eq!(pools.state.lock().unwrap().idle.len(), 2);
        assert!(pools.run(Some(0), || ()).is_err());
    }

    #[test]
    fn another_process_gets_threads_of_its_own() {
        let pools = ThreadPools::default();
        pools.run(Some(2), || ()).unwrap();
        pools.state.lock().unwrap().process ^= 1;
        assert_eq!(pools.run(Some(2), current_num_threads).unwrap(), 2);
        assert_eq!(pools.state.lock().unwrap().idle.len(), 1);
    }
}
