//! One field at one time step, to chunks and back.

pub(crate) mod band_cache;
pub(crate) mod box_edges;
mod bricks;
pub(crate) mod cache;
pub(crate) mod chunks;
pub(crate) mod coded;
mod constant;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod encoded;
mod fill;
pub(crate) mod goal;
pub(crate) mod judge;
pub(crate) mod layout;
pub(crate) mod lossless;
pub(crate) mod networks;
pub(crate) mod original;
pub(crate) mod pooled;
pub(crate) mod queue;
pub(crate) mod raster;
pub(crate) mod sample;
pub(crate) mod sampling;
mod thinned;
pub(crate) mod wavelet;

pub use judge::Verdict;
pub use layout::FrameLayout;
pub use lossless::LOSSLESS_PART;
pub use pooled::check_pooled;
pub use raster::RasterBricks;
pub use wavelet::pass::code_at_step;
pub use wavelet::quality::LevelField;
