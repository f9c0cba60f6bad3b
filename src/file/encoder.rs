//! Fields and time steps to files, frame by frame.

use std::borrow::Cow;
use std::io::Write;

use crate::base::dtype::{Dtype, Element, dtype_dispatch};
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::container::{
    Attributes, CHUNK_HEADER_LEN, ChunkType, Dataset, FrameId, Writer, WrittenFrames, slowest,
};
use crate::file::decoder::Decoder;
use crate::file::encoder_past::EncoderPast;
use crate::file::encoder_weights::EncoderWeights;
use crate::file::frame_key::FrameKey;
use crate::frame::encode::encode_frame;
use crate::frame::encoded::{BrickChunks, EncodedFrame};
use crate::frame::lossless::{PartPacking, for_each_part, pack};
use crate::frame::networks::PricedNetworks;
use crate::frame::wavelet::encode::may_have_past;
use crate::frame::wavelet::past::OfferedPast;
use crate::metrics::Comparison;
use crate::options::{EncodeOptions, Model, Observer, Workplace, check_bound};
use crate::volume::Values;

/// Writes a file frame by frame, into anything that takes bytes: it never seeks, and a frame is on its
/// way when [`Encoder::write`] returns.
///
/// All frames share one weight set, written before the first frame that uses it; a file whose frames
/// do better without has none.
///
/// ```
/// use srt::{Bound, Dataset, Decoder, Dtype, EncodeOptions, Encoder, Field, FrameKey, Shape};
///
/// let shape = Shape::new(&[8, 9, 10])?;
/// let field = |name: &str| Field { name: name.into(), unit: "m/s".into(), dtype: Dtype::F32 };
/// let mut dataset = Dataset::new(shape, vec![field("u"), field("v")]);
/// dataset.time_unit = "s".into();
/// let mut encoder = Encoder::new(Vec::new(), dataset, EncodeOptions::new(Bound::Psnr(60.0)))?;
/// for step in 0..3 {
///     let values = vec![step as f32; shape.len()];
///     for name in ["u", "v"] {
///         encoder.write(&FrameKey::new(name, step).at(0.5 * step as f64), &values)?;
///     }
/// }
/// let (file, report) = encoder.finish()?;
/// assert_eq!(report.frames, 6);
/// assert_eq!(Decoder::new(&file)?.frame("v", 2)?.record().time, Some(1.0));
/// # Ok::<(), srt::Error>(())
/// ```
pub struct Encoder<W> {
    writer: Writer<W>,
    dataset: Dataset,
    options: EncodeOptions,
    workplace: Workplace,
    weights: Option<EncoderWeights>,
    written: WrittenFrames,
    past: EncoderPast,
    /// What has been written so far; the rest is filled in at the end.
    report: FileReport,
}

/// What an encoder reports of a frame.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FrameReport {
    /// Bytes of the frame's chunks in the file, without weights.
    pub bytes: u64,
    /// Bytes of the field in memory.
    pub raw_bytes: u64,
    /// Errors of the decoded field.
    pub comparison: Comparison,
    /// SSIM of the decoded field, if asked for.
    pub ssim: Option<f64>,
    /// Seconds spent on decoding and measuring the frame for the last time.
    pub verify_seconds: f64,
    /// Whether networks predict its details.
    pub uses_networks: bool,
}

/// What an encoder reports of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReport {
    /// Bytes of the file.
    pub bytes: u64,
    /// Of these, embedded network weights.
    pub weight_bytes: u64,
    /// Bytes of all fields in memory, of frames that were there before included.
    pub raw_bytes: u64,
    /// Frames in the file.
    pub frames: usize,
    /// Name of the model that predicts details in at least one new frame, or `none`.
    pub model: String,
    /// Backend that ran the networks.
    pub backend: String,
}

impl<W> std::fmt::Debug for Encoder<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("dataset", &self.dataset)
            .field("frames", &self.written.len())
            .finish_non_exhaustive()
    }
}

impl<W: Write> Encoder<W> {
    /// Starts a file. Nothing is written before the first frame is encoded. The name and unit of
    /// `options` are not used: fields have theirs from `dataset`.
    ///
    /// # Errors
    /// `InvalidArgument` for options or a dataset that make no sense.
    pub fn new(out: W, dataset: Dataset, options: EncodeOptions) -> Result<Self> {
        let weights = EncoderWeights::choose(dataset.shape, &options)?;
        Self::start(out, dataset, options, weights)
    }

    /// Starts a file with all that `file` holds, copied as it is, to write further frames after it.
    ///
    /// `dataset` is the file's own, or that with more fields at its end, or with what was not known
    /// of it. New frames use the weights of the file; when it has none, those of `options`. Unknown
    /// ancillary chunks are copied when they are safe to copy (spec section 3). Where steps are predicted
    /// from those before them, so are the new ones: the last steps of the file are decoded for that.
    ///
    /// # Errors
    /// `InvalidArgument` when `dataset` or the model of `options` does not go with the file,
    /// `MissingWeights` when the file's weights are not at hand, `Corrupt` when a chunk is damaged,
    /// `Io`.
    pub fn append(
        out: W,
        file: &Decoder<'_>,
        dataset: Dataset,
        options: EncodeOptions,
    ) -> Result<Self> {
        let old = file.dataset();
        let kept = dataset.fields.get(..old.fields.len());
        if dataset.shape != old.shape || kept != Some(&old.fields[..]) {
            return Err(Error::invalid(
                "the dataset of the file, or that with more fields, expected; another found",
            ));
        }
        let weights = match (&options.coding.model, file.has_weights()) {
            (Model::None, _) => None,
            (_, false) => EncoderWeights::choose(dataset.shape, &options)?,
            (_, true) => match file.weights()? {
                Some(hierarchy) => EncoderWeights::of_file(hierarchy, &options)?,
                None => None,
            },
        };
        let key_interval = options.coding.key_interval;
        let mut encoder = Self::start(out, dataset, options, weights)?;
        encoder.copy(file)?;
        if key_interval > 1 {
            encoder.past = EncoderPast::of_file(
                file,
                key_interval,
                |dtype| dtype_dispatch!(dtype, E => encoder.may_have_past::<E>()),
            )?;
        }
        Ok(encoder)
    }

    /// Holds the file back while it is small and has one frame, and writes it compactly (spec section 5.1) when it still is
    /// so at its end: a field of few bytes takes about half. For files that nobody reads before they are finished. Does
    /// nothing once something has been written.
    #[must_use]
    pub fn compact(mut self) -> Self {
        if self.writer.entries().is_empty() {
            self.writer.hold();
        }
        self
    }

    /// Whether frames of fields of type `E` may be predicted from earlier ones.
    fn may_have_past<E: Element>(&self) -> bool {
        let networks = self.weights.as_ref().map(|weights| &weights.networks);
        may_have_past::<E>(self.dataset.shape, &self.options, networks)
    }

    fn start(
        out: W,
        dataset: Dataset,
        options: EncodeOptions,
        weights: Option<EncoderWeights>,
    ) -> Result<Self> {
        check_bound(options.bound)?;
        dataset.check()?;
        Ok(Self {
            writer: Writer::new(out),
            workplace: Workplace::new(&options.resources)?,
            report: FileReport {
                model: "none".into(),
                backend: options.resources.backend.name().into(),
                ..FileReport::default()
            },
            dataset,
            options,
            weights,
            written: WrittenFrames::default(),
            past: EncoderPast::default(),
        })
    }

    fn copy(&mut self, file: &Decoder<'_>) -> Result<()> {
        let reader = file.reader();
        for (number, entry) in reader.entries().iter().enumerate() {
            if entry.kind == ChunkType::DSET {
                if self.dataset == *file.dataset() {
                    self.chunk(entry.kind, entry.part, reader.payload(number)?)?;
                } else {
                    self.describe()?;
                }
            } else if entry.kind.is_known() || entry.kind.is_safe_to_copy() {
                self.chunk(entry.kind, entry.part, reader.payload(number)?)?;
            }
        }
        for frame in file.records() {
            self.written.add(frame.id(), frame.slab);
            let size = self.dataset.dtype_of(frame)?.size() as u64;
            let voxels = frame.shape(self.dataset.shape)?.len() as u64;
            self.report.raw_bytes += voxels.saturating_mul(size);
        }
        Ok(())
    }

    /// What the file describes.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Sets who is told how the frames that follow go on.
    pub fn observe(&mut self, observer: Observer) {
        self.options.observer = observer;
    }

    /// Encodes one field at one time step, or a slab of it: the values of the domain or of the slab's
    /// planes, `x` fastest. The slowest axis of a slab counts as not periodic.
    ///
    /// The encoder decodes what it writes; the bound holds for what every decoder will return. When it
    /// fails, the file is as it was before, and can go on with other frames, unless the error is `Io`.
    ///
    /// # Errors
    /// `InvalidArgument` for a field that is not in the dataset, values of another number or type
    /// than its own, a frame that is there already, planes that leave the domain or come before others of
    /// the frame, or a time that is not finite; `BoundNotMet`; `Io`.
    pub fn write<'v>(
        &mut self,
        key: &FrameKey,
        values: impl Into<Values<'v>>,
    ) -> Result<FrameReport> {
        self.add(key, &values.into())
    }

    fn add(&mut self, key: &FrameKey, values: &Values<'_>) -> Result<FrameReport> {
        let checked = key.field.number(&self.dataset).and_then(|field| {
            let shape = self.check(field, key, values)?;
            Ok((field, shape))
        });
        let (field, shape) = checked.map_err(|e| e.within(self.name(key)))?;
        let id = FrameId {
            field: field as u64,
            step: key.step,
        };
        let mut encoded = self.encode(shape, id, key, values)?;
        encoded.frame.field = id.field;
        encoded.frame.step = id.step;
        encoded.frame.time = key.time;
        encoded.frame.slab = key.slab;
        let uses_networks = encoded.uses_networks();
        let mut bytes = self.put(&encoded, values.dtype())?;
        if let BrickChunks::PackedLater(_) = encoded.bricks {
            bytes += dtype_dispatch!(values, Values(v) => self.put_packed(v))?;
        }
        self.writer.flush()?;
        self.written.add(id, key.slab);
        self.past.add(&encoded);
        let raw_bytes = (values.len() * values.dtype().size()) as u64;
        self.report.raw_bytes += raw_bytes;
        Ok(FrameReport {
            bytes,
            raw_bytes,
            comparison: encoded.comparison,
            ssim: encoded.ssim,
            verify_seconds: encoded.verify_seconds,
            uses_networks,
        })
    }

    fn encode(
        &self,
        shape: Shape,
        id: FrameId,
        key: &FrameKey,
        values: &Values<'_>,
    ) -> Result<EncodedFrame> {
        let mut options = Cow::Borrowed(&self.options);
        if key.slab.is_some() {
            options.to_mut().coding.be_of_slab(slowest(shape));
        }
        let networks = self.weights.as_ref().map(EncoderWeights::priced);
        let past = match key.slab {
            None => self.past.offer(id, options.coding.key_interval),
            Some(_) => OfferedPast::default(),
        };
        self.workplace
            .run(|| encode_values(shape, values, &options, networks, past))
    }

    /// Writes a frame, after what it needs and the file still lacks. Returns the bytes of its chunks.
    fn put(&mut self, encoded: &EncodedFrame, dtype: Dtype) -> Result<u64> {
        if self.writer.entries().is_empty() {
            self.describe()?;
        }
        if self.written.len() > 0 {
            self.writer.release()?;
        }
        let mut lacking = Vec::new();
        if let Some(weights) = &mut self.weights {
            weights.frame_done();
            if encoded.uses_networks() {
                let model = &weights.networks.hierarchy.name;
                self.report.model.clone_from(model);
                lacking = weights.take_chunks();
            }
        }
        for (kind, part, payload) in lacking {
            self.chunk(kind, part, &payload)?;
        }
        let mut bytes = 0;
        encoded.for_each_chunk(dtype, |kind, part, payload| {
            bytes += (CHUNK_HEADER_LEN + payload.len()) as u64;
            self.chunk(kind, part, payload)
        })?;
        Ok(bytes)
    }

    /// Packs and writes the parts of a frame of the lossless form. Returns the bytes of their chunks.
    fn put_packed<E: Element>(&mut self, values: &[E]) -> Result<u64> {
        let Self {
            workplace,
            writer,
            options,
            ..
        } = self;
        let memory = options.resources.memory;
        let packing = workplace.run(|| PartPacking::new(E::DTYPE, values.len(), memory));
        let pack = |batch: &[E]| workplace.run(|| pack(batch));
        let mut bytes = 0;
        for_each_part(
            values,
            packing.at_once,
            &options.observer,
            pack,
            |part, payload| {
                bytes += (CHUNK_HEADER_LEN + payload.len()) as u64;
                writer.chunk(ChunkType::BRIK, part, &payload)
            },
        )?;
        Ok(bytes)
    }

    /// Writes what else is known of the dataset behind what is there: of several, the last counts.
    ///
    /// # Errors
    /// `Io`.
    pub fn add_attributes(&mut self, attributes: &Attributes) -> Result<()> {
        self.add_ancillary(ChunkType::ATTR, attributes.text().as_bytes())
    }

    /// Writes an ancillary chunk of the caller's (spec section 3) behind what is there.
    ///
    /// # Errors
    /// `InvalidArgument` for a type that is critical or of the format's own, `Io`.
    pub fn add_ancillary(&mut self, kind: ChunkType, payload: &[u8]) -> Result<()> {
        if kind.is_critical() || kind.is_known() {
            return Err(Error::invalid(format!(
                "an ancillary chunk of the caller's expected, {kind} found"
            )));
        }
        if self.writer.entries().is_empty() {
            self.describe()?;
        }
        self.chunk(kind, 0, payload)
    }

    /// Completes the file; returns the sink.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(mut self) -> Result<(W, FileReport)> {
        if self.writer.entries().is_empty() {
            self.describe()?;
        }
        let (out, bytes) = self.writer.finish()?;
        let report = FileReport {
            bytes,
            frames: self.written.len(),
            ..self.report
        };
        Ok((out, report))
    }

    fn describe(&mut self) -> Result<()> {
        self.chunk(ChunkType::DSET, 0, &self.dataset.to_bytes())
    }

    fn chunk(&mut self, kind: ChunkType, part: u32, payload: &[u8]) -> Result<()> {
        if kind == ChunkType::NETW {
            self.report.weight_bytes += (CHUNK_HEADER_LEN + payload.len()) as u64;
        }
        self.writer.chunk(kind, part, payload)
    }

    /// The grid that the values fill.
    fn check(&self, number: usize, key: &FrameKey, values: &Values<'_>) -> Result<Shape> {
        let field = &self.dataset.fields[number];
        if field.dtype != values.dtype() {
            return Err(Error::invalid(format!(
                "values of {} expected, of {} found: a field has one type",
                field.dtype,
                values.dtype()
            )));
        }
        let shape = match key.slab {
            None => self.dataset.shape,
            Some(slab) => slab.of(self.dataset.shape)?,
        };
        if values.len() != shape.len() {
            return Err(Error::invalid(format!(
                "{} values expected for {shape}, {} found",
                shape.len(),
                values.len()
            )));
        }
        let id = FrameId {
            field: number as u64,
            step: key.step,
        };
        if !self.written.is_free(id, key.slab) {
            return Err(Error::invalid("the file has this frame already"));
        }
        if key.step >= 1 << 63 {
            return Err(Error::invalid(format!(
                "a time step below 2^63 expected, {} found",
                key.step
            )));
        }
        match key.time {
            Some(time) if !time.is_finite() => Err(Error::invalid(format!(
                "a finite time expected, {time} found"
            ))),
            _ => Ok(shape),
        }
    }

    fn name(&self, key: &FrameKey) -> String {
        let field = key.field.number(&self.dataset).ok();
        match field.and_then(|field| self.dataset.fields.get(field)) {
            Some(field) if !field.name.is_empty() => {
                format!("field {:?} step {}", field.name, key.step)
            }
            _ => format!("{} step {}", key.field, key.step),
        }
    }
}

/// Encodes values of any type. Not generic over the sink, so that callers do not compile the encoder
/// again.
fn encode_values(
    shape: Shape,
    values: &Values<'_>,
    options: &EncodeOptions,
    networks: Option<PricedNetworks<'_>>,
    past: OfferedPast<'_>,
) -> Result<EncodedFrame> {
    dtype_dispatch!(values, Values(v) => encode_frame(shape, v, options, networks, past))
}
