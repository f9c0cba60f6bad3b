//! Files as they arrive.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_void};
use std::io::{self, Read};

use srt::{AnyVolume, DecodeOptions, Frame, StreamDecoder, dtype_dispatch};

use crate::arguments::in_three;
use crate::codes::{Status, ValueType};
use crate::failure::{Failure, call};

/// Gives the next bytes of a file: at most `capacity` of them go to `bytes`. Returns how many these are, 0 at the end, a negative
/// number on failure.
pub type Source =
    Option<unsafe extern "C" fn(user: *mut c_void, bytes: *mut u8, capacity: usize) -> isize>;

/// Takes a field at a level, which is there until it returns. Returns 0 to go on, anything else to stop.
pub type Sink = Option<unsafe extern "C" fn(user: *mut c_void, field: *const StreamField) -> i32>;

/// A field that has arrived.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct StreamField {
    /// Number of the field.
    pub field: usize,
    /// Its name.
    pub name: *const c_char,
    /// Its step.
    pub step: u64,
    /// Whether its time is known.
    pub has_time: i32,
    /// Its time, or NaN.
    pub time: f64,
    /// Where along the slowest axis of level 0 it begins: 0, but where a frame comes in slabs.
    pub first_plane: u64,
    /// Downscaling level; 0 is the field itself, and the last that comes of it.
    pub level: usize,
    /// Axes: 2 or 3.
    pub rank: usize,
    /// Extents of the level, slowest axis first; as many as there are axes, then 0.
    pub shape: [usize; 3],
    /// An `srt_value_type`.
    pub value_type: i32,
    /// The values, fastest axis last.
    pub values: *const c_void,
    /// How many these are.
    pub count: usize,
}

struct Arriving {
    source: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> isize,
    user: *mut c_void,
}

impl Read for Arriving {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the function is the caller's, who promised that it keeps to its description.
        let found = unsafe { (self.source)(self.user, bytes.as_mut_ptr(), bytes.len()) };
        let found = usize::try_from(found).map_err(|_| io::Error::other("the source failed"))?;
        if found > bytes.len() {
            return Err(io::Error::other("more bytes than there was room for"));
        }
        Ok(found)
    }
}

/// Decodes a file as it arrives, frame by frame, in the thread of the caller, which alone calls `source` and `sink`. With
/// `levels` 1 each frame comes first at its coarsest level, as soon as that has arrived, then finer and finer; with 0 it comes at
/// level 0 alone. `threads` 0: all cores. What has arrived in whole before a failure has been handed out.
///
/// # Safety
/// `source` and `sink` keep to their descriptions, and neither throws an exception nor jumps out of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_stream_decode(
    source: Source,
    sink: Sink,
    user: *mut c_void,
    levels: i32,
    threads: i32,
) -> Status {
    call(0, || {
        let (Some(source), Some(sink)) = (source, sink) else {
            return Err(Failure::invalid("two functions expected, null found"));
        };
        let options = match usize::try_from(threads) {
            // As many as there are cores; a pool of its own, for a process that was forked has none.
            Ok(0) => {
                let cores = std::thread::available_parallelism();
                DecodeOptions::default().with_threads(cores.map_or(1, usize::from))
            }
            Ok(threads) => DecodeOptions::default().with_threads(threads),
            Err(_) => return Err(Failure::invalid("threads from 0")),
        };
        let arriving = Arriving { source, user };
        let mut decoder = StreamDecoder::with_options(arriving, options)?;
        let names = decoder.dataset().fields.iter();
        let names: Vec<CString> = names
            .map(|field| CString::new(field.name.replace('\0', "")).unwrap_or_default())
            .collect();
        while let Some(frame) = decoder.next_frame()? {
            let hand_out = |level: usize, volume: &AnyVolume| {
                let field = described(&frame, &names, level, volume);
                // SAFETY: the function is the caller's; what it is given lives until it returns.
                let answer = unsafe { sink(user, &raw const field) };
                if answer == 0 {
                    return Ok(());
                }
                let message = format!("the sink returned {answer}");
                Err(Failure::new(Status::Stopped, message))
            };
            if levels == 0 {
                hand_out(0, &decoder.frame()?.read_any()?)?;
                continue;
            }
            while let Some(field) = decoder.next_level()? {
                hand_out(field.level, &field.volume)?;
            }
        }
        Ok(())
    })
}

/// What is handed out of a frame; it points into `names` and `volume`.
fn described(frame: &Frame, names: &[CString], level: usize, volume: &AnyVolume) -> StreamField {
    let field = usize::try_from(frame.field).unwrap_or(usize::MAX);
    let shape = volume.shape();
    let (values, count) = dtype_dispatch!(volume, AnyVolume(volume) => start(volume.data()));
    StreamField {
        field,
        name: names.get(field).map_or(c"".as_ptr(), |name| name.as_ptr()),
        step: frame.step,
        has_time: frame.time.is_some().into(),
        time: frame.time.unwrap_or(f64::NAN),
        first_plane: frame.slab.map_or(0, |slab| slab.start),
        level,
        rank: shape.rank(),
        shape: in_three(shape.extents(), 0),
        value_type: ValueType::from(volume.dtype()) as i32,
        values,
        count,
    }
}

fn start<T>(values: &[T]) -> (*const c_void, usize) {
    (values.as_ptr().cast(), values.len())
}
