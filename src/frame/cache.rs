//! Decoded bricks kept for the next region that needs them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::error::Result;

/// Integers of one brick, grid by grid.
type CachedIntegers = Arc<Vec<Vec<i32>>>;

/// Decoded bricks of a file, up to a number of bytes; the one unused for longest goes first.
#[derive(Debug)]
pub(crate) struct BrickCache {
    limit: usize,
    entries: Mutex<CacheEntries>,
}

#[derive(Debug, Default)]
struct CacheEntries {
    bricks: HashMap<(usize, usize), (CachedIntegers, u64)>,
    bytes: usize,
    /// Counts uses: the age of an entry.
    clock: u64,
}

impl BrickCache {
    /// A cache of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: Mutex::default(),
        }
    }

    /// The part of the cache that belongs to one frame.
    pub(crate) fn frame(&self, frame: usize) -> FrameCache<'_> {
        FrameCache { cache: self, frame }
    }
}

/// A frame's part of a [`BrickCache`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameCache<'a> {
    cache: &'a BrickCache,
    frame: usize,
}

impl FrameCache<'_> {
    /// Whether the brick `number` is kept now.
    pub(crate) fn has(&self, number: usize) -> bool {
        let entries = &self.cache.entries;
        let entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.bricks.contains_key(&(self.frame, number))
    }

    /// The brick `number`, from `decode` when it is not kept. Threads that want the same brick at
    /// the same time may each decode it: waiting for one another would cost more than it saves.
    pub(crate) fn get_or(
        &self,
        number: usize,
        decode: impl FnOnce() -> Result<Vec<Vec<i32>>>,
    ) -> Result<CachedIntegers> {
        let key = (self.frame, number);
        // A panic while the lock was held leaves nothing half done: entries are whole.
        let lock = || {
            self.cache
                .entries
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        {
            let mut entries = lock();
            entries.clock += 1;
            let now = entries.clock;
            if let Some((brick, used)) = entries.bricks.get_mut(&key) {
                *used = now;
                return Ok(Arc::clone(brick));
            }
        }
        let brick = Arc::new(decode()?);
        let size = bytes(&brick);
        if size > self.cache.limit {
            return Ok(brick);
        }
        let mut entries = lock();
        let now = entries.clock;
        if let Some((old, _)) = entries.bricks.insert(key, (Arc::clone(&brick), now)) {
            entries.bytes -= bytes(&old);
        }
        entries.bytes += size;
        while entries.bytes > self.cache.limit {
            let oldest = entries.bricks.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(&key, _)| key) else {
                break;
            };
            if let Some((old, _)) = entries.bricks.remove(&oldest) {
                entries.bytes -= bytes(&old);
            }
        }
        Ok(brick)
    }
}

fn bytes(brick: &CachedIntegers) -> usize {
    brick
        .iter()
        .map(|grid| size_of_val(grid.as_slice()))
        .sum::<usize>()
        + 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_used_last_within_its_limit() {
        let cache = BrickCache::new(3 * (400 + 64));
        let frame = cache.frame(7);
        let brick = |n: i32| vec![vec![n; 100]];
        let mut decoded = Vec::new();
        for n in [0, 1, 2, 0, 3, 0, 1] {
            let got = frame
                .get_or(n as usize, || {
                    decoded.push(n);
                    Ok(brick(n))
                })
                .unwrap();
            assert_eq!(*got, brick(n));
            assert!(cache.entries.lock().unwrap().bytes <= cache.limit);
        }
        // 1 was the oldest when 3 came.
        assert_eq!(decoded, [0, 1, 2, 3, 1]);
        let other = cache.frame(8).get_or(0, || Ok(brick(9))).unwrap();
        assert_eq!(*other, brick(9));
    }

    #[test]
    fn failures_and_oversized_bricks_are_not_kept() {
        let cache = BrickCache::new(100);
        let frame = cache.frame(0);
        assert!(frame.get_or(0, || Err(crate::Error::corrupt("x"))).is_err());
        frame.get_or(0, || Ok(vec![vec![0; 1000]])).unwrap();
        assert_eq!(cache.entries.lock().unwrap().bytes, 0);
    }
}
