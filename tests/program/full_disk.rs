//! The real program where an output cannot be written or not to its end: a message that names it, exit code 2, and
//! every file as it was.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use common::Draw;
use program::{Bench, DONE, USAGE};
use srt::{Shape, write_npy};

/// Someone without rights, where the tests run as root.
const NOBODY: u32 = 65534;

/// Fields of noise, which no output can hold in a few kilobytes, and files of them.
fn bench() -> Bench {
    let b = Bench::new();
    let shape = Shape::new(&[16, 16, 16]).unwrap();
    for (seed, name) in [(1, "u.npy"), (2, "v.npy")] {
        let mut draw = Draw::new(seed);
        let values: Vec<f32> = (0..shape.len()).map(|_| draw.unit() as f32).collect();
        write_npy(&mut fs::File::create(b.path(name)).unwrap(), shape, &values).unwrap();
    }
    for (field, file) in [("u.npy", "u.srt"), ("v.npy", "v.srt")] {
        let step = if field == "u.npy" { "0" } else { "1" };
        b.expect(
            DONE,
            &[
                "encode",
                field,
                file,
                "--max-error",
                "0",
                "--step",
                step,
                "-q",
            ],
        );
    }
    b
}

/// Commands that write a file, the name of each, and whether it is there before.
const WRITERS: [(&[&str], &str); 8] = [
    (
        &["encode", "u.npy", "new.srt", "--max-error", "0"],
        "new.srt",
    ),
    (
        &["encode", "u.npy", "v.srt", "--max-error", "0", "-f"],
        "v.srt",
    ),
    (
        &["encode", "u.npy", "v.srt", "--max-error", "0", "--append"],
        "v.srt",
    ),
    (
        &[
            "encode",
            "u.npy",
            "part.srt",
            "--max-error",
            "0",
            "--part",
            "1/1",
        ],
        "part.srt",
    ),
    (&["decode", "u.srt", "new.npy"], "new.npy"),
    (&["decode", "u.srt", "new.raw"], "new.raw"),
    (&["merge", "u.srt", "v.srt", "both.srt"], "both.srt"),
    (
        &["eval", "u.npy", "u.srt", "--html", "page.html"],
        "page.html",
    ),
];

/// Names and contents of a folder, hidden files included.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|e| {
            (
                e.file_name().into_string().unwrap(),
                fs::read(e.path()).unwrap(),
            )
        })
        .collect()
}

fn check(b: &Bench, args: &[&str], name: &str, run: impl FnOnce() -> Output) {
    let before = contents(&b.path("."));
    let output = run();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(USAGE), "{args:?}: {text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("error: ") && last.contains(name),
        "{args:?}: {text}"
    );
    assert!(contents(&b.path(".")) == before, "{args:?} changed files");
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let b = bench();
    for (args, name) in WRITERS {
        check(&b, args, name, || {
            // Files larger than 8 blocks of 512 or 1024 bytes cannot be written.
            let mut shell = Command::new("sh");
            shell
                .current_dir(b.path("."))
                .args(["-c", "ulimit -f 8 && exec \"$@\"", "sh"]);
            shell.arg(assert_cmd::cargo::cargo_bin!("srt")).args(args);
            shell.output().unwrap()
        });
        // It is the limit that stood in the way.
        b.expect(DONE, args);
        b.expect(
            DONE,
            &[
                "encode",
                "v.npy",
                "v.srt",
                "--max-error",
                "0",
                "--step",
                "1",
                "-qf",
            ],
        );
    }
}

#[test]
fn a_folder_that_takes_no_files_leaves_everything_as_it_was() {
    let b = bench();
    let folder = b.path(".");
    let is_root = fs::metadata(&folder).unwrap().uid() == 0;
    // The rights of root are above those of folders: another user has to try, with a program that it can reach.
    let program = b.path("srt");
    fs::copy(assert_cmd::cargo::cargo_bin!("srt"), &program).unwrap();
    if is_root {
        for name in b.names() {
            chown(b.path(&name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    for (args, name) in WRITERS {
        check(&b, args, name, || {
            let mut command = Command::new(&program);
            command
                .current_dir(&folder)
                .args(args)
                .env("HOME", "/nonexistent");
            if is_root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command.output().unwrap()
        });
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}
