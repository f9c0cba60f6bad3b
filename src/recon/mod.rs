//! Multiresolution super resolution (paper section 4.3): from the coarsest level down, predict the
//! details of each level, correct them by the stored residuals, upscale by the inverse wavelet.
//!
//! The encoder's closed loop and the decoder run this same code.

mod bricks;
mod device;
mod levels;
mod sweep;
mod window;

pub use bricks::{Brick, BrickGrid, Partition, Source};
pub use device::LevelPieces;
pub use levels::{
    Base, Coefficients, Dequantiser, NoPrediction, Predict, Synthesis, add_residuals,
};
pub(crate) use levels::{band_regions, crop_details, grids_of, or_zeros, upscale};
pub use sweep::AddResiduals;
pub use window::{LevelWindow, Window};
