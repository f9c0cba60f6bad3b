//! Multiresolution super resolution (paper section 4.3): from the coarsest level down, predict the
//! details of each level, correct them by the stored residuals, upscale by the inverse wavelet.
//!
//! The encoder's closed loop and the decoder run this same code.

mod bricks;
mod levels;

pub use bricks::{Brick, BrickGrid, Partition, Source};
pub use levels::{Coefficients, Dequantiser, NoPrediction, Predict, add_residuals, reconstruct};
pub(crate) use levels::{band_dims, zeros};
