//! Chunks from a stream: drives the parser with exactly the bytes it asks for, and never seeks.

use std::io::{BufReader, Read};

use crate::base::error::{Error, Result};
use crate::base::limits::Limits;
use crate::container::chunk::CHUNK_HEADER_LEN;
use crate::container::compact::{MARK_LEN, MAX_EXPANDED, is_compact};
use crate::container::expand::expand;
use crate::container::index::Entry;
use crate::container::parser::{Event, Parser};

/// The chunks of a file that arrives byte by byte.
///
/// Holds one chunk, and about 24 bytes for each chunk before it: the index at the end is checked
/// against them.
#[derive(Debug)]
pub struct ChunkStream<R> {
    input: BufReader<R>,
    parser: Parser,
    /// Bytes from the parser's position on.
    ahead: Vec<u8>,
}

impl<R: Read> ChunkStream<R> {
    /// Reads from the first byte of a file on. Nothing is read yet.
    #[must_use]
    pub fn new(input: R, limits: Limits) -> Self {
        Self {
            input: BufReader::new(input),
            parser: Parser::new(limits),
            ahead: Vec::new(),
        }
    }

    /// The next chunk with its payload, checked; `None` after the last, when index and trailer are
    /// whole and nothing follows them. The index is not among the chunks.
    ///
    /// # Errors
    /// `Truncated` when the stream ends early; `Corrupt`, `Unsupported`, `LimitExceeded`, `Io`. The
    /// stream is of no use afterwards.
    pub fn next_chunk(&mut self) -> Result<Option<(Entry, Vec<u8>)>> {
        if self.parser.offset() == 0 {
            self.read_compact()?;
        }
        loop {
            let known = self.parser.entries().len();
            let (event, taken) = self.parser.feed(&self.ahead)?;
            match event {
                Event::NeedBytes(wanted) => {
                    self.read_to(wanted)?;
                    continue;
                }
                Event::End => {
                    self.ahead.clear();
                    return self.expect_end().map(|()| None);
                }
                Event::Header(_) | Event::Chunk { .. } => {}
            }
            let mut bytes = std::mem::take(&mut self.ahead);
            self.ahead = bytes.split_off(taken);
            // The header of the file and the index leave no entry.
            if let Some(entry) = self.parser.entries().get(known) {
                bytes.drain(..CHUNK_HEADER_LEN);
                return Ok(Some((*entry, bytes)));
            }
        }
    }

    /// Reads the start of the file and, where that is the start of a compact one, all of it.
    fn read_compact(&mut self) -> Result<()> {
        let mut start = self.input.by_ref().take(MARK_LEN as u64);
        start.read_to_end(&mut self.ahead)?;
        if is_compact(&self.ahead) {
            let mut input = self.input.by_ref().take(MAX_EXPANDED as u64);
            input.read_to_end(&mut self.ahead)?;
            self.ahead = expand(&self.ahead)?.unwrap_or_default();
        }
        Ok(())
    }

    /// Reads until `wanted` bytes lie ahead. Memory grows with the bytes that arrive, whatever was
    /// declared.
    fn read_to(&mut self, wanted: usize) -> Result<()> {
        let missing = wanted.saturating_sub(self.ahead.len());
        let mut input = self.input.by_ref().take(missing as u64);
        input.read_to_end(&mut self.ahead)?;
        if self.ahead.len() < wanted {
            return Err(self.cut(wanted));
        }
        Ok(())
    }

    fn cut(&self, wanted: usize) -> Error {
        let start = self.parser.offset();
        let magic = &crate::container::header::MAGIC;
        let begin = self.ahead.get(..magic.len()).unwrap_or(&self.ahead);
        if start == 0 && !magic.starts_with(begin) {
            return Error::corrupt("not an .srt file: the first eight bytes are not its magic")
                .at(0);
        }
        Error::truncated(format!(
            "the stream ends early: {wanted} bytes expected, {} found",
            self.ahead.len()
        ))
        .at(start)
    }

    fn expect_end(&mut self) -> Result<()> {
        let mut behind = [0];
        loop {
            match self.input.read(&mut behind) {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    return Err(Error::corrupt("bytes found behind the end of the file")
                        .at(self.parser.offset()));
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}
