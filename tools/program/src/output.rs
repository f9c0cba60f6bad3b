//! An output on its way, whose errors name it.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srt::{AtomicFile, Error, Overwrite, Result};

use crate::destination::{name_of, takes_bytes_at_once};
use crate::lock::{Contention, Lock};
use crate::signals::{Temporary, temporary_files};

/// An output that appears under its name only by [`OutputFile::commit`]. Made by [`crate::Destination::create`].
#[derive(Debug)]
pub struct OutputFile {
    file: AtomicFile,
    path: PathBuf,
    overwrite: Overwrite,
    /// Of the file that it replaces, where that was read.
    lock: Option<Arc<Lock>>,
    /// Last, so that the file is gone before a signal forgets it.
    _temporary: Option<Temporary>,
}

impl OutputFile {
    pub(crate) fn create(
        path: &Path,
        overwrite: Overwrite,
        lock: Option<Arc<Lock>>,
    ) -> Result<Self> {
        let (file, temporary) = if takes_bytes_at_once(path) {
            // Nothing is held meanwhile: the other end of a pipe may be long in coming.
            (AtomicFile::create(path, overwrite)?, None)
        } else {
            let mut files = temporary_files();
            let file = AtomicFile::create(path, overwrite)?;
            let temporary = file.temporary_path();
            let temporary = temporary.map(|path| Temporary::add(&mut files, path));
            (file, temporary)
        };
        Ok(Self {
            file,
            path: path.to_owned(),
            overwrite,
            lock,
            _temporary: temporary,
        })
    }

    /// Completes the output: flushes it to the disk and gives it its name.
    ///
    /// # Errors
    /// As [`AtomicFile::commit`], and `Io` when the file that it replaces is not the one that was read.
    pub fn commit(mut self) -> Result<()> {
        self.flush()?;
        let replaces = self.overwrite == Overwrite::Replace && !takes_bytes_at_once(&self.path);
        // Who replaces a file without having read it does not cut in on who has.
        let _lock = match &self.lock {
            Some(lock) => {
                lock.check_unchanged()?;
                None
            }
            None if replaces => Lock::take(&self.path, Contention::WaitIfLocked).ok(),
            None => None,
        };
        self.file.commit()
    }

    /// A failure to write, with the name of what was written.
    fn failed(&self, source: io::Error) -> io::Error {
        if source.kind() == io::ErrorKind::Interrupted {
            return source;
        }
        let kind = source.kind();
        let output = name_of(&self.path);
        io::Error::new(kind, OutputFailure { output, source })
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|e| self.failed(e))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|e| self.failed(e))
    }
}

/// Why an output could not be written.
#[derive(Debug)]
struct OutputFailure {
    output: String,
    source: io::Error,
}

impl fmt::Display for OutputFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.output, self.source)
    }
}

impl StdError for OutputFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

/// The failure of an output behind an error.
fn failure(error: &Error) -> Option<&OutputFailure> {
    let source = StdError::source(error)?.downcast_ref::<io::Error>()?;
    source.get_ref()?.downcast_ref()
}

/// Says which input an error came from, unless it came from an output, which it names itself.
#[must_use]
pub fn within_input(error: Error, input: &Path) -> Error {
    if failure(&error).is_some() {
        return error;
    }
    error.within(input.display())
}

/// Whether whoever read the output went away: it may have had all it wanted, as in `srt decode a.srt - | head -c 100`.
#[must_use]
pub fn is_reader_gone(error: &Error) -> bool {
    failure(error).is_some_and(|f| f.source.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_an_output_name_it_and_no_input() {
        let inner = || io::Error::from(io::ErrorKind::BrokenPipe);
        let output = || OutputFailure {
            output: "out.srt".into(),
            source: inner(),
        };
        let wrapped = || Error::from(io::Error::new(io::ErrorKind::BrokenPipe, output()));
        let named = within_input(wrapped(), Path::new("in.npy"));
        assert!(named.to_string().starts_with("out.srt: "), "{named}");
        assert!(is_reader_gone(&named) && !is_reader_gone(&inner().into()));
        let other = within_input(Error::from(inner()), Path::new("in.npy"));
        assert!(other.to_string().starts_with("in.npy: "));
    }
}
