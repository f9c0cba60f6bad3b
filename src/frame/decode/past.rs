//! The frames that a frame is predicted from: decoded where they are needed, and kept for the next one.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::error::{Error, Result};
use crate::base::real::Real;
use crate::container::{Form, WaveletForm};
use crate::frame::decode::FrameSource;
use crate::frame::layout::FrameLayout;
use crate::frame::wavelet::decode::FramePredictors;
use crate::frame::wavelet::predictor::past;
use crate::frame::wavelet::stored::DecodeRequest;
use crate::recon::{BandBoxes, HeldBands, Past};

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
    fn get<T: Real>(&self, number: usize, boxes: &BandBoxes) -> Option<Arc<HeldBands<T>>> {
        // A panic while the lock was held leaves nothing half done: entries are whole.
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.iter().find(|entry| entry.number == number)?;
        let bands = Arc::clone(&entry.bands);
        let bands = bands.downcast::<HeldBands<T>>().ok()?;
        bands.boxes.contain(boxes).then_some(bands)
    }

    fn put<T: Real>(&self, field: u64, number: usize, bands: &Arc<HeldBands<T>>) {
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

/// A frame that another one is predicted from, by itself or by way of others.
pub(crate) struct Link<'a> {
    pub(crate) source: FrameSource<'a>,
    /// The record's number.
    pub(crate) number: usize,
    /// Its own references, nearest first, by their places among the links before it.
    pub(crate) references: Vec<usize>,
}

/// Where the references of a frame come from.
#[derive(Default)]
pub(crate) struct PastSources<'a> {
    /// All frames that it takes, in the order of the file.
    pub(crate) links: Vec<Link<'a>>,
    /// Its references, nearest first, by their places there.
    pub(crate) references: Vec<usize>,
    /// Where bands are kept, if they are.
    pub(crate) cache: Option<&'a BandCache>,
    /// The number of its record, where others are predicted from it and its bands are worth keeping.
    pub(crate) kept_as: Option<usize>,
}

impl FrameSource<'_> {
    /// What a frame is predicted from beside networks, over `boxes`; `None` for one without references.
    ///
    /// # Errors
    /// What decoding the references reports, `Corrupt` where they are not at hand.
    pub(crate) fn past<T: Real>(
        &self,
        form: &WaveletForm,
        boxes: &BandBoxes,
    ) -> Result<Option<Past<T>>> {
        let Some(references) = &form.references else {
            return Ok(None);
        };
        if self.past.references.len() != references.distances.len() {
            return Err(Error::corrupt("the frame's references are not at hand"));
        }
        let bytes = 8 * self.shape.len() as u64 * size_of::<T>() as u64;
        self.limits.check_decoded(bytes)?;
        Ok(Some(past(references, self.reference_bands(boxes)?)))
    }

    /// The bands of the references over `boxes`: those that are kept, or decoded in the order of the file.
    fn reference_bands<T: Real>(&self, boxes: &BandBoxes) -> Result<Vec<Arc<HeldBands<T>>>> {
        let PastSources {
            links,
            references,
            cache,
            ..
        } = &self.past;
        let mut wanted: Vec<Option<BandBoxes>> = vec![None; links.len()];
        let mut found: Vec<Option<Arc<HeldBands<T>>>> = vec![None; links.len()];
        let want = |wanted: &mut Vec<Option<BandBoxes>>, place: usize, boxes: &BandBoxes| {
            let before = wanted[place].take();
            wanted[place] = Some(match before {
                Some(before) => before.hull(boxes),
                None => boxes.clone(),
            });
        };
        for &place in references {
            want(&mut wanted, place, boxes);
        }
        for (place, link) in links.iter().enumerate().rev() {
            let Some(boxes) = wanted[place].clone() else {
                continue;
            };
            found[place] = cache.and_then(|cache| cache.get(link.number, &boxes));
            if found[place].is_some() {
                continue;
            }
            let boxes = link.source.loop_boxes(&boxes).map_err(|e| link.named(e))?;
            for &reference in &link.references {
                want(&mut wanted, reference, &boxes);
            }
        }
        for (place, link) in links.iter().enumerate() {
            let (Some(boxes), None) = (&wanted[place], &found[place]) else {
                continue;
            };
            let before = link.references.iter().filter_map(|&r| found[r].clone());
            let bands = link.source.bands(boxes, before.collect());
            let bands = Arc::new(bands.map_err(|e| link.named(e))?);
            if let Some(cache) = cache {
                cache.put(link.source.chunks.frame.field, link.number, &bands);
            }
            found[place] = Some(bands);
            // What nothing that follows is predicted from.
            let later = || links[place + 1..].iter().map(|link| &link.references);
            for (other, bands) in found.iter_mut().enumerate().take(place + 1) {
                let used = |places: &Vec<usize>| places.contains(&other);
                if !used(references) && !later().any(used) {
                    *bands = None;
                }
            }
        }
        let missing = || Error::corrupt("the frame's references are not at hand");
        let own = references.iter().map(|&r| found[r].clone());
        own.map(|bands| bands.ok_or_else(missing)).collect()
    }

    /// The boxes that making the bands over `boxes` takes.
    fn loop_boxes(&self, boxes: &BandBoxes) -> Result<BandBoxes> {
        let (form, geometry) = self.wavelet_geometry()?;
        let predictor = self.predictor(geometry, form, boxes.target)?;
        let synthesis = geometry.synthesis(predictor.as_ref());
        Ok(BandBoxes::of(&synthesis.band_loop(boxes)?))
    }

    /// Decodes the bands over `boxes`, and what they take, from those of the references.
    fn bands<T: Real>(
        &self,
        boxes: &BandBoxes,
        references: Vec<Arc<HeldBands<T>>>,
    ) -> Result<HeldBands<T>> {
        let (form, geometry) = self.wavelet_geometry()?;
        let predictor = self.predictor(geometry, form, boxes.target)?;
        let weights = form.references.as_ref();
        let past = weights.map(|weights| past(weights, references));
        let predictors = FramePredictors {
            networks: predictor.as_ref(),
            past: past.as_ref(),
        };
        let request = DecodeRequest {
            level: boxes.target,
            region: geometry.grid(boxes.target).region(),
            bricks: &self.bricks(geometry)?,
            cache: self.cache,
        };
        geometry.decode_bands(form, predictors, boxes, &request)
    }

    /// Room for the bands of the frame from `level` on, where they are to be kept and are not yet.
    pub(crate) fn to_keep<T: Real>(
        &self,
        geometry: &FrameLayout,
        level: usize,
    ) -> Option<HeldBands<T>> {
        let (cache, number) = (self.past.cache?, self.past.kept_as?);
        let boxes = BandBoxes::whole(geometry.plan(), level);
        if cache.get::<T>(number, &boxes).is_some() {
            return None;
        }
        Some(HeldBands::zeros(geometry.plan(), boxes))
    }

    /// Keeps decoded bands.
    pub(crate) fn keep<T: Real>(&self, bands: Option<HeldBands<T>>) {
        if let (Some(cache), Some(number), Some(bands)) =
            (self.past.cache, self.past.kept_as, bands)
        {
            cache.put(self.chunks.frame.field, number, &Arc::new(bands));
        }
    }

    fn wavelet_geometry(&self) -> Result<(&WaveletForm, &FrameLayout)> {
        match &self.chunks.frame.form {
            Form::Wavelet(form) => Ok((form, self.geometry(form)?)),
            Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Raster(_) => {
                Err(Error::corrupt("a reference of the wavelet form expected"))
            }
        }
    }
}

impl Link<'_> {
    fn named(&self, error: Error) -> Error {
        let step = self.source.chunks.frame.step;
        error.within(format!("step {step}, which others are predicted from"))
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
