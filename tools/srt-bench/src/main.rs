//! `srt-bench`: rate, distortion, speed and memory of srt and of SZ3, ZFP and SPERR, all measured in
//! one run on one machine. See README.md.

mod args;
mod child;
mod codec;
mod field;
mod keep;
mod row;
mod search;
mod speed;
mod table;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use srt::{Error, ErrorKind, Result};

use args::Args;
use child::{Job, Outcome, Source, Task, Timing};
use codec::{Codec, Knob, Target};
use field::Field;
use row::{Row, Speed};

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let result = match (words.next().as_deref(), words.next()) {
        (Some(child::COMMAND), Some(job)) => child::serve(&job),
        _ => run(&Args::parse()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(match error.kind() {
                ErrorKind::BoundNotMet => 1,
                _ => 2,
            })
        }
    }
}

/// What `--json` writes.
#[derive(Serialize)]
struct Report<'a, T> {
    schema: &'static str,
    srt: &'static str,
    peers: [&'static str; 3],
    machine: Machine,
    rows: &'a [T],
}

#[derive(Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
}

impl Machine {
    fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|l| l.strip_prefix("model name"));
        let model = model.map(|l| l.trim_start_matches([':', '\t', ' ']).to_owned());
        Self {
            cpu: model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

fn run(args: &Args) -> Result<()> {
    if args.speed {
        let rows = speed::run(args)?;
        return write_json(args, &rows);
    }
    let targets = args.targets().map_err(Error::invalid)?;
    let codecs = args.codecs();
    // Told before the work, not after it.
    if let Some(folder) = &args.keep {
        std::fs::create_dir_all(folder).map_err(|e| Error::from(e).within(folder.display()))?;
    }
    let mut rows = Vec::new();
    for path in &args.fields {
        let source = args.source(path);
        let field = source.read()?;
        let name = name_of(path);
        let mut own = Vec::new();
        for &(target, timed) in &targets {
            for &codec in &codecs {
                eprintln!(
                    "{name}: {} at {} {}",
                    codec.name(),
                    target.kind(),
                    target.value()
                );
                let mut row = Row::new(&name, &field, codec, target);
                if let Err(error) = measure(args, &source, &field, codec, (target, timed), &mut row)
                {
                    row.add_note(&error.to_string());
                    eprintln!("    {error}");
                }
                own.push(row);
            }
        }
        println!("{}", table::tables(&own, &codecs));
        rows.extend(own);
        // After every field, so that a run cut short keeps what it has.
        write_files(args, &rows)?;
    }
    Ok(())
}

/// Searches the target and, if asked for, measures speed and memory there.
fn measure(
    args: &Args,
    source: &Source,
    field: &Field,
    codec: Codec,
    (target, timed): (Target, bool),
    row: &mut Row,
) -> Result<()> {
    let job = |threads, task| Job {
        source: source.clone(),
        codec,
        threads,
        task,
    };
    let threads = args.threads();
    let keep = args.keep.as_deref();
    let keep = keep.map(|folder| keep::path(folder, &row.field, codec, target));
    let Outcome::Setting(found) = child::run(&job(threads, Task::Search { target, keep }))? else {
        return Err(Error::invalid("a search expected"));
    };
    row.set_found(&found, field);
    if timed {
        row.speed.threads = Some(threads);
        let time = |threads| time(args, found.knob, &|task| job(threads, task));
        let (encode, decode) = time(1)?;
        let rate = |seconds: f64| Some(field.bytes() as f64 * 1e-6 / seconds);
        let mib = |timed: Timing| timed.peak_bytes.map(|b| b as f64 / f64::from(1 << 20));
        row.speed = Speed {
            encode_mb_s: rate(encode.cpu_seconds),
            decode_mb_s: rate(decode.cpu_seconds),
            encode_peak_mib: mib(encode),
            decode_peak_mib: mib(decode),
            ..row.speed.clone()
        };
        match codec.serial_reason() {
            Some(reason) => row.add_note(reason),
            None => {
                let (encode, decode) = time(threads)?;
                row.speed.encode_parallel_mb_s = rate(encode.wall_seconds);
                row.speed.decode_parallel_mb_s = rate(decode.wall_seconds);
            }
        }
    }
    Ok(())
}

/// Times encoding and decoding, each in a child.
fn time(args: &Args, knob: Knob, job: &dyn Fn(Task) -> Job) -> Result<(Timing, Timing)> {
    let stream = tempfile::NamedTempFile::new()?.into_temp_path();
    let timed = |task| match child::run(&job(task))? {
        Outcome::Timing(timed) => Ok(timed),
        Outcome::Setting(_) | Outcome::Round(_) => Err(Error::invalid("a timing expected")),
    };
    let encode = timed(Task::Encode {
        knob,
        stream: stream.to_path_buf(),
        seconds: args.seconds(),
    })?;
    let decode = timed(Task::Decode {
        stream: stream.to_path_buf(),
        seconds: args.seconds(),
    })?;
    Ok((encode, decode))
}

fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    stem.to_string_lossy().into_owned()
}

fn write_files(args: &Args, rows: &[Row]) -> Result<()> {
    if let Some(path) = &args.csv {
        std::fs::write(path, row::to_csv(rows)?)?;
    }
    write_json(args, rows)
}

fn write_json<T: Serialize>(args: &Args, rows: &[T]) -> Result<()> {
    if let Some(path) = &args.json {
        let report = Report {
            schema: "srt-bench 1",
            srt: env!("CARGO_PKG_VERSION"),
            peers: codec::PEERS,
            machine: Machine::here(),
            rows,
        };
        let text = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        std::fs::write(path, text + "\n")?;
    }
    Ok(())
}
