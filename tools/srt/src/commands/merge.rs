//! `srt merge`.

use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::args::MergeArgs;
use crate::models;
use crate::output::overwrite;
use srt::{Error, Result, merge};
use srt_program::{Destination, print_json, print_line, read_file};

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
    // It may be one of the files: nothing of them is lost in it.
    let others: [&Path; 0] = [];
    let mut destination = Destination::decide(output, overwrite(args.force), others)?;
    if destination.is_among(inputs) {
        destination.lock(args.lock.contention(args.quiet))?;
    }
    let file = destination.create()?;
    let files = inputs.iter().map(|path| read_file(path));
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
