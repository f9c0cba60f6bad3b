//! `srt decode`.

mod open_field;
mod stream;

use std::sync::Arc;

use crate::args::{DecodeArgs, checked_threads};
use crate::input::{find_frames, several_frames};
use crate::models;
use crate::output::{FieldFile, field_format, overwrite};
use srt::{AnyVolume, DecodeOptions, Error, FrameReader, Result, Shape};
use srt_program::{Destination, is_reader_gone, load_file, say, within_input};

pub(crate) fn run(args: &DecodeArgs) -> Result<u8> {
    let mut options = DecodeOptions::default().with_backend(args.backend.open()?);
    options.resources.threads = checked_threads(args.threads)?;
    let output = destination(args).map_err(|e| e.within(args.input.display()))?;
    let done = if args.input.as_os_str() == "-" && args.steps {
        Err(Error::invalid(
            "--steps needs a file: how many steps a pipe brings is not known",
        ))
    } else if args.input.as_os_str() == "-" {
        stream::run(args, &output, options)
    } else {
        decode_file(args, &output, options)
    };
    match done {
        // Whoever reads the field had all it wanted: a pager, or `head`.
        Err(error) if is_reader_gone(&error) => Ok(0),
        Err(error) => Err(within_input(error, &args.input)),
        Ok(()) => Ok(0),
    }
}

/// Decides on the output before anything is read.
fn destination(args: &DecodeArgs) -> Result<Destination> {
    field_format(&args.output)?;
    let inputs = [&args.input].into_iter().chain(&args.weights);
    Destination::decide(&args.output, overwrite(args.force), inputs)
}

fn decode_file(args: &DecodeArgs, output: &Destination, mut options: DecodeOptions) -> Result<()> {
    let bytes = load_file(&args.input)?;
    if args.region.is_some() || args.level > 0 {
        bytes.expect_parts();
    }
    if let Some(path) = &args.weights {
        options.weights.push(Arc::new(models::read(path)?));
    }
    let decoder = models::open_with(bytes.bytes(), options, args.level)?;
    let frames = find_frames(&decoder, args.field.as_deref(), args.step)?;
    if args.steps {
        write_steps(args, output, frames)?;
    } else if frames.len() > 1 && !output.is_stdout() {
        return Err(several_frames());
    } else {
        frames
            .into_iter()
            .try_for_each(|frame| write(args, output, frame.level(args.level)))?;
    }
    if args.verbose {
        report_read(decoder.bytes_read(), bytes.bytes().len() as u64);
    }
    Ok(())
}

/// Says how much of a file was looked at.
fn report_read(read: u64, all: u64) {
    let share = 100.0 * read as f64 / all as f64;
    say(format!("{read} of {all} bytes read ({share:.2} %)"));
}

/// Decodes what was asked for into the output.
fn write(args: &DecodeArgs, output: &Destination, frame: FrameReader<'_>) -> Result<()> {
    let mut file = None;
    for_each_layer(args, frame, |shape, layer| {
        let file = match &mut file {
            Some(file) => file,
            None => file.insert(FieldFile::create(output, shape, layer.dtype())?),
        };
        file.push(layer)
    })?;
    file.map_or(Ok(()), FieldFile::commit)
}

/// Decodes all time steps of a field into one array.
fn write_steps(
    args: &DecodeArgs,
    output: &Destination,
    mut frames: Vec<FrameReader<'_>>,
) -> Result<()> {
    frames.sort_by_key(|frame| frame.record().step);
    let field = |frame: &FrameReader<'_>| frame.record().field;
    if frames.iter().any(|frame| field(frame) != field(&frames[0])) {
        return Err(Error::invalid(
            "the file has several fields: name one with --field",
        ));
    }
    let steps = frames.len();
    let mut file = None;
    for frame in frames {
        for_each_layer(args, frame.level(args.level), |shape, layer| {
            let file = match &mut file {
                Some(file) => file,
                None => file.insert(FieldFile::of_steps(output, steps, shape, layer.dtype())?),
            };
            file.push(layer)
        })?;
    }
    file.map_or(Ok(()), FieldFile::commit)
}

/// Decodes what was asked for of a frame and hands it on with the shape of all of it, layer by layer: a large field is never in
/// memory as a whole.
fn for_each_layer(
    args: &DecodeArgs,
    frame: FrameReader<'_>,
    mut f: impl FnMut(Shape, &AnyVolume) -> Result<()> + Send,
) -> Result<()> {
    let grid = frame.grid()?;
    match &args.region {
        Some(region) => {
            let volume = frame.region(region.within(grid)?).read_any()?;
            f(volume.shape(), &volume)
        }
        None => frame.layers(|layer| f(grid, &layer)),
    }
}
