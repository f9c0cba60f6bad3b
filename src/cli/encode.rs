//! `srt encode`.

use std::io::BufWriter;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::args::EncodeArgs;
use super::memory::quarter_of_ram;
use super::models;
use super::output::{Spinner, overwrite, print_json, print_line};
use crate::error::Result;
use crate::pipeline::{EncodeOptions, EncodeReport, Progress, Release, encode_volume};
use crate::volume::io::AtomicFile;

/// The report of `--json`, schema version 1.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    bytes: u64,
    weight_bytes: u64,
    /// Without embedded weights.
    ratio: f64,
    ratio_with_weights: f64,
    /// Null when the decoded field is identical.
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
}

impl Report {
    pub(super) fn new(report: &EncodeReport, seconds: f64) -> Self {
        let finite = |v: f64| v.is_finite().then_some(v);
        let raw = report.raw_bytes as f64;
        Self {
            schema: 1,
            bytes: report.bytes,
            weight_bytes: report.weight_bytes,
            ratio: raw / (report.bytes - report.weight_bytes) as f64,
            ratio_with_weights: raw / report.bytes as f64,
            psnr_db: finite(report.comparison.psnr_db),
            ssim: report.ssim.and_then(finite),
            max_abs_error: report.comparison.max_abs_error,
            max_rel_error: report.comparison.max_rel_error,
            identical: report.comparison.is_identical(),
            encode_seconds: seconds,
            verify_seconds: report.verify_seconds,
            model: report.model.clone(),
            backend: report.backend.clone(),
        }
    }
}

pub(super) fn run(args: &EncodeArgs) -> Result<ExitCode> {
    let start = Instant::now();
    args.check()?;
    let mut options = EncodeOptions::new(args.bound()?).with_field(args.field.as_str());
    options.periodic = args.periodic.unwrap_or_default();
    options.wavelet = args.wavelet;
    options.brick_edge = args.brick;
    options.mask_value = args.mask_value;
    options.backend = args.backend.open()?;
    options.threads = args.threads;
    options.memory = args.memory.map(|size| size.0).or_else(quarter_of_ram);
    options.measure_ssim = args.json;
    options.model = models::choose(&args.model)?;
    options.embed_weights = args.embed_weights.into();
    let file = AtomicFile::create(&args.output, overwrite(args.force))?;
    let input = Arc::new(args.raw.open(&args.input)?);
    let mapped = Arc::clone(&input);
    options.release = Some(Release::new(move |values| mapped.release(values)));
    let values = input.values()?;
    let spinner = Spinner::new(args.quiet || args.verbose, "encoding");
    let (file, report) = encode_volume(
        input.shape(),
        &values,
        &options,
        BufWriter::new(file),
        &|p| report_pass(args.verbose, &spinner, p),
    )
    .map_err(|e| e.within(args.input.display()))?;
    file.into_inner().map_err(|e| e.into_error())?.commit()?;
    drop(spinner);
    let seconds = start.elapsed().as_secs_f64();
    let to_stdout = args.output.as_os_str() == "-";
    if args.json && !to_stdout {
        print_json(&Report::new(&report, seconds))?;
    } else if !args.quiet && !to_stdout {
        print_line(&summary(&report, seconds))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn report_pass(verbose: bool, spinner: &Spinner, progress: Progress) {
    if verbose {
        eprintln!("pass {}: {:.4}", progress.passes, progress.quality);
    } else {
        spinner.pass(progress);
    }
}

fn summary(report: &EncodeReport, seconds: f64) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let quality = match report.comparison.is_identical() {
        true => "lossless".to_owned(),
        false => format!(
            "{:.2} dB, largest error {:.4e}",
            report.comparison.psnr_db, report.comparison.max_abs_error
        ),
    };
    format!(
        "{:.2} MiB -> {} bytes, ratio {:.2}, {quality}, model {}, {seconds:.2} s",
        mib(report.raw_bytes),
        report.bytes,
        report.raw_bytes as f64 / report.bytes as f64,
        report.model,
    )
}
