//! Arrays of numpy to values of the library and back.

use numpy::{
    Element as NumpyElement, IntoPyArray, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use srt::{AnyVolume, Element, Shape, Values, Volume, VolumeView, dtype_dispatch, f16};

use crate::errors::raised;
use crate::options::Options;
use crate::without_python;

/// An array in the order of C, of one of the types that a field may have.
pub(crate) enum Array<'py> {
    F16(PyReadonlyArrayDyn<'py, f16>),
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
    U8(PyReadonlyArrayDyn<'py, u8>),
    I8(PyReadonlyArrayDyn<'py, i8>),
    U16(PyReadonlyArrayDyn<'py, u16>),
    I16(PyReadonlyArrayDyn<'py, i16>),
    U32(PyReadonlyArrayDyn<'py, u32>),
    I32(PyReadonlyArrayDyn<'py, i32>),
}

macro_rules! first_of {
    ($object:ident: $($type:ty => $variant:ident),*) => {
        $(if let Ok(array) = $object.cast::<PyArrayDyn<$type>>() {
            return Ok(Self::$variant(array.try_readonly()?));
        })*
    };
}

impl<'py> Array<'py> {
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        first_of!(object: f32 => F32, f64 => F64, f16 => F16);
        first_of!(object: u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32);
        Err(PyTypeError::new_err(
            "an array of float16, float32, float64 or integers of up to 32 bits expected",
        ))
    }

    pub(crate) fn values(&self) -> PyResult<Values<'_>> {
        dtype_dispatch!(self, Self(array) => slice(array).map(Values::from))
    }

    pub(crate) fn shape(&self, py: Python<'_>) -> PyResult<Shape> {
        let extents = dtype_dispatch!(self, Self(array) => array.shape());
        Shape::new(extents).map_err(|e| raised(py, &e))
    }
}

/// `as_slice` takes what lies in the order of Fortran too, whose values would be those of another field.
fn slice<'a, T: NumpyElement>(array: &'a PyReadonlyArrayDyn<'_, T>) -> PyResult<&'a [T]> {
    if !array.is_c_contiguous() {
        return Err(PyValueError::new_err("an array in the order of C expected"));
    }
    array
        .as_slice()
        .map_err(|e| PyValueError::new_err(e.to_string()))
}

/// A volume as an array, which takes over its memory.
pub(crate) fn array(py: Python<'_>, volume: AnyVolume) -> PyResult<Bound<'_, PyAny>> {
    dtype_dispatch!(volume, AnyVolume(volume) => reshaped(py, volume))
}

fn reshaped<T: Element + NumpyElement>(
    py: Python<'_>,
    volume: Volume<T>,
) -> PyResult<Bound<'_, PyAny>> {
    let shape = volume.shape();
    let flat = volume.into_data().into_pyarray(py);
    Ok(flat.reshape(shape.extents().to_vec())?.into_any())
}

/// One field to the bytes of a file.
#[pyfunction]
pub(crate) fn encode<'py>(
    py: Python<'py>,
    a: &Bound<'py, PyAny>,
    options: Options,
) -> PyResult<Bound<'py, PyBytes>> {
    let array = Array::of(a)?;
    let (shape, values) = (array.shape(py)?, array.values()?);
    let encode_options = options.encode_options(py)?;
    let file = without_python(py, options.threads, || {
        srt::encode(VolumeView::new(shape, &values)?, &encode_options)
    })?;
    Ok(PyBytes::new(py, &file))
}

/// Range, mean and spread of the ordinary values.
#[pyfunction]
pub(crate) fn stat<'py>(
    py: Python<'py>,
    a: &Bound<'py, PyAny>,
    mask_value: Option<f64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let array = Array::of(a)?;
    let values = array.values()?;
    let moments = without_python(py, threads, || {
        Ok(srt::measure(&values, mask_value, &srt::Observer::default()))
    })?;
    let out = PyDict::new(py);
    out.set_item("count", moments.count as u64)?;
    out.set_item("min", moments.min)?;
    out.set_item("max", moments.max)?;
    out.set_item("mean", moments.mean)?;
    out.set_item("spread", moments.spread)?;
    Ok(out)
}
