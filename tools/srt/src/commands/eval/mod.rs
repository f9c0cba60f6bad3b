//! `srt eval`.

mod label;
mod spectra;

use std::io::Write;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::args::EvalArgs;
use crate::measure::doubles_of;
use crate::output::overwrite;
use crate::report::{Original, Page};
use crate::spectrum::power_spectrum;
use crate::subject::{Comparison, Keep, Reconstruction, Subject};
use label::Label;
use spectra::Spectra;
use srt::{Error, EvalReport, Input, Result};
use srt_program::{Destination, OutputFile, print_json, print_line};

/// One reconstruction in `--json`; what was not asked for or does not apply is left out. Names, bytes
/// and series tell several files apart; one file is told by its quality alone.
#[derive(Debug, Serialize)]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(flatten)]
    report: EvalReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spectrum: Option<Spectra>,
}

fn print_report(report: &EvalReport) -> Result<()> {
    print_line(&format!(
        "PSNR               {:.4} dB\nSSIM               {:.6}\nlargest error      {:.6e}\nof the range       {:.6e}\nRMSE               {:.6e}\nrange              {:.6e}",
        report.psnr_db,
        report.ssim,
        report.max_abs_error,
        report.max_rel_error,
        report.rmse,
        report.range
    ))?;
    if report.mismatches > 0 {
        print_line(&format!(
            "voxels that differ and are not finite, or left out by the encoder: {}",
            report.mismatches
        ))?;
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// Starts the page: told before the work, not after it, when it may not be written.
fn page_file(args: &EvalArgs, path: &Path) -> Result<OutputFile> {
    let fields = [&args.original].into_iter().chain(&args.reconstructed);
    let labels: Vec<_> = fields.clone().map(|path| Label::path_of(path)).collect();
    let inputs = fields.chain(&labels);
    Destination::decide(path, overwrite(args.force), inputs)?.create()
}

pub(crate) fn run(args: &EvalArgs) -> Result<u8> {
    let file = match &args.html {
        Some(path) => Some(page_file(args, path)?),
        None => None,
    };
    let input = Arc::new(args.raw.open(&args.original)?);
    let name = name_of(&args.original);
    // Spectra and pictures are made in double precision.
    let values = match keep(args) {
        Keep::ReportAndValues => Some(doubles_of(&input, args.mask_value)?),
        Keep::Report => None,
    };
    let original = match &values {
        Some(values) => {
            let dtype = input.dtype().to_string();
            Some(Original::new(&name, input.shape(), dtype, values)?)
        }
        None => None,
    };
    // Told before the work, not after it, when a label is none.
    let paths = args.reconstructed.iter();
    let labels = paths
        .map(|path| Label::of(path))
        .collect::<Result<Vec<_>>>()?;
    let mut evaluation = Evaluation {
        args,
        input: &input,
        original: original.as_ref(),
        page: Page::default(),
        entries: Vec::new(),
    };
    for (path, label) in args.reconstructed.iter().zip(labels) {
        evaluation.add(path, label)?;
    }
    let Evaluation { page, entries, .. } = evaluation;
    if let (Some(mut file), Some(original)) = (file, &original) {
        file.write_all(page.finish(original)?.as_bytes())?;
        file.commit()?;
    }
    match (args.json, entries.as_slice()) {
        (false, _) => {}
        (true, [entry]) => print_json(entry)?,
        (true, entries) => print_json(&serde_json::json!({ "files": entries }))?,
    }
    Ok(0)
}

/// Spectra and pages take the values.
fn keep(args: &EvalArgs) -> Keep {
    if args.spectrum || args.html.is_some() {
        Keep::ReportAndValues
    } else {
        Keep::Report
    }
}

/// Reconstructions compared with their original, one after the other.
struct Evaluation<'a> {
    args: &'a EvalArgs,
    input: &'a Arc<Input>,
    /// Where its spectrum or pictures are wanted.
    original: Option<&'a Original<'a>>,
    page: Page,
    entries: Vec<Entry>,
}

impl Evaluation<'_> {
    fn add(&mut self, path: &Path, label: Label) -> Result<()> {
        let (args, input) = (self.args, self.input);
        let comparison = Comparison {
            original: input,
            field: args.field.as_deref(),
            step: args.step,
            mask_value: args.mask_value,
            keep: keep(args),
        };
        let Reconstruction {
            report,
            values,
            bytes,
            coded,
        } = comparison.measure(path)?;
        if coded.is_some() && label.bytes.is_some() {
            let message = "an .srt file tells its bytes itself: its label may name its series only";
            return Err(Error::invalid(message).within(path.display()));
        }
        let bytes = bytes.or(label.bytes.map(NonZeroU64::get));
        let raw_bytes = input.shape().len() * input.dtype().size();
        let ratio = bytes.map(|bytes| raw_bytes as f64 / bytes as f64);
        let several = args.reconstructed.len() > 1;
        let mut entry = Entry {
            file: several.then(|| path.display().to_string()),
            report,
            bytes: bytes.filter(|_| several),
            ratio: ratio.filter(|_| several),
            series: label.series.clone().filter(|_| several),
            spectrum: None,
        };
        if let (Some(original), Some(mut values)) = (self.original, values) {
            if args.mask_value.is_some() {
                original.leave_out(&mut values);
            }
            if args.spectrum {
                let after = power_spectrum(original.shape, &values)?;
                entry.spectrum = Some(Spectra::new(original.spectrum.clone(), after));
            }
            if args.html.is_some() {
                let subject = Subject {
                    name: name_of(path),
                    series: label.series,
                    report,
                    bytes,
                    ratio,
                    coded,
                };
                self.page.add(original, subject, &values)?;
            }
        }
        if !args.json {
            self.print(path, &entry)?;
        }
        self.entries.push(entry);
        Ok(())
    }

    fn print(&self, path: &Path, entry: &Entry) -> Result<()> {
        if self.args.reconstructed.len() > 1 {
            let gap = if self.entries.is_empty() { "" } else { "\n" };
            print_line(&format!("{gap}{}", path.display()))?;
        }
        print_report(&entry.report)?;
        match &entry.spectrum {
            Some(spectrum) => spectrum.print(),
            None => Ok(()),
        }
    }
}
