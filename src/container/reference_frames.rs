//! Which frames another one may be predicted from (spec section 4.3).

use std::collections::HashMap;

use crate::base::grid::Axes;
use crate::container::records::{Form, Frame, WaveletForm};
use crate::container::references::{MAX_REFERENCES, References};

/// What frames must have in common for one to be predicted from the other, beside field and domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    wavelet: u8,
    periodic: Axes,
    plan: u8,
    levels: u8,
}

impl Kind {
    fn of(form: &WaveletForm) -> Self {
        Self {
            wavelet: form.wavelet,
            periodic: form.periodic,
            plan: form.plan,
            levels: form.levels,
        }
    }
}

/// A frame that others may be predicted from.
#[derive(Clone, Copy, Debug)]
struct KnownFrame<K> {
    kind: Kind,
    step: u64,
    key: K,
}

/// The frames of each field that the next one may be predicted from: the last two of the wavelet form, and none before the
/// last that has no references. `K` is what a frame is known by.
#[derive(Debug)]
pub struct ReferenceFrames<K> {
    fields: HashMap<u64, Vec<KnownFrame<K>>>,
}

impl<K> Default for ReferenceFrames<K> {
    fn default() -> Self {
        Self {
            fields: HashMap::new(),
        }
    }
}

impl<K: Copy> ReferenceFrames<K> {
    /// The references of the next frame of the file, nearest first; `None` where one is not there, or is of another kind.
    #[must_use]
    pub fn of(&self, frame: &Frame) -> Option<Vec<K>> {
        let Some((form, references)) = predicted(frame) else {
            return Some(Vec::new());
        };
        if frame.slab.is_some() {
            return None;
        }
        let known = self.fields.get(&frame.field)?;
        let find = |distance: &u64| {
            let step = frame.step.checked_sub(*distance)?;
            let is_it = |c: &&KnownFrame<K>| c.step == step && c.kind == Kind::of(form);
            known.iter().find(is_it).map(|c| c.key)
        };
        references.distances.iter().map(find).collect()
    }

    /// Adds the next frame of the file, known by `key`. Slabs, and frames of other forms, are no references.
    pub fn add(&mut self, frame: &Frame, key: K) {
        let Form::Wavelet(form) = &frame.form else {
            return;
        };
        if frame.slab.is_some() {
            return;
        }
        let known = self.fields.entry(frame.field).or_default();
        if form.references.is_none() {
            known.clear();
        } else if known.len() == MAX_REFERENCES {
            known.remove(0);
        }
        known.push(KnownFrame {
            kind: Kind::of(form),
            step: frame.step,
            key,
        });
    }
}

/// The form and the references of a frame that has any.
fn predicted(frame: &Frame) -> Option<(&WaveletForm, &References)> {
    match &frame.form {
        Form::Wavelet(form) => form.references.as_ref().map(|r| (form, r)),
        Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Raster(_) => None,
    }
}

impl Frame {
    /// The earlier frames that this one is predicted from, if it is.
    #[must_use]
    pub fn references(&self) -> Option<&References> {
        predicted(self).map(|(_, references)| references)
    }
}
