//! Fields to files.

use std::io::Write;
use std::sync::Arc;

use super::fill::fill_masked;
use super::frame::{Candidate, Networks, SHRINK};
use super::quantise::Analysis;
use super::sample::{Normalisation, Sample, check_len};
use super::search::{Found, Progress, Search};
use crate::backend::cpu::Cpu;
use crate::codec::{lossless, mask::Mask};
use crate::container::{
    Bound, CHUNK_HEADER_LEN, ChunkType, Dataset, Field, Form, Frame, Measured, WaveletForm,
    WeightsReference, Writer,
};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Axes, Shape};
use crate::metrics::{Comparison, compare};
use crate::network::{Hierarchy, Transform, builtin_by_hash, default_model};
use crate::real::Real;
use crate::recon::Partition;
use crate::transform::{Plan, Wavelet};
use crate::volume::io::Values;

/// Most levels of the transform.
const MAX_LEVELS: usize = 15;
/// Values per lossless part.
pub(super) const LOSSLESS_PART: usize = 1 << 22;
/// Lossless coding is tried when the lossy form takes more than this fraction of the raw bytes.
const TRY_LOSSLESS_ABOVE: f64 = 0.35;
/// A ratio counts as reached from this fraction of it.
const RATIO_TOLERANCE: f64 = 0.97;
/// Bytes of a one-field file around its payloads and their headers.
const FIXED_BYTES: usize = 200;

/// Which networks predict the details.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Model {
    /// The built-in model for the field's rank.
    #[default]
    Default,
    /// No prediction.
    None,
    /// This one.
    Given(Arc<Hierarchy>),
}

/// Whether the weights go into the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmbedWeights {
    /// Unless they are built into the program.
    #[default]
    Auto,
    /// Always.
    Yes,
    /// Never: the file names them by their SHA-256.
    No,
}

/// How a field is encoded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Error bound.
    pub bound: Bound,
    /// Name of the field; may be empty.
    pub field: String,
    /// Unit of the field; may be empty.
    pub unit: String,
    /// Axes along which the field repeats. Default none.
    pub periodic: Axes,
    /// Filter pair. Default: Haar when the model given is made of networks for Haar, as the paper's
    /// are, else CDF 9/7.
    pub wavelet: Option<Wavelet>,
    /// Edge of a brick in voxels, a power of two from 64. Default 64 in 3-D, 512 in 2-D.
    pub brick_edge: Option<u32>,
    /// A value that marks voxels without data. Default none.
    pub mask_value: Option<f64>,
    /// Networks. Default: the built-in model.
    pub model: Model,
    /// Whether weights are embedded. Default: unless they are built in.
    pub embed_weights: EmbedWeights,
    /// Threads; default all cores.
    pub threads: Option<usize>,
    /// Whether the report shall contain the SSIM. Default false; the file does not depend on it.
    pub measure_ssim: bool,
}

impl EncodeOptions {
    /// Default options for a bound.
    #[must_use]
    pub fn new(bound: Bound) -> Self {
        Self {
            bound,
            field: String::new(),
            unit: String::new(),
            periodic: Axes::NONE,
            wavelet: None,
            brick_edge: None,
            mask_value: None,
            model: Model::Default,
            embed_weights: EmbedWeights::Auto,
            threads: None,
            measure_ssim: false,
        }
    }

    /// Sets the name of the field.
    #[must_use]
    pub fn with_field(mut self, name: impl Into<String>) -> Self {
        self.field = name.into();
        self
    }

    /// Sets the axes along which the field repeats.
    #[must_use]
    pub fn with_periodic(mut self, axes: Axes) -> Self {
        self.periodic = axes;
        self
    }

    /// Sets the filter pair.
    #[must_use]
    pub fn with_wavelet(mut self, wavelet: Wavelet) -> Self {
        self.wavelet = Some(wavelet);
        self
    }

    /// Sets the edge of a brick in voxels.
    #[must_use]
    pub fn with_brick_edge(mut self, edge: u32) -> Self {
        self.brick_edge = Some(edge);
        self
    }

    /// Sets the value that marks voxels without data.
    #[must_use]
    pub fn with_mask_value(mut self, value: f64) -> Self {
        self.mask_value = Some(value);
        self
    }

    /// Sets the networks.
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.model = model;
        self
    }

    /// Sets whether weights are embedded.
    #[must_use]
    pub fn with_embed_weights(mut self, embed: EmbedWeights) -> Self {
        self.embed_weights = embed;
        self
    }

    /// Sets the number of threads.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }
}

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
        backend: "cpu".into(),
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

/// The networks an encoder may use, as objects and as chunks.
pub(super) struct Weights {
    pub(super) networks: Networks,
    chunks: Vec<(ChunkType, u32, Vec<u8>)>,
}

impl Weights {
    pub(super) fn choose(shape: Shape, options: &EncodeOptions) -> Result<Option<Self>> {
        let hierarchy = match &options.model {
            Model::None => return Ok(None),
            Model::Default => default_model(shape.rank())?,
            Model::Given(hierarchy) => Some(Arc::clone(hierarchy)),
        };
        let Some(hierarchy) = hierarchy else {
            return Ok(None);
        };
        let sha256 = hierarchy.sha256();
        let embed = match options.embed_weights {
            EmbedWeights::Yes => true,
            EmbedWeights::No => false,
            EmbedWeights::Auto => builtin_by_hash(&sha256)?.is_none(),
        };
        let chunks = match embed {
            true => {
                let networks = hierarchy.networks().iter().zip(0u32..);
                networks
                    .map(|(network, part)| (ChunkType::NETW, part, network.to_bytes()))
                    .collect()
            }
            false => {
                let name = hierarchy.name.clone();
                vec![(
                    ChunkType::NREF,
                    0,
                    WeightsReference { sha256, name }.to_bytes(),
                )]
            }
        };
        let backend = Arc::new(Cpu::detect());
        Ok(Some(Self {
            networks: Networks { hierarchy, backend },
            chunks,
        }))
    }

    /// Bytes all its chunks add to a file.
    fn len(&self) -> usize {
        self.chunks
            .iter()
            .map(|(_, _, payload)| payload.len() + CHUNK_HEADER_LEN + 6)
            .sum()
    }

    /// Bytes of embedded networks; a reference is no weights.
    fn embedded_bytes(&self) -> u64 {
        let embedded = self
            .chunks
            .iter()
            .filter(|(kind, _, _)| *kind == ChunkType::NETW);
        embedded
            .map(|(_, _, payload)| (payload.len() + CHUNK_HEADER_LEN) as u64)
            .sum()
    }
}

fn check_bound(bound: Bound) -> Result<()> {
    let (value, ok, what) = match bound {
        Bound::Psnr(v) => (v, v.is_finite() && v > 0.0, "a PSNR above 0 dB"),
        Bound::Ssim(v) => (v, v > 0.0 && v < 1.0, "an SSIM between 0 and 1"),
        Bound::MaxError(v) => (v, v.is_finite() && v >= 0.0, "a finite error from 0"),
        Bound::RelError(v) => (
            v,
            (0.0..1.0).contains(&v),
            "a relative error from 0 to below 1",
        ),
        Bound::Ratio(v) => (v, v.is_finite() && v >= 1.0, "a ratio from 1"),
    };
    if ok {
        return Ok(());
    }
    Err(Error::invalid(format!("{what} expected, {value} found")))
}

/// A frame before it is written.
struct Encoded {
    frame: Frame,
    mask: Option<Vec<u8>>,
    tree: Option<Vec<u8>>,
    bricks: Vec<(u32, Vec<u8>)>,
    corrections: Option<Vec<u8>>,
    comparison: Comparison,
    ssim: Option<f64>,
    verify_seconds: f64,
}

impl Encoded {
    fn uses_networks(&self) -> bool {
        matches!(&self.frame.form, Form::Wavelet(form) if form.network.is_some())
    }

    fn step(&self) -> Option<f64> {
        match &self.frame.form {
            Form::Wavelet(form) => Some(form.step),
            Form::Constant | Form::Lossless => None,
        }
    }

    fn chunks(&self, value_bytes: u8) -> Vec<(ChunkType, u32, std::borrow::Cow<'_, [u8]>)> {
        let mut chunks = vec![(ChunkType::FRAM, 0, self.frame.to_bytes(value_bytes).into())];
        let optional = |kind, payload: &'_ Option<Vec<u8>>| {
            payload.as_deref().map(|p| (kind, 0, p.to_vec().into()))
        };
        chunks.extend(optional(ChunkType::MASK, &self.mask));
        chunks.extend(optional(ChunkType::TREE, &self.tree));
        chunks.extend(
            self.bricks
                .iter()
                .map(|(part, p)| (ChunkType::BRIK, *part, p.as_slice().into())),
        );
        chunks.extend(optional(ChunkType::CORR, &self.corrections));
        chunks
    }

    fn len(&self) -> usize {
        let payloads = [&self.mask, &self.tree, &self.corrections];
        let single: usize = payloads
            .iter()
            .filter_map(|p| p.as_ref())
            .map(|p| p.len() + CHUNK_HEADER_LEN)
            .sum();
        single
            + self
                .bricks
                .iter()
                .map(|(_, b)| b.len() + CHUNK_HEADER_LEN + 6)
                .sum::<usize>()
            + FIXED_BYTES
    }
}

fn encode_frame<E: Sample>(
    shape: Shape,
    values: &[E],
    options: &EncodeOptions,
    weights: Option<&Weights>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Encoded> {
    check_len(shape.len(), values.len())?;
    let mask = Mask::find(values, options.mask_value);
    let ordinary = mask.as_ref().map(Mask::ordinary);
    let ordinary = ordinary.as_deref();
    let mask_bytes = mask
        .as_ref()
        .map(|m| m.encode(shape, E::DTYPE.size() as u8));
    let Some(normalisation) = Normalisation::measure(values, ordinary) else {
        return finish_constant(options.bound, values, ordinary, mask_bytes, E::Work::ZERO);
    };
    let (min, max) = normalisation.range;
    if min == max {
        return finish_constant(options.bound, values, ordinary, mask_bytes, min);
    }
    let exact_bound = match options.bound {
        Bound::MaxError(bound) => Some(bound),
        Bound::RelError(r) => Some(r * (max.to_f64() - min.to_f64())),
        Bound::Psnr(_) | Bound::Ssim(_) | Bound::Ratio(_) => None,
    };
    let raw_bytes = std::mem::size_of_val(values) as f64;
    let lossless = || {
        finish_lossless(
            options.bound,
            values,
            ordinary,
            mask_bytes.clone(),
            normalisation.range,
        )
    };
    if exact_bound == Some(0.0) {
        return lossless();
    }
    let mut field = normalisation.apply(values, ordinary);
    if let Some(ordinary) = ordinary {
        fill_masked(shape, &mut field, ordinary);
    }
    let wavelet = wavelet(options, weights);
    let candidate = candidate::<E>(shape, options, wavelet, normalisation, field)?;
    let overhead = FIXED_BYTES + mask_bytes.as_ref().map_or(0, Vec::len);
    let run = |networks: Option<&Networks>,
               start: Option<f64>,
               overhead: usize|
     -> Result<Option<Encoded>> {
        let search = Search {
            candidate: &candidate,
            networks,
            start,
            measure_ssim: options.measure_ssim || matches!(options.bound, Bound::Ssim(_)),
            shape,
            original: values,
            ordinary,
            progress,
        };
        let found = match (options.bound, exact_bound) {
            (Bound::Psnr(target), _) => search.psnr(target)?,
            (Bound::Ssim(target), _) => search.ssim(target)?,
            (Bound::Ratio(ratio), _) => search.bytes(raw_bytes / ratio, overhead)?,
            (_, bound) => search.max_error(bound.unwrap_or_default())?,
        };
        let Some(found) = found else { return Ok(None) };
        let encoded = finish_lossy::<E>(
            options.bound,
            shape,
            mask_bytes.clone(),
            normalisation.range,
            found,
        );
        // The step was fitted against the decoded field itself; this is the last word on the bound.
        let weights = networks.and(weights).map_or(0, Weights::len);
        let ratio = raw_bytes / (encoded.len() + weights) as f64;
        Ok(Some(encoded).filter(|encoded| fulfils(options.bound, exact_bound, encoded, ratio)))
    };
    let mut best = run(None, None, overhead)?;
    if let Some(weights) = weights {
        let start = best.as_ref().and_then(Encoded::step);
        let predicted = run(Some(&weights.networks), start, overhead + weights.len())?;
        let better = |with: &Encoded| match (&best, options.bound) {
            (None, _) => true,
            // At equal size the better picture wins, else the smaller file.
            (Some(without), Bound::Ratio(_)) => {
                with.comparison.psnr_db > without.comparison.psnr_db
            }
            (Some(without), _) => with.len() + weights.len() < without.len(),
        };
        best = predicted
            .filter(|with| with.uses_networks() && better(with))
            .or(best);
    }
    let Some(mut encoded) = best else {
        let encoded = lossless()?;
        return match options.bound {
            Bound::Ratio(ratio) if raw_bytes / (encoded.len() as f64) < ratio * RATIO_TOLERANCE => {
                Err(Error::new(
                    ErrorKind::BoundNotMet,
                    format!("a compression ratio of {ratio} is out of reach for this field"),
                ))
            }
            _ => Ok(encoded),
        };
    };
    if encoded.len() as f64 > TRY_LOSSLESS_ABOVE * raw_bytes {
        let exact = lossless()?;
        if exact.len() < encoded.len() {
            encoded = exact;
        }
    }
    Ok(encoded)
}

/// The filter pair: what was asked for, else the one that the networks were made for.
pub(super) fn wavelet(options: &EncodeOptions, weights: Option<&Weights>) -> Wavelet {
    let for_haar = |weights: &Weights| {
        let networks = weights.networks.hierarchy.networks();
        (networks.iter()).all(|network| network.arch().transform == Transform::Haar)
    };
    options
        .wavelet
        .unwrap_or(match weights.is_some_and(for_haar) {
            true => Wavelet::Haar,
            false => Wavelet::Cdf97,
        })
}

/// Transforms a normalised field as `options` say.
pub(super) fn candidate<E: Sample>(
    shape: Shape,
    options: &EncodeOptions,
    wavelet: Wavelet,
    normalisation: Normalisation<E::Work>,
    field: Vec<E::Work>,
) -> Result<Candidate<E>> {
    let plan = Plan::new(shape, options.periodic, MAX_LEVELS);
    let edge = options
        .brick_edge
        .unwrap_or(if shape.rank() == 2 { 512 } else { 64 });
    let partition = Partition::new(&plan, edge)?;
    let form = WaveletForm {
        wavelet: wavelet.to_u8(),
        periodic: options.periodic,
        levels: plan.levels().len() as u8,
        brick_edge: edge,
        shrink: SHRINK,
        step: 0.0,
        offset: normalisation.offset.to_f64(),
        scale: normalisation.scale.to_f64(),
        network: None,
    };
    Ok(Candidate {
        analysis: Analysis::new(wavelet, plan, partition, field),
        normalisation,
        form,
    })
}

/// Whether what was measured is what was asked for.
fn fulfils(bound: Bound, exact: Option<f64>, encoded: &Encoded, ratio: f64) -> bool {
    match (bound, exact) {
        (Bound::Psnr(target), _) => encoded.comparison.psnr_db >= target,
        (Bound::Ssim(target), _) => encoded
            .frame
            .measured
            .ssim
            .is_none_or(|ssim| f64::from(ssim) >= target),
        (_, Some(bound)) => encoded.comparison.max_abs_error <= bound,
        (Bound::Ratio(target), None) => ratio >= target * RATIO_TOLERANCE,
        (Bound::MaxError(_) | Bound::RelError(_), None) => true,
    }
}

fn finish_lossy<E: Sample>(
    bound: Bound,
    shape: Shape,
    mask_bytes: Option<Vec<u8>>,
    range: (E::Work, E::Work),
    found: Found,
) -> Encoded {
    let Found {
        form,
        payloads,
        corrections,
        comparison,
        ssim,
        decode_seconds,
    } = found;
    let value_bytes = E::DTYPE.size() as u8;
    Encoded {
        frame: frame(bound, range, &comparison, ssim, Form::Wavelet(form)),
        mask: mask_bytes,
        tree: Some(payloads.tree),
        bricks: payloads.bricks,
        corrections: corrections.map(|c| c.encode(shape, value_bytes)),
        comparison,
        ssim,
        verify_seconds: decode_seconds,
    }
}

fn finish_constant<E: Sample>(
    bound: Bound,
    values: &[E],
    ordinary: Option<&[bool]>,
    mask_bytes: Option<Vec<u8>>,
    value: E::Work,
) -> Result<Encoded> {
    let decoded = vec![E::from_f64(value.to_f64()); values.len()];
    let comparison = compare(values, &decoded, ordinary)?;
    Ok(Encoded {
        frame: frame(
            bound,
            (value, value),
            &comparison,
            Some(1.0),
            Form::Constant,
        ),
        mask: mask_bytes,
        tree: None,
        bricks: Vec::new(),
        corrections: None,
        comparison,
        ssim: Some(1.0),
        verify_seconds: 0.0,
    })
}

fn finish_lossless<E: Sample>(
    bound: Bound,
    values: &[E],
    ordinary: Option<&[bool]>,
    mask_bytes: Option<Vec<u8>>,
    range: (E::Work, E::Work),
) -> Result<Encoded> {
    use rayon::prelude::*;
    let encode = |(part, values): (usize, &[E])| {
        let mut bytes = Vec::with_capacity(std::mem::size_of_val(values));
        E::encode_le(values, &mut bytes);
        (part as u32, lossless::encode(&bytes, E::DTYPE.size()))
    };
    let comparison = compare(values, values, ordinary)?;
    Ok(Encoded {
        frame: frame(bound, range, &comparison, Some(1.0), Form::Lossless),
        mask: mask_bytes,
        tree: None,
        bricks: values
            .par_chunks(LOSSLESS_PART)
            .enumerate()
            .map(encode)
            .collect(),
        corrections: None,
        comparison,
        ssim: Some(1.0),
        verify_seconds: 0.0,
    })
}

fn frame<T: Real>(
    bound: Bound,
    range: (T, T),
    comparison: &Comparison,
    ssim: Option<f64>,
    form: Form,
) -> Frame {
    Frame {
        field: 0,
        step: 0,
        range: (range.0.to_f64(), range.1.to_f64()),
        bound,
        measured: Measured {
            psnr_db: comparison.psnr_db as f32,
            ssim: match bound {
                Bound::Ssim(_) => ssim.map(|s| s as f32),
                _ => None,
            },
            max_error: comparison.max_abs_error,
        },
        form,
    }
}
