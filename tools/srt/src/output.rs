//! What commands print, and where fields go.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use srt::{
    AnyVolume, AtomicFile, Dataset, Decoder, Dtype, Error, ErrorKind, FieldFormat, Frame,
    FrameReader, Overwrite, Progress, Result, Shape, dtype_dispatch, write_header, write_samples,
};

/// `-f` or not.
pub(super) fn overwrite(force: bool) -> Overwrite {
    if force {
        Overwrite::Replace
    } else {
        Overwrite::Refuse
    }
}

/// Prints a report as one JSON object.
pub(super) fn print_json(report: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|e| Error::new(ErrorKind::Io, e.to_string()))?;
    print_line(&text)
}

/// Prints to standard output, with a closed pipe as an error instead of a panic.
pub(super) fn print_line(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// A spinner on standard error, if that is a terminal.
pub(super) struct Spinner(Option<ProgressBar>);

impl Spinner {
    pub(super) fn new(quiet: bool, what: &str) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    pub(super) fn pass(&self, progress: Progress) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("pass {}: {:.4}", progress.passes, progress.quality));
        }
    }

    /// Takes it off the terminal.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A decoded field on its way to a file: raw if the name ends in `.raw`, else `.npy`.
pub(super) struct FieldFile {
    file: BufWriter<AtomicFile>,
}

impl FieldFile {
    /// Starts a field of `shape`; its values follow by [`FieldFile::push`].
    pub(super) fn create(path: &Path, force: bool, shape: Shape, dtype: Dtype) -> Result<Self> {
        let format = match path.extension() {
            Some(e) if e == "raw" => FieldFormat::Raw,
            Some(e) if e == "npy" => FieldFormat::Npy,
            _ if path.as_os_str() == "-" => FieldFormat::Npy,
            _ => {
                return Err(Error::invalid(format!(
                    "a name ending in .npy or .raw expected, {} found",
                    path.display()
                )));
            }
        };
        let mut file = BufWriter::new(AtomicFile::create(path, overwrite(force))?);
        write_header(&mut file, format, shape, dtype)?;
        Ok(Self { file })
    }

    /// Writes the next values.
    pub(super) fn push(&mut self, volume: &AnyVolume) -> Result<()> {
        dtype_dispatch!(volume, AnyVolume(v) => write_samples(&mut self.file, v.data()))
    }

    /// The file appears under its name.
    pub(super) fn commit(self) -> Result<()> {
        let file = self.file.into_inner();
        file.map_err(std::io::IntoInnerError::into_error)?.commit()
    }
}

/// Writes a decoded field: raw if the name ends in `.raw`, else `.npy`.
pub(super) fn write_volume(path: &Path, force: bool, volume: &AnyVolume) -> Result<()> {
    let mut file = FieldFile::create(path, force, volume.shape(), volume.dtype())?;
    file.push(volume)?;
    file.commit()
}

/// Which frames of a file are meant: those of a field, of a time step, or all.
pub(super) struct FrameChoice {
    field: Option<u64>,
    step: Option<u64>,
}

impl FrameChoice {
    /// # Errors
    /// `InvalidArgument` for a field that the file does not have.
    pub(super) fn new(dataset: &Dataset, field: Option<&str>, step: Option<u64>) -> Result<Self> {
        let field = match field {
            None => None,
            Some(name) => Some(dataset.field(name).ok_or_else(|| {
                let names: Vec<&str> = dataset.fields.iter().map(|f| f.name.as_str()).collect();
                Error::invalid(format!("no field {name:?}; the file has {names:?}"))
            })? as u64),
        };
        Ok(Self { field, step })
    }

    pub(super) fn fits(&self, frame: &Frame) -> bool {
        self.field.is_none_or(|field| frame.field == field)
            && self.step.is_none_or(|step| frame.step == step)
    }
}

/// The frames with the given field name and time step, in file order; at least one.
pub(super) fn find_frames<'d>(
    decoder: &'d Decoder<'_>,
    field: Option<&str>,
    step: Option<u64>,
) -> Result<Vec<FrameReader<'d>>> {
    let choice = FrameChoice::new(decoder.dataset(), field, step)?;
    let frames = decoder.frames();
    let frames: Vec<_> = frames.filter(|frame| choice.fits(frame.record())).collect();
    if frames.is_empty() {
        Err(Error::invalid("the file has no such frame"))
    } else {
        Ok(frames)
    }
}

/// The frame with the given field name and time step; either may be left out where only one is left.
pub(super) fn find_frame<'d>(
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
pub(super) fn several_frames() -> Error {
    Error::invalid("the file has several frames: name one with --field and --step")
}
