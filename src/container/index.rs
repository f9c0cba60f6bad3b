//! The index of chunks and the trailer at the end of a file (spec section 5).

use crate::base::error::{Error, Result};
use crate::container::bytes::{Cursor, Encode};
use crate::container::chunk::{CHUNK_HEADER_LEN, ChunkType};
use crate::container::header::HEADER_LEN;

/// Length of the trailer in bytes.
pub const TRAILER_LEN: usize = 24;
/// Last bytes of every file.
pub const END_MAGIC: [u8; 8] = *b"SRTEND\r\n";
/// Bytes of an entry, about: code, length and part.
const ENTRY: usize = 6;
/// Code of a type that is not in the registry: its letters follow.
const OTHER_TYPE: u8 = 0xFF;

/// One chunk as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Type.
    pub kind: ChunkType,
    /// Brick or network number.
    pub part: u32,
    /// Offset of the chunk header in the file.
    pub offset: u64,
    /// Bytes of payload.
    pub stored_len: u32,
}

impl Entry {
    /// Offset of the payload in the file.
    #[must_use]
    pub fn payload_offset(&self) -> u64 {
        self.offset + CHUNK_HEADER_LEN as u64
    }

    /// Offset of the first byte after the chunk.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.payload_offset() + u64::from(self.stored_len)
    }
}

/// Payload of `INDX`: type, length and part of every chunk before it, in file order.
pub(super) fn encode_index(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ENTRY * entries.len());
    out.put_varint(entries.len() as u64);
    for entry in entries {
        match entry.kind.code() {
            Some(code) => out.push(code),
            None => {
                out.push(OTHER_TYPE);
                out.extend(entry.kind.to_bytes());
            }
        }
        out.put_varint(u64::from(entry.stored_len));
        out.put_varint(u64::from(entry.part));
    }
    out
}

/// Reads an index; offsets follow from the lengths. `end` is where the index chunk itself begins.
///
/// # Errors
/// `Corrupt` when it is not one, or describes other chunks than fit before it.
pub fn parse_index(payload: &[u8], offset: u64, end: u64) -> Result<Vec<Entry>> {
    let mut f = Cursor::new(payload, offset);
    // An entry takes at least three bytes, so the count cannot ask for more memory than it earned.
    let count = f.varint_up_to("chunk count", payload.len() as u64 / 3)?;
    let mut entries = Vec::new();
    let mut offset = HEADER_LEN as u64;
    for _ in 0..count {
        let code = f.u8("chunk type code")?;
        let kind = match ChunkType::KNOWN.get(usize::from(code)) {
            Some(&kind) => kind,
            None if code == OTHER_TYPE => ChunkType::from_bytes(f.array("chunk type")?)?,
            None => return Err(f.corrupt(format!("unknown chunk type code {code}"))),
        };
        if kind == ChunkType::INDX {
            return Err(f.corrupt("an index before the index found"));
        }
        let stored_len = f.varint_up_to("stored length", (1 << 31) - 1)?;
        let part = f.varint_up_to("part", u64::from(u32::MAX))?;
        let entry = Entry {
            kind,
            part: u32::try_from(part).unwrap_or(u32::MAX),
            offset,
            stored_len: u32::try_from(stored_len).unwrap_or(u32::MAX),
        };
        offset = entry.end();
        entries.push(entry);
    }
    f.finish("index")?;
    if offset != end {
        return Err(Error::corrupt(format!(
            "index describes chunks up to byte {offset}, they end at byte {end}"
        )));
    }
    Ok(entries)
}

/// The fixed end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Offset of the `INDX` chunk.
    pub index_offset: u64,
    /// CRC-32 over the CRCs of all chunk headers, the index's included: a foreign tail shows.
    pub headers_crc: u32,
}

impl Trailer {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = self.index_offset.to_le_bytes().to_vec();
        out.extend(self.headers_crc.to_le_bytes());
        out.extend(crc32fast::hash(&out).to_le_bytes());
        out.extend(END_MAGIC);
        out
    }

    /// Reads the trailer at `offset`.
    ///
    /// # Errors
    /// `Truncated` without the end mark, `Corrupt` when the CRC is wrong.
    pub fn parse(bytes: &[u8], offset: u64) -> Result<Self> {
        let mut f = Cursor::new(bytes, offset);
        let covered = f.take("trailer", 12)?;
        let crc = f.u32("trailer crc")?;
        if f.array::<8>("end mark")? != END_MAGIC {
            return Err(Error::truncated("the file does not end with an .srt end mark").at(offset));
        }
        f.finish("trailer")?;
        let computed = crc32fast::hash(covered);
        if crc != computed {
            return Err(Error::corrupt(format!(
                "trailer crc {computed:#010x} expected, {crc:#010x} found"
            ))
            .at(offset));
        }
        let mut f = Cursor::new(covered, offset);
        Ok(Self {
            index_offset: f.u64("index offset")?,
            headers_crc: f.u32("crc of headers")?,
        })
    }
}
