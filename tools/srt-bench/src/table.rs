//! Rows as Markdown tables, and a plain word on where srt is not ahead.

use std::fmt::Write;

use crate::codec::Codec;
use crate::row::Row;

/// All tables of one field.
pub(crate) fn tables(rows: &[Row], codecs: &[Codec]) -> String {
    let Some(first) = rows.first() else {
        return String::new();
    };
    let mut out = format!("### {} ({})\n", first.field, first.shape);
    section(
        &mut out,
        rows,
        codecs,
        "psnr",
        "Compression ratio at PSNR",
        "dB",
        |row| Cell::of(row.ratio, |v| significant(v, 3)),
    );
    section(
        &mut out,
        rows,
        codecs,
        "ratio",
        "PSNR in dB (SSIM) at compression ratio",
        "x",
        |row| Cell {
            rank: row.psnr_db,
            text: match (row.psnr_db, row.ssim) {
                (Some(db), Some(ssim)) => format!("{db:.2} ({ssim:.4})"),
                _ => "-".into(),
            },
        },
    );
    section(
        &mut out,
        rows,
        codecs,
        "rel-error",
        "Compression ratio at largest error",
        "of range",
        |row| Cell::of(row.ratio, |v| significant(v, 3)),
    );
    speed(&mut out, rows);
    out.push_str(&verdict(rows));
    out
}

struct Cell {
    /// The more, the better.
    rank: Option<f64>,
    text: String,
}

impl Cell {
    fn of(value: Option<f64>, text: impl Fn(f64) -> String) -> Self {
        Self {
            rank: value,
            text: value.map_or_else(|| "-".into(), text),
        }
    }
}

fn section(
    out: &mut String,
    rows: &[Row],
    codecs: &[Codec],
    target: &str,
    title: &str,
    unit: &str,
    cell: impl Fn(&Row) -> Cell,
) {
    let values = targets(rows, target);
    if values.is_empty() {
        return;
    }
    let _ = write!(out, "\n{title}:\n\n| {unit} |");
    for codec in codecs {
        let _ = write!(out, " {} |", codec.name());
    }
    let _ = write!(out, "\n|---|{}\n", "---|".repeat(codecs.len()));
    for value in values {
        let find = |codec: &Codec| {
            rows.iter()
                .find(|r| r.target == target && r.target_value == value && r.codec == codec.name())
        };
        let cells: Vec<Cell> = codecs
            .iter()
            .map(|codec| find(codec).map_or_else(|| Cell::of(None, |_| String::new()), &cell))
            .collect();
        let best = cells.iter().filter_map(|c| c.rank).fold(f64::NAN, f64::max);
        let _ = write!(out, "| {value} |");
        for cell in cells {
            let _ = if cell.rank == Some(best) {
                write!(out, " **{}** |", cell.text)
            } else {
                write!(out, " {} |", cell.text)
            };
        }
        out.push('\n');
    }
}

/// Speed and memory, a line per codec.
fn speed(out: &mut String, rows: &[Row]) {
    let timed: Vec<&Row> = rows.iter().filter(|r| r.speed.threads.is_some()).collect();
    let Some(first) = timed.first() else {
        return;
    };
    let threads = first.speed.threads.unwrap_or(1);
    let _ = write!(
        out,
        "\nSpeed at {} dB in MB/s (one thread by processor time, {threads} threads by the clock), peak memory in MiB:\n\n\
         | codec | encode | decode | encode, {threads} threads | decode, {threads} threads | memory, encode | memory, decode |\n|---|---|---|---|---|---|---|\n",
        first.target_value
    );
    for row in timed {
        let s = &row.speed;
        let _ = write!(out, "| {} |", row.codec);
        for value in [
            s.encode_mb_s,
            s.decode_mb_s,
            s.encode_parallel_mb_s,
            s.decode_parallel_mb_s,
            s.encode_peak_mib,
            s.decode_peak_mib,
        ] {
            let _ = write!(out, " {} |", Cell::of(value, |v| significant(v, 2)).text);
        }
        out.push('\n');
    }
}

/// Says where srt as it comes is ahead of every peer and where it is not.
fn verdict(rows: &[Row]) -> String {
    let (mut ahead, mut behind) = (Vec::new(), Vec::new());
    for kind in ["psnr", "ratio", "rel-error"] {
        for value in targets(rows, kind) {
            let rank = |row: &Row| match kind {
                "ratio" => row.psnr_db,
                _ => row.ratio,
            };
            let at: Vec<&Row> = rows
                .iter()
                .filter(|r| r.target == kind && r.target_value == value)
                .collect();
            let Some(own) = at.iter().find(|r| r.codec == Codec::Srt.name()) else {
                continue;
            };
            let own = rank(own).unwrap_or(f64::NEG_INFINITY);
            let is_peer = |row: &&&Row| {
                Codec::ALL
                    .iter()
                    .any(|c| c.is_peer() && c.name() == row.codec)
            };
            let peers: Vec<&&Row> = at.iter().filter(is_peer).collect();
            if peers.is_empty() {
                continue;
            }
            let place = format!("{kind} {value}");
            let better: Vec<&str> = peers
                .iter()
                .filter(|r| rank(r).is_some_and(|v| v >= own))
                .map(|r| r.codec)
                .collect();
            if better.is_empty() {
                ahead.push(place);
            } else {
                behind.push(format!("{place} ({})", better.join(", ")));
            }
        }
    }
    let mut out = String::new();
    if !ahead.is_empty() {
        let _ = write!(
            out,
            "\nsrt is ahead of every peer measured at: {}.\n",
            ahead.join(", ")
        );
    }
    if !behind.is_empty() {
        let _ = write!(out, "\nsrt is NOT ahead at: {}.\n", behind.join(", "));
    }
    out
}

/// Values of a kind of target, in order of appearance.
fn targets(rows: &[Row], kind: &str) -> Vec<f64> {
    let mut values = Vec::new();
    for row in rows.iter().filter(|r| r.target == kind) {
        if !values.contains(&row.target_value) {
            values.push(row.target_value);
        }
    }
    values
}

/// At least `digits` significant digits, no more decimals than they need.
fn significant(value: f64, digits: i32) -> String {
    let whole = value.abs().max(1e-9).log10().floor() as i32 + 1;
    let decimals = (digits - whole).max(0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Target;
    use crate::field::{Data, Field};
    use srt::Shape;

    fn row(codec: Codec, db: f64, ratio: f64) -> Row {
        let field = Field {
            shape: Shape::new(&[2, 2]).unwrap(),
            data: Data::F32(vec![0.0; 4]),
        };
        let mut row = Row::new("f", &field, codec, Target::Psnr(db));
        row.ratio = Some(ratio);
        row
    }

    #[test]
    fn the_best_is_bold_and_defeats_are_named() {
        let rows = [
            row(Codec::Srt, 40.0, 472.0),
            row(Codec::Sperr, 40.0, 258.4),
            row(Codec::Srt, 60.0, 26.04),
            row(Codec::Sperr, 60.0, 27.0),
        ];
        let text = tables(&rows, &[Codec::Sperr, Codec::Srt]);
        assert!(text.contains("| 40 | 258 | **472** |"), "{text}");
        assert!(text.contains("| 60 | **27.0** | 26.0 |"), "{text}");
        assert!(text.contains("ahead of every peer measured at: psnr 40.\n"));
        assert!(text.contains("NOT ahead at: psnr 60 (sperr).\n"));
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(significant(1234.5, 3), "1234");
        assert_eq!(significant(12.345, 3), "12.3");
        assert_eq!(significant(0.0123, 2), "0.012");
    }
}
