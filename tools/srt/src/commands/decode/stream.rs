//! `srt decode -`: a file that arrives on standard input.

use std::io::StdinLock;
use std::sync::Arc;

use super::open_field::{OpenField, Output, missing_planes};
use crate::args::DecodeArgs;
use crate::input::{FrameChoice, several_frames};
use crate::models;
use crate::output::FieldFile;
use crate::worker::sz3_worker;
use srt::{DecodeOptions, Error, ErrorKind, Result, Shape, Slab, StreamDecoder};
use srt_program::Destination;

/// Decodes the frames asked for as they arrive. When the stream ends early, what was complete is kept.
pub(super) fn run(
    args: &DecodeArgs,
    destination: &Destination,
    options: DecodeOptions,
) -> Result<()> {
    let mut output = Output::to(destination);
    match decode(args, options, &mut output) {
        Err(error) if error.kind() == ErrorKind::Truncated => {
            output.commit()?;
            Err(error)
        }
        Err(error) => Err(error),
        Ok(()) => output.commit(),
    }
}

fn decode(args: &DecodeArgs, options: DecodeOptions, output: &mut Output<'_>) -> Result<()> {
    let mut decoder = open(args, options)?;
    let choice = FrameChoice::new(decoder.dataset(), args.field.as_deref(), args.step)?;
    while let Some(frame) = decoder.next_frame()? {
        if !choice.fits(&frame) {
            continue;
        }
        let place = (frame.field, frame.step);
        if !output.continues(place) {
            output.end_field()?;
        }
        if output.is_full() {
            return Err(several_frames());
        }
        let missing = |e: &Error| e.kind() == ErrorKind::MissingWeights;
        let needs_networks = frame.form.needs_networks(args.level);
        if needs_networks && decoder.weights().as_ref().is_err_and(missing) {
            for model in models::stored_models() {
                decoder.add_weights(model);
            }
        }
        match frame.slab {
            None => output.take(write(args, output.destination, &mut decoder)?)?,
            Some(slab) => write_slab(args, &mut decoder, slab, place, output)?,
        }
    }
    output.end_field()?;
    if !output.has_fields() {
        return Err(Error::invalid("the file has no such frame"));
    }
    Ok(())
}

/// Standard input as a file, with what decoding may need.
fn open(args: &DecodeArgs, options: DecodeOptions) -> Result<StreamDecoder<StdinLock<'static>>> {
    let mut decoder = StreamDecoder::with_options(std::io::stdin().lock(), options)?;
    // Which frames come, and whether they need it, is not known yet.
    if let Ok(worker) = sz3_worker() {
        decoder.set_worker(worker);
    }
    if let Some(path) = &args.weights {
        decoder.add_weights(Arc::new(models::read(path)?));
    }
    Ok(decoder)
}

/// Decodes what was asked for of the current frame.
fn write<R: std::io::Read>(
    args: &DecodeArgs,
    destination: &Destination,
    decoder: &mut StreamDecoder<R>,
) -> Result<FieldFile> {
    let grid = decoder.frame()?.level(args.level).grid()?;
    let frame = decoder.frame()?.level(args.level);
    let create = |shape, dtype| FieldFile::create(destination, shape, dtype);
    if let Some(region) = &args.region {
        let volume = frame.region(region.within(grid)?).read_any()?;
        let mut file = create(volume.shape(), volume.dtype())?;
        file.push(&volume)?;
        return Ok(file);
    }
    let mut file = None;
    frame.layers(|layer| {
        let file = match &mut file {
            Some(file) => file,
            None => file.insert(create(grid, layer.dtype())?),
        };
        file.push(&layer)
    })?;
    file.ok_or_else(|| Error::corrupt("a field without values"))
}

/// Decodes what was asked for of the current frame, which is a slab.
fn write_slab<R: std::io::Read>(
    args: &DecodeArgs,
    decoder: &mut StreamDecoder<R>,
    slab: Slab,
    place: (u64, u64),
    output: &mut Output<'_>,
) -> Result<()> {
    if args.region.is_some() {
        return Err(Error::invalid(
            "a region of a field in slabs takes a file: standard input found",
        ));
    }
    let grid = grid_of_field(args, decoder)?;
    let destination = output.destination;
    let mut open = output.open.take();
    let expected = open.as_ref().map_or(0, |open| open.next);
    if slab.start != expected {
        return Err(missing_planes(expected));
    }
    let fits = open.as_ref().is_none_or(|open| open.grid == grid);
    if !fits || !slab.has_level(args.level) {
        return Err(Error::invalid(format!(
            "the slabs of this frame do not go together at level {}: a finer level expected",
            args.level
        )));
    }
    decoder.frame()?.level(args.level).layers(|layer| {
        let open = match &mut open {
            Some(open) => open,
            None => open.insert(OpenField {
                place,
                file: FieldFile::create(destination, grid, layer.dtype())?,
                grid,
                next: 0,
            }),
        };
        open.file.push(&layer)
    })?;
    let mut open = open.ok_or_else(|| Error::corrupt("a slab without values"))?;
    open.next = slab.end();
    if open.next == decoder.dataset().shape.extents()[0] as u64 {
        return output.take(open.file);
    }
    output.open = Some(open);
    Ok(())
}

/// Grid, at the level asked for, of the whole field of which the current frame is a slab.
fn grid_of_field<R: std::io::Read>(
    args: &DecodeArgs,
    decoder: &mut StreamDecoder<R>,
) -> Result<Shape> {
    let mut extents = decoder
        .frame()?
        .level(args.level)
        .grid()?
        .extents()
        .to_vec();
    extents[0] = decoder.dataset().shape.extents()[0].div_ceil(1 << args.level);
    Shape::new(&extents)
}
