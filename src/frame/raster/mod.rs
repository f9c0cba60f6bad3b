//! Frames of the raster form: voxels predicted from those before them, in bricks that know nothing of each other.

pub(crate) mod candidates;
pub(crate) mod coarse_palette;
pub(crate) mod encode;
pub(crate) mod palette;
mod stored;

pub use stored::RasterBricks;
