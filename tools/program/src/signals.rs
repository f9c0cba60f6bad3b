//! What the system asks of a program from outside: to end, and to leave nothing half done behind.
#![cfg_attr(unix, allow(unsafe_code))]

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Temporary files that are there now. Held while one is made, and forever once the program ends.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

pub(crate) fn temporary_files() -> MutexGuard<'static, Vec<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary file that a signal removes, until this is dropped.
#[derive(Debug)]
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    /// Adds one to the list that is held.
    pub(crate) fn add(files: &mut Vec<PathBuf>, path: &Path) -> Self {
        files.push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        temporary_files().retain(|path| *path != self.0);
    }
}

/// Waits for the end, if a signal has brought it about: then nothing that fails meanwhile is worth a word.
pub(crate) fn wait_if_ending() {
    drop(temporary_files());
}

/// From now on INT, TERM and HUP remove temporary files and end the program with exit code 128 + n, unless they were
/// ignored from the start, as under `nohup`. A mapped input that becomes shorter (BUS) ends it with a message and
/// `truncated`, and a limit on the length of files (XFSZ) is an error of the write that meets it.
#[cfg(unix)]
pub fn handle_signals(truncated: u8) {
    use signal_hook::consts::{SIGBUS, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;

    reset(SIGBUS);
    let ends = [SIGINT, SIGTERM, SIGHUP];
    let ends = ends.into_iter().filter(|&signal| !is_ignored(signal));
    // Where signals cannot be caught they do what they do to any program.
    let Ok(mut signals) = Signals::new(ends.chain([SIGBUS])) else {
        return;
    };
    let ignored = std::sync::Arc::default();
    let _ = signal_hook::flag::register(SIGXFSZ, ignored);
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            end(signal, truncated);
        }
    };
    let _ = std::thread::Builder::new()
        .name("signals".into())
        .spawn(wait);
}

#[cfg(not(unix))]
pub fn handle_signals(_truncated: u8) {}

/// Removes what is temporary and ends the program without another word from its other threads.
#[cfg(unix)]
fn end(signal: i32, truncated: u8) -> ! {
    let files = temporary_files();
    for path in files.iter() {
        let _ = std::fs::remove_file(path);
    }
    let code = if signal == signal_hook::consts::SIGBUS {
        crate::print::error("a file became shorter, or could not be read, while it was in use");
        i32::from(truncated)
    } else {
        128 + signal
    };
    // Not `std::process::exit`: what it would run at the end may wait for threads that have no part in this.
    signal_hook::low_level::exit(code)
}

/// Takes the runtime's handler away. It would be called first, find no overflow of a stack, and leave the next thread that
/// touches the map to be killed. Without it a thread that touches the map touches it again and again, until the program ends.
#[cfg(unix)]
fn reset(signal: i32) {
    // SAFETY: `SIG_DFL` is a valid action for every signal, and no other thread runs yet.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
    }
}

/// Whether a signal is ignored, as whoever started the program wished.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let mut old = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the present one to `old`, which is large enough, and which zeros
    // are valid values of should it fail.
    let old = unsafe {
        libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr());
        old.assume_init()
    };
    old.sa_sigaction == libc::SIG_IGN
}
