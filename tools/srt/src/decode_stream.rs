//! `srt decode -`: a file that arrives on standard input.

use std::sync::Arc;

use crate::args::DecodeArgs;
use crate::models;
use crate::output::{FieldFile, FrameChoice, several_frames};
use crate::paper::sz3_worker;
use srt::{DecodeOptions, Error, ErrorKind, Result, Shape, Slab, StreamDecoder};

/// Decodes the frames asked for as they arrive. When the stream ends early, what was complete is kept.
pub(super) fn run(args: &DecodeArgs, options: DecodeOptions) -> Result<()> {
    let mut output = Output {
        to_stdout: args.output.as_os_str() == "-",
        file: None,
        any: false,
        open: None,
    };
    match decode(args, options, &mut output) {
        Err(error) if error.kind() == ErrorKind::Truncated => {
            output.commit()?;
            Err(error)
        }
        Err(error) => Err(error),
        Ok(()) => output.commit(),
    }
}

/// Where decoded fields go.
struct Output {
    to_stdout: bool,
    /// A complete field that does not have its name yet.
    file: Option<FieldFile>,
    /// Whether there was one.
    any: bool,
    /// A field that arrives slab by slab.
    open: Option<Slabs>,
}

/// A field of which some slabs have been written.
struct Slabs {
    place: (u64, u64),
    file: FieldFile,
    /// Grid of the field.
    grid: Shape,
    /// The plane that comes next.
    next: u64,
}

impl Output {
    /// Takes a complete field; on standard output it goes out at once.
    fn take(&mut self, file: FieldFile) -> Result<()> {
        self.any = true;
        if self.to_stdout {
            file.commit()
        } else {
            self.file = Some(file);
            Ok(())
        }
    }

    /// Nothing more comes of the field that arrived slab by slab.
    fn end_slabs(&mut self) -> Result<()> {
        match self.open.take() {
            None => Ok(()),
            Some(open) => Err(missing_planes(open.next)),
        }
    }

    fn commit(&mut self) -> Result<()> {
        self.file.take().map_or(Ok(()), FieldFile::commit)
    }
}

fn decode(args: &DecodeArgs, options: DecodeOptions, output: &mut Output) -> Result<()> {
    let mut decoder = StreamDecoder::with_options(std::io::stdin().lock(), options)?;
    // Which frames come, and whether they need it, is not known yet.
    if let Ok(worker) = sz3_worker() {
        decoder.set_worker(worker);
    }
    if let Some(path) = &args.weights {
        decoder.add_weights(Arc::new(models::read(path)?));
    }
    let choice = FrameChoice::new(decoder.dataset(), args.field.as_deref(), args.step)?;
    while let Some(frame) = decoder.next_frame()? {
        if !choice.fits(&frame) {
            continue;
        }
        let place = (frame.field, frame.step);
        let begins = output.open.as_ref().is_none_or(|open| open.place != place);
        if begins {
            output.end_slabs()?;
        }
        if output.any && !output.to_stdout {
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
            None => output.take(write(args, &mut decoder)?)?,
            Some(slab) => write_slab(args, &mut decoder, slab, place, output)?,
        }
    }
    output.end_slabs()?;
    if output.any {
        Ok(())
    } else {
        Err(Error::invalid("the file has no such frame"))
    }
}

/// Decodes what was asked for of the current frame.
fn write<R: std::io::Read>(args: &DecodeArgs, decoder: &mut StreamDecoder<R>) -> Result<FieldFile> {
    let grid = decoder.frame()?.level(args.level).grid()?;
    let frame = decoder.frame()?.level(args.level);
    let create = |shape, dtype| FieldFile::create(&args.output, args.force, shape, dtype);
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

fn missing_planes(next: u64) -> Error {
    Error::invalid(format!(
        "planes from {next} of the field are missing: the file is a part, to be merged with others"
    ))
}

/// Decodes what was asked for of the current frame, which is a slab.
fn write_slab<R: std::io::Read>(
    args: &DecodeArgs,
    decoder: &mut StreamDecoder<R>,
    slab: Slab,
    place: (u64, u64),
    output: &mut Output,
) -> Result<()> {
    if args.region.is_some() {
        return Err(Error::invalid(
            "a region of a field in slabs takes a file: standard input found",
        ));
    }
    let domain = decoder.dataset().shape;
    let own = decoder.frame()?.level(args.level).grid()?;
    let mut extents = own.extents().to_vec();
    let planes = domain.extents()[0];
    extents[0] = planes.div_ceil(1 << args.level);
    let grid = Shape::new(&extents)?;
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
            None => open.insert(Slabs {
                place,
                file: FieldFile::create(&args.output, args.force, grid, layer.dtype())?,
                grid,
                next: 0,
            }),
        };
        open.file.push(&layer)
    })?;
    let mut open = open.ok_or_else(|| Error::corrupt("a slab without values"))?;
    open.next = slab.end();
    if open.next == planes as u64 {
        output.take(open.file)
    } else {
        output.open = Some(open);
        Ok(())
    }
}
