//! Decoded fields as files.

use std::io::BufWriter;
use std::path::Path;

use srt::{
    AnyVolume, Dtype, Error, FieldFormat, Result, Shape, dtype_dispatch, write_array_header,
    write_samples,
};
use srt_program::{Destination, OutputFile};

/// A decoded field on its way to a file: raw if the name ends in `.raw`, else `.npy`.
pub(crate) struct FieldFile {
    file: BufWriter<OutputFile>,
}

impl FieldFile {
    /// Starts a field of `shape`; its values follow by [`FieldFile::push`].
    pub(crate) fn create(destination: &Destination, shape: Shape, dtype: Dtype) -> Result<Self> {
        Self::of_extents(destination, shape.extents(), dtype)
    }

    /// Starts an array of so many fields of `shape`, one behind the other.
    pub(crate) fn of_steps(
        destination: &Destination,
        steps: usize,
        shape: Shape,
        dtype: Dtype,
    ) -> Result<Self> {
        Self::of_extents(destination, &[&[steps], shape.extents()].concat(), dtype)
    }

    fn of_extents(destination: &Destination, extents: &[usize], dtype: Dtype) -> Result<Self> {
        let format = field_format(destination.path())?;
        let mut file = BufWriter::new(destination.create()?);
        write_array_header(&mut file, format, extents, dtype)?;
        Ok(Self { file })
    }

    /// Writes the next values.
    pub(crate) fn push(&mut self, volume: &AnyVolume) -> Result<()> {
        dtype_dispatch!(volume, AnyVolume(v) => write_samples(&mut self.file, v.data()))
    }

    /// The file appears under its name.
    pub(crate) fn commit(self) -> Result<()> {
        let file = self.file.into_inner();
        file.map_err(std::io::IntoInnerError::into_error)?.commit()
    }
}

/// How a field of that name is laid out.
///
/// # Errors
/// `InvalidArgument` for a name that does not tell.
pub(crate) fn field_format(path: &Path) -> Result<FieldFormat> {
    match path.extension() {
        Some(e) if e == "raw" => Ok(FieldFormat::Raw),
        Some(e) if e == "npy" => Ok(FieldFormat::Npy),
        _ if path.as_os_str() == "-" => Ok(FieldFormat::Npy),
        _ => Err(Error::invalid(format!(
            "a name ending in .npy or .raw expected, {} found: srt-export writes other formats",
            path.display()
        ))),
    }
}

/// Writes a decoded field: raw if the name ends in `.raw`, else `.npy`.
pub(crate) fn write_volume(destination: &Destination, volume: &AnyVolume) -> Result<()> {
    let mut file = FieldFile::create(destination, volume.shape(), volume.dtype())?;
    file.push(volume)?;
    file.commit()
}
