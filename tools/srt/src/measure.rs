//! Two fields compared.

use srt::{AnyVolume, Element, Error, EvalReport, Input, Result, Shape, Values, dtype_dispatch};

/// Compares two fields of any types.
pub(crate) fn measure(original: &Input, reconstructed: &AnyVolume) -> Result<EvalReport> {
    let shape = original.shape();
    check_shapes(shape, reconstructed.shape())?;
    dtype_dispatch!(original.values()?, Values(original) => {
        dtype_dispatch!(reconstructed, AnyVolume(v) => {
            EvalReport::measure(shape, &original, v.data(), None)
        })
    })
}

/// Values in double precision; all types convert exactly.
pub(crate) fn doubles(volume: &AnyVolume) -> Vec<f64> {
    dtype_dispatch!(volume, AnyVolume(v) => v.data().iter().map(|v| v.to_f64()).collect())
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
