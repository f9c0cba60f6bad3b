//! Errors to statuses and messages; nothing unwinds into C.
#![allow(unsafe_code)]

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::arguments::put_text;
use crate::codes::Status;
use crate::handles;

/// Why a call did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }
}

impl From<srt::Error> for Failure {
    fn from(error: srt::Error) -> Self {
        Self::new(error.kind().into(), error.to_string())
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Does `body` and tells what became of it; what fails is remembered for the thread and for `handle`.
pub(crate) fn call(handle: usize, body: impl FnOnce() -> Result<(), Failure>) -> Status {
    // What a panic leaves half done is behind locks, whose state is checked where it is used again.
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let outcome = outcome.unwrap_or_else(|panic| Err(of_panic(panic.as_ref())));
    let Err(failure) = outcome else {
        return Status::Ok;
    };
    let text: Vec<u8> = failure.message.bytes().filter(|&b| b != 0).collect();
    // Not at the end of a thread, when there is nobody left to ask.
    let _ = LAST.try_with(|last| last.replace(CString::new(text).unwrap_or_default()));
    handles::remember(handle, failure.message);
    failure.status
}

fn of_panic(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "no message".to_owned());
    Failure::new(Status::Internal, format!("a defect of the library: {text}"))
}

/// What was wrong with the last call of this thread that failed: English, in UTF-8, empty before any. It stays until the
/// next call of this thread that fails, and is not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn srt_error_last() -> *const c_char {
    let text = LAST.try_with(|last| last.borrow().as_ptr());
    text.unwrap_or(c"".as_ptr())
}

/// What was wrong with the last call on a handle that failed, in whichever thread: at most `capacity` bytes with a zero at
/// the end go to `message`. `length`, which may be null, gets the bytes of the whole, without the zero.
///
/// # Safety
/// `message` has room for `capacity` bytes; `length` is null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_error_of(
    handle: *const c_void,
    message: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Status {
    call(0, || {
        let text = handles::message(handle.addr())?;
        // SAFETY: the caller's promise, above.
        unsafe { put_text(&text, message, capacity, length) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic)]
    fn a_panic_ends_at_the_border() {
        assert_eq!(call(0, || panic!("field {}", 7)), Status::Internal);
        LAST.with_borrow(|last| {
            let text = last.to_str().unwrap_or_default();
            assert_eq!(text, "a defect of the library: field 7");
        });
        assert_eq!(call(0, || Ok(())), Status::Ok);
    }
}
