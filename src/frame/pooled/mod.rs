//! The paper's own way (the pooled form; profile `paper`): boxes of an octree, each downscaled by mean
//! pooling as far as the error allows, stitched into a representative volume, which a general compressor
//! codes; upscaled together by interpolation or by networks.

mod coded;
mod decode;
mod encode;
mod encoder;
mod payload;
mod reduce;
mod resample;
mod stored;
mod upscale;

pub use decode::check_pooled;

pub(crate) use decode::{PooledFrame, grid_of_level, octree_of, sampling};
pub(crate) use encode::encode;
pub(crate) use encoder::PooledEncoder;
