//! The paper's own way (profile `paper`, form 3 of a frame): boxes of an octree, each downscaled by mean
//! pooling as far as the error allows, stitched into a representative volume, which a general compressor
//! codes; upscaled together by interpolation or by networks.

mod decode;
mod encode;
mod payload;
mod reduce;
mod resample;
mod stored;
mod upscale;

pub use decode::check_pooled;

pub(crate) use decode::{Pooled, grid_of_level, octree_of};
pub(crate) use encode::{Job, encode};
