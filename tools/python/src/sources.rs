//! Where the bytes of a file come from.

use std::io;
use std::ops::Range;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use srt::{ByteSource, Error, Result};

/// Bytes of Python's, which are not copied.
#[derive(Debug)]
pub(crate) struct HeldBytes(pub(crate) PyBackedBytes);

impl ByteSource for HeldBytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.0)
    }

    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        let part = |range: &Range<u64>| {
            let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
            let part = self.0.get(place(range.start)..place(range.end));
            part.map(<[u8]>::to_vec)
                .ok_or_else(|| Error::truncated("a range that leaves the bytes"))
        };
        ranges.iter().map(part).collect()
    }
}

/// An object with `read(ranges)`, a list of pairs, that gives a list of `bytes`.
#[derive(Debug)]
pub(crate) struct Ranges {
    pub(crate) object: Py<PyAny>,
    pub(crate) len: u64,
}

impl ByteSource for Ranges {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        let read = Python::attach(|py| -> PyResult<Vec<Vec<u8>>> {
            let pairs: Vec<(u64, u64)> = ranges.iter().map(|r| (r.start, r.end)).collect();
            let parts = self.object.bind(py).call_method1("read", (pairs,))?;
            let parts: Vec<PyBackedBytes> = parts.extract()?;
            Ok(parts.iter().map(|part| part.to_vec()).collect())
        });
        let parts = read.map_err(|error| Error::from(io::Error::other(error)))?;
        let wanted = ranges.iter().map(|r| r.end - r.start);
        if !wanted.eq(parts.iter().map(|part| part.len() as u64)) {
            return Err(Error::truncated(
                "fewer bytes than asked for came from the store",
            ));
        }
        Ok(parts)
    }
}
