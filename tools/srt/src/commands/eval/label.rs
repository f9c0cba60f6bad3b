//! What may be said about a file of `srt eval` in a file beside it: the curve it belongs to, and what a plain
//! field was compressed to, which the field itself does not tell.

use std::io::Read;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use srt::{Error, Result};

/// What the name of a label adds to that of its file.
const ENDING: &str = ".eval.json";
/// No label is longer.
const MOST_BYTES: u64 = 1 << 16;

/// A label; where there is no such file, all of it is `None`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Label {
    /// Name of the curve that the file is a point of.
    pub(super) series: Option<String>,
    /// Bytes of the compressed file that the field was decoded from.
    pub(super) bytes: Option<NonZeroU64>,
}

impl Label {
    /// Where the label of `path` is, if it has one.
    pub(super) fn path_of(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(ENDING);
        PathBuf::from(name)
    }

    /// Reads the label of `path`, if it has one.
    ///
    /// # Errors
    /// `Corrupt` for a label that is none, `Io` for one that cannot be read.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let name = Self::path_of(path);
        let within = |error: Error| error.within(name.display());
        let file = match std::fs::File::open(&name) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(within(error.into())),
        };
        let mut text = Vec::new();
        file.take(MOST_BYTES)
            .read_to_end(&mut text)
            .map_err(|e| within(e.into()))?;
        serde_json::from_slice(&text).map_err(|error| {
            within(Error::corrupt(format!(
                "not a label such as {{\"series\": \"SZ3\", \"bytes\": 12345}}: {error}"
            )))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use srt::ErrorKind;

    #[test]
    fn labels_are_read_where_there_are_some_and_refused_where_they_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let field = folder.path().join("a.npy");
        let label = Label::of(&field).unwrap();
        assert!(label.series.is_none() && label.bytes.is_none());
        let write = |text: &str| std::fs::write(folder.path().join("a.npy.eval.json"), text);
        write(r#"{"series": "ZFP", "bytes": 17}"#).unwrap();
        let label = Label::of(&field).unwrap();
        assert_eq!(label.series.as_deref(), Some("ZFP"));
        assert_eq!(label.bytes.map(NonZeroU64::get), Some(17));
        for text in [
            "",
            "[",
            r#"{"bytes": 0}"#,
            r#"{"bytes": -4}"#,
            r#"{"size": 4}"#,
        ] {
            write(text).unwrap();
            assert_eq!(
                Label::of(&field).unwrap_err().kind(),
                ErrorKind::Corrupt,
                "{text}"
            );
        }
    }
}
