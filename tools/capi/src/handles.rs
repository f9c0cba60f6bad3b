//! Which handles are alive.
//!
//! A handle looks like a pointer, so that C tells one kind from another, and is a number that is given out once. So a handle that
//! was closed is known as such, and closing one while another thread reads by it ends that reading as if it had come before.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use srt::Decoder;

use crate::codes::Status;
use crate::failure::Failure;
use crate::writing::Writer;

/// A file that is open. Many threads may read by one handle at once.
pub struct FileHandle {
    _private: PhantomData<()>,
}

/// A file that is made. Calls by one handle follow each other.
pub struct WriterHandle {
    _private: PhantomData<()>,
}

/// An open file.
pub(crate) type File = Decoder<'static>;

pub(crate) enum Object {
    File(Arc<File>),
    Writer(Arc<Mutex<Writer>>),
}

struct Held {
    object: Object,
    message: String,
}

#[derive(Default)]
struct Handles {
    last: usize,
    held: HashMap<usize, Held>,
    /// Bytes that were handed out, by their address.
    bytes: HashMap<usize, Box<[u8]>>,
}

/// C has nothing else to keep them in that could tell a dead handle.
static HANDLES: LazyLock<Mutex<Handles>> = LazyLock::new(Mutex::default);

fn handles() -> MutexGuard<'static, Handles> {
    HANDLES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a handle can stand for.
pub(crate) trait Kind: Sized {
    type Handle;
    fn into_object(self) -> Object;
    fn of(object: &Object) -> Option<Self>;
}

impl Kind for Arc<File> {
    type Handle = FileHandle;

    fn into_object(self) -> Object {
        Object::File(self)
    }

    fn of(object: &Object) -> Option<Self> {
        match object {
            Object::File(file) => Some(Arc::clone(file)),
            Object::Writer(_) => None,
        }
    }
}

impl Kind for Arc<Mutex<Writer>> {
    type Handle = WriterHandle;

    fn into_object(self) -> Object {
        Object::Writer(self)
    }

    fn of(object: &Object) -> Option<Self> {
        match object {
            Object::Writer(writer) => Some(Arc::clone(writer)),
            Object::File(_) => None,
        }
    }
}

fn dead() -> Failure {
    Failure::new(Status::DeadHandle, "an open handle expected")
}

/// Gives out a handle.
pub(crate) fn hold<K: Kind>(object: K) -> *mut K::Handle {
    let mut handles = handles();
    handles.last += 1;
    let number = handles.last;
    let held = Held {
        object: object.into_object(),
        message: String::new(),
    };
    handles.held.insert(number, held);
    std::ptr::without_provenance_mut(number)
}

/// What a handle stands for.
pub(crate) fn get<K: Kind>(handle: *const K::Handle) -> Result<K, Failure> {
    let handles = handles();
    let held = handles.held.get(&handle.addr()).ok_or_else(dead)?;
    K::of(&held.object).ok_or_else(dead)
}

/// Takes a handle back; null is none.
pub(crate) fn close<K: Kind>(handle: *const K::Handle) -> Result<(), Failure> {
    if handle.is_null() {
        return Ok(());
    }
    get::<K>(handle)?;
    // Dropped when the lock is free again: that may take a while.
    let held = handles().held.remove(&handle.addr());
    drop(held);
    Ok(())
}

/// Keeps what was wrong, where the handle is alive.
pub(crate) fn remember(handle: usize, message: String) {
    if let Some(held) = handles().held.get_mut(&handle) {
        held.message = message;
    }
}

/// What was wrong last.
pub(crate) fn message(handle: usize) -> Result<String, Failure> {
    let handles = handles();
    let held = handles.held.get(&handle).ok_or_else(dead)?;
    Ok(held.message.clone())
}

/// Hands out bytes.
pub(crate) fn lend(bytes: Vec<u8>) -> (*mut u8, usize) {
    let mut bytes = bytes.into_boxed_slice();
    let (start, len) = (bytes.as_mut_ptr(), bytes.len());
    handles().bytes.insert(start.addr(), bytes);
    (start, len)
}

/// Takes bytes back; null is none.
pub(crate) fn give_back(bytes: *const u8) -> Result<(), Failure> {
    let found = handles().bytes.remove(&bytes.addr());
    if found.is_none() && !bytes.is_null() {
        return Err(Failure::new(
            Status::DeadHandle,
            "bytes that were not handed out, or given back before",
        ));
    }
    Ok(())
}
