//! What commands print, and where fields go.

mod field_file;
mod overwrite;
mod print;
mod spinner;

pub(crate) use field_file::{FieldFile, write_volume};
pub(crate) use overwrite::overwrite;
pub(crate) use print::{print_json, print_line};
pub(crate) use spinner::Spinner;
