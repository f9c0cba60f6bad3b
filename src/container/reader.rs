//! Random access to the chunks of a file: a slice of bytes (memory map, buffer), or a source that gives parts of them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::error::{Error, Result};
use crate::base::file::FileBytes;
use crate::base::limits::Limits;
use crate::base::source::ByteSource;
use crate::container::bricks::BrickRun;
use crate::container::bytes::Cursor;
use crate::container::chunk::{CHUNK_HEADER_LEN, ChunkHeader, ChunkType};
use crate::container::compact::MAX_EXPANDED;
use crate::container::expand::expand;
use crate::container::header::{FileHeader, HEADER_LEN};
use crate::container::held::{ChunkSource, HeldChunks};
use crate::container::index::{Entry, TRAILER_LEN, Trailer, parse_index};
use crate::container::parser::{Event, Parser};

/// Finds chunks through the index; checks each chunk's own header and CRC when it is read.
#[derive(Debug)]
pub struct Reader<'a> {
    source: ChunkSource<'a>,
    header: FileHeader,
    entries: Arc<[Entry]>,
    /// What has been fetched, where the bytes do not lie in memory.
    held: HeldChunks,
    bytes_read: Arc<AtomicU64>,
}

impl<'a> Reader<'a> {
    /// Reads header, trailer and index.
    ///
    /// # Errors
    /// `Truncated` when the end mark is missing, `Corrupt`, `Unsupported`, `LimitExceeded`.
    pub fn new(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        Self::open(ChunkSource::Slice(bytes), limits)
    }

    /// Reads header, trailer and index of a file that need not lie in memory, then the records of its dataset and frames.
    ///
    /// # Errors
    /// As [`Reader::new`], and those of the source.
    pub fn from_source(source: Arc<dyn ByteSource>, limits: &Limits) -> Result<Self> {
        let mut reader = Self::open(ChunkSource::Source(source), limits)?;
        if reader.source.bytes().is_none() {
            reader.held = HeldChunks::new(0..reader.entries.len());
            let is_record = |entry: &Entry| {
                [ChunkType::DSET, ChunkType::FRAM, ChunkType::NREF].contains(&entry.kind)
            };
            let entries = reader.entries.iter().enumerate();
            let records = entries.filter(|(_, entry)| is_record(entry));
            let records: Vec<usize> = records.map(|(number, _)| number).collect();
            reader.fetch(&records)?;
        }
        Ok(reader)
    }

    fn open(source: ChunkSource<'a>, limits: &Limits) -> Result<Self> {
        let source = expanded(source)?;
        let (header, index) = match source.bytes() {
            Some(bytes) => {
                let header = read_header(bytes)?;
                let trailer = read_trailer(bytes, bytes.len() as u64)?;
                let trailer = trailer.map_err(|e| name_tail(bytes, limits, e))?;
                (header, read_index(bytes, 0, trailer, limits)?)
            }
            None => read_ends(&source, limits)?,
        };
        for entry in &index.entries {
            if entry.kind.is_critical() && !entry.kind.is_known() {
                return Err(
                    Error::unsupported(format!("unknown critical chunk {}", entry.kind))
                        .at(entry.offset),
                );
            }
        }
        let read = HEADER_LEN + CHUNK_HEADER_LEN + index.len + TRAILER_LEN;
        Ok(Self {
            source,
            header,
            entries: index.entries.into(),
            held: HeldChunks::default(),
            bytes_read: Arc::new(AtomicU64::new(read as u64)),
        })
    }

    /// A reader of the same file for chunks of these numbers: what it fetches of them it holds while it lives.
    pub(crate) fn of_chunks(&self, numbers: Range<usize>) -> Self {
        let is_in_memory = self.source.bytes().is_some();
        Self {
            source: self.source.clone(),
            header: self.header,
            entries: Arc::clone(&self.entries),
            held: HeldChunks::new(if is_in_memory { 0..0 } else { numbers }),
            bytes_read: Arc::clone(&self.bytes_read),
        }
    }

    /// Fetches chunks, whose numbers ascend, in few reads, where they do not lie in memory.
    ///
    /// # Errors
    /// Those of the source.
    pub(crate) fn fetch(&self, numbers: &[usize]) -> Result<()> {
        if self.source.bytes().is_some() {
            return Ok(());
        }
        self.held.fetch(&self.source, numbers, &self.entries)
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
    pub fn payload(&self, number: usize) -> Result<&[u8]> {
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
    pub fn brick_run(&self, number: usize, end: u32) -> Result<BrickRun<'_>> {
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
    fn unchecked(&self, number: usize) -> Result<(ChunkHeader, &[u8], u64)> {
        let entry = self
            .entries
            .get(number)
            .ok_or_else(|| Error::invalid(format!("no chunk {number}")))?;
        let bytes = match self.source.bytes() {
            Some(bytes) => bytes.get(usize::try_from(entry.offset).unwrap_or(usize::MAX)..),
            None => self.held.chunk(&self.source, number, entry)?,
        };
        let Some((head, rest)) = bytes.and_then(<[u8]>::split_first_chunk) else {
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

/// The long form of a compact file, and a short file as bytes in memory.
fn expanded(source: ChunkSource<'_>) -> Result<ChunkSource<'_>> {
    let held = |bytes: Vec<u8>| ChunkSource::Source(Arc::new(FileBytes::from(bytes)));
    if let Some(bytes) = source.bytes() {
        return Ok(expand(bytes)?.map_or_else(|| source.clone(), held));
    }
    if source.len() > MAX_EXPANDED as u64 {
        return Ok(source);
    }
    let all = 0..source.len();
    let bytes = source.copies(std::slice::from_ref(&all))?.pop();
    let bytes = bytes.unwrap_or_default();
    Ok(held(expand(&bytes)?.unwrap_or(bytes)))
}

/// The chunks that an index describes, and the bytes of its payload.
struct Index {
    entries: Vec<Entry>,
    len: usize,
}

/// Bytes at the end of a source that are read at once: trailer and index of most files.
const TAIL: u64 = 1 << 16;

/// Header and index of a file that does not lie in memory.
fn read_ends(source: &ChunkSource<'_>, limits: &Limits) -> Result<(FileHeader, Index)> {
    let len = source.len();
    let head = len.min(HEADER_LEN as u64);
    let tail_start = len.saturating_sub(TAIL).max(head);
    let ends = source.copies(&[0..head, tail_start..len])?;
    let [head, tail] = <[Vec<u8>; 2]>::try_from(ends).unwrap_or_default();
    let header = read_header(&head)?;
    let trailer = read_trailer(&tail, len)??;
    if trailer.index_offset >= tail_start {
        return Ok((header, read_index(&tail, tail_start, trailer, limits)?));
    }
    // Held in memory before its checksum is known: no more than an index of so many chunks takes.
    let longest = limits.chunks.saturating_mul(16).saturating_add(TAIL);
    if len - trailer.index_offset > longest {
        return Err(Error::limit(format!(
            "an index of at most {longest} bytes expected"
        )));
    }
    let start = trailer.index_offset;
    let range = start..len;
    let tail = source.copies(std::slice::from_ref(&range))?.pop();
    let tail = tail.unwrap_or_default();
    Ok((header, read_index(&tail, start, trailer, limits)?))
}

fn read_header(bytes: &[u8]) -> Result<FileHeader> {
    match bytes.first_chunk::<HEADER_LEN>() {
        Some(header) => FileHeader::parse(header),
        None => Err(short_file(bytes)),
    }
}

/// The trailer at the end of `tail`, which ends where the file of `len` bytes does; what is wrong with it apart from files
/// that have no room for one.
fn read_trailer(tail: &[u8], len: u64) -> Result<Result<Trailer>> {
    let short = || Error::truncated("the file ends within its header or trailer");
    let place = tail.len().checked_sub(TRAILER_LEN);
    let trailer = place.and_then(|at| tail.get(at..)).ok_or_else(short)?;
    let end = len.saturating_sub(TRAILER_LEN as u64);
    if end < HEADER_LEN as u64 {
        return Err(short());
    }
    Ok(Trailer::parse(trailer, end))
}

/// The index, from the end of a file: `tail` begins at byte `start` of it.
fn read_index(tail: &[u8], start: u64, trailer: Trailer, limits: &Limits) -> Result<Index> {
    let body = tail.len().saturating_sub(TRAILER_LEN);
    let body = tail.get(..body).unwrap_or_default();
    let end = start + body.len() as u64;
    let at = trailer.index_offset.checked_sub(start);
    let at = at.and_then(|at| usize::try_from(at).ok());
    let bytes = at.and_then(|at| body.get(at..));
    let Some((head, payload)) = bytes.and_then(<[u8]>::split_first_chunk) else {
        return Err(Error::corrupt("the trailer points outside the file").at(end));
    };
    // The index is the chunk after the last one it describes: its number is its own count, which
    // stands at the front of its payload.
    let number = Cursor::new(payload, trailer.index_offset).varint("chunk count")?;
    let (index, _) = ChunkHeader::parse(head, number, trailer.index_offset)?;
    if index.kind != ChunkType::INDX || index.stored_len as usize != payload.len() {
        return Err(
            Error::corrupt("the trailer does not point at an index that ends before it").at(end),
        );
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
    Ok(Index {
        entries: parse_index(payload, payload_offset, trailer.index_offset)?,
        len: payload.len(),
    })
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
