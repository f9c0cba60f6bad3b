//! `srt`: an error-bounded codec and file format for scientific volumes.

pub mod backend;
pub mod error;
pub mod grid;
pub mod limits;
pub mod network;
pub mod volume;

pub use error::{Error, ErrorKind, Result};
pub use grid::{Axes, Region, Shape};
pub use limits::Limits;
pub use volume::Volume;
