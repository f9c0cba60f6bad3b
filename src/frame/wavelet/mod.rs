//! Frames of the wavelet form: details beside their prediction.

pub(crate) mod analysis;
pub(crate) mod bricks;
mod crop;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod gains;
mod grids;
pub(crate) mod integers;
mod judgement;
mod magnitudes;
pub(crate) mod memory;
mod on_device;
pub(crate) mod pass;
mod periodic;
pub(crate) mod predictor;
pub(crate) mod probation;
pub(crate) mod quality;
pub(crate) mod quantise;
pub(crate) mod samples;
pub(crate) mod search;
pub(crate) mod stored;
pub(crate) mod trial;
