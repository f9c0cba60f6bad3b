//! `srt-inspect`: looks into `.srt` files. It reads what can be read, also where the library's reader
//! must stop: damaged files, files of a newer version, files whose networks are not at hand.
//!
//! | module | job |
//! |---|---|
//! | [`scan`] | header, chunks, index, trailer, past damage |
//! | [`mod@file`] | chunks put together to records and frames |
//! | [`bricks`] | where a file has the bricks of one frame |
//! | [`layers`] | octree and bricks of one frame |
//! | `described` | what a file says of its dataset, as text |
//! | `raster` | the same of a frame of the raster form |
//! | `rules` | rules between records; all that they say |
//! | `weights` | rules between networks and frames |
//! | [`info`], [`list`], [`dump`], [`check`], [`recover`], [`map`] | the commands |

mod args;
pub mod bricks;
pub mod check;
mod described;
pub mod dump;
pub mod file;
pub mod finding;
pub mod info;
pub mod layers;
pub mod list;
pub mod map;
mod raster;
pub mod recover;
mod references;
mod rules;
pub mod scan;
mod weights;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use srt::volume::io::Overwrite;
use srt::{ErrorKind, Limits, Result};
use srt_program::{
    Destination, handle_signals, parse, print_json, print_text, printable, read_file, report_error,
    within_input,
};

use args::{Args, Command, Input};
use file::File;

/// Version of the `--json` reports: raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// The file is damaged, and said so in the report.
const DAMAGED: u8 = 3;

/// Runs the program with its command line, of which the first is its own name, as the only thing that this process does.
///
/// Exit codes: 0 done; 1 a check failed; 2 usage or I/O; 3 damaged, or shortened while it was read; 4 not known to this
/// program; 128 + n ended by signal n.
#[must_use]
pub fn run(command_line: impl IntoIterator<Item = OsString>) -> u8 {
    handle_signals(DAMAGED);
    let args: Args = match parse(command_line) {
        Ok(args) => args,
        Err(code) => return code,
    };
    match run_command(&args.command) {
        Ok(code) => code,
        Err(error) => {
            report_error(&error);
            match error.kind() {
                ErrorKind::Corrupt | ErrorKind::Truncated => DAMAGED,
                ErrorKind::Unsupported | ErrorKind::MissingWeights => 4,
                _ => 2,
            }
        }
    }
}

fn run_command(command: &Command) -> Result<u8> {
    let limits = Limits::default();
    let (input, output) = match command {
        Command::Info(input) | Command::List(input) | Command::Check(input) => (input, None),
        Command::Dump { input, .. } => (input, None),
        Command::Recover {
            input,
            output,
            force,
        } => (input, Some((output.clone(), *force))),
        Command::Map {
            input,
            output,
            force,
            ..
        } => {
            let output = output.clone().unwrap_or_else(|| map_name(&input.file));
            (input, Some((output, *force)))
        }
    };
    let output = output.map(|(path, force)| destination(&path, force, &input.file));
    let output = output
        .transpose()
        .map_err(|e| e.within(input.file.display()))?;
    let source = read_file(&input.file)?;
    File::with(source.bytes(), &limits, |file| match output {
        None => look(command, input, file, &limits),
        Some(output) => {
            write(command, input, file, &output, &limits)
                .map_err(|e| within_input(e, &input.file))?;
            Ok(0)
        }
    })
}

/// The commands that only report.
fn look(command: &Command, input: &Input, file: &File<'_>, limits: &Limits) -> Result<u8> {
    match command {
        Command::Info(_) => {
            let name = input.file.display().to_string();
            let name = printable(&name);
            report(
                input,
                || info::text(file, &name, limits),
                || info::json(file, limits),
            )?;
        }
        Command::List(_) => report(input, || list::text(file), || list::json(file))?,
        Command::Dump { chunk, bytes, .. } => run_dump(file, input, chunk.as_deref(), *bytes)?,
        Command::Check(_) => {
            let findings = check::findings(file, limits);
            report(
                input,
                || check::text(file, &findings),
                || check::json(file, &findings),
            )?;
            return Ok(check::exit_code(&findings));
        }
        // These write: see below.
        Command::Recover { .. } | Command::Map { .. } => {}
    }
    Ok(damage_code(file))
}

/// The commands that write a file.
fn write(
    command: &Command,
    input: &Input,
    file: &File<'_>,
    output: &Destination,
    limits: &Limits,
) -> Result<()> {
    match command {
        Command::Recover { .. } => run_recover(file, input, output, limits),
        Command::Map { frame, .. } => run_map(file, input, output, *frame, limits),
        Command::Info(_) | Command::List(_) | Command::Check(_) | Command::Dump { .. } => Ok(()),
    }
}

fn run_map(
    file: &File<'_>,
    input: &Input,
    output: &Destination,
    frame: usize,
    limits: &Limits,
) -> Result<()> {
    let png = map::png(file, frame, limits)?;
    let mut out = output.create()?;
    out.write_all(&png)?;
    out.commit()?;
    let name = output.path().display().to_string();
    let text = || format!("wrote {}\n", printable(&name));
    report(
        input,
        text,
        || json!({ "schema": SCHEMA, "output": name, "bytes": png.len() }),
    )
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
        print_text(&dump::text(file, chunk, bytes))?;
    }
    Ok(())
}

fn run_recover(
    file: &File<'_>,
    input: &Input,
    output: &Destination,
    limits: &Limits,
) -> Result<()> {
    let mut out = output.create()?;
    let recovered = recover::recover(file, limits, &mut out)?;
    out.commit()?;
    let name = output.path().display().to_string();
    let text = || {
        let mut out: String = recovered
            .dropped
            .iter()
            .map(|line| format!("given up: {}\n", printable(line)))
            .collect();
        out += &format!(
            "wrote {}: {} frames kept, {} given up, {} bytes\n",
            printable(&name),
            recovered.frames,
            recovered.dropped.len(),
            recovered.bytes
        );
        out
    };
    report(input, text, || {
        json!({
            "schema": SCHEMA,
            "output": name,
            "bytes": recovered.bytes,
            "frames": recovered.frames,
            "dropped": recovered.dropped,
            "dropped_chunks": recovered.dropped_chunks,
        })
    })
}

fn destination(path: &Path, force: bool, input: &Path) -> Result<Destination> {
    let overwrite = if force {
        Overwrite::Replace
    } else {
        Overwrite::Refuse
    };
    Destination::decide(path, overwrite, [input])
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
        print_text(&text())
    }
}
