//! Multiresolution super resolution (paper section 4.3): from the coarsest level down, predict the
//! details of each level, correct them, upscale by the inverse wavelet.
//!
//! One loop ([`walk`]) goes over the levels. What a level does with its details is a step given to it
//! ([`LevelStep`]): the decoder adds stored residuals, the encoder quantises its own and adds them back.
//! Where a level's grid lies is its storage ([`GridStorage`]): whole, layer by layer, or on a device.
//!
//! | module | job |
//! |---|---|
//! | `levels` | the loop, what a step is given, where grids may lie |
//! | `whole` | the whole of each grid in memory |
//! | `layers` | large levels layer by layer |
//! | `device` | on a device |
//! | `residuals` | stored integers to details |
//! | `predict` | networks as predictors of details |
//! | `past` | earlier frames as predictors of details |
//! | `bricks` | coefficients to bricks |
//! | `window` | what a box of the field needs of each level |

mod bricks;
mod device;
mod layers;
mod levels;
mod past;
mod predict;
mod residuals;
#[cfg(test)]
pub(crate) mod testing;
mod whole;
mod window;

pub use bricks::{Brick, BrickGrid, Partition, Subbands};
pub(crate) use bricks::{LINE_BRICK_EDGE, check_brick_edge};
pub use device::{DeviceOrHost, GridsOnDevice, LevelPieces};
pub use layers::{LayeredGrids, Sink};
pub use levels::{GridStorage, LevelLoop, LevelStep, LevelTask, Synthesis, walk};
pub(crate) use levels::{crop_details, upscale};
pub use past::{BandBoxes, HeldBands, Past, PastWeights};
pub use predict::{LevelPart, Networks, Predictor};
pub use residuals::{
    Accumulate, AddResiduals, BandsAlone, Coefficients, HeldCoefficients, ResidualSource,
    Residuals, TakeGrids,
};
pub(crate) use residuals::{band_regions, grids_of, or_zeros};
pub use whole::WholeGrids;
pub use window::{LevelWindow, Window};
