//! One field to one frame: the form it takes, the search for its step, its chunks.

use std::cell::RefCell;

use crate::base::dtype::{Dtype, Element};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::grid::Shape;
use crate::base::real::Real;
use crate::codec::lossless;
use crate::codec::mask::Mask;
use crate::container::{Bound, ChunkType, Form, Frame, Measured, WaveletForm, brick_runs};
use crate::file::weights::{Weights, wavelet};
use crate::frame::fill::fill_masked;
use crate::frame::pooled;
use crate::frame::sample::{FieldSamples, Normalisation, check_len, for_each_stretch};
use crate::frame::wavelet::analysis::Analysis;
use crate::frame::wavelet::quality::level_quality;
use crate::frame::wavelet::search::{Found, Search};
use crate::frame::wavelet::trial::{BRICK_CHUNK, Candidate, Networks, Original, SHRINK};
use crate::metrics::{Comparison, compare};
use crate::options::{EncodeOptions, Profile};
use crate::recon::Partition;
use crate::transform::{Plan, Wavelet};

/// Most levels of the transform.
const MAX_LEVELS: usize = 15;
/// Values per lossless part.
pub(crate) const LOSSLESS_PART: usize = 1 << 22;
/// Lossless coding is tried when the lossy form takes more than this fraction of the raw bytes.
const TRY_LOSSLESS_ABOVE: f64 = 0.35;
/// A ratio counts as reached from this fraction of it.
const RATIO_TOLERANCE: f64 = 0.97;
/// Copies of a field, about, that encoding it in memory takes.
const HELD_COPIES: usize = 5;
/// Bytes of a file around the chunks of its only frame: header, dataset, index, trailer.
const FILE_BYTES: usize = 102;
/// Bytes of a one-field file without octree, bricks, mask, the numbers of the frame record that have the
/// field's precision, and what it says of levels and networks.
const FIXED_BYTES: usize = 176;
/// Numbers of a frame record in the field's precision: range, step, offset, scale.
const REALS: usize = 5;
/// About how much coarser the step is with networks.
const COARSER_WITH_NETWORKS: f64 = 1.15;

/// A frame before it is written.
pub(crate) struct Encoded {
    pub(crate) frame: Frame,
    pub(crate) mask: Option<Vec<u8>>,
    pub(crate) tree: Option<Vec<u8>>,
    /// Parts and payloads of the `BRIK` chunks.
    pub(crate) bricks: Vec<(u32, Vec<u8>)>,
    pub(crate) corrections: Option<Vec<u8>>,
    pub(crate) comparison: Comparison,
    pub(crate) ssim: Option<f64>,
    pub(crate) verify_seconds: f64,
}

impl Encoded {
    pub(crate) fn uses_networks(&self) -> bool {
        self.frame.form.network().is_some()
    }

    fn step(&self) -> Option<f64> {
        match &self.frame.form {
            Form::Wavelet(form) => Some(form.step),
            Form::Constant | Form::Lossless | Form::Pooled(_) => None,
        }
    }

    pub(crate) fn chunks(&self, dtype: Dtype) -> Vec<(ChunkType, u32, std::borrow::Cow<'_, [u8]>)> {
        let mut chunks = vec![(ChunkType::FRAM, 0, self.frame.to_bytes(dtype).into())];
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

    /// Bytes of a one-field file of this frame, a few more or less.
    fn file_bytes(&self, dtype: Dtype) -> usize {
        let chunks = self.chunks(dtype).into_iter();
        let bytes =
            |(_, _, payload): (_, _, std::borrow::Cow<'_, [u8]>)| payload.len() + BRICK_CHUNK;
        FILE_BYTES + chunks.map(bytes).sum::<usize>()
    }
}

pub(crate) fn encode_frame<E: Element>(
    shape: Shape,
    values: &[E],
    options: &EncodeOptions,
    weights: Option<&Weights>,
) -> Result<Encoded> {
    check_len(shape.len(), values.len())?;
    let (observer, coding) = (&options.observer, &options.coding);
    let mut has_special = false;
    for_each_stretch(values, observer, |_, values| {
        has_special |= Mask::is_needed(values, coding.mask_value);
    });
    let mask = has_special
        .then(|| Mask::find(values, coding.mask_value))
        .flatten();
    let ordinary = mask.as_ref().map(Mask::ordinary);
    let ordinary = ordinary.as_deref();
    let mask_bytes = mask.as_ref().map(|m| m.encode(shape, E::DTYPE));
    let Some(normalisation) = Normalisation::measure(values, ordinary, observer) else {
        return finish_constant(options.bound, values, ordinary, mask_bytes, E::Work::ZERO);
    };
    let (min, max) = normalisation.range;
    if min == max {
        return finish_constant(options.bound, values, ordinary, mask_bytes, min);
    }
    let normalisation = match coding.range {
        None => normalisation,
        Some(range) => normalisation.within(range)?,
    };
    let (min, max) = normalisation.range;
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
    if let Profile::Paper(paper) = &coding.profile {
        let mut field = normalisation.apply(values, ordinary);
        if let Some(ordinary) = ordinary {
            fill_masked(shape, &mut field, ordinary);
        }
        let job = pooled::Job {
            shape,
            values,
            ordinary,
            normalisation,
            options,
            paper,
            weights,
        };
        return match pooled::encode(&job, field, mask_bytes.as_ref())? {
            Some(encoded) => Ok(encoded),
            None => lossless(),
        };
    }
    let wavelet = wavelet(options, weights);
    let samples = FieldSamples {
        shape,
        values,
        normalisation,
        observer,
    };
    let held_bytes = values.len() as u64 * (size_of::<E::Work>() * HELD_COPIES) as u64;
    let is_streamed =
        ordinary.is_none() && options.resources.memory.is_some_and(|m| held_bytes > m);
    let candidate = if is_streamed {
        candidate(shape, options, wavelet, normalisation, |plan, partition| {
            Analysis::streamed(wavelet, plan, partition, &samples)
        })?
    } else {
        let mut field = normalisation.apply(values, ordinary);
        if let Some(ordinary) = ordinary {
            fill_masked(shape, &mut field, ordinary);
        }
        candidate(shape, options, wavelet, normalisation, |plan, partition| {
            Analysis::held(wavelet, plan, partition, field)
        })?
    };
    let bytes = |encoded: &Encoded| encoded.file_bytes(E::DTYPE);
    let mask_chunk = mask_bytes.as_ref().map_or(0, |m| m.len() + BRICK_CHUNK);
    let overhead = FIXED_BYTES + REALS * size_of::<E::Work>() + mask_chunk;
    let run = |networks: Option<&Networks>,
               start: Option<f64>,
               overhead: usize|
     -> Result<Option<Encoded>> {
        let search = Search {
            candidate: &candidate,
            networks,
            gains: RefCell::new(candidate.gains(networks)),
            start,
            // The SSIM takes the whole decoded field in memory.
            measure_ssim: observer.measure_ssim && !is_streamed
                || matches!(options.bound, Bound::Ssim(_)),
            shape,
            original: Original {
                values,
                ordinary,
                observer,
            },
        };
        let found = match (options.bound, exact_bound) {
            (Bound::Psnr(target), _) => search.psnr(target)?,
            (Bound::Ssim(target), _) => search.ssim(target)?,
            (Bound::Ratio(ratio), _) => search.bytes(raw_bytes / ratio, overhead)?,
            (_, bound) => search.max_error(bound.unwrap_or_default())?,
        };
        let Some(mut found) = found else {
            return Ok(None);
        };
        let range = (max.to_f64() - min.to_f64()) / found.form.scale;
        let psnr_db = found.comparison.psnr_db;
        found.form.quality = level_quality(&candidate.analysis, range, psnr_db);
        let encoded = finish_lossy::<E>(
            options.bound,
            shape,
            mask_bytes.clone(),
            normalisation.range,
            found,
        );
        // The step was fitted against the decoded field itself; this is the last word on the bound.
        let weights = networks.and(weights).map_or(0, Weights::len);
        let ratio = raw_bytes / (bytes(&encoded) + weights) as f64;
        Ok(Some(encoded).filter(|encoded| fulfils(options.bound, exact_bound, encoded, ratio)))
    };
    let mut best = run(None, None, overhead)?;
    if let Some(weights) = weights {
        let start = best.as_ref().and_then(Encoded::step);
        let start = start.map(|step| step * COARSER_WITH_NETWORKS);
        let predicted = run(Some(&weights.networks), start, overhead + weights.len())?;
        let better = |with: &Encoded| match (&best, options.bound) {
            (None, _) => true,
            // At equal size the better picture wins, else the smaller file.
            (Some(without), Bound::Ratio(_)) => {
                with.comparison.psnr_db > without.comparison.psnr_db
            }
            (Some(without), _) => bytes(with) + weights.share() < bytes(without),
        };
        best = predicted
            .filter(|with| with.uses_networks() && better(with))
            .or(best);
    }
    let Some(mut encoded) = best else {
        let encoded = lossless()?;
        return match options.bound {
            Bound::Ratio(ratio)
                if raw_bytes / (bytes(&encoded) as f64) < ratio * RATIO_TOLERANCE =>
            {
                Err(Error::new(
                    ErrorKind::BoundNotMet,
                    format!("a compression ratio of {ratio} is out of reach for this field"),
                ))
            }
            _ => Ok(encoded),
        };
    };
    if bytes(&encoded) as f64 > TRY_LOSSLESS_ABOVE * raw_bytes {
        let exact = lossless()?;
        if bytes(&exact) < bytes(&encoded) {
            encoded = exact;
        }
    }
    Ok(encoded)
}
/// Transforms a field as `options` say.
pub(crate) fn candidate<'a, E: Element>(
    shape: Shape,
    options: &EncodeOptions,
    wavelet: Wavelet,
    normalisation: Normalisation<E::Work>,
    analyse: impl FnOnce(Plan, Partition) -> Analysis<'a, E::Work>,
) -> Result<Candidate<'a, E>> {
    let plan = Plan::new(shape, options.coding.periodic, MAX_LEVELS);
    let edge = options
        .coding
        .brick_edge
        .unwrap_or(if shape.rank() == 2 { 512 } else { 64 });
    let partition = Partition::new(&plan, edge)?;
    let form = WaveletForm {
        wavelet: wavelet.to_u8(),
        periodic: options.coding.periodic,
        levels: plan.levels().len() as u8,
        brick_edge: edge,
        shrink: SHRINK,
        step: 0.0,
        offset: normalisation.offset.to_f64(),
        scale: normalisation.scale.to_f64(),
        network: None,
        quality: Vec::new(),
    };
    Ok(Candidate {
        analysis: analyse(plan, partition),
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

fn finish_lossy<E: Element>(
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
    Encoded {
        frame: frame(bound, range, &comparison, ssim, Form::Wavelet(form)),
        mask: mask_bytes,
        tree: Some(payloads.tree),
        bricks: brick_runs(&payloads.bricks),
        corrections: corrections.map(|c| c.encode(shape, E::DTYPE)),
        comparison,
        ssim,
        verify_seconds: decode_seconds,
    }
}

fn finish_constant<E: Element>(
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

fn finish_lossless<E: Element>(
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

pub(crate) fn frame<T: Real>(
    bound: Bound,
    range: (T, T),
    comparison: &Comparison,
    ssim: Option<f64>,
    form: Form,
) -> Frame {
    Frame {
        field: 0,
        step: 0,
        time: None,
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
        slab: None,
    }
}
