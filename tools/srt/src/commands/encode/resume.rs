//! `--resume`: is the part there already?

use super::series::{Series, one_input};
use crate::args::{EncodeArgs, PartText};
use crate::input::walk;
use crate::models;
use srt::{Error, FileBytes, Form, Frame, Result, Slab};

/// Length of the part that `args` would write, when it is there and whole; `None` when it is not there
/// or damaged.
///
/// # Errors
/// `InvalidArgument` when another file has its name, and what opening the input reports.
pub(super) fn complete_part(args: &EncodeArgs, part: PartText) -> Result<Option<usize>> {
    let path = args.output();
    if !path.try_exists()? {
        return Ok(None);
    }
    let [_] = args.inputs() else {
        return Err(one_input());
    };
    let (dataset, _) = Series::open(args)?.dataset(args, None)?;
    let slab = part.slab(dataset.shape)?;
    let file = FileBytes::open(path)?;
    let Ok(decoder) = models::open(file.bytes()) else {
        return Ok(None);
    };
    if walk(file.bytes()).is_err() {
        return Ok(None);
    }
    let mut frames = decoder.frames().map(|frame| frame.record());
    let (first, second, bound) = (frames.next(), frames.next(), args.bound()?);
    let is_same = first.is_some_and(|frame| frame.bound == bound && is_of_part(frame, slab, args))
        && second.is_none()
        && *decoder.dataset() == dataset;
    if !is_same {
        let message = "the file is there, but is another part";
        return Err(Error::invalid(message).within(path.display()));
    }
    Ok(Some(file.bytes().len()))
}

/// Whether a frame holds what `args` would put into this slab, as far as the frame tells.
fn is_of_part(frame: &Frame, slab: Slab, args: &EncodeArgs) -> bool {
    frame.slab == Some(slab)
        && frame.step == args.step.unwrap_or(0)
        && frame.time == args.time.first().copied()
        && is_form_of(&frame.form, args)
}

/// Whether `args` may have led to a frame of this form, as far as the form tells: networks are left out
/// where they save nothing.
fn is_form_of(form: &Form, args: &EncodeArgs) -> bool {
    let Form::Wavelet(form) = form else {
        return true;
    };
    form.periodic == args.periodic.unwrap_or_default()
        && args.wavelet.is_none_or(|pair| pair.to_u8() == form.wavelet)
        && (args.model.as_os_str() != "none" || form.network.is_none())
}
