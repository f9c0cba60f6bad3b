//! `srt merge`.

use std::io::BufWriter;
use std::process::ExitCode;

use serde::Serialize;

use crate::args::MergeArgs;
use crate::models;
use crate::output::{overwrite, print_json, print_line};
use srt::{AtomicFile, Error, FileBytes, Result, merge};

/// The report of `--json`, schema version 1.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    files: usize,
    bytes: u64,
}

pub(crate) fn run(args: &MergeArgs) -> Result<ExitCode> {
    let (output, inputs) = args
        .files
        .split_last()
        .ok_or_else(|| Error::invalid("files to merge and an output expected"))?;
    let file = AtomicFile::create(output, overwrite(args.force))?;
    let files = inputs.iter().map(FileBytes::open);
    let files = files.collect::<Result<Vec<_>>>()?;
    let decoders = files
        .iter()
        .zip(inputs)
        .map(|(file, path)| models::open(file.bytes()).map_err(|e| e.within(path.display())));
    let decoders = decoders.collect::<Result<Vec<_>>>()?;
    let (file, bytes) = merge(&decoders, BufWriter::new(file))?;
    let file = file.into_inner();
    file.map_err(std::io::IntoInnerError::into_error)?
        .commit()?;
    let report = Report {
        schema: 1,
        files: inputs.len(),
        bytes,
    };
    let to_stdout = output.as_os_str() == "-";
    if args.json && !to_stdout {
        print_json(&report)?;
    } else if !args.quiet && !to_stdout {
        print_line(&format!("{} files -> {bytes} bytes", report.files))?;
    }
    Ok(ExitCode::SUCCESS)
}
