//! What is in a file, as data for any language and as an annotated dump for the specification.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use srt::container::{FileHeader, HEADER_LEN, TRAILER_LEN, Trailer};
use srt::volume::AnyVolume;
use srt::volume::io::write_npy;
use srt::{Decoder, Dtype, Element, Limits, Shape, dtype_dispatch};
use srt_inspect::dump;
use srt_inspect::file::File;

/// Decoded fields above this size are described by their hash alone.
const NPY_BYTES: usize = 1 << 15;

/// A description, and the decoded field of frame 0 as `.npy` where it is small.
pub(crate) struct Description {
    pub(crate) json: Value,
    pub(crate) npy: Option<Vec<u8>>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Shape, type and little-endian bytes of a field, and the field as `.npy`.
fn parts(volume: &AnyVolume) -> (Shape, &'static str, Vec<u8>, Vec<u8>) {
    let (mut raw, mut npy) = (Vec::new(), Vec::new());
    dtype_dispatch!(volume, AnyVolume(v) => {
        Element::encode_le(v.data(), &mut raw);
        write_npy(&mut npy, v.shape(), v.data()).unwrap();
    });
    let kind = match volume.dtype() {
        Dtype::F16 => "<f2",
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::U8 => "|u1",
        Dtype::I8 => "|i1",
        Dtype::U16 => "<u2",
        Dtype::I16 => "<i2",
        Dtype::U32 => "<u4",
        Dtype::I32 => "<i4",
    };
    (volume.shape(), kind, raw, npy)
}

/// Describes a file; `decoder` reads the same bytes and has its weights.
pub(crate) fn describe(
    name: &str,
    about: &str,
    weights: Option<&str>,
    bytes: &[u8],
    decoder: &Decoder<'_>,
) -> Description {
    let limits = Limits::default();
    let stored = json!({"bytes": bytes.len(), "sha256": sha256(bytes)});
    // Chunks and offsets are those of the long form of a compact file.
    let long = srt::expand(bytes).unwrap();
    let bytes = long.as_deref().unwrap_or(bytes);
    let file = File::new(bytes, &limits);
    let chunks: Vec<Value> = file
        .scan
        .chunks
        .iter()
        .map(|chunk| {
            let mut value = dump::json(&file, chunk, 0);
            let chunk = value.as_object_mut().unwrap();
            for unused in ["payload_hex", "state", "error"] {
                chunk.remove(unused);
            }
            value
        })
        .collect();
    let mut npy = None;
    let mut frames = Vec::new();
    for reader in decoder.frames() {
        let (number, frame) = (reader.index(), reader.record());
        // All that can be asked for, coarser ones of frames that store none among them.
        let levels = (1..).take_while(|&level| reader.level(level).grid().is_ok());
        let levels = levels.count();
        let decoded = (0..=levels).map(|level| {
            let volume = reader.level(level).read_any().unwrap();
            let (shape, dtype, raw, whole) = parts(&volume);
            if number == 0 && level == 0 && whole.len() <= NPY_BYTES {
                npy = Some(whole);
            }
            json!({"level": level, "shape": shape.extents(), "dtype": dtype, "sha256": sha256(&raw)})
        });
        let decoded: Vec<Value> = decoded.collect();
        frames.push(json!({"field": frame.field, "step": frame.step, "decoded": decoded}));
    }
    let header: &[u8; HEADER_LEN] = bytes.first_chunk().unwrap();
    let parsed = FileHeader::parse(header).unwrap();
    let trailer_at = bytes.len() - TRAILER_LEN;
    let trailer = Trailer::parse(&bytes[trailer_at..], trailer_at as u64).unwrap();
    let json = json!({
        "schema": 1,
        "name": name,
        "about": about,
        "weights": weights,
        "file": stored,
        "header": {
            "major": parsed.version.0, "minor": parsed.version.1,
            "required": parsed.required, "optional": parsed.optional,
            "crc": format!("0x{}", hex(&header[20..].iter().rev().copied().collect::<Vec<_>>())),
        },
        "chunks": chunks,
        "trailer": {
            "offset": trailer_at, "index_offset": trailer.index_offset,
            "headers_crc": format!("{:#010x}", trailer.headers_crc),
        },
        "frames": frames,
        "npy": npy.as_ref().map(|_| format!("{name}.npy")),
    });
    Description { json, npy }
}

/// JSON with one line for each object of plain values: a field of a record is a line.
pub(crate) fn lines(value: &Value, indent: usize) -> String {
    let plain = |v: &Value| !v.is_object() && !v.is_array();
    let pad = " ".repeat(indent + 2);
    let (items, [open, close]): (Vec<String>, _) = match value {
        Value::Object(map) if !map.values().all(plain) => {
            let item = |(key, v): (&String, &Value)| {
                format!("{pad}{}: {}", json!(key), lines(v, indent + 2))
            };
            (map.iter().map(item).collect(), ["{", "}"])
        }
        Value::Array(all) if !all.iter().all(plain) => {
            let item = |v| format!("{pad}{}", lines(v, indent + 2));
            (all.iter().map(item).collect(), ["[", "]"])
        }
        value => return value.to_string(),
    };
    format!("{open}\n{}\n{}{close}", items.join(",\n"), &pad[2..])
}

/// The bytes of a file beside what they mean.
pub(crate) fn annotated(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let file = File::new(bytes, &limits);
    let mut out = Annotated {
        bytes,
        text: String::new(),
    };
    let header = [
        (8, "magic"),
        (2, "major version"),
        (2, "minor version"),
        (4, "required features"),
        (4, "optional features"),
        (4, "CRC-32 of bytes 0 to 19"),
    ];
    let mut at = 0;
    for (len, meaning) in header {
        at = out.field(at, len, meaning);
    }
    for chunk in &file.scan.chunks {
        let _ = writeln!(out.text, "\nchunk {}: {}", chunk.number, chunk.header.kind);
        for field in dump::json(&file, chunk, 0)["fields"].as_array().unwrap() {
            let len = field["length"].as_u64().unwrap() as usize;
            let meaning = format!(
                "{} = {}",
                field["name"].as_str().unwrap(),
                field["value"].as_str().unwrap()
            );
            at = out.field(at, len, &meaning);
        }
        let end = chunk.end() as usize;
        if at < end {
            at = out.field(at, end - at, "payload");
        }
    }
    out.text += "\ntrailer\n";
    for (len, meaning) in [
        (8, "offset of INDX"),
        (4, "CRC-32 over the header CRCs"),
        (4, "CRC-32 of the 12 bytes before"),
        (8, "end mark"),
    ] {
        at = out.field(at, len, meaning);
    }
    assert_eq!(at, bytes.len());
    out.text
}

struct Annotated<'a> {
    bytes: &'a [u8],
    text: String,
}

impl Annotated<'_> {
    /// One field, 12 bytes to a line; returns where it ends.
    fn field(&mut self, at: usize, len: usize, meaning: &str) -> usize {
        let field = &self.bytes[at..at + len];
        if field.is_empty() {
            let _ = writeln!(self.text, "{at:04x}  {:<35}  {meaning}", "");
        }
        for (row, line) in field.chunks(12).enumerate() {
            let digits: Vec<String> = line.iter().map(|b| format!("{b:02x}")).collect();
            let meaning = if row == 0 { meaning } else { "" };
            let line = format!("{:04x}  {:<35}  {meaning}", at + 12 * row, digits.join(" "));
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
        at + len
    }
}
