//! The error type of the crate: what went wrong, where, and what the caller can do about it.

use std::fmt;
use std::io;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes contradict the specification or a checksum.
    Corrupt,
    /// The data ends before it should.
    Truncated,
    /// Valid as far as can be told, but newer than this reader or of an unknown critical kind.
    Unsupported,
    /// A resource budget ([`crate::Limits`]) would be exceeded.
    LimitExceeded,
    /// The caller asked for something that makes no sense.
    InvalidArgument,
    /// The error bound asked for cannot be reached.
    BoundNotMet,
    /// The file names network weights that are not at hand.
    MissingWeights,
    /// An accelerator is missing or failed.
    Device,
    /// The operating system reported an error.
    Io,
}

/// An error with its kind, a message that names what was expected and what was found, and the
/// position in the file where that is known.
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    offset: Option<u64>,
    place: Option<String>,
    source: Option<io::Error>,
}

impl Error {
    /// An error of `kind`; `message` is lower case without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: message.into(),
                offset: None,
                place: None,
                source: None,
            }),
        }
    }

    /// Shorthand for [`ErrorKind::Corrupt`].
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// Shorthand for [`ErrorKind::Truncated`].
    pub fn truncated(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Truncated, message)
    }

    /// Shorthand for [`ErrorKind::Unsupported`].
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Shorthand for [`ErrorKind::LimitExceeded`].
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, message)
    }

    /// Shorthand for [`ErrorKind::InvalidArgument`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// Adds the byte offset in the file, unless a deeper layer already knew it.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.inner.offset.get_or_insert(offset);
        self
    }

    /// Adds the place (file, chunk, brick) where it happened; outer places come first.
    #[must_use]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.inner.place = Some(match self.inner.place.take() {
            Some(inner) => format!("{place}: {inner}"),
            None => place.to_string(),
        });
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Whether the host may do what a device failed at in this way: the device broke, or is too small.
    #[must_use]
    pub fn may_succeed_on_host(&self) -> bool {
        matches!(self.kind(), ErrorKind::Device | ErrorKind::LimitExceeded)
    }

    /// Byte offset in the file, where known.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.inner.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        if let Some(place) = &inner.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&inner.message)?;
        if let Some(offset) = inner.offset {
            write!(f, " at byte {offset}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_ref().map(|e| e as _)
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
            _ => ErrorKind::Io,
        };
        let mut error = Self::new(kind, source.to_string());
        error.inner.source = Some(source);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_place_and_offset_once() {
        let e = Error::corrupt("length 5 expected, 4 found")
            .at(40)
            .at(99)
            .within("chunk FRAM")
            .within("a.srt");
        assert_eq!(
            e.to_string(),
            "a.srt: chunk FRAM: length 5 expected, 4 found at byte 40"
        );
    }

    #[test]
    fn unexpected_end_of_file_is_truncation() {
        let e = Error::from(io::Error::from(io::ErrorKind::UnexpectedEof));
        assert_eq!(e.kind(), ErrorKind::Truncated);
    }
}
