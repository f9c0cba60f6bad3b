//! Fields that arrive on standard input, on their way out.

use crate::output::FieldFile;
use srt::{Error, Result, Shape};
use srt_program::Destination;

/// Where decoded fields go.
pub(super) struct Output<'a> {
    pub(super) destination: &'a Destination,
    /// A complete field that does not have its name yet.
    file: Option<FieldFile>,
    has_fields: bool,
    /// A field that arrives slab by slab.
    pub(super) open: Option<OpenField>,
}

/// A field of which some slabs have been written.
pub(super) struct OpenField {
    /// Field and time step.
    pub(super) place: (u64, u64),
    pub(super) file: FieldFile,
    /// Grid of the field.
    pub(super) grid: Shape,
    /// The plane that comes next.
    pub(super) next: u64,
}

impl<'a> Output<'a> {
    pub(super) fn to(destination: &'a Destination) -> Self {
        Self {
            destination,
            file: None,
            has_fields: false,
            open: None,
        }
    }

    /// Whether a complete field went out.
    pub(super) fn has_fields(&self) -> bool {
        self.has_fields
    }

    /// Whether no further field may come: a file takes one.
    pub(super) fn is_full(&self) -> bool {
        self.has_fields && !self.destination.is_stdout()
    }

    /// Whether the field that arrives slab by slab is that of this place.
    pub(super) fn continues(&self, place: (u64, u64)) -> bool {
        self.open.as_ref().is_some_and(|open| open.place == place)
    }

    /// Takes a complete field; on standard output it goes out at once.
    pub(super) fn take(&mut self, file: FieldFile) -> Result<()> {
        self.has_fields = true;
        if self.destination.is_stdout() {
            return file.commit();
        }
        self.file = Some(file);
        Ok(())
    }

    /// Nothing more comes of the field that arrives slab by slab.
    ///
    /// # Errors
    /// `InvalidArgument` when planes of it are missing.
    pub(super) fn end_field(&mut self) -> Result<()> {
        match self.open.take() {
            None => Ok(()),
            Some(open) => Err(missing_planes(open.next)),
        }
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        self.file.take().map_or(Ok(()), FieldFile::commit)
    }
}

/// The planes of a field up to `next` are there, the others are not.
pub(super) fn missing_planes(next: u64) -> Error {
    Error::invalid(format!(
        "planes from {next} of the field are missing: the file is a part, to be merged with others"
    ))
}
