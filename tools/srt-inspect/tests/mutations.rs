//! Thousands of random mutations of small files, through decoding and inspection: never a panic,
//! never other values without an error, and `check` always reports them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::borrow::Cow;

use srt::container::{Bound, Reader, Writer};
use srt::pipeline::{Decoder, EncodeOptions, encode_volume};
use srt::volume::io::{AnyVolume, Values};
use srt::{Limits, Shape};
use srt_inspect::file::File;
use srt_inspect::finding::Severity;
use srt_inspect::{check, dump, info, list, recover};

/// Mutations per test; files of the two kinds take about half each.
const ROUNDS: usize = 5000;

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

fn limits() -> Limits {
    Limits::default().with_decoded_bytes(32 << 20)
}

fn encode(extents: &[usize], bound: Bound, wide: bool, holes: bool) -> Vec<u8> {
    let shape = Shape::new(extents).unwrap();
    let [_, ny, nx] = shape.dims();
    let value = |i: usize| {
        let [z, y, x] = [i / nx / ny, i / nx % ny, i % nx].map(|c| c as f64);
        match holes && x * y > 90.0 {
            true => f64::NAN,
            false => (0.3 * x).sin() + (0.2 * y).cos() * (0.1 * z + 1.0).sin(),
        }
    };
    let values: Vec<f64> = (0..shape.len()).map(value).collect();
    let narrow: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    let values = match wide {
        true => Values::F64(Cow::Owned(values)),
        false => Values::F32(Cow::Owned(narrow)),
    };
    let options = EncodeOptions::new(bound).with_threads(1);
    encode_volume(shape, &values, &options, Vec::new(), &|_| {})
        .unwrap()
        .0
}

fn files() -> Vec<Vec<u8>> {
    vec![
        encode(&[18, 20, 22], Bound::Psnr(40.0), false, false),
        encode(&[18, 11, 22], Bound::MaxError(1e-4), true, true),
        encode(&[40, 37], Bound::Psnr(50.0), true, false),
        encode(&[9, 7], Bound::MaxError(0.0), false, true),
        encode(&[5, 5, 5], Bound::RelError(0.01), false, false),
    ]
}

fn values(bytes: &[u8]) -> srt::Result<Vec<u64>> {
    Ok(match Decoder::new(bytes, limits())?.decode(0, 0)? {
        AnyVolume::F16(v) => v.data().iter().map(|v| u64::from(v.to_bits())).collect(),
        AnyVolume::F32(v) => v.data().iter().map(|v| u64::from(v.to_bits())).collect(),
        AnyVolume::F64(v) => v.data().iter().map(|v| v.to_bits()).collect(),
    })
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

fn inspect(bytes: &[u8]) -> bool {
    let limits = limits();
    let file = File::new(bytes, &limits);
    let findings = check::findings(&file, &limits);
    let _ = (info::json(&file, &limits), info::text(&file, "", &limits));
    let _ = (list::text(&file), check::json(&file, &findings));
    for chunk in dump::choose(&file, None).unwrap() {
        let _ = dump::text(&file, chunk, 64);
    }
    if let Ok(recovered) = recover::recover(&file, &limits) {
        let again = File::new(&recovered.bytes, &limits);
        assert!(again.scan.index_ok, "{:?}", again.scan.findings);
    }
    findings.iter().any(|f| f.severity == Severity::Fault)
}

#[test]
fn mutated_files_are_found_out() {
    let files = files();
    let whole: Vec<Vec<u64>> = files.iter().map(|f| values(f).unwrap()).collect();
    let mut draw = Draw(1);
    for round in 0..ROUNDS {
        let which = draw.below(files.len());
        let other = draw.below(files.len());
        let bad = mutate(&files[which], &files[other], &mut draw);
        if bad == files[which] {
            continue;
        }
        assert!(inspect(&bad), "round {round}: check reports nothing");
        if let Ok(decoded) = values(&bad) {
            assert!(
                decoded == whole[which],
                "round {round}: other values, no error"
            );
        }
    }
}

#[test]
fn mutated_payloads_with_right_checksums_never_panic() {
    let files = files();
    let mut draw = Draw(2);
    for _ in 0..ROUNDS {
        let which = draw.below(files.len());
        let reader = Reader::new(&files[which], &limits()).unwrap();
        let chunks = reader.entries().len();
        let target = draw.below(chunks);
        let mut writer = Writer::new(Vec::new()).unwrap();
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
        inspect(&bytes);
        let _ = values(&bytes);
    }
}
