//! The frames that a frame is predicted from: decoded where they are needed.

use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::real::Real;
use crate::container::{Form, WaveletForm};
use crate::frame::decode::{FrameSource, Link, PastSources};
use crate::frame::layout::FrameLayout;
use crate::frame::wavelet::decode::FramePredictors;
use crate::frame::wavelet::predictor::past;
use crate::frame::wavelet::stored::DecodeRequest;
use crate::recon::{BandBoxes, HeldBands, Past};

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

    /// All bands of the frame.
    ///
    /// # Errors
    /// What decoding it reports, `Corrupt` for one of another form.
    pub(crate) fn held_bands<T: Real>(&self) -> Result<Arc<HeldBands<T>>> {
        let (form, geometry) = self.wavelet_geometry()?;
        let whole = BandBoxes::whole(geometry.plan(), 0);
        let references = match form.references {
            Some(_) => self.reference_bands(&self.loop_boxes(&whole)?)?,
            None => Vec::new(),
        };
        self.bands(&whole, references).map(Arc::new)
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
