//! Answers, before they are HTTP.

use serde::Serialize;
use srt::{Error, ErrorKind};

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// Type of the numbers in the body, if that is what it has.
    pub(crate) dtype: Option<&'static str>,
    pub(crate) body: Vec<u8>,
}

#[derive(Serialize)]
struct Complaint {
    error: String,
}

impl Reply {
    pub(crate) fn file(content_type: &'static str, text: &'static str) -> Self {
        Self {
            status: 200,
            content_type,
            dtype: None,
            body: text.into(),
        }
    }

    pub(crate) fn numbers(dtype: &'static str, body: Vec<u8>) -> Self {
        Self {
            status: 200,
            content_type: "application/octet-stream",
            dtype: Some(dtype),
            body,
        }
    }

    pub(crate) fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status: 200,
                content_type: "application/json",
                dtype: None,
                body,
            },
            Err(error) => Self::complaint(500, error.to_string()),
        }
    }

    /// What went wrong, in words, as JSON.
    pub(crate) fn complaint(status: u16, message: impl Into<String>) -> Self {
        let error = Complaint {
            error: message.into(),
        };
        Self {
            status,
            ..Self::json(&error)
        }
    }
}

impl From<Error> for Reply {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidArgument => 400,
            // The request is well formed, the file or this machine cannot give what it asks for.
            _ => 422,
        };
        Self::complaint(status, error.to_string())
    }
}
