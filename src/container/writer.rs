//! Forward-only writing: one chunk at a time, no seek, so that it works into a pipe.

use std::io::Write;

use crate::base::error::Result;
use crate::container::chunk::{ChunkHeader, ChunkType};
use crate::container::compact::{CompactChunks, MAX_EXPANDED};
use crate::container::header::{FileHeader, HEADER_LEN};
use crate::container::index::{Entry, Trailer, encode_index};

/// A small file in both forms.
#[derive(Debug, Default)]
struct HeldFile {
    long: Vec<u8>,
    chunks: CompactChunks,
}

/// Writes a file chunk by chunk. The file header goes out with the first of them: a writer that fails
/// before leaves its sink untouched.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// The file so far, where it may become a compact one.
    held: Option<HeldFile>,
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
            held: None,
            offset: HEADER_LEN as u64,
            entries: Vec::new(),
            headers: crc32fast::Hasher::new(),
        }
    }

    /// Starts a file that is held back while it is small, and written compactly (spec section 5.1) when it still is at
    /// its end.
    #[must_use]
    pub fn compact(out: W) -> Self {
        let mut writer = Self::new(out);
        writer.hold();
        writer
    }

    /// As [`Writer::compact`], before the first chunk.
    pub(crate) fn hold(&mut self) {
        self.held = Some(HeldFile::default());
    }

    /// Lets go of what is held back: the file will not be a compact one.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn release(&mut self) -> Result<()> {
        match self.held.take() {
            Some(held) => Ok(self.out.write_all(&held.long)?),
            None => Ok(()),
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
            self.put(&FileHeader::current().to_bytes())?;
        }
        let bytes = header.to_bytes(self.entries.len() as u64);
        let [.., c0, c1, c2, c3] = bytes;
        self.headers.update(&[c0, c1, c2, c3]);
        self.put(&bytes)?;
        self.put(payload)?;
        if let Some(held) = &mut self.held {
            held.chunks.add(kind, part, payload);
        }
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

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(held) = &mut self.held {
            if held.long.len().saturating_add(bytes.len()) <= MAX_EXPANDED {
                held.long.extend(bytes);
                return Ok(());
            }
            self.release()?;
        }
        Ok(self.out.write_all(bytes)?)
    }

    /// Hands on what the sink may still hold, so that a reader at the other end of a pipe gets it; not what is held back
    /// because the file is small.
    ///
    /// # Errors
    /// `Io`.
    pub fn flush(&mut self) -> Result<()> {
        match self.held {
            Some(_) => Ok(()),
            None => Ok(self.out.flush()?),
        }
    }

    /// Writes index and trailer, or the file as a compact one; returns the sink and the length of the file.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(mut self) -> Result<(W, u64)> {
        let index_offset = self.offset;
        let index = encode_index(&self.entries);
        self.chunk(ChunkType::INDX, 0, &index)?;
        let trailer = Trailer {
            index_offset,
            headers_crc: self.headers.clone().finalize(),
        }
        .to_bytes();
        self.put(&trailer)?;
        let mut len = self.offset + trailer.len() as u64;
        if let Some(held) = self.held.take() {
            // A frame record of many bytes that are not 0 can be the longer one.
            let short = held.chunks.to_file();
            let file = short.filter(|short| short.len() < held.long.len());
            let file = file.unwrap_or(held.long);
            len = file.len() as u64;
            self.out.write_all(&file)?;
        }
        self.out.flush()?;
        Ok((self.out, len))
    }
}
