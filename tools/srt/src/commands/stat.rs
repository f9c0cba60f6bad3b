//! `srt stat`.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::args::{StatArgs, values_of};
use srt::{Error, Moments, Observer, Result, measure};
use srt_program::{print_json, print_line};

/// No report is longer.
const MOST_BYTES: u64 = 1 << 16;

/// The report of `--json`, schema version 1: of the ordinary values, which are finite and not the mask
/// value.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Report {
    schema: u32,
    count: u64,
    /// Values that are not ordinary.
    masked: u64,
    /// Null without ordinary values, as all below.
    min: Option<f64>,
    max: Option<f64>,
    mean: Option<f64>,
    rms: Option<f64>,
    deviation: Option<f64>,
}

impl Report {
    fn new(moments: &Moments, masked: u64) -> Self {
        let known = |value: f64| (moments.count > 0.0).then_some(value);
        Self {
            schema: 1,
            count: moments.count as u64,
            masked,
            min: known(moments.min),
            max: known(moments.max),
            mean: known(moments.mean),
            rms: known(moments.mean.hypot(moments.spread)),
            deviation: known(moments.spread),
        }
    }

    fn moments(&self) -> Option<Moments> {
        Some(Moments {
            count: self.count as f64,
            min: self.min?,
            max: self.max?,
            mean: self.mean?,
            spread: self.deviation?,
        })
    }

    fn print(&self) -> Result<()> {
        print_line(&format!(
            "values             {}\nmasked             {}",
            self.count, self.masked
        ))?;
        let lines = [
            ("minimum", self.min),
            ("maximum", self.max),
            ("mean", self.mean),
            ("rms", self.rms),
            ("deviation", self.deviation),
        ];
        for (name, value) in lines {
            let value = value.map_or("-".into(), |v| format!("{v:e}"));
            print_line(&format!("{name:18} {value}"))?;
        }
        Ok(())
    }
}

pub(crate) fn run(args: &StatArgs) -> Result<u8> {
    let is_report = |path: &Path| path.extension().is_some_and(|e| e == "json");
    let report = match &args.inputs[..] {
        [field] if !is_report(field) => of_field(args, field)?,
        reports if args.part.is_none() => joined(reports.iter().map(|path| read(path)))?,
        _ => return Err(Error::invalid("--part takes one field")),
    };
    if args.json {
        print_json(&report)?;
    } else {
        report.print()?;
    }
    Ok(0)
}

fn of_field(args: &StatArgs, path: &Path) -> Result<Report> {
    let input = Arc::new(args.raw.open(path)?);
    let shape = input.shape();
    let own = match args.part {
        None => 0..shape.len(),
        Some(part) => values_of(part.slab(shape)?, shape),
    };
    let (mapped, first) = (Arc::clone(&input), own.start);
    let observer = Observer::default().on_values_read(move |values| {
        mapped.release(first + values.start..first + values.end);
    });
    let values = input.values()?;
    let moments = measure(&values.slice(own.clone()), args.mask_value, &observer);
    Ok(Report::new(
        &moments,
        own.len() as u64 - moments.count as u64,
    ))
}

/// The report of a whole from those of its parts.
fn joined(reports: impl Iterator<Item = Result<Report>>) -> Result<Report> {
    let (mut moments, mut masked) = (Moments::default(), 0u64);
    for report in reports {
        let report = report?;
        masked = masked.saturating_add(report.masked);
        moments = moments.join(report.moments().unwrap_or_default());
    }
    Ok(Report::new(&moments, masked))
}

fn read(path: &Path) -> Result<Report> {
    let read = || {
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        file.take(MOST_BYTES).read_to_string(&mut text)?;
        let bad = |e: serde_json::Error| {
            Error::invalid(format!("a report of srt stat --json expected: {e}"))
        };
        serde_json::from_str::<Report>(&text).map_err(bad)
    };
    read().map_err(|e| e.within(path.display()))
}

/// The range that `--range` gives: `MIN:MAX`, or a report's.
///
/// # Errors
/// `InvalidArgument` when it is none.
pub(crate) fn range(given: &Path) -> Result<(f64, f64)> {
    let text = given.to_str().unwrap_or_default();
    let values = text.split_once(':').and_then(|(min, max)| {
        let range: (f64, f64) = (min.parse().ok()?, max.parse().ok()?);
        Some(range)
    });
    let (min, max) = match values {
        Some(range) => range,
        None => {
            let report = read(given).map_err(|e| e.within("--range takes MIN:MAX or a file"))?;
            let none = || Error::invalid("the report is of a field without ordinary values");
            report.min.zip(report.max).ok_or_else(none)?
        }
    };
    if !(min.is_finite() && max.is_finite() && min <= max) {
        return Err(Error::invalid(format!(
            "a finite range expected, {min} to {max} found"
        )));
    }
    Ok((min, max))
}
