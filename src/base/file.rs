//! Whole files as bytes: mapped where that is possible, read into memory otherwise.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::Read;
use std::path::Path;

use memmap2::Mmap;

use crate::base::error::{Error, Result};

/// The bytes of a file.
///
/// Regular files are mapped, not loaded; they must not be shortened while the value lives. Pipes and
/// devices are read into memory.
#[derive(Debug)]
pub struct FileBytes(Backing);

#[derive(Debug)]
enum Backing {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl FileBytes {
    /// Opens a file.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::load(path).map_err(|e| e.within(path.display()))
    }

    /// As [`FileBytes::open`]; errors do not name the file.
    ///
    /// # Errors
    /// `Io`.
    pub fn load(path: &Path) -> Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(Error::invalid("a file expected, a directory found"));
        }
        // An empty file cannot be mapped.
        if metadata.is_file() && metadata.len() > 0 {
            // SAFETY: the map is private to this value and only ever read. What cannot be checked is
            // that no other process shortens or rewrites the file meanwhile; this program replaces
            // files by rename, which leaves mapped contents alone, and the documentation asks the
            // same of others. Sizes are taken from the map itself, so no read of ours passes its end.
            let map = unsafe { Mmap::map(&file)? };
            return Ok(Self(Backing::Mapped(map)));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Backing::Mapped(map) => map,
            Backing::Owned(bytes) => bytes,
        }
    }
}

impl FileBytes {
    /// Says that only parts of the file will be read: the system need not read ahead. A hint that may do
    /// nothing.
    pub fn expect_parts(&self) {
        #[cfg(unix)]
        if let Backing::Mapped(map) = &self.0 {
            let _ = map.advise(memmap2::Advice::Random);
        }
    }

    /// Lets go of the pages that hold `bytes`; reading them again brings them back. Only where the file
    /// is mapped, on Unix; a hint that may do nothing.
    pub fn release(&self, bytes: std::ops::Range<usize>) {
        #[cfg(unix)]
        if let Backing::Mapped(map) = &self.0
            && bytes.start < bytes.end
            && bytes.end <= map.len()
        {
            let advice = memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: the map is shared and read-only, so its pages hold nothing but the file's bytes and
            // come back from the file when they are read; the range lies inside the map.
            let _ = unsafe { map.unchecked_advise_range(advice, bytes.start, bytes.len()) };
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Backing::Owned(bytes))
    }
}
