//! `list`: all chunks in file order.

use serde_json::{Value, json};

use crate::file::File;

/// The list as text.
#[must_use]
pub fn text(file: &File<'_>) -> String {
    let mut out = String::from("number  type        part       offset       length  crc\n");
    for chunk in &file.scan.chunks {
        out += &format!(
            "{:6}  {}  {:>10}  {:>11}  {:>11}  {}\n",
            chunk.number,
            chunk.header.kind,
            chunk.header.part,
            chunk.offset,
            chunk.header.stored_len,
            chunk.payload.word()
        );
    }
    for finding in &file.scan.findings {
        out += &finding.line();
        out.push('\n');
    }
    out
}

/// The list as data.
#[must_use]
pub fn json(file: &File<'_>) -> Value {
    let chunk = |chunk: &crate::scan::Chunk| {
        json!({
            "number": chunk.number,
            "type": chunk.header.kind.to_string(),
            "part": chunk.header.part,
            "offset": chunk.offset,
            "length": chunk.header.stored_len,
            "crc": format!("{:08x}", chunk.header.payload_crc),
            "state": chunk.payload.word(),
        })
    };
    json!({
        "schema": crate::SCHEMA,
        "bytes": file.stored_bytes(),
        "chunks": file.scan.chunks.iter().map(chunk).collect::<Vec<_>>(),
        "findings": file.scan.findings.iter().map(|f| f.json()).collect::<Vec<_>>(),
    })
}
