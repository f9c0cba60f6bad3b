//! `srt eval`.

use std::io::Write;
use std::num::NonZeroU64;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::args::EvalArgs;
use crate::label::Label;
use crate::output::{overwrite, print_json, print_line};
use crate::report::{Original, Page};
use crate::spectrum::power_spectrum;
use crate::subject::{Subject, check_shapes, doubles, read_like};
use srt::dtype_dispatch;
use srt::{AnyVolume, AtomicFile, Error, EvalReport, Input, Result, Values};

/// Compares two fields of any types.
pub(super) fn measure(original: &Input, reconstructed: &AnyVolume) -> Result<EvalReport> {
    let shape = original.shape();
    check_shapes(shape, reconstructed.shape())?;
    dtype_dispatch!(original.values()?, Values(original) => {
        dtype_dispatch!(reconstructed, AnyVolume(v) => {
            EvalReport::measure(shape, &original, v.data(), None)
        })
    })
}

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

/// Mean power by wavenumber, which is the place in the lists.
#[derive(Debug, Serialize)]
struct Spectra {
    original: Vec<f64>,
    reconstructed: Vec<f64>,
    /// Reconstructed by original; null where the original has no power.
    ratio: Vec<Option<f64>>,
}

impl Spectra {
    fn new(original: Vec<f64>, reconstructed: Vec<f64>) -> Self {
        let ratio = |(after, before): (&f64, &f64)| (*before > 0.0).then(|| after / before);
        Self {
            ratio: reconstructed.iter().zip(&original).map(ratio).collect(),
            original,
            reconstructed,
        }
    }

    fn print(&self) -> Result<()> {
        print_line("\n     k        original   reconstructed   P'/P")?;
        let rows = self
            .original
            .iter()
            .zip(&self.reconstructed)
            .zip(&self.ratio);
        for (k, ((before, after), ratio)) in rows.enumerate() {
            let ratio = ratio.map_or("-".into(), |r| format!("{r:.5}"));
            print_line(&format!("{k:6} {before:15.6e} {after:15.6e}   {ratio}"))?;
        }
        Ok(())
    }
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
            "voxels that are finite in only one field: {}",
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

/// What is known of the reconstructions so far.
struct Evaluation<'a> {
    args: &'a EvalArgs,
    input: Input,
    /// Where spectra or a page are wanted.
    original: Option<&'a Original<'a>>,
    page: Page,
    entries: Vec<Entry>,
}

impl Evaluation<'_> {
    fn is_of_several(&self) -> bool {
        self.args.reconstructed.len() > 1
    }

    /// Measures a reconstruction, prints what was found and adds it to the page.
    fn add(&mut self, path: &Path, label: Label) -> Result<()> {
        let args = self.args;
        let decoded = read_like(path, &self.input, args.field.as_deref(), args.step)?;
        if decoded.coded.is_some() && label.bytes.is_some() {
            let message = "an .srt file tells its bytes itself: its label may name its series only";
            return Err(Error::invalid(message).within(path.display()));
        }
        let bytes = decoded.bytes.or(label.bytes.map(NonZeroU64::get));
        let report = measure(&self.input, &decoded.volume)?;
        let raw_bytes = self.input.shape().len() * self.input.dtype().size();
        let ratio = bytes.map(|bytes| raw_bytes as f64 / bytes as f64);
        let mut spectrum = None;
        if let Some(original) = self.original {
            let values = doubles(&decoded.volume);
            if args.spectrum {
                let after = power_spectrum(original.shape, &values)?;
                spectrum = Some(Spectra::new(original.spectrum.clone(), after));
            }
            if args.html.is_some() {
                let subject = Subject {
                    name: name_of(path),
                    series: label.series.clone(),
                    report,
                    bytes,
                    ratio,
                    coded: decoded.coded,
                };
                self.page.add(original, subject, &values)?;
            }
        }
        if !args.json {
            self.print(path, &report, spectrum.as_ref())?;
        }
        let several = self.is_of_several();
        self.entries.push(Entry {
            file: several.then(|| path.display().to_string()),
            report,
            bytes: bytes.filter(|_| several),
            ratio: ratio.filter(|_| several),
            series: label.series.filter(|_| several),
            spectrum,
        });
        Ok(())
    }

    fn print(&self, path: &Path, report: &EvalReport, spectrum: Option<&Spectra>) -> Result<()> {
        if self.is_of_several() {
            let gap = if self.entries.is_empty() { "" } else { "\n" };
            print_line(&format!("{gap}{}", path.display()))?;
        }
        print_report(report)?;
        spectrum.map_or(Ok(()), Spectra::print)
    }
}

pub(super) fn run(args: &EvalArgs) -> Result<ExitCode> {
    let input = args.raw.open(&args.original)?;
    let name = name_of(&args.original);
    // Spectra and pictures are made in double precision.
    let values = if args.spectrum || args.html.is_some() {
        doubles(&input.to_volume()?)
    } else {
        Vec::new()
    };
    let original = if values.is_empty() {
        None
    } else {
        Some(Original::new(
            &name,
            input.shape(),
            input.dtype().to_string(),
            &values,
        )?)
    };
    // Told before the work, not after it, when a label is none or the page may not be written.
    let paths = args.reconstructed.iter();
    let labels = paths
        .map(|path| Label::of(path))
        .collect::<Result<Vec<_>>>()?;
    let file = match &args.html {
        Some(path) => Some(AtomicFile::create(path, overwrite(args.force))?),
        None => None,
    };
    let mut evaluation = Evaluation {
        args,
        input,
        original: original.as_ref(),
        page: Page::default(),
        entries: Vec::new(),
    };
    for (path, label) in args.reconstructed.iter().zip(labels) {
        evaluation.add(path, label)?;
    }
    let Evaluation { page, entries, .. } = evaluation;
    if let (Some(mut file), Some(original)) = (file, &original) {
        file.write_all(page.finish(original).as_bytes())?;
        file.commit()?;
    }
    match (args.json, entries.as_slice()) {
        (false, _) => {}
        (true, [entry]) => print_json(entry)?,
        (true, entries) => print_json(&serde_json::json!({ "files": entries }))?,
    }
    Ok(ExitCode::SUCCESS)
}
