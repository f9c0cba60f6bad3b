//! Payload codecs: bytes to and from the coefficients or values of one brick, and the side channels
//! of a frame.

mod bits;
pub mod corrections;
pub mod ctx;
pub mod lossless;
pub mod mask;
pub mod quantised;
pub mod raster;
pub mod worker;
