//! The library for C, C++ and Fortran: what `include/srt.h` declares, which is made from the comments here.
//!
//! | file | job |
//! |---|---|
//! | `arguments` | pointers to slices and texts, and back |
//! | `codes` | numbers for kinds of errors, bounds, types |
//! | `failure` | errors to statuses and messages; nothing unwinds into C |
//! | `files` | files that are open, and what they say |
//! | `handles` | which handles are alive |
//! | `options` | how a field is encoded |
//! | `reading` | values of frames |
//! | `streams` | files as they arrive |
//! | `writing` | files that are made |

mod arguments;
mod codes;
mod failure;
mod files;
mod handles;
mod options;
mod reading;
mod streams;
mod writing;

pub use codes::{BoundKind, Status, Text, ValueType};
pub use failure::{srt_error_last, srt_error_of};
pub use files::{
    Description, FrameDescription, srt_file_close, srt_file_describe, srt_file_field,
    srt_file_find, srt_file_frame, srt_file_open, srt_file_open_memory, srt_file_text,
};
pub use handles::{FileHandle, WriterHandle};
pub use options::{Options, srt_options_init};
pub use reading::{srt_file_grid, srt_file_levels, srt_file_placement, srt_file_read};
pub use streams::{Sink, Source, StreamField, srt_stream_decode};
pub use writing::{
    srt_bytes_free, srt_encode, srt_writer_close, srt_writer_create, srt_writer_field,
    srt_writer_finish, srt_writer_placement, srt_writer_time_unit, srt_writer_write,
};

use srt::ThreadPools;

use crate::failure::Failure;

/// Threads of this process: work comes from many threads of the caller's, and from processes that were forked.
static POOLS: std::sync::LazyLock<ThreadPools> = std::sync::LazyLock::new(ThreadPools::default);

/// Does `work` with so many threads; 0: all cores, or one beside other calls.
fn with_threads<T: Send>(
    threads: i32,
    work: impl FnOnce() -> srt::Result<T> + Send,
) -> Result<T, Failure> {
    let threads = match threads {
        0 => None,
        some => Some(usize::try_from(some).map_err(|_| Failure::invalid("threads from 0"))?),
    };
    Ok(POOLS.run(threads, work).and_then(|done| done)?)
}
