//! `srt decode`.

mod open_field;
mod stream;

use std::process::ExitCode;
use std::sync::Arc;

use crate::args::DecodeArgs;
use crate::input::{find_frames, several_frames};
use crate::models;
use crate::output::{FieldFile, write_volume};
use srt::backend::Backend;
use srt::base::error::Result;
use srt::base::file::FileBytes;
use srt::file::{Decoder, pool};

pub(crate) fn run(args: &DecodeArgs) -> Result<ExitCode> {
    let backend = args.backend.open()?;
    let pool = pool(args.threads)?;
    let decode = move || {
        if args.input.as_os_str() == "-" {
            stream::run(args, backend)
        } else {
            decode_file(args, backend)
        }
    };
    pool.install(decode)
        .map_err(|e| e.within(args.input.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn decode_file(args: &DecodeArgs, backend: Arc<dyn Backend>) -> Result<()> {
    let bytes = FileBytes::load(&args.input)?;
    if args.region.is_some() || args.level > 0 {
        bytes.expect_parts();
    }
    let decoder =
        models::open(bytes.bytes(), args.weights.as_deref(), args.level)?.with_backend(backend);
    let frames = find_frames(&decoder, args.field.as_deref(), args.step)?;
    if frames.len() > 1 && args.output.as_os_str() != "-" {
        return Err(several_frames());
    }
    frames
        .into_iter()
        .try_for_each(|frame| write(args, &decoder, frame))?;
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
fn write(args: &DecodeArgs, decoder: &Decoder<'_>, frame: usize) -> Result<()> {
    let grid = decoder.grid(frame, args.level)?;
    if let Some(region) = &args.region {
        let volume = decoder.region(frame, args.level, region.within(grid)?)?;
        return write_volume(&args.output, args.force, &volume);
    }
    let mut file = None;
    decoder.decode_layers(frame, args.level, &mut |layer| {
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
