//! Fields to frames and back: the only place that knows every part.

mod analysis;
mod arriving;
mod cache;
mod decode_device;
mod decode_frame;
mod decoder;
mod encode_frame;
mod encode_volume;
mod encoder;
mod file_weights;
mod fill;
mod frame;
mod frame_chunks;
mod gains;
mod geometry;
mod integers;
mod merge;
mod options;
mod outline;
mod pass;
mod places;
mod pooled;
mod predict;
mod quality;
mod quantise;
mod queue;
mod sample;
mod search;
mod slabs;
mod solve;
mod statistics;
mod stream_decoder;
mod weights;

pub use decoder::{Decoder, Levels};
pub use encode_volume::{EncodeReport, encode_volume};
pub use encoder::{Encoder, FileReport, FrameReport};
pub use merge::merge;
pub use options::{EmbedWeights, EncodeOptions, Model, Profile, Release};
pub use pass::code_at_step;
pub use pooled::{Downscaling, PaperOptions, PaperPayload, Trials, Upscaling, check_pooled};
pub use quality::LevelField;
pub use sample::Sample;
pub use search::Progress;
pub use statistics::measure;
pub use stream_decoder::StreamDecoder;

pub use crate::codec::worker::{Worker, locate as locate_worker};
pub use crate::transform::Wavelet;

use crate::error::{Error, ErrorKind, Result};

/// A pool of `threads` threads, or of all cores.
///
/// # Errors
/// `InvalidArgument` for 0 threads, `Io` when they cannot be started.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    if threads == Some(0) {
        return Err(Error::invalid("at least one thread expected, 0 found"));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .map_err(|e| Error::new(ErrorKind::Io, e.to_string()))
}
