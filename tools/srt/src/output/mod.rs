//! What commands print, and where fields go.

mod field_file;
mod overwrite;
mod spinner;

pub(crate) use field_file::{FieldFile, field_format, write_volume};
pub(crate) use overwrite::overwrite;
pub(crate) use spinner::Spinner;
