//! Pointers to slices and texts, and back.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::ffi::{CStr, OsStr, c_char, c_void};
use std::path::PathBuf;

use srt::{Dtype, Shape, Values, dtype_dispatch};

use crate::failure::Failure;

/// Whether `len` values can lie at `start`.
fn check<T>(start: *const T, len: usize, what: &str) -> Result<(), Failure> {
    if start.is_null() {
        return Err(Failure::invalid(format!("{what} expected, null found")));
    }
    if !start.is_aligned() {
        let width = align_of::<T>();
        return Err(Failure::invalid(format!(
            "{what} at a multiple of {width} bytes expected"
        )));
    }
    let bytes = len.checked_mul(size_of::<T>());
    if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        return Err(Failure::invalid(format!("{len} values are no {what}")));
    }
    Ok(())
}

/// What the caller has `len` of.
///
/// # Safety
/// `start` is null, or so many values lie there, which nobody changes while `'a` lasts.
pub(crate) unsafe fn slice<'a, T>(
    start: *const T,
    len: usize,
    what: &str,
) -> Result<&'a [T], Failure> {
    check(start, len, what)?;
    // SAFETY: not null, aligned, of no more bytes than a slice may have; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(start, len) })
}

/// What the caller has room for `len` of.
///
/// # Safety
/// `start` is null, or so many values lie there, which nobody else reads or changes while `'a` lasts.
pub(crate) unsafe fn slice_mut<'a, T>(
    start: *mut T,
    len: usize,
    what: &str,
) -> Result<&'a mut [T], Failure> {
    check(start, len, what)?;
    // SAFETY: not null, aligned, of no more bytes than a slice may have; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(start, len) })
}

/// Values of a type that is known by its number.
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn values<'a>(
    start: *const c_void,
    len: usize,
    dtype: Dtype,
) -> Result<Values<'a>, Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        dtype_dispatch!(dtype, E => Ok(Cow::Borrowed(slice(start.cast::<E>(), len, "values")?).into()))
    }
}

/// Extents, slowest axis first.
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn shape(extents: *const usize, rank: usize) -> Result<Shape, Failure> {
    if !(1..=3).contains(&rank) {
        return Err(Failure::invalid(format!(
            "a rank of 1 to 3 expected, {rank} found"
        )));
    }
    // SAFETY: the caller's promise.
    Ok(Shape::new(unsafe { slice(extents, rank, "extents") }?)?)
}

/// Text that ends with a zero.
///
/// # Safety
/// `start` is null, or a zero ends what lies there, which nobody changes while `'a` lasts.
pub(crate) unsafe fn text<'a>(start: *const c_char, what: &str) -> Result<&'a str, Failure> {
    check(start, 1, what)?;
    // SAFETY: not null; the rest is the caller's promise.
    let text = unsafe { CStr::from_ptr(start) };
    let utf8 = text.to_str();
    utf8.map_err(|_| Failure::invalid(format!("{what} in UTF-8 expected")))
}

/// Name of a file, in bytes of the system's.
///
/// # Safety
/// As [`text`].
#[cfg(unix)]
pub(crate) unsafe fn path(start: *const c_char) -> Result<PathBuf, Failure> {
    use std::os::unix::ffi::OsStrExt;

    check(start, 1, "a path")?;
    // SAFETY: not null; the rest is the caller's promise.
    let text = unsafe { CStr::from_ptr(start) };
    Ok(PathBuf::from(OsStr::from_bytes(text.to_bytes())))
}

/// Name of a file, in UTF-8.
///
/// # Safety
/// As [`text`].
#[cfg(not(unix))]
pub(crate) unsafe fn path(start: *const c_char) -> Result<PathBuf, Failure> {
    // SAFETY: the caller's promise.
    let text = unsafe { text(start, "a path") }?;
    Ok(PathBuf::from(OsStr::new(text)))
}

/// Numbers for the axes that a grid has in a place for three; `rest` behind them.
pub(crate) fn in_three<T: Copy>(own: &[T], rest: T) -> [T; 3] {
    let mut out = [rest; 3];
    out.iter_mut().zip(own).for_each(|(out, &own)| *out = own);
    out
}

/// Hands out a value.
///
/// # Safety
/// `out` is null or room for it.
pub(crate) unsafe fn put<T>(out: *mut T, value: T, what: &str) -> Result<(), Failure> {
    check(out, 1, what)?;
    // SAFETY: not null and aligned; the rest is the caller's promise.
    unsafe { out.write(value) };
    Ok(())
}

/// Hands out as many numbers as a field has axes.
///
/// # Safety
/// `out` is null or room for `values.len()` of them.
pub(crate) unsafe fn put_all<T: Copy>(
    out: *mut T,
    values: &[T],
    what: &str,
) -> Result<(), Failure> {
    check(out, values.len(), what)?;
    // SAFETY: not null and aligned; the rest is the caller's promise. What is there may never have been set.
    unsafe { std::ptr::copy(values.as_ptr(), out, values.len()) };
    Ok(())
}

/// Hands out a text, cut where the room ends, between two characters; a zero ends it. `length`, which may be null, gets the bytes
/// of the whole.
///
/// # Safety
/// `out` is null or room for `capacity` bytes, `length` is null or room for a number.
pub(crate) unsafe fn put_text(
    text: &str,
    out: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Result<(), Failure> {
    if capacity > 0 {
        let end = (0..capacity.min(text.len() + 1))
            .rev()
            .find(|&end| text.is_char_boundary(end))
            .unwrap_or_default();
        let (cut, _) = text.split_at(end);
        // SAFETY: the caller's promise; `end` is below the capacity.
        unsafe {
            put_all(out.cast::<u8>(), cut.as_bytes(), "a buffer")?;
            put(out.add(end), 0, "a buffer")?;
        }
    }
    if length.is_null() {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    unsafe { put(length, text.len(), "a length") }
}
