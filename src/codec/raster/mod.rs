//! Codec `raster`: the values of a brick, predicted voxel by voxel in raster order from those that are decoded already, the
//! rest quantised and coded by contexts. Format: `spec/codecs/raster.md`.
//!
//! [`predict`] says what a voxel is expected to be, [`rows`] and [`planes`] keep what that takes of the rows before,
//! [`walk`] goes over a brick for both directions, [`encode`](encode()) and [`decode`](decode()) are what they do at a voxel.

mod contexts;
mod decode;
mod encode;
mod fit;
mod model;
mod planes;
mod predict;
mod quantiser;
mod rows;
mod walk;

pub use decode::decode;
pub use encode::{Demand, encode};
pub use predict::{LinearCoefficients, NEIGHBOURS_3D, RasterPrediction, neighbours};
pub use quantiser::{MAX_TOP, Quantum};

/// Largest magnitude of a quantised difference; binary32 holds it exactly.
pub const MAX_DIFFERENCE: i32 = (1 << 24) - 1;

#[cfg(test)]
mod tests;
