//! `srt verify`.

use std::process::ExitCode;

use serde::Serialize;

use crate::args::VerifyArgs;
use crate::input::walk;
use crate::measure::measure;
use crate::models;
use srt::{Bound, Error, EvalReport, Frame, FrameReader, Result};
use srt_program::{print_json, print_line, read_file};

/// What was found about one frame.
#[derive(Debug, Serialize)]
struct Finding {
    field: u64,
    step: u64,
    bound: String,
    /// Whether the bound holds; null without an original, or where it is a ratio.
    bound_holds: Option<bool>,
    errors: Option<EvalReport>,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    bytes: usize,
    chunks: usize,
    frames: Vec<Finding>,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode> {
    let file = read_file(&args.input)?;
    let report = check(args, file.bytes()).map_err(|e| e.within(args.input.display()))?;
    if args.json {
        print_json(&report)?;
    } else {
        report.print()?;
    }
    let failed = report.frames.iter().any(|f| f.bound_holds == Some(false));
    Ok(if failed {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn check(args: &VerifyArgs, bytes: &[u8]) -> Result<Report> {
    let decoder = models::open(bytes)?;
    let chunks = walk(bytes)?;
    let original = args
        .original
        .as_deref()
        .map(|path| args.raw.open(path))
        .transpose()?;
    if original.is_some() && decoder.frames().len() != 1 {
        return Err(Error::invalid(
            "an original can be compared with a file of one frame only",
        ));
    }
    let mut frames = Vec::new();
    for reader in decoder.frames() {
        let (frame, volume) = (reader.record(), reader.read_any()?);
        let errors = original
            .as_ref()
            .map(|original| measure(original, &volume))
            .transpose()?;
        frames.push(Finding {
            field: frame.field,
            step: frame.step,
            bound: frame.bound.to_string(),
            bound_holds: errors
                .as_ref()
                .and_then(|errors| holds(frame, range(reader), errors)),
            errors,
        });
    }
    Ok(Report {
        schema: 1,
        bytes: bytes.len(),
        chunks,
        frames,
    })
}

impl Report {
    fn print(&self) -> Result<()> {
        print_line(&format!(
            "{} bytes, {} chunks: every checksum is right",
            self.bytes, self.chunks
        ))?;
        for frame in &self.frames {
            let verdict = match frame.bound_holds {
                Some(true) => "holds",
                Some(false) => "DOES NOT HOLD",
                None => "decodes",
            };
            print_line(&format!(
                "field {} step {}: {} {verdict}",
                frame.field, frame.step, frame.bound
            ))?;
        }
        Ok(())
    }
}

/// Extent of a frame's values, over all its slabs: constant ones know their own value only.
fn range(frame: FrameReader<'_>) -> f64 {
    let ranges = frame.records().map(|record| record.range);
    let all = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    all.map_or(0.0, |(min, max)| max - min)
}

fn holds(frame: &Frame, range: f64, errors: &EvalReport) -> Option<bool> {
    // Same range and rounding as the encoder's.
    let absolute = |bound: f64| errors.max_abs_error <= bound && errors.mismatches == 0;
    match frame.bound {
        Bound::Psnr(target) => Some(errors.identical || errors.psnr_db >= target),
        Bound::Ssim(target) => {
            Some(errors.identical || errors.ssim >= target || errors.ssim.is_nan())
        }
        Bound::MaxError(bound) => Some(absolute(bound)),
        Bound::RelError(r) => Some(absolute(r * range)),
        Bound::Ratio(_) => None,
    }
}
