//! Where `srt encode` may write: its output is the last of its files, and easily forgotten.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::series::listed;
use crate::args::EncodeArgs;
use crate::output::overwrite;
use srt::{Error, MAGIC, Result};
use srt_program::Destination;

/// Decides on the output before anything else is done.
///
/// # Errors
/// `InvalidArgument` for an output that is a field, and those of [`Destination::decide`].
pub(super) fn destination(args: &EncodeArgs) -> Result<Destination> {
    let path = args.output();
    if is_field(args, path) {
        let message = "the file to write expected last, as in out.srt; a field found";
        return Err(Error::invalid(message).within(path.display()));
    }
    let others = [Some(&args.model), args.range.as_ref()];
    let others = others.into_iter().flatten().cloned();
    let inputs = listed(args)?.into_iter().map(|(_, path)| path);
    let overwrite = overwrite(args.force || args.append || args.resume);
    Destination::decide(path, overwrite, inputs.chain(others))
}

/// Whether a file is a field by its name, by its first bytes or, where raw fields are read, by its length.
fn is_field(args: &EncodeArgs, path: &Path) -> bool {
    if path.extension().is_some_and(|e| e == "npy" || e == "raw") {
        return true;
    }
    let is_file = path.metadata().is_ok_and(|m| m.is_file());
    let Some(mut file) = is_file.then(|| File::open(path).ok()).flatten() else {
        return false;
    };
    let len = file.metadata().map(|m| m.len()).ok();
    let mut start = Vec::new();
    if file.by_ref().take(8).read_to_end(&mut start).is_err() {
        return false;
    }
    let is_raw = || len.is_some_and(|len| args.raw.bytes() == Some(len));
    start.starts_with(b"\x93NUMPY") || (is_raw() && !start.starts_with(&MAGIC))
}
