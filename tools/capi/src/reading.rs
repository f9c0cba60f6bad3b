//! Values of frames.
#![allow(unsafe_code)]

use std::ffi::c_void;

use srt::{Element, FrameReader, Region, dtype_dispatch};

use crate::arguments::{put, put_all, slice, slice_mut};
use crate::codes::{Status, dtype};
use crate::failure::Failure;
use crate::files::with_file;
use crate::handles::{File, FileHandle};
use crate::with_threads;

/// The coarsest downscaling level at which a frame can be had.
///
/// # Safety
/// `levels` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_levels(
    file: *const FileHandle,
    frame: usize,
    levels: *mut usize,
) -> Status {
    with_file(file, |file| {
        let coarsest = with_threads(1, || file.frame_at(frame)?.coarsest_level())?;
        // SAFETY: the caller's promise.
        unsafe { put(levels, coarsest, "a number") }
    })
}

/// Extents of a level, slowest axis first: as many numbers as there are axes.
///
/// # Safety
/// `extents` has room for them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_grid(
    file: *const FileHandle,
    frame: usize,
    level: usize,
    extents: *mut usize,
) -> Status {
    with_file(file, |file| {
        let grid = with_threads(1, || file.frame_at(frame)?.level(level).grid())?;
        // SAFETY: the caller's promise.
        unsafe { put_all(extents, grid.extents(), "extents") }
    })
}

/// Where the voxels of a level lie: their distance along each axis and the place of the first, slowest axis first, in the file's
/// unit of length, in voxels of level 0 where the file does not say where they lie.
///
/// # Safety
/// `spacing` and `origin` have room for as many numbers as there are axes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_placement(
    file: *const FileHandle,
    frame: usize,
    level: usize,
    spacing: *mut f64,
    origin: *mut f64,
) -> Status {
    with_file(file, |file| {
        let placement = with_threads(1, || file.frame_at(frame)?.level(level).placement())?;
        let first = 3 - file.dataset().shape.rank();
        // SAFETY: the caller's promise.
        unsafe {
            put_all(spacing, &placement.spacing[first..], "spacing")?;
            put_all(origin, &placement.origin[first..], "origin")
        }
    })
}

/// Decodes a box of a level into `values`, fastest axis last: bit for bit what the whole level has there, from the bricks that the
/// box touches alone. `start` and `size` have as many numbers as there are axes, slowest first; both null: all of the level.
/// `value_type` is the field's own (`srt_file_field`), `count` the number of values that `values` has room for, which is that of
/// the box. `threads` 0: all cores, or one beside other calls. When it fails, what is in `values` is not said.
///
/// # Safety
/// `start` and `size` are null or valid, `values` has room for `count` values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_read(
    file: *const FileHandle,
    frame: usize,
    level: usize,
    start: *const usize,
    size: *const usize,
    value_type: i32,
    values: *mut c_void,
    count: usize,
    threads: i32,
) -> Status {
    with_file(file, |file| {
        let rank = file.dataset().shape.rank();
        // SAFETY: the caller's promise.
        let region = unsafe { region(start, size, rank) }?;
        let request = Request {
            frame,
            level,
            region,
            threads,
        };
        // SAFETY: the caller's promise.
        unsafe {
            dtype_dispatch!(dtype(value_type)?, E => {
                request.fill(file, slice_mut(values.cast::<E>(), count, "room")?)
            })
        }
    })
}

/// # Safety
/// Both are null, or `rank` numbers lie there.
unsafe fn region(
    start: *const usize,
    size: *const usize,
    rank: usize,
) -> Result<Option<Region>, Failure> {
    if start.is_null() && size.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let (start, size) = unsafe { (slice(start, rank, "a start")?, slice(size, rank, "a size")?) };
    Ok(Some(Region::along_axes(start, size)?))
}

/// What is wanted of a file.
struct Request {
    frame: usize,
    level: usize,
    region: Option<Region>,
    threads: i32,
}

impl Request {
    fn of<'f>(&self, file: &'f File) -> srt::Result<FrameReader<'f>> {
        let frame = file.frame_at(self.frame)?.level(self.level);
        Ok(match self.region {
            Some(region) => frame.region(region),
            None => frame,
        })
    }

    fn fill<T: Element>(&self, file: &File, out: &mut [T]) -> Result<(), Failure> {
        with_threads(self.threads, || self.of(file)?.read_into(out))
    }
}
