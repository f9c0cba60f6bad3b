//! Small files with one checksum and short heads of chunks (spec section 5.1).
//!
//! A compact file is another way to write down the chunks of a file, from chunks to bytes and back here; readers see the
//! long one ([`expand`](super::expand())).

use crate::base::error::{Error, Result};
use crate::container::bytes::{Cursor, Encode};
use crate::container::chunk::{CHUNK_HEADER_LEN, ChunkType};
use crate::container::header::{FileHeader, MAGIC, VERSION};

/// Most bytes of a file that has a compact form, in its long form.
pub const MAX_EXPANDED: usize = 1 << 14;
/// Bytes from which on it is known whether a file is compact.
pub(super) const MARK_LEN: usize = MAGIC.len() + 1;
/// Set in the byte of the major version, which no long file has there.
pub(super) const MARK: u8 = 0x80;
/// Code of a type that is not in the registry: its letters follow.
const OTHER_TYPE: u8 = 0x0F;
/// Set in the head of a chunk whose part is not 0, and follows.
const HAS_PART: u8 = 0x10;
/// Bytes of the checksum at the end.
const CRC_LEN: usize = 4;

/// Whether a file that begins with `bytes` is compact.
#[must_use]
pub fn is_compact(bytes: &[u8]) -> bool {
    let version = bytes.strip_prefix(&MAGIC).and_then(<[u8]>::first);
    version.is_some_and(|major| major & MARK != 0)
}

/// The chunks of a compact file that is being written.
#[derive(Debug, Default)]
pub(super) struct CompactChunks(Vec<u8>);

impl CompactChunks {
    /// Adds a chunk; the index is none of them.
    pub(super) fn add(&mut self, kind: ChunkType, part: u32, payload: &[u8]) {
        if kind != ChunkType::INDX {
            put_chunk(&mut self.0, kind, part, payload);
        }
    }

    /// The file; `None` without a chunk, which a compact file has.
    pub(super) fn to_file(&self) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        let mut out = MAGIC.to_vec();
        let [major, minor] = [VERSION.0, VERSION.1].map(|v| u8::try_from(v).unwrap_or(u8::MAX));
        out.extend([MARK | major, minor]);
        out.put_varint(self.0.len() as u64);
        out.extend(&self.0);
        let crc = crc32fast::hash(&out);
        out.extend(crc.to_le_bytes());
        Some(out)
    }
}

fn put_chunk(out: &mut Vec<u8>, kind: ChunkType, part: u32, payload: &[u8]) {
    let code = kind.code().unwrap_or(OTHER_TYPE);
    out.push(if part == 0 { code } else { code | HAS_PART });
    if code == OTHER_TYPE {
        out.extend(kind.to_bytes());
    }
    out.put_varint(payload.len() as u64);
    if part != 0 {
        out.put_varint(part.into());
    }
    if kind == ChunkType::FRAM {
        put_sparse(out, payload);
    } else {
        out.extend(payload);
    }
}

/// Bytes of which many are 0: for eight at a time a byte of bits that say which are not, then those.
pub(super) fn put_sparse(out: &mut Vec<u8>, bytes: &[u8]) {
    for eight in bytes.chunks(8) {
        let bits = eight.iter().zip(0..).map(|(&b, i)| u8::from(b != 0) << i);
        out.push(bits.sum());
        out.extend(eight.iter().filter(|&&b| b != 0));
    }
}

/// A chunk: type, part, payload.
pub(super) type OwnedChunk = (ChunkType, u32, Vec<u8>);

/// The chunks of a compact file.
///
/// # Errors
/// `Truncated` when the file ends early, `Corrupt` when it is damaged or no compact file, `Unsupported` for one of a
/// newer version.
pub(super) fn chunks(bytes: &[u8]) -> Result<Vec<OwnedChunk>> {
    let body = checked_body(bytes)?;
    let mut f = Cursor::new(body, (bytes.len() - CRC_LEN - body.len()) as u64);
    let (mut chunks, mut len) = (Vec::new(), 0);
    while !f.rest().is_empty() {
        let chunk = take_chunk(&mut f)?;
        len += CHUNK_HEADER_LEN + chunk.2.len();
        if len > MAX_EXPANDED {
            return Err(too_long());
        }
        chunks.push(chunk);
    }
    if chunks.is_empty() {
        return Err(f.corrupt("a compact file without chunks found"));
    }
    Ok(chunks)
}

/// A file that is longer than a compact one may be.
pub(super) fn too_long() -> Error {
    Error::corrupt(format!(
        "a compact file of at most {MAX_EXPANDED} bytes in its long form expected"
    ))
}

/// What lies between the length and the checksum of a compact file: its length, the checksum and the version are right.
fn checked_body(bytes: &[u8]) -> Result<&[u8]> {
    let early = || Error::truncated("the compact file ends within its header");
    let head = bytes.get(MAGIC.len()..).unwrap_or_default();
    let &[major, minor, ref rest @ ..] = head else {
        return Err(early());
    };
    let at = MAGIC.len() + 2;
    let mut f = Cursor::new(rest, at as u64);
    if rest.iter().all(|b| b & 0x80 != 0) && rest.len() < 3 {
        return Err(early());
    }
    let len = f.varint_up_to("length of the chunks", MAX_EXPANDED as u64)?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let expected = bytes.len() - f.rest().len() + len + CRC_LEN;
    if bytes.len() < expected {
        return Err(Error::truncated(format!(
            "the compact file ends early: {expected} bytes expected, {} found",
            bytes.len()
        )));
    }
    let body = f.take("chunks", len)?;
    let stored = f.u32("crc of the file")?;
    f.finish("the end of the file")?;
    let covered = bytes.get(..expected - CRC_LEN).unwrap_or_default();
    let computed = crc32fast::hash(covered);
    if stored != computed {
        return Err(Error::corrupt(format!(
            "crc {computed:#010x} of the compact file expected, {stored:#010x} found"
        ))
        .at(covered.len() as u64));
    }
    FileHeader::check_version((u16::from(major & !MARK), u16::from(minor)))?;
    Ok(body)
}

fn take_chunk(f: &mut Cursor<'_>) -> Result<OwnedChunk> {
    let start = f.clone();
    let head = f.u8("head of a chunk")?;
    let code = head & !HAS_PART;
    let kind = match ChunkType::KNOWN.get(usize::from(code)) {
        Some(&kind) => kind,
        None if code == OTHER_TYPE => ChunkType::from_bytes(f.array("chunk type")?)?,
        None => return Err(start.corrupt(format!("unknown head {head:#04x} of a chunk"))),
    };
    if kind == ChunkType::INDX {
        return Err(start.corrupt("an index in a compact file found"));
    }
    if code == OTHER_TYPE && kind.is_known() {
        return Err(start.corrupt(format!("the code of {kind} expected, its letters found")));
    }
    let len = f.varint_up_to("length of a payload", MAX_EXPANDED as u64)?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let part = if head & HAS_PART == 0 {
        0
    } else {
        let at = f.clone();
        match f.varint_up_to("part", u32::MAX.into())? {
            0 => return Err(at.corrupt("a part that is not 0 expected")),
            part => u32::try_from(part).unwrap_or(u32::MAX),
        }
    };
    let payload = if kind == ChunkType::FRAM {
        take_sparse(f, len)?
    } else {
        f.take("payload", len)?.to_vec()
    };
    Ok((kind, part, payload))
}

fn take_sparse(f: &mut Cursor<'_>, len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let at = f.clone();
        let bits = f.u8("bits of a frame record")?;
        let eight = (len - bytes.len()).min(8);
        if u32::from(bits) >> eight != 0 {
            return Err(at.corrupt("bits behind the end of a frame record found"));
        }
        for i in 0..eight {
            bytes.push(match bits >> i & 1 {
                0 => 0,
                _ => f.u8("frame record")?,
            });
            if bits >> i & 1 != 0 && bytes.last() == Some(&0) {
                return Err(at.corrupt("a byte of a frame record that is not 0 expected"));
            }
        }
    }
    Ok(bytes)
}
