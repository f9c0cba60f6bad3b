//! Fields to files.

use std::io::Write;

use super::encode_frame::{Encoded, encode_frame};
use super::options::{EncodeOptions, check_bound};
use super::search::Progress;
use super::weights::Weights;
use crate::container::{ChunkType, Dataset, Field, Writer};
use crate::error::Result;
use crate::grid::Shape;
use crate::metrics::Comparison;
use crate::volume::io::Values;

/// What an encoder reports.
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

/// Encodes one field into a file.
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
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(W, EncodeReport)> {
    check_bound(options.bound)?;
    let pool = super::pool(options.threads)?;
    let weights = Weights::choose(shape, options)?;
    let weights = weights.as_ref();
    let (encoded, value_bytes) =
        pool.install(|| encode_values(shape, values, options, weights, progress))?;
    let dataset = Dataset {
        shape,
        fields: vec![Field {
            name: options.field.clone(),
            unit: options.unit.clone(),
            value_bytes,
        }],
    };
    let weights = weights.filter(|_| encoded.uses_networks());
    let mut writer = Writer::new(out)?;
    writer.chunk(ChunkType::DSET, 0, &dataset.to_bytes())?;
    for (kind, part, payload) in weights.iter().flat_map(|w| &w.chunks) {
        writer.chunk(*kind, *part, payload)?;
    }
    for (kind, part, payload) in &encoded.chunks(value_bytes) {
        writer.chunk(*kind, *part, payload)?;
    }
    let (out, bytes) = writer.finish()?;
    let report = EncodeReport {
        bytes,
        weight_bytes: weights.map_or(0, Weights::embedded_bytes),
        raw_bytes: shape.len() as u64 * u64::from(value_bytes),
        comparison: encoded.comparison,
        ssim: encoded.ssim,
        verify_seconds: encoded.verify_seconds,
        model: weights
            .map_or("none", |w| &w.networks.hierarchy.name)
            .to_owned(),
        backend: options.backend.name().into(),
    };
    Ok((out, report))
}

/// Encodes values of any type; returns the frame and the size of a value. Not generic over the sink, so
/// that callers do not compile the encoder again.
fn encode_values(
    shape: Shape,
    values: &Values<'_>,
    options: &EncodeOptions,
    weights: Option<&Weights>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Encoded, u8)> {
    Ok(match values {
        Values::F16(v) => (encode_frame(shape, v, options, weights, progress)?, 2),
        Values::F32(v) => (encode_frame(shape, v, options, weights, progress)?, 4),
        Values::F64(v) => (encode_frame(shape, v, options, weights, progress)?, 8),
    })
}
