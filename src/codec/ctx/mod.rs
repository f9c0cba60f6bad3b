//! Codec `ctx`: quantised coefficients of one brick through an adaptive binary range coder whose
//! contexts are the energy and the signs of causal neighbours. Format: `spec/codecs/ctx.md`.

mod brick;
mod census;
mod contexts;
mod cost;
mod lengths;
mod model;
mod quantise;
mod range;
mod scan;
mod start;

pub use brick::{BrickDecoder, BrickEncoder};
pub use census::{Census, Count};
pub use model::Bit;
pub use quantise::{BlockCost, BrickQuantiser, Quantiser};
pub use range::{RangeDecoder, RangeEncoder};
pub use scan::{BLOCK, BandLayout, GridLayout};

/// Largest magnitude of a quantised coefficient; binary32 holds it exactly.
pub const MAX_MAGNITUDE: i32 = (1 << 24) - 1;

#[cfg(test)]
mod tests;
