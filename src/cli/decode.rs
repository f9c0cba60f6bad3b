//! `srt decode`.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use super::args::DecodeArgs;
use super::models;
use super::output::{FieldFile, find_frame, write_volume};
use crate::error::Result;
use crate::file::FileBytes;
use crate::pipeline::{Decoder, pool};

/// Bytes of a file; `-` is standard input.
pub(super) fn read_file(path: &Path) -> Result<FileBytes> {
    if path.as_os_str() != "-" {
        return FileBytes::open(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

pub(super) fn run(args: &DecodeArgs) -> Result<ExitCode> {
    let backend = args.backend.open()?;
    let bytes = read_file(&args.input)?;
    models::open(bytes.bytes(), args.weights.as_deref())
        .and_then(|decoder| {
            let frame = find_frame(&decoder, args.field.as_deref(), args.step)?;
            let decoder = decoder.with_backend(backend);
            pool(args.threads)?.install(|| write(args, &decoder, frame))
        })
        .map_err(|e| e.within(args.input.display()))?;
    Ok(ExitCode::SUCCESS)
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
