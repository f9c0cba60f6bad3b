//! `--resume`: a part that is there is left as it is when the same command made it from the same values, and no other is
//! taken for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::fs;

use common::smooth;
use program::{Bench, DONE, USAGE};
use srt::{ChunkType, Limits, Reader, Shape, Writer, write_npy, write_raw};

const PART: [&str; 5] = ["encode", "a.npy", "p.srt", "--part", "2/3"];
const OPTIONS: [(&str, &str); 9] = [
    ("--rel-error", "1e-3"),
    ("--range", "-2:2"),
    ("--mask-value", "-999"),
    ("--brick", "64"),
    ("--periodic", "x"),
    ("--wavelet", "cdf97"),
    ("--model", "none"),
    ("--step", "4"),
    ("--time", "0.5"),
];

fn shape() -> Shape {
    Shape::new(&[200, 12, 10]).unwrap()
}

fn values() -> Vec<f32> {
    smooth(shape(), 4).iter().map(|&v| v as f32).collect()
}

fn write(bench: &Bench, name: &str, values: &[f32]) {
    let mut file = fs::File::create(bench.path(name)).unwrap();
    write_npy(&mut file, shape(), values).unwrap();
}

/// The command of the part, with the options of the number in `other` replaced.
fn command<'a>(other: &[(usize, &'a str, &'a str)]) -> Vec<&'a str> {
    let mut options = OPTIONS.to_vec();
    for &(number, option, value) in other {
        options[number] = (option, value);
    }
    let options = options
        .into_iter()
        .flat_map(|(option, value)| [option, value]);
    PART.into_iter()
        .chain(options)
        .filter(|text| !text.is_empty())
        .collect()
}

fn resumed<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [command, &["--resume"], more].concat()
}

#[test]
fn each_option_that_decides_the_bytes_is_compared() {
    let bench = Bench::new();
    write(&bench, "a.npy", &values());
    bench.expect(DONE, &command(&[]));
    let first = fs::read(bench.path("p.srt")).unwrap();
    for (other, word) in [
        ((0, "--rel-error", "1e-4"), "another part"),
        (
            (0, "--max-error", "1e-3"),
            "bound maximum error of 0.001 asked for",
        ),
        (
            (1, "--range", "-2:2.5"),
            "range -2.0:2.0 in it, range -2.0:2.5 asked for",
        ),
        ((2, "--mask-value", "-998"), "mask value -999.0 in it"),
        ((2, "", ""), "mask value not given asked for"),
        ((3, "--brick", "128"), "brick 64 in it, brick 128"),
        ((4, "--periodic", "yx"), "periodic axes"),
        ((5, "--wavelet", "haar"), "wavelet"),
        ((6, "--model", "default"), "model none in it, model default"),
        ((7, "--step", "5"), "another part"),
        ((8, "--time", "0.25"), "another part"),
    ] {
        bench.fail(
            USAGE,
            &resumed(&command(&[other]), &[]),
            &["p.srt", "another part", word],
        );
    }
    let same = command(&[]);
    for (more, word) in [
        (["--embed-weights", "no"], "embedded weights"),
        (["--field", "u"], "another part"),
        (["--unit", "m"], "another part"),
        (["--spacing", "1,1,2"], "another part"),
    ] {
        bench.fail(
            USAGE,
            &resumed(&same, &more),
            &["p.srt", "another part", word],
        );
    }
    let mut other_part = resumed(&same, &[]);
    other_part[4] = "1/3";
    bench.fail(USAGE, &other_part, &["another part"]);
    // What decides nothing does not matter.
    for more in [
        &[][..],
        &["--threads", "1"],
        &["--memory", "1G"],
        &["--backend", "cpu"],
        &["-f"],
    ] {
        let told = bench.expect(DONE, &resumed(&same, more)).stdout;
        assert!(
            String::from_utf8(told).unwrap().contains("there already"),
            "{more:?}"
        );
    }
    assert_eq!(fs::read(bench.path("p.srt")).unwrap(), first);
}

#[test]
fn models_are_compared_by_what_they_are() {
    let bench = Bench::new();
    write(&bench, "a.npy", &values());
    let with = |model: &'static str| command(&[(6, "--model", model)]);
    bench.expect(DONE, &with("turbulence3d-m"));
    bench.expect(DONE, &resumed(&with("turbulence3d-m"), &[]));
    let other = with("turbulence3d-s");
    bench.fail(USAGE, &resumed(&other, &[]), &["another part", "model"]);
}

#[test]
fn profiles_are_compared() {
    let bench = Bench::new();
    write(&bench, "a.npy", &values());
    let base = [
        "encode",
        "a.npy",
        "p.srt",
        "--part",
        "1/3",
        "--psnr",
        "40",
        "--range",
        "-2:2",
        "--profile",
        "paper",
    ];
    bench.expect(DONE, &base);
    bench.expect(DONE, &resumed(&base, &["--trials", "full"]));
    for more in [
        ["--min-chunk", "8"],
        ["--max-level", "2"],
        ["--upscale", "cubic"],
    ] {
        bench.fail(USAGE, &resumed(&base, &more), &["another part", "profile"]);
    }
    bench.fail(
        USAGE,
        &resumed(&base, &["--no-octree"]),
        &["another part", "profile"],
    );
    bench.fail(
        USAGE,
        &resumed(&base[..9], &[]),
        &["another part", "profile default asked for"],
    );
}

/// The values count, of the part's planes alone: not the file's name, form or age.
#[test]
fn the_input_is_compared_by_its_values() {
    let bench = Bench::new();
    write(&bench, "a.npy", &values());
    bench.expect(DONE, &command(&[]));
    let resume = command(&[]);
    let mut changed = values();
    changed[64 * 120 + 7] += 1e-6;
    write(&bench, "a.npy", &changed);
    bench.fail(
        USAGE,
        &resumed(&resume, &[]),
        &["another part", "input 7680 f32"],
    );
    let mut elsewhere = values();
    elsewhere[0] = 1.5; // in part 1
    write(&bench, "a.npy", &elsewhere);
    bench.expect(DONE, &resumed(&resume, &[]));
    let mut raw = fs::File::create(bench.path("a.raw")).unwrap();
    write_raw(&mut raw, shape(), &values()).unwrap();
    let mut of_raw = resumed(&resume, &["--shape", "200,12,10", "--dtype", "f32"]);
    of_raw[1] = "a.raw";
    bench.expect(DONE, &of_raw);
    let doubles: Vec<f64> = values().iter().map(|&v| f64::from(v)).collect();
    let mut file = fs::File::create(bench.path("a.npy")).unwrap();
    write_npy(&mut file, shape(), &doubles).unwrap();
    bench.fail(USAGE, &resumed(&resume, &[]), &["another part"]);
}

/// A file without what the program says of its parts, as older ones have none, is not taken for one.
#[test]
fn a_part_that_does_not_tell_is_refused() {
    let bench = Bench::new();
    write(&bench, "a.npy", &values());
    bench.expect(DONE, &command(&[]));
    let bytes = fs::read(bench.path("p.srt")).unwrap();
    let reader = Reader::new(&bytes, &Limits::default()).unwrap();
    let mut writer = Writer::new(Vec::new());
    let kind = ChunkType::from_bytes(*b"paRT").unwrap();
    for (number, entry) in reader.entries().iter().enumerate() {
        if entry.kind != kind {
            writer
                .chunk(entry.kind, entry.part, reader.payload(number).unwrap())
                .unwrap();
        }
    }
    fs::write(bench.path("p.srt"), writer.finish().unwrap().0).unwrap();
    bench.fail(
        USAGE,
        &resumed(&command(&[]), &[]),
        &["did not tell", "remove it"],
    );
    bench.expect(DONE, &[&command(&[])[..], &["-f"]].concat());
    assert_eq!(fs::read(bench.path("p.srt")).unwrap(), bytes, "made again");
    // A damaged part is made again, too.
    fs::write(bench.path("p.srt"), &bytes[..bytes.len() - 9]).unwrap();
    bench.expect(DONE, &resumed(&command(&[]), &[]));
    assert_eq!(fs::read(bench.path("p.srt")).unwrap(), bytes);
}

/// The chunk is in parts alone: merged files have none, nor have those of whole fields.
#[test]
fn merging_drops_what_parts_say() {
    let bench = Bench::new();
    write(&bench, "a.npy", &values());
    let mut names = Vec::new();
    for number in ["1", "2", "3"] {
        let (name, part) = (format!("p{number}.srt"), format!("{number}/3"));
        bench.expect(
            DONE,
            &[
                "encode",
                "a.npy",
                &name,
                "--part",
                &part,
                "--max-error",
                "1e-3",
            ],
        );
        names.push(name);
    }
    let kinds = |name: &str| {
        let bytes = fs::read(bench.path(name)).unwrap();
        let reader = Reader::new(&bytes, &Limits::default()).unwrap();
        let kinds = reader.entries().iter().map(|entry| entry.kind.to_string());
        kinds.filter(|kind| kind == "paRT").count()
    };
    assert!(names.iter().all(|name| kinds(name) == 1));
    bench.expect(DONE, &["merge", "p1.srt", "p2.srt", "p3.srt", "all.srt"]);
    assert_eq!(kinds("all.srt"), 0);
    bench.expect(DONE, &["verify", "all.srt", "a.npy"]);
    bench.expect(DONE, &["encode", "a.npy", "a.srt", "--max-error", "1e-3"]);
    assert_eq!(kinds("a.srt"), 0);
}
