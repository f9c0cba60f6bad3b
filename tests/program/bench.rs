//! The real program, run in a folder of its own; for tests that also have `common`.
#![allow(dead_code, unreachable_pub)] // every test file uses a part of it

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use srt::{Shape, write_npy};
use tempfile::TempDir;

use super::common::smooth;

pub const DONE: i32 = 0;
pub const NOT_MET: i32 = 1;
pub const USAGE: i32 = 2;
pub const CORRUPT: i32 = 3;
pub const UNSUPPORTED: i32 = 4;

/// A folder for one test, and the program run in it.
pub struct Bench(TempDir);

impl Bench {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("srt"));
        command.current_dir(self.0.path()).args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs and expects an exit code.
    pub fn expect(&self, code: i32, args: &[&str]) -> Output {
        let output = self.run(args);
        assert_eq!(
            output.status.code(),
            Some(code),
            "srt {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    /// Expects a failure with one line on standard error that contains `words`, nothing on standard
    /// output and no file that was not there before.
    pub fn fail(&self, code: i32, args: &[&str], words: &[&str]) {
        let before = self.names();
        let output = self.expect(code, args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.starts_with("error: "),
            "srt {}: {text}",
            args.join(" ")
        );
        assert_eq!(
            text.trim_end().lines().count(),
            1,
            "srt {}: {text}",
            args.join(" ")
        );
        for word in words {
            assert!(
                text.contains(word),
                "srt {}: {word:?} expected in: {text}",
                args.join(" ")
            );
        }
        assert!(output.stdout.is_empty(), "srt {}", args.join(" "));
        assert_eq!(
            self.names(),
            before,
            "srt {} left files behind",
            args.join(" ")
        );
    }

    pub fn names(&self) -> BTreeSet<String> {
        fs::read_dir(self.0.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_slice(&self.expect(DONE, args).stdout).unwrap()
    }

    /// A small field as `.npy`; returns its values.
    pub fn field(&self, name: &str) -> Vec<f32> {
        let (shape, values) = small();
        let mut file = fs::File::create(self.path(name)).unwrap();
        write_npy(&mut file, shape, &values).unwrap();
        values
    }

    pub fn read_f32(&self, name: &str) -> Vec<f32> {
        let input = srt::Input::open_npy(self.path(name)).unwrap();
        input.as_f32().unwrap().into_owned()
    }
}

pub fn small() -> (Shape, Vec<f32>) {
    let shape = Shape::new(&[12, 20, 16]).unwrap();
    let values = smooth(shape, 3).iter().map(|&v| v as f32).collect();
    (shape, values)
}

/// Runs with `input` on standard input.
pub fn piped(mut command: Command, input: Vec<u8>) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}
