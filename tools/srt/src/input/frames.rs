//! Frames by the name of their field and their time step.

use srt::{Dataset, Decoder, Error, Frame, FrameReader, Result};

/// Which frames of a file are meant: those of a field, of a time step, or all.
pub(crate) struct FrameChoice {
    field: Option<u64>,
    step: Option<u64>,
}

impl FrameChoice {
    /// # Errors
    /// `InvalidArgument` for a field that the file does not have.
    pub(crate) fn new(dataset: &Dataset, field: Option<&str>, step: Option<u64>) -> Result<Self> {
        let field = match field {
            None => None,
            Some(name) => Some(dataset.field(name).ok_or_else(|| {
                let names: Vec<&str> = dataset.fields.iter().map(|f| f.name.as_str()).collect();
                Error::invalid(format!("no field {name:?}; the file has {names:?}"))
            })? as u64),
        };
        Ok(Self { field, step })
    }

    pub(crate) fn fits(&self, frame: &Frame) -> bool {
        self.field.is_none_or(|field| frame.field == field)
            && self.step.is_none_or(|step| frame.step == step)
    }
}

/// The frames with the given field name and time step, in file order; at least one.
pub(crate) fn find_frames<'d>(
    decoder: &'d Decoder<'_>,
    field: Option<&str>,
    step: Option<u64>,
) -> Result<Vec<FrameReader<'d>>> {
    let choice = FrameChoice::new(decoder.dataset(), field, step)?;
    let frames = decoder.frames();
    let frames: Vec<_> = frames.filter(|frame| choice.fits(frame.record())).collect();
    if frames.is_empty() {
        return Err(Error::invalid("the file has no such frame"));
    }
    Ok(frames)
}

/// The frame with the given field name and time step; either may be left out where only one is left.
pub(crate) fn find_frame<'d>(
    decoder: &'d Decoder<'_>,
    field: Option<&str>,
    step: Option<u64>,
) -> Result<FrameReader<'d>> {
    match find_frames(decoder, field, step)?[..] {
        [frame] => Ok(frame),
        _ => Err(several_frames()),
    }
}

/// One frame was needed, and several fit.
pub(crate) fn several_frames() -> Error {
    Error::invalid(
        "the file has several frames: name one with --field and --step, or take all steps with --steps",
    )
}
