//! Ten thousand random mutations of small files, through decoding and inspection: never a panic,
//! never other values without an error, `check` always reports them, and memory stays in bounds.
//!
//! `cargo test --release -p srt-inspect --test mutations -- --nocapture` prints what was seen.
#![allow(missing_docs, clippy::unwrap_used)]
// The allocator below passes everything on to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use srt::container::{Reader, Writer};
use srt::volume::AnyVolume;
use srt::{DecodeOptions, Decoder, Element, ErrorKind, Limits, dtype_dispatch};
use srt_inspect::file::File;
use srt_inspect::finding::Severity;
use srt_inspect::{check, dump, info, list, recover};

/// Mutations per test.
const ROUNDS: usize = 5000;
/// Budget for decoded data where checksums are made right, and extents may become large.
const BUDGET: usize = 32 << 20;

/// The system's allocator, counting the bytes held and their peak.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// One measurement at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator with the caller's arguments, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(held, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(held, Relaxed);
        // SAFETY: as above. Zeroed pages are counted, touched or not.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Most bytes held beside those held before, while `work` ran.
fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    (result, PEAK.load(Relaxed).saturating_sub(before))
}

struct Draw(u64);

impl Draw {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n.max(1) as u64) as usize
    }
}

/// The golden files and the examples of the specification that need no other file.
fn files() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths: Vec<_> = ["tests/data/golden", "spec/examples"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "srt"))
        .collect();
    paths.sort();
    let files = paths.iter().map(|path| fs::read(path).unwrap());
    let files: Vec<_> = files
        .filter(|file| values(file, &Limits::default()).is_ok())
        .collect();
    assert!(files.len() > 30, "{} files found", files.len());
    files
}

/// The bits of all values of all frames.
fn values(bytes: &[u8], limits: &Limits) -> srt::Result<Vec<u64>> {
    let decoder =
        Decoder::with_options(bytes, DecodeOptions::default().with_limits(limits.clone()))?;
    let mut out = Vec::new();
    for frame in 0..decoder.frames().len() {
        let volume = decoder.frame_at(frame)?.read_any()?;
        dtype_dispatch!(volume, AnyVolume(v) => out.extend(v.data().iter().map(|v| v.to_bits64())));
    }
    Ok(out)
}

/// A bit flip, a burst, a truncation, a splice, a repeat, a run of zeros.
fn mutate(bytes: &[u8], other: &[u8], draw: &mut Draw) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let at = draw.below(out.len());
    let len = (1 + draw.below(40)).min(out.len() - at);
    match draw.below(6) {
        0 => out[at] ^= 1 << draw.below(8),
        1 => out[at..at + len].fill_with(|| draw.bits() as u8),
        2 => out.truncate(at),
        3 => {
            let from = draw.below(other.len());
            out.splice(at..at + len, other[from..].iter().copied().take(len));
        }
        4 => {
            let again = out[at..at + len].to_vec();
            out.splice(at..at, again);
        }
        _ => out[at..at + len].fill(0),
    }
    out
}

/// Runs every command that reads; whether `check` finds a fault.
fn inspect(bytes: &[u8], limits: &Limits) -> bool {
    File::with(bytes, limits, |file| inspect_file(file, limits))
}

fn inspect_file(file: &File<'_>, limits: &Limits) -> bool {
    let findings = check::findings(file, limits);
    let _ = (info::json(file, limits), info::text(file, "", limits));
    let _ = (list::text(file), check::json(file, &findings));
    for chunk in dump::choose(file, None).unwrap() {
        let _ = dump::text(file, chunk, 64);
    }
    let mut saved = Vec::new();
    if recover::recover(file, limits, &mut saved).is_ok() {
        let again = File::new(&saved, limits);
        assert!(again.scan.index_ok, "{:?}", again.scan.findings);
    }
    findings.iter().any(|f| f.severity == Severity::Fault)
}

/// What became of the mutations of one test.
#[derive(Debug, Default)]
struct Tally {
    unchanged: usize,
    same_values: usize,
    other_values: usize,
    errors: usize,
    over_budget: usize,
    peak: usize,
}

impl Tally {
    fn print(&self, name: &str, whole: usize) {
        println!(
            "{name}: {} unchanged, {} with errors (of them {} over budget), {} with the same values, \
             {} with other values; peak {:.2} MiB, of whole files {:.2} MiB",
            self.unchanged,
            self.errors,
            self.over_budget,
            self.same_values,
            self.other_values,
            self.peak as f64 / 1048576.0,
            whole as f64 / 1048576.0,
        );
    }

    /// Decodes and inspects a mutated file; whether `check` reports it.
    fn add(&mut self, bytes: &[u8], limits: &Limits, expected: &[u64]) -> bool {
        let ((decoded, found), peak) = peak_of(|| (values(bytes, limits), inspect(bytes, limits)));
        self.peak = self.peak.max(peak);
        match decoded {
            Ok(decoded) if decoded == expected => self.same_values += 1,
            Ok(_) => self.other_values += 1,
            Err(error) => {
                self.errors += 1;
                self.over_budget += usize::from(error.kind() == ErrorKind::LimitExceeded);
            }
        }
        found
    }
}

/// The files, what they decode to, and the peak of memory while they are decoded and inspected.
fn whole(limits: &Limits) -> (Vec<Vec<u8>>, Vec<Vec<u64>>, usize) {
    let files = files();
    let one = |file: &Vec<u8>| {
        let (decoded, peak) = peak_of(|| {
            inspect(file, limits);
            values(file, limits).unwrap()
        });
        (decoded, peak)
    };
    // Once before, so that what is built on first use is not counted.
    files.iter().for_each(|file| drop(one(file)));
    let (decoded, peaks): (Vec<_>, Vec<_>) = files.iter().map(one).unzip();
    (files, decoded, peaks.into_iter().max().unwrap())
}

#[test]
fn mutated_files_are_found_out() {
    let _alone = ALONE.lock();
    let limits = Limits::default();
    let (files, decoded, whole) = whole(&limits);
    let (mut draw, mut tally) = (Draw(1), Tally::default());
    for round in 0..ROUNDS {
        let which = draw.below(files.len());
        let other = draw.below(files.len());
        let bad = mutate(&files[which], &files[other], &mut draw);
        if bad == files[which] {
            tally.unchanged += 1;
            continue;
        }
        let found = tally.add(&bad, &limits, &decoded[which]);
        assert!(found, "round {round}: check reports nothing");
        assert_eq!(tally.other_values, 0, "round {round}: no error");
    }
    tally.print("as they are", whole);
    // Damage costs no more than the whole file, under the default budgets.
    assert!(tally.peak <= whole + whole / 4, "{} {whole}", tally.peak);
}

#[test]
fn mutated_payloads_with_right_checksums_never_panic() {
    let _alone = ALONE.lock();
    let limits = Limits::default().with_decoded_bytes(BUDGET as u64);
    let (files, decoded, whole) = whole(&limits);
    let (mut draw, mut tally) = (Draw(2), Tally::default());
    for _ in 0..ROUNDS {
        let which = draw.below(files.len());
        let reader = Reader::new(&files[which], &limits).unwrap();
        let chunks = reader.entries().len();
        let target = draw.below(chunks);
        let mut writer = Writer::new(Vec::new());
        for (number, entry) in reader.entries().iter().enumerate() {
            let payload = reader.payload(number).unwrap();
            let donor = reader.payload(draw.below(chunks)).unwrap();
            let payload = match number == target && !payload.is_empty() && !donor.is_empty() {
                true => Cow::Owned(mutate(payload, donor, &mut draw)),
                false => Cow::Borrowed(payload),
            };
            writer.chunk(entry.kind, entry.part, &payload).unwrap();
        }
        let bytes = writer.finish().unwrap().0;
        tally.add(&bytes, &limits, &decoded[which]);
    }
    tally.print("with right checksums", whole);
    assert!(tally.peak <= 2 * BUDGET, "{}", tally.peak);
}
