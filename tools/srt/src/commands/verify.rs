//! `srt verify`.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::args::VerifyArgs;
use crate::input::{FrameChoice, walk};
use crate::measure::judging_of;
use crate::models;
use srt::{Decoder, Error, EvalReport, FrameReader, Input, Result, slowest};
use srt_program::{print_json, print_line, read_file};

/// What was found about one frame.
#[derive(Debug, Serialize)]
struct Finding {
    field: u64,
    step: u64,
    /// First plane and that behind the last, where the file has a part of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    planes: Option<[usize; 2]>,
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

pub(crate) fn run(args: &VerifyArgs) -> Result<u8> {
    let file = read_file(&args.input)?;
    let report = check(args, file.bytes())?;
    if args.json {
        print_json(&report)?;
    } else {
        report.print()?;
    }
    let failed = report.frames.iter().any(|f| f.bound_holds == Some(false));
    Ok(if failed { 1 } else { 0 })
}

fn check(args: &VerifyArgs, bytes: &[u8]) -> Result<Report> {
    let within = |e: Error| e.within(args.input.display());
    let decoder = models::open(bytes).map_err(within)?;
    let chunks = walk(bytes).map_err(within)?;
    let originals = originals(args)?;
    let pairs = pairs(args, &decoder, originals).map_err(within)?;
    let mut frames = Vec::with_capacity(pairs.len());
    for (reader, original) in pairs {
        frames.push(match original {
            Some(original) => compare(reader, original)?,
            None => {
                reader.check().map_err(within)?;
                Finding::new(reader).map_err(within)?
            }
        });
    }
    Ok(Report {
        schema: 1,
        bytes: bytes.len(),
        chunks,
        frames,
    })
}

/// A field as it was given, and the file that has it.
type Original<'a> = (&'a Path, Input);

/// The originals, step by step.
fn originals(args: &VerifyArgs) -> Result<Vec<Original<'_>>> {
    let mut all = Vec::new();
    for path in &args.originals {
        let steps = args.raw.open_steps(path, args.steps_axis)?;
        all.extend(steps.into_iter().map(|input| (path.as_path(), input)));
    }
    Ok(all)
}

/// The frames that were asked for, each with its original where some are given.
fn pairs<'d, 'a>(
    args: &VerifyArgs,
    decoder: &'d Decoder<'_>,
    originals: Vec<Original<'a>>,
) -> Result<Vec<(FrameReader<'d>, Option<Original<'a>>)>> {
    let wanted = originals.len();
    let of_step = args.step.filter(|_| wanted == 0);
    let choice = FrameChoice::new(decoder.dataset(), args.field.as_deref(), of_step)?;
    let frames = decoder.frames().filter(|frame| choice.fits(frame.record()));
    let mut frames: Vec<_> = frames.collect();
    if wanted == 0 {
        if frames.is_empty() && (args.field.is_some() || args.step.is_some()) {
            return Err(Error::invalid("the file has no such frame"));
        }
        return Ok(frames.into_iter().map(|frame| (frame, None)).collect());
    }
    let field = |frame: &FrameReader<'_>| frame.record().field;
    if frames.iter().any(|frame| field(frame) != field(&frames[0])) {
        return Err(Error::invalid(
            "the file has several fields: name that of the originals with --field",
        ));
    }
    frames.sort_by_key(|frame| frame.record().step);
    if let Some(step) = args.step {
        frames.retain(|frame| frame.record().step >= step);
        if frames
            .first()
            .is_none_or(|frame| frame.record().step != step)
        {
            return Err(Error::invalid("the file has no such frame"));
        }
        frames.truncate(wanted);
    }
    if frames.len() != wanted {
        return Err(Error::invalid(format!(
            "an original for each time step expected, {wanted} found for {} steps: --step names the first of fewer",
            frames.len()
        )));
    }
    Ok(frames
        .into_iter()
        .zip(originals.into_iter().map(Some))
        .collect())
}

fn compare(reader: FrameReader<'_>, (path, input): Original<'_>) -> Result<Finding> {
    let input = Arc::new(input);
    let verdict = input
        .view()
        .and_then(|view| reader.judge(&view, &judging_of(&input, None)))
        .map_err(|e| e.within(path.display()))?;
    Ok(Finding {
        bound_holds: verdict.holds,
        errors: Some(verdict.report),
        ..Finding::new(reader)?
    })
}

impl Finding {
    /// Of a frame that was decoded.
    fn new(reader: FrameReader<'_>) -> Result<Self> {
        let (frame, planes, domain) = (reader.record(), reader.planes()?, reader.domain());
        let is_whole = planes == (0..domain.dims()[slowest(domain)]);
        Ok(Self {
            field: frame.field,
            step: frame.step,
            planes: (!is_whole).then_some([planes.start, planes.end]),
            bound: frame.bound.to_string(),
            bound_holds: None,
            errors: None,
        })
    }

    fn print(&self) -> Result<()> {
        let verdict = match self.bound_holds {
            Some(true) => "holds",
            Some(false) => "DOES NOT HOLD",
            None => "decodes",
        };
        let planes = self.planes.map_or(String::new(), |[start, end]| {
            format!(" planes {start} to {end}")
        });
        let errors = match &self.errors {
            None => String::new(),
            Some(errors) if errors.mismatches > 0 => {
                format!(" ({} voxels without a number differ)", errors.mismatches)
            }
            Some(errors) if errors.identical => " (all values are equal)".to_owned(),
            Some(errors) => format!(
                " ({:.2} dB, SSIM {:.6}, largest error {:.4e})",
                errors.psnr_db, errors.ssim, errors.max_abs_error
            ),
        };
        print_line(&format!(
            "field {} step {}{planes}: {} {verdict}{errors}",
            self.field, self.step, self.bound
        ))
    }
}

impl Report {
    fn print(&self) -> Result<()> {
        print_line(&format!(
            "{} bytes, {} chunks: every checksum is right",
            self.bytes, self.chunks
        ))?;
        self.frames.iter().try_for_each(Finding::print)
    }
}
