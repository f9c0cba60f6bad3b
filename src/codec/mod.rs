//! Payload codecs: bytes to and from the coefficients of one brick.

pub mod ctx;
