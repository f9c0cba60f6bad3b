//! One judge: `verify` and `eval` measure the voxels, by the range, that the encoder measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::fs;

use common::smooth;
use program::{Bench, DONE, NOT_MET, USAGE};
use serde_json::Value;
use srt::{Shape, write_npy};

const FILL: f32 = 1e20;

/// A bound and the least change of all values that breaks it, for a field of range 2 or so.
const BOUNDS: [(&str, &str, f32); 5] = [
    ("--psnr", "60", 0.05),
    ("--ssim", "0.999", 0.5),
    ("--max-error", "1e-3", 0.01),
    ("--rel-error", "1e-3", 0.1),
    ("--max-error", "0", 1e-6),
];

fn write(bench: &Bench, name: &str, shape: Shape, values: &[f32]) {
    let mut file = fs::File::create(bench.path(name)).unwrap();
    write_npy(&mut file, shape, values).unwrap();
}

fn field(shape: Shape) -> Vec<f32> {
    smooth(shape, 5).iter().map(|&v| v as f32).collect()
}

/// Changes every value by `by` up or down, but for those that are no numbers of the field.
fn changed(values: &[f32], by: f32) -> Vec<f32> {
    let noise = |i: usize| if i * 7919 % 11 < 5 { by } else { -by };
    let change = |(i, &v): (usize, &f32)| {
        if v.is_finite() && v != FILL {
            v + noise(i)
        } else {
            v
        }
    };
    values.iter().enumerate().map(change).collect()
}

/// The first frame of `verify --json`, whose exit code must go with its verdict.
fn verified(bench: &Bench, args: &[&str]) -> Value {
    let output = bench.run(&[&["verify"], args, &["--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let frame = report["frames"][0].clone();
    let code = if frame["bound_holds"] == false {
        NOT_MET
    } else {
        DONE
    };
    assert_eq!(output.status.code(), Some(code), "{frame}");
    frame
}

/// Encodes `a.npy` under every bound with `more`; the file holds beside its original and not beside another, and `verify`
/// and `eval` measure what the encoder did.
fn every_bound_is_judged(bench: &Bench, shape: Shape, values: &[f32], more: &[&str]) {
    write(bench, "a.npy", shape, values);
    for (option, value, breaks) in BOUNDS {
        let told = [
            &["encode", "a.npy", "a.srt", "-f", "--json", option, value],
            more,
        ]
        .concat();
        let told = bench.json(&told);
        let frame = verified(bench, &["a.srt", "a.npy"]);
        assert_eq!(
            frame["bound_holds"], true,
            "{option} {value} {more:?}: {frame}"
        );
        let eval = bench.json(&["eval", "a.npy", "a.srt", "--json"]);
        for key in [
            "psnr_db",
            "ssim",
            "max_abs_error",
            "max_rel_error",
            "identical",
        ] {
            let errors = &frame["errors"];
            assert_eq!(errors[key], eval[key], "{option} {value} {more:?}: {key}");
            assert_eq!(errors[key], told[key], "{option} {value} {more:?}: {key}");
        }
        write(bench, "wrong.npy", shape, &changed(values, breaks));
        let frame = verified(bench, &["a.srt", "wrong.npy"]);
        assert_eq!(
            frame["bound_holds"], false,
            "{option} {value} {more:?}: {frame}"
        );
    }
}

#[test]
fn every_bound_of_plain_fields() {
    let bench = Bench::new();
    for extents in [&[20, 24, 28][..], &[60, 70]] {
        let shape = Shape::new(extents).unwrap();
        every_bound_is_judged(&bench, shape, &field(shape), &[]);
    }
}

#[test]
fn every_bound_with_voxels_left_out() {
    let bench = Bench::new();
    let shape = Shape::new(&[20, 24, 28]).unwrap();
    let mut values = field(shape);
    for (i, value) in values.iter_mut().enumerate() {
        match i % 28 {
            0..6 => *value = FILL,
            12 if i % 50 == 0 => *value = f32::NAN,
            _ => {}
        }
    }
    values[9] = f32::INFINITY;
    every_bound_is_judged(&bench, shape, &values, &["--mask-value", "1e20"]);
    let mut other = values.clone();
    other[0] = 0.5; // it was left out
    write(&bench, "other.npy", shape, &other);
    for (option, value, _) in BOUNDS {
        let encode = ["encode", "a.npy", "a.srt", "-f", option, value];
        bench.expect(DONE, &[&encode[..], &["--mask-value", "1e20"]].concat());
        let frame = verified(&bench, &["a.srt", "other.npy"]);
        assert_eq!(frame["bound_holds"], false, "{option} {value}");
    }
}

#[test]
fn every_bound_by_a_range_given() {
    let bench = Bench::new();
    let shape = Shape::new(&[20, 24, 28]).unwrap();
    for range in ["-10:10", "-2:3.5"] {
        every_bound_is_judged(&bench, shape, &field(shape), &["--range", range]);
    }
    // The range tells: the same errors are too much by that of the values.
    bench.expect(
        DONE,
        &[
            "encode", "a.npy", "a.srt", "-f", "--psnr", "50", "--range", "-100:100",
        ],
    );
    let frame = verified(&bench, &["a.srt", "a.npy"]);
    assert_eq!(frame["errors"]["range"], 200.0);
    assert!(frame["errors"]["psnr_db"].as_f64().unwrap() >= 50.0);
    bench.expect(DONE, &["decode", "a.srt", "back.npy", "-f"]);
    let plain = bench.json(&["eval", "a.npy", "back.npy", "--json"]);
    assert!(plain["psnr_db"].as_f64().unwrap() < 45.0, "{plain}");
}

/// Parts and the whole that they are merged to, each beside the whole original.
#[test]
fn every_bound_of_parts() {
    let bench = Bench::new();
    let shape = Shape::new(&[150, 12, 10]).unwrap();
    let mut values = field(shape);
    values[..12 * 10 * 64].fill(0.25); // the first part is of one value
    values[12 * 10 * 70..12 * 10 * 80].fill(FILL);
    write(&bench, "a.npy", shape, &values);
    let stat = bench.expect(DONE, &["stat", "a.npy", "--mask-value", "1e20", "--json"]);
    fs::write(bench.path("all.json"), stat.stdout).unwrap();
    for (option, value, breaks) in BOUNDS {
        if option == "--ssim" {
            continue; // refused for parts
        }
        let wrong = changed(&values, breaks);
        write(&bench, "wrong.npy", shape, &wrong);
        for part in ["1", "2"] {
            let (number, name) = (format!("{part}/2"), format!("p{part}.srt"));
            let encode = [
                "encode",
                "a.npy",
                &name,
                "-f",
                "--part",
                &number,
                option,
                value,
                "--range",
                "all.json",
                "--mask-value",
                "1e20",
            ];
            bench.expect(DONE, &encode);
            bench.expect(DONE, &["verify", &name]);
            let frame = verified(&bench, &[&name, "a.npy"]);
            assert_eq!(
                frame["bound_holds"], true,
                "{option} {value} {name}: {frame}"
            );
            let planes = if part == "1" { [0, 64] } else { [64, 150] };
            assert_eq!(frame["planes"], serde_json::json!(planes));
            assert_eq!(
                verified(&bench, &[&name, "wrong.npy"])["bound_holds"],
                false
            );
        }
        bench.expect(DONE, &["merge", "p1.srt", "p2.srt", "all.srt", "-f"]);
        let frame = verified(&bench, &["all.srt", "a.npy"]);
        assert_eq!(frame["bound_holds"], true, "{option} {value}: {frame}");
        assert!(frame.get("planes").is_none());
        assert_eq!(
            verified(&bench, &["all.srt", "wrong.npy"])["bound_holds"],
            false
        );
    }
    bench.fail(
        USAGE,
        &["eval", "a.npy", "p2.srt"],
        &["planes 64 to 150 only"],
    );
}

/// Where the bound is 0, signs of zeros and payloads of NaN count; elsewhere they do not.
#[test]
fn a_bound_of_zero_is_about_bits() {
    let bench = Bench::new();
    let shape = Shape::new(&[9, 10, 11]).unwrap();
    let mut values = field(shape);
    (values[3], values[4]) = (0.0, f32::from_bits(0x7FC0_1234));
    write(&bench, "a.npy", shape, &values);
    let mut zero = values.clone();
    zero[3] = -0.0;
    write(&bench, "zero.npy", shape, &zero);
    let mut payload = values.clone();
    payload[4] = f32::NAN;
    write(&bench, "payload.npy", shape, &payload);
    for (option, value, holds) in [
        ("--max-error", "0", false),
        ("--rel-error", "0", false),
        ("--max-error", "1e-3", true),
        ("--psnr", "50", true),
    ] {
        bench.expect(DONE, &["encode", "a.npy", "a.srt", "-f", option, value]);
        assert_eq!(verified(&bench, &["a.srt", "a.npy"])["bound_holds"], true);
        for other in ["zero.npy", "payload.npy"] {
            let frame = verified(&bench, &["a.srt", other]);
            assert_eq!(frame["bound_holds"], holds, "{option} {value} {other}");
        }
    }
}

/// Plain fields are compared where the original has data, and so are those of a file that codes the fill value.
#[test]
fn eval_leaves_out_a_mask_value() {
    let bench = Bench::new();
    let shape = Shape::new(&[20, 24, 28]).unwrap();
    let mut values = field(shape);
    values.iter_mut().step_by(3).for_each(|v| *v = -999.0);
    write(&bench, "a.npy", shape, &values);
    let mut other: Vec<f32> = values
        .iter()
        .map(|v| if *v == -999.0 { 7.0 } else { v + 0.1 })
        .collect();
    other[1] = values[1];
    write(&bench, "b.npy", shape, &other);
    let masked = bench.json(&["eval", "a.npy", "b.npy", "--mask-value", "-999", "--json"]);
    assert!(
        (masked["max_abs_error"].as_f64().unwrap() - 0.1).abs() < 1e-5,
        "{masked}"
    );
    let all = bench.json(&["eval", "a.npy", "b.npy", "--json"]);
    assert!(all["max_abs_error"].as_f64().unwrap() > 1000.0, "{all}");
    bench.expect(DONE, &["encode", "a.npy", "a.srt", "--max-error", "0.01"]);
    let range = |args: &[&str]| bench.json(args)["range"].as_f64().unwrap();
    let own = masked["range"].as_f64().unwrap();
    assert!(range(&["eval", "a.npy", "a.srt", "--json"]) > 900.0 && own < 10.0);
    let html = [
        "eval",
        "a.npy",
        "b.npy",
        "a.srt",
        "--mask-value",
        "-999",
        "--html",
        "p.html",
        "--spectrum",
    ];
    bench.expect(DONE, &html);
}

#[test]
fn a_series_is_verified_step_by_step() {
    let bench = Bench::new();
    let shape = Shape::new(&[10, 12, 14]).unwrap();
    let names = ["u0.npy", "u1.npy", "u2.npy"];
    for (step, name) in names.iter().enumerate() {
        let values: Vec<f32> = field(shape).iter().map(|v| v + step as f32).collect();
        write(&bench, name, shape, &values);
    }
    let encode = [
        "u0.npy",
        "u1.npy",
        "u2.npy",
        "u.srt",
        "--field",
        "u",
        "--max-error",
        "1e-3",
    ];
    bench.expect(DONE, &[&["encode"], &encode[..]].concat());
    let all = bench.json(&["verify", "u.srt", "u0.npy", "u1.npy", "u2.npy", "--json"]);
    let holds = |report: &Value| -> Vec<(u64, Value)> {
        let frames = report["frames"].as_array().unwrap();
        let line = |frame: &Value| {
            (
                frame["step"].as_u64().unwrap(),
                frame["bound_holds"].clone(),
            )
        };
        frames.iter().map(line).collect()
    };
    let yes = Value::Bool(true);
    assert_eq!(
        holds(&all),
        [(0, yes.clone()), (1, yes.clone()), (2, yes.clone())]
    );
    let some = [
        "verify", "u.srt", "u1.npy", "u2.npy", "--step", "1", "--json",
    ];
    assert_eq!(holds(&bench.json(&some)), [(1, yes.clone()), (2, yes)]);
    assert_eq!(
        holds(&bench.json(&["verify", "u.srt", "--step", "2", "--json"])),
        [(2, Value::Null)]
    );
    bench.expect(NOT_MET, &["verify", "u.srt", "u0.npy", "u2.npy", "u1.npy"]);
    bench.expect(NOT_MET, &["verify", "u.srt", "u0.npy", "--step", "1"]);
    bench.fail(
        USAGE,
        &["verify", "u.srt", "u0.npy"],
        &["1 found for 3 steps"],
    );
    bench.fail(
        USAGE,
        &["verify", "u.srt", "u0.npy", "--step", "3"],
        &["no such frame"],
    );
    bench.fail(USAGE, &["verify", "u.srt", "--field", "v"], &["no field"]);
    bench.expect(
        DONE,
        &[
            "encode",
            "u.srt",
            "--append",
            "--field",
            "v=u1.npy",
            "--max-error",
            "1e-3",
        ],
    );
    bench.fail(USAGE, &["verify", "u.srt", "u1.npy"], &["--field"]);
    bench.expect(DONE, &["verify", "u.srt", "u1.npy", "--field", "v"]);
    bench.expect(
        DONE,
        &["verify", "u.srt", "u2.npy", "--field", "u", "--step", "2"],
    );
}

/// Layers of the decoder and windows of the SSIM do not go together; the numbers are those of the whole all the same.
#[test]
fn slab_by_slab_is_as_the_whole() {
    let bench = Bench::new();
    for extents in [&[200, 30, 32][..], &[200, 300]] {
        let shape = Shape::new(extents).unwrap();
        let mut values = field(shape);
        values[shape.len() / 2] = f32::NAN;
        write(&bench, "a.npy", shape, &values);
        let stat = bench.expect(DONE, &["stat", "a.npy", "--json"]);
        fs::write(bench.path("all.json"), stat.stdout).unwrap();
        for number in ["1", "2", "3"] {
            let (part, name) = (format!("{number}/3"), format!("p{number}.srt"));
            let encode = [
                "encode", "a.npy", &name, "-f", "--part", &part, "--psnr", "45", "--range",
                "all.json", "--model", "none",
            ];
            bench.expect(DONE, &encode);
        }
        bench.expect(
            DONE,
            &["merge", "p1.srt", "p2.srt", "p3.srt", "a.srt", "-f"],
        );
        bench.expect(DONE, &["decode", "a.srt", "back.npy", "-f"]);
        let layers = bench.json(&["eval", "a.npy", "a.srt", "--json"]);
        let whole = bench.json(&["eval", "a.npy", "back.npy", "--json"]);
        assert_eq!(layers, whole);
        assert_eq!(verified(&bench, &["a.srt", "a.npy"])["errors"], whole);
    }
}
