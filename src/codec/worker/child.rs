//! One request to one child, under a deadline.

use std::io::{Read, Write};
use std::ops::RangeInclusive;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::base::error::{Error, ErrorKind, Result};
use crate::codec::worker::protocol::{Operation, Reply, Request};
use crate::codec::worker::{Worker, failed};

/// Bytes kept of what the child says on standard error, and of a message in a reply.
const MESSAGE: u64 = 4096;
/// How long a child may take to end after its reply, and its last words to arrive.
const FAREWELL: Duration = Duration::from_millis(500);

/// A child that is killed, and waited for, when dropped.
struct ChildGuard(Child);

impl Drop for ChildGuard {
    fn drop(&mut self) {
        // Both fail only for a child that has already ended and been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a request and returns the payload of the reply, which must have a length in `lengths`.
///
/// The threads at the pipes are left to themselves: they end when the pipes close, which a process
/// started by the child may delay beyond the child's end.
pub(super) fn ask(
    worker: &Worker,
    request: &Request,
    payload: &[u8],
    lengths: RangeInclusive<u64>,
) -> Result<Vec<u8>> {
    let deadline = Instant::now() + worker.time;
    let name = worker.program.display();
    let child = Command::new(&worker.program)
        .arg("--memory")
        .arg(worker.memory.to_string())
        .arg("--seconds")
        .arg(worker.time.as_secs().max(1).to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| Error::from(e).within(&name))?;
    let mut child = ChildGuard(child);
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (
        child.0.stdin.take(),
        child.0.stdout.take(),
        child.0.stderr.take(),
    ) else {
        return Err(Error::new(ErrorKind::Io, format!("{name}: no pipes")));
    };
    let words = last_words(stderr);
    let answer = answer(stdout, lengths);
    let mut message = Vec::new();
    request.write(&mut message)?;
    message.extend_from_slice(payload);
    // A child that does not read must not hold us; the reply tells what went wrong.
    std::thread::spawn(move || stdin.write_all(&message));

    let left = deadline.saturating_duration_since(Instant::now());
    let answer = match answer.recv_timeout(left) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            return Err(Error::limit(format!(
                "{name}: no answer within {} s",
                worker.time.as_secs_f64()
            )));
        }
    };
    match answer {
        Answer::Done(payload) => Ok(payload),
        Answer::Refused(message) => Err(failed(
            request.operation,
            format!("{name}: {}", printable(&message)),
        )),
        Answer::Wrong(what) => Err(Error::new(ErrorKind::Io, format!("{name}: {what}"))),
        Answer::Nothing => Err(ended(&mut child, request.operation, &words, worker)),
    }
}

/// What came through the child's standard output.
enum Answer {
    Done(Vec<u8>),
    Refused(Vec<u8>),
    /// Against the protocol.
    Wrong(String),
    /// It closed before a whole reply.
    Nothing,
}

fn answer(
    mut stdout: impl Read + Send + 'static,
    lengths: RangeInclusive<u64>,
) -> Receiver<Answer> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more when the deadline has passed.
        let _ = sender.send(read_answer(&mut stdout, &lengths));
    });
    receiver
}

fn read_answer(stdout: &mut impl Read, lengths: &RangeInclusive<u64>) -> Answer {
    let reply = match Reply::read(stdout) {
        Ok(reply) => reply,
        Err(e) if matches!(e.kind(), ErrorKind::Truncated | ErrorKind::Io) => {
            return Answer::Nothing;
        }
        Err(e) => return Answer::Wrong(e.to_string()),
    };
    let most = if reply.done { *lengths.end() } else { MESSAGE };
    if reply.length > most || (reply.done && reply.length < *lengths.start()) {
        let Reply { length, .. } = reply;
        return Answer::Wrong(format!(
            "a reply of {} to {most} bytes expected, {length} announced",
            if reply.done { *lengths.start() } else { 0 }
        ));
    }
    // Memory grows with the bytes that arrive, not with the length announced.
    let mut payload = Vec::new();
    match stdout.take(reply.length + 1).read_to_end(&mut payload) {
        Ok(read) if (read as u64) < reply.length => Answer::Nothing,
        Ok(read) if (read as u64) > reply.length => {
            Answer::Wrong(format!("more than the {} bytes announced", reply.length))
        }
        Ok(_) if reply.done => Answer::Done(payload),
        Ok(_) => Answer::Refused(payload),
        Err(_) => Answer::Nothing,
    }
}

/// The first bytes of standard error; the rest is read and dropped, so that the child never blocks.
fn last_words(mut stderr: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut words = Vec::new();
        let _ = stderr.by_ref().take(MESSAGE).read_to_end(&mut words);
        let _ = sender.send(words);
        let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    });
    receiver
}

/// The error of a child that ended without a reply.
fn ended(
    child: &mut ChildGuard,
    operation: Operation,
    words: &Receiver<Vec<u8>>,
    worker: &Worker,
) -> Error {
    let name = worker.program.display();
    let until = Instant::now() + FAREWELL;
    let status = loop {
        match child.0.try_wait() {
            Ok(Some(status)) => break format!("ended with {status}"),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            _ => break "closed its output".to_owned(),
        }
    };
    let words = words.recv_timeout(FAREWELL).unwrap_or_default();
    let words = printable(&words);
    let said = if words.is_empty() {
        String::new()
    } else {
        format!(", saying {words:?}")
    };
    failed(
        operation,
        format!("{name}: {status} before it had answered{said}"),
    )
}

/// The last line, without control characters.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.trim().lines().last().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).collect()
}
