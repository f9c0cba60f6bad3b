//! How far a reconstructed field is from the original: PSNR, SSIM and largest errors.
//!
//! All types are compared in double precision. Work is spread over the threads of the current rayon
//! pool, but sums are taken over fixed blocks in a fixed order, so no result depends on their number.

mod compare;
mod report;
mod ssim;

pub use compare::{Comparer, Comparison, compare};
pub use report::EvalReport;
pub use ssim::ssim;
