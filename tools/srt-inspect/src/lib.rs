//! `srt-inspect`: looks into `.srt` files. It reads what can be read, also where the library's reader
//! must stop: damaged files, files of a newer version, files whose networks are not at hand.
//!
//! | module | job |
//! |---|---|
//! | [`scan`] | header, chunks, index, trailer, past damage |
//! | [`mod@file`] | chunks put together to records and frames |
//! | [`layers`] | octree and bricks of one frame |
//! | `rules` | rules between records; all that they say |
//! | `weights` | rules between networks and frames |
//! | [`info`], [`list`], [`dump`], [`check`], [`recover`], [`map`] | the commands |

mod args;
pub mod check;
pub mod dump;
pub mod file;
pub mod finding;
pub mod info;
pub mod layers;
pub mod list;
pub mod map;
pub mod recover;
mod rules;
pub mod scan;
mod weights;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};
use srt::base::file::FileBytes;
use srt::volume::io::{AtomicFile, Overwrite};
use srt::{Error, ErrorKind, Limits, Result};

use args::{Args, Command, Input};
use file::File;

/// Version of the `--json` reports: raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// The file is damaged, and said so in the report.
const DAMAGED: u8 = 3;

/// Runs the program. Exit codes: 0 done; 1 a check failed; 2 usage or I/O; 3 damaged; 4 not known to
/// this program.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; clap knows the stream and code of each.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&args.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(match error.kind() {
                ErrorKind::Corrupt | ErrorKind::Truncated => DAMAGED,
                ErrorKind::Unsupported | ErrorKind::MissingWeights => 4,
                _ => 2,
            })
        }
    }
}

fn run(command: &Command) -> Result<u8> {
    let limits = Limits::default();
    let input = match command {
        Command::Info(input) | Command::List(input) | Command::Check(input) => input,
        Command::Dump { input, .. }
        | Command::Recover { input, .. }
        | Command::Map { input, .. } => input,
    };
    let source = open(&input.file)?;
    let file = File::new(source.bytes(), &limits);
    let done = match command {
        Command::Info(_) => {
            let name = input.file.display().to_string();
            report(
                input,
                || info::text(&file, &name, &limits),
                || info::json(&file, &limits),
            )?;
            damage_code(&file)
        }
        Command::List(_) => {
            report(input, || list::text(&file), || list::json(&file))?;
            damage_code(&file)
        }
        Command::Dump { chunk, bytes, .. } => {
            run_dump(&file, input, chunk.as_deref(), *bytes)?;
            damage_code(&file)
        }
        Command::Check(_) => {
            let findings = check::findings(&file, &limits);
            report(
                input,
                || check::text(&file, &findings),
                || check::json(&file, &findings),
            )?;
            check::exit_code(&findings)
        }
        Command::Recover { output, force, .. } => {
            run_recover(&file, input, output, *force, &limits)
                .map_err(|e| e.within(input.file.display()))?;
            0
        }
        Command::Map {
            output,
            frame,
            force,
            ..
        } => {
            let output = output.clone().unwrap_or_else(|| map_name(&input.file));
            let png =
                map::png(&file, *frame, &limits).map_err(|e| e.within(input.file.display()))?;
            write(&output, *force, &png)?;
            let text = || format!("wrote {}\n", output.display());
            report(
                input,
                text,
                || json!({ "schema": SCHEMA, "output": output, "bytes": png.len() }),
            )?;
            0
        }
    };
    Ok(done)
}

fn damage_code(file: &File<'_>) -> u8 {
    if file.scan.is_damaged() { DAMAGED } else { 0 }
}

fn run_dump(file: &File<'_>, input: &Input, chunk: Option<&str>, bytes: usize) -> Result<()> {
    let bytes = match bytes {
        0 => usize::MAX,
        bytes => bytes,
    };
    let chunks = dump::choose(file, chunk)?;
    if input.json {
        let chunks: Vec<Value> = chunks.iter().map(|c| dump::json(file, c, bytes)).collect();
        return print_json(&json!({ "schema": SCHEMA, "chunks": chunks }));
    }
    for chunk in chunks {
        print(&dump::text(file, chunk, bytes))?;
    }
    Ok(())
}

fn run_recover(
    file: &File<'_>,
    input: &Input,
    output: &Path,
    force: bool,
    limits: &Limits,
) -> Result<()> {
    let mut out = create(output, force)?;
    let recovered = recover::recover(file, limits, &mut out)?;
    out.commit()?;
    let text = || {
        let mut out: String = recovered
            .dropped
            .iter()
            .map(|line| format!("given up: {line}\n"))
            .collect();
        out += &format!(
            "wrote {}: {} frames kept, {} given up, {} bytes\n",
            output.display(),
            recovered.frames,
            recovered.dropped.len(),
            recovered.bytes
        );
        out
    };
    report(input, text, || {
        json!({
            "schema": SCHEMA,
            "output": output,
            "bytes": recovered.bytes,
            "frames": recovered.frames,
            "dropped": recovered.dropped,
            "dropped_chunks": recovered.dropped_chunks,
        })
    })
}

fn open(path: &Path) -> Result<FileBytes> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes.into());
    }
    FileBytes::open(path)
}

fn create(path: &Path, force: bool) -> Result<AtomicFile> {
    let overwrite = if force {
        Overwrite::Replace
    } else {
        Overwrite::Refuse
    };
    AtomicFile::create(path, overwrite)
}

fn write(path: &Path, force: bool, bytes: &[u8]) -> Result<()> {
    let mut out = create(path, force)?;
    out.write_all(bytes)?;
    out.commit()
}

/// `a/b.srt` -> `a/b.map.png`.
fn map_name(path: &Path) -> PathBuf {
    if path.as_os_str() == "-" {
        PathBuf::from("map.png")
    } else {
        path.with_extension("map.png")
    }
}

fn report(
    input: &Input,
    text: impl FnOnce() -> String,
    json: impl FnOnce() -> Value,
) -> Result<()> {
    if input.json {
        print_json(&json())
    } else {
        print(&text())
    }
}

fn print_json(value: &Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}

fn print(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// A reader that went away, as in `srt-inspect list a.srt | head`, is no error.
fn is_closed_pipe(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    source.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
