//! One writer at a time for a file that is rewritten from what it holds.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use same_file::Handle;
use srt::{Error, ErrorKind, Result};

use crate::print::note;

/// What to do while another process rewrites the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contention {
    /// Wait for it; after a second a note says so.
    #[default]
    Wait,
    /// The same without a note.
    WaitQuietly,
    /// Wait where there are locks, as one who replaces the file without having read it.
    WaitIfLocked,
    /// Give up.
    Fail,
}

/// How long a wait goes on without a word.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the lock is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// The right to replace a file, for as long as the value lives.
///
/// The lock is an advisory one (`flock`) on the file itself, so that it leaves nothing behind, however the process ends.
/// Whoever replaces the file gives its name to another: a lock that was waited for is taken again on the file that has
/// the name then.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// The file that has the lock.
    file: Handle,
    seen: State,
}

/// What tells whether a file was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    len: u64,
    modified: Option<SystemTime>,
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

/// An attempt to lock the file that has a name now.
enum Attempt {
    Locked(Lock),
    /// Another file has the name by now.
    Moved,
}

impl Lock {
    /// Locks a file that is there.
    ///
    /// # Errors
    /// `Io` when it is not there, when another process has the lock and `contention` does not wait, and when the file
    /// system knows no locks and `contention` insists on one.
    pub fn take(path: &Path, contention: Contention) -> Result<Self> {
        let mut waiter = Waiter::new(path, contention);
        loop {
            match Self::attempt(path, &mut waiter).map_err(|e| e.within(path.display()))? {
                Attempt::Locked(lock) => return Ok(lock),
                Attempt::Moved => {}
            }
        }
    }

    fn attempt(path: &Path, waiter: &mut Waiter<'_>) -> Result<Attempt> {
        let file = open(path)?;
        waiter.wait_for(&file)?;
        let handle = Handle::from_file(file)?;
        // Only now does nobody else rewrite what is seen.
        let current = match Handle::from_path(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(e.into()),
            current => current?,
        };
        if current != handle {
            return Ok(Attempt::Moved);
        }
        let seen = State::of(&handle.as_file().metadata()?);
        Ok(Attempt::Locked(Self {
            path: path.to_owned(),
            file: handle,
            seen,
        }))
    }

    /// Checks that the name still has the file that was locked, and that nobody wrote to it: programs that know of no locks
    /// may have.
    ///
    /// # Errors
    /// `Io` when it is another.
    pub fn check_unchanged(&self) -> Result<()> {
        let is_same = Handle::from_path(&self.path).is_ok_and(|current| current == self.file);
        let state = fs::metadata(&self.path).map(|m| State::of(&m)).ok();
        if is_same && state == Some(self.seen) {
            return Ok(());
        }
        let message =
            "another program changed the file meanwhile: it is left as it is now, try again";
        Err(Error::new(ErrorKind::Io, message).within(self.path.display()))
    }
}

/// Opens a file to be locked. Network file systems lock what is open for writing only.
fn open(path: &Path) -> io::Result<File> {
    let both = File::options().read(true).write(true).open(path);
    match both {
        Err(e) if e.kind() != io::ErrorKind::NotFound => File::open(path),
        file => file,
    }
}

/// One wait, perhaps for several files that have the name one after the other.
struct Waiter<'a> {
    path: &'a Path,
    contention: Contention,
    start: Instant,
    has_told: bool,
}

impl<'a> Waiter<'a> {
    fn new(path: &'a Path, contention: Contention) -> Self {
        Self {
            path,
            contention,
            start: Instant::now(),
            has_told: false,
        }
    }

    /// Returns when the file is locked, or where it cannot be.
    fn wait_for(&mut self, file: &File) -> Result<()> {
        loop {
            let refused = match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            match (refused, self.contention) {
                (TryLockError::WouldBlock, Contention::Fail) => {
                    let message =
                        "another process is rewriting the file (--lock wait waits for it)";
                    return Err(Error::new(ErrorKind::Io, message));
                }
                (
                    TryLockError::WouldBlock,
                    Contention::Wait | Contention::WaitQuietly | Contention::WaitIfLocked,
                ) => {}
                (TryLockError::Error(e), Contention::Fail) => {
                    let message = format!("the file cannot be locked: {e}");
                    return Err(Error::new(ErrorKind::Io, message));
                }
                (TryLockError::Error(e), contention) => {
                    if contention == Contention::Wait {
                        let name = self.path.display();
                        note(format!(
                            "{name} cannot be locked ({e}): nobody else may write to it now"
                        ));
                    }
                    return Ok(());
                }
            }
            if self.start.elapsed() < PATIENCE {
                sleep(PAUSE);
                continue;
            }
            self.tell();
            return Ok(file.lock()?);
        }
    }

    fn tell(&mut self) {
        if self.contention != Contention::WaitQuietly && !self.has_told {
            let name = self.path.display();
            note(format!(
                "waiting for another process that is rewriting {name} (--lock fail does not wait)"
            ));
        }
        self.has_told = true;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_one_of_the_file_that_has_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(Lock::take(&path, Contention::Fail).is_err());
        fs::write(&path, "old").unwrap();
        let first = Lock::take(&path, Contention::Fail).unwrap();
        let refused = Lock::take(&path, Contention::Fail).unwrap_err();
        assert!(refused.to_string().contains("--lock wait"), "{refused}");
        first.check_unchanged().unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || Lock::take(&path, Contention::WaitQuietly).map(|lock| fs::read(&lock.path))
        });
        // The name goes to another file; whoever waited for the first gets the lock on the second.
        fs::write(folder.path().join("b"), "newer").unwrap();
        fs::rename(folder.path().join("b"), &path).unwrap();
        assert!(first.check_unchanged().is_err());
        drop(first);
        assert_eq!(waiting.join().unwrap().unwrap().unwrap(), b"newer");
    }

    #[test]
    fn what_others_write_meanwhile_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let lock = Lock::take(&path, Contention::Wait).unwrap();
        fs::write(&path, "longer").unwrap();
        assert!(lock.check_unchanged().is_err());
        fs::remove_file(&path).unwrap();
        assert!(lock.check_unchanged().is_err());
    }
}
