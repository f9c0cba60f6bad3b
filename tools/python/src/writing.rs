//! Files that are made.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use srt::{
    AtomicFile, Attributes, Dataset, Decoder, Dtype, Encoder, Field, FileBytes, FrameKey,
    Overwrite, Placement, Shape,
};

use crate::arrays::Array;
use crate::options::Options;
use crate::without_python;

type Output = BufWriter<AtomicFile>;

/// A file to which frames are written; it appears under its name when it is finished.
#[pyclass(frozen, module = "srt_codec._native")]
pub(crate) struct NativeWriter {
    encoder: Mutex<Option<Encoder<Output>>>,
    threads: Option<usize>,
}

/// What a file describes, as `srt_codec._writer` puts it together.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Description {
    shape: Vec<usize>,
    /// Name, unit and type of each field.
    fields: Vec<(String, String, String)>,
    spacing: Option<Vec<f64>>,
    origin: Option<Vec<f64>>,
    length_unit: String,
    time_unit: String,
    /// JSON.
    attributes: Option<String>,
}

impl Description {
    fn dataset(&self) -> srt::Result<Dataset> {
        let shape = Shape::new(&self.shape)?;
        let field = |(name, unit, dtype): &(String, String, String)| {
            Ok(Field {
                name: name.clone(),
                unit: unit.clone(),
                dtype: dtype.parse::<Dtype>()?,
            })
        };
        let fields: srt::Result<Vec<Field>> = self.fields.iter().map(field).collect();
        let mut dataset = Dataset::new(shape, fields?);
        if self.spacing.is_some() || self.origin.is_some() {
            let mut placement = Placement::default();
            for (values, given) in [
                (&mut placement.spacing, &self.spacing),
                (&mut placement.origin, &self.origin),
            ] {
                let Some(given) = given else { continue };
                if given.len() != shape.rank() {
                    return Err(srt::Error::invalid(format!(
                        "{} numbers for spacing and origin expected, {} found",
                        shape.rank(),
                        given.len()
                    )));
                }
                values[3 - shape.rank()..].copy_from_slice(given);
            }
            dataset.placement = Some(placement);
        }
        dataset.length_unit.clone_from(&self.length_unit);
        dataset.time_unit.clone_from(&self.time_unit);
        Ok(dataset)
    }
}

#[pymethods]
impl NativeWriter {
    #[new]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        description: Description,
        options: Options,
    ) -> PyResult<Self> {
        let encode_options = options.encode_options(py)?;
        let begin = || {
            let out = BufWriter::new(AtomicFile::create(&path, Overwrite::Replace)?);
            let mut encoder = Encoder::new(out, description.dataset()?, encode_options)?.compact();
            if let Some(text) = &description.attributes {
                encoder.add_attributes(&Attributes::new(text)?)?;
            }
            Ok(encoder)
        };
        let encoder = without_python(py, Some(1), begin)?;
        Ok(Self {
            encoder: Mutex::new(Some(encoder)),
            threads: options.threads,
        })
    }

    /// Writes a field at a step, or from plane `start` on as many planes as the array has.
    fn write(
        &self,
        py: Python<'_>,
        a: &Bound<'_, PyAny>,
        field: usize,
        step: u64,
        time: Option<f64>,
        start: Option<u64>,
    ) -> PyResult<(u64, f64, f64)> {
        let array = Array::of(a)?;
        let values = array.values()?;
        let mut key = FrameKey::new(field, step).at(time);
        if let Some(start) = start {
            let planes = array.shape(py)?.extents().first().copied().unwrap_or(0);
            key = key.planes(start..start.saturating_add(planes as u64));
        }
        let report = without_python(py, self.threads, || {
            let mut encoder = self.encoder.lock().unwrap_or_else(PoisonError::into_inner);
            let closed = || srt::Error::invalid("an open writer expected, a closed one found");
            encoder.as_mut().ok_or_else(closed)?.write(&key, &values)
        })?;
        let comparison = report.comparison;
        Ok((report.bytes, comparison.psnr_db, comparison.max_abs_error))
    }

    /// Completes the file; gives its bytes.
    fn finish(&self, py: Python<'_>) -> PyResult<u64> {
        let encoder = self.take();
        let encoder = encoder.ok_or_else(|| PyValueError::new_err("the writer is closed"))?;
        without_python(py, Some(1), || {
            let (out, report) = encoder.finish()?;
            let file = out
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)?;
            file.commit()?;
            Ok(report.bytes)
        })
    }

    /// Gives up: nothing is left behind.
    fn abandon(&self) {
        drop(self.take());
    }
}

impl NativeWriter {
    fn take(&self) -> Option<Encoder<Output>> {
        let mut encoder = self.encoder.lock().unwrap_or_else(PoisonError::into_inner);
        encoder.take()
    }
}

/// Joins files made apart; gives the bytes of the whole.
#[pyfunction]
pub(crate) fn merge(py: Python<'_>, parts: Vec<PathBuf>, path: PathBuf) -> PyResult<u64> {
    without_python(py, Some(1), || {
        let open = |path: &PathBuf| FileBytes::open(path);
        let files: Vec<FileBytes> = parts.iter().map(open).collect::<srt::Result<_>>()?;
        let decoders = files
            .iter()
            .zip(&parts)
            .map(|(file, path)| Decoder::new(file.bytes()).map_err(|e| e.within(path.display())));
        let decoders: Vec<Decoder<'_>> = decoders.collect::<srt::Result<_>>()?;
        let out = BufWriter::new(AtomicFile::create(&path, Overwrite::Replace)?);
        let (mut out, bytes) = srt::merge(&decoders, out)?;
        out.flush()?;
        let file = out
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.commit()?;
        Ok(bytes)
    })
}
