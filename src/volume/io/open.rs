//! A field by its path, whatever lies there: a file that can be mapped, or a pipe or a device that is read.

use std::fs::{self, File};
use std::path::Path;

use crate::base::dtype::Dtype;
use crate::base::error::Result;
use crate::base::file::FileBytes;
use crate::base::grid::Shape;
use crate::base::limits::Limits;
use crate::volume::io::input::{Input, is_npy, raw_layout};

impl Input {
    /// Opens a field, as `.npy` if the file starts as one (its name does not matter), else as raw.
    ///
    /// A raw file needs both `shape` and `dtype`; for `.npy` they may be left out, and where given
    /// must agree with the header.
    ///
    /// # Errors
    /// `InvalidArgument` when `shape` or `dtype` is missing or contradicts the file, else as
    /// [`Input::open_npy`] and [`Input::open_raw`].
    pub fn open(
        path: impl AsRef<Path>,
        shape: Option<Shape>,
        dtype: Option<Dtype>,
    ) -> Result<Self> {
        let path = path.as_ref();
        let open = || {
            if let Some(file) = open_stream(path)? {
                return Self::from_reader(file, shape, dtype, &Limits::default());
            }
            Self::from_file(FileBytes::load(path)?, shape, dtype)
        };
        open().map_err(|e| e.within(path.display()))
    }

    /// A field in the bytes of a file, as [`Input::open`] has it.
    pub(super) fn from_file(
        bytes: FileBytes,
        shape: Option<Shape>,
        dtype: Option<Dtype>,
    ) -> Result<Self> {
        if is_npy(bytes.bytes()) {
            Self::from_npy(bytes)?.agreeing(shape, dtype)
        } else {
            Self::from_raw(bytes, raw_layout(shape, dtype)?)
        }
    }
}

/// A pipe or a device, which may have no end: it is read as far as its field goes. `None` for what can be mapped.
pub(super) fn open_stream(path: &Path) -> Result<Option<File>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() || metadata.is_dir() {
        return Ok(None);
    }
    Ok(Some(File::open(path)?))
}
