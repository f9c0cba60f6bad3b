//! A small file in its long and in its compact form (spec section 5.1).

use crate::base::error::{Error, Result};
use crate::base::limits::Limits;
use crate::container::chunk::ChunkType;
use crate::container::compact::{MAX_EXPANDED, chunks, is_compact, too_long};
use crate::container::header::FileHeader;
use crate::container::parser::{Event, Parser};
use crate::container::writer::Writer;

/// The compact form of a file; the file itself where it has none: it is long, or not one that [`Writer`] writes.
///
/// ```
/// use srt::container::{ChunkType, Writer, compact, expand};
///
/// let mut writer = Writer::new(Vec::new());
/// writer.chunk(ChunkType::DSET, 0, &[2, 1, 1, 0])?;
/// let (file, _) = writer.finish()?;
/// let small = compact(file.clone());
/// assert!(2 * small.len() < file.len());
/// assert_eq!(expand(&small)?, Some(file));
/// # Ok::<(), srt::Error>(())
/// ```
#[must_use]
pub fn compact(file: Vec<u8>) -> Vec<u8> {
    if file.len() > MAX_EXPANDED {
        return file;
    }
    shortened(&file).unwrap_or(file)
}

/// The compact form of a file whose header is that of this version.
///
/// # Errors
/// Those of a file that is none.
fn shortened(file: &[u8]) -> Result<Vec<u8>> {
    let mut parser = Parser::new(Limits::default());
    let mut writer = Writer::compact(Vec::new());
    let mut rest = file;
    loop {
        let (event, taken) = parser.feed(rest)?;
        match event {
            Event::Header(header) if header == FileHeader::current() => {}
            Event::Chunk {
                header, payload, ..
            } => {
                if header.kind != ChunkType::INDX {
                    writer.chunk(header.kind, header.part, payload)?;
                }
            }
            Event::End if rest.len() == taken => return Ok(writer.finish()?.0),
            Event::Header(_) | Event::End | Event::NeedBytes(_) => {
                return Err(Error::invalid("a whole file of this version expected"));
            }
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
}

/// The long form of a compact file; `None` for a file that is not compact.
///
/// # Errors
/// `Truncated` when the file ends early, `Corrupt` when it is damaged or no compact file, `Unsupported` for one of a
/// newer version.
pub fn expand(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    if !is_compact(bytes) {
        return Ok(None);
    }
    let mut writer = Writer::new(Vec::new());
    for (kind, part, payload) in chunks(bytes)? {
        writer.chunk(kind, part, &payload)?;
    }
    let (file, len) = writer.finish()?;
    if len > MAX_EXPANDED as u64 {
        return Err(too_long());
    }
    Ok(Some(file))
}

#[cfg(test)]
mod tests;
