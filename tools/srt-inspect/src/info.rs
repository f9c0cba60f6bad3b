//! `info`: what a file holds, in the manner of `ncdump -h`.

use serde_json::{Value, json};
use srt::container::{
    Form, Frame, Interpolation, NetworkUse, PooledForm, PooledPayload, WaveletForm,
};
use srt::transform::{AxisPlan, Wavelet};
use srt::{Limits, Shape};
use srt_program::{hex, printable};

use crate::described::{attributes_text, placement_text};
use crate::file::{File, FrameChunks, network_levels};
use crate::layers::Layers;
use crate::raster;
use crate::references;
use crate::rules;
use crate::scan::{PayloadState, known_version};

/// One row of the table of levels.
#[derive(Debug)]
struct LevelRow {
    level: usize,
    grid: Shape,
    leaves: usize,
    leaf_voxels: u64,
    stored_nodes: Option<usize>,
    psnr_db: Option<f64>,
    bricks: usize,
    bytes: u64,
}

/// Sizes of a file.
struct Sizes {
    raw: u64,
    weights: u64,
    file: u64,
}

impl Sizes {
    fn new(file: &File<'_>) -> Self {
        let voxels = file.dataset.as_ref().map_or(0, |d| d.shape.len() as u64);
        let frame_bytes = |f: &FrameChunks| {
            let field = f.frame.as_ref().and_then(|f| file.field(f.field));
            field.map_or(0, |f| voxels.saturating_mul(f.dtype.size() as u64))
        };
        Self {
            raw: file.frames.iter().map(frame_bytes).sum(),
            weights: file
                .networks
                .iter()
                .map(|n| n.chunk.end() - n.chunk.offset)
                .sum(),
            file: file.stored_bytes(),
        }
    }

    fn ratio(&self) -> f64 {
        self.raw as f64 / (self.file - self.weights.min(self.file)).max(1) as f64
    }

    fn ratio_with_weights(&self) -> f64 {
        self.raw as f64 / self.file.max(1) as f64
    }
}

/// The table of levels of a frame, coarse ones last, or why there is none.
fn level_rows(
    file: &File<'_>,
    chunks: &FrameChunks,
    form: &WaveletForm,
    limits: &Limits,
) -> Result<Vec<LevelRow>, String> {
    let shape = chunks.frame.as_ref().and_then(|frame| file.shape(frame));
    let shape = shape.ok_or("the dataset record is lost")?;
    let layers =
        Layers::new(file, chunks, form, shape, limits).map_err(|error| error.to_string())?;
    let count = layers.layout.plan().levels().len();
    let grid = |level: usize| match level.checked_sub(1) {
        Some(finer) => layers.layout.plan().levels().get(finer).map(|l| l.coarse),
        None => Some(shape),
    };
    let mut rows: Vec<LevelRow> = (0..=count)
        .map(|level| LevelRow {
            level,
            grid: grid(level).unwrap_or(shape),
            leaves: 0,
            leaf_voxels: 0,
            psnr_db: chunks.frame.as_ref().and_then(|f| f.psnr_db(level)),
            stored_nodes: layers
                .layout
                .tree()
                .grids()
                .get(level)
                .map(|g| g.stored.iter().filter(|&&s| s).count()),
            bricks: 0,
            bytes: 0,
        })
        .collect();
    for leaf in layers.layout.tree().leaves(layers.layout.plan()) {
        if let Some(row) = rows.get_mut(leaf.level) {
            row.leaves += 1;
            row.leaf_voxels += leaf.region.len() as u64;
        }
    }
    let stored = layers.bricks(file, chunks, &mut Vec::new());
    for (brick, stored) in layers.layout.partition().bricks().iter().zip(stored) {
        let levels = brick.grids.iter().map(|g| g.level().unwrap_or(count));
        // The shared brick counts where the low-pass is.
        if let (Some(stored), Some(row)) = (stored, levels.max().and_then(|l| rows.get_mut(l))) {
            row.bricks += 1;
            row.bytes += stored.payload.map_or(0, |payload| payload.len() as u64);
        }
    }
    Ok(rows)
}

/// What a file holds, as text.
#[must_use]
pub fn text(file: &File<'_>, name: &str, limits: &Limits) -> String {
    let sizes = Sizes::new(file);
    let version = match file.scan.header {
        Some(header) => format!("format {}.{}", header.version.0, header.version.1),
        None => format!(
            "format unknown (header damaged; this program knows {})",
            known_version()
        ),
    };
    let mut out = format!("srt {name} {{  // {}, {version}\n", size(sizes.file));
    if file.compact_bytes.is_some() {
        let long = file.scan.bytes.len();
        out += &format!("// compact; offsets are those of its long form of {long} bytes\n");
    }
    if let Some(dataset) = &file.dataset {
        let axes = ["z", "y", "x"].into_iter().zip(dataset.shape.dims());
        let axes = axes.skip(3 - dataset.shape.rank());
        let axes: Vec<String> = axes.map(|(a, n)| format!("{a} = {n}")).collect();
        let voxels = group(dataset.shape.len() as u64);
        out += &format!("dimensions:  // {voxels} voxels\n  {}\n", axes.join(", "));
        out += &placement_text(dataset);
        out += &attributes_text(file);
        out += "fields:\n";
        for (number, field) in dataset.fields.iter().enumerate() {
            let unit = match field.unit.as_str() {
                "" => String::new(),
                unit => format!("  // in {}", printable(unit)),
            };
            let name = match field.name.as_str() {
                "" => "(no name)".into(),
                name => printable(name),
            };
            out += &format!("  {number}: {} {name}{unit}\n", field.dtype);
        }
    }
    out += &networks_text(file);
    out += "frames:\n";
    for (place, chunks) in file.frames.iter().enumerate() {
        out += &frame_text(file, place, chunks, limits);
    }
    if sizes.raw > 0 {
        out += &format!(
            "ratio:\n  {:.2} without weights, {:.2} with {} of embedded weights\n",
            sizes.ratio(),
            sizes.ratio_with_weights(),
            size(sizes.weights)
        );
    }
    out += &state_text(file);
    out += "}\n";
    out
}

fn networks_text(file: &File<'_>) -> String {
    let mut out = String::new();
    if let Some(reference) = &file.reference {
        out += &format!(
            "networks:  // by reference\n  {}  sha-256 {}\n",
            printable(&reference.name),
            hex(&reference.sha256)
        );
    }
    if !file.networks.is_empty() {
        out += "networks:  // embedded\n";
    }
    for (number, network) in file.networks.iter().enumerate() {
        let bytes = size(u64::from(network.chunk.header.stored_len));
        out += &match &network.network {
            Some(network) => format!(
                "  {number}: levels {} to {}, {} parameters, {bytes}, sha-256 {}\n",
                network.arch().min_level,
                network.arch().max_level,
                group(network.parameters()),
                hex(network.digest())
            ),
            None => format!("  {number}: {bytes}, unreadable\n"),
        };
    }
    out
}

fn frame_text(file: &File<'_>, place: usize, chunks: &FrameChunks, limits: &Limits) -> String {
    let mut out = format!("  {}\n", file.frame_name(place));
    let mut line = |key: &str, value: String| out += &format!("    {key:<10} {value}\n");
    line(
        "stored",
        format!(
            "{} in {} chunks from byte {}",
            size(chunks.stored_bytes()),
            chunks.chunks().count(),
            chunks.chunk.offset
        ),
    );
    let Some(frame) = &chunks.frame else {
        line("record", "unreadable".into());
        return out;
    };
    if let Some(time) = frame.time {
        let unit = file.dataset.as_ref().map_or("", |d| &d.time_unit);
        line(
            "time",
            format!("{time} {}", printable(unit)).trim_end().to_owned(),
        );
    }
    if let Some(slab) = frame.slab {
        line("planes", format!("{} to {}", slab.start, slab.end()));
    }
    line("range", format!("{} to {}", frame.range.0, frame.range.1));
    line("asked", frame.bound.to_string());
    line("achieved", achieved(frame));
    line("form", form_text(&frame.form));
    if let Some(references) = frame.references() {
        line("predicted", references::text(frame, references));
    }
    for (name, chunk) in [("mask", &chunks.mask), ("corrections", &chunks.corrections)] {
        if let Some(chunk) = chunk {
            line(name, size(u64::from(chunk.header.stored_len)));
        }
    }
    if let Form::Wavelet(form) = &frame.form {
        match level_rows(file, chunks, form, limits) {
            Ok(rows) => out += &table(&rows),
            Err(reason) => out += &format!("    levels     unreadable: {reason}\n"),
        }
    }
    out
}

fn achieved(frame: &Frame) -> String {
    let measured = &frame.measured;
    let psnr = if measured.psnr_db.is_finite() {
        format!("PSNR {:.3} dB", measured.psnr_db)
    } else {
        "no error".to_owned()
    };
    let ssim = measured
        .ssim
        .map_or(String::new(), |s| format!(", SSIM {s:.6}"));
    format!("{psnr}{ssim}, largest error {:e}", measured.max_error)
}

fn form_text(form: &Form) -> String {
    let form = match form {
        Form::Constant => return "constant".into(),
        Form::Lossless => return "lossless values".into(),
        Form::Pooled(form) => return pooled_text(form),
        Form::Raster(form) => return raster::text(form),
        Form::Wavelet(form) => form,
    };
    let filter = match Wavelet::from_u8(form.wavelet) {
        Some(Wavelet::Cdf97) => "CDF 9/7".to_owned(),
        Some(Wavelet::Haar) => "Haar".to_owned(),
        None => format!("filter {}", form.wavelet),
    };
    let periodic = match form.periodic.bits() {
        0 => String::new(),
        _ => format!(", periodic along {}", form.periodic),
    };
    let plan = match AxisPlan::from_u8(form.plan) {
        None | Some(AxisPlan::Levels) => String::new(),
        Some(plan) => format!(", plan {} along z", plan.name()),
    };
    let networks = levels_text(form.network.as_ref());
    format!(
        "{filter}, {} levels{plan}{periodic}{networks}, bricks of {} voxels, step {:e} of {:e}",
        form.levels, form.brick_edge, form.step, form.scale
    )
}

fn levels_text(used: Option<&NetworkUse>) -> String {
    match used.map(network_levels) {
        Some(levels) => format!(", networks on levels {levels:?}"),
        None => String::new(),
    }
}

fn pooled_text(form: &PooledForm) -> String {
    let interpolation = match form.interpolation {
        Interpolation::Linear => "linear",
        Interpolation::Cubic => "cubic",
    };
    let payload = match form.payload {
        PooledPayload::Quantised => "zstd",
        PooledPayload::Sz3 => "SZ3",
    };
    let networks = levels_text(form.network.as_ref());
    format!(
        "mean pooling, levels {} to {}, {interpolation} interpolation{networks}, {payload}, error {:e} of {:e}",
        form.finest, form.levels, form.epsilon, form.scale
    )
}

fn table(rows: &[LevelRow]) -> String {
    let mut out = String::from(
        "    level            grid   leaves      voxels  of all  stored nodes  bricks       bytes  PSNR alone\n",
    );
    let all: u64 = rows.iter().map(|r| r.leaf_voxels).sum();
    for row in rows {
        let nodes = row
            .stored_nodes
            .map_or("low-pass".to_owned(), |n| n.to_string());
        out += &format!(
            "    {:5} {:>15} {:8} {:>11} {:6.1}% {:>13} {:7} {:>11} {:>8} dB\n",
            row.level,
            row.grid.to_string().replace(' ', ""),
            row.leaves,
            group(row.leaf_voxels),
            100.0 * row.leaf_voxels as f64 / all.max(1) as f64,
            nodes,
            row.bricks,
            group(row.bytes),
            row.psnr_db.map_or("-".to_owned(), |db| format!("{db:.1}")),
        );
    }
    out
}

/// The state of all checksums in a few lines.
fn state_text(file: &File<'_>) -> String {
    let scan = &file.scan;
    let damaged = scan.chunks.iter().filter(|c| !c.is_whole()).count();
    let mut out = format!(
        "state:\n  {} chunks, {} with a wrong or cut payload; index and trailer {}\n",
        scan.chunks.len(),
        damaged,
        if scan.index_ok {
            "ok"
        } else {
            "damaged or missing"
        }
    );
    for finding in rules::findings(file) {
        out += &format!("  {}\n", finding.line());
    }
    out
}

/// What a file holds, as data.
#[must_use]
pub fn json(file: &File<'_>, limits: &Limits) -> Value {
    let sizes = Sizes::new(file);
    let header = file.scan.header;
    let dataset = file.dataset.as_ref().map(|d| {
        json!({
            "shape": d.shape.extents(),
            "voxels": d.shape.len(),
            "spacing": d.placement.map(|p| p.spacing[3 - d.shape.rank()..].to_vec()),
            "origin": d.placement.map(|p| p.origin[3 - d.shape.rank()..].to_vec()),
            "length_unit": d.length_unit,
            "time_unit": d.time_unit,
            "attributes": file.attributes.as_ref()
                .and_then(|a| serde_json::from_str::<Value>(a.text()).ok()),
            "fields": d.fields.iter().map(|f| json!({
                "name": f.name, "unit": f.unit, "dtype": f.dtype.to_string(),
            })).collect::<Vec<_>>(),
        })
    });
    let networks = file.networks.iter().map(|n| {
        json!({
            "bytes": n.chunk.header.stored_len,
            "sha256": n.network.as_ref().map(|n| hex(n.digest())),
            "parameters": n.network.as_ref().map(srt::network::Network::parameters),
            "min_level": n.network.as_ref().map(|n| n.arch().min_level),
            "max_level": n.network.as_ref().map(|n| n.arch().max_level),
        })
    });
    let whole = |c: &crate::scan::Chunk| c.payload == PayloadState::Whole;
    json!({
        "schema": crate::SCHEMA,
        "bytes": sizes.file,
        "version": header.map(|h| format!("{}.{}", h.version.0, h.version.1)),
        "dataset": dataset,
        "networks": networks.collect::<Vec<_>>(),
        "weights_reference": file.reference.as_ref().map(|r| json!({
            "name": r.name, "sha256": hex(&r.sha256),
        })),
        "frames": file.frames.iter().map(|f| frame_json(file, f, limits)).collect::<Vec<_>>(),
        "raw_bytes": sizes.raw,
        "weight_bytes": sizes.weights,
        "ratio": sizes.ratio(),
        "ratio_with_weights": sizes.ratio_with_weights(),
        "chunks": file.scan.chunks.len(),
        "chunks_damaged": file.scan.chunks.iter().filter(|c| !whole(c)).count(),
        "index_ok": file.scan.index_ok,
        "findings": rules::findings(file).iter().map(|f| f.json()).collect::<Vec<_>>(),
    })
}

fn frame_json(file: &File<'_>, chunks: &FrameChunks, limits: &Limits) -> Value {
    let Some(frame) = &chunks.frame else {
        return json!({ "offset": chunks.chunk.offset, "bytes": chunks.stored_bytes() });
    };
    let (form, levels) = match &frame.form {
        Form::Constant => ("constant", None),
        Form::Lossless => ("lossless", None),
        Form::Pooled(_) => ("pooled", None),
        Form::Raster(_) => ("raster", None),
        Form::Wavelet(form) => ("wavelet", level_rows(file, chunks, form, limits).ok()),
    };
    let wavelet = match &frame.form {
        Form::Wavelet(form) => json!({
            "filter": form.wavelet,
            "periodic": form.periodic.to_string(),
            "plan": AxisPlan::from_u8(form.plan).map(AxisPlan::name),
            "levels": form.levels,
            "brick_edge": form.brick_edge,
            "step": form.step,
            "offset": form.offset,
            "scale": form.scale,
            "gains": form.network.as_ref().map(|n| &n.gains),
            "references": frame.references().map(|r| references::json(frame, r)),
        }),
        Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Raster(_) => Value::Null,
    };
    let raster = match &frame.form {
        Form::Raster(form) => raster::json(form),
        Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Wavelet(_) => Value::Null,
    };
    let levels = levels.map(|rows| {
        let row = |row: &LevelRow| {
            json!({
                "level": row.level, "grid": row.grid.extents(), "leaves": row.leaves,
                "leaf_voxels": row.leaf_voxels, "stored_nodes": row.stored_nodes,
                "bricks": row.bricks, "bytes": row.bytes, "psnr_db": row.psnr_db,
            })
        };
        rows.iter().map(row).collect::<Vec<_>>()
    });
    json!({
        "offset": chunks.chunk.offset,
        "bytes": chunks.stored_bytes(),
        "field": frame.field,
        "step": frame.step,
        "time": frame.time,
        "planes": frame.slab.map(|slab| [slab.start, slab.end()]),
        "range": [frame.range.0, frame.range.1],
        "bound": frame.bound.to_string(),
        "psnr_db": frame.measured.psnr_db,
        "ssim": frame.measured.ssim,
        "max_abs_error": frame.measured.max_error,
        "form": form,
        "wavelet": wavelet,
        "raster": raster,
        "mask_bytes": chunks.mask.map(|c| c.header.stored_len),
        "correction_bytes": chunks.corrections.map(|c| c.header.stored_len),
        "levels": levels,
    })
}

/// Bytes, in MiB too where that helps.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} bytes", group(bytes)),
        _ => format!(
            "{} bytes ({:.2} MiB)",
            group(bytes),
            bytes as f64 / f64::from(1 << 20)
        ),
    }
}

/// A number with its digits in groups of three.
fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}
