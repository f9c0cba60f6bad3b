//! Two fields compared.

use std::sync::Arc;

use srt::{
    AnyVolume, Element, EvalReport, Input, Judging, Observer, Result, Values, compare_fields,
    dtype_dispatch,
};

/// How a field is judged beside `original`, whose pages are let go of as it is read.
pub(crate) fn judging_of(original: &Arc<Input>, mask_value: Option<f64>) -> Judging {
    Judging::default()
        .with_mask_value(mask_value)
        .with_observer(released(original))
}

/// Lets go of the pages of a field as it is read.
fn released(input: &Arc<Input>) -> Observer {
    let mapped = Arc::clone(input);
    Observer::default().on_values_read(move |values| mapped.release(values))
}

/// Compares two plain fields of any types where the original is not `mask_value`.
pub(crate) fn measure(
    original: &Arc<Input>,
    reconstructed: &Arc<Input>,
    mask_value: Option<f64>,
) -> Result<EvalReport> {
    compare_fields(
        &original.view()?,
        &reconstructed.view()?,
        &judging_of(original, mask_value),
        &released(reconstructed),
    )
}

/// Which values are not `mask_value`.
fn ordinary<E: Element>(values: &[E], mask_value: f64) -> Vec<bool> {
    let fill = E::from_mark(mask_value);
    values.iter().map(|v| Some(*v) != fill).collect()
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
