//! Fields and time steps to files and back.

mod arriving;
mod decoder;
mod encode_volume;
mod encoder;
mod merge;
mod slabs;
mod statistics;
mod stored_weights;
mod stream_decoder;
pub(crate) mod weights;

pub use crate::codec::worker::{Worker, locate as locate_worker};
pub use crate::frame::{LevelField, check_pooled, code_at_step};
pub use crate::options::{
    Coding, Downscaling, EmbedWeights, EncodeOptions, Model, Names, Observer, PooledCoder,
    PooledOptions, Profile, Progress, Resources, Trials, Upscaling, pool,
};
pub use crate::transform::Wavelet;
pub use decoder::{Decoder, Levels};
pub use encode_volume::{EncodeReport, encode_volume};
pub use encoder::{Encoder, FileReport, FrameReport};
pub use merge::merge;
pub use statistics::measure;
pub use stream_decoder::StreamDecoder;
