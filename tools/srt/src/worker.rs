//! The program that codes with SZ3.

use srt::{Result, Worker, locate_worker};

/// The program that codes with SZ3: the one that `SRT_SZ3` names, else beside this program, else in `PATH`.
///
/// # Errors
/// `Unsupported`, with what to do about it.
pub(crate) fn sz3_worker() -> Result<Worker> {
    let beside = std::env::current_exe().ok();
    let (named, search) = (std::env::var_os("SRT_SZ3"), std::env::var_os("PATH"));
    let program = locate_worker(
        "srt-sz3",
        named.as_deref(),
        beside.as_deref(),
        search.as_deref(),
    )?;
    Ok(Worker::new(program))
}
