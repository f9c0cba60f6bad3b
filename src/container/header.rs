//! The file header: 24 bytes, fixed for all versions (spec section 2).

use crate::base::error::{Error, Result};
use crate::container::bytes::Cursor;

/// First bytes of every file. `0x89` is not ASCII, the line ends show transfers that rewrite them.
pub const MAGIC: [u8; 8] = *b"\x89SRT\r\n\x1a\n";
/// Version this crate writes: major, minor.
pub const VERSION: (u16, u16) = (0, 3);
/// Length of the header in bytes.
pub const HEADER_LEN: usize = 24;
/// Required features this reader knows: none yet.
const KNOWN_REQUIRED: u32 = 0;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Major and minor version of the file.
    pub version: (u16, u16),
    /// Features a reader must know.
    pub required: u32,
    /// Features a reader may ignore.
    pub optional: u32,
}

impl FileHeader {
    /// The header this crate writes.
    #[must_use]
    pub fn current() -> Self {
        Self {
            version: VERSION,
            required: 0,
            optional: 0,
        }
    }

    /// Serialises the header.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(self.version.0.to_le_bytes());
        out.extend(self.version.1.to_le_bytes());
        out.extend(self.required.to_le_bytes());
        out.extend(self.optional.to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend(crc.to_le_bytes());
        out
    }

    /// Reads and checks a header: damage first, then novelty.
    ///
    /// # Errors
    /// `Corrupt` for anything that is not a header, `Unsupported` for a newer major version or an
    /// unknown required feature.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self> {
        let header = Self::parse_any(bytes)?;
        Self::check_version(header.version)?;
        if header.required & !KNOWN_REQUIRED != 0 {
            return Err(Error::unsupported(format!(
                "unknown required features {:#x}",
                header.required & !KNOWN_REQUIRED
            )));
        }
        Ok(header)
    }

    /// Whether this reader knows files of that version: major, minor.
    ///
    /// # Errors
    /// `Unsupported` for a newer major version, and for any other draft.
    pub(super) fn check_version(version: (u16, u16)) -> Result<()> {
        if version.0 > VERSION.0 {
            return Err(Error::unsupported(format!(
                "format version {}.{} found, this reader knows versions up to {}.x",
                version.0, version.1, VERSION.0
            )));
        }
        if VERSION.0 == 0 && version != VERSION {
            return Err(Error::unsupported(format!(
                "draft format version {}.{} found, this reader knows {}.{} (drafts promise nothing)",
                version.0, version.1, VERSION.0, VERSION.1
            )));
        }
        Ok(())
    }

    /// Reads a header of any version, for inspection.
    ///
    /// # Errors
    /// `Corrupt` for anything that is not a header.
    pub fn parse_any(bytes: &[u8; HEADER_LEN]) -> Result<Self> {
        let mut f = Cursor::new(bytes, 0);
        let magic: [u8; 8] = f.array("magic")?;
        if magic != MAGIC {
            return Err(Error::corrupt(
                "not an .srt file: the first eight bytes are not its magic",
            )
            .at(0));
        }
        let version = (f.u16("major version")?, f.u16("minor version")?);
        let required = f.u32("required features")?;
        let optional = f.u32("optional features")?;
        let stored = f.u32("header crc")?;
        let [covered @ .., _, _, _, _] = bytes;
        let computed = crc32fast::hash(covered);
        if stored != computed {
            return Err(Error::corrupt(format!(
                "file header crc {computed:#010x} expected, {stored:#010x} found"
            ))
            .at(20));
        }
        Ok(Self {
            version,
            required,
            optional,
        })
    }
}
