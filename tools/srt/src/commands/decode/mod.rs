//! `srt decode`.

mod open_field;
mod stream;

use std::process::ExitCode;
use std::sync::Arc;

use crate::args::DecodeArgs;
use crate::input::{find_frames, several_frames};
use crate::models;
use crate::output::{FieldFile, write_volume};
use srt::{DecodeOptions, Error, FileBytes, FrameReader, Result};

pub(crate) fn run(args: &DecodeArgs) -> Result<ExitCode> {
    if args.threads == Some(0) {
        return Err(Error::invalid("at least one thread expected, 0 found"));
    }
    let mut options = DecodeOptions::default().with_backend(args.backend.open()?);
    options.resources.threads = args.threads;
    let done = if args.input.as_os_str() == "-" {
        stream::run(args, options)
    } else {
        decode_file(args, options)
    };
    done.map_err(|e| e.within(args.input.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn decode_file(args: &DecodeArgs, mut options: DecodeOptions) -> Result<()> {
    let bytes = FileBytes::load(&args.input)?;
    if args.region.is_some() || args.level > 0 {
        bytes.expect_parts();
    }
    if let Some(path) = &args.weights {
        options.weights.push(Arc::new(models::read(path)?));
    }
    let decoder = models::open_with(bytes.bytes(), options, args.level)?;
    let frames = find_frames(&decoder, args.field.as_deref(), args.step)?;
    if frames.len() > 1 && args.output.as_os_str() != "-" {
        return Err(several_frames());
    }
    frames
        .into_iter()
        .try_for_each(|frame| write(args, frame.level(args.level)))?;
    if args.verbose {
        report_read(decoder.bytes_read(), bytes.bytes().len() as u64);
    }
    Ok(())
}

/// Says how much of a file was looked at.
fn report_read(read: u64, all: u64) {
    let share = 100.0 * read as f64 / all as f64;
    eprintln!("{read} of {all} bytes read ({share:.2} %)");
}

/// Decodes what was asked for into the output, layer by layer: a large field is never in memory as a
/// whole.
fn write(args: &DecodeArgs, frame: FrameReader<'_>) -> Result<()> {
    let grid = frame.grid()?;
    if let Some(region) = &args.region {
        let volume = frame.region(region.within(grid)?).read_any()?;
        return write_volume(&args.output, args.force, &volume);
    }
    let mut file = None;
    frame.layers(|layer| {
        let file = match &mut file {
            Some(file) => file,
            None => {
                let new = FieldFile::create(&args.output, args.force, grid, layer.dtype())?;
                file.insert(new)
            }
        };
        file.push(&layer)
    })?;
    file.map_or(Ok(()), FieldFile::commit)
}
