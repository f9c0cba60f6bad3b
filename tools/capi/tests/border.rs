//! What C passes, from Rust: many threads, damaged files, handles that are dead.
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::CStr;
use std::ptr::{null, null_mut};

use srt::{Bound, EncodeOptions, Shape, Volume};
use srt_codec::{
    FileHandle, Status, srt_error_last, srt_file_close, srt_file_levels, srt_file_open_memory,
    srt_file_read, srt_file_text, srt_stream_decode,
};

const COUNT: usize = 16 * 17 * 18;

fn file() -> Vec<u8> {
    let values = (0..COUNT).map(|i| (i as f32 * 0.01).sin()).collect();
    let volume = Volume::new(Shape::new(&[16, 17, 18]).unwrap(), values).unwrap();
    let options = EncodeOptions::new(Bound::MaxError(1e-3)).with_field("größe");
    srt::encode(&volume, &options).unwrap()
}

fn open(bytes: &[u8]) -> (Status, *mut FileHandle) {
    let mut handle = null_mut();
    // SAFETY: the bytes are there, and so is the place for the handle.
    let status = unsafe { srt_file_open_memory(bytes.as_ptr(), bytes.len(), &raw mut handle) };
    (status, handle)
}

fn read(handle: *const FileHandle, out: &mut [f32]) -> Status {
    let room = out.as_mut_ptr().cast();
    // SAFETY: the room is that of `out`.
    unsafe { srt_file_read(handle, 0, 0, null(), null(), 2, room, out.len(), 1) }
}

#[test]
fn many_threads_read_by_one_handle_while_one_closes_it() {
    let bytes = file();
    let expected = srt::decode::<f32>(&bytes).unwrap();
    let (status, handle) = open(&bytes);
    assert_eq!(status, Status::Ok);
    let number = handle.addr();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let handle = std::ptr::without_provenance::<FileHandle>(number);
                let mut out = vec![0.0; COUNT];
                for _ in 0..20 {
                    match read(handle, &mut out) {
                        Status::Ok => assert_eq!(out, expected.data()),
                        status => assert_eq!(status, Status::DeadHandle),
                    }
                }
            });
        }
        scope.spawn(|| {
            let handle = std::ptr::without_provenance_mut::<FileHandle>(number);
            assert_eq!(srt_file_close(handle), Status::Ok);
            assert_eq!(srt_file_close(handle), Status::DeadHandle);
        });
    });
}

#[test]
fn every_damaged_byte_is_a_status() {
    let whole = file();
    let mut out = vec![0.0; COUNT];
    let expected = srt::decode::<f32>(&whole).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 97 + 1) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        let (status, handle) = open(&bytes);
        if status == Status::Ok {
            if read(handle, &mut out) == Status::Ok {
                assert_eq!(out, expected.data(), "byte {at}");
            }
            assert_eq!(srt_file_close(handle), Status::Ok);
        } else {
            assert!(handle.is_null());
            // SAFETY: a text that ends with a zero, and nobody fails in between.
            assert!(!unsafe { CStr::from_ptr(srt_error_last()) }.is_empty());
        }
        let (status, _) = open(&whole[..at]);
        assert_ne!(status, Status::Ok, "{at} bytes");
    }
}

#[test]
fn texts_are_cut_between_characters() {
    let (_, handle) = open(&file());
    for capacity in 0..9usize {
        let mut text = [1u8; 9];
        let mut length = 0;
        let room = text.as_mut_ptr().cast();
        // SAFETY: room for `capacity` bytes and a number.
        let status = unsafe { srt_file_text(handle, 1, 0, room, capacity, &raw mut length) };
        assert_eq!((status, length), (Status::Ok, "größe".len()));
        if capacity > 0 {
            let cut = CStr::from_bytes_until_nul(&text).unwrap().to_str().unwrap();
            assert!(
                "größe".starts_with(cut) && cut.len() + 2 >= capacity.min(8),
                "{cut}"
            );
        }
        assert!(
            text[capacity..].iter().all(|&b| b == 1),
            "beyond {capacity}"
        );
    }
    assert_eq!(srt_file_close(handle), Status::Ok);
}

#[test]
fn null_and_misplaced_pointers_are_arguments_that_make_no_sense() {
    let (_, handle) = open(&file());
    let mut out = vec![0.0f32; COUNT + 1];
    let room = out.as_mut_ptr().cast::<u8>();
    // SAFETY: null and misplaced pointers are looked at before they are used.
    unsafe {
        let read = |room| srt_file_read(handle, 0, 0, null(), null(), 2, room, COUNT, 1);
        assert_eq!(read(null_mut()), Status::InvalidArgument);
        assert_eq!(read(room.add(1).cast()), Status::InvalidArgument);
        assert_eq!(read(room.cast()), Status::Ok);
        let start = [0usize; 3];
        let half = srt_file_read(handle, 0, 0, start.as_ptr(), null(), 2, room.cast(), 1, 1);
        assert_eq!(half, Status::InvalidArgument);
        assert_eq!(
            srt_file_levels(handle, 0, null_mut()),
            Status::InvalidArgument
        );
        assert_eq!(
            srt_stream_decode(None, None, null_mut(), 0, 1),
            Status::InvalidArgument
        );
    }
    assert_eq!(srt_file_close(handle), Status::Ok);
}
