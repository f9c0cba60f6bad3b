//! Files that are made.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void};
use std::io::BufWriter;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use srt::{
    AtomicFile, Dataset, EncodeOptions, Encoder, Field, FrameKey, Overwrite, Placement, VolumeView,
};

use crate::arguments::{path, put, shape, slice, text, values};
use crate::codes::{Status, dtype};
use crate::failure::{Failure, call};
use crate::handles::{self, WriterHandle};
use crate::options::Options;
use crate::with_threads;

type Output = BufWriter<AtomicFile>;

/// A file that is made: it is described first, then its frames are written.
pub(crate) struct Writer {
    options: EncodeOptions,
    threads: i32,
    stage: Stage,
}

enum Stage {
    Described(Box<Dataset>, Output),
    Written(Box<Encoder<Output>>),
    /// It is whole, or a failure left it where nothing can be made of it.
    Ended,
}

/// Encodes one field to the bytes of a file, which `srt_bytes_free` takes back. `count` is the number of values, which is that of
/// the grid. On failure `*bytes` is null.
///
/// # Safety
/// `options` and its texts are valid, `rank` numbers lie at `extents`, `count` values of the type at `field_values`, aligned as
/// that type is; `bytes` and `length` are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_encode(
    options: *const Options,
    extents: *const usize,
    rank: usize,
    value_type: i32,
    field_values: *const c_void,
    count: usize,
    bytes: *mut *mut u8,
    length: *mut usize,
) -> Status {
    call(0, || {
        // SAFETY: the caller's promise.
        let (encode_options, threads, view) = unsafe {
            put(bytes, std::ptr::null_mut(), "a place for the bytes")?;
            put(length, 0, "a place for the length")?;
            let (encode_options, threads) = options_of(options)?;
            let shape = shape(extents, rank)?;
            let values = values(field_values, count, dtype(value_type)?)?;
            (encode_options, threads, VolumeView::new(shape, values)?)
        };
        let file = with_threads(threads, || srt::encode(view, &encode_options))?;
        let (start, len) = handles::lend(file);
        // SAFETY: the caller's promise.
        unsafe {
            put(bytes, start, "a place for the bytes")?;
            put(length, len, "a place for the length")
        }
    })
}

/// Takes back what `srt_encode` has given; null is nothing.
#[unsafe(no_mangle)]
pub extern "C" fn srt_bytes_free(bytes: *mut u8) -> Status {
    call(0, || handles::give_back(bytes))
}

/// # Safety
/// `options` is null, or it and its texts are valid.
unsafe fn options_of(options: *const Options) -> Result<(EncodeOptions, i32), Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        let [options] = slice(options, 1, "options")? else {
            return Err(Failure::invalid("options expected"));
        };
        Ok((options.encode_options()?, options.threads))
    }
}

/// Begins a file of fields on one grid, which appears under its name when `srt_writer_finish` has made it whole. On failure
/// `*writer` is null.
///
/// # Safety
/// `name` and texts of `options` end with zeros, `rank` numbers lie at `extents`, `writer` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_writer_create(
    name: *const c_char,
    options: *const Options,
    extents: *const usize,
    rank: usize,
    writer: *mut *mut WriterHandle,
) -> Status {
    call(0, || {
        // SAFETY: the caller's promise.
        let (name, (options, threads), shape) = unsafe {
            put(writer, std::ptr::null_mut(), "a place for the handle")?;
            (path(name)?, options_of(options)?, shape(extents, rank)?)
        };
        let out = AtomicFile::create(&name, Overwrite::Replace)?;
        let dataset = Dataset::new(shape, Vec::new());
        let handle = handles::hold(Arc::new(Mutex::new(Writer {
            options,
            threads,
            stage: Stage::Described(Box::new(dataset), BufWriter::new(out)),
        })));
        // SAFETY: the caller's promise.
        unsafe { put(writer, handle, "a place for the handle") }
    })
}

/// Calls `body` with what the handle stands for, alone.
fn with_writer(
    writer: *const WriterHandle,
    body: impl FnOnce(&mut Writer) -> Result<(), Failure>,
) -> Status {
    call(writer.addr(), || {
        let writer = handles::get::<Arc<Mutex<Writer>>>(writer)?;
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        body(&mut writer)
    })
}

impl Writer {
    fn dataset(&mut self) -> Result<&mut Dataset, Failure> {
        match &mut self.stage {
            Stage::Described(dataset, _) => Ok(dataset),
            Stage::Written(_) => Err(Failure::invalid(
                "described before the first frame expected",
            )),
            Stage::Ended => Err(ended()),
        }
    }

    /// The encoder, from the first frame on.
    fn encoder(&mut self) -> Result<&mut Encoder<Output>, Failure> {
        if let Stage::Described(..) = self.stage
            && let Stage::Described(dataset, out) = mem::replace(&mut self.stage, Stage::Ended)
        {
            let options = self.options.clone();
            let encoder = with_threads(1, || Encoder::new(out, *dataset, options))?;
            self.stage = Stage::Written(Box::new(encoder));
        }
        match &mut self.stage {
            Stage::Written(encoder) => Ok(encoder),
            Stage::Described(..) | Stage::Ended => Err(ended()),
        }
    }
}

fn ended() -> Failure {
    Failure::invalid("a file that is neither whole nor given up expected")
}

/// Adds a field, before any frame is written: the first one is number 0. Null stands for no unit.
///
/// # Safety
/// `name` and `unit` end with zeros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_writer_field(
    writer: *mut WriterHandle,
    name: *const c_char,
    unit: *const c_char,
    value_type: i32,
) -> Status {
    with_writer(writer, |writer| {
        // SAFETY: the caller's promise.
        let (name, unit) = unsafe { (text(name, "a name")?, text_or_none(unit)?) };
        let field = Field {
            name: name.to_owned(),
            unit: unit.to_owned(),
            dtype: dtype(value_type)?,
        };
        writer.dataset()?.fields.push(field);
        Ok(())
    })
}

/// # Safety
/// `start` is null, or a zero ends it.
unsafe fn text_or_none<'a>(start: *const c_char) -> Result<&'a str, Failure> {
    if start.is_null() {
        return Ok("");
    }
    // SAFETY: the caller's promise.
    unsafe { text(start, "a unit") }
}

/// Says where the voxels lie, before any frame is written: their distance along each axis and the place of the first, slowest
/// axis first. Null stands for no unit.
///
/// # Safety
/// `spacing` and `origin` have as many numbers as there are axes, `length_unit` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_writer_placement(
    writer: *mut WriterHandle,
    spacing: *const f64,
    origin: *const f64,
    length_unit: *const c_char,
) -> Status {
    with_writer(writer, |writer| {
        let dataset = writer.dataset()?;
        let rank = dataset.shape.rank();
        let mut placement = Placement::default();
        // SAFETY: the caller's promise.
        let unit = unsafe {
            placement.spacing[3 - rank..].copy_from_slice(slice(spacing, rank, "spacing")?);
            placement.origin[3 - rank..].copy_from_slice(slice(origin, rank, "origin")?);
            text_or_none(length_unit)?
        };
        dataset.placement = Some(placement);
        unit.clone_into(&mut dataset.length_unit);
        Ok(())
    })
}

/// Says in which unit times are, before any frame is written.
///
/// # Safety
/// `time_unit` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_writer_time_unit(
    writer: *mut WriterHandle,
    time_unit: *const c_char,
) -> Status {
    with_writer(writer, |writer| {
        // SAFETY: the caller's promise.
        let unit = unsafe { text_or_none(time_unit) }?;
        unit.clone_into(&mut writer.dataset()?.time_unit);
        Ok(())
    })
}

/// Encodes a field, by its number, at a step. `time` NaN: not known. `count` is the number of values, which is that of the grid.
///
/// # Safety
/// `count` values of the type lie at `field_values`, aligned as that type is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_writer_write(
    writer: *mut WriterHandle,
    field: usize,
    step: u64,
    time: f64,
    value_type: i32,
    field_values: *const c_void,
    count: usize,
) -> Status {
    with_writer(writer, |writer| {
        // SAFETY: the caller's promise.
        let values = unsafe { values(field_values, count, dtype(value_type)?) }?;
        let key = FrameKey::new(field, step).at((!time.is_nan()).then_some(time));
        let threads = writer.threads;
        let encoder = writer.encoder()?;
        with_threads(threads, || encoder.write(&key, &values))?;
        Ok(())
    })
}

/// Makes the file whole and lets it appear under its name. `length`, which may be null, gets its bytes. The handle is still to be
/// closed.
///
/// # Safety
/// `length` is null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_writer_finish(writer: *mut WriterHandle, length: *mut u64) -> Status {
    with_writer(writer, |writer| {
        writer.encoder()?;
        let Stage::Written(encoder) = mem::replace(&mut writer.stage, Stage::Ended) else {
            return Err(ended());
        };
        let bytes = with_threads(1, || {
            let (out, report) = encoder.finish()?;
            let file = out.into_inner();
            file.map_err(std::io::IntoInnerError::into_error)?
                .commit()?;
            Ok(report.bytes)
        })?;
        if length.is_null() {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        unsafe { put(length, bytes, "a length") }
    })
}

/// Closes a writer; null is none. What is not whole by then is given up, and nothing is left behind.
#[unsafe(no_mangle)]
pub extern "C" fn srt_writer_close(writer: *mut WriterHandle) -> Status {
    call(writer.addr(), || {
        handles::close::<Arc<Mutex<Writer>>>(writer)
    })
}
