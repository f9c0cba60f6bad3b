//! Fields and time steps to files and back.

mod arriving;
mod decoder;
mod encode_volume;
mod encoder;
mod merge;
pub(crate) mod options;
mod slabs;
mod statistics;
mod stored_weights;
mod stream_decoder;
pub(crate) mod weights;

pub use crate::codec::worker::{Worker, locate as locate_worker};
pub use crate::frame::{
    Downscaling, LevelField, PaperOptions, PaperPayload, Progress, Trials, Upscaling, check_pooled,
    code_at_step,
};
pub use crate::transform::Wavelet;
pub use decoder::{Decoder, Levels};
pub use encode_volume::{EncodeReport, encode_volume};
pub use encoder::{Encoder, FileReport, FrameReport};
pub use merge::merge;
pub use options::{EmbedWeights, EncodeOptions, Model, Profile, Release};
pub use statistics::measure;
pub use stream_decoder::StreamDecoder;

use crate::base::error::{Error, ErrorKind, Result};

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
