//! Codecs that run in a child process, because their code may crash, hang or be under another licence.
//!
//! The child speaks the small protocol of [`protocol`] over its standard input and output: one
//! request, one reply, then it ends. Whatever it does instead (crash, hang, write too much or too
//! little, lie about lengths) becomes an error here; its bytes are never trusted with an allocation
//! larger than the reply may be. `srt-sz3` is such a program (`tools/srt-sz3/README.md`).

mod child;
pub mod protocol;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::dtype::Dtype;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::grid::Shape;
use protocol::{Operation, Request};

/// Bytes that a coded field may take beyond twice its raw size, for codecs that expand noise.
const SPARE: u64 = 1 << 20;

/// A program that codes fields in a process of its own.
#[derive(Clone, Debug)]
pub struct Worker {
    program: PathBuf,
    memory: u64,
    time: Duration,
}

impl Worker {
    /// The worker at `program`, with limits of 4 GiB and ten minutes.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            memory: 4 << 30,
            time: Duration::from_secs(600),
        }
    }

    /// Sets the address space in bytes that the child may take; it imposes that on itself.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets how long a request may take before the child is killed.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Codes a field given as little-endian values of type `dtype` (F32 or F64), `x` fastest, so
    /// that no decoded value differs by more than `bound`.
    ///
    /// # Errors
    /// `InvalidArgument` when length and shape disagree, `LimitExceeded` when the child takes too
    /// long, `Io` when it cannot be started, fails or breaks the protocol.
    pub fn encode(&self, shape: Shape, dtype: Dtype, bound: f64, values: &[u8]) -> Result<Vec<u8>> {
        let raw = raw_bytes(shape, dtype)?;
        if values.len() as u64 != raw {
            return Err(Error::invalid(format!(
                "{raw} bytes of values expected, {} found",
                values.len()
            )));
        }
        let request = Request {
            operation: Operation::Encode,
            shape,
            dtype,
            bound,
            length: raw,
        };
        child::ask(
            self,
            &request,
            values,
            0..=raw.saturating_mul(2).saturating_add(SPARE),
        )
    }

    /// Decodes what [`Worker::encode`] made for the same shape and type of values; returns
    /// little-endian values.
    ///
    /// # Errors
    /// As [`Worker::encode`]; `Corrupt` when the child refuses the payload or fails on it.
    pub fn decode(&self, shape: Shape, dtype: Dtype, payload: &[u8]) -> Result<Vec<u8>> {
        let raw = raw_bytes(shape, dtype)?;
        let request = Request {
            operation: Operation::Decode,
            shape,
            dtype,
            bound: 0.0,
            length: payload.len() as u64,
        };
        child::ask(self, &request, payload, raw..=raw)
    }
}

fn raw_bytes(shape: Shape, dtype: Dtype) -> Result<u64> {
    if dtype != dtype.working() {
        return Err(Error::invalid(format!(
            "values of f32 or f64 expected, {dtype} found"
        )));
    }
    Ok(shape.len() as u64 * dtype.size() as u64)
}

/// Finds the worker `name`: `named` if given (then nothing else will do), else beside the program
/// `beside`, else in the folders of `search`, a list as in `PATH`.
///
/// # Errors
/// `Unsupported` with what to do about it.
pub fn locate(
    name: &str,
    named: Option<&OsStr>,
    beside: Option<&Path>,
    search: Option<&OsStr>,
) -> Result<PathBuf> {
    if let Some(named) = named {
        let path = PathBuf::from(named);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::unsupported(format!(
                "no program {} for the codec that it was named for",
                path.display()
            )))
        };
    }
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let folders = beside.and_then(Path::parent).map(Path::to_path_buf);
    let searched = search.map(|list| std::env::split_paths(list).collect::<Vec<_>>());
    folders
        .into_iter()
        .chain(searched.into_iter().flatten())
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Error::unsupported(format!(
                "{name} is not there: build it with `cargo build --release -p {name}` (its README \
                 names what that needs) and put it beside srt or into PATH, or name it in SRT_SZ3"
            ))
        })
}

/// The error of a child that failed at `operation`: on decoding the payload is to blame.
fn failed(operation: Operation, message: String) -> Error {
    match operation {
        Operation::Encode => Error::new(ErrorKind::Io, message),
        Operation::Decode => Error::corrupt(message),
    }
}
