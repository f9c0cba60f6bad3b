//! The frames that an encoder may predict the next ones from.

use std::collections::HashMap;

use crate::container::{Form, Frame, FrameId, MAX_REFERENCES};
use crate::frame::encoded::EncodedFrame;
use crate::frame::wavelet::past::{OfferedPast, PastFrame};

/// By field: the last frames of the wavelet form, as a reader knows them, up to the last that is coded by itself.
#[derive(Debug, Default)]
pub(crate) struct EncoderPast {
    fields: HashMap<u64, Vec<PastFrame>>,
}

impl EncoderPast {
    /// What the next frame of a field may be predicted from, where `key_interval` frames at most follow each other from one
    /// that is coded by itself to the next.
    pub(crate) fn offer(&self, id: FrameId, key_interval: u32) -> OfferedPast<'_> {
        let frames = self.fields.get(&id.field).map_or(&[][..], Vec::as_slice);
        let depth = frames.last().map_or(0, |frame| frame.depth);
        let is_due = depth + 1 >= key_interval;
        OfferedPast {
            step: id.step,
            frames: if is_due { &[] } else { frames },
            keeps: key_interval > 1,
        }
    }

    /// Takes a frame that is written.
    pub(crate) fn add(&mut self, encoded: &EncodedFrame) {
        let Frame {
            field,
            step,
            form: Form::Wavelet(form),
            slab: None,
            ..
        } = &encoded.frame
        else {
            return;
        };
        let known = self.fields.entry(*field).or_default();
        let depth = known.last().map_or(0, |frame| frame.depth + 1);
        if form.references.is_none() {
            known.clear();
        }
        let Some(bands) = &encoded.bands else {
            return;
        };
        if known.len() == MAX_REFERENCES {
            known.remove(0);
        }
        known.push(PastFrame {
            step: *step,
            form: form.clone(),
            depth: if known.is_empty() { 0 } else { depth },
            bands: bands.clone(),
        });
    }
}
