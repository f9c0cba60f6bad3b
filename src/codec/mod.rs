//! Payload codecs: bytes to and from the coefficients or values of one brick, and the side channels
//! of a frame.

pub mod ctx;
pub mod lossless;
