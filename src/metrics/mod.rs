//! How far a reconstructed field is from the original: PSNR, SSIM and largest errors; how its errors
//! are spread.
//!
//! All types are compared in double precision. Work is spread over the threads of the current rayon
//! pool, but sums are taken over fixed blocks in a fixed order, so no result depends on their number.

mod compare;
mod histogram;
mod moments;
mod report;
mod seam;
mod ssim;

pub use compare::{Comparer, Comparison, compare};
pub use histogram::{Histogram, error_histogram};
pub use moments::Moments;
pub use report::EvalReport;
pub use seam::seam_profile;
pub use ssim::ssim;
