//! The multiresolution transform: CDF 9/7 and Haar by lifting, one level at a time, for any size.
//!
//! A level splits a grid into one low-pass and up to seven detail subbands. Along an axis of length
//! `n` the low-pass has `ceil(n / 2)` samples and the high-pass `floor(n / 2)`. Scaling is
//! orthonormal, so squared errors of coefficients add up to squared errors of voxels (exactly for
//! Haar, nearly for 9/7). Arithmetic: spec section 6.2; equal for every thread count.

mod axis;
mod cosines;
mod dequantise;
mod extension;
mod level;
mod lift;
mod plan;

pub use axis::AxisPlan;
pub use dequantise::Dequantiser;
pub use extension::Extension;
pub use level::{Bands, forward, inverse};
pub use lift::Wavelet;
pub use plan::{LevelPlan, Plan, SubbandCode};

#[cfg(test)]
mod tests;
