//! Decoded bands of frames that others are predicted from, kept for these.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::real::Real;
use crate::recon::{BandBoxes, HeldBands};

/// Frames of a field that stay whatever they take: a frame is predicted from two at most.
const STAY: usize = 2;

/// Decoded bands of frames, in either working precision.
type AnyBands = Arc<dyn Any + Send + Sync>;

/// Decoded bands of the frames of a file that others are predicted from. Of each field those of two frames are kept, the
/// last ones decoded; where all take more than a number of bytes, only those of the field decoded last.
pub(crate) struct BandCache {
    limit: usize,
    /// The last one decoded stands last.
    entries: Mutex<Vec<CacheEntry>>,
}

struct CacheEntry {
    field: u64,
    /// The record's number.
    number: usize,
    bytes: usize,
    bands: AnyBands,
}

impl BandCache {
    /// A cache of about `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: Mutex::default(),
        }
    }

    /// The bands of a record, where those of all of `boxes` are kept.
    pub(crate) fn get<T: Real>(
        &self,
        number: usize,
        boxes: &BandBoxes,
    ) -> Option<Arc<HeldBands<T>>> {
        // A panic while the lock was held leaves nothing half done: entries are whole.
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.iter().find(|entry| entry.number == number)?;
        let bands = Arc::clone(&entry.bands);
        let bands = bands.downcast::<HeldBands<T>>().ok()?;
        bands.boxes.contain(boxes).then_some(bands)
    }

    /// Keeps the bands of a record.
    pub(crate) fn put<T: Real>(&self, field: u64, number: usize, bands: &Arc<HeldBands<T>>) {
        let details = bands.details.iter().flatten().map(Vec::len);
        let values = bands.low.len() + details.sum::<usize>();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.number != number);
        entries.push(CacheEntry {
            field,
            number,
            bytes: values * size_of::<T>(),
            bands: Arc::clone(bands) as AnyBands,
        });
        let own = |entry: &CacheEntry| entry.field == field;
        if entries.iter().filter(|entry| own(entry)).count() > STAY
            && let Some(oldest) = entries.iter().position(own)
        {
            entries.remove(oldest);
        }
        while entries.iter().map(|entry| entry.bytes).sum::<usize>() > self.limit
            && let Some(oldest) = entries.iter().position(|entry| !own(entry))
        {
            entries.remove(oldest);
        }
    }

    /// Forgets the records of a field.
    pub(crate) fn forget(&self, field: u64) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.field != field);
    }
}

impl std::fmt::Debug for BandCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BandCache")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::{Axes, Shape};
    use crate::transform::Plan;

    #[test]
    fn two_frames_of_a_field_stay_and_fields_share_the_rest() {
        let plan = Plan::new(Shape::new(&[8, 8]).unwrap(), Axes::NONE, 15);
        let boxes = BandBoxes::whole(&plan, 0);
        let bands = || {
            let mut bands = HeldBands::<f32>::zeros(&plan, boxes.clone());
            bands.low = vec![0.0; 16];
            Arc::new(bands)
        };
        let cache = BandCache::new(3 * 256);
        let has = |number| cache.get::<f32>(number, &boxes).is_some();
        for number in 0..3 {
            cache.put(0, number, &bands());
        }
        assert!(!has(0) && has(1) && has(2));
        cache.put(1, 3, &bands());
        assert!(has(1) && has(2) && has(3));
        // One too many: the other field's oldest goes.
        cache.put(1, 4, &bands());
        assert_eq!([1, 2, 3, 4].map(has), [false, true, true, true]);
        assert!(cache.get::<f64>(4, &boxes).is_none());
        cache.forget(1);
        assert_eq!([2, 3, 4].map(has), [true, false, false]);
    }

    #[test]
    fn a_coarse_level_does_not_stand_for_a_fine_one() {
        let plan = Plan::new(Shape::new(&[32, 32]).unwrap(), Axes::NONE, 15);
        let cache = BandCache::new(1 << 20);
        let coarse = BandBoxes::whole(&plan, 1);
        let bands = Arc::new(HeldBands::<f32>::zeros(&plan, coarse.clone()));
        cache.put(0, 0, &bands);
        assert!(cache.get::<f32>(0, &BandBoxes::whole(&plan, 0)).is_none());
        assert!(cache.get::<f32>(0, &coarse).is_some());
        assert!(cache.get::<f32>(0, &BandBoxes::whole(&plan, 2)).is_some());
    }
}
