//! ZFP through crate `zfp-sys`, which is its C interface.
#![allow(unsafe_code)]

use std::ffi::c_void;

use srt::{Result, Shape};
use zfp_sys as ffi;

use super::{Codec, Knob, Mode, failed};
use crate::field::{Data, Field};

/// An open stream on a buffer; closed when dropped.
struct Stream {
    zfp: *mut ffi::zfp_stream,
    bits: *mut ffi::bitstream,
}

impl Stream {
    /// # Safety
    /// `buffer` must outlive the stream and hold `len` bytes that may be written when encoding.
    unsafe fn open(buffer: *mut c_void, len: usize) -> Self {
        // SAFETY: the buffer is the caller's promise; a stream of bits may be opened on any memory.
        unsafe {
            let bits = ffi::stream_open(buffer, len);
            let zfp = ffi::zfp_stream_open(bits);
            ffi::zfp_stream_rewind(zfp);
            Self { zfp, bits }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: both were opened by `open` and are closed once.
        unsafe {
            ffi::zfp_stream_close(self.zfp);
            ffi::stream_close(self.bits);
        }
    }
}

/// A description of an array; freed when dropped.
struct Array(*mut ffi::zfp_field);

impl Array {
    fn new(values: *mut c_void, kind: ffi::zfp_type, shape: Shape) -> Self {
        let [nz, ny, nx] = shape.dims();
        // SAFETY: only the pointer is stored here; what it points to is used by the coding calls.
        Self(unsafe {
            match shape.rank() {
                2 => ffi::zfp_field_2d(values, kind, nx, ny),
                _ => ffi::zfp_field_3d(values, kind, nx, ny, nz),
            }
        })
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        // SAFETY: allocated by `new`, freed once; the values are not the field's own.
        unsafe { ffi::zfp_field_free(self.0) }
    }
}

fn kind(data: &Data) -> ffi::zfp_type {
    match data {
        Data::F32(_) => ffi::zfp_type_zfp_type_float,
        Data::F64(_) => ffi::zfp_type_zfp_type_double,
    }
}

pub(super) fn encode(field: &Field, knob: Knob) -> Result<Vec<u8>> {
    let kind = kind(&field.data);
    // C knows no pointer to values that are only read here.
    let values = match &field.data {
        Data::F32(v) => v.as_ptr() as *mut c_void,
        Data::F64(v) => v.as_ptr() as *mut c_void,
    };
    let array = Array::new(values, kind, field.shape);
    let set = |zfp: *mut ffi::zfp_stream| {
        // SAFETY: the stream is open.
        unsafe {
            match knob.mode {
                Mode::Rate => {
                    ffi::zfp_stream_set_rate(zfp, knob.value, kind, field.shape.rank() as u32, 0)
                }
                _ => ffi::zfp_stream_set_accuracy(zfp, knob.value),
            }
        }
    };
    // SAFETY: a stream without a buffer is good for asking how large one has to be.
    let capacity = unsafe {
        let stream = Stream::open(std::ptr::null_mut(), 0);
        set(stream.zfp);
        ffi::zfp_stream_maximum_size(stream.zfp, array.0)
    };
    let mut out = vec![0u8; capacity.next_multiple_of(8) + 64];
    // SAFETY: `out` outlives the stream and has the size that zfp asked for; zfp only reads the values.
    let len = unsafe {
        let stream = Stream::open(out.as_mut_ptr().cast(), out.len());
        set(stream.zfp);
        if ffi::zfp_write_header(stream.zfp, array.0, ffi::ZFP_HEADER_FULL) == 0 {
            return Err(failed(Codec::Zfp, "no header written"));
        }
        ffi::zfp_compress(stream.zfp, array.0)
    };
    if len == 0 {
        return Err(failed(Codec::Zfp, "nothing written"));
    }
    out.truncate(len);
    Ok(out)
}

pub(super) fn decode(bytes: &[u8], like: &Field) -> Result<Data> {
    let len = like.shape.len();
    let mut out = match like.data {
        Data::F32(_) => Data::F32(vec![0.0; len]),
        Data::F64(_) => Data::F64(vec![0.0; len]),
    };
    let values: *mut c_void = match &mut out {
        Data::F32(v) => v.as_mut_ptr().cast(),
        Data::F64(v) => v.as_mut_ptr().cast(),
    };
    let array = Array::new(values, kind(&like.data), like.shape);
    let mut words = bytes.to_vec();
    words.resize(bytes.len().next_multiple_of(8), 0);
    // SAFETY: `words` outlives the stream; the header is checked to describe an array of the size of
    // `out` before zfp writes there. The stream is one that `encode` made.
    unsafe {
        let stream = Stream::open(words.as_mut_ptr().cast(), words.len());
        let expected = std::ptr::read(array.0);
        if ffi::zfp_read_header(stream.zfp, array.0, ffi::ZFP_HEADER_FULL) == 0 {
            return Err(failed(Codec::Zfp, "no header found"));
        }
        let found = std::ptr::read(array.0);
        let size = |f: &ffi::zfp_field| (f.type_, f.nx, f.ny, f.nz, f.nw);
        if size(&found) != size(&expected) {
            return Err(failed(Codec::Zfp, "a stream of another shape"));
        }
        if ffi::zfp_decompress(stream.zfp, array.0) == 0 {
            return Err(failed(Codec::Zfp, "nothing read"));
        }
    }
    Ok(out)
}
