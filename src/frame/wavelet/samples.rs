//! A field in its own type, normalised box by box.

use crate::base::dtype::Element;
use crate::base::grid::Region;
use crate::frame::original::Original;
use crate::frame::sample::Normalisation;
use crate::frame::wavelet::analysis::Samples;

/// A field whose normalised values are made when they are asked for.
pub(crate) struct FieldSamples<'a, E: Element> {
    pub(crate) original: Original<'a, E>,
    pub(crate) normalisation: Normalisation<E::Work>,
}

impl<E: Element> Samples<E::Work> for FieldSamples<'_, E> {
    fn normalised(&self, region: Region) -> Vec<E::Work> {
        let (normalisation, original) = (&self.normalisation, &self.original);
        let out = normalisation.apply_to_box(original.shape, original.values, region);
        let plane = original.shape.len() / original.shape.dims()[0];
        let planes = region.start[0] * plane..region.end(0) * plane;
        original.observer.values_read(planes);
        out
    }
}
