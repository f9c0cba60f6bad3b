//! A worker process that crashes, hangs, lies or floods gives a clean error, in time and in memory.
//!
//! The workers are shell scripts, so these tests run where there is a shell.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use srt::codec::worker::protocol::{Operation, Reply, Request};
use srt::codec::worker::{Worker, locate};
use srt::{Dtype, Error, ErrorKind, Shape};

/// Values of the fields sent.
const RAW: [u8; 48] = [7; 48];

fn shape() -> Shape {
    Shape::new(&[3, 4]).unwrap()
}

/// A worker that runs `body` in a shell; `reply` names a file with a reply in it.
struct Fake {
    _folder: tempfile::TempDir,
    program: PathBuf,
}

impl Fake {
    fn new(body: &str, reply: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("worker");
        let file = folder.path().join("reply");
        std::fs::write(&file, reply).unwrap();
        let script = format!("#!/bin/sh\nreply='{}'\n{body}\n", file.display());
        // Written by another process: were it open for writing here, even for a moment, a test that
        // starts its own worker at that moment would keep this one from starting.
        let mut shell = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(&program)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = shell.stdin.take().unwrap();
        stdin.write_all(script.as_bytes()).unwrap();
        drop(stdin);
        assert!(shell.wait().unwrap().success());
        Self {
            _folder: folder,
            program,
        }
    }

    fn worker(&self) -> Worker {
        Worker::new(&self.program).with_time(Duration::from_secs(60))
    }

    fn decode_error(&self) -> Error {
        self.worker()
            .decode(shape(), Dtype::F32, b"coded")
            .unwrap_err()
    }
}

fn reply(done: bool, length: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Reply { done, length }.write(&mut bytes).unwrap();
    bytes.extend_from_slice(payload);
    bytes
}

#[track_caller]
fn expect(error: &Error, kind: ErrorKind, words: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn an_answer_comes_through_and_the_request_is_the_documented_one() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let body = format!("cat > '{}'\ncat \"$reply\"", seen.display());
    let fake = Fake::new(&body, &reply(true, 3, b"abc"));
    let coded = fake
        .worker()
        .encode(shape(), Dtype::F32, 0.5, &RAW)
        .unwrap();
    assert_eq!(coded, b"abc");
    let seen = std::fs::read(seen).unwrap();
    let request = Request::read(&mut seen.as_slice()).unwrap();
    assert_eq!(
        (request.operation, request.shape, request.dtype),
        (Operation::Encode, shape(), Dtype::F32)
    );
    assert_eq!((request.bound, request.length), (0.5, 48));
    assert_eq!(seen[56..], RAW);
}

#[test]
fn an_answer_to_a_request_that_is_not_read_comes_through() {
    // Larger than any pipe, so that writing it blocks.
    let large = Shape::new(&[64, 64, 256]).unwrap();
    let fake = Fake::new("cat \"$reply\"", &reply(true, 3, b"abc"));
    let values = vec![0; 4 * large.len()];
    assert_eq!(
        fake.worker()
            .encode(large, Dtype::F32, 0.5, &values)
            .unwrap(),
        b"abc"
    );
}

#[test]
fn crashes_name_how_the_worker_ended_and_what_it_said() {
    let killed = Fake::new("cat > /dev/null; echo 'bad tree' >&2; kill -SEGV $$", b"");
    let error = killed.decode_error();
    expect(&error, ErrorKind::Corrupt, "signal: 11");
    expect(&error, ErrorKind::Corrupt, "bad tree");
    let error = killed
        .worker()
        .encode(shape(), Dtype::F32, 0.5, &RAW)
        .unwrap_err();
    expect(&error, ErrorKind::Io, "signal: 11");
    // Before the request is read, and in the middle of a reply.
    expect(
        &Fake::new("exit 7", b"").decode_error(),
        ErrorKind::Corrupt,
        "status: 7",
    );
    let cut = Fake::new(
        "cat > /dev/null; cat \"$reply\"; kill -ABRT $$",
        &reply(true, 48, b"ab"),
    );
    expect(&cut.decode_error(), ErrorKind::Corrupt, "signal: 6");
    let short = Fake::new("cat > /dev/null; printf SRT", b"");
    expect(&short.decode_error(), ErrorKind::Corrupt, "status: 0");
}

#[test]
fn hanging_workers_are_killed_at_the_deadline() {
    let hangs = Fake::new("exec sleep 3600", b"");
    let late = Fake::new(
        "cat > /dev/null; cat \"$reply\"; exec sleep 3600",
        &reply(true, 48, &RAW),
    );
    for fake in [hangs, late] {
        let worker = fake.worker().with_time(Duration::from_millis(300));
        let error = worker.decode(shape(), Dtype::F32, b"coded").unwrap_err();
        expect(&error, ErrorKind::LimitExceeded, "no answer within 0.3 s");
    }
}

#[test]
fn lies_about_lengths_are_found_before_memory_is_taken() {
    let answer =
        |bytes: Vec<u8>| Fake::new("cat > /dev/null; cat \"$reply\"", &bytes).decode_error();
    for length in [0, 47, 49, u64::MAX] {
        expect(
            &answer(reply(true, length, &RAW)),
            ErrorKind::Io,
            "announced",
        );
    }
    expect(
        &answer(reply(true, 48, &[0; 49])),
        ErrorKind::Io,
        "more than the 48 bytes",
    );
    expect(
        &answer(reply(true, 48, &[0; 47])),
        ErrorKind::Corrupt,
        "before it had answered",
    );
    expect(
        &answer(reply(false, u64::MAX, b"")),
        ErrorKind::Io,
        "announced",
    );
    expect(&answer(vec![0; 64]), ErrorKind::Io, "first bytes differ");
    let mut newer = reply(true, 48, &RAW);
    newer[4] = 2;
    expect(
        &answer(newer),
        ErrorKind::Io,
        "protocol 1 expected, 2 found",
    );
}

#[test]
fn floods_end_at_once() {
    let output = Fake::new("cat \"$reply\"; exec yes", &reply(true, 48, &RAW));
    expect(
        &output.decode_error(),
        ErrorKind::Io,
        "more than the 48 bytes",
    );
    // A flood of messages neither blocks the worker nor fills memory.
    let messages = Fake::new(
        "cat > /dev/null; i=0; while [ $i -lt 3000 ]; do echo 'a message of some length, again and again' >&2; \
         i=$((i + 1)); done; cat \"$reply\"",
        &reply(true, 48, &RAW),
    );
    assert_eq!(
        messages
            .worker()
            .decode(shape(), Dtype::F32, b"coded")
            .unwrap(),
        RAW
    );
}

#[test]
fn refusals_carry_the_message() {
    let fake = Fake::new(
        "cat > /dev/null; cat \"$reply\"",
        &reply(false, 12, b"no such \x1bday"),
    );
    expect(&fake.decode_error(), ErrorKind::Corrupt, "no such day");
    let error = fake
        .worker()
        .encode(shape(), Dtype::F32, 0.5, &RAW)
        .unwrap_err();
    expect(&error, ErrorKind::Io, "no such day");
}

#[test]
fn what_makes_no_sense_is_refused_without_a_child() {
    let worker = Worker::new("/nowhere/at/all");
    let missing = worker.decode(shape(), Dtype::F32, b"x").unwrap_err();
    expect(&missing, ErrorKind::Io, "/nowhere/at/all");
    for result in [
        worker.encode(shape(), Dtype::F32, 0.5, &RAW[1..]),
        worker.encode(shape(), Dtype::F16, 0.5, &RAW[..24]),
        worker.decode(shape(), Dtype::F16, b"x"),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn the_worker_is_found_where_it_is_named_beside_the_program_and_in_the_path() {
    let fake = Fake::new("", b"");
    let folder = fake.program.parent().unwrap();
    let path = std::env::join_paths([Path::new("/nowhere"), folder]).unwrap();
    let (named, beside) = (fake.program.as_os_str(), folder.join("srt"));
    let found = |named, beside, path| locate("worker", named, beside, path);
    assert_eq!(found(Some(named), None, None).unwrap(), fake.program);
    assert_eq!(
        found(None, Some(beside.as_path()), None).unwrap(),
        fake.program
    );
    assert_eq!(
        found(None, None, Some(path.as_os_str())).unwrap(),
        fake.program
    );
    // A name that leads nowhere is not made good by a worker elsewhere.
    let wrong = found(Some(OsStr::new("/nowhere/w")), Some(&beside), Some(&path)).unwrap_err();
    expect(&wrong, ErrorKind::Unsupported, "/nowhere/w");
    expect(
        &found(None, None, None).unwrap_err(),
        ErrorKind::Unsupported,
        "cargo build",
    );
}
