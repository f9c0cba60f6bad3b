//! The incremental reader core: bytes in, events out, no I/O, no seek (spec section 5).

use crate::base::error::{Error, Result};
use crate::base::limits::Limits;
use crate::container::chunk::{CHUNK_HEADER_LEN, ChunkHeader, ChunkType};
use crate::container::compact::is_compact;
use crate::container::header::{FileHeader, HEADER_LEN};
use crate::container::index::{Entry, TRAILER_LEN, Trailer, parse_index};

/// What the next bytes of a file are.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// At least this many bytes from the current position are needed.
    NeedBytes(usize),
    /// The file header.
    Header(FileHeader),
    /// One chunk; its CRCs are right.
    Chunk {
        /// Type, length, part.
        header: ChunkHeader,
        /// Offset of the chunk header in the file.
        offset: u64,
        /// Payload.
        payload: &'a [u8],
    },
    /// The trailer: the file is complete and consistent.
    End,
}

/// Walks a file from the front. The caller hands in the unconsumed bytes each time; a compact file is
/// [expanded](super::expand) first.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    offset: u64,
    entries: Vec<Entry>,
    headers: crc32fast::Hasher,
    state: ParserState,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ParserState {
    Header,
    Chunks,
    Trailer { index_offset: u64 },
    End,
}

impl Parser {
    /// At the first byte of a file.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            offset: 0,
            entries: Vec::new(),
            headers: crc32fast::Hasher::new(),
            state: ParserState::Header,
        }
    }

    /// Bytes consumed so far: the offset of the next one.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Chunks seen so far.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Parses the next structure at the front of `bytes`; returns it and how many bytes it took.
    ///
    /// # Errors
    /// `Corrupt`, `Unsupported` or `LimitExceeded`. The parser is of no use afterwards.
    pub fn feed<'a>(&mut self, bytes: &'a [u8]) -> Result<(Event<'a>, usize)> {
        let (event, taken) = match self.state {
            ParserState::Header => self.header(bytes)?,
            ParserState::Chunks => self.chunk(bytes)?,
            ParserState::Trailer { index_offset } => self.trailer(bytes, index_offset)?,
            ParserState::End if bytes.is_empty() => (Event::End, 0),
            ParserState::End => {
                return Err(
                    Error::corrupt("bytes found behind the end of the file").at(self.offset)
                );
            }
        };
        self.offset += taken as u64;
        Ok((event, taken))
    }

    fn header<'a>(&mut self, bytes: &'a [u8]) -> Result<(Event<'a>, usize)> {
        let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
            return Ok((Event::NeedBytes(HEADER_LEN), 0));
        };
        if is_compact(header) {
            return Err(
                Error::invalid("a file in its long form expected, a compact one found").at(0),
            );
        }
        let header = FileHeader::parse(header)?;
        self.state = ParserState::Chunks;
        Ok((Event::Header(header), HEADER_LEN))
    }

    fn chunk<'a>(&mut self, bytes: &'a [u8]) -> Result<(Event<'a>, usize)> {
        let Some((head, rest)) = bytes.split_first_chunk::<CHUNK_HEADER_LEN>() else {
            return Ok((Event::NeedBytes(CHUNK_HEADER_LEN), 0));
        };
        let number = self.entries.len() as u64;
        let (header, crc) = ChunkHeader::parse(head, number, self.offset)?;
        self.limits.check_chunk(u64::from(header.stored_len))?;
        if number >= self.limits.chunks {
            return Err(
                Error::limit(format!("more than {} chunks", self.limits.chunks)).at(self.offset),
            );
        }
        let len = usize::try_from(header.stored_len).unwrap_or(usize::MAX);
        let Some((payload, _)) = rest.split_at_checked(len) else {
            return Ok((Event::NeedBytes(CHUNK_HEADER_LEN.saturating_add(len)), 0));
        };
        let payload_offset = self.offset + CHUNK_HEADER_LEN as u64;
        header.check_payload(payload, payload_offset)?;
        if header.kind.is_critical() && !header.kind.is_known() {
            return Err(
                Error::unsupported(format!("unknown critical chunk {}", header.kind))
                    .at(self.offset),
            );
        }
        self.headers.update(&crc.to_le_bytes());
        if header.kind == ChunkType::INDX {
            let index = parse_index(payload, payload_offset, self.offset)?;
            if index != self.entries {
                return Err(
                    Error::corrupt("the index does not describe the chunks before it")
                        .at(self.offset),
                );
            }
            self.state = ParserState::Trailer {
                index_offset: self.offset,
            };
        } else {
            self.entries.push(Entry {
                kind: header.kind,
                part: header.part,
                offset: self.offset,
                stored_len: header.stored_len,
            });
        }
        let event = Event::Chunk {
            header,
            offset: self.offset,
            payload,
        };
        Ok((event, CHUNK_HEADER_LEN + len))
    }

    fn trailer<'a>(&mut self, bytes: &'a [u8], index_offset: u64) -> Result<(Event<'a>, usize)> {
        let Some(trailer) = bytes.get(..TRAILER_LEN) else {
            return Ok((Event::NeedBytes(TRAILER_LEN), 0));
        };
        let expected = Trailer {
            index_offset,
            headers_crc: self.headers.clone().finalize(),
        };
        if Trailer::parse(trailer, self.offset)? != expected {
            return Err(Error::corrupt("the trailer belongs to another file").at(self.offset));
        }
        self.state = ParserState::End;
        Ok((Event::End, TRAILER_LEN))
    }
}
