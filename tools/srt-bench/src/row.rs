//! One measurement as data.

use serde::Serialize;
use srt::Result;

use crate::codec::{Codec, Target};
use crate::field::Field;
use crate::search::Setting;

/// A codec at a target on a field. What was not measured is null in JSON and empty in CSV.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Name of the field's file without its ending.
    pub(crate) field: String,
    pub(crate) shape: String,
    pub(crate) codec: &'static str,
    /// `psnr`, `ratio` or `rel-error`.
    pub(crate) target: &'static str,
    pub(crate) target_value: f64,
    /// What was turned, and where it stood.
    pub(crate) knob: Option<&'static str>,
    pub(crate) knob_value: Option<f64>,
    pub(crate) bytes: Option<usize>,
    pub(crate) ratio: Option<f64>,
    pub(crate) psnr_db: Option<f64>,
    pub(crate) ssim: Option<f64>,
    pub(crate) max_abs_error: Option<f64>,
    pub(crate) max_rel_error: Option<f64>,
    #[serde(flatten)]
    pub(crate) speed: Speed,
    /// Why something is missing.
    pub(crate) note: String,
}

/// Bytes of the field per second in MB (10^6), and peak memory of the process in MiB.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Speed {
    /// One thread, by processor time.
    pub(crate) encode_mb_s: Option<f64>,
    pub(crate) decode_mb_s: Option<f64>,
    /// All threads, by the clock.
    pub(crate) encode_parallel_mb_s: Option<f64>,
    pub(crate) decode_parallel_mb_s: Option<f64>,
    pub(crate) threads: Option<usize>,
    /// With one thread; holds the field, the stream and, decoding, the result.
    pub(crate) encode_peak_mib: Option<f64>,
    pub(crate) decode_peak_mib: Option<f64>,
}

impl Row {
    /// A row without measurements.
    pub(crate) fn new(name: &str, field: &Field, codec: Codec, target: Target) -> Self {
        Self {
            field: name.to_owned(),
            shape: field.shape.to_string(),
            codec: codec.name(),
            target: target.kind(),
            target_value: target.value(),
            knob: None,
            knob_value: None,
            bytes: None,
            ratio: None,
            psnr_db: None,
            ssim: None,
            max_abs_error: None,
            max_rel_error: None,
            speed: Speed::default(),
            note: String::new(),
        }
    }

    /// Fills in what a search found.
    pub(crate) fn set_found(&mut self, found: &Setting, field: &Field) {
        self.knob = Some(found.knob.mode.name());
        self.knob_value = Some(found.knob.value);
        self.bytes = Some(found.bytes);
        self.ratio = Some(field.bytes() as f64 / found.bytes as f64);
        self.psnr_db = Some(found.psnr_db);
        self.ssim = Some(found.ssim);
        self.max_abs_error = Some(found.max_abs_error);
        self.max_rel_error = Some(found.max_rel_error);
    }

    /// Adds to the note.
    pub(crate) fn add_note(&mut self, text: &str) {
        if !self.note.is_empty() {
            self.note.push_str("; ");
        }
        self.note.push_str(text);
    }
}

/// Columns of the CSV.
const COLUMNS: [&str; 21] = [
    "field",
    "shape",
    "codec",
    "target",
    "target_value",
    "knob",
    "knob_value",
    "bytes",
    "ratio",
    "psnr_db",
    "ssim",
    "max_abs_error",
    "max_rel_error",
    "encode_mb_s",
    "decode_mb_s",
    "encode_parallel_mb_s",
    "decode_parallel_mb_s",
    "threads",
    "encode_peak_mib",
    "decode_peak_mib",
    "note",
];

/// Rows as CSV with a line of names.
pub(crate) fn to_csv(rows: &[Row]) -> Result<String> {
    let mut out = COLUMNS.join(",") + "\n";
    for row in rows {
        let row = serde_json::to_value(row).map_err(std::io::Error::from)?;
        let cells: Vec<String> = COLUMNS.iter().map(|name| cell(&row[*name])).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    Ok(out)
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) if text.contains([',', '"', '\n']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Data;
    use srt::Shape;

    #[test]
    fn csv_has_a_cell_for_every_name_and_quotes_what_needs_it() {
        let field = Field {
            shape: Shape::new(&[2, 2]).unwrap(),
            data: Data::F32(vec![0.0, 1.0, 2.0, 3.0]),
        };
        let mut row = Row::new("a,b", &field, Codec::Zfp, Target::Psnr(40.0));
        row.add_note("one");
        row.add_note("\"two\"");
        let csv = to_csv(std::slice::from_ref(&row)).unwrap();
        let mut lines = csv.lines();
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        let line = lines.next().unwrap();
        assert!(
            line.contains("\"a,b\"") && line.contains("\"one; \"\"two\"\"\""),
            "{line}"
        );
        // One comma stands inside quotes.
        assert_eq!(line.split(',').count(), names.len() + 1);
        let value = serde_json::to_value(&row).unwrap();
        assert!(
            value
                .as_object()
                .unwrap()
                .keys()
                .all(|k| names.contains(&k.as_str()))
        );
        assert_eq!(value.as_object().unwrap().len(), COLUMNS.len());
    }
}
