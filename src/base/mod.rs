//! What everything stands on: errors, limits, grids, sample types, numbers, bytes of files.

pub mod dtype;
pub mod error;
pub mod file;
pub mod grid;
mod integer;
pub mod limits;
pub mod real;
pub mod source;

pub use dtype::{Dtype, Element};
pub use error::{Error, ErrorKind, Result};
pub use grid::{Axes, Region, Shape};
pub use limits::Limits;
