//! `srt decode -`: a file that arrives on standard input.

use std::sync::Arc;

use super::args::DecodeArgs;
use super::models;
use super::output::{FieldFile, FrameChoice, several_frames};
use crate::Limits;
use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::StreamDecoder;

/// Decodes the frames asked for as they arrive. When the stream ends early, what was complete is kept.
pub(super) fn run(args: &DecodeArgs, backend: Arc<dyn Backend>) -> Result<()> {
    let mut output = Output {
        to_stdout: args.output.as_os_str() == "-",
        file: None,
        any: false,
    };
    match decode(args, backend, &mut output) {
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
}

impl Output {
    /// Takes a complete field; on standard output it goes out at once.
    fn take(&mut self, file: FieldFile) -> Result<()> {
        self.any = true;
        match self.to_stdout {
            true => file.commit(),
            false => {
                self.file = Some(file);
                Ok(())
            }
        }
    }

    fn commit(&mut self) -> Result<()> {
        self.file.take().map_or(Ok(()), FieldFile::commit)
    }
}

fn decode(args: &DecodeArgs, backend: Arc<dyn Backend>, output: &mut Output) -> Result<()> {
    let decoder = StreamDecoder::new(std::io::stdin().lock(), Limits::default())?;
    let mut decoder = decoder.with_backend(backend);
    if let Some(path) = &args.weights {
        decoder.add_weights(Arc::new(models::read(path)?));
    }
    let choice = FrameChoice::new(decoder.dataset(), args.field.as_deref(), args.step)?;
    while let Some(frame) = decoder.next_frame()? {
        if !choice.fits(&frame) {
            continue;
        }
        if output.any && !output.to_stdout {
            return Err(several_frames());
        }
        let missing = |e: &Error| e.kind() == ErrorKind::MissingWeights;
        if decoder.weights().as_ref().is_err_and(missing) {
            for model in models::stored_models() {
                decoder.add_weights(model);
            }
        }
        output.take(write(args, &mut decoder)?)?;
    }
    match output.any {
        true => Ok(()),
        false => Err(Error::invalid("the file has no such frame")),
    }
}

/// Decodes what was asked for of the current frame.
fn write<R: std::io::Read>(args: &DecodeArgs, decoder: &mut StreamDecoder<R>) -> Result<FieldFile> {
    let grid = decoder.grid(args.level)?;
    let create = |shape, dtype| FieldFile::create(&args.output, args.force, shape, dtype);
    if let Some(region) = &args.region {
        let volume = decoder.region(args.level, region.within(grid)?)?;
        let mut file = create(volume.shape(), volume.dtype())?;
        file.push(&volume)?;
        return Ok(file);
    }
    let mut file = None;
    decoder.decode_layers(args.level, &mut |layer| {
        let file = match &mut file {
            Some(file) => file,
            None => file.insert(create(grid, layer.dtype())?),
        };
        file.push(&layer)
    })?;
    file.ok_or_else(|| Error::corrupt("a field without values"))
}
