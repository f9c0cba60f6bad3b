//! `--speed`: what encoding and decoding take beside SPERR, codecs in turn, so that what else the machine does
//! meets all of them alike.

use std::fmt::Write;

use serde::Serialize;
use srt::{Error, Result};

use crate::args::Args;
use crate::child::{self, Job, Outcome, Round, Source, Task};
use crate::codec::{Codec, Knob, Mode, Target};
use crate::field::Field;

/// What is timed; the first is what the others are compared with.
const CODECS: [Codec; 6] = [
    Codec::Sperr,
    Codec::Sz3,
    Codec::Zfp,
    Codec::SrtFast,
    Codec::SrtNone,
    Codec::Srt,
];

/// A codec at a target on a field: medians over the rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    field: String,
    shape: String,
    target: String,
    codec: &'static str,
    threads: usize,
    bytes: usize,
    psnr_db: f64,
    encode: Cost,
    decode: Cost,
}

/// Seconds of processor time and on the clock; the first by that of SPERR in the same round.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cost {
    cpu_seconds: f64,
    cpu_by_sperr: f64,
    wall_seconds: f64,
}

/// Times all codecs on all fields and sizes, and prints tables as they come.
///
/// # Errors
/// For fields that cannot be read, and codecs that fail.
pub(crate) fn run(args: &Args) -> Result<Vec<Row>> {
    let targets = args.speed_targets().map_err(Error::invalid)?;
    let mut rows = Vec::new();
    for path in &args.fields {
        let sizes = args.sizes.iter().copied().map(Some);
        for megabytes in std::iter::once(None).chain(sizes) {
            let source = Source {
                megabytes,
                ..args.source(path)
            };
            let field = source.read()?;
            let name = crate::name_of(path);
            eprintln!("{name}, {}", field.shape);
            let mut own = Vec::new();
            for &target in &targets {
                for threads in [1, args.threads()] {
                    own.extend(compare(args, &source, &field, &name, (target, threads))?);
                    if args.threads() == 1 {
                        break;
                    }
                }
            }
            println!("{}", table(&own));
            rows.extend(own);
        }
    }
    println!("{}", summary(&rows));
    Ok(rows)
}

/// All codecs at one target with so many threads.
fn compare(
    args: &Args,
    source: &Source,
    field: &Field,
    name: &str,
    (target, threads): (Target, usize),
) -> Result<Vec<Row>> {
    let codecs = CODECS
        .into_iter()
        .filter(|codec| threads == 1 || codec.serial_reason().is_none());
    let codecs: Vec<Codec> = codecs.collect();
    let mut rounds = vec![Vec::new(); codecs.len()];
    for _ in 0..args.rounds {
        for (codec, rounds) in codecs.iter().zip(&mut rounds) {
            let knob = knob(*codec, target, field);
            let job = Job {
                source: source.clone(),
                codec: *codec,
                threads,
                task: Task::Round { knob },
            };
            let Outcome::Round(round) = child::run(&job)? else {
                return Err(Error::invalid("a round expected"));
            };
            rounds.push(round);
        }
    }
    let [sperr, ..] = rounds.as_slice() else {
        return Ok(Vec::new());
    };
    let row = |(codec, own): (&Codec, &Vec<Round>)| Row {
        field: name.to_owned(),
        shape: field.shape.to_string(),
        target: format!("{} {}", target.kind(), target.value()),
        codec: codec.name(),
        threads,
        bytes: own.first().map_or(0, |round| round.bytes),
        psnr_db: own.first().map_or(f64::NAN, |round| round.psnr_db),
        encode: cost(own, sperr, |round| round.encode),
        decode: cost(own, sperr, |round| round.decode),
    };
    Ok(codecs.iter().zip(&rounds).map(row).collect())
}

fn cost(own: &[Round], sperr: &[Round], timing: impl Fn(&Round) -> child::Timing) -> Cost {
    let cpu = |round| timing(round).cpu_seconds;
    Cost {
        cpu_seconds: median(own.iter().map(cpu)),
        cpu_by_sperr: median(own.iter().zip(sperr).map(|(a, b)| cpu(a) / cpu(b))),
        wall_seconds: median(own.iter().map(|round| timing(round).wall_seconds)),
    }
}

/// What a codec is asked for. Peers that know only a largest error take the one whose errors, were they uniform,
/// would give the PSNR.
fn knob(codec: Codec, target: Target, field: &Field) -> Knob {
    let (mode, value) = match (codec, target) {
        (Codec::Sperr, Target::Psnr(db)) => (Mode::Psnr, db),
        (Codec::Sperr | Codec::Sz3 | Codec::Zfp, Target::RelError(r)) => {
            (Mode::Accuracy, r * field.range())
        }
        (Codec::Sz3 | Codec::Zfp, Target::Psnr(db)) => {
            let error = field.range() * 10f64.powf(-db / 20.0) * 3f64.sqrt();
            (Mode::Accuracy, error)
        }
        _ => (Mode::Direct, target.value()),
    };
    Knob {
        mode,
        value,
        target,
    }
}

/// The middle one of an odd number of values, else the mean of the two in the middle; NaN for none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let half = values.len() / 2;
    if values.len().is_multiple_of(2) {
        0.5 * (at(half.wrapping_sub(1)) + at(half))
    } else {
        at(half)
    }
}

/// The rows of one field.
fn table(rows: &[Row]) -> String {
    let Some(first) = rows.first() else {
        return String::new();
    };
    let mut out = format!(
        "### {} ({})\n\n\
         | target | codec | threads | bytes | dB | encode, CPU s | by SPERR | wall s | decode, CPU s | by SPERR | wall s |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
        first.field, first.shape
    );
    for row in rows {
        let _ = write!(
            out,
            "| {} | {} | {} | {} | {:.1} |",
            row.target, row.codec, row.threads, row.bytes, row.psnr_db
        );
        for cost in [row.encode, row.decode] {
            let (cpu, by, wall) = (cost.cpu_seconds, cost.cpu_by_sperr, cost.wall_seconds);
            let _ = write!(out, " {cpu:.3} | {by:.2} | {wall:.3} |");
        }
        out.push('\n');
    }
    out
}

/// Medians over the fields, of one thread.
fn summary(rows: &[Row]) -> String {
    let mut out = String::from(
        "### Processor time by that of SPERR, one thread, medians over the fields\n\n\
         | target | codec | bytes | encode | decode |\n|---|---|---|---|---|\n",
    );
    let mut seen = Vec::new();
    for row in rows.iter().filter(|row| row.threads == 1) {
        let key = (&row.target, row.codec);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let alike: Vec<&Row> = rows
            .iter()
            .filter(|r| r.threads == 1 && (&r.target, r.codec) == key)
            .collect();
        let bytes = median(alike.iter().filter_map(|r| bytes_by_sperr(r, rows)));
        let encode = median(alike.iter().map(|r| r.encode.cpu_by_sperr));
        let decode = median(alike.iter().map(|r| r.decode.cpu_by_sperr));
        let _ = writeln!(
            out,
            "| {} | {} | {bytes:.2} | {encode:.2} | {decode:.2} |",
            row.target, row.codec
        );
    }
    out
}

/// Bytes by those of SPERR on the same field, at the same target.
fn bytes_by_sperr(row: &Row, rows: &[Row]) -> Option<f64> {
    let key = |r: &Row| {
        (
            r.field.clone(),
            r.shape.clone(),
            r.target.clone(),
            r.threads,
        )
    };
    let sperr = rows
        .iter()
        .find(|r| r.codec == Codec::Sperr.name() && key(r) == key(row))?;
    Some(row.bytes as f64 / sperr.bytes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(field: &str, codec: Codec, cpu_by_sperr: f64, bytes: usize) -> Row {
        let cost = Cost {
            cpu_seconds: 1.0,
            cpu_by_sperr,
            wall_seconds: 1.0,
        };
        Row {
            field: field.to_owned(),
            shape: "2x2".to_owned(),
            target: "psnr 40".to_owned(),
            codec: codec.name(),
            threads: 1,
            bytes,
            psnr_db: 40.0,
            encode: cost,
            decode: cost,
        }
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn the_summary_has_medians_over_fields() {
        let mut rows = Vec::new();
        for (field, by, bytes) in [("a", 2.0, 50), ("b", 4.0, 100), ("c", 9.0, 60)] {
            rows.push(row(field, Codec::Sperr, 1.0, 100));
            rows.push(row(field, Codec::Srt, by, bytes));
        }
        let text = summary(&rows);
        assert!(
            text.contains("| psnr 40 | sperr | 1.00 | 1.00 | 1.00 |"),
            "{text}"
        );
        assert!(
            text.contains("| psnr 40 | srt | 0.60 | 4.00 | 4.00 |"),
            "{text}"
        );
    }
}
