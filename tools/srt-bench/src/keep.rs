//! Decoded fields kept for `srt eval`: an `.npy`, and beside it the label that tells what was decoded.

use std::path::{Path, PathBuf};

use srt::{Error, Result};

use crate::codec::{Codec, Target};
use crate::field::Field;
use crate::search::Setting;

/// Where the field of a row is kept.
pub(crate) fn path(folder: &Path, field: &str, codec: Codec, target: Target) -> PathBuf {
    let (codec, kind, value) = (codec.name(), target.kind(), target.value());
    folder.join(format!("{field}-{codec}-{kind}-{value}.npy"))
}

/// Writes the decoded field and its label, `PATH.eval.json`.
pub(crate) fn write(path: &Path, codec: Codec, field: &Field, found: &Setting) -> Result<()> {
    let Some(decoded) = &found.decoded else {
        return Err(Error::invalid("a decoded field expected"));
    };
    field.write_npy(path, decoded)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".eval.json");
    let label = serde_json::json!({ "series": codec.title(), "bytes": found.bytes });
    let name = PathBuf::from(name);
    std::fs::write(&name, format!("{label}\n")).map_err(|e| Error::from(e).within(name.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Data;
    use crate::search::search;
    use srt::Shape;

    #[test]
    fn what_is_kept_is_what_was_measured() {
        let shape = Shape::new(&[16, 16, 16]).unwrap();
        let values = (0..shape.len()).map(|i| (i as f32 * 0.01).sin());
        let field = Field {
            shape,
            data: Data::F32(values.collect()),
        };
        let folder = tempfile::tempdir().unwrap();
        let target = Target::Psnr(40.0);
        for codec in [Codec::Sz3, Codec::SrtNone] {
            let found = search(codec, &field, target, 1).unwrap();
            let path = path(folder.path(), "f", codec, target);
            write(&path, codec, &field, &found).unwrap();
            let kept = Field::read(&path, None, None).unwrap();
            assert_eq!(kept.shape, shape);
            assert_eq!(field.compare(&kept.data).unwrap().0, found.psnr_db);
            let name = format!("f-{}-psnr-40.npy.eval.json", codec.name());
            let label = std::fs::read(folder.path().join(name)).unwrap();
            let label: serde_json::Value = serde_json::from_slice(&label).unwrap();
            assert_eq!(label["bytes"], found.bytes);
            assert_eq!(label["series"], codec.title());
        }
    }
}
