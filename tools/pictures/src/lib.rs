//! Pictures of fields, PNG panels of a slice before and after coding, and charts.

mod canvas;
pub mod chart;
mod colormap;
mod panel;
mod scale;
mod slices;

pub use canvas::{Canvas, Rgb};
pub use colormap::Colormap;
pub use panel::{PanelOptions, slice_panel};
pub use scale::Scale;
pub use slices::{Slices, slices};
