//! One field to one file.

use std::io::Write;

use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::container::{Dataset, Field};
use crate::file::encoder::Encoder;
use crate::metrics::Comparison;
use crate::options::EncodeOptions;
use crate::volume::Values;

/// What an encoder reports of a file with one field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EncodeReport {
    /// Bytes of the file.
    pub bytes: u64,
    /// Of these, embedded network weights.
    pub weight_bytes: u64,
    /// Bytes of the field in memory.
    pub raw_bytes: u64,
    /// Errors of the decoded field.
    pub comparison: Comparison,
    /// SSIM of the decoded field, if asked for.
    pub ssim: Option<f64>,
    /// Seconds spent on decoding and measuring the frame for the last time.
    pub verify_seconds: f64,
    /// Name of the model that predicted details, or `none`.
    pub model: String,
    /// Backend that ran the networks.
    pub backend: String,
}

/// Encodes one field into a file: an [`Encoder`] with one frame.
///
/// The encoder decodes what it wrote; the bound holds for what every decoder will return.
///
/// # Errors
/// `InvalidArgument` for options that make no sense, `BoundNotMet`, `Io`.
pub fn encode_volume<W: Write>(
    shape: Shape,
    values: &Values<'_>,
    options: &EncodeOptions,
    out: W,
) -> Result<(W, EncodeReport)> {
    let field = Field {
        name: options.names.field.clone(),
        unit: options.names.unit.clone(),
        dtype: values.dtype(),
    };
    let mut encoder = Encoder::new(out, Dataset::new(shape, vec![field]), options.clone())?;
    let frame = encoder.frame(0, 0, None, values)?;
    let (out, file) = encoder.finish()?;
    let report = EncodeReport {
        bytes: file.bytes,
        weight_bytes: file.weight_bytes,
        raw_bytes: file.raw_bytes,
        comparison: frame.comparison,
        ssim: frame.ssim,
        verify_seconds: frame.verify_seconds,
        model: file.model,
        backend: file.backend,
    };
    Ok((out, report))
}
