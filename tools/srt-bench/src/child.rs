//! Work done in a process of its own, so that its memory can be told and a crash of a peer does not
//! end the run: the parent starts this program again with a job, the child prints what it found.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use srt::Dtype;
use srt::{Error, ErrorKind, Result, Shape};

use crate::codec::{Codec, Knob, Target};
use crate::field::Field;
use crate::keep;
use crate::search::{Setting, search};

/// Name of the hidden command.
pub(crate) const COMMAND: &str = "child";

/// What the line with the outcome starts with.
const MARK: &str = "outcome ";

/// A field in a file, as text that travels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: Option<String>,
    /// Size to bring the field to, in MB (10^6 bytes); its own if not given.
    pub(crate) megabytes: Option<f64>,
}

impl Source {
    pub(crate) fn read(&self) -> Result<Field> {
        let shape = match self.shape.as_slice() {
            [] => None,
            extents => Some(Shape::new(extents)?),
        };
        let dtype: Option<Dtype> = self.dtype.as_deref().map(str::parse).transpose()?;
        let field = Field::read(&self.path, shape, dtype)?;
        match self.megabytes {
            Some(megabytes) => field.resized(megabytes * 1e6),
            None => Ok(field),
        }
    }
}

/// What the child shall do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) source: Source,
    pub(crate) codec: Codec,
    pub(crate) threads: usize,
    pub(crate) task: Task,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Task {
    /// Find the setting for a target, and keep the decoded field in a file if one is named.
    Search {
        target: Target,
        keep: Option<PathBuf>,
    },
    /// Encode and leave the stream in a file.
    Encode {
        knob: Knob,
        stream: PathBuf,
        seconds: f64,
    },
    /// Decode the stream of a file.
    Decode { stream: PathBuf, seconds: f64 },
    /// Encode and decode once.
    Round { knob: Knob },
}

/// What the child found.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Setting(Setting),
    Timing(Timing),
    Round(Round),
}

/// Encoding and decoding once, nothing warmed up.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) bytes: usize,
    pub(crate) psnr_db: f64,
    pub(crate) encode: Timing,
    pub(crate) decode: Timing,
}

/// Shortest of several runs, and the memory of the process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// Seconds on the clock.
    pub(crate) wall_seconds: f64,
    /// Seconds of processor time, all threads.
    pub(crate) cpu_seconds: f64,
    /// Most memory the process held, the field included; `None` where the system does not tell.
    pub(crate) peak_bytes: Option<u64>,
}

/// Runs a job in a child.
///
/// # Errors
/// `Io` with the child's last line of standard error when it failed or crashed.
pub(crate) fn run(job: &Job) -> Result<Outcome> {
    let program = std::env::current_exe()?;
    let text = serde_json::to_string(job).map_err(std::io::Error::from)?;
    let output = Command::new(program)
        .args([COMMAND, &text])
        // SZ3 and SPERR take their number of threads from here.
        .env("OMP_NUM_THREADS", job.threads.to_string())
        .output()?;
    let name = job.codec.name();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.trim().lines().last().unwrap_or("no message");
        let message = format!("{name}: {} ({last})", output.status);
        return Err(Error::new(ErrorKind::Io, message));
    }
    // SZ3 prints to standard output, before and after.
    let stdout = String::from_utf8_lossy(&output.stdout);
    let marked = stdout.lines().find_map(|line| line.strip_prefix(MARK));
    serde_json::from_str(marked.unwrap_or_default())
        .map_err(|e| Error::new(ErrorKind::Io, format!("{name}: {e} in {stdout:?}")))
}

/// The child's side: does a job and prints the outcome.
pub(crate) fn serve(text: &str) -> Result<()> {
    let job: Job =
        serde_json::from_str(text).map_err(|e| Error::invalid(format!("not a job: {e}")))?;
    let outcome = perform(&job)?;
    let line = serde_json::to_string(&outcome).map_err(std::io::Error::from)?;
    println!("\n{MARK}{line}");
    Ok(())
}

fn perform(job: &Job) -> Result<Outcome> {
    let field = job.source.read()?;
    match &job.task {
        Task::Search { target, keep } => {
            let found = search(job.codec, &field, *target, job.threads)?;
            if let Some(path) = keep {
                keep::write(path, job.codec, &field, &found)?;
            }
            Ok(Outcome::Setting(found))
        }
        Task::Encode {
            knob,
            stream,
            seconds,
        } => {
            let mut bytes = Vec::new();
            let timed = repeat(*seconds, || {
                bytes = job.codec.encode(&field, *knob, job.threads)?;
                Ok(())
            })?;
            std::fs::write(stream, bytes)?;
            Ok(Outcome::Timing(timed))
        }
        Task::Decode { stream, seconds } => {
            let bytes = read(stream)?;
            let timed = repeat(*seconds, || {
                job.codec.decode(&bytes, &field, job.threads).map(drop)
            })?;
            Ok(Outcome::Timing(timed))
        }
        Task::Round { knob } => round(job, &field, *knob).map(Outcome::Round),
    }
}

fn round(job: &Job, field: &Field, knob: Knob) -> Result<Round> {
    let (bytes, encode) = timed(|| job.codec.encode(field, knob, job.threads))?;
    let (decoded, decode) = timed(|| job.codec.decode(&bytes, field, job.threads))?;
    Ok(Round {
        bytes: bytes.len(),
        psnr_db: field.compare(&decoded)?.0,
        encode,
        decode,
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::from(e).within(path.display()))
}

/// Runs `work` at least twice and for `seconds` at most (ten runs), and keeps the shortest times.
fn repeat(seconds: f64, mut work: impl FnMut() -> Result<()>) -> Result<Timing> {
    let start = Instant::now();
    let ((), mut best) = timed(&mut work)?;
    for run in 1..10 {
        if run >= 2 && start.elapsed().as_secs_f64() > seconds {
            break;
        }
        let ((), next) = timed(&mut work)?;
        best = Timing {
            wall_seconds: best.wall_seconds.min(next.wall_seconds),
            cpu_seconds: best.cpu_seconds.min(next.cpu_seconds),
            peak_bytes: next.peak_bytes,
        };
    }
    Ok(best)
}

/// What `work` gives, and what one run of it took.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Timing)> {
    let (began, spent) = (Instant::now(), cpu_seconds());
    let done = work()?;
    let timing = Timing {
        wall_seconds: began.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds() - spent,
        peak_bytes: peak_bytes(),
    };
    Ok((done, timing))
}

/// Processor time of this process so far.
#[allow(unsafe_code)]
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call fills the struct it is given; on failure that stays zero.
    unsafe {
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time);
    }
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// High-water mark of resident memory. Not `getrusage`: that starts at the parent's.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
