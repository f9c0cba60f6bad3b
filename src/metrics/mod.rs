//! How far a reconstructed field is from the original: PSNR, SSIM and largest errors; how its errors
//! are spread, and its power spectrum.
//!
//! All types are compared in double precision. Work is spread over the threads of the current rayon
//! pool, but sums are taken over fixed blocks in a fixed order, so no result depends on their number.

mod compare;
mod histogram;
mod moments;
mod report;
mod seam;
#[cfg(feature = "spectrum")]
mod spectrum;
mod ssim;

pub use compare::{Comparer, Comparison, compare};
pub use histogram::{Histogram, error_histogram};
pub use moments::Moments;
pub use report::EvalReport;
pub use seam::seam_profile;
#[cfg(feature = "spectrum")]
pub use spectrum::power_spectrum;
pub use ssim::ssim;
