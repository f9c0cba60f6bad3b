//! Runs the real program on files the library wrote, whole and damaged.
#![allow(missing_docs, clippy::unwrap_used)]

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use srt::container::{Bound, HEADER_LEN};
use srt::volume::Values;
use srt::{EncodeOptions, FormChoice, Shape};
use srt::{VolumeView, encode_with_report};

/// A smooth field with a few waves, a rough corner and holes.
fn field(extents: &[usize], holes: bool) -> (Shape, Vec<f32>) {
    let shape = Shape::new(extents).unwrap();
    let [_, ny, nx] = shape.dims();
    let value = |i: usize| {
        let [z, y, x] = [i / nx / ny, i / nx % ny, i % nx].map(|c| c as f32);
        let rough = if x < 9.0 {
            (i * 7919 % 101) as f32 * 0.002
        } else {
            0.0
        };
        match holes && x > 20.0 && y > 20.0 {
            true => f32::NAN,
            false => (0.2 * x).sin() + (0.13 * y).cos() * (0.1 * z + 1.0).sin() + rough,
        }
    };
    (shape, (0..shape.len()).map(value).collect())
}

fn encode(extents: &[usize], holes: bool, bound: Bound) -> Vec<u8> {
    encode_with(&field(extents, holes), &EncodeOptions::new(bound))
}

fn encode_with((shape, values): &(Shape, Vec<f32>), options: &EncodeOptions) -> Vec<u8> {
    let values = Values::F32(Cow::Borrowed(values));
    let volume = VolumeView::new(*shape, &values).unwrap();
    let (file, _) = encode_with_report(volume, options, Vec::new()).unwrap();
    srt::expand(&file).unwrap().unwrap_or(file)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn run(args: &[&str], path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_srt-inspect"));
    command.arg(args[0]).arg(path).args(&args[1..]);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    output
}

fn json(args: &[&str], path: &Path) -> (i32, Value) {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let output = run(&args, path);
    let value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), value)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Offset and length of the payload of the first chunk of a type.
fn payload(bytes: &[u8], kind: &str) -> (usize, usize) {
    let folder = Folder::new();
    let (_, list) = json(&["list"], &folder.write("a.srt", bytes));
    let chunk = list["chunks"].as_array().unwrap().iter();
    let chunk = chunk.into_iter().find(|c| c["type"] == kind).unwrap();
    let number = |key: &str| chunk[key].as_u64().unwrap() as usize;
    (number("offset") + 20, number("length"))
}

const PSNR: Bound = Bound::Psnr(45.0);

#[test]
fn whole_files_follow_every_rule() {
    let folder = Folder::new();
    let files = [
        encode(&[40, 33, 50], false, PSNR),
        encode(&[60, 70], true, PSNR),
        encode(&[20, 30, 40], true, Bound::MaxError(0.003)),
        encode(&[20, 30], false, Bound::MaxError(0.0)),
        encode(&[1, 1], false, PSNR),
    ];
    for (i, bytes) in files.iter().enumerate() {
        let path = folder.write("a.srt", bytes);
        let (code, report) = json(&["check"], &path);
        assert_eq!(
            (code, &report["ok"]),
            (0, &Value::Bool(true)),
            "{i}: {report}"
        );
        for command in ["info", "list", "dump"] {
            assert_eq!(json(&[command], &path).0, 0);
            assert!(run(&[command], &path).status.success());
        }
        let (_, info) = json(&["info"], &path);
        assert_eq!(info["schema"], 1);
        assert_eq!(info["bytes"].as_u64(), Some(bytes.len() as u64));
        // Leaves cover the domain once.
        for frame in info["frames"].as_array().unwrap() {
            if let Some(levels) = frame["levels"].as_array() {
                let covered: u64 = levels
                    .iter()
                    .map(|l| l["leaf_voxels"].as_u64().unwrap())
                    .sum();
                assert_eq!(Some(covered), info["dataset"]["voxels"].as_u64());
            }
        }
    }
}

#[test]
fn every_flipped_byte_is_found_by_check() {
    let folder = Folder::new();
    let bytes = encode(&[12, 14], false, Bound::Psnr(30.0));
    for at in (0..bytes.len()).step_by(3) {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        let (code, report) = json(&["check"], &folder.write("bad.srt", &bad));
        assert_eq!(code, 1, "byte {at}: {report}");
    }
}

#[test]
fn check_reports_all_damage_not_the_first() {
    let folder = Folder::new();
    let bytes = encode(&[40, 33, 50], true, PSNR);
    let mut bad = bytes.clone();
    for kind in ["MASK", "TREE", "BRIK"] {
        bad[payload(&bytes, kind).0] ^= 1;
    }
    let path = folder.write("bad.srt", &bad);
    let (code, report) = json(&["check"], &path);
    assert_eq!(code, 1);
    let findings = report["findings"].as_array().unwrap();
    let crc = findings
        .iter()
        .filter(|f| f["rule"] == "payload-crc")
        .count();
    assert_eq!(crc, 3, "{report}");
    // What is whole can still be read.
    let info = run(&["info"], &path);
    assert_eq!(info.status.code(), Some(3));
    assert!(stdout(&info).contains("PSNR of at least 45 dB"));
}

#[test]
fn every_truncation_is_reported_and_never_a_panic() {
    let folder = Folder::new();
    let bytes = encode(&[12, 14], false, Bound::Psnr(30.0));
    for len in (0..bytes.len()).step_by(5) {
        let path = folder.write("cut.srt", &bytes[..len]);
        let (code, report) = json(&["check"], &path);
        assert_eq!(code, 1, "{len}");
        let rules: Vec<&str> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["rule"].as_str().unwrap())
            .collect();
        assert!(rules.contains(&"truncated"), "{len}: {rules:?}");
        json(&["info"], &path);
    }
}

#[test]
fn lost_headers_and_lost_chunks_are_told_apart() {
    let folder = Folder::new();
    let bytes = encode(&[40, 33, 50], false, PSNR);
    let rules = |bytes: &[u8]| -> Vec<String> {
        let (code, report) = json(&["check"], &folder.write("bad.srt", bytes));
        assert_eq!(code, 1);
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .map(|f| f["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    let (tree, len) = payload(&bytes, "TREE");
    let mut damaged = bytes.clone();
    damaged[tree - 20] ^= 1;
    assert!(rules(&damaged).contains(&"chunk-header".into()));
    let mut cut_out = bytes.clone();
    cut_out.drain(tree - 20..tree + len);
    assert!(rules(&cut_out).contains(&"chunk-missing".into()));
    let mut tail = bytes.clone();
    tail.extend(b"tail");
    assert!(rules(&tail).contains(&"trailer".into()));
    let mut other = bytes.clone();
    let crc = other.len() - 24 + 8;
    other[crc] ^= 1;
    assert!(rules(&other).contains(&"trailer".into()));
}

#[test]
fn truncated_files_are_recovered_with_whole_frames() {
    let folder = Folder::new();
    let bytes = encode(&[40, 33, 50], false, PSNR);
    let (index, _) = payload(&bytes, "INDX");
    let path = folder.write("cut.srt", &bytes[..index - 3]);
    let out = folder.path("new.srt");
    let args = ["recover", "-o", out.to_str().unwrap()];
    let (code, report) = json(&args, &path);
    assert_eq!((code, &report["frames"]), (0, &Value::from(1)), "{report}");
    assert_eq!(std::fs::read(&out).unwrap(), bytes);
    // It is there now.
    assert_eq!(run(&args, &path).status.code(), Some(2));
    assert_eq!(
        run(&[&args[..], &["-f"]].concat(), &path).status.code(),
        Some(0)
    );
    // A frame that misses a brick is given up, and the file still is one.
    let (tree, len) = payload(&bytes, "TREE");
    let path = folder.write("cut.srt", &bytes[..tree + len + 30]);
    let (code, report) = json(&[&args[..], &["-f"]].concat(), &path);
    assert_eq!((code, &report["frames"]), (0, &Value::from(0)), "{report}");
    assert_eq!(json(&["check"], &out).0, 0);
    // Without its dataset record nothing can be told.
    let path = folder.write("cut.srt", &bytes[..HEADER_LEN + 10]);
    assert_eq!(
        run(&[&args[..], &["-f"]].concat(), &path).status.code(),
        Some(3)
    );
}

#[test]
fn corrections_that_may_be_lost_give_the_frame_up() {
    let folder = Folder::new();
    let options = EncodeOptions::new(Bound::MaxError(0.003)).with_form(FormChoice::Wavelet);
    let bytes = encode_with(&field(&[20, 30, 40], false), &options);
    let (corrections, len) = payload(&bytes, "CORR");
    let out = folder.path("new.srt");
    let args = ["recover", "-f", "-o", out.to_str().unwrap()];
    let frames = |len: usize| {
        let path = folder.write("cut.srt", &bytes[..len]);
        json(&args, &path).1["frames"].as_u64().unwrap()
    };
    assert_eq!(frames(corrections - 20), 0);
    assert_eq!(frames(corrections + len), 1);
}

#[test]
fn newer_versions_are_shown_but_not_judged_corrupt() {
    let folder = Folder::new();
    let mut bytes = encode(&[12, 14], false, PSNR);
    bytes[10..12].copy_from_slice(&7u16.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..20]);
    bytes[20..24].copy_from_slice(&crc.to_le_bytes());
    let path = folder.write("new.srt", &bytes);
    assert_eq!(json(&["check"], &path).0, 4);
    let info = run(&["info"], &path);
    assert!(info.status.success());
    assert!(stdout(&info).contains("format 0.7"));
    let out = folder.path("out.srt");
    let args = ["recover", "-o", out.to_str().unwrap()];
    assert_eq!(run(&args, &path).status.code(), Some(4));
}

#[test]
fn dump_names_fields_with_offsets_and_shows_bytes() {
    let folder = Folder::new();
    let path = folder.write("a.srt", &encode(&[40, 33, 50], false, PSNR));
    let text = stdout(&run(&["dump", "DSET"], &path));
    assert!(text.contains("24        4  type = DSET"), "{text}");
    assert!(text.contains("extent 2 = 50"), "{text}");
    let (_, report) = json(&["dump", "FRAM"], &path);
    assert_eq!(report["chunks"][0]["type"], "FRAM");
    let fields = report["chunks"][0]["fields"].as_array().unwrap();
    let value = |name: &str| fields.iter().find(|f| f["name"] == name).unwrap()["value"].clone();
    assert_eq!(value("bound value"), "45");
    assert_eq!(report["chunks"][0]["error"], Value::Null);
    assert_eq!(run(&["dump", "77"], &path).status.code(), Some(2));
}

#[test]
fn maps_are_pictures_and_lossless_frames_have_none() {
    let folder = Folder::new();
    let bytes = encode(&[40, 33, 50], true, PSNR);
    let path = folder.write("a.srt", &bytes);
    assert!(run(&["map"], &path).status.success());
    let png = std::fs::read(folder.path("a.map.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    assert_eq!(run(&["map"], &path).status.code(), Some(2));
    let lossless = folder.write("b.srt", &encode(&[20, 30], false, Bound::MaxError(0.0)));
    assert_eq!(run(&["map"], &lossless).status.code(), Some(2));
}

#[test]
fn other_files_are_refused_in_words() {
    let folder = Folder::new();
    let path = folder.write(
        "a.srt",
        b"1\n00:00:01,000 --> 00:00:02,000\nThis is a subtitle.\n",
    );
    let (code, report) = json(&["check"], &path);
    assert_eq!(code, 1);
    assert!(
        report["findings"][0]["message"]
            .as_str()
            .unwrap()
            .contains("not an .srt file")
    );
    assert_eq!(
        run(&["info"], &folder.path("missing.srt")).status.code(),
        Some(2)
    );
}

#[test]
fn names_of_others_are_shown_and_not_obeyed() {
    let folder = Folder::new();
    let name = "x\u{1b}]0;title\u{7}\u{9b}2J\n\u{202e}y";
    let (shape, values) = field(&[8, 8], false);
    let values = Values::F32(Cow::Owned(values));
    let options = EncodeOptions::new(PSNR).with_field(name).with_unit(name);
    let view = VolumeView::new(shape, &values).unwrap();
    let (bytes, _) = encode_with_report(view, &options, Vec::new()).unwrap();
    let bytes = srt::expand(&bytes).unwrap().unwrap_or(bytes);
    let path = folder.write("a\u{1b}[31m.srt", &bytes);
    let cut = folder.write("b\u{1b}[31m.srt", &bytes[..bytes.len() - 60]);
    for path in [&path, &cut] {
        for command in ["info", "list", "dump", "check", "map", "recover"] {
            let out = folder.path("\u{1b}[2Jout");
            let out = out.to_str().unwrap();
            let more: &[&str] = match command {
                "map" | "recover" => &["--output", out],
                _ => &[],
            };
            for json in [&[][..], &["--json"]] {
                let _ = std::fs::remove_file(out);
                let output = run(&[&[command], more, json].concat(), path);
                for text in [output.stdout, output.stderr] {
                    let text = String::from_utf8(text).unwrap();
                    let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
                    assert!(!text.contains(obeyed), "{command}: {text:?}");
                }
            }
        }
    }
    let (_, report) = json(&["info"], &path);
    assert_eq!(report["dataset"]["fields"][0]["name"], name);
}

#[test]
fn an_output_that_is_the_input_is_refused() {
    let folder = Folder::new();
    let bytes = encode(&[16, 20], false, PSNR);
    let path = folder.write("a.srt", &bytes);
    std::fs::hard_link(&path, folder.path("b.srt")).unwrap();
    for command in ["recover", "map"] {
        for output in ["a.srt", "b.srt"] {
            let output = folder.path(output);
            let args = [command, "-f", "--output", output.to_str().unwrap()];
            let refused = run(&args, &path);
            assert_eq!(refused.status.code(), Some(2));
            let text = String::from_utf8(refused.stderr).unwrap();
            assert!(text.contains("the output is one of the inputs"), "{text}");
            assert!(std::fs::read(&path).unwrap() == bytes);
        }
    }
}
