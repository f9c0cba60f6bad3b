//! Decoded boxes, of bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use srt::{AnyVolume, Result};

use crate::place::BoxPlace;

/// One box: empty until it is decoded. Held while that goes on, so that others who ask wait for the same one.
type Slot = Arc<Mutex<Option<Arc<AnyVolume>>>>;

/// Boxes that were decoded. Those asked for longest ago go first.
#[derive(Debug)]
pub(crate) struct Cache {
    most_bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    slots: HashMap<BoxPlace, (u64, usize, Slot)>,
    /// Rises with every request.
    clock: u64,
}

impl Cache {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            held: Mutex::default(),
        }
    }

    /// A box, decoded by `decode` if it is not held.
    ///
    /// # Errors
    /// Those of `decode`, which the next who asks calls anew.
    pub(crate) fn get(
        &self,
        key: BoxPlace,
        decode: impl FnOnce() -> Result<AnyVolume>,
    ) -> Result<Arc<AnyVolume>> {
        let slot = self.held().slot(key);
        let mut content = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(volume) = &*content {
            return Ok(volume.clone());
        }
        match decode() {
            Ok(volume) => {
                let bytes = volume.shape().len() * volume.dtype().size();
                let volume = content.insert(Arc::new(volume)).clone();
                self.held().keep(key, bytes, self.most_bytes);
                Ok(volume)
            }
            Err(error) => {
                self.held().slots.remove(&key);
                Err(error)
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The slot of a box, as the one asked for last.
    fn slot(&mut self, key: BoxPlace) -> Slot {
        self.clock += 1;
        let (last, _, slot) = self.slots.entry(key).or_default();
        *last = self.clock;
        slot.clone()
    }

    /// Notes what a box takes, and lets go of others where all together take more than `most`.
    fn keep(&mut self, key: BoxPlace, bytes: usize, most: usize) {
        if let Some((_, size, _)) = self.slots.get_mut(&key) {
            *size = bytes;
        }
        let mut total: usize = self.slots.values().map(|(_, size, _)| size).sum();
        while total > most {
            // What is being decoded has no size yet.
            let others = self.slots.iter();
            let others = others.filter(|(other, (_, size, _))| **other != key && *size > 0);
            let Some((&oldest, &(_, size, _))) = others.min_by_key(|(_, (last, ..))| *last) else {
                return;
            };
            self.slots.remove(&oldest);
            total -= size;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::place::FramePlace;
    use srt::{Error, Shape, Volume};

    fn key(level: usize) -> BoxPlace {
        BoxPlace {
            place: FramePlace { file: 0, frame: 0 },
            level,
            region: Shape::new(&[4, 4]).unwrap().region(),
        }
    }

    fn volume(value: f32) -> Result<AnyVolume> {
        Ok(Volume::new(Shape::new(&[4, 4])?, vec![value; 16])?.into())
    }

    #[test]
    fn what_is_held_is_not_decoded_again_and_the_oldest_goes() {
        let cache = Cache::new(130); // two boxes of 64 bytes
        let again = || Err(Error::invalid("decoded again"));
        for level in 0..2 {
            cache.get(key(level), || volume(level as f32)).unwrap();
        }
        cache.get(key(0), again).unwrap();
        cache.get(key(2), || volume(2.0)).unwrap();
        cache.get(key(0), again).unwrap();
        assert!(cache.get(key(1), again).is_err());
        assert_eq!(
            *cache.get(key(1), || volume(7.0)).unwrap(),
            volume(7.0).unwrap()
        );
    }

    #[test]
    fn a_box_is_decoded_once_however_many_ask() {
        let cache = Cache::new(1 << 20);
        let count = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let decode = || {
                        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        volume(1.0)
                    };
                    cache.get(key(0), decode).unwrap();
                });
            }
        });
        assert_eq!(count.into_inner(), 1);
    }
}
