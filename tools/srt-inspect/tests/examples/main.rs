//! The example files of the specification, `spec/examples`: each with a description for readers in
//! any language, and two of them as annotated dumps in the text.
//!
//! `UPDATE_EXAMPLES=1 cargo test --release -p srt-inspect --test examples` writes all of them anew,
//! `ADD_EXAMPLES=1` files that are missing and all descriptions. Files may be written anew until
//! format 1.0, with a line in `spec/CHANGELOG.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod describe;
mod make;
#[path = "../../../../tests/common/runs.rs"]
mod runs;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srt::Decoder;
use srt::codec::ctx::{BandLayout, BrickEncoder, GridLayout};
use srt::container::Form;
use srt::transform::SubbandCode;

use describe::{annotated, describe, lines};
use make::{EXAMPLES, Example};

fn spec() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec"))
}

fn folder() -> PathBuf {
    spec().join("examples")
}

fn asked(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|v| v == "1")
}

fn updating() -> bool {
    asked("UPDATE_EXAMPLES") || asked("ADD_EXAMPLES")
}

/// Compares a file with what it should hold, or writes it.
fn settle(path: &Path, expected: &[u8]) {
    if updating() {
        fs::write(path, expected).unwrap();
        return;
    }
    let found = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(
        found == expected,
        "{} is stale: UPDATE_EXAMPLES=1 writes it anew",
        path.display()
    );
}

fn bytes_of(example: &Example) -> Vec<u8> {
    let path = folder().join(format!("{}.srt", example.name));
    if asked("UPDATE_EXAMPLES") || (asked("ADD_EXAMPLES") && !path.exists()) {
        fs::write(&path, (example.build)()).unwrap();
    }
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn check(example: &Example) {
    let bytes = bytes_of(example);
    let mut decoder = Decoder::new(&bytes).unwrap();
    let pack = example.weights.map(|name| {
        let pack = EXAMPLES.iter().find(|e| format!("{}.srt", e.name) == name);
        bytes_of(pack.unwrap())
    });
    if let Some(pack) = &pack {
        let pack = Decoder::new(pack).unwrap();
        let weights = pack.weights().unwrap().unwrap();
        decoder.add_weights(Arc::clone(&weights));
    }
    for frame in decoder.frames().map(|frame| frame.record()) {
        let (raw, named) = (
            frame.form == Form::Lossless,
            example.name.starts_with("lossless"),
        );
        assert!(
            raw == named,
            "{} became form {:?}",
            example.name,
            frame.form
        );
    }
    let description = describe(
        example.name,
        example.about,
        example.weights,
        &bytes,
        &decoder,
    );
    let path = folder().join(example.name);
    settle(
        &path.with_extension("json"),
        format!("{}\n", lines(&description.json, 0)).as_bytes(),
    );
    if let Some(npy) = description.npy {
        settle(&path.with_extension("npy"), &npy);
    }
}

#[test]
fn examples_are_as_described() {
    for example in EXAMPLES {
        check(example);
    }
}

#[test]
fn every_example_is_listed() {
    let mut table = String::from("| file | shows |\n|---|---|\n");
    for example in EXAMPLES {
        table += &format!("| `{}.srt` | {} |\n", example.name, example.about);
    }
    between_marks(&folder().join("README.md"), "examples", &table);
    let known = |name: &str| EXAMPLES.iter().any(|e| e.name == name);
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let data = ["srt", "json", "npy"].map(|e| path.extension().is_some_and(|x| x == e));
        assert!(
            !data.contains(&true) || known(stem),
            "{} is not listed",
            path.display()
        );
    }
}

#[test]
fn dumps_in_the_text_are_those_of_the_files() {
    for name in ["empty", "field_8x8x8"] {
        let example = EXAMPLES.iter().find(|e| e.name == name).unwrap();
        let dump = format!("```\n{}```\n", annotated(&bytes_of(example)));
        between_marks(&spec().join("srt-format.md"), name, &dump);
    }
}

/// The band of the worked example in `spec/codecs/ctx.md`, whose table `worked.py` writes.
#[test]
fn the_worked_example_of_ctx_has_these_bytes() {
    let layout = GridLayout {
        bands: vec![BandLayout {
            code: SubbandCode::LOW,
            dims: [1, 2, 4],
        }],
        blocks: [1, 1, 1],
        planar: true,
    };
    let mut encoder = BrickEncoder::default();
    encoder.grid(&layout, &[true], &mut [3, 0, -1, 0, 14, 5, 0, -2]);
    let bytes: Vec<String> = encoder
        .finish()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let line = format!("`{}`\n", bytes.join(" "));
    between_marks(&spec().join("codecs/ctx.md"), "worked bytes", &line);
}

/// What stands between two marks of a text must be `expected`, or is written.
fn between_marks(path: &Path, mark: &str, expected: &str) {
    let text = fs::read_to_string(path).unwrap();
    let (begin, end) = (
        format!("<!-- begin {mark} -->\n"),
        format!("<!-- end {mark} -->\n"),
    );
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {begin} in {}", path.display()));
    let (_, after) = rest.split_once(&end).unwrap();
    settle(
        path,
        format!("{before}{begin}{expected}{end}{after}").as_bytes(),
    );
}
