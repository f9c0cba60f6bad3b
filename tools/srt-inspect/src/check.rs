//! `check`: every rule, all findings.

use serde_json::{Value, json};
use srt::Limits;

use crate::bricks::BRICK_MISSING;
use crate::file::File;
use crate::finding::{Finding, Severity};
use crate::layers::check_frame;
use crate::rules;

/// All findings in file order.
#[must_use]
pub fn findings(file: &File<'_>, limits: &Limits) -> Vec<Finding> {
    let mut all = rules::findings(file);
    for frame in &file.frames {
        let found = check_frame(file, frame, limits).into_iter();
        // After a gap the loss is reported already, once.
        all.extend(found.filter(|f| !(frame.gap && f.rule == BRICK_MISSING)));
    }
    all.sort_by_key(|f| f.offset);
    all
}

/// Exit code: 0 nothing wrong, 1 faults, 4 nothing wrong but parts that this program does not know.
#[must_use]
pub fn exit_code(findings: &[Finding]) -> u8 {
    match findings.iter().map(|f| f.severity).max() {
        Some(Severity::Fault) => 1,
        Some(Severity::Unsupported) => 4,
        Some(Severity::Note) | None => 0,
    }
}

/// The findings as text.
#[must_use]
pub fn text(file: &File<'_>, findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        out += &finding.line();
        out.push('\n');
    }
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let faults = count(Severity::Fault);
    let verdict = match (faults, count(Severity::Unsupported)) {
        (0, 0) => "follows the specification".to_owned(),
        (0, n) => format!("has {n} parts that this program does not know"),
        (1, _) => "has 1 fault".to_owned(),
        (n, _) => format!("has {n} faults"),
    };
    out += &format!(
        "{} bytes, {} chunks, {} frames: {verdict}\n",
        file.stored_bytes(),
        file.scan.chunks.len(),
        file.frames.len()
    );
    out
}

/// The findings as data.
#[must_use]
pub fn json(file: &File<'_>, findings: &[Finding]) -> Value {
    json!({
        "schema": crate::SCHEMA,
        "bytes": file.stored_bytes(),
        "chunks": file.scan.chunks.len(),
        "frames": file.frames.len(),
        "ok": exit_code(findings) == 0,
        "findings": findings.iter().map(Finding::json).collect::<Vec<_>>(),
    })
}
