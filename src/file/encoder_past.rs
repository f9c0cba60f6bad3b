//! The frames that an encoder may predict the next ones from.

use std::collections::{BTreeMap, HashMap};

use crate::base::dtype::Dtype;
use crate::base::error::Result;
use crate::container::{Form, Frame, FrameId, MAX_REFERENCES, WaveletForm};
use crate::file::decoder::Decoder;
use crate::file::frame_reader::FrameReader;
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

    /// What the frames that are added to a file may be predicted from: decodes the last of each field, where one that
    /// follows may be, and `may_have_past` says that there is room for them with values of its type.
    ///
    /// # Errors
    /// What decoding them reports.
    pub(crate) fn of_file(
        file: &Decoder<'_>,
        key_interval: u32,
        may_have_past: impl Fn(Dtype) -> bool,
    ) -> Result<Self> {
        let mut ends: BTreeMap<u64, Vec<(FrameReader<'_>, u32)>> = BTreeMap::new();
        for frame in file.frames() {
            let record = frame.record();
            let Some(form) = candidate(record) else {
                continue;
            };
            if !may_have_past(file.dataset().dtype_of(record)?) {
                continue;
            }
            let known = ends.entry(record.field).or_default();
            let depth = begin(known, form, |(_, depth)| *depth);
            known.push((frame, depth));
        }
        let mut past = Self::default();
        for (field, known) in ends {
            let is_due = |(_, depth): &(_, u32)| depth + 1 >= key_interval;
            if known.last().is_none_or(is_due) {
                continue;
            }
            let mut frames = Vec::with_capacity(known.len());
            for (frame, depth) in known {
                let Form::Wavelet(form) = &frame.record().form else {
                    continue;
                };
                frames.push(PastFrame {
                    step: frame.record().step,
                    form: form.clone(),
                    depth,
                    bands: frame.held_bands()?,
                });
            }
            past.fields.insert(field, frames);
        }
        Ok(past)
    }

    /// Takes a frame that is written.
    pub(crate) fn add(&mut self, encoded: &EncodedFrame) {
        let record = &encoded.frame;
        let Some(form) = candidate(record) else {
            return;
        };
        let known = self.fields.entry(record.field).or_default();
        let depth = begin(known, form, |frame| frame.depth);
        let Some(bands) = &encoded.bands else {
            return;
        };
        known.push(PastFrame {
            step: record.step,
            form: form.clone(),
            depth,
            bands: bands.clone(),
        });
    }
}

/// The form of a frame that others may be predicted from.
fn candidate(frame: &Frame) -> Option<&WaveletForm> {
    match (&frame.form, frame.slab) {
        (Form::Wavelet(form), None) => Some(form),
        _ => None,
    }
}

/// Makes room for a frame of `form` among those that the next one may be predicted from, and gives how many frames
/// decoding it takes before it. One that is coded by itself ends what was before.
fn begin<P>(known: &mut Vec<P>, form: &WaveletForm, depth: impl Fn(&P) -> u32) -> u32 {
    if form.references.is_none() {
        known.clear();
    } else if known.len() == MAX_REFERENCES {
        known.remove(0);
    }
    known.last().map_or(0, |last| depth(last) + 1)
}
