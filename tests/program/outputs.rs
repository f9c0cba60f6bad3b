//! What the real program does to files: it never writes over what it reads, follows links, and says before the work
//! what cannot be written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::fs;

use program::{Bench, DONE, USAGE, piped};

const ENCODE: [&str; 3] = ["--max-error", "1e-3", "-q"];

/// A bench with fields `u0.npy` and `u1.npy`, and both in `a.srt` and `b.srt`.
fn bench() -> Bench {
    let b = Bench::new();
    for (field, file) in [("u0.npy", "a.srt"), ("u1.npy", "b.srt")] {
        b.field(field);
        b.expect(DONE, &[&["encode", field, file], &ENCODE[..]].concat());
    }
    b
}

fn forced<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["encode"], args, &["-f"], &ENCODE[..]].concat()
}

/// Refused with `words`, and `file` is what it was.
fn refused(b: &Bench, file: &str, args: &[&str], words: &[&str]) {
    let before = fs::read(b.path(file)).unwrap();
    b.fail(USAGE, args, words);
    assert!(fs::read(b.path(file)).unwrap() == before, "{args:?}");
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let b = bench();
    fs::copy(b.path("u0.npy"), b.path("plain")).unwrap();
    fs::hard_link(b.path("plain"), b.path("hard")).unwrap();
    let words = ["the output is one of the inputs"];
    refused(
        &b,
        "u0.npy",
        &forced(&["--field", "p=u0.npy", "u0.npy"]),
        &["a field found"],
    );
    fs::copy(b.path("u0.npy"), b.path("field.bin")).unwrap();
    fs::hard_link(b.path("a.srt"), b.path("hard.srt")).unwrap();
    fs::hard_link(b.path("a.srt"), b.path("model.srt")).unwrap();
    // A weights file, a range and a model are read, too.
    refused(
        &b,
        "a.srt",
        &forced(&["u0.npy", "a.srt", "--model", "model.srt"]),
        &words,
    );
    refused(
        &b,
        "a.srt",
        &forced(&["u0.npy", "a.srt", "--range", "./a.srt"]),
        &words,
    );
    fs::hard_link(b.path("a.srt"), b.path("decoded.npy")).unwrap();
    for output in ["decoded.npy", "./decoded.npy"] {
        refused(&b, "a.srt", &["decode", "a.srt", output, "-f"], &words);
    }
    let page = ["eval", "u0.npy", "a.srt", "-f", "--html"];
    for file in ["u0.npy", "a.srt", "hard.srt"] {
        refused(&b, file, &[&page[..], &[file]].concat(), &words);
    }
    let export = ["model", "export", "a.srt", "hard.srt", "-f"];
    assert_eq!(b.run(&export).status.code(), Some(USAGE));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a.srt", b.path("soft.npy")).unwrap();
        refused(&b, "a.srt", &["decode", "a.srt", "soft.npy", "-f"], &words);
        assert!(b.path("soft.npy").is_symlink());
    }
}

#[cfg(unix)]
#[test]
fn standard_input_and_output_are_files_like_others() {
    let b = bench();
    let before = fs::read(b.path("a.srt")).unwrap();
    fs::hard_link(b.path("a.srt"), b.path("a.npy")).unwrap();
    let mut decode = b.command(&["decode", "-", "a.npy", "-f"]);
    decode.stdin(fs::File::open(b.path("a.srt")).unwrap());
    let output = decode.output().unwrap();
    assert_eq!(output.status.code(), Some(USAGE));
    let mut decode = b.command(&["decode", "a.srt", "-"]);
    let append = fs::File::options()
        .append(true)
        .open(b.path("a.srt"))
        .unwrap();
    let output = decode
        .stdout(append)
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(USAGE));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
    assert!(fs::read(b.path("a.srt")).unwrap() == before);
    // Devices are no files.
    let null = || {
        fs::File::options()
            .read(true)
            .write(true)
            .open("/dev/null")
            .unwrap()
    };
    let mut stat = b.command(&["decode", "-", "-"]);
    let output = stat.stdin(null()).stdout(null()).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("one of the inputs"));
}

#[test]
fn encode_without_an_output_leaves_its_last_input_alone() {
    let b = bench();
    let values: Vec<u8> = program::small()
        .1
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    for name in ["v0.bin", "v1.bin", "v0.raw", "v1.raw"] {
        fs::write(b.path(name), &values).unwrap();
    }
    fs::copy(b.path("u0.npy"), b.path("named-otherwise")).unwrap();
    let raw = ["--shape", "12,20,16", "--dtype", "f32"];
    for (inputs, raw) in [
        (["u0.npy", "u1.npy"], &[][..]),
        (["u0.npy", "named-otherwise"], &[]),
        (["v0.bin", "v1.bin"], &raw),
        (["v0.raw", "v1.raw"], &raw),
    ] {
        for force in [&[][..], &["-f"]] {
            let args = [&["encode"], &inputs[..], raw, force, &ENCODE].concat();
            refused(&b, inputs[1], &args, &[inputs[1], "a field found"]);
        }
    }
    // A name that is meant for fields is none for a file, whether it is there or not.
    b.fail(
        USAGE,
        &["encode", "u0.npy", "u2.npy", "--psnr", "40"],
        &["u2.npy", "file to write"],
    );
}

#[test]
fn outputs_that_cannot_be_written_are_told_before_the_work() {
    let b = bench();
    fs::write(b.path("mine.npy"), "mine").unwrap();
    // Were the input read first, its damage would be told.
    fs::write(b.path("damaged.srt"), "no file").unwrap();
    refused(
        &b,
        "mine.npy",
        &["decode", "damaged.srt", "mine.npy"],
        &["mine.npy", "exists"],
    );
    b.fail(
        USAGE,
        &["decode", "damaged.srt", "no/such.npy"],
        &["no/such"],
    );
    b.fail(
        USAGE,
        &["merge", "damaged.srt", "a.srt", "b.srt"],
        &["b.srt", "exists"],
    );
    let streamed = piped(b.command(&["decode", "-", "mine.npy"]), Vec::new());
    assert!(String::from_utf8_lossy(&streamed.stderr).contains("exists"));
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_where_they_lead() {
    use std::os::unix::fs::symlink;
    let b = bench();
    fs::create_dir(b.path("scratch")).unwrap();
    let encode = |output: &str, force: &[&'static str]| {
        [&["encode", "u0.npy", output], force, &ENCODE[..]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let run = |code, output: &str, force: &[&'static str]| {
        let args = encode(output, force);
        b.expect(code, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let file = fs::read(b.path("a.srt")).unwrap();
    // To no file yet: it is made there; then it is there, and only replaced by force.
    symlink("scratch/real.srt", b.path("o.srt")).unwrap();
    run(DONE, "o.srt", &[]);
    assert!(b.path("o.srt").is_symlink() && !b.path("scratch/real.srt").is_symlink());
    assert_eq!(fs::read(b.path("scratch/real.srt")).unwrap(), file);
    run(USAGE, "o.srt", &[]);
    fs::write(b.path("scratch/real.srt"), "old").unwrap();
    run(DONE, "o.srt", &["-f"]);
    assert!(b.path("o.srt").is_symlink());
    assert_eq!(fs::read(b.path("scratch/real.srt")).unwrap(), file);
    // Decoded fields alike.
    symlink("scratch/real.npy", b.path("o.npy")).unwrap();
    b.expect(DONE, &["decode", "o.srt", "o.npy"]);
    assert!(b.path("o.npy").is_symlink() && b.path("scratch/real.npy").is_file());
    // To nowhere and in a circle: refused before the input is looked at.
    symlink("no/such/folder.srt", b.path("nowhere.srt")).unwrap();
    symlink("circle.srt", b.path("circle.srt")).unwrap();
    fs::write(b.path("damaged.npy"), "no field").unwrap();
    for output in ["nowhere.srt", "circle.srt"] {
        for force in [&[][..], &["-f"]] {
            let args = [&["encode", "damaged.npy", output], force, &ENCODE].concat();
            b.fail(USAGE, &args, &[output]);
        }
    }
    assert_eq!(fs::read_dir(b.path("scratch")).unwrap().count(), 2);
}
