//! Files and frames as JSON, for the page.

use serde::Serialize;
use srt::{Bound, Form, FrameReader, Result, Shape};

use crate::viewer::{ShownFile, Viewer};

/// Raised when a field of these changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
pub(crate) struct Files<'v> {
    version: u32,
    files: Vec<FileText<'v>>,
}

#[derive(Serialize)]
struct FileText<'v> {
    name: &'v str,
    bytes: u64,
    #[serde(flatten)]
    state: State<'v>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum State<'v> {
    Error(String),
    Dataset(DatasetText<'v>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DatasetText<'v> {
    /// Slowest axis first.
    shape: Vec<usize>,
    /// Whether the file says where its voxels lie.
    is_placed: bool,
    length_unit: &'v str,
    time_unit: &'v str,
    fields: Vec<FieldText<'v>>,
    frames: Vec<FrameText>,
}

#[derive(Serialize)]
struct FieldText<'v> {
    name: &'v str,
    unit: &'v str,
    dtype: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FrameText {
    field: u64,
    step: u64,
    time: Option<f64>,
    range: (f64, f64),
    has_original: bool,
}

/// All files, as far as they are known without decoding.
pub(crate) fn files(viewer: &Viewer) -> Files<'_> {
    let files = viewer.files().iter().map(FileText::new).collect();
    Files {
        version: VERSION,
        files,
    }
}

impl<'v> FileText<'v> {
    fn new(file: &'v ShownFile) -> Self {
        let state = match &file.decoder {
            Err(error) => State::Error(error.to_string()),
            Ok(_) => State::Dataset(DatasetText::new(file)),
        };
        Self {
            name: &file.name,
            bytes: file.bytes,
            state,
        }
    }
}

impl<'v> DatasetText<'v> {
    fn new(file: &'v ShownFile) -> Self {
        let decoders = file.decoder.iter();
        let frames = decoders.clone().flat_map(|decoder| decoder.frames());
        let frame = |frame: FrameReader<'_>| FrameText {
            field: frame.record().field,
            step: frame.record().step,
            time: frame.record().time,
            range: frame.range(),
            has_original: file.original_of(frame).is_some(),
        };
        let frames = frames.map(frame).collect();
        let mut text = Self {
            shape: Vec::new(),
            is_placed: false,
            length_unit: "",
            time_unit: "",
            fields: Vec::new(),
            frames,
        };
        for decoder in decoders {
            let dataset = decoder.dataset();
            text.shape = dataset.shape.extents().to_vec();
            text.is_placed = dataset.placement.is_some();
            text.length_unit = &dataset.length_unit;
            text.time_unit = &dataset.time_unit;
            let field = |field: &'v srt::Field| FieldText {
                name: &field.name,
                unit: &field.unit,
                dtype: field.dtype.to_string(),
            };
            text.fields = dataset.fields.iter().map(field).collect();
        }
        text
    }
}

/// A frame, and what there is of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FrameDetails {
    /// From level 0 on.
    levels: Vec<LevelText>,
    /// The coarsest level that takes less work than level 0.
    coarsest_stored: usize,
    form: &'static str,
    bound: BoundText,
    psnr_db: f32,
    max_error: f64,
    range: (f64, f64),
    /// Edge of a brick in voxels, where there are bricks.
    brick_edge: Option<u32>,
    /// Leaves of the octree, `z, y, x` of the first voxel, extents, level, one behind the other; empty without an octree.
    leaves: Vec<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LevelText {
    /// Axes `z, y, x`.
    dims: [usize; 3],
    spacing: [f64; 3],
    origin: [f64; 3],
    psnr_db: Option<f64>,
}

#[derive(Serialize)]
struct BoundText {
    kind: &'static str,
    value: f64,
}

impl FrameDetails {
    /// # Errors
    /// `Corrupt`, `Unsupported`.
    pub(crate) fn new(frame: FrameReader<'_>) -> Result<Self> {
        let record = frame.record();
        let (form, brick_edge) = match &record.form {
            Form::Constant => ("constant", None),
            Form::Lossless => ("lossless", None),
            Form::Wavelet(form) => ("wavelet", Some(form.brick_edge)),
            Form::Pooled(_) => ("pooled", None),
            Form::Raster(form) => ("raster", Some(form.brick_edge)),
        };
        let levels = (0..=frame.coarsest_level()?).filter_map(|level| {
            let frame = frame.level(level);
            // A level that is not stored is left out by who decodes it.
            let grid = frame.grid().ok()?;
            Some(LevelText::new(frame, grid))
        });
        let leaf = |leaf: srt::Leaf| {
            let numbers = leaf.region.start.into_iter().chain(leaf.region.size);
            numbers.chain([leaf.level])
        };
        let leaves = frame.leaves()?.unwrap_or_default();
        Ok(Self {
            levels: levels.collect::<Result<_>>()?,
            coarsest_stored: frame.records().map(|r| r.form.levels()).min().unwrap_or(0),
            form,
            bound: BoundText::new(record.bound),
            psnr_db: record.measured.psnr_db,
            max_error: frame.max_error(),
            range: frame.range(),
            brick_edge,
            leaves: leaves.into_iter().flat_map(leaf).collect(),
        })
    }
}

impl LevelText {
    fn new(frame: FrameReader<'_>, grid: Shape) -> Result<Self> {
        let placement = frame.placement()?;
        Ok(Self {
            dims: grid.dims(),
            spacing: placement.spacing,
            origin: placement.origin,
            psnr_db: frame.psnr_db()?,
        })
    }
}

impl BoundText {
    fn new(bound: Bound) -> Self {
        Self {
            kind: bound.name(),
            value: bound.parts().1,
        }
    }
}
