//! Two fields compared.

use std::sync::Arc;

use srt::{
    AnyVolume, Element, Error, EvalReport, Input, Judging, Observer, Result, Shape, Values,
    dtype_dispatch,
};

/// How a frame is judged beside `original`, whose pages are let go of as it is read.
pub(crate) fn judging_of(original: &Arc<Input>, mask_value: Option<f64>) -> Judging {
    let mapped = Arc::clone(original);
    let observer = Observer::default().on_values_read(move |values| mapped.release(values));
    Judging::default()
        .with_mask_value(mask_value)
        .with_observer(observer)
}

/// Compares two plain fields of any types where the original is not `mask_value`.
pub(crate) fn measure(
    original: &Input,
    reconstructed: &Input,
    mask_value: Option<f64>,
) -> Result<EvalReport> {
    let shape = original.shape();
    check_shapes(shape, reconstructed.shape())?;
    dtype_dispatch!(original.values()?, Values(original) => {
        let mask = mask_value.map(|value| ordinary(&original, value));
        dtype_dispatch!(reconstructed.values()?, Values(v) => {
            EvalReport::measure(shape, &original, &v, mask.as_deref())
        })
    })
}

/// Which values are not `mask_value`.
fn ordinary<E: Element>(values: &[E], mask_value: f64) -> Vec<bool> {
    let fill = E::from_f64(mask_value);
    values.iter().map(|v| *v != fill).collect()
}

/// Values in double precision; all types convert exactly.
pub(crate) fn doubles(volume: &AnyVolume) -> Vec<f64> {
    dtype_dispatch!(volume, AnyVolume(v) => v.data().iter().map(|v| v.to_f64()).collect())
}

/// Values in double precision, NaN for those equal to `mask_value` in their own type.
pub(crate) fn doubles_of(input: &Input, mask_value: Option<f64>) -> Result<Vec<f64>> {
    Ok(dtype_dispatch!(input.values()?, Values(values) => {
        let doubles = values.iter().map(|v| v.to_f64());
        match mask_value {
            None => doubles.collect(),
            Some(value) => doubles
                .zip(ordinary(&values, value))
                .map(|(v, ordinary)| if ordinary { v } else { f64::NAN })
                .collect(),
        }
    }))
}

/// # Errors
/// `InvalidArgument` unless the shapes agree.
fn check_shapes(original: Shape, reconstructed: Shape) -> Result<()> {
    if original != reconstructed {
        return Err(Error::invalid(format!(
            "the original has {original} voxels, the reconstruction {reconstructed}"
        )));
    }
    Ok(())
}
