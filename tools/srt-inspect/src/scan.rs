//! A walk over a file that does not stop at damage: header, chunks, index, trailer.

use srt::container::{
    CHUNK_HEADER_LEN, ChunkHeader, ChunkType, END_MAGIC, Entry, FileHeader, HEADER_LEN, MAGIC,
    TRAILER_LEN, Trailer, VERSION, expand, parse_index,
};

use crate::finding::{Finding, Severity};

/// How far the number of a chunk may be from the one expected when looking for the next whole one.
const NUMBER_REACH: u64 = 64;
/// Places tried in all when looking for whole chunk headers after damage.
const SEARCH_BUDGET: u64 = 1 << 20;

/// One chunk whose header is whole.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Its number in the file.
    pub number: u64,
    /// Offset of its header.
    pub offset: u64,
    /// The header.
    pub header: ChunkHeader,
    /// State of the payload.
    pub payload: PayloadState,
    /// CRC of the header, as stored.
    header_crc: u32,
}

/// State of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadState {
    /// Its CRC is right.
    Whole,
    /// Its CRC is wrong.
    Damaged,
    /// The file ends within it.
    Cut,
}

impl PayloadState {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "ok",
            Self::Damaged => "damaged",
            Self::Cut => "cut",
        }
    }
}

impl Chunk {
    /// Offset of the payload.
    #[must_use]
    pub fn payload_offset(&self) -> u64 {
        self.offset + CHUNK_HEADER_LEN as u64
    }

    /// Offset after the payload.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.payload_offset() + u64::from(self.header.stored_len)
    }

    /// Whether header and payload are whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.payload == PayloadState::Whole
    }
}

/// What a walk found.
#[derive(Debug)]
pub struct Scan<'a> {
    /// The file.
    pub bytes: &'a [u8],
    /// The file header, if its CRC is right.
    pub header: Option<FileHeader>,
    /// All chunks with whole headers, the index included, in file order.
    pub chunks: Vec<Chunk>,
    /// Whether index and trailer are whole and agree with the chunks.
    pub index_ok: bool,
    /// Faults of the container.
    pub findings: Vec<Finding>,
    budget: u64,
}

impl<'a> Scan<'a> {
    /// Walks a file.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut scan = Self {
            bytes,
            header: None,
            chunks: Vec::new(),
            index_ok: false,
            findings: Vec::new(),
            budget: SEARCH_BUDGET,
        };
        // A compact file has nothing to walk over: it is whole, or lost.
        if let Err(error) = expand(bytes) {
            scan.findings
                .push(Finding::from_error("compact", 0, &error));
            return scan;
        }
        scan.read_header();
        let end = scan.end_of_chunks();
        let gapless = scan.walk(end);
        scan.read_end(end, gapless);
        scan
    }

    /// Whether the first bytes are those of an .srt file.
    #[must_use]
    pub fn has_magic(&self) -> bool {
        self.bytes.starts_with(&MAGIC)
    }

    /// Bytes of a chunk's payload, as far as they are there.
    #[must_use]
    pub fn payload(&self, chunk: &Chunk) -> &'a [u8] {
        let from = index(chunk.payload_offset());
        let to = index(chunk.end()).min(self.bytes.len());
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// Whether something contradicts the specification.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        let mut severities = self.findings.iter().map(|f| f.severity);
        severities.any(|s| s == Severity::Fault)
    }

    fn read_header(&mut self) {
        let Some(bytes) = self.bytes.first_chunk::<HEADER_LEN>() else {
            let what = if MAGIC.starts_with(self.bytes.get(..8).unwrap_or(self.bytes)) {
                Finding::fault("truncated", 0, "the file ends within its header")
            } else {
                Finding::fault("header", 0, "not an .srt file: too short and no magic")
            };
            self.findings.push(what);
            return;
        };
        match FileHeader::parse_any(bytes) {
            Ok(header) => self.header = Some(header),
            Err(error) => {
                self.findings.push(Finding::from_error("header", 0, &error));
                return;
            }
        }
        if let Err(error) = FileHeader::parse(bytes) {
            let mut finding = Finding::from_error("version", 8, &error);
            finding.severity = Severity::Unsupported;
            self.findings.push(finding);
        }
    }

    /// Where chunks end: before the trailer if there is one.
    fn end_of_chunks(&self) -> u64 {
        let len = self.bytes.len();
        if self.bytes.ends_with(&END_MAGIC) && len >= HEADER_LEN + TRAILER_LEN {
            (len - TRAILER_LEN) as u64
        } else {
            len as u64
        }
    }

    /// Collects all chunks up to `end`; returns whether they follow each other without a gap.
    fn walk(&mut self, end: u64) -> bool {
        let (mut offset, mut number) = (HEADER_LEN as u64, 0);
        let mut gapless = true;
        while offset < end {
            let Some(chunk) = self.chunk_at(offset, number, end) else {
                gapless = false;
                let Some(next) = self.search(offset, number, end) else {
                    self.lost(offset, end, number, None);
                    return false;
                };
                self.lost(offset, next.offset, number, Some(next.number));
                (offset, number) = (next.end(), next.number + 1);
                self.push(next);
                continue;
            };
            (offset, number) = (chunk.end(), number + 1);
            self.push(chunk);
        }
        gapless
    }

    /// Reports bytes that belong to no whole chunk.
    fn lost(&mut self, from: u64, to: u64, expected: u64, found: Option<u64>) {
        let finding = match found {
            Some(found) if from == to && found > expected => Finding::fault(
                "chunk-missing",
                from,
                format!("chunk {expected} expected, chunk {found} found: chunks were taken out"),
            ),
            Some(found) if from == to => Finding::fault(
                "chunk-moved",
                from,
                format!(
                    "chunk {expected} expected, chunk {found} found: chunks were moved or repeated"
                ),
            ),
            Some(found) => Finding::fault(
                "chunk-header",
                from,
                format!(
                    "whole header of chunk {expected} expected; the next whole one is that of chunk {found} at byte {to}"
                ),
            ),
            None if to - from < CHUNK_HEADER_LEN as u64 => Finding::fault(
                "truncated",
                from,
                format!(
                    "{} bytes left where chunk {expected} or the index begins",
                    to - from
                ),
            ),
            None => Finding::fault(
                "chunk-header",
                from,
                format!("whole header of chunk {expected} expected; none follows"),
            ),
        };
        self.findings.push(finding.in_chunk(expected));
    }

    /// The chunk at an offset, if its header carries that number.
    fn chunk_at(&self, offset: u64, number: u64, end: u64) -> Option<Chunk> {
        let rest = self.bytes.get(index(offset)..index(end))?;
        let (head, rest) = rest.split_first_chunk::<CHUNK_HEADER_LEN>()?;
        let (header, header_crc) = ChunkHeader::parse(head, number, offset).ok()?;
        let payload = match rest.get(..header.stored_len as usize) {
            None => PayloadState::Cut,
            Some(payload) => match header.check_payload(payload, offset) {
                Ok(()) => PayloadState::Whole,
                Err(_) => PayloadState::Damaged,
            },
        };
        Some(Chunk {
            number,
            offset,
            header,
            payload,
            header_crc,
        })
    }

    /// The next whole header from an offset on, with a number near the one expected.
    fn search(&mut self, from: u64, number: u64, end: u64) -> Option<Chunk> {
        let numbers = number.saturating_sub(NUMBER_REACH)..number + NUMBER_REACH;
        let region = self.bytes.get(index(from)..index(end))?;
        for (i, window) in region.windows(4).enumerate() {
            if !is_type(window) {
                continue;
            }
            self.budget = self.budget.checked_sub(1)?;
            let offset = from + i as u64;
            let found = numbers.clone().find_map(|n| self.chunk_at(offset, n, end));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn push(&mut self, chunk: Chunk) {
        let kind = chunk.header.kind;
        let payload = chunk.payload_offset();
        let finding = match chunk.payload {
            PayloadState::Whole if kind.is_critical() && !kind.is_known() => Some(Finding {
                severity: Severity::Unsupported,
                ..Finding::fault(
                    "type",
                    chunk.offset,
                    format!("unknown critical chunk {kind}"),
                )
            }),
            PayloadState::Whole => None,
            PayloadState::Damaged => Some(Finding::fault(
                "payload-crc",
                payload,
                format!(
                    "payload crc {:#010x} of {kind} expected, another one found",
                    chunk.header.payload_crc
                ),
            )),
            PayloadState::Cut => Some(Finding::fault(
                "truncated",
                payload,
                format!(
                    "{} bytes of {kind} expected, {} found",
                    chunk.header.stored_len,
                    self.payload(&chunk).len()
                ),
            )),
        };
        self.findings
            .extend(finding.map(|f| f.in_chunk(chunk.number)));
        self.chunks.push(chunk);
    }

    /// Checks index and trailer against the walk.
    fn read_end(&mut self, end: u64, gapless: bool) {
        let before = self.findings.len();
        let at_index = self
            .chunks
            .iter()
            .position(|c| c.header.kind == ChunkType::INDX);
        let indexed = at_index.is_some_and(|at| at + 1 == self.chunks.len());
        match at_index.and_then(|at| self.chunks.get(at).copied()) {
            None => self.findings.push(Finding::fault(
                "truncated",
                end,
                "no index found: the file ends early, or its index is damaged",
            )),
            Some(chunk) => self.check_index(&chunk, indexed, gapless),
        }
        let Some(trailer) = self.bytes.get(index(end)..).filter(|t| !t.is_empty()) else {
            let finding = match find_last(self.bytes, &END_MAGIC) {
                Some(at) => Finding::fault(
                    "trailer",
                    (at + END_MAGIC.len()) as u64,
                    "bytes found behind the end mark",
                ),
                None => Finding::fault("truncated", end, "the end mark is missing"),
            };
            self.findings.push(finding);
            return;
        };
        match Trailer::parse(trailer, end) {
            Err(error) => self
                .findings
                .push(Finding::from_error("trailer", end, &error)),
            Ok(trailer) => self.check_trailer(trailer, end, gapless),
        }
        self.index_ok = gapless && self.findings.len() == before;
    }

    fn check_index(&mut self, chunk: &Chunk, last: bool, gapless: bool) {
        let mut fault = |message: String| {
            self.findings
                .push(Finding::fault("index", chunk.offset, message).in_chunk(chunk.number));
        };
        if !last {
            fault("index expected as the last chunk, others found behind it".into());
        }
        if !chunk.is_whole() {
            return;
        }
        let from = index(chunk.payload_offset());
        let payload = self.bytes.get(from..index(chunk.end())).unwrap_or_default();
        let entries: Vec<Entry> = match parse_index(payload, chunk.payload_offset(), chunk.offset) {
            Ok(entries) => entries,
            Err(error) => {
                let finding = Finding::from_error("index", chunk.offset, &error);
                self.findings.push(finding.in_chunk(chunk.number));
                return;
            }
        };
        if !gapless {
            return;
        }
        let before = self.chunks.iter().take_while(|c| c.number < chunk.number);
        let described = entries
            .iter()
            .map(|e| (e.kind, e.part, e.stored_len, e.offset));
        let found = before.map(|c| (c.header.kind, c.header.part, c.header.stored_len, c.offset));
        if !described.eq(found) {
            fault("the index describes other chunks than those before it".into());
        }
    }

    fn check_trailer(&mut self, trailer: Trailer, offset: u64, gapless: bool) {
        let found = self
            .chunks
            .iter()
            .find(|c| c.header.kind == ChunkType::INDX);
        if found.is_some_and(|c| c.offset != trailer.index_offset) {
            self.findings.push(Finding::fault(
                "trailer",
                offset,
                format!(
                    "the trailer says the index is at byte {}, it is at byte {}",
                    trailer.index_offset,
                    found.map_or(0, |c| c.offset)
                ),
            ));
        }
        let mut crc = crc32fast::Hasher::new();
        for chunk in &self.chunks {
            crc.update(&chunk.header_crc.to_le_bytes());
        }
        let computed = crc.finalize();
        if gapless && computed != trailer.headers_crc {
            self.findings.push(Finding::fault(
                "trailer",
                offset,
                format!(
                    "crc of headers {computed:#010x} expected, {:#010x} found: the trailer belongs to another file",
                    trailer.headers_crc
                ),
            ));
        }
    }
}

/// The version this program knows, as text.
#[must_use]
pub fn known_version() -> String {
    format!("{}.{}", VERSION.0, VERSION.1)
}

/// An offset as an index; what does not fit is after every end.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn is_type(bytes: &[u8]) -> bool {
    <[u8; 4]>::try_from(bytes).is_ok_and(|b| ChunkType::from_bytes(b).is_ok())
}

fn find_last(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|w| w == what)
}
