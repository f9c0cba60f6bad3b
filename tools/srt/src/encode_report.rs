//! What `srt encode` tells.

use serde::Serialize;

use srt::{FileReport, FrameReport};

/// The report of `--json`, schema version 1. Qualities are those of the worst new frame.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    bytes: u64,
    weight_bytes: u64,
    /// Without embedded weights.
    ratio: f64,
    ratio_with_weights: f64,
    /// Null when the decoded fields are identical.
    psnr_db: Option<f64>,
    ssim: Option<f64>,
    max_abs_error: f64,
    max_rel_error: f64,
    identical: bool,
    encode_seconds: f64,
    /// Part of `encode_seconds`: decoding and measuring what was written.
    verify_seconds: f64,
    model: String,
    backend: String,
    /// New frames in file order.
    frames: Vec<FrameLine>,
    /// Bytes of all fields in memory.
    raw_bytes: u64,
}

/// One new frame.
#[derive(Debug, Serialize)]
pub(super) struct FrameLine {
    field: String,
    step: u64,
    time: Option<f64>,
    bytes: u64,
    /// Null when the decoded field is identical.
    psnr_db: Option<f64>,
    ssim: Option<f64>,
    max_abs_error: f64,
    max_rel_error: f64,
    identical: bool,
    verify_seconds: f64,
    uses_networks: bool,
}

impl FrameLine {
    pub(super) fn new(field: &str, step: u64, time: Option<f64>, report: &FrameReport) -> Self {
        let finite = |v: f64| v.is_finite().then_some(v);
        Self {
            field: field.to_owned(),
            step,
            time,
            bytes: report.bytes,
            psnr_db: finite(report.comparison.psnr_db),
            ssim: report.ssim.and_then(finite),
            max_abs_error: report.comparison.max_abs_error,
            max_rel_error: report.comparison.max_rel_error,
            identical: report.comparison.is_identical(),
            verify_seconds: report.verify_seconds,
            uses_networks: report.uses_networks,
        }
    }
}

impl Report {
    pub(super) fn new(file: &FileReport, frames: Vec<FrameLine>, seconds: f64) -> Self {
        let raw = file.raw_bytes as f64;
        let least =
            |of: fn(&FrameLine) -> Option<f64>| frames.iter().filter_map(of).reduce(f64::min);
        let most = |of: fn(&FrameLine) -> f64| frames.iter().map(of).fold(0.0, f64::max);
        Self {
            schema: 1,
            bytes: file.bytes,
            weight_bytes: file.weight_bytes,
            ratio: raw / (file.bytes - file.weight_bytes) as f64,
            ratio_with_weights: raw / file.bytes as f64,
            psnr_db: least(|f| f.psnr_db),
            ssim: least(|f| f.ssim),
            max_abs_error: most(|f| f.max_abs_error),
            max_rel_error: most(|f| f.max_rel_error),
            identical: frames.iter().all(|f| f.identical),
            encode_seconds: seconds,
            verify_seconds: frames.iter().map(|f| f.verify_seconds).sum(),
            model: file.model.clone(),
            backend: file.backend.clone(),
            raw_bytes: file.raw_bytes,
            frames,
        }
    }

    /// One line for people.
    pub(super) fn summary(&self) -> String {
        let quality = if self.identical {
            "lossless".to_owned()
        } else {
            format!(
                "{:.2} dB, largest error {:.4e}",
                self.psnr_db.unwrap_or(f64::INFINITY),
                self.max_abs_error
            )
        };
        let frames = match self.frames.len() {
            1 => String::new(),
            n => format!("{n} frames, "),
        };
        format!(
            "{frames}{:.2} MiB -> {} bytes, ratio {:.2}, {quality}, model {}, {:.2} s",
            self.raw_bytes as f64 / f64::from(1 << 20),
            self.bytes,
            self.ratio_with_weights,
            self.model,
            self.encode_seconds,
        )
    }
}
