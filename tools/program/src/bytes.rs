//! Files as bytes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use srt::{Error, FileBytes, MAGIC, Result};

use crate::destination::is_standard;

/// Most bytes of a pipe or a device that does not start as an .srt file: any it could be is shorter, and what has no end
/// ends here.
const MOST_OF_OTHERS: u64 = 256 << 20;

/// Bytes of a file, mapped where that is possible; `-` is standard input. Of pipes and devices that do not start as an .srt
/// file no more is read than something else that is asked for may have.
///
/// # Errors
/// `Io`; `LimitExceeded` for what does not end.
pub fn read_file(path: &Path) -> Result<FileBytes> {
    load_file(path).map_err(|e| e.within(path.display()))
}

/// As [`read_file`]; errors do not name the file.
///
/// # Errors
/// As [`read_file`].
pub fn load_file(path: &Path) -> Result<FileBytes> {
    if is_standard(path) {
        return read_stream(io::stdin().lock(), MOST_OF_OTHERS);
    }
    match open_stream(path)? {
        None => FileBytes::load(path),
        Some(file) => read_stream(file, MOST_OF_OTHERS),
    }
}

/// A pipe or a device, which cannot be mapped and may have no end.
fn open_stream(path: &Path) -> io::Result<Option<File>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() || metadata.is_dir() {
        return Ok(None);
    }
    File::open(path).map(Some)
}

fn read_stream(mut stream: impl Read, most: u64) -> Result<FileBytes> {
    let mut bytes = Vec::new();
    let start = MAGIC.len() as u64;
    stream.by_ref().take(start).read_to_end(&mut bytes)?;
    if bytes.starts_with(&MAGIC) {
        stream.read_to_end(&mut bytes)?;
        return Ok(bytes.into());
    }
    let left = most.saturating_sub(bytes.len() as u64);
    stream.by_ref().take(left).read_to_end(&mut bytes)?;
    if stream.read(&mut [0])? > 0 {
        let message = format!("not an .srt file, and longer than {most} bytes: it may have no end");
        return Err(Error::limit(message));
    }
    Ok(bytes.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use srt::ErrorKind;

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let endless = read_stream(io::repeat(0), 1000).unwrap_err();
        assert_eq!(endless.kind(), ErrorKind::LimitExceeded);
        let exact = read_stream(&[7; 1000][..], 1000).unwrap();
        assert_eq!(exact.bytes(), [7; 1000]);
        let file = [&MAGIC[..], &[0; 2000]].concat();
        assert_eq!(read_stream(&file[..], 1000).unwrap().bytes(), file);
        assert!(read_stream(&b"ab"[..], 1000).unwrap().bytes() == b"ab");
    }
}
