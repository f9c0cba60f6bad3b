//! `srt decode`.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use super::args::DecodeArgs;
use super::models;
use super::output::{find_frame, write_volume};
use crate::error::Result;
use crate::file::FileBytes;
use crate::pipeline::pool;

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
    args.backend.check()?;
    let bytes = read_file(&args.input)?;
    let volume = models::open(bytes.bytes(), args.weights.as_deref())
        .and_then(|decoder| {
            let frame = find_frame(&decoder, args.field.as_deref(), args.step)?;
            pool(args.threads)?.install(|| match &args.region {
                None => decoder.decode(frame, args.level),
                Some(region) => {
                    let region = region.within(decoder.grid(frame, args.level)?)?;
                    decoder.region(frame, args.level, region)
                }
            })
        })
        .map_err(|e| e.within(args.input.display()))?;
    write_volume(&args.output, args.force, &volume)?;
    Ok(ExitCode::SUCCESS)
}
