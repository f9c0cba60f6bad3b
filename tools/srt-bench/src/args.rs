//! The command line.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::child::Source;
use crate::codec::{Codec, Target};

/// Rate, distortion, speed and memory of srt beside SZ3, ZFP and SPERR, on your own fields.
///
/// Tables go to standard output, progress to standard error. Every file is decoded and measured.
#[derive(Clone, Debug, Parser)]
#[command(name = "srt-bench", version, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Fields: .npy, or raw with --shape and --dtype
    #[arg(required = true)]
    pub(crate) fields: Vec<PathBuf>,
    /// Extents of raw fields, slowest axis first
    #[arg(long, value_name = "NZ,NY,NX", value_delimiter = ',')]
    pub(crate) shape: Vec<usize>,
    /// Value type of raw fields: f32 or f64 (little endian)
    #[arg(long, value_name = "TYPE")]
    pub(crate) dtype: Option<String>,
    /// Codecs to compare; all if not given
    #[arg(long, value_name = "CODECS", value_delimiter = ',')]
    pub(crate) codecs: Vec<Codec>,
    /// PSNR targets in dB; none with an empty list [default: 35,40,45,50,60; with --speed 40,60]
    #[arg(long, value_name = "DB,..")]
    psnr: Option<String>,
    /// Compression ratio targets
    #[arg(long, value_name = "X,..", default_value = "50,100,200")]
    ratio: String,
    /// Targets of the largest error, as fractions of the range [default: 1e-2,3e-3,1e-3,1e-4; with --speed 1e-2,1e-4]
    #[arg(long, value_name = "R,..")]
    rel_error: Option<String>,
    /// Instead of rates: what encoding and decoding take beside SPERR, codecs in turn
    #[arg(long, conflicts_with_all = ["codecs", "ratio", "speed_at", "quick", "csv", "keep"])]
    pub(crate) speed: bool,
    /// Rounds of --speed, whose medians count
    #[arg(long, value_name = "N", default_value = "3", requires = "speed")]
    pub(crate) rounds: usize,
    /// Time each field at these sizes too, in MB: cut to its middle, or continued by its mirror images
    #[arg(long, value_name = "MB,..", value_delimiter = ',', requires = "speed")]
    pub(crate) sizes: Vec<f64>,
    /// Measure speed and memory at this PSNR, which is added to the targets; "none" to leave it out
    #[arg(long, value_name = "DB", default_value = "40")]
    speed_at: String,
    /// Threads of the parallel runs; all cores if not given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Two PSNR targets, one ratio, one largest error, short timings: minutes instead of an hour
    #[arg(long)]
    quick: bool,
    /// Write the rows as CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write the rows and the machine as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Keep every decoded field in this folder as FIELD-CODEC-TARGET-VALUE.npy, labelled for srt eval
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
}

impl Args {
    /// Everything to aim at, and whether speed is measured there.
    pub(crate) fn targets(&self) -> Result<Vec<(Target, bool)>, String> {
        let speed_at = match self.speed_at.as_str() {
            "none" => None,
            text => Some(number(text)?),
        };
        let [psnr, ratio, rel_error] = if self.quick {
            ["40,50", "100", "1e-3"]
        } else {
            [
                self.psnr.as_deref().unwrap_or("35,40,45,50,60"),
                &self.ratio,
                self.rel_error.as_deref().unwrap_or("1e-2,3e-3,1e-3,1e-4"),
            ]
        };
        let mut levels = numbers(psnr)?;
        levels.extend(speed_at.filter(|db| !levels.contains(db)));
        levels.sort_by(f64::total_cmp);
        let mut targets: Vec<_> = levels
            .into_iter()
            .map(|db| (Target::Psnr(db), speed_at == Some(db)))
            .collect();
        targets.extend(
            numbers(ratio)?
                .into_iter()
                .map(|v| (Target::Ratio(v), false)),
        );
        let errors = numbers(rel_error)?.into_iter();
        targets.extend(errors.map(|v| (Target::RelError(v), false)));
        Ok(targets)
    }

    /// What `--speed` aims at.
    pub(crate) fn speed_targets(&self) -> Result<Vec<Target>, String> {
        let psnr = numbers(self.psnr.as_deref().unwrap_or("40,60"))?;
        let errors = numbers(self.rel_error.as_deref().unwrap_or("1e-2,1e-4"))?;
        let psnr = psnr.into_iter().map(Target::Psnr);
        Ok(psnr
            .chain(errors.into_iter().map(Target::RelError))
            .collect())
    }

    /// A field of the command line.
    pub(crate) fn source(&self, path: &Path) -> Source {
        Source {
            path: path.to_owned(),
            shape: self.shape.clone(),
            dtype: self.dtype.clone(),
            megabytes: None,
        }
    }

    pub(crate) fn codecs(&self) -> Vec<Codec> {
        match (self.codecs.is_empty(), self.quick) {
            (false, _) => self.codecs.clone(),
            (true, false) => Codec::ALL.to_vec(),
            (true, true) => {
                let all = Codec::ALL.into_iter();
                let slow = [Codec::SrtSmall, Codec::SrtPaper, Codec::SrtPaperSz3];
                all.filter(|c| !slow.contains(c)).collect()
            }
        }
    }

    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores).max(1)
    }

    /// Seconds that each timing may take beyond its first two runs.
    pub(crate) fn seconds(&self) -> f64 {
        if self.quick { 0.5 } else { 3.0 }
    }
}

fn numbers(list: &str) -> Result<Vec<f64>, String> {
    let parts = list.split(',').map(str::trim).filter(|t| !t.is_empty());
    parts.map(number).collect()
}

fn number(text: &str) -> Result<f64, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| format!("a number expected, {text:?} found"))?;
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(format!("a number above 0 expected, {text} found"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Args {
        Args::try_parse_from([&["srt-bench", "a.npy"], args].concat()).unwrap()
    }

    #[test]
    fn targets_are_sorted_and_speed_is_measured_at_one_of_them() {
        let targets = parse(&["--psnr", "50, 30", "--ratio", "", "--rel-error", "1e-3"])
            .targets()
            .unwrap();
        assert_eq!(
            targets,
            [
                (Target::Psnr(30.0), false),
                (Target::Psnr(40.0), true),
                (Target::Psnr(50.0), false),
                (Target::RelError(1e-3), false)
            ]
        );
        assert!(parse(&["--psnr", "4o"]).targets().is_err());
        assert!(parse(&["--ratio=-1"]).targets().is_err());
        let quick = parse(&["--quick", "--speed-at", "none"]);
        assert!(quick.targets().unwrap().iter().all(|(_, speed)| !speed));
        assert_eq!(quick.codecs().len(), 5);
        let speed = parse(&["--speed", "--rel-error", "", "--sizes", "0.5,64"]);
        assert_eq!(speed.sizes, [0.5, 64.0]);
        let targets = speed.speed_targets().unwrap();
        assert_eq!(targets, [Target::Psnr(40.0), Target::Psnr(60.0)]);
    }
}
