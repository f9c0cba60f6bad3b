//! What goes through the pipes: one request and one reply, each a fixed header and the bytes after it.
//!
//! All numbers are little endian. Request, 56 bytes and the payload:
//!
//! | offset | type | field |
//! |---|---|---|
//! | 0 | bytes | magic `SRTW` |
//! | 4 | u16 | version, 1 |
//! | 6 | u8 | operation: 1 encode, 2 decode |
//! | 7 | u8 | bytes per value: 4 (binary32) or 8 (binary64) |
//! | 8 | u8 | rank, 2 or 3; then 7 zero bytes |
//! | 16 | 3 u64 | extents z, y, x; z is 1 in rank 2 |
//! | 40 | f64 | largest error for encoding, in the field's unit; above 0 |
//! | 48 | u64 | length of the payload: values (little endian, `x` fastest) or coded bytes |
//!
//! Reply, 16 bytes and the payload: magic, u16 version, u8 status (0 done, 1 failed), a zero byte, u64
//! length. The payload is what was asked for, or a message in UTF-8.

use std::io::{Read, Write};

use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;

const MAGIC: [u8; 4] = *b"SRTW";
const VERSION: u16 = 1;
const REQUEST_LEN: usize = 56;
const REPLY_LEN: usize = 16;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Values to coded bytes.
    Encode,
    /// Coded bytes to values.
    Decode,
}

/// Header of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// What is asked for.
    pub operation: Operation,
    /// Extents of the field.
    pub shape: Shape,
    /// Type of its values: F32 or F64.
    pub dtype: Dtype,
    /// Largest error allowed, in the field's unit; of no meaning for decoding.
    pub bound: f64,
    /// Bytes that follow.
    pub length: u64,
}

/// Header of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whether the payload is what was asked for; if not, it is a message.
    pub done: bool,
    /// Bytes that follow.
    pub length: u64,
}

impl Request {
    /// Writes the header.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, out: &mut impl Write) -> Result<()> {
        let mut bytes = Vec::with_capacity(REQUEST_LEN);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.push(match self.operation {
            Operation::Encode => 1,
            Operation::Decode => 2,
        });
        bytes.push(self.dtype.code());
        bytes.push(self.shape.rank() as u8);
        bytes.extend([0; 7]);
        for extent in self.shape.dims() {
            bytes.extend((extent as u64).to_le_bytes());
        }
        bytes.extend(self.bound.to_le_bytes());
        bytes.extend(self.length.to_le_bytes());
        Ok(out.write_all(&bytes)?)
    }

    /// Reads a header.
    ///
    /// # Errors
    /// `Corrupt` for what is no request of this version, `Truncated`.
    pub fn read(input: &mut impl Read) -> Result<Self> {
        let mut bytes = [0; REQUEST_LEN];
        input.read_exact(&mut bytes)?;
        let mut fields = HeaderFields(&bytes);
        fields.magic()?;
        let operation = match fields.take::<1>()? {
            [1] => Operation::Encode,
            [2] => Operation::Decode,
            [other] => return Err(Error::corrupt(format!("operation {other} found"))),
        };
        let [size] = fields.take::<1>()?;
        let [rank] = fields.take::<1>()?;
        fields.take::<7>()?;
        let mut extents = [0; 3];
        for extent in &mut extents {
            *extent = usize::try_from(u64::from_le_bytes(fields.take()?))
                .map_err(|_| Error::corrupt("an extent too large for this machine"))?;
        }
        let shape = match (rank, extents) {
            (1, [1, 1, x]) => Shape::new(&[x])?,
            (2, [1, y, x]) => Shape::new(&[y, x])?,
            (3, _) => Shape::new(&extents)?,
            _ => {
                return Err(Error::corrupt(format!(
                    "rank {rank} with {extents:?} found"
                )));
            }
        };
        let dtype = Dtype::from_code(size).filter(|dtype| *dtype == dtype.working());
        let dtype = dtype.ok_or_else(|| {
            Error::corrupt(format!(
                "values of 4 or 8 bytes expected, type {size} found"
            ))
        })?;
        Ok(Self {
            operation,
            shape,
            dtype,
            bound: f64::from_le_bytes(fields.take()?),
            length: u64::from_le_bytes(fields.take()?),
        })
    }
}

impl Reply {
    /// Writes the header.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, out: &mut impl Write) -> Result<()> {
        let mut bytes = Vec::with_capacity(REPLY_LEN);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([u8::from(!self.done), 0]);
        bytes.extend(self.length.to_le_bytes());
        Ok(out.write_all(&bytes)?)
    }

    /// Reads a header.
    ///
    /// # Errors
    /// `Corrupt` for what is no reply of this version, `Truncated`.
    pub fn read(input: &mut impl Read) -> Result<Self> {
        let mut bytes = [0; REPLY_LEN];
        input.read_exact(&mut bytes)?;
        let mut fields = HeaderFields(&bytes);
        fields.magic()?;
        let done = match fields.take::<2>()? {
            [0, _] => true,
            [1, _] => false,
            [other, _] => return Err(Error::corrupt(format!("status {other} found"))),
        };
        Ok(Self {
            done,
            length: u64::from_le_bytes(fields.take()?),
        })
    }
}

/// Reads fields one after the other.
struct HeaderFields<'a>(&'a [u8]);

impl HeaderFields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (field, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or_else(|| Error::truncated("the header is too short"))?;
        self.0 = rest;
        Ok(*field)
    }

    fn magic(&mut self) -> Result<()> {
        if self.take::<4>()? != MAGIC {
            return Err(Error::corrupt(
                "not a message of a worker: its first bytes differ",
            ));
        }
        match u16::from_le_bytes(self.take()?) {
            VERSION => Ok(()),
            other => Err(Error::unsupported(format!(
                "worker protocol {VERSION} expected, {other} found"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_come_back() {
        for extents in [&[3, 5][..], &[2, 3, 4]] {
            let request = Request {
                operation: Operation::Decode,
                shape: Shape::new(extents).unwrap(),
                dtype: Dtype::F64,
                bound: 0.25,
                length: 77,
            };
            let mut bytes = Vec::new();
            request.write(&mut bytes).unwrap();
            assert_eq!(bytes.len(), REQUEST_LEN);
            assert_eq!(Request::read(&mut bytes.as_slice()).unwrap(), request);
        }
        let reply = Reply {
            done: false,
            length: 9,
        };
        let mut bytes = Vec::new();
        reply.write(&mut bytes).unwrap();
        assert_eq!(
            (bytes.len(), Reply::read(&mut bytes.as_slice()).unwrap()),
            (REPLY_LEN, reply)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_error_or_a_header(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Request::read(&mut bytes.as_slice());
            let mut marked = b"SRTW\x01\0".to_vec();
            marked.extend(&bytes);
            let _ = Request::read(&mut marked.as_slice());
            let _ = Reply::read(&mut marked.as_slice());
        }
    }
}
