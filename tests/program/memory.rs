//! What `srt encode --memory` promises, held by the system: a program that asks for more than it may have ends (Linux).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Output};

use program::{Bench, DONE, USAGE};

/// What stands beside the memory that was promised: stacks of threads, and what the allocator keeps.
const SPARE_MIB: u64 = 16;
const SHAPE: &str = "128,256,256";

/// A field of 32 MiB that nothing makes small.
fn noise(b: &Bench) {
    let mut state = 1u32;
    let mut bytes = Vec::with_capacity(32 << 20);
    for _ in 0..8 << 20 {
        // Numerical Recipes' generator of 32 bits; the upper ones are good enough here.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = f64::from(state) / f64::from(u32::MAX);
        bytes.extend_from_slice(&(value as f32).to_le_bytes());
    }
    fs::write(b.path("noise.raw"), bytes).unwrap();
}

/// Runs `srt` with so many MiB of data of its own.
fn within(b: &Bench, mebibytes: u64, args: &[&str]) -> Output {
    let limit = (mebibytes + SPARE_MIB) * 1024;
    let script = format!("ulimit -d {limit}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    let program = assert_cmd::cargo::cargo_bin!("srt");
    command.arg("-c").arg(script).arg(program).args(args);
    command.current_dir(b.path("")).output().unwrap()
}

/// Noise under `bound` takes no more than was promised, and the file does not depend on that.
fn keeps_to_memory(bound: &[&str]) {
    let b = Bench::new();
    noise(&b);
    let raw = ["--shape", SHAPE, "--dtype", "f32", "--model", "none"];
    let common = [&raw[..], &["-q", "--threads", "2"], bound].concat();
    let files = ["encode", "noise.raw", "small.srt", "--memory", "48M"];
    let output = within(&b, 48, &[&files[..], &common].concat());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let files = ["encode", "noise.raw", "large.srt", "--memory", "1G"];
    b.expect(DONE, &[&files[..], &common].concat());
    let bytes = |name| fs::read(b.path(name)).unwrap();
    assert!(bytes("small.srt") == bytes("large.srt"));
    let names: Vec<_> = b.names().into_iter().collect();
    assert_eq!(names, ["large.srt", "noise.raw", "small.srt"]);
}

#[test]
fn what_is_coded_of_a_noisy_field_takes_none_of_the_memory() {
    // Nine bytes for 32 are coded, in passes of which two are kept: without a file for them it takes 17 MiB more.
    keeps_to_memory(&["--psnr", "60", "--plan", "levels"]);
}

#[test]
fn the_raster_form_keeps_to_the_memory() {
    keeps_to_memory(&["--form", "raster", "--max-error", "1e-3"]);
}

#[test]
fn what_cannot_be_held_is_refused_and_says_what_would_do() {
    let b = Bench::new();
    noise(&b);
    let refused = |more: &[&str], words: &[&str]| {
        let args = ["encode", "noise.raw", "x.srt", "--psnr", "40", "-q"];
        let raw = ["--shape", SHAPE, "--dtype", "f32", "--memory", "64M"];
        let words = [&["64 MiB of memory", "would do"], words].concat();
        b.fail(USAGE, &[&args[..], &raw, more].concat(), &words);
    };
    refused(
        &["--profile", "paper"],
        &["profile paper", "another profile"],
    );
    refused(
        &["--periodic", "zyx", "--model", "none"],
        &["no periodic axis"],
    );
    let file = File::options().write(true).open(b.path("noise.raw"));
    file.unwrap().write_all(&f32::NAN.to_le_bytes()).unwrap();
    refused(&[], &["masked values", "in parts"]);
}
