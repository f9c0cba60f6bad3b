//! Decoded fields as files.

use std::io::BufWriter;
use std::path::Path;

use super::overwrite::overwrite;
use srt::{
    AnyVolume, AtomicFile, Dtype, Error, FieldFormat, Result, Shape, dtype_dispatch, write_header,
    write_samples,
};

/// A decoded field on its way to a file: raw if the name ends in `.raw`, else `.npy`.
pub(crate) struct FieldFile {
    file: BufWriter<AtomicFile>,
}

impl FieldFile {
    /// Starts a field of `shape`; its values follow by [`FieldFile::push`].
    pub(crate) fn create(path: &Path, force: bool, shape: Shape, dtype: Dtype) -> Result<Self> {
        let format = match path.extension() {
            Some(e) if e == "raw" => FieldFormat::Raw,
            Some(e) if e == "npy" => FieldFormat::Npy,
            _ if path.as_os_str() == "-" => FieldFormat::Npy,
            _ => {
                return Err(Error::invalid(format!(
                    "a name ending in .npy or .raw expected, {} found",
                    path.display()
                )));
            }
        };
        let mut file = BufWriter::new(AtomicFile::create(path, overwrite(force))?);
        write_header(&mut file, format, shape, dtype)?;
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

/// Writes a decoded field: raw if the name ends in `.raw`, else `.npy`.
pub(crate) fn write_volume(path: &Path, force: bool, volume: &AnyVolume) -> Result<()> {
    let mut file = FieldFile::create(path, force, volume.shape(), volume.dtype())?;
    file.push(volume)?;
    file.commit()
}
