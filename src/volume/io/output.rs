//! Fields to write, and files that appear whole or not at all.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tempfile::NamedTempFile;

use crate::base::dtype::{Dtype, Element};
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;

/// Samples converted per write.
const BLOCK: usize = 1 << 15;

/// How a field is laid out in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldFormat {
    /// `.npy` version 1.0, little endian, C order.
    Npy,
    /// Little-endian samples, `x` fastest, no header.
    Raw,
}

impl fmt::Display for FieldFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Npy => "npy",
            Self::Raw => "raw",
        })
    }
}

impl FromStr for FieldFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "npy" => Ok(Self::Npy),
            "raw" => Ok(Self::Raw),
            _ => Err(Error::invalid(format!(
                "format npy or raw expected, '{text}' found"
            ))),
        }
    }
}

/// Writes a field in `format`.
///
/// # Errors
/// `InvalidArgument` when `values` do not fill `shape`, `Io`.
pub fn write_field<T: Element>(
    out: &mut impl Write,
    format: FieldFormat,
    shape: Shape,
    values: &[T],
) -> Result<()> {
    match format {
        FieldFormat::Npy => write_npy(out, shape, values),
        FieldFormat::Raw => write_raw(out, shape, values),
    }
}

/// Writes what stands before the values of a field.
///
/// # Errors
/// `Io`.
pub fn write_header(
    out: &mut impl Write,
    format: FieldFormat,
    shape: Shape,
    dtype: Dtype,
) -> Result<()> {
    write_array_header(out, format, shape.extents(), dtype)
}

/// Writes what stands before the values of an array, of any rank: of time steps, say, one behind the other.
///
/// # Errors
/// `Io`.
pub fn write_array_header(
    out: &mut impl Write,
    format: FieldFormat,
    extents: &[usize],
    dtype: Dtype,
) -> Result<()> {
    if format == FieldFormat::Npy {
        out.write_all(&npy_header(extents, dtype))?;
    }
    Ok(())
}

/// Writes values that follow those before: a field may come in parts after its header.
///
/// # Errors
/// `Io`.
pub fn write_samples<T: Element>(out: &mut impl Write, values: &[T]) -> Result<()> {
    let mut bytes = Vec::with_capacity(BLOCK * T::DTYPE.size());
    for block in values.chunks(BLOCK) {
        bytes.clear();
        T::encode_le(block, &mut bytes);
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// Writes a field as `.npy` version 1.0, little endian, C order, in the rank of `shape`.
///
/// # Errors
/// `InvalidArgument` when `values` do not fill `shape`, `Io`.
pub fn write_npy<T: Element>(out: &mut impl Write, shape: Shape, values: &[T]) -> Result<()> {
    check_fill(shape, values)?;
    write_header(out, FieldFormat::Npy, shape, T::DTYPE)?;
    write_samples(out, values)
}

/// Writes a field as little-endian samples, `x` fastest, without a header.
///
/// # Errors
/// `InvalidArgument` when `values` do not fill `shape`, `Io`.
pub fn write_raw<T: Element>(out: &mut impl Write, shape: Shape, values: &[T]) -> Result<()> {
    check_fill(shape, values)?;
    write_samples(out, values)
}

fn check_fill<T>(shape: Shape, values: &[T]) -> Result<()> {
    if values.len() != shape.len() {
        return Err(Error::invalid(format!(
            "{} values expected for a grid of {shape}, {} found",
            shape.len(),
            values.len()
        )));
    }
    Ok(())
}

fn npy_header(extents: &[usize], dtype: Dtype) -> Vec<u8> {
    let extents: Vec<String> = extents.iter().map(ToString::to_string).collect();
    let kind = match dtype {
        Dtype::F16 | Dtype::F32 | Dtype::F64 => "<f",
        // The order of single bytes is none.
        Dtype::U8 => "|u",
        Dtype::I8 => "|i",
        Dtype::U16 | Dtype::U32 => "<u",
        Dtype::I16 | Dtype::I32 => "<i",
    };
    let dict = format!(
        "{{'descr': '{kind}{}', 'fortran_order': False, 'shape': ({}), }}",
        dtype.size(),
        // A tuple of one ends with a comma.
        extents.join(", ") + if extents.len() == 1 { "," } else { "" }
    );
    // Magic, version and length take 10 bytes, the final newline one; data starts at a multiple of
    // 64, so that a map of the file holds aligned samples.
    let len = (10 + dict.len() + 1).next_multiple_of(64);
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&((len - 10) as u16).to_le_bytes());
    header.extend_from_slice(dict.as_bytes());
    header.resize(len - 1, b' ');
    header.push(b'\n');
    header
}

/// What to do when the output exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overwrite {
    /// Fail and leave it alone.
    #[default]
    Refuse,
    /// Replace it at once when the new one is complete.
    Replace,
}

/// An output that appears under its name only by [`AtomicFile::commit`].
///
/// Until then a hidden temporary file beside it takes the bytes; dropping the value removes that.
/// A new file gets the permissions of the process's umask, a replaced one keeps its own. A symbolic
/// link is followed, also one that leads to no file yet. `-` is standard output, and devices and pipes are written to directly: what
/// went there cannot be taken back.
#[derive(Debug)]
pub struct AtomicFile {
    destination: Destination,
}

#[derive(Debug)]
enum Destination {
    Renamed {
        out: BufWriter<NamedTempFile>,
        target: PathBuf,
        overwrite: Overwrite,
    },
    Direct(BufWriter<File>),
    Stdout(BufWriter<Stdout>),
}

impl AtomicFile {
    /// Starts an output named `path`.
    ///
    /// # Errors
    /// `InvalidArgument` when `path` exists and `overwrite` refuses, or is a directory; `Io`.
    pub fn create(path: impl AsRef<Path>, overwrite: Overwrite) -> Result<Self> {
        let path = path.as_ref();
        let destination = if path.as_os_str() == "-" {
            Ok(Destination::Stdout(BufWriter::new(io::stdout())))
        } else {
            open_destination(path, overwrite)
        };
        Ok(Self {
            destination: destination.map_err(|e| e.within(path.display()))?,
        })
    }

    /// The file that takes the bytes until then; `None` where they go to their place at once. Whoever ends the program
    /// without dropping the value, as signals do, has to remove it.
    #[must_use]
    pub fn temporary_path(&self) -> Option<&Path> {
        match &self.destination {
            Destination::Renamed { out, .. } => Some(out.get_ref().path()),
            Destination::Direct(_) | Destination::Stdout(_) => None,
        }
    }

    /// Completes the output: flushes it to the disk and gives it its name.
    ///
    /// # Errors
    /// `InvalidArgument` when the name was taken meanwhile and must not be overwritten; `Io`. The
    /// temporary file is removed then.
    pub fn commit(self) -> Result<()> {
        match self.destination {
            Destination::Stdout(mut out) => Ok(out.flush()?),
            Destination::Direct(mut out) => Ok(out.flush()?),
            Destination::Renamed {
                out,
                target,
                overwrite,
            } => persist(out, &target, overwrite).map_err(|e| e.within(target.display())),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.destination {
            Destination::Renamed { out, .. } => out.write(bytes),
            Destination::Direct(out) => out.write(bytes),
            Destination::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.destination {
            Destination::Renamed { out, .. } => out.flush(),
            Destination::Direct(out) => out.flush(),
            Destination::Stdout(out) => out.flush(),
        }
    }
}

fn open_destination(path: &Path, overwrite: Overwrite) -> Result<Destination> {
    let existing = match fs::metadata(path) {
        Ok(meta) => Some(meta),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e.into()),
    };
    if let Some(meta) = &existing {
        if meta.is_dir() {
            return Err(Error::invalid("a file name expected, a directory found"));
        }
        if !meta.is_file() {
            let file = File::options().write(true).open(path)?;
            return Ok(Destination::Direct(BufWriter::new(file)));
        }
        if overwrite == Overwrite::Refuse {
            return Err(taken());
        }
    }
    let target = match &existing {
        Some(_) => path.canonicalize()?,
        None => end_of_links(path),
    };
    let Some(name) = target.file_name() else {
        return Err(Error::invalid("a file name expected"));
    };
    let dir = match target.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    // Names are limited to 255 bytes on most systems; the temporary one needs some of its own.
    let stem: String = name.to_string_lossy().chars().take(40).collect();
    let file = create_beside(dir, &stem)?;
    if let Some(meta) = existing {
        file.as_file().set_permissions(meta.permissions())?;
    }
    Ok(Destination::Renamed {
        out: BufWriter::with_capacity(1 << 18, file),
        target,
        overwrite,
    })
}

/// Where a link leads that leads to no file yet; any other path as it is. The system follows fewer links than this.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..64 {
        match (fs::read_link(&path), path.parent()) {
            (Ok(next), Some(dir)) => path = dir.join(next),
            (Ok(_), None) | (Err(_), _) => break,
        }
    }
    path
}

fn create_beside(dir: &Path, stem: &str) -> Result<NamedTempFile> {
    let prefix = format!(".{stem}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".srt.tmp");
    if let Some(permissions) = open_permissions() {
        builder.permissions(permissions);
    }
    Ok(builder.tempfile_in(dir)?)
}

/// The mode every ordinary program creates files with; the system takes the umask off.
#[cfg(unix)]
fn open_permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn open_permissions() -> Option<Permissions> {
    None
}

fn persist(out: BufWriter<NamedTempFile>, target: &Path, overwrite: Overwrite) -> Result<()> {
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    let renamed = match overwrite {
        Overwrite::Refuse => file.persist_noclobber(target),
        Overwrite::Replace => file.persist(target),
    };
    match renamed {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Err(taken()),
        Err(e) => Err(e.error.into()),
    }
}

fn taken() -> Error {
    Error::invalid("file exists and must not be overwritten")
}
