//! Files that are open, and what they say.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::sync::Arc;

use srt::{ByteSource, DecodeOptions, Decoder, FileBytes};

use crate::arguments::{in_three, path, put, put_text, slice, text};
use crate::codes::{Status, Text, ValueType, number_of};
use crate::failure::{Failure, call};
use crate::handles::{self, File, FileHandle};
use crate::with_threads;

/// What a file describes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Axes: 2 or 3.
    pub rank: usize,
    /// Extents of level 0, slowest axis first; as many as there are axes, then 0.
    pub shape: [usize; 3],
    /// Fields.
    pub fields: usize,
    /// Frames: one field at one step each.
    pub frames: usize,
    /// Whether the file says where its voxels lie.
    pub has_placement: i32,
    /// Distance of voxels along each axis, 1 where the file does not say it.
    pub spacing: [f64; 3],
    /// Place of the first voxel, 0 where the file does not say it.
    pub origin: [f64; 3],
}

/// What a file says of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FrameDescription {
    /// Number of its field.
    pub field: usize,
    /// Its step.
    pub step: u64,
    /// Whether its time is known.
    pub has_time: i32,
    /// Its time, or NaN.
    pub time: f64,
    /// Smallest value of the field that was encoded.
    pub min: f64,
    /// Largest value of it.
    pub max: f64,
    /// The `srt_bound` that was asked for.
    pub bound: i32,
    /// Its value.
    pub bound_value: f64,
    /// Largest error that was reached.
    pub max_error: f64,
    /// PSNR in dB that was reached, or NaN where the file does not say it.
    pub psnr_db: f64,
}

/// Opens a file, whose bytes are mapped and not read. On failure `*file` is null.
///
/// # Safety
/// `name` ends with a zero, `file` is valid. Nobody makes the file shorter while it is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_open(name: *const c_char, file: *mut *mut FileHandle) -> Status {
    call(0, || {
        // SAFETY: the caller's promise.
        let name = unsafe {
            put(file, std::ptr::null_mut(), "a place for the handle")?;
            path(name)?
        };
        let handle = open(|| {
            let bytes = FileBytes::open(&name);
            bytes.map_err(|error| error.within(name.display()))
        })?;
        // SAFETY: the caller's promise.
        unsafe { put(file, handle, "a place for the handle") }
    })
}

/// Opens a file in memory, of which a copy is made. On failure `*file` is null.
///
/// # Safety
/// `length` bytes lie at `bytes`, `file` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_open_memory(
    bytes: *const u8,
    length: usize,
    file: *mut *mut FileHandle,
) -> Status {
    call(0, || {
        // SAFETY: the caller's promise.
        let bytes = unsafe {
            put(file, std::ptr::null_mut(), "a place for the handle")?;
            slice(bytes, length, "bytes")?
        };
        let handle = open(|| Ok(FileBytes::from(bytes.to_vec())))?;
        // SAFETY: the caller's promise.
        unsafe { put(file, handle, "a place for the handle") }
    })
}

fn open(bytes: impl FnOnce() -> srt::Result<FileBytes> + Send) -> Result<*mut FileHandle, Failure> {
    let decoder = with_threads(1, || {
        let source: Arc<dyn ByteSource> = Arc::new(bytes()?);
        Decoder::from_source(source, DecodeOptions::default())
    })?;
    Ok(handles::hold(Arc::new(decoder)))
}

/// Closes a file; null is none. Readings that other threads are at come to their end.
#[unsafe(no_mangle)]
pub extern "C" fn srt_file_close(file: *mut FileHandle) -> Status {
    call(file.addr(), || handles::close::<Arc<File>>(file))
}

/// Calls `body` with what the handle stands for.
pub(crate) fn with_file(
    file: *const FileHandle,
    body: impl FnOnce(&File) -> Result<(), Failure>,
) -> Status {
    call(file.addr(), || body(&*handles::get::<Arc<File>>(file)?))
}

/// What the file describes.
///
/// # Safety
/// `out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_describe(
    file: *const FileHandle,
    out: *mut Description,
) -> Status {
    with_file(file, |file| {
        let dataset = file.dataset();
        let rank = dataset.shape.rank();
        let placement = dataset.placement.unwrap_or_default();
        let description = Description {
            rank,
            shape: in_three(dataset.shape.extents(), 0),
            fields: dataset.fields.len(),
            frames: file.frames().len(),
            has_placement: dataset.placement.is_some().into(),
            spacing: in_three(&placement.spacing[3 - rank..], 1.0),
            origin: in_three(&placement.origin[3 - rank..], 0.0),
        };
        // SAFETY: the caller's promise.
        unsafe { put(out, description, "a description") }
    })
}

/// The `srt_value_type` of a field.
///
/// # Safety
/// `value_type` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_field(
    file: *const FileHandle,
    field: usize,
    value_type: *mut i32,
) -> Status {
    with_file(file, |file| {
        let dtype = field_of(file, field)?.dtype;
        // SAFETY: the caller's promise.
        unsafe { put(value_type, ValueType::from(dtype) as i32, "a type") }
    })
}

fn field_of(file: &File, number: usize) -> Result<&srt::Field, Failure> {
    let fields = &file.dataset().fields;
    fields.get(number).ok_or_else(|| {
        let count = fields.len();
        Failure::invalid(format!("a field below {count} expected, {number} found"))
    })
}

/// A text of the file, `which` of `srt_text`, in UTF-8: at most `capacity` bytes with a zero at the end go to `text`, which may be
/// null with a capacity of 0. `length`, which may be null, gets the bytes of the whole, without the zero. `field` is of no
/// concern to texts of the whole file.
///
/// # Safety
/// `text` has room for `capacity` bytes; `length` is null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_text(
    file: *const FileHandle,
    which: i32,
    field: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Status {
    with_file(file, |file| {
        let dataset = file.dataset();
        let attributes;
        let found = match which {
            n if n == Text::FieldName as i32 => &field_of(file, field)?.name,
            n if n == Text::FieldUnit as i32 => &field_of(file, field)?.unit,
            n if n == Text::LengthUnit as i32 => &dataset.length_unit,
            n if n == Text::TimeUnit as i32 => &dataset.time_unit,
            n if n == Text::Attributes as i32 => {
                attributes = file.attributes()?;
                attributes.as_ref().map_or("", |a| a.text())
            }
            other => {
                return Err(Failure::invalid(format!(
                    "a text from 1 to 5 expected, {other} found"
                )));
            }
        };
        // SAFETY: the caller's promise.
        unsafe { put_text(found, text, capacity, length) }
    })
}

/// What the file says of a frame, by its number in file order.
///
/// # Safety
/// `out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_frame(
    file: *const FileHandle,
    frame: usize,
    out: *mut FrameDescription,
) -> Status {
    with_file(file, |file| {
        let frame = file.frame_at(frame)?;
        let record = frame.record();
        let (bound, bound_value) = number_of(record.bound);
        let (min, max) = frame.range();
        let description = FrameDescription {
            field: usize::try_from(record.field).unwrap_or(usize::MAX),
            step: record.step,
            has_time: record.time.is_some().into(),
            time: record.time.unwrap_or(f64::NAN),
            min,
            max,
            bound,
            bound_value,
            max_error: frame.max_error(),
            psnr_db: frame.psnr_db()?.unwrap_or(f64::NAN),
        };
        // SAFETY: the caller's promise.
        unsafe { put(out, description, "a description") }
    })
}

/// The number of the frame of a field, by its name, at a step.
///
/// # Safety
/// `field` ends with a zero, `frame` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_file_find(
    file: *const FileHandle,
    field: *const c_char,
    step: u64,
    frame: *mut usize,
) -> Status {
    with_file(file, |file| {
        // SAFETY: the caller's promise.
        let name = unsafe { text(field, "a name") }?;
        let number = file.frame(name, step)?.index();
        // SAFETY: the caller's promise.
        unsafe { put(frame, number, "a number") }
    })
}
