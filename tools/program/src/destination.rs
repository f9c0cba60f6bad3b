//! Where an output may go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use same_file::Handle;
use srt::{Error, Overwrite, Result};

use crate::lock::{Contention, Lock};
use crate::output::OutputFile;

/// A place for an output that was found to be good before the work begins: the only way to an [`OutputFile`].
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    overwrite: Overwrite,
    lock: Option<Arc<Lock>>,
}

impl Destination {
    /// Decides whether an output named `path` may be written by a command that reads `inputs`; `-` is standard output, and
    /// among the inputs standard input. Links are followed, also those that lead to no file yet.
    ///
    /// # Errors
    /// `InvalidArgument` when it is one of the inputs (by name, link or inode), or exists and `overwrite` refuses, or is a
    /// folder; `Io` when it cannot be written.
    pub fn decide<P: AsRef<Path>>(
        path: &Path,
        overwrite: Overwrite,
        inputs: impl IntoIterator<Item = P>,
    ) -> Result<Self> {
        let destination = Self {
            path: path.to_owned(),
            overwrite,
            lock: None,
        };
        if is_among(path, inputs) {
            let message = "the output is one of the inputs: another file expected";
            return Err(Error::invalid(message).within(name_of(path)));
        }
        if !takes_bytes_at_once(path) {
            // Takes the place for a moment, so that a folder that may not be written is told now.
            drop(destination.create()?);
        }
        Ok(destination)
    }

    /// The name as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is standard output.
    #[must_use]
    pub fn is_stdout(&self) -> bool {
        is_standard(&self.path)
    }

    /// The folder that the file is going to be in; none of standard output, devices and pipes.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        if takes_bytes_at_once(&self.path) {
            return None;
        }
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().unwrap_or(Path::new(""));
        Some(Path::new(".").join(folder))
    }

    /// Starts the output.
    ///
    /// # Errors
    /// Those of [`Destination::decide`], for what came there meanwhile.
    pub fn create(&self) -> Result<OutputFile> {
        OutputFile::create(&self.path, self.overwrite, self.lock.clone())
    }

    /// Takes the lock of the file that is there, which the command is going to read and then to replace: to be called
    /// before it reads. Nothing where there is no file yet.
    ///
    /// # Errors
    /// Those of [`Lock::take`].
    pub fn lock(&mut self, contention: Contention) -> Result<()> {
        if regular_file(&self.path, Handle::stdout).is_some() && !self.is_stdout() {
            self.lock = Some(Arc::new(Lock::take(&self.path, contention)?));
        }
        Ok(())
    }

    /// Whether it is a file that is there, and one of `inputs`.
    #[must_use]
    pub fn is_among<P: AsRef<Path>>(&self, inputs: impl IntoIterator<Item = P>) -> bool {
        is_among(&self.path, inputs)
    }
}

/// Standard output, devices and pipes: what went there cannot be taken back.
pub(crate) fn takes_bytes_at_once(path: &Path) -> bool {
    is_standard(path) || fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

/// Whether an output is a file that is there, and one of `inputs`.
fn is_among<P: AsRef<Path>>(output: &Path, inputs: impl IntoIterator<Item = P>) -> bool {
    let Some(output) = regular_file(output, Handle::stdout) else {
        return false;
    };
    let mut inputs = inputs.into_iter();
    inputs.any(|input| {
        regular_file(input.as_ref(), Handle::stdin).is_some_and(|input| input == output)
    })
}

/// `-`.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What a file is called in messages.
pub(crate) fn name_of(output: &Path) -> String {
    if is_standard(output) {
        "standard output".to_owned()
    } else {
        output.display().to_string()
    }
}

/// The file of that name, `standard` for `-`, if it is one that keeps what was written: not a pipe, not a device.
fn regular_file(path: &Path, standard: fn() -> io::Result<Handle>) -> Option<Handle> {
    if is_standard(path) {
        let handle = standard().ok()?;
        let is_file = handle.as_file().metadata().ok()?.is_file();
        return is_file.then_some(handle);
    }
    // Asked first: opening a pipe would wait for its other end.
    let is_file = fs::metadata(path).ok()?.is_file();
    is_file.then(|| Handle::from_path(path).ok()).flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use srt::ErrorKind;

    #[test]
    fn an_input_is_known_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "a").unwrap();
        fs::write(path("b"), "b").unwrap();
        fs::hard_link(path("a"), path("hard")).unwrap();
        let decide =
            |output: &Path| Destination::decide(output, Overwrite::Replace, [path("b"), path("a")]);
        for output in [path("a"), path("./a"), path("hard")] {
            let error = decide(&output).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a", path("soft")).unwrap();
            assert!(decide(&path("soft")).is_err());
        }
        fs::write(path("c"), "a").unwrap();
        decide(&path("c")).unwrap();
        decide(&path("new")).unwrap();
        assert!(!path("new").exists());
        assert_eq!(fs::read(path("c")).unwrap(), b"a");
    }

    #[test]
    fn what_cannot_be_written_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "a").unwrap();
        let none: [&Path; 0] = [];
        for output in ["a", "no/such/file", "."] {
            assert!(Destination::decide(&path(output), Overwrite::Refuse, none).is_err());
        }
    }
}
