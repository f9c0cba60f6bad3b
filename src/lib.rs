//! `srt`: an error-bounded codec and file format for scientific volumes.

pub mod backend;
#[cfg(feature = "cli")]
pub mod cli;
pub mod codec;
pub mod container;
pub mod error;
pub mod file;
pub mod grid;
pub mod limits;
pub mod metrics;
pub mod network;
pub mod octree;
#[cfg(feature = "cli")]
pub mod picture;
pub mod pipeline;
pub mod real;
pub mod recon;
pub mod transform;
pub mod volume;

pub use error::{Error, ErrorKind, Result};
pub use grid::{Axes, Region, Shape};
pub use limits::Limits;
pub use volume::Volume;
