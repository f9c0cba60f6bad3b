//! Files to fields.

use std::collections::HashSet;
use std::sync::Arc;

use super::frame::{Geometry, Networks, apply_corrections, predictor};
use super::sample::{Normalisation, Sample, to_samples};
use crate::backend::{Backend, cpu::Cpu};
use crate::codec::corrections::Corrections;
use crate::codec::{lossless, mask::Mask};
use crate::container::{
    Bound, ChunkType, Dataset, Entry, Form, Frame, Reader, WaveletForm, WeightsReference,
};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::network::{Hierarchy, Network, builtin_by_hash};
use crate::real::Real;
use crate::volume::Volume;
use crate::volume::io::{AnyVolume, ByteOrder};

/// Values per lossless part (spec section 4.7).
const LOSSLESS_PART: usize = super::encode_frame::LOSSLESS_PART;

/// A file opened for decoding: its records are read and checked, its bricks are not touched yet.
pub struct Decoder<'a> {
    reader: Reader<'a>,
    limits: Limits,
    dataset: Dataset,
    frames: Vec<FrameChunks>,
    weights: FileWeights,
    /// Weight sets handed in, for files that name theirs by reference.
    known: Vec<Arc<Hierarchy>>,
    backend: Arc<dyn Backend>,
}

/// The weight set of a file.
#[derive(Debug, Default)]
struct FileWeights {
    /// Chunk numbers of embedded networks.
    embedded: Vec<usize>,
    reference: Option<WeightsReference>,
}

/// A frame and the numbers of its chunks.
#[derive(Debug)]
struct FrameChunks {
    frame: Frame,
    mask: Option<usize>,
    tree: Option<usize>,
    bricks: Vec<usize>,
    corrections: Option<usize>,
}

impl std::fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("dataset", &self.dataset)
            .finish_non_exhaustive()
    }
}

impl<'a> Decoder<'a> {
    /// Reads index and records of a whole file in memory or in a memory map.
    ///
    /// # Errors
    /// `Corrupt`, `Truncated`, `Unsupported`, `LimitExceeded`.
    pub fn new(bytes: &'a [u8], limits: Limits) -> Result<Self> {
        let reader = Reader::new(bytes, &limits)?;
        let mut dataset: Option<Dataset> = None;
        let mut frames: Vec<FrameChunks> = Vec::new();
        // Field and step of every frame so far.
        let mut places = HashSet::new();
        let mut weights = FileWeights::default();
        for (number, entry) in reader.entries().iter().enumerate() {
            let offset = entry.offset + crate::container::CHUNK_HEADER_LEN as u64;
            match (entry.kind, &dataset) {
                (ChunkType::DSET, None) => {
                    dataset = Some(Dataset::parse(reader.payload(number)?, offset)?);
                }
                (ChunkType::DSET, Some(_)) => {
                    return Err(misplaced(entry, "a second dataset record"));
                }
                (kind, None) if kind.is_critical() => {
                    return Err(misplaced(entry, "a chunk before the dataset record"));
                }
                (ChunkType::FRAM, Some(dataset)) => {
                    let value_bytes = |field: u64| {
                        let field = usize::try_from(field).ok()?;
                        Some(dataset.fields.get(field)?.value_bytes)
                    };
                    let frame = Frame::parse(reader.payload(number)?, offset, value_bytes)?;
                    if !places.insert((frame.field, frame.step)) {
                        return Err(misplaced(
                            entry,
                            "a second frame of the same field and step",
                        ));
                    }
                    frames.push(FrameChunks::new(frame));
                }
                (ChunkType::NETW | ChunkType::NREF, _) if !frames.is_empty() => {
                    return Err(misplaced(entry, "weights behind a frame"));
                }
                (ChunkType::NETW, _) => weights.add_network(number, entry)?,
                (ChunkType::NREF, _) => {
                    let reference = WeightsReference::parse(reader.payload(number)?, offset)?;
                    weights.add_reference(reference, entry)?;
                }
                _ => match frames.last_mut() {
                    Some(frame) => frame.add(number, entry)?,
                    None if is_frame_part(entry.kind) => {
                        return Err(misplaced(entry, "a part of a frame before any frame"));
                    }
                    None => {}
                },
            }
        }
        let dataset = dataset.ok_or_else(|| Error::corrupt("no dataset record found"))?;
        Ok(Self {
            reader,
            limits,
            dataset,
            frames,
            weights,
            known: Vec::new(),
            backend: Arc::new(Cpu::detect()),
        })
    }

    /// Adds a weight set that files may refer to; the built-in ones need not be added.
    #[must_use]
    pub fn with_weights(mut self, hierarchy: Arc<Hierarchy>) -> Self {
        self.known.push(hierarchy);
        self
    }

    /// Sets what runs the networks. Default: the CPU. The result does not depend on it.
    #[must_use]
    pub fn with_backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backend = backend;
        self
    }

    /// The weight set of the file, if it names one.
    ///
    /// # Errors
    /// `MissingWeights` with the hash when it is not at hand, `Corrupt`, `LimitExceeded`.
    pub fn weights(&self) -> Result<Option<Arc<Hierarchy>>> {
        if let Some(WeightsReference { sha256, name }) = &self.weights.reference {
            if let Some(known) = self.known.iter().find(|known| known.sha256() == *sha256) {
                return Ok(Some(Arc::clone(known)));
            }
            return match builtin_by_hash(sha256)? {
                Some(hierarchy) => Ok(Some(hierarchy)),
                None => Err(Error::new(
                    ErrorKind::MissingWeights,
                    format!(
                        "weights {name:?} with sha-256 {} are not at hand",
                        hex(sha256)
                    ),
                )),
            };
        }
        if self.weights.embedded.is_empty() {
            return Ok(None);
        }
        let mut networks = Vec::new();
        let mut parameters = 0;
        for &number in &self.weights.embedded {
            let network = Network::from_bytes(self.reader.payload(number)?, &self.limits)?;
            parameters += network.parameters();
            self.limits.check_parameters(parameters)?;
            networks.push(network);
        }
        Ok(Some(Arc::new(Hierarchy::new("embedded", "", networks)?)))
    }

    /// The dataset record.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Frame records in file order.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &Frame> {
        self.frames.iter().map(|f| &f.frame)
    }

    /// Decodes frame `index` at downscaling level `level` (0 = full resolution), in the current
    /// thread pool.
    ///
    /// At a level above 0 masked voxels hold the smooth values they were filled with.
    ///
    /// # Errors
    /// `InvalidArgument` for a frame or level that does not exist, `Corrupt`, `LimitExceeded`,
    /// `MissingWeights`.
    pub fn decode(&self, index: usize, level: usize) -> Result<AnyVolume> {
        let chunks = self.frames.get(index).ok_or_else(|| {
            Error::invalid(format!("frame {index} of {} asked for", self.frames.len()))
        })?;
        let field = usize::try_from(chunks.frame.field)
            .ok()
            .and_then(|f| self.dataset.fields.get(f));
        let value_bytes = field.map_or(0, |f| f.value_bytes);
        // Samples, working values, coefficients and one level of bands.
        let voxels = self.dataset.shape.len() as u64;
        self.limits.check_decoded(
            voxels.saturating_mul(u64::from(value_bytes) + 4 * u64::from(value_bytes.max(4))),
        )?;
        Ok(match value_bytes {
            2 => AnyVolume::F16(self.decode_as(chunks, level)?),
            4 => AnyVolume::F32(self.decode_as(chunks, level)?),
            _ => AnyVolume::F64(self.decode_as(chunks, level)?),
        })
    }

    fn decode_as<E: Sample>(&self, chunks: &FrameChunks, level: usize) -> Result<Volume<E>> {
        let shape = self.dataset.shape;
        let value_bytes = E::DTYPE.size() as u8;
        if level > 0 && !matches!(chunks.frame.form, Form::Wavelet(_)) {
            return Err(Error::invalid(
                "this frame is stored at full resolution only: level 0 expected",
            ));
        }
        let simple = !matches!(chunks.frame.form, Form::Wavelet(_));
        if simple && (chunks.tree.is_some() || chunks.corrections.is_some()) {
            return Err(Error::corrupt(
                "octree or corrections found in a frame of a form without them",
            ));
        }
        let mut volume = match &chunks.frame.form {
            Form::Constant => {
                if !chunks.bricks.is_empty() {
                    return Err(Error::corrupt("a constant frame has bricks"));
                }
                Volume::new(shape, vec![E::from_f64(chunks.frame.range.0); shape.len()])?
            }
            Form::Lossless => Volume::new(shape, self.lossless(chunks)?)?,
            Form::Wavelet(form) => self.wavelet(chunks, form, level)?,
        };
        if level > 0 {
            return Ok(volume);
        }
        if let Some(number) = chunks.corrections {
            let bound = match chunks.frame.bound {
                Bound::MaxError(bound) => bound,
                Bound::RelError(r) => r * (chunks.frame.range.1 - chunks.frame.range.0),
                Bound::Psnr(_) | Bound::Ssim(_) | Bound::Ratio(_) => {
                    return Err(Error::corrupt(
                        "corrections in a frame without a bound on the error",
                    ));
                }
            };
            let corrections = Corrections::decode(
                shape,
                value_bytes,
                self.reader.payload(number)?,
                &self.limits,
            )?;
            apply_corrections(&corrections, bound, volume.data_mut())?;
        }
        if let Some(number) = chunks.mask {
            let mask = Mask::decode(
                shape,
                value_bytes,
                self.reader.payload(number)?,
                &self.limits,
            )?;
            mask.apply(volume.data_mut());
        }
        Ok(volume)
    }

    fn lossless<E: Sample>(&self, chunks: &FrameChunks) -> Result<Vec<E>> {
        use rayon::prelude::*;
        let total = self.dataset.shape.len();
        if chunks.bricks.len() != total.div_ceil(LOSSLESS_PART) {
            return Err(Error::corrupt(format!(
                "{} parts expected, {} found",
                total.div_ceil(LOSSLESS_PART),
                chunks.bricks.len()
            )));
        }
        let parts: Vec<Vec<E>> = chunks
            .bricks
            .par_iter()
            .enumerate()
            .map(|(i, &number)| {
                let count = LOSSLESS_PART.min(total - i * LOSSLESS_PART);
                if self.reader.entries().get(number).map(|e| e.part as usize) != Some(i) {
                    return Err(Error::corrupt(format!("part {i} is missing")));
                }
                let bytes = lossless::decode(
                    self.reader.payload(number)?,
                    E::DTYPE.size(),
                    count * E::DTYPE.size(),
                )?;
                Ok(E::decode(&bytes, ByteOrder::Little))
            })
            .collect::<Result<_>>()?;
        Ok(parts.concat())
    }

    fn wavelet<E: Sample>(
        &self,
        chunks: &FrameChunks,
        form: &WaveletForm,
        level: usize,
    ) -> Result<Volume<E>> {
        let shape = self.dataset.shape;
        let geometry = Geometry::<E::Work>::new(shape, form)?;
        if level > usize::from(form.levels) {
            return Err(Error::invalid(format!(
                "level up to {} expected, {level} found",
                form.levels
            )));
        }
        let tree = chunks
            .tree
            .ok_or_else(|| Error::corrupt("the octree is missing"))?;
        let bricks: Vec<(u32, &[u8])> = chunks
            .bricks
            .iter()
            .map(|&number| {
                let part = self.reader.entries().get(number).map_or(0, |e| e.part);
                Ok((part, self.reader.payload(number)?))
            })
            .collect::<Result<_>>()?;
        let networks = match form.network {
            None => None,
            Some(_) => self.weights()?.map(|hierarchy| Networks {
                hierarchy,
                backend: Arc::clone(&self.backend),
            }),
        };
        let predictor = predictor(&geometry, form, networks.as_ref())?;
        let mut values =
            geometry.decode(self.reader.payload(tree)?, &bricks, &*predictor, level)?;
        scale_to_level(&geometry, level, &mut values);
        let normalisation = Normalisation {
            offset: E::Work::from_f64(form.offset),
            scale: E::Work::from_f64(form.scale),
            range: (
                E::Work::from_f64(chunks.frame.range.0),
                E::Work::from_f64(chunks.frame.range.1),
            ),
        };
        normalisation.undo(&mut values);
        let shape = match level {
            0 => shape,
            _ => geometry.plan.levels()[level - 1].coarse,
        };
        Volume::new(shape, to_samples(&values))
    }
}

/// Brings low-pass coefficients of a level to the scale of the field: one multiplication by the
/// inverse of the low-pass gain, `2^(-k/2)` for `k` splits (spec section 6.4).
fn scale_to_level<T: Real>(geometry: &Geometry<T>, level: usize, values: &mut [T]) {
    let splits: usize = geometry.plan.levels()[..level]
        .iter()
        .map(|l| l.split.count())
        .sum();
    if splits == 0 {
        return;
    }
    let half = if splits % 2 == 1 {
        std::f64::consts::FRAC_1_SQRT_2
    } else {
        1.0
    };
    let factor = T::from_f64(half * 0.5f64.powi((splits / 2) as i32));
    for v in values {
        *v = *v * factor;
    }
}

impl FileWeights {
    fn add_network(&mut self, number: usize, entry: &Entry) -> Result<()> {
        if self.reference.is_some() || entry.part as usize != self.embedded.len() {
            return Err(misplaced(entry, "a network out of order"));
        }
        self.embedded.push(number);
        Ok(())
    }

    fn add_reference(&mut self, reference: WeightsReference, entry: &Entry) -> Result<()> {
        if !self.embedded.is_empty() || self.reference.replace(reference).is_some() {
            return Err(misplaced(entry, "a second weight set"));
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FrameChunks {
    fn new(frame: Frame) -> Self {
        Self {
            frame,
            mask: None,
            tree: None,
            bricks: Vec::new(),
            corrections: None,
        }
    }

    /// Adds a chunk that stands behind the frame's record: `FRAM [MASK] [TREE] *BRIK [CORR]`.
    fn add(&mut self, number: usize, entry: &Entry) -> Result<()> {
        let later = self.corrections.is_some();
        let coded = later || !self.bricks.is_empty();
        let slot = match entry.kind {
            ChunkType::BRIK if !later => {
                self.bricks.push(number);
                return Ok(());
            }
            ChunkType::MASK if !coded && self.tree.is_none() => &mut self.mask,
            ChunkType::TREE if !coded => &mut self.tree,
            ChunkType::CORR => &mut self.corrections,
            kind if is_frame_part(kind) => {
                return Err(misplaced(entry, "a part of a frame out of order"));
            }
            kind if kind.is_critical() => {
                return Err(misplaced(entry, "a chunk of the file within a frame"));
            }
            _ => return Ok(()),
        };
        if slot.replace(number).is_some() {
            return Err(misplaced(entry, "a second chunk of this type in one frame"));
        }
        Ok(())
    }
}

fn is_frame_part(kind: ChunkType) -> bool {
    [
        ChunkType::MASK,
        ChunkType::TREE,
        ChunkType::BRIK,
        ChunkType::CORR,
    ]
    .contains(&kind)
}

fn misplaced(entry: &Entry, what: &str) -> Error {
    Error::corrupt(format!("{what} found"))
        .at(entry.offset)
        .within(format!("chunk {}", entry.kind))
}
