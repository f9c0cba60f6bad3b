//! `srt merge`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::Path;

use serde::Serialize;

use crate::args::MergeArgs;
use crate::models;
use crate::output::overwrite;
use srt::{Decoder, Error, Frame, FrameReader, MAGIC, Result, merge};
use srt_program::{Destination, print_json, print_line, read_file};

/// The report of `--json`, schema version 1.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    files: usize,
    bytes: u64,
}

/// Checks that no frame is lost with the file that is to be replaced: of `srt merge u*.srt -f` the last of the parts.
fn keeps_frames(output: &Path, inputs: &[Decoder<'_>]) -> Result<()> {
    let mut start = Vec::new();
    let is_file = output.metadata().is_ok_and(|m| m.is_file());
    if is_file && let Ok(file) = File::open(output) {
        file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    }
    if start != MAGIC {
        return Ok(());
    }
    let file = read_file(output)?;
    // What cannot be read holds nothing that could be lost.
    let Ok(old) = models::open(file.bytes()) else {
        return Ok(());
    };
    let known: HashSet<FramePart> = inputs.iter().flat_map(parts).collect();
    let lost = parts(&old).into_iter().find(|part| !known.contains(part));
    lost.map_or(Ok(()), |lost| {
        let frame = format!("step {} of field {:?}", lost.step, lost.field);
        Err(Error::invalid(format!(
            "the file to write expected last; one found with {frame}, which no file before it has"
        ))
        .within(output.display()))
    })
}

/// A frame, or a slab of it.
#[derive(PartialEq, Eq, Hash)]
struct FramePart {
    field: String,
    step: u64,
    /// First plane and number of planes of a slab.
    planes: Option<(u64, u64)>,
}

/// What frames a file has.
fn parts(file: &Decoder<'_>) -> Vec<FramePart> {
    let name = |number: u64| {
        let field = file.dataset().numbered(number);
        field.map(|field| field.name.clone()).unwrap_or_default()
    };
    let part = |record: &Frame| FramePart {
        field: name(record.field),
        step: record.step,
        planes: record.slab.map(|slab| (slab.start, slab.len)),
    };
    let frames: Vec<_> = file.frames().collect();
    let records = frames.iter().flat_map(FrameReader::records);
    records.map(part).collect()
}

pub(crate) fn run(args: &MergeArgs) -> Result<u8> {
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
    if args.force && !destination.is_among(inputs) {
        keeps_frames(output, &decoders)?;
    }
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
    Ok(0)
}
