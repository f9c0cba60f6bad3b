//! Trains the start tables of codec `ctx`: `srt-tune FIELD.npy... > tables` encodes each field at
//! several qualities with and without networks, counts every coded bit by context, and fits each
//! bit's probability and trust. Writes `src/codec/ctx/start.rs` and `spec/codecs/ctx-start.json`
//! under the folder it runs in.

mod fit;

use std::fmt::Write as _;

use srt::codec::ctx::{BrickDecoder, Census, Count};
use srt::container::{Bound, ChunkType, Form, Frame, Reader, parse_brick_run};
use srt::recon::Partition;
use srt::transform::{AxisPlan, Plan};
use srt::volume::io::Input;
use srt::{DecodeOptions, EncodeOptions, Error, Limits, Model, Result, octree};
use srt::{VolumeView, encode_with_report};

/// Qualities to train on, in dB.
const TARGETS: [f64; 5] = [34.0, 40.0, 46.0, 52.0, 61.0];

fn main() -> std::process::ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    match run(&paths) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::from(2)
        }
    }
}

fn run(paths: &[String]) -> Result<()> {
    if paths.is_empty() {
        return Err(Error::invalid("usage: srt-tune FIELD.npy..."));
    }
    let mut bricks = Vec::new();
    for path in paths {
        let input = Input::open(path, None, None)?;
        for model in [Model::None, Model::Default] {
            for target in TARGETS {
                let options = EncodeOptions::new(Bound::Psnr(target)).with_model(model.clone());
                let (file, report) = encode_with_report(
                    VolumeView::new(input.shape(), &input.values()?)?,
                    &options,
                    Vec::new(),
                )?;
                eprintln!(
                    "{path} at {target} dB: {} bytes, model {}",
                    report.bytes, report.model
                );
                count_bricks(&file, &mut bricks)?;
            }
        }
    }
    let tables = Tables::fit(&bricks);
    std::fs::write("src/codec/ctx/start.rs", tables.to_rust())?;
    std::fs::write("spec/codecs/ctx-start.json", tables.to_json())?;
    Ok(())
}

/// Adds the counts of every brick of a one-frame file.
fn count_bricks(file: &[u8], bricks: &mut Vec<Census>) -> Result<()> {
    let limits = Limits::default();
    let reader = Reader::new(file, &limits)?;
    let dataset = srt::Decoder::with_options(file, DecodeOptions::default().with_limits(limits))?
        .dataset()
        .clone();
    let find = |kind: ChunkType| {
        reader
            .entries()
            .iter()
            .position(move |entry| entry.kind == kind)
    };
    let payload = |number: Option<usize>| {
        reader.payload(number.ok_or_else(|| Error::corrupt("chunk missing"))?)
    };
    let frame = Frame::parse(payload(find(ChunkType::FRAM))?, 0, |_| {
        dataset.fields.first().map(|f| f.dtype)
    })?;
    let Form::Wavelet(form) = frame.form else {
        return Ok(());
    };
    let along = AxisPlan::from_u8(form.plan).unwrap_or_default();
    let plan = Plan::along(along, dataset.shape, form.periodic, form.levels.into());
    let partition = Partition::new(&plan, form.brick_edge)?;
    let tree = octree::decode(&plan, payload(find(ChunkType::TREE))?)?;
    for (number, entry) in reader.entries().iter().enumerate() {
        if entry.kind != ChunkType::BRIK {
            continue;
        }
        let run = parse_brick_run(reader.payload(number)?, entry.offset, entry.part, u32::MAX)?;
        for (number, payload) in run {
            let Some(brick) = partition.bricks().get(number as usize) else {
                continue;
            };
            let mut decoder = BrickDecoder::new(payload);
            let mut census = Census::default();
            for grid in &brick.grids {
                let stored = grid.stored(&tree);
                let mut coefficients = vec![0; grid.len()];
                decoder.grid(&grid.layout, &stored, &mut coefficients)?;
                census.grid(&grid.layout, &stored, &mut coefficients);
            }
            bricks.push(census);
        }
    }
    Ok(())
}

type Table = Vec<Vec<(u16, u8)>>;

struct Tables {
    magnitude: Table,
    escape: Table,
    sign: Table,
}

impl Tables {
    fn fit(bricks: &[Census]) -> Self {
        let table = |part: &dyn Fn(&Census) -> Vec<&[Count]>| -> Table {
            let rows = bricks.first().map_or(0, |brick| part(brick).len());
            let row = |r: usize| {
                let columns = bricks.first().map_or(0, |brick| part(brick)[r].len());
                let cell = |c: usize| {
                    fit::start(
                        &bricks
                            .iter()
                            .map(|brick| part(brick)[r][c])
                            .collect::<Vec<_>>(),
                    )
                };
                (0..columns).map(cell).collect()
            };
            (0..rows).map(row).collect()
        };
        Self {
            magnitude: table(&|census| {
                census
                    .magnitude
                    .iter()
                    .map(<[Count; _]>::as_slice)
                    .collect()
            }),
            escape: table(&|census| census.escape.iter().map(<[Count; _]>::as_slice).collect()),
            sign: table(&|census| census.sign.iter().map(<[Count; _]>::as_slice).collect()),
        }
    }

    fn parts(&self) -> [(&'static str, &Table); 3] {
        [
            ("magnitude", &self.magnitude),
            ("escape", &self.escape),
            ("sign", &self.sign),
        ]
    }

    fn to_rust(&self) -> String {
        let mut out = String::from(
            "//! Start values of the adaptive tables: probability of a one in 1/65536, and trust in bits seen.\n\
             //! Generated by `srt-tune`; do not edit.\n\n\
             use crate::codec::ctx::contexts::Start;\n\n#[rustfmt::skip]\npub(super) static START: Start = Start {\n",
        );
        for (name, table) in self.parts() {
            let _ = writeln!(out, "    {name}: [");
            for row in table {
                let cells: Vec<String> = row
                    .iter()
                    .map(|(p, seen)| format!("({p}, {seen})"))
                    .collect();
                let _ = writeln!(out, "        [{}],", cells.join(", "));
            }
            out.push_str("    ],\n");
        }
        out.push_str("};\n");
        out
    }

    fn to_json(&self) -> String {
        let mut out = String::from("{\n  \"format\": \"srt-ctx-start-1\"");
        for (name, table) in self.parts() {
            let rows: Vec<String> = table
                .iter()
                .map(|row| format!("    {}", serde_json::json!(row)))
                .collect();
            let _ = write!(out, ",\n  \"{name}\": [\n{}\n  ]", rows.join(",\n"));
        }
        out.push_str("\n}\n");
        out
    }
}
