//! Several fields and time steps in one file, by the real program: encoded at once, appended, piped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::fs;
use std::process::Stdio;

use program::{Bench, CORRUPT, DONE, USAGE, piped, small};
use srt::{
    Decoder, Dtype, FieldFormat, Input, Shape, write_array_header, write_npy, write_samples,
};

/// Fields `a.npy`, `b.npy` and `c.npy`, one larger than the other.
fn bench() -> Bench {
    let b = Bench::new();
    let (shape, values) = small();
    for (name, factor) in [("a.npy", 1.0f32), ("b.npy", 1.5), ("c.npy", 2.0)] {
        let values: Vec<f32> = values.iter().map(|v| v * factor + factor).collect();
        let mut file = fs::File::create(b.path(name)).unwrap();
        write_npy(&mut file, shape, &values).unwrap();
    }
    let doubles: Vec<f64> = values.iter().map(|&v| f64::from(v) * 1e5).collect();
    let mut file = fs::File::create(b.path("p.npy")).unwrap();
    write_npy(&mut file, shape, &doubles).unwrap();
    b
}

fn read(b: &Bench, name: &str) -> Vec<u8> {
    fs::read(b.path(name)).unwrap()
}

/// Encodes one input alone and gives what it decodes to, as `.npy`.
fn alone(b: &Bench, input: &str, options: &[&str]) -> Vec<u8> {
    let encode = ["encode", input, "alone.srt", "-q", "-f"];
    b.expect(DONE, &[&encode[..], options].concat());
    b.expect(DONE, &["decode", "alone.srt", "alone.npy", "-f"]);
    read(b, "alone.npy")
}

#[test]
fn several_inputs_are_time_steps() {
    let b = bench();
    // Frames share the bytes that name networks, and what is predicted from others is not what it is alone.
    let psnr = ["--psnr", "50", "--model", "none", "--key-interval", "1"];
    let encode = ["encode", "a.npy", "b.npy", "c.npy", "out.srt", "--json"];
    let times = ["--time", "-0.5,0,2.5e-1", "--time-unit", "s"];
    let report = b.json(&[&encode[..], &psnr, &times].concat());
    let frames = report["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 3);
    for (step, (frame, time)) in frames.iter().zip([-0.5, 0.0, 0.25]).enumerate() {
        assert_eq!(frame["step"], step as u64);
        assert_eq!(frame["time"], time);
        assert!(frame["psnr_db"].as_f64().unwrap() >= 50.0);
    }
    let least = frames.iter().map(|f| f["psnr_db"].as_f64().unwrap());
    assert_eq!(report["psnr_db"], least.fold(f64::INFINITY, f64::min));
    assert_eq!(report["raw_bytes"], 3 * 4 * small().1.len());
    assert_eq!(report["bytes"], read(&b, "out.srt").len());
    for (step, input) in ["a.npy", "b.npy", "c.npy"].into_iter().enumerate() {
        let step = step.to_string();
        b.expect(
            DONE,
            &["decode", "out.srt", "back.npy", "--step", &step, "-f"],
        );
        assert_eq!(read(&b, "back.npy"), alone(&b, input, &psnr), "step {step}");
        b.expect(DONE, &["eval", input, "out.srt", "--step", &step]);
    }
    // One file cannot hold three fields; standard output can.
    b.fail(USAGE, &["decode", "out.srt", "x.npy"], &["--step"]);
    b.fail(
        USAGE,
        &["decode", "out.srt", "x.npy", "--step", "3"],
        &["no such frame"],
    );
    b.fail(
        USAGE,
        &["decode", "out.srt", "x.npy", "--field", "u"],
        &["no field"],
    );
    let all = b.expect(DONE, &["decode", "out.srt", "-"]).stdout;
    let each = ["a.npy", "b.npy", "c.npy"].map(|input| alone(&b, input, &psnr));
    assert_eq!(all, each.concat());
    b.expect(DONE, &["verify", "out.srt"]);
}

#[test]
fn fields_have_names_units_and_a_place() {
    let b = bench();
    let rel = [
        "--rel-error",
        "1e-3",
        "--model",
        "none",
        "--key-interval",
        "1",
    ];
    let encode = [
        "encode",
        "out.srt",
        "--field",
        "u=a.npy",
        "--field",
        "p=p.npy",
        "--field",
        "u=b.npy",
        "--field",
        "p=p.npy",
        "--unit",
        "u=m/s",
        "--unit",
        "p=Pa",
        "--spacing",
        "0.5,0.25,0.25",
        "--origin",
        "-1,0,3e2",
        "--length-unit",
        "mm",
        "--step",
        "7",
        "-q",
    ];
    b.expect(DONE, &[&encode[..], &rel].concat());
    let bytes = read(&b, "out.srt");
    let decoder = Decoder::new(&bytes).unwrap();
    let dataset = decoder.dataset();
    let fields: Vec<_> = dataset
        .fields
        .iter()
        .map(|f| (f.name.as_str(), f.unit.as_str()))
        .collect();
    assert_eq!(fields, [("u", "m/s"), ("p", "Pa")]);
    let placement = dataset.placement.unwrap();
    assert_eq!(placement.spacing, [0.5, 0.25, 0.25]);
    assert_eq!(placement.origin, [-1.0, 0.0, 300.0]);
    assert_eq!(
        (dataset.length_unit.as_str(), dataset.time_unit.as_str()),
        ("mm", "")
    );
    // Step by step, so that a reader of the stream has a whole step before the next begins.
    let places: Vec<_> = decoder
        .frames()
        .map(|f| f.record())
        .map(|f| (f.field, f.step, f.time))
        .collect();
    assert_eq!(
        places,
        [(0, 7, None), (1, 7, None), (0, 8, None), (1, 8, None)]
    );
    for (field, step, input) in [
        ("u", "7", "a.npy"),
        ("u", "8", "b.npy"),
        ("p", "8", "p.npy"),
    ] {
        let decode = [
            "decode", "out.srt", "back.npy", "--field", field, "--step", step, "-f",
        ];
        b.expect(DONE, &decode);
        assert_eq!(read(&b, "back.npy"), alone(&b, input, &rel));
    }
}

#[test]
fn appending_equals_encoding_at_once() {
    let b = bench();
    for options in [
        &["--psnr", "50", "--model", "none"][..],
        &["--max-error", "1e-3", "--model", "none"],
        &["--psnr", "30", "--spacing", "1,2,3", "--unit", "m"],
    ] {
        let run = |args: &[&str]| b.expect(DONE, &[args, options, &["-q"]].concat());
        run(&["encode", "a.npy", "b.npy", "c.npy", "once.srt", "-f"]);
        run(&["encode", "a.npy", "more.srt", "-f"]);
        run(&["encode", "b.npy", "c.npy", "more.srt", "--append"]);
        assert_eq!(read(&b, "more.srt"), read(&b, "once.srt"), "{options:?}");
    }
    // A field more, and frames of a field by its name.
    let psnr = ["--psnr", "40", "-q", "--append"];
    let run = |args: &[&str]| b.expect(DONE, &[args, &psnr].concat());
    run(&[
        "encode", "more.srt", "--field", "p=p.npy", "--unit", "p=Pa", "--step", "2",
    ]);
    run(&["encode", "b.npy", "more.srt", "--field", "p2"]);
    run(&[
        "encode", "p.npy", "more.srt", "--field", "p", "--time", "0.5",
    ]);
    let bytes = read(&b, "more.srt");
    let decoder = Decoder::new(&bytes).unwrap();
    let places: Vec<_> = decoder
        .frames()
        .map(|f| f.record())
        .map(|f| (f.field, f.step, f.time))
        .collect();
    assert_eq!(places[3..], [(1, 2, None), (2, 0, None), (1, 3, Some(0.5))]);
    assert_eq!(decoder.dataset().fields[0].unit, "m");
    assert_eq!(decoder.dataset().fields[1].unit, "Pa");
    b.expect(DONE, &["verify", "more.srt"]);
}

#[test]
fn a_failed_append_leaves_the_file_alone() {
    let b = bench();
    let encode = [
        "encode", "a.npy", "out.srt", "--psnr", "40", "--unit", "m", "-q",
    ];
    b.expect(DONE, &encode);
    let before = read(&b, "out.srt");
    fs::write(b.path("text.npy"), "no array").unwrap();
    let short = Shape::new(&[2, 3, 4]).unwrap();
    let mut file = fs::File::create(b.path("short.npy")).unwrap();
    write_npy(&mut file, short, &[0.0f32; 24]).unwrap();
    let mut cut = before.clone();
    cut.truncate(cut.len() - 30);
    fs::write(b.path("cut.srt"), &cut).unwrap();
    let mut bad = before.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(b.path("bad.srt"), &bad).unwrap();
    for (code, args, word) in [
        (USAGE, &["p.npy", "out.srt"][..], "values of f32"),
        (USAGE, &["short.npy", "out.srt"], "12 x 20 x 16"),
        (USAGE, &["text.npy", "out.srt"], "not an npy file"),
        (USAGE, &["b.npy", "none.srt"], "none.srt"),
        (USAGE, &["b.npy", "-"], "standard output"),
        (USAGE, &["b.npy", "out.srt", "--step", "0"], "already"),
        (
            USAGE,
            &["b.npy", "out.srt", "--unit", "km"],
            "\"m\" and \"km\"",
        ),
        (USAGE, &["out.srt", "out.srt"], "one of the inputs"),
        (CORRUPT, &["b.npy", "cut.srt"], "cut.srt"),
        (CORRUPT, &["b.npy", "bad.srt"], "crc"),
    ] {
        let append = [&["encode"], args, &["--append", "--psnr", "40"]].concat();
        b.fail(code, &append, &[word]);
    }
    // The second of two fails: the first is not kept either.
    let append = [
        "encode", "b.npy", "text.npy", "out.srt", "--append", "--psnr", "40",
    ];
    b.fail(USAGE, &append, &["text.npy"]);
    assert_eq!(read(&b, "out.srt"), before);
    assert_eq!(read(&b, "cut.srt"), cut);
}

#[test]
fn inputs_that_do_not_go_together_are_refused() {
    let b = bench();
    let psnr = ["--psnr", "40"];
    let mut flat = fs::File::create(b.path("flat.npy")).unwrap();
    write_npy(&mut flat, Shape::new(&[12, 20]).unwrap(), &[0.5f32; 240]).unwrap();
    for (args, word) in [
        (
            &["a.npy", "flat.npy", "out.srt"][..],
            "flat.npy: 12 x 20 x 16 voxels expected",
        ),
        (
            &["a.npy", "p.npy", "out.srt"],
            "p.npy: values of f32 expected",
        ),
        (&["a.npy", "-", "out.srt"], "standard input"),
        (&["out.srt"], "an input expected"),
        (&["out.srt", "--field", "u"], "NAME=FILE"),
        (
            &["a.npy", "out.srt", "--field", "u", "--field", "v"],
            "one name",
        ),
        (&["a.npy", "out.srt", "--time", "0,1"], "1 times expected"),
        (&["a.npy", "out.srt", "--time", "inf"], "finite time"),
        (
            &["a.npy", "out.srt", "--spacing", "1,2"],
            "3 values expected, 2 found",
        ),
        (
            &["a.npy", "out.srt", "--spacing", "1,0,1"],
            "spacing above 0",
        ),
        (&["a.npy", "out.srt", "--unit", "q=m"], "no field \"q\""),
        (
            &["a.npy", "out.srt", "--field", "p=p.npy", "--unit", "m"],
            "NAME=m",
        ),
    ] {
        b.fail(USAGE, &[&["encode"], args, &psnr].concat(), &[word]);
    }
}

#[test]
fn steps_go_through_pipes_one_by_one() {
    let b = bench();
    let psnr = ["--psnr", "45"];
    let encode = ["encode", "a.npy", "b.npy", "c.npy", "out.srt", "-q"];
    b.expect(DONE, &[&encode[..], &psnr].concat());
    let input = ["a.npy", "b.npy", "c.npy"]
        .map(|name| read(&b, name))
        .concat();
    let encoded = piped(
        b.command(&[&["encode", "-", "-"], &psnr[..]].concat()),
        input,
    );
    assert!(encoded.status.success(), "{encoded:?}");
    assert_eq!(encoded.stdout, read(&b, "out.srt"));
    let fields = b.expect(DONE, &["decode", "out.srt", "-"]).stdout;
    let decoded = piped(b.command(&["decode", "-", "-"]), encoded.stdout.clone());
    assert_eq!(decoded.stdout, fields);
    for (step, part) in fields.chunks(fields.len() / 3).enumerate() {
        let step = step.to_string();
        for file in ["-", "one.npy"] {
            let decode = ["decode", "-", file, "--step", &step, "-f"];
            let one = piped(b.command(&decode), encoded.stdout.clone());
            assert!(one.status.success(), "{one:?}");
            let found = match file {
                "-" => one.stdout,
                _ => read(&b, file),
            };
            assert_eq!(found, part, "step {step} to {file}");
        }
    }
    let box_of = |input: &str, stdin: Vec<u8>| {
        let region = ["--region", "2:5,:,1:9", "--step", "1"];
        piped(
            b.command(&[&["decode", input, "-"], &region[..]].concat()),
            stdin,
        )
        .stdout
    };
    assert_eq!(
        box_of("-", encoded.stdout.clone()),
        box_of("out.srt", Vec::new())
    );
    let several = piped(b.command(&["decode", "-", "x.npy"]), encoded.stdout.clone());
    assert_eq!(several.status.code(), Some(USAGE));
    assert!(!b.path("x.npy").exists());
    // A stream cut within the third step gives two, and says so.
    let mut cut = encoded.stdout.clone();
    cut.truncate(cut.len() - 100);
    let kept = piped(b.command(&["decode", "-", "-"]), cut.clone());
    assert_eq!(kept.status.code(), Some(CORRUPT));
    assert_eq!(kept.stdout, fields[..fields.len() / 3 * 2]);
    let one = piped(b.command(&["decode", "-", "x.npy", "--step", "0"]), cut);
    assert_eq!(one.status.code(), Some(CORRUPT));
    assert_eq!(read(&b, "x.npy"), fields[..fields.len() / 3]);
}

#[test]
fn a_frame_is_out_before_the_next_is_in() {
    use std::io::{Read, Write};
    let b = bench();
    let spawn = |args: &[&str]| {
        let mut command = b.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let options = ["--psnr", "40", "--key-interval", "1"];
    let mut encoder = spawn(&[&["encode", "-", "-"], &options[..]].concat());
    let mut decoder = spawn(&["decode", "-", "-"]);
    let (mut from, mut to) = (
        encoder.stdout.take().unwrap(),
        decoder.stdin.take().unwrap(),
    );
    let relay = std::thread::spawn(move || std::io::copy(&mut from, &mut to).unwrap());
    let mut input = encoder.stdin.take().unwrap();
    let mut output = decoder.stdout.take().unwrap();
    let one = alone(&b, "a.npy", &options);
    for _ in 0..3 {
        input.write_all(&read(&b, "a.npy")).unwrap();
        input.flush().unwrap();
        // The next step is not there yet: this one must come through the whole pipe without it.
        let mut found = vec![0; one.len()];
        output.read_exact(&mut found).unwrap();
        assert_eq!(found, one);
    }
    drop(input);
    assert!(encoder.wait().unwrap().success());
    assert!(decoder.wait().unwrap().success());
    relay.join().unwrap();
    assert_eq!(output.read(&mut [0]).unwrap(), 0);
}

#[test]
fn raw_steps_follow_each_other_on_standard_input() {
    let b = bench();
    let raw = |name: &str| {
        let bytes = read(&b, name);
        bytes[bytes.len() - 4 * small().1.len()..].to_vec()
    };
    let encode = [
        "encode", "-", "raw.srt", "--psnr", "40", "--shape", "12,20,16", "--dtype", "f32",
        "--time", "1,2", "-q",
    ];
    let two = [raw("a.npy"), raw("b.npy")].concat();
    assert!(piped(b.command(&encode), two.clone()).status.success());
    let times = ["--psnr", "40", "--time", "1,2", "-q"];
    b.expect(
        DONE,
        &[&["encode", "a.npy", "b.npy", "npy.srt"], &times[..]].concat(),
    );
    assert_eq!(read(&b, "raw.srt"), read(&b, "npy.srt"));
    // Less than a field, or times for fewer of them: what came whole is kept.
    for (bytes, steps, why) in [
        ([&two[..], &raw("c.npy")].concat(), 2, "more time steps"),
        ([&two[..], b"\n"].concat(), 2, "breaks off"),
        (two[..two.len() - 3].to_vec(), 1, "breaks off"),
    ] {
        fs::remove_file(b.path("raw.srt")).unwrap();
        let output = piped(b.command(&encode), bytes);
        assert_eq!(output.status.code(), Some(CORRUPT), "{output:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains(why) && message.contains("raw.srt"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
        assert_eq!(steps_of(&b, "raw.srt"), steps);
    }
    fs::remove_file(b.path("raw.srt")).unwrap();
    let output = piped(b.command(&encode), two[..100].to_vec());
    assert_eq!(output.status.code(), Some(CORRUPT), "{output:?}");
    assert!(!b.path("raw.srt").exists());
}

/// Frames of a file that `check` finds whole.
fn steps_of(b: &Bench, name: &str) -> usize {
    let file = read(b, name);
    let decoder = Decoder::new(&file).unwrap();
    for frame in decoder.frames() {
        frame.read_any().unwrap();
    }
    decoder.frames().len()
}

#[test]
fn a_stream_of_fields_that_breaks_off_leaves_what_came_whole() {
    let b = bench();
    let whole = [read(&b, "a.npy"), read(&b, "b.npy")].concat();
    let torn = [&whole[..], &read(&b, "c.npy")[..1000]].concat();
    let newline = [&whole[..], b"\n"].concat();
    let other = {
        let mut file = Vec::new();
        write_npy(&mut file, Shape::new(&[4, 4, 4]).unwrap(), &[1f32; 64]).unwrap();
        [&whole[..], &file].concat()
    };
    b.expect(
        DONE,
        &["encode", "a.npy", "b.npy", "two.srt", "--psnr", "45", "-q"],
    );
    for bound in [
        ["--psnr", "45"],
        ["--max-error", "0.01"],
        ["--max-error", "0"],
    ] {
        for bytes in [&torn, &newline, &other] {
            let encode = [&["encode", "-", "out.srt", "-q", "-f"], &bound[..]].concat();
            let output = piped(b.command(&encode), bytes.clone());
            assert_eq!(output.status.code(), Some(CORRUPT), "{output:?}");
            assert_eq!(steps_of(&b, "out.srt"), 2);
            // The same through a pipe, and behind frames that are there.
            let encode = [&["encode", "-", "-", "-q"], &bound[..]].concat();
            let piped_out = piped(b.command(&encode), bytes.clone());
            assert_eq!(piped_out.status.code(), Some(CORRUPT), "{piped_out:?}");
            assert_eq!(piped_out.stdout, read(&b, "out.srt"));
            fs::copy(b.path("two.srt"), b.path("more.srt")).unwrap();
            let append = [&["encode", "-", "more.srt", "--append", "-q"], &bound[..]].concat();
            let output = piped(b.command(&append), bytes.clone());
            assert_eq!(output.status.code(), Some(CORRUPT), "{output:?}");
            assert_eq!(steps_of(&b, "more.srt"), 4);
        }
    }
}

/// The commands of the README's section on time series, on small fields.
#[test]
fn the_commands_of_the_readme_run() {
    let b = bench();
    for (name, input) in [
        ("u0", "a"),
        ("u1", "b"),
        ("u2", "c"),
        ("u3", "a"),
        ("p0", "b"),
        ("p1", "c"),
    ] {
        fs::copy(
            b.path(&format!("{input}.npy")),
            b.path(&format!("{name}.npy")),
        )
        .unwrap();
    }
    let readme =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let (_, section) = readme.split_once("## Time series").unwrap();
    let (_, commands) = section.split_once("```sh\n").unwrap();
    let (commands, _) = commands.split_once("```").unwrap();
    assert!(commands.lines().count() > 4);
    let program = assert_cmd::cargo::cargo_bin!("srt");
    let mut path = program.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    for command in commands.lines() {
        let output = std::process::Command::new("sh")
            .args(["-c", command])
            .current_dir(b.path(""))
            .env("PATH", &path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
    let bytes = read(&b, "flow.srt");
    let decoder = Decoder::new(&bytes).unwrap();
    assert_eq!(decoder.frames().len(), 6);
    assert_eq!(read(&b, "all.npy").len(), 3 * read(&b, "back.npy").len());
}

#[test]
fn an_array_of_rank_4_is_its_time_steps_and_comes_back_as_one() {
    let b = bench();
    let (shape, _) = small();
    let name = ["a.npy", "b.npy", "c.npy"];
    let steps = name.map(|name| Input::open_npy(b.path(name)).unwrap());
    let mut file = fs::File::create(b.path("all.npy")).unwrap();
    let extents = [&[3], shape.extents()].concat();
    write_array_header(&mut file, FieldFormat::Npy, &extents, Dtype::F32).unwrap();
    for step in &steps {
        write_samples(&mut file, &step.as_f32().unwrap()).unwrap();
    }
    drop(file);
    let bound = ["--max-error", "0.01", "--model", "none"];
    b.expect(
        DONE,
        &[
            &["encode", "a.npy", "b.npy", "c.npy", "one.srt"],
            &bound[..],
        ]
        .concat(),
    );
    let told = b.run(&[&["encode", "all.npy", "all.srt"], &bound[..]].concat());
    assert!(String::from_utf8_lossy(&told.stderr).contains("3 time steps along axis 0"));
    assert_eq!(read(&b, "one.srt"), read(&b, "all.srt"));
    b.expect(DONE, &["verify", "all.srt", "all.npy"]);
    b.expect(DONE, &["decode", "all.srt", "back.npy", "--steps"]);
    let back = Input::open_steps(b.path("back.npy"), None, None, None).unwrap();
    assert_eq!(back.len(), 3);
    for (step, (given, found)) in steps.iter().zip(&back).enumerate() {
        let number = step.to_string();
        b.expect(
            DONE,
            &["decode", "all.srt", "x.npy", "--step", &number, "-f"],
        );
        let alone = Input::open_npy(b.path("x.npy")).unwrap();
        assert_eq!(alone.as_f32().unwrap(), found.as_f32().unwrap());
        let (given, found) = (given.as_f32().unwrap(), found.as_f32().unwrap());
        assert!(
            given
                .iter()
                .zip(&found[..])
                .all(|(a, b)| (a - b).abs() <= 0.01)
        );
    }
    let box_of_all = [
        "decode",
        "all.srt",
        "box.npy",
        "--steps",
        "--level",
        "1",
        "--region",
        "0:2,1:3,0:4",
    ];
    b.expect(DONE, &box_of_all);
    let steps = Input::open_steps(b.path("box.npy"), None, None, None).unwrap();
    assert_eq!(
        (steps.len(), steps[0].shape()),
        (3, Shape::new(&[2, 2, 4]).unwrap())
    );
    b.fail(
        USAGE,
        &[
            "encode",
            "all.npy",
            "x.srt",
            "--steps-axis",
            "4",
            "--psnr",
            "40",
        ],
        &["0 to 3"],
    );
    b.fail(USAGE, &["decode", "all.srt", "x.npy", "-f"], &["--steps"]);
    b.fail(
        USAGE,
        &["encode", "-", "x.srt", "--steps-axis", "0", "--psnr", "40"],
        &["file"],
    );
}
