//! What everything stands on: errors, limits, grids, numbers, bytes of files.

pub mod error;
pub mod file;
pub mod grid;
pub mod limits;
pub mod real;

pub use error::{Error, ErrorKind, Result};
pub use grid::{Axes, Region, Shape};
pub use limits::Limits;
