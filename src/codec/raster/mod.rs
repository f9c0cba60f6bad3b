//! Codec `raster`: the values of a brick, predicted voxel by voxel in raster order from those that are decoded already, the
//! rest quantised and coded by contexts. Format: `spec/codecs/raster.md`.
//!
//! [`predict`] says what a voxel is expected to be, [`rows`] and [`planes`] keep what that takes of the rows before,
//! [`walk`] goes over a brick for both directions, [`encode`](encode()) and [`decode`](decode()) are what they do at a voxel.
//! Values that are kept as they are differ in slots instead of steps: [`slots`] says which, [`exact`] codes them, and
//! [`tails`] holds what is not modelled.

mod contexts;
mod decode;
mod difference;
mod encode;
mod exact;
mod fit;
mod line;
mod model;
mod planes;
mod predict;
mod quantiser;
mod rows;
mod slots;
mod tails;
mod walk;

pub use decode::decode;
pub use encode::{Demand, encode};
pub use exact::{decode_exact, encode_exact};
pub use predict::{LinearCoefficients, NEIGHBOURS_3D, RasterPrediction, neighbours};
pub use quantiser::{MAX_TOP, Quantum, WHOLE_STEP};
pub use slots::Slots;

/// Largest magnitude of a quantised difference; binary32 holds it exactly.
pub const MAX_DIFFERENCE: i32 = (1 << 24) - 1;

#[cfg(test)]
mod tests;
