//! Bytes to chunks and records, and back (`spec/srt-format.md`). Knows nothing of octrees, networks
//! or arithmetic, so that other readers can be built on it.

#![deny(clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod attributes;
mod bound;
mod bricks;
mod bytes;
mod chunk;
mod compact;
pub(crate) mod contents;
mod dataset;
mod expand;
mod form;
mod header;
mod held;
mod index;
pub mod order;
mod parser;
mod pooled;
mod raster;
mod reader;
mod records;
mod reference_frames;
mod references;
pub mod size;
mod slab;
mod stream;
mod writer;
mod written;

pub use attributes::Attributes;
pub use bound::Bound;
pub use bricks::{
    BrickRun, BrickSummary, NumberedBrick, RunPolicy, brick_runs_cost, parse_brick_run,
};
pub use bytes::{Cursor, Encode};
pub use chunk::{CHUNK_HEADER_LEN, ChunkHeader, ChunkType};
pub use compact::{MAX_EXPANDED, is_compact};
pub use dataset::{Dataset, Field, Placement, set_or_check_unit};
pub use expand::{compact, expand};
pub use form::{MAX_LEVELS, NetworkUse};
pub use header::{FileHeader, HEADER_LEN, MAGIC, VERSION};
pub use index::{END_MAGIC, Entry, TRAILER_LEN, Trailer, parse_index};
pub use parser::{Event, Parser};
pub use pooled::{Interpolation, PooledForm, PooledPayload};
pub use raster::{MAX_PALETTE, RasterForm, RasterSteps};
pub use reader::Reader;
pub use records::{
    Announced, FORM_BITS, Form, Frame, HAS_REFERENCES, Measured, QUALITY_STEPS, WaveletForm,
    WeightsReference,
};
pub use reference_frames::ReferenceFrames;
pub use references::{BandWeights, LowWeights, MAX_REFERENCES, References};
pub use slab::{Slab, slowest};
pub use stream::ChunkStream;
pub use writer::Writer;
pub use written::{FrameId, WrittenFrames};

#[cfg(test)]
mod tests;
