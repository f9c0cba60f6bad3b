//! Little-endian fields in file order: a bounded cursor to read, a trait to append.

use crate::base::error::{Error, Result};

/// Longest string in a record, in bytes (spec section 7).
pub(super) const MAX_STRING: u64 = 1024;

/// Bytes that [`Encode::put_varint`] appends.
pub(super) fn varint_len(value: u64) -> u64 {
    u64::from(value.max(1).ilog2() / 7 + 1)
}

/// Reads named fields from a slice in order; every error names the field and the offset.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    offset: u64,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `bytes`, which lies at `offset` in the file.
    #[must_use]
    pub fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self {
            rest: bytes,
            offset,
        }
    }

    /// Offset in the file of the next field.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// An error at the next field.
    #[must_use]
    pub fn corrupt(&self, message: impl Into<String>) -> Error {
        Error::corrupt(message).at(self.offset)
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// `Corrupt` when fewer are left.
    pub fn take(&mut self, what: &str, n: usize) -> Result<&'a [u8]> {
        let Some((head, rest)) = self.rest.split_at_checked(n) else {
            return Err(self.corrupt(format!(
                "{n} bytes of {what} expected, {} found",
                self.rest.len()
            )));
        };
        self.rest = rest;
        self.offset += n as u64;
        Ok(head)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// `Corrupt` when fewer are left.
    pub fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(what, N)?);
        Ok(out)
    }

    /// One byte.
    ///
    /// # Errors
    /// `Corrupt` at the end.
    pub fn u8(&mut self, what: &str) -> Result<u8> {
        let [byte] = self.array(what)?;
        Ok(byte)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// `Corrupt` at the end.
    pub fn u16(&mut self, what: &str) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// `Corrupt` at the end.
    pub fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// `Corrupt` at the end.
    pub fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A binary32.
    ///
    /// # Errors
    /// `Corrupt` at the end.
    pub fn f32(&mut self, what: &str) -> Result<f32> {
        Ok(f32::from_le_bytes(self.array(what)?))
    }

    /// A binary64.
    ///
    /// # Errors
    /// `Corrupt` at the end.
    pub fn f64(&mut self, what: &str) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array(what)?))
    }

    /// A binary64 that is neither infinite nor NaN.
    ///
    /// # Errors
    /// `Corrupt` otherwise.
    pub fn finite(&mut self, what: &str) -> Result<f64> {
        let start = self.clone();
        match self.f64(what)? {
            value if value.is_finite() => Ok(value),
            value => Err(start.corrupt(format!("finite {what} expected, {value} found"))),
        }
    }

    /// An unsigned LEB128 number of at most 63 bits in its shortest form.
    ///
    /// # Errors
    /// `Corrupt` otherwise.
    pub fn varint(&mut self, what: &str) -> Result<u64> {
        let start = self.clone();
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.u8(what)?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(start.corrupt(format!("{what} is not in its shortest form")));
                }
                return Ok(value);
            }
        }
        Err(start.corrupt(format!("{what} is longer than 63 bits")))
    }

    /// A number that must not exceed `max`.
    ///
    /// # Errors
    /// `Corrupt` otherwise.
    pub fn varint_up_to(&mut self, what: &str, max: u64) -> Result<u64> {
        let start = self.clone();
        let value = self.varint(what)?;
        if value > max {
            return Err(start.corrupt(format!("{what} up to {max} expected, {value} found")));
        }
        Ok(value)
    }

    /// A UTF-8 string after its length.
    ///
    /// # Errors
    /// `Corrupt` when too long or not UTF-8.
    pub fn string(&mut self, what: &str) -> Result<String> {
        let start = self.clone();
        let len = self.varint_up_to(what, MAX_STRING)?;
        let bytes = self.take(what, usize::try_from(len).unwrap_or(usize::MAX))?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(start.corrupt(format!("{what} is not UTF-8"))),
        }
    }

    /// Whatever is left.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// `Corrupt` otherwise.
    pub fn finish(self, what: &str) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.corrupt(format!("{} bytes found behind {what}", self.rest.len())))
    }
}

/// Appends fields as [`Cursor`] reads them.
pub trait Encode {
    /// LEB128, shortest form.
    fn put_varint(&mut self, value: u64);
    /// Length and bytes; the caller keeps it within 1 024 bytes.
    fn put_string(&mut self, text: &str);
}

impl Encode for Vec<u8> {
    fn put_varint(&mut self, mut value: u64) {
        loop {
            let low = value.to_le_bytes()[0] & 0x7F;
            value >>= 7;
            if value == 0 {
                self.push(low);
                return;
            }
            self.push(low | 0x80);
        }
    }

    fn put_string(&mut self, text: &str) {
        self.put_varint(text.len() as u64);
        self.extend_from_slice(text.as_bytes());
    }
}
