//! The real program as one of several writers of a file, and as one that is ended from outside: no frame that was
//! reported is lost, and a file is the old one or the new one, never less.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use program::{Bench, CORRUPT, DONE, USAGE};
use srt::{FileBytes, Shape, write_npy};

const ENCODE: [&str; 5] = ["--max-error", "1e-3", "-q", "--model", "none"];

/// A bench with a field `u.npy`, and in `s.srt` as step 0.
fn bench() -> Bench {
    let b = Bench::new();
    b.field("u.npy");
    b.expect(DONE, &encode(&["u.npy", "s.srt"]));
    b
}

fn encode<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["encode"], args, &ENCODE].concat()
}

fn start(b: &Bench, args: &[&str]) -> Child {
    let mut command = b.command(args);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Fields and steps of the frames of a file, all of which decode.
fn frames(b: &Bench, name: &str) -> Vec<(String, u64)> {
    b.expect(DONE, &["verify", name]);
    let bytes = fs::read(b.path(name)).unwrap();
    let decoder = srt::Decoder::new(&bytes).unwrap();
    let name = |field: u64| decoder.dataset().fields[field as usize].name.clone();
    let records = decoder.frames().map(|frame| frame.record());
    let mut frames: Vec<_> = records.map(|r| (name(r.field), r.step)).collect();
    frames.sort();
    frames
}

fn temporary(b: &Bench) -> Vec<String> {
    let names = b.names().into_iter();
    names.filter(|name| name.ends_with(".tmp")).collect()
}

/// Waits until it is so: without a limit of its own, as every test here.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        sleep(Duration::from_millis(2));
    }
}

#[test]
fn frames_appended_at_once_are_all_there() {
    let b = bench();
    let steps: Vec<String> = (1..=6).map(|step: u64| step.to_string()).collect();
    let append = |step: &String| {
        let args = encode(&["u.npy", "s.srt", "--append", "--step", step]);
        start(&b, &args)
    };
    let children: Vec<Child> = steps.iter().map(append).collect();
    for child in children {
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(DONE));
    }
    let expected: Vec<_> = (0..=6).map(|step| (String::new(), step)).collect();
    assert_eq!(frames(&b, "s.srt"), expected);
    assert!(temporary(&b).is_empty());
}

#[test]
fn merges_into_an_input_and_appends_lose_nothing() {
    let b = Bench::new();
    b.field("u.npy");
    let fields = ["a", "b", "c", "d"];
    for field in fields {
        let file = format!("{field}.srt");
        b.expect(DONE, &encode(&["u.npy", &file, "--field", field]));
    }
    b.expect(DONE, &encode(&["u.npy", "s.srt", "--field", "s"]));
    // A reader that maps the file keeps what it mapped.
    let mapped = FileBytes::open(b.path("s.srt")).unwrap();
    let before = fs::read(b.path("s.srt")).unwrap();
    fs::hard_link(b.path("s.srt"), b.path("old.srt")).unwrap();
    let mut children = Vec::new();
    for field in fields {
        let file = format!("{field}.srt");
        children.push(start(&b, &["merge", "s.srt", &file, "s.srt", "-f", "-q"]));
        let new = format!("{field}{field}=u.npy");
        children.push(start(&b, &encode(&["s.srt", "--append", "--field", &new])));
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(DONE), "{text}");
    }
    let found: Vec<String> = frames(&b, "s.srt").into_iter().map(|f| f.0).collect();
    assert_eq!(found, ["a", "aa", "b", "bb", "c", "cc", "d", "dd", "s"]);
    assert!(mapped.bytes() == before && fs::read(b.path("old.srt")).unwrap() == before);
}

#[test]
fn a_locked_file_is_waited_for_or_not_as_asked() {
    let b = bench();
    let before = fs::read(b.path("s.srt")).unwrap();
    let lock = File::open(b.path("s.srt")).unwrap();
    lock.lock().unwrap();
    let append = [
        "encode",
        "u.npy",
        "s.srt",
        "--append",
        "--max-error",
        "1e-3",
    ];
    let fail = [&append[..], &["--lock", "fail"]].concat();
    b.fail(USAGE, &fail, &["s.srt", "another process", "--lock wait"]);
    b.expect(DONE, &encode(&["u.npy", "t.srt", "--field", "t"]));
    let merge = ["merge", "s.srt", "t.srt", "s.srt", "-f", "--lock", "fail"];
    b.fail(USAGE, &merge, &["s.srt", "another process"]);
    assert!(fs::read(b.path("s.srt")).unwrap() == before);
    // Who waits says so.
    let mut child = start(&b, &append);
    let mut note = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut note).unwrap();
    assert!(
        note.starts_with("note: waiting") && note.contains("s.srt"),
        "{note}"
    );
    assert!(fs::read(b.path("s.srt")).unwrap() == before);
    drop(lock);
    assert_eq!(child.wait().unwrap().code(), Some(DONE));
    assert_eq!(frames(&b, "s.srt").len(), 2);
}

#[test]
fn a_file_that_others_replaced_meanwhile_is_left_alone() {
    let b = bench();
    let field = fs::read(b.path("u.npy")).unwrap();
    let mut command = b.command(&encode(&["-", "s.srt", "--append"]));
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It has the lock; then it has read the file, and waits for the field.
    let locked = File::open(b.path("s.srt")).unwrap();
    wait_until(|| locked.try_lock().is_err() || locked.unlock().is_err());
    wait_until(|| !temporary(&b).is_empty());
    fs::write(b.path("other"), "of somebody who knows of no locks").unwrap();
    fs::rename(b.path("other"), b.path("s.srt")).unwrap();
    child.stdin.take().unwrap().write_all(&field).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(USAGE), "{text}");
    assert!(text.contains("s.srt: another program changed"), "{text}");
    let left = fs::read(b.path("s.srt")).unwrap();
    assert_eq!(left, b"of somebody who knows of no locks");
    assert!(temporary(&b).is_empty());
}

/// The program with the signals of a terminal, however the tests were started.
fn with_signals(b: &Bench, args: &[&str]) -> Command {
    let plain = b.command(args);
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(plain.get_program());
    command.args(plain.get_args());
    command.current_dir(plain.get_current_dir().unwrap());
    command
}

fn signal(child: &Child, name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(child.id().to_string());
    // It may have ended by itself.
    kill.stderr(Stdio::null()).status().unwrap();
}

/// Starts an encoder that waits for its input, and has its temporary file.
fn waiting_encoder(b: &Bench, mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_until(|| !temporary(b).is_empty());
    child
}

#[test]
fn signals_leave_nothing_behind() {
    let b = bench();
    let before = b.names();
    let text = fs::read(b.path("s.srt")).unwrap();
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        for output in [&["o.srt"][..], &["s.srt", "--append"], &["s.srt", "-f"]] {
            let args = encode(&[&["-"], output].concat());
            let mut child = waiting_encoder(&b, with_signals(&b, &args));
            let _open = child.stdin.take();
            signal(&child, name);
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(128 + number), "{name}");
            assert!(output.stderr.is_empty());
            assert_eq!(b.names(), before, "{name}");
            assert!(fs::read(b.path("s.srt")).unwrap() == text);
        }
    }
}

#[test]
fn signals_that_are_ignored_stay_ignored() {
    let b = bench();
    let plain = b.command(&encode(&["-", "o.srt"]));
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"]);
    command.arg(plain.get_program()).args(plain.get_args());
    command.current_dir(plain.get_current_dir().unwrap());
    let mut child = waiting_encoder(&b, command);
    signal(&child, "HUP");
    signal(&child, "INT");
    let field = fs::read(b.path("u.npy")).unwrap();
    child.stdin.take().unwrap().write_all(&field).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(DONE));
    assert_eq!(
        fs::read(b.path("o.srt")).unwrap(),
        fs::read(b.path("s.srt")).unwrap()
    );
}

#[test]
fn an_append_killed_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let b = bench();
    let old = fs::read(b.path("s.srt")).unwrap();
    let append = encode(&["u.npy", "s.srt", "--append", "--step", "1"]);
    let begin = Instant::now();
    b.expect(DONE, &append);
    let all = begin.elapsed();
    let new = fs::read(b.path("s.srt")).unwrap();
    assert!(new != old);
    let moments = 60u32;
    for moment in 0..moments {
        let name = ["KILL", "TERM", "INT"][moment as usize % 3];
        fs::write(b.path("s.srt"), &old).unwrap();
        let mut child = with_signals(&b, &append).spawn().unwrap();
        sleep(all * moment / moments * 5 / 4);
        signal(&child, name);
        let code = child.wait().unwrap().code();
        let found = fs::read(b.path("s.srt")).unwrap();
        assert!(found == old || found == new, "{name} at moment {moment}");
        assert!(
            code != Some(DONE) || found == new,
            "{name} at moment {moment}"
        );
        for left in temporary(&b) {
            // Nothing but the system itself runs at a KILL, nor before the program has begun.
            assert_eq!(name, "KILL", "{left} at moment {moment}, {code:?}");
            fs::remove_file(b.path(&left)).unwrap();
        }
    }
}

#[test]
fn an_input_that_becomes_shorter_is_told() {
    let b = Bench::new();
    let shape = Shape::new(&[64, 64, 64]).unwrap();
    let noise: Vec<f32> = (0..shape.len() as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32)
        .collect();
    for name in ["a.npy", "b.npy"] {
        let mut file = File::create(b.path(name)).unwrap();
        write_npy(&mut file, shape, &noise).unwrap();
    }
    let args = ["encode", "a.npy", "b.npy", "-", "--max-error", "0", "-q"];
    let mut command = b.command(&args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It is at the first frame, which the pipe cannot take: the second field is mapped and not read yet.
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    let field = File::options().write(true).open(b.path("b.npy")).unwrap();
    field.set_len(1000).unwrap();
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(CORRUPT), "{text}");
    assert!(text.contains("a file became shorter"), "{text}");
}
