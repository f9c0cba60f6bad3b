//! Fields in files: `.npy` and raw, read through a memory map where possible, written atomically.
//!
//! [`Input`] opens a field without copying it when the file already holds what the machine computes
//! with; [`AtomicFile`] writes one so that a reader never sees half of it.

mod cast;
mod input;
mod layout;
mod npy;
mod open;
mod output;
mod steps;
mod stream;
#[cfg(test)]
mod tests;

pub use input::Input;
pub use output::{
    AtomicFile, FieldFormat, Overwrite, write_array_header, write_field, write_header, write_npy,
    write_raw, write_samples,
};
pub use stream::FieldStream;
