//! What the real program says, and what it takes: names that a terminal would obey, odd numbers and paths, inputs
//! without an end, readers that go away.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::process::{Command, Output, Stdio};

use common::turbulence_file;
use program::{Bench, DONE, NOT_MET, USAGE, piped, small};
use serde_json::Value;
use srt::{Element, Shape, write_npy};

const ENCODE: [&str; 5] = ["--max-error", "1e-3", "-q", "--model", "none"];

fn field<E: Element>(b: &Bench, name: &str, extents: &[usize], values: &[E]) {
    let mut file = File::create(b.path(name)).unwrap();
    write_npy(&mut file, Shape::new(extents).unwrap(), values).unwrap();
}

fn bench() -> Bench {
    let b = Bench::new();
    b.field("u.npy");
    b.expect(DONE, &encode(&["u.npy", "u.srt"]));
    b
}

fn encode<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["encode"], args, &ENCODE].concat()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_ratio_that_is_not_reached_is_refused_for_every_form() {
    let b = Bench::new();
    field(&b, "constant.npy", &[8, 8], &[3.25f32; 64]);
    field(&b, "none.npy", &[2, 2], &[f32::NAN; 4]);
    field(&b, "masked.npy", &[4, 4], &[-9.0f64; 16]);
    b.field("u.npy");
    for name in ["constant.npy", "none.npy", "masked.npy", "u.npy"] {
        let args = ["encode", name, "o.srt", "--ratio", "1e5"];
        let args = [&args[..], &["--mask-value", "-9", "-q"]].concat();
        b.fail(NOT_MET, &args, &["out of reach"]);
    }
    // Constant fields of some size reach about any.
    field(&b, "large.npy", &[64, 64, 64], &[3.25f32; 1 << 18]);
    b.expect(DONE, &["encode", "large.npy", "o.srt", "--ratio", "1000"]);
    let huge = b.run(&["encode", "u.npy", "p.srt", "--ratio", "1e300"]);
    assert!(stderr(&huge).contains("of 1e300 is") && stderr(&huge).len() < 120);
}

/// Nothing in it that a terminal would obey.
fn is_plain(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap();
    let mut chars = text.chars();
    !chars.any(|c| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c))
}

#[test]
fn nothing_that_a_terminal_would_obey_comes_out() {
    let b = Bench::new();
    b.field("u.npy");
    let name = "x\u{1b}]0;title\u{7}\u{9b}2J\u{202e}y\n\rz";
    let file = "\u{1b}[31mred\u{9b}.srt";
    let names = ["--field", name, "--unit", "\u{1b}[2J", "--time-unit", name];
    let more = ["--length-unit", name, "--spacing", "1,1,1", "--time", "0"];
    b.expect(
        DONE,
        &[&encode(&["u.npy", file])[..], &names, &more].concat(),
    );
    let runs: &[&[&str]] = &[
        &["verify", file],
        &["verify", file, "u.npy", "--json"],
        &["decode", file, "o.npy", "--field", "missing"],
        &["decode", file, "no/such.npy"],
        &["encode", "u.npy", file, "--psnr", "40"],
        &[
            "encode", "u.npy", file, "--append", "--psnr", "40", "--unit", "m", "--step", "1",
        ],
        &[
            "encode", "u.npy", file, "--append", "--psnr", "40", "--step", "0",
        ],
        &["merge", file, file, "m.srt"],
        &["eval", "u.npy", file, file],
        &["eval", "u.npy", file, file, "--json"],
        &["stat", file],
        &["stat", "u.npy", "--json"],
        &["model", "info", file],
        &["encode", "u.npy", "n.srt", "--psnr", "40", "--model", file],
        &["encode", "u.npy", "n.srt", "--psnr", "40", "--range", file],
    ];
    // Usage errors have several lines, and show what was typed.
    let option = format!("--{name}");
    let usage: &[&[&str]] = &[
        &[name],
        &["decode", file, "o.npy", &option],
        &["decode", file, "o.npy", "--level", file],
        &[
            "encode",
            "u.npy",
            "n.srt",
            "--psnr",
            "40",
            "--backend",
            name,
        ],
        &["encode", "u.npy", "n.srt", "--psnr", "40", "--memory", name],
    ];
    for args in usage {
        let output = b.run(args);
        assert_eq!(output.status.code(), Some(USAGE), "{args:?}");
        assert!(is_plain(&output.stderr), "{args:?}: {}", stderr(&output));
    }
    for args in runs {
        let output = b.run(args);
        assert!(is_plain(&output.stdout), "{args:?}");
        assert!(is_plain(&output.stderr), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).lines().count() <= 1, "{args:?}");
    }
    let found = b.json(&["eval", "u.npy", file, file, "--json"]);
    assert_eq!(found["files"][0]["file"], file);
}

#[test]
fn inputs_without_an_end_are_read_as_far_as_is_asked() {
    let b = bench();
    let zero = ["/dev/zero", "--shape", "10,10,10", "--dtype", "f32"];
    b.fail(
        USAGE,
        &[&["stat"], &zero[..]].concat(),
        &["/dev/zero", "4001 found or more"],
    );
    let encode = [&["encode"], &zero[..], &["o.srt", "--psnr", "40"]].concat();
    let mut args = encode;
    args.swap(2, 6);
    b.fail(
        USAGE,
        &[
            "encode",
            "/dev/zero",
            "o.srt",
            "--psnr",
            "40",
            "--shape",
            "4,4",
            "--dtype",
            "f64",
        ],
        &["or more"],
    );
    for args in [
        &["verify", "/dev/zero"][..],
        &["decode", "/dev/zero", "o.npy"],
        &["eval", "u.npy", "/dev/zero"],
        &["merge", "u.srt", "/dev/zero", "o.srt"],
        &[
            "encode",
            "u.npy",
            "o.srt",
            "--psnr",
            "40",
            "--model",
            "/dev/zero",
        ],
        &[
            "encode",
            "u.npy",
            "o.srt",
            "--psnr",
            "40",
            "--range",
            "/dev/zero",
        ],
    ] {
        let output = b.run(args);
        assert!(!output.status.success(), "{args:?}");
        assert!(
            stderr(&output).contains("/dev/zero"),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn pipes_with_names_are_read_once() {
    let b = bench();
    let through = |file: &str, args: &[&str]| {
        Command::new("mkfifo").arg(b.path("pipe")).status().unwrap();
        let bytes = fs::read(b.path(file)).unwrap();
        let path = b.path("pipe");
        let writer = std::thread::spawn(move || fs::write(path, bytes));
        let output = b.expect(DONE, args);
        writer.join().unwrap().unwrap();
        fs::remove_file(b.path("pipe")).unwrap();
        output
    };
    through("u.npy", &encode(&["pipe", "o.srt"]));
    assert_eq!(
        fs::read(b.path("o.srt")).unwrap(),
        fs::read(b.path("u.srt")).unwrap()
    );
    through("u.srt", &["decode", "pipe", "o.npy"]);
    let direct = b.expect(DONE, &["eval", "u.npy", "u.srt"]).stdout;
    for file in ["u.srt", "o.npy"] {
        assert_eq!(
            through(file, &["eval", "u.npy", "pipe"]).stdout,
            direct,
            "{file}"
        );
    }
}

#[test]
fn many_threads_are_as_good_as_some() {
    let b = bench();
    for threads in ["1", "100000", "18446744073709551615"] {
        b.expect(
            DONE,
            &encode(&["u.npy", "o.srt", "-f", "--threads", threads]),
        );
        assert_eq!(
            fs::read(b.path("o.srt")).unwrap(),
            fs::read(b.path("u.srt")).unwrap()
        );
        b.expect(
            DONE,
            &["decode", "o.srt", "o.npy", "-f", "--threads", threads],
        );
    }
}

/// Runs with a standard output that nobody reads.
fn unread(mut command: Command) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

#[test]
fn a_reader_that_goes_away_had_all_it_wanted_or_not() {
    let b = bench();
    let other: Vec<f32> = small().1.iter().map(|v| v + 1.0).collect();
    field(&b, "other.npy", &[12, 20, 16], &other);
    for (code, args) in [
        (DONE, &["decode", "u.srt", "-"][..]),
        (DONE, &["stat", "u.npy"]),
        (DONE, &["eval", "u.npy", "u.srt"]),
        (DONE, &["verify", "u.srt", "u.npy"]),
        (NOT_MET, &["verify", "u.srt", "other.npy"]),
        (DONE, &["encode", "u.npy", "new.srt", "--psnr", "40"]),
        (USAGE, &["encode", "u.npy", "-", "--psnr", "40"]),
        (USAGE, &["merge", "u.srt", "-"]),
    ] {
        let output = unread(b.command(args));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {}",
            stderr(&output)
        );
        let told = stderr(&output).contains("standard output: ");
        assert_eq!(told, code == USAGE, "{args:?}: {}", stderr(&output));
    }
    b.expect(DONE, &["verify", "new.srt", "u.npy"]);
}

#[test]
fn errors_of_an_output_name_it() {
    let b = bench();
    for args in [
        &encode(&["u.npy", "/dev/full"])[..],
        &["decode", "u.srt", "/dev/full"],
        &["merge", "u.srt", "/dev/full"],
    ] {
        let output = b.run(args);
        if args[0] == "decode" {
            continue; // the name is none of a field
        }
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(USAGE));
        assert!(
            text.starts_with("error: /dev/full: No space left"),
            "{text}"
        );
    }
    let mut decode = b.command(&["decode", "u.srt", "-"]);
    let output = decode.stdout(File::options().write(true).open("/dev/full").unwrap());
    let output = output.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(USAGE));
    assert!(stderr(&output).starts_with("error: standard output: No space left"));
}

#[test]
fn numbers_may_be_negative_and_infinite() {
    let b = bench();
    for mask in ["-inf", "-1e3", "-.5", "inf", "nan"] {
        b.expect(
            DONE,
            &encode(&["u.npy", "o.srt", "-f", "--mask-value", mask]),
        );
        b.expect(DONE, &["stat", "u.npy", "--mask-value", mask]);
    }
    for option in ["--psnr", "--ssim", "--max-error", "--rel-error", "--ratio"] {
        for value in ["-inf", "-1", "-1e-3"] {
            b.fail(
                USAGE,
                &["encode", "u.npy", "x.srt", option, value],
                &["expected"],
            );
        }
    }
    b.expect(
        DONE,
        &encode(&[
            "u.npy",
            "o.srt",
            "-f",
            "--range",
            "-1e3:2",
            "--origin",
            "-1,-2e0,-3",
        ]),
    );
    b.fail(
        USAGE,
        &encode(&["u.npy", "x.srt", "--time", "-inf"]),
        &["finite"],
    );
}

#[test]
fn decode_may_be_quiet() {
    let b = bench();
    let quiet = b.expect(DONE, &["decode", "u.srt", "o.npy", "-q"]);
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty());
    assert_eq!(
        b.run(&["decode", "u.srt", "p.npy", "-q", "-v"])
            .status
            .code(),
        Some(USAGE)
    );
    let output = piped(
        b.command(&["decode", "-", "-", "--quiet"]),
        fs::read(b.path("u.srt")).unwrap(),
    );
    assert_eq!(output.stdout, fs::read(b.path("o.npy")).unwrap());
}

#[test]
fn paths_need_not_be_utf_8() {
    let b = bench();
    let odd = |prefix: &str, name: &str| {
        OsString::from_vec([prefix.as_bytes(), b"\xff\xfe", name.as_bytes()].concat())
    };
    let run = |args: &[OsString]| {
        let output = b.command(&[]).args(args).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(DONE),
            "{args:?}: {}",
            stderr(&output)
        );
        output
    };
    let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    let mut u = words("encode u.npy");
    u.extend([odd("", ".srt"), "--psnr".into(), "40".into(), "-q".into()]);
    run(&u);
    run(&[words("decode"), vec![odd("", ".srt"), odd("", ".npy")]].concat());
    let model = [
        words("model export turbulence3d-s"),
        vec![odd("", ".m.srt")],
    ]
    .concat();
    run(&model);
    let range = run(&words("stat u.npy --json")).stdout;
    fs::write(b.path("x").with_file_name(odd("", ".json")), range).unwrap();
    let fields = [
        words("encode p.srt -q --psnr 40 --field"),
        vec![odd("p=", ".npy"), "--model".into(), odd("", ".m.srt")],
        vec!["--range".into(), odd("", ".json")],
    ];
    run(&fields.concat());
    run(&[
        words("eval u.npy --json"),
        vec![odd("", ".srt"), odd("", ".npy")],
    ]
    .concat());
    run(&[words("model info"), vec![odd("", ".m.srt")]].concat());
    run(&[words("merge"), vec![odd("", ".srt"), odd("", ".all.srt")]].concat());
    let name = [
        words("encode u.npy q.srt --psnr 40 --field"),
        vec![odd("", "")],
    ]
    .concat();
    let refused = b.command(&[]).args(name).output().unwrap();
    assert_eq!(refused.status.code(), Some(USAGE));
    assert!(stderr(&refused).contains("UTF-8"));
}

#[test]
fn marks_of_voxels_without_data_are_warned_of() {
    let b = Bench::new();
    let said = |args: &[&str]| {
        let args = [
            &["encode"],
            args,
            &["-f", "--model", "none", "--rel-error", "1e-3"],
        ]
        .concat();
        let output = b.expect(DONE, &args);
        let text = stderr(&output);
        assert!(text.lines().count() <= 1, "{text}");
        text
    };
    for (mark, typed) in [
        (1e20f32, "1e20"),
        (9.969_21e36, "9.96921e36"),
        (-9999.0, "-9999"),
        (-32768.0, "-32768"),
        (5e17, "5e17"),
    ] {
        let mut values = small().1;
        values.iter_mut().step_by(9).for_each(|v| *v = mark);
        field(&b, "f.npy", &[12, 20, 16], &values);
        let text = said(&["f.npy", "f.srt"]);
        let number: f64 = mark.into();
        let start = format!("--mask-value {typed}");
        assert!(
            text.starts_with("warning: f.npy: ") && text.contains(&start),
            "{text}"
        );
        let value = text.split("--mask-value ").nth(1).unwrap();
        let value = value.split(' ').next().unwrap();
        assert_eq!(value.parse::<f64>().unwrap() as f32, mark, "{number}");
        // What it says to type helps.
        assert_eq!(said(&["f.npy", "f.srt", "--mask-value", value]), "");
        assert_eq!(said(&["f.npy", "f.srt", "-q"]), "");
        // Once for a series.
        assert_eq!(said(&["f.npy", "f.npy", "f.srt"]).lines().count(), 1);
        let text = said(&["f.npy", "f.srt", "--mask-value", "-12345"]);
        assert!(text.starts_with("warning: no value is -12345"), "{text}");
    }
    fs::copy(turbulence_file(), b.path("plain.npy")).unwrap();
    assert_eq!(said(&["plain.npy", "plain.srt"]), "");
    let report = b.run(&["encode", "f.npy", "g.srt", "--psnr", "30", "--json"]);
    assert!(serde_json::from_slice::<Value>(&report.stdout).is_ok() && !report.stderr.is_empty());
}

#[test]
fn a_field_that_memory_cannot_hold_is_refused_before_the_work() {
    let b = bench();
    // Zeros but for one value, and next to nothing on the disk.
    let file = File::create(b.path("large.raw")).unwrap();
    file.set_len(4 << 25).unwrap();
    file.write_all_at(&1f32.to_le_bytes(), 4000).unwrap();
    let shape = [
        "--shape",
        "128,512,512",
        "--dtype",
        "f32",
        "--memory",
        "16M",
    ];
    let encode = ["encode", "large.raw", "x.srt", "--psnr", "60", "-q"];
    let words = ["large.raw", "16 MiB of memory", "needed", "would do"];
    b.fail(USAGE, &[&encode[..], &shape].concat(), &words);
    // What needs little is not refused.
    let exact = ["encode", "large.raw", "x.srt", "--max-error", "0", "-q"];
    b.expect(DONE, &[&exact[..], &shape].concat());
}
