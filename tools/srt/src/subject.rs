//! What `srt eval` compares with the original: a file, what it says of itself, and its values.

use std::path::Path;
use std::sync::Arc;

use crate::input::find_frame;
use crate::measure::{doubles, doubles_of, judging_of, measure};
use crate::models;
use srt::{
    Bound, Decoder, Error, EvalReport, Form, FrameReader, Input, Interpolation, Leaf, Limits,
    MAGIC, PooledPayload, Result, slowest,
};
use srt_program::read_file;

/// A reconstruction, measured.
#[derive(Debug)]
pub(super) struct Subject {
    /// The file's name.
    pub(super) name: String,
    /// The curve it belongs to, where its label names one.
    pub(super) series: Option<String>,
    pub(super) report: EvalReport,
    /// Bytes of an `.srt` file with one frame or, of a plain field, those that its label tells; and those of the original
    /// by these.
    pub(super) bytes: Option<u64>,
    pub(super) ratio: Option<f64>,
    /// What an `.srt` file tells.
    pub(super) coded: Option<CodedFrame>,
}

/// What an `.srt` file tells about its frame.
#[derive(Debug)]
pub(super) struct CodedFrame {
    pub(super) bound: Bound,
    /// Profile and payload, where they are not the default, and name of the weights in use or `no networks`.
    pub(super) model: String,
    /// Of the field's values; empty where the file names none.
    pub(super) unit: String,
    pub(super) levels: usize,
    pub(super) brick_edge: Option<usize>,
    pub(super) leaves: Option<Vec<Leaf>>,
}

impl Subject {
    /// A line on how it was coded.
    pub(super) fn description(&self) -> String {
        let series = self
            .series
            .as_ref()
            .map_or(String::new(), |name| format!("{name}; "));
        let Some(coded) = &self.coded else {
            let origin = self.bytes.map_or(String::new(), |bytes| {
                format!(", decoded from {bytes} bytes")
            });
            return format!("{series}a plain field{origin}");
        };
        let bound = match coded.bound {
            Bound::Psnr(v) => format!("PSNR of {v} dB"),
            Bound::Ssim(v) => format!("SSIM of {v}"),
            Bound::MaxError(v) => format!("largest error of {v}"),
            Bound::RelError(v) => format!("largest error of {v} of the range"),
            Bound::Ratio(v) => format!("ratio of {v}"),
        };
        format!("{series}{}; {bound} asked for", coded.model)
    }

    /// What it has in common with the files of its curve.
    pub(super) fn family(&self) -> String {
        match (&self.series, &self.coded) {
            (Some(series), _) => series.clone(),
            (None, Some(coded)) => coded.model.clone(),
            (None, None) => self.name.clone(),
        }
    }
}

/// A file measured beside the original.
pub(super) struct Reconstruction {
    pub(super) report: EvalReport,
    /// Its values in double precision, where they are wanted.
    pub(super) values: Option<Vec<f64>>,
    pub(super) bytes: Option<u64>,
    pub(super) coded: Option<CodedFrame>,
}

/// What reconstructions are compared with, and how.
pub(super) struct Comparison<'a> {
    pub(super) original: &'a Arc<Input>,
    /// Field and step of an `.srt` file.
    pub(super) field: Option<&'a str>,
    pub(super) step: Option<u64>,
    /// Voxels of the original that do not count.
    pub(super) mask_value: Option<f64>,
    pub(super) keep: Keep,
}

/// What is kept of a reconstruction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Report,
    ReportAndValues,
}

impl Comparison<'_> {
    /// Measures a field from `.npy`, `.srt` (the frame of that name and step) or, with the shape and type of the
    /// original, from raw.
    ///
    /// # Errors
    /// Those of reading and decoding, and `InvalidArgument` for a field of another shape.
    pub(super) fn measure(&self, path: &Path) -> Result<Reconstruction> {
        let file = read_file(path)?;
        let bytes = file.bytes();
        if bytes.starts_with(&MAGIC) {
            return self.judge(bytes).map_err(|e| e.within(path.display()));
        }
        let input = Arc::new(self.plain(path, bytes)?);
        let values = match self.keep {
            Keep::Report => None,
            Keep::ReportAndValues => Some(doubles_of(&input, None)?),
        };
        Ok(Reconstruction {
            report: measure(self.original, &input, self.mask_value)?,
            values,
            bytes: None,
            coded: None,
        })
    }

    /// A field that is no `.srt` file.
    fn plain(&self, path: &Path, bytes: &[u8]) -> Result<Input> {
        let is_npy = bytes.starts_with(b"\x93NUMPY");
        let (shape, dtype) = (self.original.shape(), self.original.dtype());
        if !path.is_file() {
            // Cannot be read again.
            let layout = (!is_npy).then_some((shape, dtype));
            let (shape, dtype) = layout.unzip();
            let field = Input::from_reader(bytes, shape, dtype, &Limits::default());
            return field.map_err(|e| e.within(path.display()));
        }
        if is_npy {
            Input::open_npy(path)
        } else {
            Input::open_raw(path, shape, dtype)
        }
    }

    fn judge(&self, bytes: &[u8]) -> Result<Reconstruction> {
        let decoder = models::open(bytes)?;
        let reader = find_frame(&decoder, self.field, self.step)?;
        let (planes, domain) = (reader.planes()?, reader.domain());
        if planes != (0..domain.dims()[slowest(domain)]) {
            return Err(Error::invalid(format!(
                "it has planes {} to {} only: a part, to be merged with others",
                planes.start, planes.end
            )));
        }
        let mut values = (self.keep == Keep::ReportAndValues).then(Vec::new);
        let verdict = reader.judge_layers(
            &self.original.view()?,
            &judging_of(self.original, self.mask_value),
            |layer| {
                if let Some(values) = &mut values {
                    values.append(&mut doubles(&layer));
                }
                Ok(())
            },
        )?;
        Ok(Reconstruction {
            report: verdict.report,
            values,
            // What other frames take is not this one's.
            bytes: (decoder.frames().len() == 1).then_some(bytes.len() as u64),
            coded: Some(CodedFrame::new(&decoder, reader)?),
        })
    }
}

impl CodedFrame {
    fn new(decoder: &Decoder<'_>, reader: FrameReader<'_>) -> Result<Self> {
        let frame = reader.record();
        let mut profile = String::new();
        let (levels, brick_edge, networks) = match &frame.form {
            Form::Wavelet(form) => (
                usize::from(form.levels),
                usize::try_from(form.brick_edge).ok(),
                form.network.is_some(),
            ),
            Form::Pooled(form) => {
                let one_level = if form.finest == form.levels {
                    "one level, "
                } else {
                    ""
                };
                let interpolation = match form.interpolation {
                    Interpolation::Linear => "",
                    Interpolation::Cubic => "cubic, ",
                };
                let payload = match form.payload {
                    PooledPayload::Quantised => "",
                    PooledPayload::Sz3 => "sz3, ",
                };
                profile = format!("paper, {payload}{one_level}{interpolation}");
                (usize::from(form.levels), None, form.network.is_some())
            }
            Form::Raster(form) => (0, usize::try_from(form.brick_edge).ok(), false),
            Form::Constant | Form::Lossless => (0, None, false),
        };
        let weights = if networks { decoder.weights()? } else { None };
        let model = weights.map_or_else(|| "no networks".into(), |w| w.name.clone());
        let field = decoder.dataset().numbered(frame.field);
        Ok(Self {
            bound: frame.bound,
            model: format!("{profile}{model}"),
            unit: field.map_or(String::new(), |field| field.unit.clone()),
            levels,
            brick_edge,
            leaves: reader.leaves()?,
        })
    }
}
