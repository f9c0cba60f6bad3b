//! Bytes to chunks and records, and back (`spec/srt-format.md`). Knows nothing of octrees, networks
//! or arithmetic, so that other readers can be built on it.

#![deny(clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod bytes;
mod chunk;
mod header;
mod index;
mod parser;
mod reader;
mod records;
mod writer;

pub use bytes::{Cursor, Encode};
pub use chunk::{CHUNK_HEADER_LEN, ChunkHeader, ChunkType};
pub use header::{FileHeader, HEADER_LEN, MAGIC, VERSION};
pub use index::{Entry, TRAILER_LEN};
pub use parser::{Event, Parser};
pub use reader::Reader;
pub use records::{
    Bound, Dataset, Field, Form, Frame, Measured, NetworkUse, WaveletForm, WeightsReference,
};
pub use writer::Writer;

#[cfg(test)]
mod tests;
