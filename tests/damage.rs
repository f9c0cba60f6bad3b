//! Damaged and hostile files: every truncation and every flipped bit of the golden files, and the
//! same with checksums that fit, so that the parsers behind them see the damage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::{decode, le_bytes};
use srt::container::{Event, Parser, Reader, Writer};
use srt::{DecodeOptions, Decoder, ErrorKind, Limits};

/// Files up to this size are damaged bit by bit, larger ones here and there.
const SMALL: usize = 700;

fn golden() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "srt"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() > 8, "golden files not found");
    files
}

/// Budgets under which no file of these tests can take much memory or time.
fn small_limits() -> Limits {
    Limits::default().with_decoded_bytes(16 << 20)
}

/// Decodes every frame; a file without any has none to decode.
fn decode_all(bytes: &[u8]) -> srt::Result<()> {
    let decoder =
        Decoder::with_options(bytes, DecodeOptions::default().with_limits(small_limits()))?;
    (0..decoder.frames().len().max(1)).try_for_each(|frame| {
        decoder
            .frame_at(frame)
            .and_then(|frame| frame.read_any())
            .map(|_| ())
    })
}

/// Walks the file as a reader without an index does.
fn walk(bytes: &[u8]) -> srt::Result<()> {
    let long = srt::expand(bytes)?;
    let bytes = long.as_deref().unwrap_or(bytes);
    let mut parser = Parser::new(small_limits());
    let mut at = 0;
    loop {
        match parser.feed(&bytes[at..])? {
            (Event::End, taken) if at + taken == bytes.len() => return Ok(()),
            (Event::NeedBytes(_), _) => return Err(srt::Error::truncated("end")),
            (_, taken) => at += taken,
        }
    }
}

#[test]
fn every_truncation_is_truncated() {
    for (name, bytes) in golden() {
        for len in 0..bytes.len() {
            for error in [
                decode(&bytes[..len], 0, small_limits())
                    .map(|_| ())
                    .unwrap_err(),
                walk(&bytes[..len]).unwrap_err(),
            ] {
                assert_eq!(
                    error.kind(),
                    ErrorKind::Truncated,
                    "{name} cut to {len}: {error}"
                );
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_found_or_harmless() {
    for (name, bytes) in golden() {
        let whole = le_bytes(&decode(&bytes, 0, small_limits()).unwrap());
        let stride = if bytes.len() <= SMALL {
            1
        } else {
            1 + whole.len() / 2000
        };
        for bit in (0..8 * bytes.len()).step_by(stride) {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(walk(&bad).is_err(), "{name}: bit {bit} not found");
            if let Ok(volume) = decode(&bad, 0, small_limits()) {
                assert!(
                    le_bytes(&volume) == whole,
                    "{name}: bit {bit} changes values"
                );
            }
        }
    }
}

/// The file with one chunk's payload and part replaced, all checksums right.
fn rebuild(bytes: &[u8], chunk: usize, payload: &[u8], part: u32) -> Vec<u8> {
    let reader = Reader::new(bytes, &Limits::default()).unwrap();
    let mut writer = Writer::new(Vec::new());
    for (number, entry) in reader.entries().iter().enumerate() {
        if number == chunk {
            writer.chunk(entry.kind, part, payload).unwrap();
        } else {
            writer
                .chunk(entry.kind, entry.part, reader.payload(number).unwrap())
                .unwrap();
        }
    }
    writer.finish().unwrap().0
}

#[test]
fn hostile_payloads_never_panic() {
    for (name, bytes) in golden() {
        // What takes long to decode is damaged less often.
        let whole = le_bytes(&decode(&bytes, 0, small_limits()).unwrap()).len();
        let reader = Reader::new(&bytes, &Limits::default()).unwrap();
        for (number, entry) in reader.entries().iter().enumerate() {
            let payload = reader.payload(number).unwrap();
            let budget = if whole > 200_000 { 60 } else { 1200 };
            let stride = 1 + payload.len() * 8 / budget;
            for bit in (0..8 * payload.len()).step_by(stride) {
                let mut bad = payload.to_vec();
                bad[bit / 8] ^= 1 << (bit % 8);
                // A value or an error; a panic names the place.
                let file = rebuild(&bytes, number, &bad, entry.part);
                let result =
                    std::panic::catch_unwind(|| decode(&file, 0, small_limits()).map(|_| ()));
                assert!(result.is_ok(), "{name}: bit {bit} of {} panics", entry.kind);
            }
            for len in (0..payload.len()).step_by(1 + payload.len() * 6 / budget) {
                let file = rebuild(&bytes, number, &payload[..len], entry.part);
                let result =
                    std::panic::catch_unwind(|| decode(&file, 0, small_limits()).map(|_| ()));
                assert!(result.is_ok(), "{name}: {} cut to {len} panics", entry.kind);
            }
            for part in [1, 7, u32::MAX] {
                let file = rebuild(&bytes, number, payload, part);
                let result =
                    std::panic::catch_unwind(|| decode(&file, 0, small_limits()).map(|_| ()));
                assert!(
                    result.is_ok(),
                    "{name}: {} as part {part} panics",
                    entry.kind
                );
            }
        }
    }
}

#[test]
fn chunks_out_of_order_or_missing_are_corrupt() {
    for (name, bytes) in golden() {
        let reader = Reader::new(&bytes, &Limits::default()).unwrap();
        let chunks: Vec<_> = (0..reader.entries().len())
            .map(|n| (reader.entries()[n], reader.payload(n).unwrap()))
            .collect();
        let write = |order: &[usize]| {
            let mut writer = Writer::new(Vec::new());
            for &n in order {
                writer
                    .chunk(chunks[n].0.kind, chunks[n].0.part, chunks[n].1)
                    .unwrap();
            }
            writer.finish().unwrap().0
        };
        let all: Vec<usize> = (0..chunks.len()).collect();
        for n in all.clone() {
            let missing: Vec<usize> = all.iter().copied().filter(|&k| k != n).collect();
            let kind = chunks[n].0.kind.to_string();
            let result = decode_all(&write(&missing));
            // A mask, corrections and a reference to weights may be absent; the rest is needed.
            if !["MASK", "CORR", "NREF", "NETW"].contains(&kind.as_str()) {
                let error = result.expect_err(&format!("{name} without {kind}"));
                assert!(
                    matches!(
                        error.kind(),
                        ErrorKind::Corrupt | ErrorKind::InvalidArgument
                    ),
                    "{name} without {kind}: {error}"
                );
            }
            let mut twice = all.clone();
            twice.insert(n, n);
            let error = decode_all(&write(&twice)).expect_err(&format!("{name} with {kind} twice"));
            assert_eq!(
                error.kind(),
                ErrorKind::Corrupt,
                "{name} with {kind} twice: {error}"
            );
        }
    }
}

#[test]
fn foreign_files_are_corrupt_and_newer_ones_unsupported() {
    for bytes in [
        &b"1\n00:00:01,000 --> 00:00:02,000\nA subtitle.\n\n"[..],
        b"\x93NUMPY\x01\x00v\x00",
        &[0; 4096],
    ] {
        let error = decode(bytes, 0, small_limits()).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let (_, bytes) = golden().swap_remove(0);
    let mut header = srt::container::FileHeader::current();
    header.required = 1 << 31;
    let mut newer = bytes.clone();
    newer[..srt::container::HEADER_LEN].copy_from_slice(&header.to_bytes());
    let error = decode(&newer, 0, small_limits()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
