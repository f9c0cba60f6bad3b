//! How far a reconstructed field is from the original: PSNR, SSIM and largest errors; how its errors
//! are spread.
//!
//! All types are compared in double precision. Work is spread over the threads of the current rayon
//! pool, but sums are taken over fixed blocks in a fixed order, so no result depends on their number.

mod compare;
mod comparer;
mod comparison;
mod extremes;
mod histogram;
mod moments;
mod report;
mod seam;
mod squares;
mod ssim;
mod ssim_comparer;

pub use compare::compare;
pub use comparer::Comparer;
pub use comparison::Comparison;
pub(crate) use extremes::finite_range;
pub use histogram::{Histogram, error_histogram};
pub use moments::Moments;
pub use report::EvalReport;
pub use seam::seam_profile;
pub use ssim::ssim;
pub use ssim_comparer::SsimComparer;
