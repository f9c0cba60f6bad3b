//! Forward-only writing: one chunk at a time, no seek, so that it works into a pipe.

use std::io::Write;

use crate::base::error::Result;
use crate::container::chunk::{ChunkHeader, ChunkType};
use crate::container::header::{FileHeader, HEADER_LEN};
use crate::container::index::{Entry, Trailer, encode_index};

/// Writes a file chunk by chunk. The file header goes out with the first of them: a writer that fails
/// before leaves its sink untouched.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    offset: u64,
    entries: Vec<Entry>,
    headers: crc32fast::Hasher,
}

impl<W: Write> Writer<W> {
    /// Starts a file.
    #[must_use]
    pub fn new(out: W) -> Self {
        Self {
            out,
            offset: HEADER_LEN as u64,
            entries: Vec::new(),
            headers: crc32fast::Hasher::new(),
        }
    }

    /// Chunks written so far.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes one chunk.
    ///
    /// # Errors
    /// `Io`, or `InvalidArgument` for a payload of 2 GiB or more.
    pub fn chunk(&mut self, kind: ChunkType, part: u32, payload: &[u8]) -> Result<()> {
        let header = ChunkHeader::describe(kind, part, payload)?;
        if self.entries.is_empty() {
            self.out.write_all(&FileHeader::current().to_bytes())?;
        }
        let bytes = header.to_bytes(self.entries.len() as u64);
        let [.., c0, c1, c2, c3] = bytes;
        self.headers.update(&[c0, c1, c2, c3]);
        self.out.write_all(&bytes)?;
        self.out.write_all(payload)?;
        let entry = Entry {
            kind,
            part,
            offset: self.offset,
            stored_len: header.stored_len,
        };
        self.offset = entry.end();
        self.entries.push(entry);
        Ok(())
    }

    /// Hands on what the sink may still hold, so that a reader at the other end of a pipe gets it.
    ///
    /// # Errors
    /// `Io`.
    pub fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }

    /// Writes index and trailer; returns the sink and the length of the file.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(mut self) -> Result<(W, u64)> {
        let index_offset = self.offset;
        let index = encode_index(&self.entries);
        self.chunk(ChunkType::INDX, 0, &index)?;
        let trailer = Trailer {
            index_offset,
            headers_crc: self.headers.finalize(),
        }
        .to_bytes();
        self.out.write_all(&trailer)?;
        self.out.flush()?;
        Ok((self.out, self.offset + trailer.len() as u64))
    }
}
