//! Files as bytes.

use std::io::Read;
use std::path::Path;

use srt::{FileBytes, Result};

/// Bytes of a file; `-` is standard input.
pub(crate) fn read_file(path: &Path) -> Result<FileBytes> {
    if path.as_os_str() != "-" {
        return FileBytes::open(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
