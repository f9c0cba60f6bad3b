//! Pictures of fields: PNG panels of a slice before and after coding.

mod canvas;
mod colormap;
mod font;
mod panel;
mod scale;

pub use colormap::Colormap;
pub use panel::{PanelOptions, slice_panel};
