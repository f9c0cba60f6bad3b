//! The real program: every command, what it prints, its exit codes, and what it leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use common::turbulence_file;
use program::{Bench, CORRUPT, DONE, NOT_MET, UNSUPPORTED, USAGE, piped, small};
use serde_json::Value;
use srt::{write_npy, write_raw};

#[cfg(feature = "cuda")]
const DEVICE: i32 = 5;

fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut dict =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while (10 + dict.len() + 1) % 64 != 0 {
        dict.push(' ');
    }
    dict.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((dict.len() as u16).to_le_bytes());
    out.extend(dict.as_bytes());
    out.extend(data);
    out
}

#[test]
fn a_field_goes_there_and_back() {
    let b = Bench::new();
    fs::copy(turbulence_file(), b.path("in.npy")).unwrap();
    let text = b
        .expect(DONE, &["encode", "in.npy", "out.srt", "--psnr", "40"])
        .stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("ratio") && text.contains("dB"), "{text}");
    let quiet = b.expect(DONE, &["decode", "out.srt", "back.npy"]);
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty());
    b.expect(DONE, &["eval", "in.npy", "back.npy"]);
    let direct = b.json(&["eval", "in.npy", "out.srt", "--json"]);
    let report = b.json(&["eval", "in.npy", "back.npy", "--json"]);
    assert_eq!(direct, report);
    let psnr = report["psnr_db"].as_f64().unwrap();
    assert!((40.0..40.15).contains(&psnr), "{psnr}");
    let verified = b.expect(DONE, &["verify", "out.srt"]).stdout;
    assert!(
        String::from_utf8(verified)
            .unwrap()
            .contains("every checksum is right")
    );
    b.expect(DONE, &["verify", "out.srt", "in.npy"]);
    assert_eq!(b.names().len(), 3, "{:?}", b.names());
}

#[test]
fn encode_reports_the_fields_that_were_promised() {
    let b = Bench::new();
    b.field("in.npy");
    let report = b.json(&["encode", "in.npy", "out.srt", "--psnr", "50", "--json"]);
    let keys: BTreeSet<&str> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for key in [
        "bytes",
        "weight_bytes",
        "ratio",
        "ratio_with_weights",
        "psnr_db",
        "ssim",
        "max_abs_error",
        "max_rel_error",
        "encode_seconds",
        "verify_seconds",
        "model",
        "backend",
    ] {
        assert!(keys.contains(key), "{key} is missing in {report}");
    }
    assert_eq!(report["schema"], 1);
    let size = fs::metadata(b.path("out.srt")).unwrap().len();
    assert_eq!(report["bytes"], size);
    let ratio = report["ratio_with_weights"].as_f64().unwrap();
    assert!((ratio - (4 * small().1.len()) as f64 / size as f64).abs() < 1e-9);
    let eval = b.json(&["eval", "in.npy", "out.srt", "--json"]);
    for key in ["psnr_db", "ssim", "max_abs_error", "max_rel_error"] {
        assert_eq!(eval[key], report[key], "{key}");
    }
}

/// On a machine with a GPU the same commands succeed: the files are equal then.
#[test]
#[cfg(feature = "cuda")]
fn backends_give_the_same_files_or_say_what_is_missing() {
    let b = Bench::new();
    b.field("in.npy");
    for backend in ["auto", "cpu", "cuda"] {
        let file = format!("{backend}.srt");
        let encode = [
            "encode",
            "in.npy",
            &file,
            "--psnr",
            "45",
            "--backend",
            backend,
        ];
        let output = b.run(&encode);
        if output.status.code() == Some(DEVICE) && backend == "cuda" {
            let message = String::from_utf8(output.stderr).unwrap();
            assert!(message.starts_with("error: --backend cuda: "), "{message}");
            assert!(!b.path(&file).exists());
            b.expect(DEVICE, &["decode", "cpu.srt", "x.npy", "--backend", "cuda"]);
            continue;
        }
        assert_eq!(output.status.code(), Some(DONE), "{backend}");
        b.expect(
            DONE,
            &["decode", &file, "x.npy", "-f", "--backend", backend],
        );
        assert!(fs::read(b.path(&file)).unwrap() == fs::read(b.path("auto.srt")).unwrap());
    }
}

#[test]
fn eval_reports_the_fields_that_were_promised() {
    let b = Bench::new();
    b.field("in.npy");
    let report = b.json(&["eval", "in.npy", "in.npy", "--json"]);
    for key in [
        "psnr_db",
        "ssim",
        "max_abs_error",
        "max_rel_error",
        "rmse",
        "range",
    ] {
        assert!(report.get(key).is_some(), "{key} is missing in {report}");
    }
    assert_eq!(
        (&report["psnr_db"], &report["identical"]),
        (&Value::Null, &Value::Bool(true))
    );
}

#[test]
fn every_bound_is_taken_and_verified() {
    let b = Bench::new();
    b.field("in.npy");
    for (i, bound) in [
        ["--psnr", "45"],
        ["--ssim", "0.99"],
        ["--max-error", "0.001"],
        ["--rel-error", "1e-4"],
        ["--ratio", "8"],
        ["--max-error", "0"],
    ]
    .iter()
    .enumerate()
    {
        let name = format!("out{i}.srt");
        b.expect(DONE, &["encode", "in.npy", &name, bound[0], bound[1], "-q"]);
        let report = b.json(&["verify", &name, "in.npy", "--json"]);
        let holds = &report["frames"][0]["bound_holds"];
        assert!(*holds != Value::Bool(false), "{bound:?}: {report}");
    }
}

#[test]
fn raw_input_and_output() {
    let b = Bench::new();
    let (shape, values) = small();
    let mut file = fs::File::create(b.path("in.raw")).unwrap();
    write_raw(&mut file, shape, &values).unwrap();
    drop(file);
    let raw = ["--shape", "12,20,16", "--dtype", "f32"];
    let with = |args: &[&'static str]| [args, &raw].concat();
    b.expect(
        DONE,
        &with(&["encode", "in.raw", "out.srt", "--max-error", "1e-3"]),
    );
    b.expect(DONE, &["decode", "out.srt", "back.raw"]);
    assert_eq!(
        fs::metadata(b.path("back.raw")).unwrap().len(),
        4 * values.len() as u64
    );
    b.expect(DONE, &with(&["eval", "in.raw", "back.raw"]));
    b.expect(DONE, &with(&["verify", "out.srt", "in.raw"]));
    b.field("in.npy");
    b.expect(
        DONE,
        &["encode", "in.npy", "same.srt", "--max-error", "1e-3"],
    );
    assert_eq!(
        fs::read(b.path("out.srt")).unwrap(),
        fs::read(b.path("same.srt")).unwrap()
    );
    b.fail(
        USAGE,
        &["encode", "in.raw", "x.srt", "--psnr", "40"],
        &["in.raw", "shape and type"],
    );
    b.fail(
        USAGE,
        &[
            "encode", "in.raw", "x.srt", "--psnr", "40", "--shape", "12,20,15", "--dtype", "f32",
        ],
        &["15360", "14400"],
    );
    b.fail(
        CORRUPT,
        &[
            "encode", "in.raw", "x.srt", "--psnr", "40", "--shape", "12,20,16", "--dtype", "f64",
        ],
        &["30720", "15360"],
    );
}

#[test]
fn fortran_and_big_endian_fields_are_the_same_field() {
    let b = Bench::new();
    let values = b.field("c.npy");
    let [nz, ny, nx] = [12, 20, 16];
    let mut fortran = Vec::new();
    for x in 0..nx {
        for y in 0..ny {
            for z in 0..nz {
                fortran.extend(values[(z * ny + y) * nx + x].to_be_bytes());
            }
        }
    }
    fs::write(b.path("f.npy"), npy(">f4", true, "(12, 20, 16)", &fortran)).unwrap();
    for name in ["c", "f"] {
        let (input, output) = (format!("{name}.npy"), format!("{name}.srt"));
        b.expect(DONE, &["encode", &input, &output, "--psnr", "60"]);
    }
    assert_eq!(
        fs::read(b.path("c.srt")).unwrap(),
        fs::read(b.path("f.srt")).unwrap()
    );
}

#[test]
fn bad_input_gives_one_clear_line() {
    let b = Bench::new();
    b.field("in.npy");
    b.expect(DONE, &["encode", "in.npy", "good.srt", "--psnr", "40"]);
    fs::create_dir(b.path("folder")).unwrap();
    fs::write(b.path("notes.txt"), "just some words\n").unwrap();
    fs::write(b.path("empty.npy"), "").unwrap();
    fs::write(b.path("int.npy"), npy("<i8", false, "(4, 4)", &[0; 128])).unwrap();
    fs::write(
        b.path("complex.npy"),
        npy("<c8", false, "(4, 4)", &[0; 128]),
    )
    .unwrap();
    fs::write(
        b.path("five.npy"),
        npy("<f4", false, "(2, 2, 2, 2, 1)", &[0; 64]),
    )
    .unwrap();
    fs::write(b.path("none.npy"), npy("<f4", false, "(0, 4)", &[])).unwrap();
    let whole = fs::read(b.path("in.npy")).unwrap();
    fs::write(b.path("cut.npy"), &whole[..whole.len() / 2]).unwrap();
    let encode = |code, input: &str, words: &[&str]| {
        let words = [&[input], words].concat();
        b.fail(code, &["encode", input, "out.srt", "--psnr", "40"], &words);
    };
    encode(USAGE, "absent.npy", &["No such file"]);
    encode(USAGE, "folder", &["directory"]);
    encode(USAGE, "notes.txt", &["not an npy file"]);
    encode(USAGE, "empty.npy", &[]);
    encode(UNSUPPORTED, "int.npy", &["integers", "f32"]);
    encode(UNSUPPORTED, "complex.npy", &["complex"]);
    encode(USAGE, "five.npy", &["rank 5"]);
    encode(USAGE, "none.npy", &["extent"]);
    encode(CORRUPT, "cut.npy", &["bytes expected"]);
    encode(USAGE, "good.srt", &["not an npy file"]);
    let shape = [
        "encode", "in.npy", "out.srt", "--psnr", "40", "--shape", "12,20,15",
    ];
    b.fail(USAGE, &shape, &["in.npy", "12 x 20 x 15", "12 x 20 x 16"]);
    let dtype = [
        "encode", "in.npy", "out.srt", "--psnr", "40", "--dtype", "f64",
    ];
    b.fail(USAGE, &dtype, &["f64", "f32"]);
    b.fail(USAGE, &["eval", "in.npy", "absent.npy"], &["absent.npy"]);
    fs::write(b.path("other.npy"), npy("<f4", false, "(4, 4)", &[0; 64])).unwrap();
    b.fail(
        USAGE,
        &["eval", "in.npy", "other.npy"],
        &["12 x 20 x 16", "4 x 4"],
    );
}

#[test]
fn bad_srt_files_give_one_clear_line() {
    let b = Bench::new();
    b.field("in.npy");
    b.expect(DONE, &["encode", "in.npy", "good.srt", "--psnr", "40"]);
    let good = fs::read(b.path("good.srt")).unwrap();
    fs::write(b.path("cut.srt"), &good[..good.len() - 9]).unwrap();
    fs::write(b.path("empty.srt"), "").unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 4;
    fs::write(b.path("bad.srt"), &bad).unwrap();
    let mut newer = srt::expand(&good).unwrap().unwrap_or_else(|| good.clone());
    let mut header = srt::FileHeader::current();
    header.version = (7, 0);
    newer[..24].copy_from_slice(&header.to_bytes());
    fs::write(b.path("newer.srt"), &newer).unwrap();
    for (name, code, word) in [
        ("cut.srt", CORRUPT, "end"),
        ("empty.srt", CORRUPT, "0 found"),
        ("bad.srt", CORRUPT, "crc"),
        ("newer.srt", UNSUPPORTED, "version 7.0"),
        ("in.npy", CORRUPT, "not an .srt file"),
        ("absent.srt", USAGE, "No such file"),
    ] {
        b.fail(code, &["decode", name, "back.npy"], &[name, word]);
        b.fail(code, &["verify", name], &[name, word]);
    }
    b.fail(USAGE, &["decode", "good.srt", "back.txt"], &[".npy"]);
    b.fail(
        USAGE,
        &["decode", "good.srt", "back.npy", "--level", "9"],
        &["level"],
    );
    b.fail(
        USAGE,
        &["decode", "good.srt", "back.npy", "--field", "p"],
        &["no field"],
    );
    b.fail(
        USAGE,
        &["decode", "good.srt", "back.npy", "--step", "3"],
        &["no such frame"],
    );
    b.fail(
        USAGE,
        &["decode", "good.srt", "back.npy", "--threads", "0"],
        &["thread"],
    );
}

#[test]
fn usage_errors_exit_with_2() {
    let b = Bench::new();
    b.field("in.npy");
    for args in [
        &[][..],
        &["unknown"],
        &["encode", "in.npy", "out.srt"],
        &[
            "encode", "in.npy", "out.srt", "--psnr", "40", "--ratio", "3",
        ],
        &["encode", "in.npy", "out.srt", "--psnr", "forty"],
        &[
            "encode", "in.npy", "out.srt", "--psnr", "40", "--dtype", "i32",
        ],
        &[
            "encode",
            "in.npy",
            "out.srt",
            "--psnr",
            "40",
            "--periodic",
            "w",
        ],
        &["encode", "in.npy"],
        &["decode", "in.srt"],
    ] {
        let output = b.expect(USAGE, args);
        assert!(!output.stderr.is_empty());
    }
    for (option, value) in [
        ("--psnr", "0"),
        ("--psnr", "-3"),
        ("--psnr", "nan"),
        ("--ssim", "1"),
        ("--max-error", "-1"),
        ("--max-error", "inf"),
        ("--rel-error", "1"),
        ("--ratio", "0.5"),
    ] {
        b.fail(
            USAGE,
            &["encode", "in.npy", "out.srt", option, value],
            &["expected"],
        );
    }
    b.fail(
        USAGE,
        &[
            "encode", "in.npy", "out.srt", "--psnr", "40", "--brick", "100",
        ],
        &["100"],
    );
    b.fail(
        USAGE,
        &[
            "encode",
            "in.npy",
            "out.srt",
            "--psnr",
            "40",
            "--threads",
            "0",
        ],
        &["thread"],
    );
    for args in [&["--help"][..], &["--version"], &["encode", "--help"]] {
        assert!(!b.expect(DONE, args).stdout.is_empty());
    }
}

#[test]
fn bounds_that_do_not_hold_exit_with_1() {
    let b = Bench::new();
    b.field("in.npy");
    b.fail(
        NOT_MET,
        &["encode", "in.npy", "out.srt", "--ratio", "1500"],
        &["out of reach"],
    );
    b.expect(
        DONE,
        &["encode", "in.npy", "out.srt", "--max-error", "1e-3"],
    );
    let other: Vec<u8> = small()
        .1
        .iter()
        .flat_map(|v| (v + 0.01).to_le_bytes())
        .collect();
    fs::write(
        b.path("other.npy"),
        npy("<f4", false, "(12, 20, 16)", &other),
    )
    .unwrap();
    let text = b
        .expect(NOT_MET, &["verify", "out.srt", "other.npy"])
        .stdout;
    assert!(String::from_utf8(text).unwrap().contains("DOES NOT HOLD"));
}

#[test]
fn nothing_is_overwritten_without_force() {
    let b = Bench::new();
    b.field("in.npy");
    fs::write(b.path("out.srt"), "mine").unwrap();
    fs::write(b.path("back.npy"), "mine").unwrap();
    b.fail(
        USAGE,
        &["encode", "in.npy", "out.srt", "--psnr", "40"],
        &["out.srt", "exists"],
    );
    assert_eq!(fs::read(b.path("out.srt")).unwrap(), b"mine");
    b.expect(DONE, &["encode", "in.npy", "out.srt", "--psnr", "40", "-f"]);
    b.fail(
        USAGE,
        &["decode", "out.srt", "back.npy"],
        &["back.npy", "exists"],
    );
    assert_eq!(fs::read(b.path("back.npy")).unwrap(), b"mine");
    b.expect(DONE, &["decode", "out.srt", "back.npy", "--force"]);
    b.read_f32("back.npy");
    // A failure leaves the old file alone, forced or not.
    fs::write(b.path("keep.srt"), "mine").unwrap();
    b.fail(
        USAGE,
        &["encode", "absent.npy", "keep.srt", "--psnr", "40", "-f"],
        &["absent.npy"],
    );
    b.fail(
        NOT_MET,
        &["encode", "in.npy", "keep.srt", "--ratio", "1500", "-f"],
        &["reach"],
    );
    assert_eq!(fs::read(b.path("keep.srt")).unwrap(), b"mine");
    b.fail(
        USAGE,
        &["encode", "in.npy", "no/such/folder.srt", "--psnr", "40"],
        &["folder.srt"],
    );
}

#[test]
fn pipes_carry_fields_and_files() {
    let b = Bench::new();
    b.field("in.npy");
    b.expect(DONE, &["encode", "in.npy", "out.srt", "--psnr", "40"]);
    b.expect(DONE, &["decode", "out.srt", "back.npy"]);
    let field = fs::read(b.path("in.npy")).unwrap();
    let encoded = piped(
        b.command(&["encode", "-", "-", "--psnr", "40"]),
        field.clone(),
    );
    assert!(encoded.status.success() && encoded.stderr.is_empty());
    // From a pipe into a pipe nothing is held back, to make a compact file of it.
    let file = fs::read(b.path("out.srt")).unwrap();
    assert_eq!(srt::expand(&file).unwrap().as_ref(), Some(&encoded.stdout));
    let decoded = piped(b.command(&["decode", "-", "-"]), encoded.stdout.clone());
    assert_eq!(decoded.stdout, fs::read(b.path("back.npy")).unwrap());
    let raw = piped(
        b.command(&[
            "encode", "-", "-", "--psnr", "40", "--shape", "12,20,16", "--dtype", "f32",
        ]),
        field[field.len() - 4 * 12 * 20 * 16..].to_vec(),
    );
    assert_eq!(raw.stdout, encoded.stdout);
    let verified = piped(b.command(&["verify", "-"]), encoded.stdout.clone());
    assert!(verified.status.success());
    let cut = piped(
        b.command(&["decode", "-", "-"]),
        encoded.stdout[..100].to_vec(),
    );
    assert_eq!(cut.status.code(), Some(CORRUPT));
    assert!(cut.stdout.is_empty());
    let long = piped(
        b.command(&["encode", "-", "-", "--psnr", "40"]),
        [&field[..], b"!"].concat(),
    );
    assert_eq!(long.status.code(), Some(CORRUPT));
    // The field that came whole is in a whole file.
    let kept = piped(b.command(&["decode", "-", "-"]), long.stdout);
    assert_eq!(kept.status.code(), Some(DONE));
    assert_eq!(kept.stdout, decoded.stdout);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let b = Bench::new();
    b.expect(
        DONE,
        &[
            "encode",
            turbulence_file().to_str().unwrap(),
            "out.srt",
            "--psnr",
            "40",
            "-q",
        ],
    );
    let mut child = b
        .command(&["decode", "out.srt", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The field is larger than the pipe's buffer, so the program is still writing.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(DONE));
}

#[test]
fn options_reach_the_file() {
    let b = Bench::new();
    b.field("in.npy");
    let encode = [
        "encode", "in.npy", "out.srt", "--psnr", "40", "--field", "pressure",
    ];
    b.expect(
        DONE,
        &[
            &encode[..],
            &["--periodic", "zx", "--brick", "64", "--threads", "2"],
        ]
        .concat(),
    );
    let bytes = fs::read(b.path("out.srt")).unwrap();
    let decoder = srt::Decoder::new(&bytes).unwrap();
    assert_eq!(decoder.dataset().fields[0].name, "pressure");
    let frame = decoder.only_frame().unwrap().record();
    let srt::Form::Wavelet(form) = &frame.form else {
        panic!("another form")
    };
    assert_eq!(
        (form.periodic.to_string().as_str(), form.brick_edge),
        ("zx", 64)
    );
    b.expect(
        DONE,
        &[
            "decode", "out.srt", "half.npy", "--level", "1", "--field", "pressure", "--step", "0",
        ],
    );
    let half = srt::Input::open_npy(b.path("half.npy")).unwrap();
    assert_eq!(half.shape().dims(), [6, 10, 8]);
}

#[test]
fn masked_values_come_back() {
    let b = Bench::new();
    let (_, mut values) = small();
    values[7] = -999.0;
    values[90] = f32::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    fs::write(b.path("in.npy"), npy("<f4", false, "(12, 20, 16)", &bytes)).unwrap();
    b.expect(
        DONE,
        &[
            "encode",
            "in.npy",
            "out.srt",
            "--rel-error",
            "1e-3",
            "--mask-value",
            "-999",
        ],
    );
    b.expect(DONE, &["decode", "out.srt", "back.npy"]);
    let decoded = b.read_f32("back.npy");
    assert_eq!(decoded[7], -999.0);
    assert!(decoded[90].is_nan());
    assert_eq!(
        decoded
            .iter()
            .filter(|v| !v.is_finite() || **v == -999.0)
            .count(),
        2
    );
    b.expect(DONE, &["verify", "out.srt", "in.npy"]);
}

#[test]
fn the_demo_writes_what_it_says() {
    let b = Bench::new();
    let text = String::from_utf8(b.expect(DONE, &["demo", "shown"]).stdout).unwrap();
    for word in ["30 dB", "40 dB", "50 dB", "psnr40.png"] {
        assert!(text.contains(word), "{text}");
    }
    for name in [
        "original.npy",
        "psnr30.srt",
        "psnr40.npy",
        "psnr50.srt",
        "psnr40.png",
    ] {
        assert!(Path::new(&b.path("shown")).join(name).exists(), "{name}");
    }
    let png = fs::read(b.path("shown").join("psnr40.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
}

#[test]
fn eval_makes_spectra_and_a_page_of_several_files() {
    let b = Bench::new();
    b.field("in.npy");
    b.expect(DONE, &["encode", "in.npy", "a.srt", "--psnr", "30", "-q"]);
    b.expect(
        DONE,
        &["encode", "in.npy", "b.srt", "--max-error", "0.01", "-q"],
    );
    let report = b.json(&["eval", "in.npy", "a.srt", "b.srt", "--json", "--spectrum"]);
    let files = report["files"].as_array().unwrap();
    assert_eq!((files.len(), &files[1]["file"]), (2, &Value::from("b.srt")));
    for file in files {
        let spectrum = &file["spectrum"];
        let list = |key: &str| spectrum[key].as_array().unwrap().len();
        assert!(list("original") > 1 && list("original") == list("ratio"));
        assert!(file["ratio"].as_f64().unwrap() > 1.0);
    }
    let output = b.expect(DONE, &["eval", "in.npy", "a.srt", "--spectrum"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("P'/P"), "{text}");

    let page = &[
        "eval",
        "in.npy",
        "a.srt",
        "b.srt",
        "in.npy",
        "--html",
        "page.html",
    ];
    b.expect(DONE, page);
    let html = std::fs::read_to_string(b.path("page.html")).unwrap();
    for part in [
        "a.srt",
        "Slices",
        "Octree",
        "Power kept",
        "Across faces",
        "Rate and PSNR",
        "bound",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    assert!(!html.contains("NaN"));
    // The plain field has no compressed size: not in the curves, but in the spectra.
    assert!(html.contains("nothing tells what they were compressed to: in.npy."));
    assert!(html.contains("Power kept by each") && html.contains("a.srt: ratio"));
    b.fail(USAGE, page, &["page.html"]);
    b.expect(DONE, &[page.as_slice(), &["--force"]].concat());
}

#[test]
fn labels_put_plain_fields_of_other_codecs_on_the_curves() {
    let b = Bench::new();
    b.field("in.npy");
    let bytes = |name: &str| fs::metadata(b.path(name)).unwrap().len();
    for db in ["30", "50"] {
        let (file, field) = (format!("{db}.srt"), format!("{db}.npy"));
        b.expect(DONE, &["encode", "in.npy", &file, "--psnr", db, "-q"]);
        b.expect(DONE, &["decode", &file, &field]);
        let label = format!(r#"{{"series": "peer <1>", "bytes": {}}}"#, bytes(&file));
        fs::write(b.path(&format!("{field}.eval.json")), label).unwrap();
    }
    let files = ["eval", "in.npy", "30.srt", "30.npy", "50.npy"];
    let report = b.json(&[files.as_slice(), &["--html", "page.html", "--json"]].concat());
    let [coded, plain, _] = report["files"].as_array().unwrap().as_slice() else {
        panic!("{report}")
    };
    assert_eq!(
        (&coded["ratio"], &coded["bytes"]),
        (&plain["ratio"], &plain["bytes"])
    );
    assert_eq!(
        (&coded["series"], &plain["series"]),
        (&Value::Null, &"peer <1>".into())
    );
    let html = fs::read_to_string(b.path("page.html")).unwrap();
    let rates = html.split("id=\"rates\"").nth(1).unwrap();
    let rates = rates.split("id=\"spectra\"").next().unwrap();
    // Two curves in each of two charts, and no file is left out.
    assert_eq!(rates.matches("peer &lt;1&gt;").count(), 2, "{rates}");
    assert!(!rates.contains("Left out"), "{rates}");

    // Two fields without sizes make no curve, and the page says so.
    let fields = ["eval", "in.npy", "in.npy", "in.npy", "--html", "bare.html"];
    b.expect(DONE, &fields);
    let html = fs::read_to_string(b.path("bare.html")).unwrap();
    assert!(html.contains("at least two files must be known") && html.contains("Power spectra"));

    let label = |text: &str| fs::write(b.path("30.srt.eval.json"), text).unwrap();
    label(r#"{"bytes": 5}"#);
    b.fail(USAGE, &files, &["30.srt", "tells its bytes itself"]);
    label(r#"{"series": 5}"#);
    b.fail(CORRUPT, &files, &["30.srt.eval.json", "not a label"]);
    label(r#"{"series": "one level"}"#);
    b.expect(DONE, &files);
}

/// `decode -v` says what share of the file was read: all of it for a field, less for a part.
#[test]
fn decode_says_how_much_it_read() {
    let bench = Bench::new();
    let (shape, values) = common::mirrored(&[64, 64, 300]);
    let mut field = fs::File::create(bench.path("u.npy")).unwrap();
    write_npy(&mut field, shape, &values).unwrap();
    bench.expect(
        DONE,
        &[
            "encode", "u.npy", "u.srt", "--psnr", "50", "--model", "none", "-q",
        ],
    );
    let read = |args: &[&str]| {
        let output = bench.expect(
            DONE,
            &[&["decode", "u.srt", "v.npy", "-f", "-v"], args].concat(),
        );
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(read(&[]).contains("bytes read (100.00 %)"));
    let part = read(&["--region", "0:4,0:4,0:4"]);
    assert!(
        part.contains("bytes read") && !part.contains("(100"),
        "{part}"
    );
    assert!(
        bench
            .expect(DONE, &["decode", "u.srt", "w.npy"])
            .stderr
            .is_empty()
    );
}

/// A model asked for by name is used, or the program says why not.
#[test]
fn a_model_that_is_left_out_is_named() {
    let bench = Bench::new();
    let (shape, values) = common::mirrored(&[64, 64, 64]);
    let mut field = fs::File::create(bench.path("u.npy")).unwrap();
    write_npy(&mut field, shape, &values).unwrap();
    let note = |args: &[&str]| {
        let all = [&["encode", "u.npy", "u.srt", "-f", "--psnr", "40"], args].concat();
        String::from_utf8(bench.expect(DONE, &all).stderr).unwrap()
    };
    let model = ["--model", "turbulence3d-s"];
    let embedded = note(&[&model[..], &["--embed-weights", "yes"]].concat());
    assert!(
        embedded.contains("turbulence3d-s is not used") && embedded.contains("--embed-weights no"),
        "{embedded}"
    );
    assert_eq!(note(&model), "");
    assert_eq!(note(&["--embed-weights", "yes"]), "");
    assert_eq!(
        note(&[&model[..], &["--embed-weights", "yes", "-q"]].concat()),
        ""
    );
}
