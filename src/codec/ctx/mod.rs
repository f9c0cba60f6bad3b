//! Codec `ctx`: quantised coefficients of one brick through an adaptive binary range coder whose
//! contexts are the energy and the signs of causal neighbours. Format: `spec/codecs/ctx.md`.

mod brick;
mod cost;
mod model;
mod quantise;
mod range;
mod scan;
mod start;

pub use brick::{decode, encode};
pub use model::{Bit, Model};
pub use quantise::{BlockCost, Quantiser, quantise};
pub use range::{RangeDecoder, RangeEncoder};
pub use scan::{BLOCK, BandLayout, BrickLayout};

/// Largest magnitude of a quantised coefficient; binary32 holds it exactly.
pub const MAX_MAGNITUDE: i32 = (1 << 24) - 1;

#[cfg(test)]
mod tests;
