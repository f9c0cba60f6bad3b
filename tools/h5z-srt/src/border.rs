//! What HDF5 calls; nothing unwinds into it.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use srt::{Error, ErrorKind, Result};
use srt_h5_params::FILTER_ID;

use crate::caller::Caller;
use crate::chunk::Chunk;
use crate::coding::{decode, encode};

/// `H5Z_FLAG_REVERSE`.
const REVERSE: c_uint = 0x100;

unsafe extern "C" {
    fn h5zsrt_can_apply(dcpl: i64, kind: i64, space: i64) -> i32;
    fn h5zsrt_set_local(dcpl: i64, kind: i64, space: i64) -> i32;
    fn h5zsrt_run(
        flags: c_uint,
        count: usize,
        words: *const c_uint,
        bytes: usize,
        room: *mut usize,
        buffer: *mut *mut c_void,
    ) -> usize;
}

type OfDataset = unsafe extern "C" fn(i64, i64, i64) -> i32;
type OfChunk = unsafe extern "C" fn(
    c_uint,
    usize,
    *const c_uint,
    usize,
    *mut usize,
    *mut *mut c_void,
) -> usize;

/// `H5Z_class2_t`, version 1.
#[repr(C)]
pub struct FilterClass {
    version: c_int,
    id: c_int,
    encoder_present: c_uint,
    decoder_present: c_uint,
    name: *const c_char,
    can_apply: OfDataset,
    set_local: OfDataset,
    filter: OfChunk,
}

// SAFETY: its pointer is to a text that is there for ever, which nobody changes.
unsafe impl Sync for FilterClass {}

static CLASS: FilterClass = FilterClass {
    version: 1,
    id: FILTER_ID,
    encoder_present: 1,
    decoder_present: 1,
    name: c"srt: error-bounded, see h5z-srt".as_ptr(),
    can_apply: h5zsrt_can_apply,
    set_local: h5zsrt_set_local,
    filter: h5zsrt_run,
};

/// What kind of plugin this is: a filter.
#[unsafe(no_mangle)]
pub extern "C" fn H5PLget_plugin_type() -> c_int {
    0
}

/// The filter.
#[unsafe(no_mangle)]
pub extern "C" fn H5PLget_plugin_info() -> *const FilterClass {
    &raw const CLASS
}

/// Does `body` and tells the HDF5 that calls what was wrong with it.
fn told<T>(caller: *const c_void, body: impl FnOnce() -> Result<T>) -> Option<T> {
    let defect = || Error::new(ErrorKind::Io, "a defect of the filter");
    let done = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(defect()));
    let tell = |error: &Error| Caller::at(caller)?.tell(error);
    // Where it cannot be told, there is the failure alone.
    let tell = |error: Error| catch_unwind(AssertUnwindSafe(|| tell(&error)));
    done.map_err(tell).ok()
}

/// Whether datasets of a type may be made with the filter. Not so is a failure: 0 would leave an optional filter in place.
#[unsafe(no_mangle)]
pub extern "C" fn h5zsrt_check(caller: *const c_void, dcpl: i64, kind: i64) -> i32 {
    let chunk = told(caller, || Caller::at(caller)?.chunk(dcpl, kind));
    chunk.map_or(-1, |_| 1)
}

/// Stores with a dataset that is made what its chunks are.
#[unsafe(no_mangle)]
pub extern "C" fn h5zsrt_localise(caller: *const c_void, dcpl: i64, kind: i64) -> i32 {
    let done = told(caller, || {
        let caller = Caller::at(caller)?;
        let chunk = caller.chunk(dcpl, kind)?;
        caller.store(dcpl, &chunk)
    });
    done.map_or(-1, |()| 1)
}

/// Encodes or decodes a chunk: the buffer is replaced by another one of `*room` bytes. Returns how many of these count; 0 on
/// failure, with the buffer as it was.
///
/// # Safety
/// As HDF5 calls filters: `count` numbers lie at `words`, `bytes` bytes at `*buffer`, which `malloc` has given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h5zsrt_filter(
    caller: *const c_void,
    flags: c_uint,
    count: usize,
    words: *const c_uint,
    bytes: usize,
    room: *mut usize,
    buffer: *mut *mut c_void,
) -> usize {
    let done = told(caller, || {
        if words.is_null() || room.is_null() || buffer.is_null() {
            return Err(Error::invalid("numbers and a buffer expected"));
        }
        // SAFETY: what HDF5 promises; null is looked for, and nothing is longer than it says.
        let (words, input) = unsafe {
            if (*buffer).is_null() {
                return Err(Error::invalid("a buffer expected"));
            }
            let words = std::slice::from_raw_parts(words, count);
            (
                words,
                std::slice::from_raw_parts((*buffer).cast::<u8>(), bytes),
            )
        };
        let chunk = Chunk::parse(words)?;
        let out = if flags & REVERSE == 0 {
            encode(&chunk, input)?
        } else {
            decode(&chunk, input)?
        };
        // SAFETY: `malloc` takes any number; as many bytes are written as it has given; the old buffer is HDF5's own and is
        // given back once.
        unsafe {
            let new = libc::malloc(out.len());
            if new.is_null() {
                return Err(Error::limit(format!("no memory for {} bytes", out.len())));
            }
            std::ptr::copy_nonoverlapping(out.as_ptr(), new.cast::<u8>(), out.len());
            libc::free(*buffer);
            *buffer = new;
            *room = out.len();
        }
        Ok(out.len())
    });
    done.unwrap_or(0)
}
