//! What `srt eval` compares with the original: a file, what it says of itself, and its values.

use std::path::Path;

use crate::input::find_frame;
use crate::models;
use srt::{
    AnyVolume, Bound, EvalReport, FileBytes, Form, Input, Interpolation, Leaf, MAGIC,
    PooledPayload, Result,
};

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

/// A file read and decoded, not measured yet.
pub(super) struct Reconstruction {
    pub(super) volume: AnyVolume,
    pub(super) bytes: Option<u64>,
    pub(super) coded: Option<CodedFrame>,
}

/// Reads a field from `.npy`, `.srt` (the frame of that name and step) or, with the shape and type of
/// `like`, from raw.
pub(super) fn read_like(
    path: &Path,
    like: &Input,
    field: Option<&str>,
    step: Option<u64>,
) -> Result<Reconstruction> {
    let bytes = FileBytes::open(path)?;
    let plain = |volume| Reconstruction {
        volume,
        bytes: None,
        coded: None,
    };
    if bytes.bytes().starts_with(&MAGIC) {
        return decode(bytes.bytes(), field, step).map_err(|e| e.within(path.display()));
    }
    if bytes.bytes().starts_with(b"\x93NUMPY") {
        return Input::open_npy(path)?.to_volume().map(plain);
    }
    let raw = Input::open_raw(path, like.shape(), like.dtype())?;
    raw.to_volume().map(plain)
}

fn decode(bytes: &[u8], field: Option<&str>, step: Option<u64>) -> Result<Reconstruction> {
    let decoder = models::open(bytes)?;
    let reader = find_frame(&decoder, field, step)?;
    let (frame, volume) = (reader.record(), reader.read_any()?);
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
        Form::Constant | Form::Lossless => (0, None, false),
    };
    let weights = if networks { decoder.weights()? } else { None };
    let model = weights.map_or_else(|| "no networks".into(), |w| w.name.clone());
    Ok(Reconstruction {
        volume,
        // What other frames take is not this one's.
        bytes: (decoder.frames().len() == 1).then_some(bytes.len() as u64),
        coded: Some(CodedFrame {
            bound: frame.bound,
            model: format!("{profile}{model}"),
            levels,
            brick_edge,
            leaves: reader.leaves()?,
        }),
    })
}
