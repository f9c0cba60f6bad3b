//! Fields to frames and back: the only place that knows every part.

pub mod fill;
pub mod quantise;
