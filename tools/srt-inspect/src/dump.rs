//! `dump`: the fields of chunks with their offsets, then the bytes.

use serde_json::{Value, json};
use srt::container::{
    Attributes, CHUNK_HEADER_LEN, ChunkType, Cursor, FORM_BITS, Form, HAS_REFERENCES,
};
use srt::{Dtype, Error, Result};

use crate::file::{File, FrameChunks};
use crate::scan::Chunk;
use srt_program::hex;

/// One field of a structure.
struct FieldLine {
    offset: u64,
    len: u64,
    name: String,
    value: String,
}

/// Reads fields and notes where each stood.
struct Fields<'a> {
    cursor: Cursor<'a>,
    lines: Vec<FieldLine>,
}

impl<'a> Fields<'a> {
    fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self {
            cursor: Cursor::new(bytes, offset),
            lines: Vec::new(),
        }
    }

    fn read<T: std::fmt::Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Cursor<'a>, &str) -> Result<T>,
    ) -> Result<T> {
        let offset = self.cursor.offset();
        let value = read(&mut self.cursor, name)?;
        self.lines.push(FieldLine {
            offset,
            len: self.cursor.offset() - offset,
            name: name.to_owned(),
            value: value.to_string(),
        });
        Ok(value)
    }

    fn real(&mut self, name: &str, dtype: Dtype) -> Result<f64> {
        if dtype.working() == Dtype::F64 {
            return self.read(name, Cursor::f64);
        }
        self.read(name, Cursor::f32).map(f64::from)
    }

    fn bytes(&mut self, name: &str, len: usize) -> Result<()> {
        let read = |c: &mut Cursor<'a>, name: &str| c.take(name, len).map(hex);
        self.read(name, read).map(|_| ())
    }
}

/// Chunks chosen by number, or by type; all for `None`.
///
/// # Errors
/// `InvalidArgument` when there is none.
pub fn choose<'f>(file: &'f File<'_>, what: Option<&str>) -> Result<Vec<&'f Chunk>> {
    let chunks = file.scan.chunks.iter();
    let chosen: Vec<&Chunk> = match what {
        None => chunks.collect(),
        Some(text) => match text.parse::<u64>() {
            Ok(number) => chunks.filter(|c| c.number == number).collect(),
            Err(_) => chunks
                .filter(|c| c.header.kind.to_string() == text)
                .collect(),
        },
    };
    match (chosen.is_empty(), what) {
        (true, Some(what)) => Err(Error::invalid(format!(
            "no whole header of a chunk {what:?} found; `srt-inspect list` names them"
        ))),
        _ => Ok(chosen),
    }
}

/// One chunk as text; at most `bytes` bytes of its payload as hex.
#[must_use]
pub fn text(file: &File<'_>, chunk: &Chunk, bytes: usize) -> String {
    let mut out = format!(
        "chunk {} {} at byte {}, payload {}\n",
        chunk.number,
        chunk.header.kind,
        chunk.offset,
        chunk.payload.word()
    );
    out += "      offset   length  field\n";
    let (fields, error) = fields(file, chunk);
    for line in &fields {
        out += &format!(
            "  {:>10} {:>8}  {} = {}\n",
            line.offset,
            line.len,
            line.name,
            srt_program::printable(&line.value)
        );
    }
    if let Some(error) = error {
        out += &format!("  unreadable from here: {error}\n");
    }
    let payload = file.scan.payload(chunk);
    let shown = payload.get(..bytes).unwrap_or(payload);
    for (row, line) in shown.chunks(16).enumerate() {
        let offset = chunk.payload_offset() + 16 * row as u64;
        let digits: Vec<String> = line.iter().map(|b| format!("{b:02x}")).collect();
        let letters: String = line.iter().map(|&b| printable(b)).collect();
        out += &format!("  {offset:08x}  {:<47}  {letters}\n", digits.join(" "));
    }
    if shown.len() < payload.len() {
        out += &format!(
            "  ... {} more bytes (--bytes 0 shows all)\n",
            payload.len() - shown.len()
        );
    }
    out
}

fn printable(byte: u8) -> char {
    match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    }
}

/// One chunk as data.
#[must_use]
pub fn json(file: &File<'_>, chunk: &Chunk, bytes: usize) -> Value {
    let (fields, error) = fields(file, chunk);
    let payload = file.scan.payload(chunk);
    json!({
        "number": chunk.number,
        "type": chunk.header.kind.to_string(),
        "offset": chunk.offset,
        "state": chunk.payload.word(),
        "fields": fields.iter().map(|f| json!({
            "offset": f.offset, "length": f.len, "name": f.name, "value": f.value,
        })).collect::<Vec<_>>(),
        "error": error.map(|e| e.to_string()),
        "payload_bytes": payload.len(),
        "payload_hex": hex(payload.get(..bytes).unwrap_or(payload)),
    })
}

/// The fields of header and payload, as far as they can be read.
fn fields(file: &File<'_>, chunk: &Chunk) -> (Vec<FieldLine>, Option<Error>) {
    let from = usize::try_from(chunk.offset).unwrap_or(usize::MAX);
    let head = from..from.saturating_add(CHUNK_HEADER_LEN);
    let head = file.scan.bytes.get(head).unwrap_or_default();
    let mut header = Fields::new(head, chunk.offset);
    // The header is whole, or the chunk would not have been found.
    let _ = chunk_header(&mut header);
    let mut lines = header.lines;
    let mut payload = Fields::new(file.scan.payload(chunk), chunk.payload_offset());
    let dtype = |field: u64| file.field(field).map(|f| f.dtype);
    let result = match chunk.header.kind {
        ChunkType::DSET => dataset(&mut payload),
        ChunkType::NREF => reference(&mut payload),
        ChunkType::FRAM => frame(&mut payload, dtype),
        ChunkType::INDX => index(&mut payload),
        ChunkType::ATTR => attributes(&mut payload, chunk.header.stored_len as usize),
        ChunkType::NETW => network(&mut payload),
        ChunkType::BRIK if is_run(file, chunk) => brick_run(&mut payload, chunk.header.part),
        _ => Ok(()),
    };
    lines.extend(payload.lines);
    (lines, result.err())
}

fn chunk_header(f: &mut Fields<'_>) -> Result<()> {
    f.read("type", |c, name| {
        Ok(c.take(name, 4)?.escape_ascii().to_string())
    })?;
    f.read("stored length", Cursor::u32)?;
    f.read("part", Cursor::u32)?;
    f.read("payload crc", |c, name| {
        Ok(format!("{:#010x}", c.u32(name)?))
    })?;
    f.read("header crc", |c, name| {
        Ok(format!("{:#010x}", c.u32(name)?))
    })?;
    Ok(())
}

fn attributes(f: &mut Fields<'_>, len: usize) -> Result<()> {
    f.read("json", |c, name| {
        let offset = c.offset();
        let attributes = Attributes::parse(c.take(name, len)?, offset)?;
        Ok(attributes.text().to_owned())
    })?;
    Ok(())
}

fn dataset(f: &mut Fields<'_>) -> Result<()> {
    let rank = f.read("rank", Cursor::u8)?;
    for axis in 0..rank.min(3) {
        f.read(&format!("extent {axis}"), Cursor::varint)?;
    }
    let count = f.read("field count", Cursor::varint)?;
    for i in 0..count {
        f.read(&format!("field {i} name"), Cursor::string)?;
        f.read(&format!("field {i} unit"), Cursor::string)?;
        f.read(&format!("field {i} value size"), Cursor::u8)?;
    }
    // The record may end before each of the rest.
    if !f.cursor.rest().is_empty() && f.read("placement", Cursor::u8)? == 1 {
        for name in ["spacing", "origin"] {
            for axis in 0..rank.min(3) {
                f.read(&format!("{name} {axis}"), Cursor::f64)?;
            }
        }
    }
    for name in ["unit of lengths", "unit of time"] {
        if !f.cursor.rest().is_empty() {
            f.read(name, Cursor::string)?;
        }
    }
    Ok(())
}

fn reference(f: &mut Fields<'_>) -> Result<()> {
    f.bytes("weights sha-256", 32)?;
    f.read("weights name", Cursor::string)?;
    Ok(())
}

/// Bytes of the multiresolution form, then of the pooled form, before their real numbers.
const WAVELET_FORM: &[&str] = &[
    "filter pair",
    "periodic axes",
    "levels",
    "brick edge log2",
    "shrink",
];
const POOLED_FORM: &[&str] = &["levels", "finest level", "interpolation", "payload codec"];

fn frame(f: &mut Fields<'_>, dtype: impl Fn(u64) -> Option<Dtype>) -> Result<()> {
    let field = f.read("field", Cursor::varint)?;
    let dtype =
        dtype(field).ok_or_else(|| Error::corrupt(format!("no field {field} in the dataset")))?;
    f.read("time step", Cursor::varint)?;
    f.real("minimum", dtype)?;
    f.real("maximum", dtype)?;
    let bound = f.read("bound kind", Cursor::u8)?;
    f.read("bound value", Cursor::f64)?;
    f.read("measured psnr [dB]", Cursor::f32)?;
    if bound == 1 {
        f.read("measured ssim", Cursor::f32)?;
    }
    f.read("measured largest error", Cursor::f64)?;
    let number = f.read("form, announced chunks", Cursor::u8)? & FORM_BITS;
    match number & !HAS_REFERENCES {
        2 => {
            let (levels, gains) = form(f, dtype, WAVELET_FORM, "quantisation step")?;
            for level in 1..=levels {
                f.read(&format!("quality of level {level}"), Cursor::u8)?;
            }
            if number & HAS_REFERENCES != 0 {
                references(f, levels, &gains)?;
            }
        }
        3 => {
            form(f, dtype, POOLED_FORM, "epsilon")?;
        }
        4 => raster_form(f, dtype)?,
        _ => {}
    }
    if !f.cursor.rest().is_empty() {
        f.read("time", Cursor::f64)?;
    }
    if !f.cursor.rest().is_empty() && f.read("number of planes", Cursor::varint)? > 0 {
        f.read("first plane", Cursor::varint)?;
    }
    Ok(())
}

/// The references of a frame of the wavelet form.
fn references(f: &mut Fields<'_>, levels: u8, gains: &[f32]) -> Result<()> {
    let count = f.read("references", Cursor::u8)?;
    for place in 0..count {
        let name = format!("steps back to reference {place}");
        f.read(&name, Cursor::varint)?;
    }
    let weights = |f: &mut Fields<'_>, of: &str| {
        for place in 0..count {
            let name = format!("weight of reference {place} in {of}");
            f.read(&name, Cursor::f32)?;
        }
        Ok::<(), Error>(())
    };
    if f.read("weights of the low-pass", Cursor::u8)? > 0 {
        weights(f, "the low-pass")?;
        f.read("offset of the low-pass", Cursor::f32)?;
    }
    for level in 0..levels {
        let sets = f.read(&format!("sets of weights of level {level}"), Cursor::u8)?;
        for set in 0..sets {
            let of = format!("set {set} of level {level}");
            let gain = gains.get(usize::from(level));
            if gain.is_some_and(|&gain| gain != 0.0) {
                f.read(&format!("weight of the network in {of}"), Cursor::f32)?;
            }
            weights(f, &of)?;
        }
    }
    Ok(())
}

/// The fields of the raster form.
fn raster_form(f: &mut Fields<'_>, dtype: Dtype) -> Result<()> {
    let edge = f.read(
        "brick edge log2, 64 more for values as they are, 128 more with a palette",
        Cursor::u8,
    )?;
    match edge >> 6 {
        0 => {
            f.real("quantisation step", dtype)?;
        }
        1 => {
            f.read("unused bits of values", Cursor::u8)?;
        }
        _ => {
            f.read("values of the palette", Cursor::varint)?;
        }
    }
    let count = f.read("number of coefficients", Cursor::u8)?;
    for place in 0..count & 127 {
        f.read(&format!("coefficient {place}, folded"), Cursor::varint)?;
    }
    Ok(())
}

/// Whether a `BRIK` chunk belongs to a frame of form 2 or 4.
fn is_run(file: &File<'_>, chunk: &Chunk) -> bool {
    let holds = |frame: &&FrameChunks| frame.bricks.iter().any(|b| b.number == chunk.number);
    let frame = file.frames.iter().find(holds);
    let frame = frame.and_then(|chunks| chunks.frame.as_ref());
    frame.is_some_and(|frame| matches!(frame.form, Form::Wavelet(_) | Form::Raster(_)))
}

/// The number at the front of a run of bricks.
#[derive(Clone, Copy)]
struct RunCount {
    others: u64,
    checksums: bool,
}

impl std::fmt::Display for RunCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let checksums = if self.checksums {
            ", with checksums"
        } else {
            ""
        };
        write!(f, "{}{checksums}", self.others)
    }
}

/// The head of a run of bricks; the bricks stay bytes.
fn brick_run(f: &mut Fields<'_>, first: u32) -> Result<()> {
    let RunCount { others, checksums } = f.read("bricks behind the first", |c, name| {
        let count = c.varint(name)?;
        Ok(RunCount {
            others: count >> 1,
            checksums: count & 1 == 1,
        })
    })?;
    let mut number = u64::from(first);
    for _ in 0..others {
        f.read(&format!("length of brick {number}"), Cursor::varint)?;
        let left_out = f.read("bricks left out", Cursor::varint)?;
        number = number.saturating_add(left_out).saturating_add(1);
    }
    if checksums {
        for place in 0..=others {
            f.read(
                &format!("checksum of brick {place} of the run"),
                Cursor::u32,
            )?;
        }
        f.read("checksum of the head", Cursor::u32)?;
    }
    Ok(())
}

/// The fields of the multiresolution or the pooled form up to the gains; the number of levels.
fn form(f: &mut Fields<'_>, dtype: Dtype, small: &[&str], first: &str) -> Result<(u8, Vec<f32>)> {
    let mut levels = 0;
    for &name in small {
        let value = f.read(name, Cursor::u8)?;
        if name == "levels" {
            levels = value;
        }
    }
    for name in [first, "offset", "scale"] {
        f.real(name, dtype)?;
    }
    let count = f.read("gain count", Cursor::u8)?;
    let gain = |level| f.read(&format!("gain of level {level}"), Cursor::f32);
    let gains = (0..count).map(gain).collect::<Result<_>>()?;
    Ok((levels, gains))
}

fn index(f: &mut Fields<'_>) -> Result<()> {
    let count = f.read("chunk count", Cursor::varint)?;
    for i in 0..count {
        if f.read(&format!("entry {i} type code"), Cursor::u8)? == 0xFF {
            f.read(&format!("entry {i} type"), |c, name| {
                Ok(c.take(name, 4)?.escape_ascii().to_string())
            })?;
        }
        f.read(&format!("entry {i} stored length"), Cursor::varint)?;
        f.read(&format!("entry {i} part"), Cursor::varint)?;
    }
    Ok(())
}

/// The head of a network record (spec networks 7); its tensors stay bytes.
fn network(f: &mut Fields<'_>) -> Result<()> {
    f.read("record version", Cursor::u16)?;
    for name in [
        "rank",
        "first level",
        "last level",
        "transform",
        "padding",
        "input channels",
    ] {
        f.read(name, Cursor::u8)?;
    }
    f.read("input scale", Cursor::f32)?;
    f.read("slope", Cursor::f32)?;
    f.read("features", Cursor::u16)?;
    for name in ["input kernel", "trunk", "head", "shortcut kernel"] {
        f.read(name, Cursor::u8)?;
    }
    for name in [
        "blocks",
        "dense blocks",
        "convolutions",
        "growth",
        "reserved",
    ] {
        f.read(name, Cursor::u16)?;
    }
    f.read("beta", Cursor::f32)?;
    f.bytes("reserved", 4)?;
    Ok(())
}
