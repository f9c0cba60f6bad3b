//! How long a chunk, an index, a file will be, without writing it.
//!
//! The functions of this module are exact: a property test holds them against [`Writer`](super::Writer).
//! Those of [`estimate`] are what the encoder decides by.

use crate::container::bytes::varint_len;
use crate::container::{CHUNK_HEADER_LEN, ChunkType, Entry, HEADER_LEN, TRAILER_LEN};

pub mod estimate;
#[cfg(test)]
mod tests;

/// Bytes of a chunk whose payload has `payload` bytes.
#[must_use]
pub fn chunk(payload: usize) -> u64 {
    CHUNK_HEADER_LEN as u64 + payload as u64
}

/// Bytes that a chunk takes in the index: code of its type, length and part.
#[must_use]
pub fn index_entry(kind: ChunkType, part: u32, payload: u64) -> u64 {
    // A type that is not in the registry follows its code in letters.
    let kind = match kind.code() {
        Some(_) => 1,
        None => 1 + kind.to_bytes().len() as u64,
    };
    kind + varint_len(payload) + varint_len(part.into())
}

/// Bytes of the payload of the index over `entries`.
#[must_use]
pub fn index(entries: &[Entry]) -> u64 {
    let entry = |e: &Entry| index_entry(e.kind, e.part, e.stored_len.into());
    varint_len(entries.len() as u64) + entries.iter().map(entry).sum::<u64>()
}

/// A file of which more and more chunks are known: how long it would be if it ended here.
///
/// ```
/// use srt::container::size::FileLength;
/// use srt::container::{ChunkType, Writer};
///
/// let mut length = FileLength::default();
/// let mut writer = Writer::new(Vec::new());
/// for payload in [&b"one"[..], b"another"] {
///     length.add(ChunkType::BRIK, 7, payload.len());
///     writer.chunk(ChunkType::BRIK, 7, payload)?;
/// }
/// assert_eq!(writer.finish()?.1, length.bytes());
/// # Ok::<(), srt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileLength {
    chunks: u64,
    chunk_bytes: u64,
    entry_bytes: u64,
}

impl FileLength {
    /// Adds a chunk.
    pub fn add(&mut self, kind: ChunkType, part: u32, payload: usize) {
        self.chunks += 1;
        self.chunk_bytes += chunk(payload);
        self.entry_bytes += index_entry(kind, part, payload as u64);
    }

    /// Bytes of a file of these chunks, of which there is at least one: header, chunks, index, trailer.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let index = CHUNK_HEADER_LEN as u64 + varint_len(self.chunks) + self.entry_bytes;
        HEADER_LEN as u64 + self.chunk_bytes + index + TRAILER_LEN as u64
    }
}
