//! A file from its first chunk to its last.

use srt::{Error, Limits, Parser, Result, expand};

/// Walks the whole file from the front, as a reader without an index would; returns its chunks.
pub(crate) fn walk(bytes: &[u8]) -> Result<usize> {
    let long = expand(bytes)?;
    let bytes = long.as_deref().unwrap_or(bytes);
    let mut parser = Parser::new(Limits::default());
    let mut at = 0;
    while at < bytes.len() {
        match parser.feed(&bytes[at..])? {
            (_, 0) => return Err(Error::truncated("the file ends within a chunk").at(at as u64)),
            (_, taken) => at += taken,
        }
    }
    Ok(parser.entries().len())
}
