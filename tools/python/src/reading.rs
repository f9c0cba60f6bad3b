//! An open file.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{Element as NumpyElement, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyList};
use srt::{ByteSource, DecodeOptions, Decoder, Element, FileBytes, Form, FrameReader, Region, f16};

use crate::arrays::array;
use crate::errors::raised;
use crate::sources::{HeldBytes, Ranges};
use crate::without_python;

/// A file whose frames can be read, by many threads at once.
#[pyclass(frozen, module = "srt_codec._native")]
pub(crate) struct NativeFile {
    decoder: Decoder<'static>,
}

/// A box of a level: start and size along the axes that the field has.
type Box3 = (Vec<usize>, Vec<usize>);

impl NativeFile {
    fn open(py: Python<'_>, source: Arc<dyn ByteSource>, cache_bytes: usize) -> PyResult<Self> {
        let options = DecodeOptions::default().with_cache_bytes(cache_bytes);
        let decoder = without_python(py, Some(1), || Decoder::from_source(source, options))?;
        Ok(Self { decoder })
    }

    fn frame(&self, frame: usize, level: usize) -> srt::Result<FrameReader<'_>> {
        Ok(self.decoder.frame_at(frame)?.level(level))
    }

    /// The frame with what is asked of it.
    fn request(
        &self,
        frame: usize,
        level: usize,
        region: Option<Box3>,
    ) -> srt::Result<FrameReader<'_>> {
        let reader = self.frame(frame, level)?;
        let Some((start, size)) = region else {
            return Ok(reader);
        };
        let rank = self.decoder.dataset().shape.rank();
        if start.len() != rank {
            return Err(srt::Error::invalid(format!(
                "a box of rank {rank} expected"
            )));
        }
        Ok(reader.region(Region::along_axes(&start, &size)?))
    }

    fn fill<T: Element + NumpyElement>(
        &self,
        py: Python<'_>,
        request: (usize, usize, Option<Box3>),
        out: &Bound<'_, PyArrayDyn<T>>,
        threads: Option<usize>,
    ) -> PyResult<()> {
        if !out.is_c_contiguous() {
            return Err(PyValueError::new_err("an array in the order of C expected"));
        }
        let mut out = out.try_readwrite()?;
        let values = out.as_slice_mut()?;
        let (frame, level, region) = request;
        without_python(py, threads, || {
            self.request(frame, level, region)?.read_into(values)
        })
    }
}

#[pymethods]
impl NativeFile {
    #[staticmethod]
    fn of_path(py: Python<'_>, path: PathBuf, cache_bytes: usize) -> PyResult<Self> {
        let bytes = FileBytes::open(&path).map_err(|e| raised(py, &e))?;
        Self::open(py, Arc::new(bytes), cache_bytes)
    }

    #[staticmethod]
    fn of_bytes(py: Python<'_>, data: PyBackedBytes, cache_bytes: usize) -> PyResult<Self> {
        Self::open(py, Arc::new(HeldBytes(data)), cache_bytes)
    }

    #[staticmethod]
    fn of_ranges(
        py: Python<'_>,
        object: Py<PyAny>,
        len: u64,
        cache_bytes: usize,
    ) -> PyResult<Self> {
        Self::open(py, Arc::new(Ranges { object, len }), cache_bytes)
    }

    /// What the file describes.
    fn dataset<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dataset = self.decoder.dataset();
        let out = PyDict::new(py);
        let first = 3 - dataset.shape.rank();
        out.set_item("shape", dataset.shape.extents())?;
        let placement = dataset.placement;
        out.set_item("spacing", placement.map(|p| p.spacing[first..].to_vec()))?;
        out.set_item("origin", placement.map(|p| p.origin[first..].to_vec()))?;
        out.set_item("length_unit", &dataset.length_unit)?;
        out.set_item("time_unit", &dataset.time_unit)?;
        let field = |f: &srt::Field| (f.name.clone(), f.unit.clone(), f.dtype.to_string());
        let fields: Vec<_> = dataset.fields.iter().map(field).collect();
        out.set_item("fields", fields)?;
        Ok(out)
    }

    /// What else it says of the dataset, as the text of a JSON object.
    fn attributes(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let attributes = self.decoder.attributes().map_err(|e| raised(py, &e))?;
        Ok(attributes.map(|attributes| attributes.text().to_owned()))
    }

    /// What the records say of every frame, in file order.
    fn frames<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let out = PyList::empty(py);
        for frame in self.decoder.frames() {
            let (record, item) = (frame.record(), PyDict::new(py));
            item.set_item("field", record.field)?;
            item.set_item("step", record.step)?;
            item.set_item("time", record.time)?;
            item.set_item("range", frame.range())?;
            item.set_item("bound", (record.bound.name(), record.bound.parts().1))?;
            item.set_item("ssim", record.measured.ssim)?;
            item.set_item("max_error", frame.max_error())?;
            let (form, brick) = form(&record.form);
            item.set_item("form", form)?;
            item.set_item("brick", brick)?;
            out.append(item)?;
        }
        Ok(out)
    }

    /// Extents of a level.
    fn grid(&self, py: Python<'_>, frame: usize, level: usize) -> PyResult<Vec<usize>> {
        let grid = without_python(py, Some(1), || self.frame(frame, level)?.grid())?;
        Ok(grid.extents().to_vec())
    }

    /// Number of the coarsest level.
    fn levels(&self, py: Python<'_>, frame: usize) -> PyResult<usize> {
        without_python(py, Some(1), || self.frame(frame, 0)?.coarsest_level())
    }

    /// Origin and spacing of a level.
    fn placement(
        &self,
        py: Python<'_>,
        frame: usize,
        level: usize,
    ) -> PyResult<(Vec<f64>, Vec<f64>)> {
        let placement = without_python(py, Some(1), || self.frame(frame, level)?.placement())?;
        let first = 3 - self.decoder.dataset().shape.rank();
        Ok((
            placement.origin[first..].to_vec(),
            placement.spacing[first..].to_vec(),
        ))
    }

    /// PSNR in dB of a level.
    fn psnr(&self, py: Python<'_>, frame: usize, level: usize) -> PyResult<Option<f64>> {
        let psnr = self.frame(frame, level).and_then(|frame| frame.psnr_db());
        psnr.map_err(|e| raised(py, &e))
    }

    fn read<'py>(
        &self,
        py: Python<'py>,
        frame: usize,
        level: usize,
        region: Option<Box3>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let volume = without_python(py, threads, || {
            self.request(frame, level, region)?.read_any()
        });
        array(py, volume?)
    }

    fn read_into(
        &self,
        py: Python<'_>,
        frame: usize,
        level: usize,
        region: Option<Box3>,
        out: &Bound<'_, PyAny>,
        threads: Option<usize>,
    ) -> PyResult<()> {
        let request = (frame, level, region);
        macro_rules! fill_first_of {
            ($($type:ty),*) => {
                $(if let Ok(out) = out.cast::<PyArrayDyn<$type>>() {
                    return self.fill(py, request, out, threads);
                })*
            };
        }
        fill_first_of!(f32, f64, f16, u8, i8, u16, i16, u32, i32);
        Err(PyTypeError::new_err(
            "an array of float16, float32, float64 or integers of up to 32 bits expected",
        ))
    }

    /// Bytes of the file that were looked at so far.
    fn bytes_read(&self) -> u64 {
        self.decoder.bytes_read()
    }
}

/// Name of a form, and the edge of what of it decodes by itself.
fn form(form: &Form) -> (&'static str, Option<u32>) {
    match form {
        Form::Constant => ("constant", None),
        Form::Lossless => ("lossless", None),
        Form::Wavelet(form) => ("wavelet", Some(form.brick_edge)),
        Form::Pooled(_) => ("pooled", None),
        Form::Raster(form) => ("raster", Some(form.brick_edge)),
    }
}
