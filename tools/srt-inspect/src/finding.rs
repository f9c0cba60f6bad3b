//! What is wrong with a file, one finding per fault.

use serde_json::{Value, json};
use srt::{Error, ErrorKind};
use srt_program::printable;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; the file follows the specification.
    Note,
    /// Valid as far as can be told, but newer than this program or in need of weights it lacks.
    Unsupported,
    /// The file contradicts the specification.
    Fault,
}

/// One thing found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A word for the rule, stable across versions.
    pub rule: &'static str,
    /// Offset in the file.
    pub offset: u64,
    /// Number of the chunk, where it lies in one.
    pub chunk: Option<u64>,
    /// Expected and found.
    pub message: String,
}

impl Finding {
    /// A fault.
    pub fn fault(rule: &'static str, offset: u64, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Fault,
            rule,
            offset,
            chunk: None,
            message: message.into(),
        }
    }

    /// A note.
    pub fn note(rule: &'static str, offset: u64, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::fault(rule, offset, message)
        }
    }

    /// What the library says of a structure at `offset`.
    pub fn from_error(rule: &'static str, offset: u64, error: &Error) -> Self {
        let severity = match error.kind() {
            ErrorKind::Unsupported | ErrorKind::MissingWeights | ErrorKind::LimitExceeded => {
                Severity::Unsupported
            }
            _ => Severity::Fault,
        };
        let offset = error.offset().unwrap_or(offset);
        let message = error.to_string();
        let position = format!(" at byte {offset}");
        Self {
            severity,
            ..Self::fault(rule, offset, message.trim_end_matches(&position))
        }
    }

    /// Adds the chunk.
    #[must_use]
    pub fn in_chunk(mut self, number: u64) -> Self {
        self.chunk = Some(number);
        self
    }

    /// The finding as one line.
    #[must_use]
    pub fn line(&self) -> String {
        let severity = self.severity.word();
        let place = match self.chunk {
            Some(number) => format!("chunk {number}, byte {}", self.offset),
            None => format!("byte {}", self.offset),
        };
        let message = printable(&self.message);
        format!("{severity}: {place}: {message} [{}]", self.rule)
    }

    /// The finding as data.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "severity": self.severity.word(),
            "rule": self.rule,
            "offset": self.offset,
            "chunk": self.chunk,
            "message": self.message,
        })
    }
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Unsupported => "unsupported",
            Self::Fault => "fault",
        }
    }
}
