//! Random access to the chunks of a file held as one slice of bytes (memory map, buffer).

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::error::{Error, Result};
use crate::base::limits::Limits;
use crate::container::bricks::BrickRun;
use crate::container::chunk::{CHUNK_HEADER_LEN, ChunkHeader, ChunkType};
use crate::container::header::{FileHeader, HEADER_LEN};
use crate::container::index::{Entry, TRAILER_LEN, Trailer, parse_index};
use crate::container::parser::{Event, Parser};

/// Finds chunks through the index; checks each chunk's own header and CRC when it is read.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    header: FileHeader,
    entries: Vec<Entry>,
    bytes_read: AtomicU64,
}

impl<'a> Reader<'a> {
    /// Reads header, trailer and index.
    ///
    /// # Errors
    /// `Truncated` when the end mark is missing, `Corrupt`, `Unsupported`, `LimitExceeded`.
    pub fn new(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
            return Err(short_file(bytes));
        };
        let header = FileHeader::parse(header)?;
        let end = bytes
            .len()
            .checked_sub(TRAILER_LEN)
            .filter(|&end| end >= HEADER_LEN);
        let Some((body, trailer)) = end.and_then(|end| bytes.split_at_checked(end)) else {
            return Err(Error::truncated(
                "the file ends within its header or trailer",
            ));
        };
        let end = body.len() as u64;
        let trailer = Trailer::parse(trailer, end).map_err(|e| name_tail(bytes, limits, e))?;
        let at = usize::try_from(trailer.index_offset).unwrap_or(usize::MAX);
        let Some((head, payload)) = body.get(at..).and_then(<[u8]>::split_first_chunk) else {
            return Err(Error::corrupt("the trailer points outside the file").at(end));
        };
        // The index is the chunk after the last one it describes: its number is its own count, which
        // stands at the front of its payload.
        let number = crate::container::bytes::Cursor::new(payload, trailer.index_offset)
            .varint("chunk count")?;
        let (index, _) = ChunkHeader::parse(head, number, trailer.index_offset)?;
        if index.kind != ChunkType::INDX || index.stored_len as usize != payload.len() {
            return Err(Error::corrupt(
                "the trailer does not point at an index that ends before it",
            )
            .at(end));
        }
        // A number is believed when the checksum over it is right.
        if number > limits.chunks {
            return Err(Error::limit(format!(
                "{number} chunks found, limit is {}",
                limits.chunks
            )));
        }
        limits.check_chunk(u64::from(index.stored_len))?;
        let payload_offset = trailer.index_offset + CHUNK_HEADER_LEN as u64;
        index.check_payload(payload, payload_offset)?;
        let entries = parse_index(payload, payload_offset, trailer.index_offset)?;
        for entry in &entries {
            if entry.kind.is_critical() && !entry.kind.is_known() {
                return Err(
                    Error::unsupported(format!("unknown critical chunk {}", entry.kind))
                        .at(entry.offset),
                );
            }
        }
        let read = HEADER_LEN + CHUNK_HEADER_LEN + payload.len() + TRAILER_LEN;
        Ok(Self {
            bytes,
            header,
            entries,
            bytes_read: AtomicU64::new(read as u64),
        })
    }

    /// The file header.
    #[must_use]
    pub fn header(&self) -> FileHeader {
        self.header
    }

    /// All chunks but the index, in file order; the position is the chunk's number.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Payload of chunk `number`, its header checked against the index and its bytes against their CRC.
    ///
    /// # Errors
    /// `Corrupt` when they disagree, `InvalidArgument` when there is no such chunk.
    pub fn payload(&self, number: usize) -> Result<&'a [u8]> {
        let (header, payload, offset) = self.unchecked(number)?;
        header.check_payload(payload, offset)?;
        self.note_read(payload.len());
        Ok(payload)
    }

    /// The run of bricks in chunk `number`, whose bricks have numbers below `end`. Where they have
    /// checksums of their own only its head is read.
    ///
    /// # Errors
    /// As [`Reader::payload`], and `Corrupt` for a chunk that is no run of bricks.
    pub fn brick_run(&self, number: usize, end: u32) -> Result<BrickRun<'a>> {
        let (header, payload, offset) = self.unchecked(number)?;
        if !BrickRun::has_checksums(payload) {
            header.check_payload(payload, offset)?;
        }
        let run = BrickRun::parse(payload, offset, header.part, end)?;
        self.note_read(if run.is_checked_by_brick() {
            run.head_len()
        } else {
            payload.len()
        });
        Ok(run)
    }

    /// Brick `number` of a run of this file, when the run holds it.
    ///
    /// # Errors
    /// `Corrupt` when the brick is damaged.
    pub fn brick<'r>(&self, run: &BrickRun<'r>, number: u32) -> Result<Option<&'r [u8]>> {
        let brick = run.brick(number)?;
        if run.is_checked_by_brick() {
            self.note_read(brick.map_or(0, <[u8]>::len));
        }
        Ok(brick)
    }

    /// How many bytes of the file were looked at so far; those looked at twice count twice.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    fn note_read(&self, len: usize) {
        self.bytes_read.fetch_add(len as u64, Ordering::Relaxed);
    }

    /// Header, checked against the index, payload, not checked, and its offset in the file.
    fn unchecked(&self, number: usize) -> Result<(ChunkHeader, &'a [u8], u64)> {
        let entry = self
            .entries
            .get(number)
            .ok_or_else(|| Error::invalid(format!("no chunk {number}")))?;
        let at = usize::try_from(entry.offset).unwrap_or(usize::MAX);
        let Some((head, rest)) = self.bytes.get(at..).and_then(<[u8]>::split_first_chunk) else {
            return Err(Error::corrupt("the index points outside the file").at(entry.offset));
        };
        let (header, _) = ChunkHeader::parse(head, number as u64, entry.offset)?;
        if (header.kind, header.part, header.stored_len)
            != (entry.kind, entry.part, entry.stored_len)
        {
            return Err(Error::corrupt(format!(
                "the index says {} part {} of {} bytes, the chunk says {} part {} of {} bytes",
                entry.kind,
                entry.part,
                entry.stored_len,
                header.kind,
                header.part,
                header.stored_len
            ))
            .at(entry.offset));
        }
        let Some(payload) = rest.get(..header.stored_len as usize) else {
            return Err(Error::corrupt("the chunk leaves the file").at(entry.offset));
        };
        self.note_read(CHUNK_HEADER_LEN);
        Ok((header, payload, entry.payload_offset()))
    }
}

/// A file without its end mark is truncated, unless a whole file with bytes after it shows up when
/// it is walked from the front.
fn name_tail(bytes: &[u8], limits: &Limits, error: Error) -> Error {
    let mut parser = Parser::new(limits.clone());
    let mut rest = bytes;
    while let Ok((event, taken)) = parser.feed(rest) {
        match (event, rest.get(taken..)) {
            (Event::End, Some(behind)) if !behind.is_empty() => {
                return Error::corrupt(format!(
                    "{} bytes found behind the end of the file",
                    behind.len()
                ))
                .at(parser.offset());
            }
            (Event::NeedBytes(_) | Event::End, _) | (_, None) => break,
            (_, Some(behind)) => rest = behind,
        }
    }
    error
}

/// A file too short for a header is truncated if it begins like one.
fn short_file(bytes: &[u8]) -> Error {
    if crate::container::header::MAGIC.starts_with(bytes.get(..8).unwrap_or(bytes)) {
        Error::truncated(format!(
            "{HEADER_LEN} bytes of file header expected, {} found",
            bytes.len()
        ))
    } else {
        Error::corrupt("not an .srt file: the first eight bytes are not its magic").at(0)
    }
}
