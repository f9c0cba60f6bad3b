//! The ancillary chunk `aTTr` (spec section 4.12): what else is known of a dataset, as JSON.

use serde_json::Value;

use crate::base::error::{Error, Result};

/// Longest text in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Most arrays and objects within each other.
const MAX_DEPTH: usize = 16;

/// What is known of a dataset beside its record: a JSON object of at most 1 MiB, not more than 16 deep. Nothing in it
/// changes what a file decodes to.
///
/// Its members are the caller's, but for those of the specification (section 4.12): `attributes`, `dimensions`,
/// `coordinates` and `fields`.
///
/// ```
/// use srt::Attributes;
///
/// let text = r#"{"dimensions": ["lat", "lon"], "coordinates": {"lat": {"values": [-1.5, 0.0, 2.0]}}}"#;
/// assert_eq!(Attributes::new(text)?.text(), text);
/// assert!(Attributes::new("[1, 2]").is_err());
/// # Ok::<(), srt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes(String);

impl Attributes {
    /// Attributes as the text of a JSON object.
    ///
    /// # Errors
    /// `InvalidArgument` for what is none, or is larger or deeper than it may be.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        check(&text).map_err(Error::invalid)?;
        Ok(Self(text))
    }

    /// Reads the payload of a chunk, which lies at `offset` in the file.
    ///
    /// # Errors
    /// `Corrupt` for a payload that is none.
    pub fn parse(payload: &[u8], offset: u64) -> Result<Self> {
        let corrupt = |why: String| Error::corrupt(why).at(offset);
        let text = std::str::from_utf8(payload).map_err(|e| corrupt(e.to_string()))?;
        check(text).map_err(corrupt)?;
        Ok(Self(text.to_owned()))
    }

    /// The text of the JSON object.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_BYTES {
        return Err(format!(
            "attributes of at most {MAX_BYTES} bytes expected, {} found",
            text.len()
        ));
    }
    // The parser gives up where it gets deep, so that the walk below does not.
    let value: Value = serde_json::from_str(text).map_err(|e| format!("attributes: {e}"))?;
    if !value.is_object() {
        return Err("attributes that are a JSON object expected".into());
    }
    if !is_shallow(&value, MAX_DEPTH) {
        return Err(format!("attributes at most {MAX_DEPTH} deep expected"));
    }
    Ok(())
}

fn is_shallow(value: &Value, depth: usize) -> bool {
    let Some(inner) = depth.checked_sub(1) else {
        return !value.is_object() && !value.is_array();
    };
    match value {
        Value::Array(values) => values.iter().all(|value| is_shallow(value, inner)),
        Value::Object(members) => members.values().all(|value| is_shallow(value, inner)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::ErrorKind;

    #[test]
    fn an_object_within_bounds_and_nothing_else() {
        let deep = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
        let long = |n: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(n - 8));
        for good in ["{}", &deep(MAX_DEPTH), &long(MAX_BYTES)] {
            assert_eq!(Attributes::new(good).unwrap().text(), good);
            assert_eq!(Attributes::parse(good.as_bytes(), 0).unwrap().text(), good);
        }
        let too_deep = [deep(MAX_DEPTH + 1), deep(100_000), "[".repeat(100_000)];
        let others = ["", "null", "[]", "{", "{} x", &long(MAX_BYTES + 1)];
        for bad in too_deep.iter().map(String::as_str).chain(others) {
            let invalid = Attributes::new(bad).unwrap_err();
            assert_eq!(invalid.kind(), ErrorKind::InvalidArgument);
            let corrupt = Attributes::parse(bad.as_bytes(), 7).unwrap_err();
            assert_eq!(
                (corrupt.kind(), corrupt.offset()),
                (ErrorKind::Corrupt, Some(7))
            );
        }
        assert!(Attributes::parse(b"{\"a\": \"\xff\"}", 0).is_err());
    }
}
