//! `--resume`: is the part there already?

use std::sync::Arc;

use super::recipe::Recipe;
use super::series::{Series, one_input};
use crate::args::{EncodeArgs, PartText, values_of};
use crate::input::walk;
use crate::models;
use srt::{Coding, Error, FileBytes, Frame, Limits, Observer, Reader, Result, Slab};

/// Length of the part that `args` would write, when it is there and whole; `None` when it is not there
/// or damaged.
///
/// # Errors
/// `InvalidArgument` when another file has its name, and what opening the input reports.
pub(super) fn complete_part(
    args: &EncodeArgs,
    part: PartText,
    coding: &Coding,
) -> Result<Option<usize>> {
    let path = args.output();
    if !path.try_exists()? {
        return Ok(None);
    }
    let [_] = args.inputs() else {
        return Err(one_input());
    };
    let series = Series::open(args)?;
    let (dataset, _) = series.dataset(args, None)?;
    let slab = part.slab(dataset.shape)?;
    let file = FileBytes::open(path)?;
    let Ok(decoder) = models::open(file.bytes()) else {
        return Ok(None);
    };
    if walk(file.bytes()).is_err() {
        return Ok(None);
    }
    let another = |what: String| {
        let message = format!("the file is there, but is another part{what}");
        Error::invalid(message).within(path.display())
    };
    let mut frames = decoder.frames().map(|frame| frame.record());
    let (first, second) = (frames.next(), frames.next());
    let is_same = first.is_some_and(|frame| is_of_part(frame, slab, args))
        && second.is_none()
        && *decoder.dataset() == dataset;
    if !is_same {
        return Err(another(String::new()));
    }
    let Some(found) = recipe_in(file.bytes())? else {
        let message = ", or one of a program that did not tell what it is made of: remove it, to have it made again";
        return Err(another(message.into()));
    };
    let recipe = Recipe::new(args, coding)?;
    if let Some(what) = recipe.difference(&found) {
        return Err(another(format!(": {what}")));
    }
    // Read last: it takes longest.
    let fields = series.fields.into_iter().flat_map(|field| field.inputs);
    for (_, input) in fields {
        let (input, own) = (Arc::new(input), values_of(slab, dataset.shape));
        let (mapped, first) = (Arc::clone(&input), own.start);
        let observer = Observer::default().on_values_read(move |values| {
            mapped.release(first + values.start..first + values.end);
        });
        let recipe = Recipe::new(args, coding)?.of(&input.values()?.slice(own), &observer);
        if let Some(what) = recipe.difference(&found) {
            return Err(another(format!(": {what}")));
        }
    }
    Ok(Some(file.bytes().len()))
}

/// What a part says that it is made of; `None` where it does not.
fn recipe_in(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let (reader, kind) = (Reader::new(bytes, &Limits::default())?, Recipe::kind()?);
    let number = reader.entries().iter().position(|entry| entry.kind == kind);
    let payload = number.map(|number| reader.payload(number)).transpose()?;
    Ok(payload.map(<[u8]>::to_vec))
}

/// Whether a frame is of this slab, step and time.
fn is_of_part(frame: &Frame, slab: Slab, args: &EncodeArgs) -> bool {
    frame.slab == Some(slab)
        && frame.step == args.step.unwrap_or(0)
        && frame.time == args.time.first().copied()
}
