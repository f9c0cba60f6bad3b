//! Fields one after another from a stream: `.npy` after `.npy`, or raw after raw.

use std::io::Read;

use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::base::file::FileBytes;
use crate::base::grid::Shape;
use crate::base::limits::Limits;
use crate::volume::io::input::{Input, is_npy, raw_layout};
use crate::volume::io::layout::ArrayLayout;
use crate::volume::io::npy;

/// Reads fields that follow each other without gaps, as `numpy.save` into one open file writes them.
/// Holds one of them at a time.
#[derive(Debug)]
pub struct FieldStream<R> {
    reader: R,
    shape: Option<Shape>,
    dtype: Option<Dtype>,
    limits: Limits,
    /// Bytes read of the next field.
    ahead: Vec<u8>,
    /// Whether the fields are `.npy`; not known before the first.
    npy: Option<bool>,
}

impl Input {
    /// Reads a field from a stream to its end, under the rules of [`Input::open`]. Memory grows with
    /// the bytes that arrive, up to `limits.decoded_bytes`.
    ///
    /// # Errors
    /// As [`Input::open`], and `LimitExceeded`.
    pub fn from_reader(
        reader: impl Read,
        shape: Option<Shape>,
        dtype: Option<Dtype>,
        limits: &Limits,
    ) -> Result<Self> {
        let mut stream = FieldStream::new(reader, shape, dtype, limits.clone());
        let field = stream.next_field()?;
        let field = field.ok_or_else(|| Error::truncated("a field expected, none found"))?;
        if !stream.at_end()? {
            field.check_followed_by(1)?;
        }
        Ok(field)
    }
}

impl<R: Read> FieldStream<R> {
    /// Reads from the first byte of a field on, under the rules of [`Input::open`]. Memory grows with
    /// the bytes that arrive, up to `limits.decoded_bytes` for one field.
    #[must_use]
    pub fn new(reader: R, shape: Option<Shape>, dtype: Option<Dtype>, limits: Limits) -> Self {
        Self {
            reader,
            shape,
            dtype,
            limits,
            ahead: Vec::new(),
            npy: None,
        }
    }

    /// The next field; `None` at the end of the stream. There is at least one.
    ///
    /// # Errors
    /// As [`Input::open`], and `LimitExceeded`; `Corrupt` when something else than another field
    /// stands after a `.npy` field.
    pub fn next_field(&mut self) -> Result<Option<Input>> {
        self.read_to(npy::PREFIX_LEN)?;
        if self.ahead.is_empty() && self.npy.is_some() {
            return Ok(None);
        }
        let found = is_npy(&self.ahead);
        let npy = *self.npy.get_or_insert(found);
        let layout = match (npy, found) {
            (true, true) => {
                self.read_to(npy::data_offset(&self.ahead)?)?;
                npy::parse(&self.ahead)?
            }
            (true, false) => {
                return Err(Error::corrupt(
                    "another npy field or the end expected behind an npy field, other bytes found",
                ));
            }
            (false, _) => raw_layout(self.shape, self.dtype)?,
        };
        let bytes = FileBytes::from(self.take(&layout)?);
        if npy {
            Input::from_npy(bytes)?.agreeing(self.shape, self.dtype)
        } else {
            Input::from_raw(bytes, layout)
        }
        .map(Some)
    }

    /// Whether the stream ends here.
    ///
    /// # Errors
    /// `Io`.
    fn at_end(&mut self) -> Result<bool> {
        self.read_to(1)?;
        Ok(self.ahead.is_empty())
    }

    /// The bytes of a field, fewer where the stream ends early.
    fn take(&mut self, layout: &ArrayLayout) -> Result<Vec<u8>> {
        let data_len = layout.data_len()?;
        self.limits.check_decoded(data_len as u64)?;
        let end = layout.offset.saturating_add(data_len);
        self.read_to(end)?;
        let behind = self.ahead.split_off(end.min(self.ahead.len()));
        Ok(std::mem::replace(&mut self.ahead, behind))
    }

    fn read_to(&mut self, end: usize) -> Result<()> {
        let missing = end.saturating_sub(self.ahead.len()) as u64;
        self.reader
            .by_ref()
            .take(missing)
            .read_to_end(&mut self.ahead)?;
        Ok(())
    }
}
