//! One field to one file and back, in one call.

use std::io::Write;

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::container::{Dataset, Field};
use crate::file::decoder::Decoder;
use crate::file::encoder::Encoder;
use crate::file::frame_key::FrameKey;
use crate::metrics::Comparison;
use crate::options::EncodeOptions;
use crate::volume::{AnyVolume, Volume, VolumeView};

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

/// Encodes one field: the bytes of a file.
///
/// The encoder decodes what it wrote; the bound holds for what every decoder will return. For several
/// fields and time steps there is [`Encoder`].
///
/// ```
/// use srt::{Bound, EncodeOptions, Shape, Volume, VolumeView};
///
/// let shape = Shape::new(&[8, 9, 10])?;
/// let volume = Volume::new(shape, vec![1.5f32; 720])?;
/// let options = EncodeOptions::new(Bound::MaxError(1e-3)).with_field("pressure");
/// let file = srt::encode(&volume, &options)?;
///
/// // The same values without a copy of them in a volume.
/// let slice = [1.5f32; 720];
/// assert_eq!(srt::encode(VolumeView::new(shape, &slice[..])?, &options)?, file);
/// # Ok::<(), srt::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for options that make no sense, `BoundNotMet`.
pub fn encode<'a>(volume: impl Into<VolumeView<'a>>, options: &EncodeOptions) -> Result<Vec<u8>> {
    encode_with_report(volume, options, Vec::new()).map(|(file, _)| file)
}

/// Encodes one field into anything that takes bytes, as [`encode`] does, and says how it went: an
/// [`Encoder`] with one frame. A small file is a compact one (spec section 5.1), which all readers take;
/// [`expand`](crate::container::expand) gives its long form.
///
/// ```
/// use srt::{Bound, EncodeOptions, Shape, Volume};
///
/// let volume = Volume::new(Shape::new(&[8, 9])?, vec![0.25f64; 72])?;
/// let options = EncodeOptions::new(Bound::Psnr(60.0));
/// let (file, report) = srt::encode_with_report(&volume, &options, Vec::new())?;
/// assert_eq!(report.bytes, file.len() as u64);
/// assert_eq!(report.comparison.max_abs_error, 0.0);
/// # Ok::<(), srt::Error>(())
/// ```
///
/// # Errors
/// As [`encode`], and `Io`.
pub fn encode_with_report<'a, W: Write>(
    volume: impl Into<VolumeView<'a>>,
    options: &EncodeOptions,
    out: W,
) -> Result<(W, EncodeReport)> {
    let volume = volume.into();
    let field = Field {
        name: options.names.field.clone(),
        unit: options.names.unit.clone(),
        dtype: volume.values().dtype(),
    };
    let dataset = Dataset::new(volume.shape(), vec![field]);
    let mut encoder = Encoder::new(out, dataset, options.clone())?.compact();
    let frame = encoder.write(&FrameKey::new(0, 0), volume.values())?;
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

/// Decodes the only frame of a file, at full resolution, to the type that its field has.
///
/// For files of several frames, for coarser levels and for parts there is [`Decoder`].
///
/// ```
/// use srt::{Bound, EncodeOptions, Shape, Volume};
///
/// let volume = Volume::new(Shape::new(&[8, 9, 10])?, vec![1.5f32; 720])?;
/// let file = srt::encode(&volume, &EncodeOptions::new(Bound::MaxError(1e-3)))?;
/// assert_eq!(srt::decode::<f32>(&file)?, volume);
/// assert!(srt::decode::<f64>(&file).is_err()); // nothing is converted
/// # Ok::<(), srt::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` when the field is of another type or the file has not one frame; `Corrupt`,
/// `Truncated`, `Unsupported`, `LimitExceeded`, `MissingWeights`.
pub fn decode<T: Element>(bytes: &[u8]) -> Result<Volume<T>> {
    Decoder::new(bytes)?.only_frame()?.read()
}

/// Decodes the only frame of a file as [`decode`] does, to whatever type its field has.
///
/// # Errors
/// As [`decode`], but for the type.
pub fn decode_any(bytes: &[u8]) -> Result<AnyVolume> {
    Decoder::new(bytes)?.only_frame()?.read_any()
}
