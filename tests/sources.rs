//! Decoders that own what they read from: a source gives the same as a slice, and is asked for little in few calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::mirrored;
use srt::{
    AnyVolume, Attributes, Bound, ByteSource, Dataset, DecodeOptions, Decoder, Dtype, Element,
    EncodeOptions, Encoder, Error, Field, FileBytes, FrameKey, Region, Result, SeekSource, Shape,
    StreamDecoder, Volume, dtype_dispatch,
};

/// Counts what it is asked for.
#[derive(Debug)]
struct Counted {
    bytes: Vec<u8>,
    calls: Mutex<Vec<Vec<Range<u64>>>>,
}

impl Counted {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        let calls = Mutex::default();
        Arc::new(Self { bytes, calls })
    }

    fn take(&self) -> Vec<Vec<Range<u64>>> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

impl ByteSource for Counted {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        self.calls.lock().unwrap().push(ranges.to_vec());
        let part = |range: &Range<u64>| {
            let bytes = self.bytes.get(range.start as usize..range.end as usize);
            bytes
                .map(<[u8]>::to_vec)
                .ok_or_else(|| Error::truncated("outside"))
        };
        ranges.iter().map(part).collect()
    }
}

fn seek(bytes: &[u8]) -> Result<Decoder<'static>> {
    let source = SeekSource::new(std::io::Cursor::new(bytes.to_vec()))?;
    Decoder::from_source(Arc::new(source), DecodeOptions::default())
}

/// Bits, so that NaN equals itself.
fn bits(volume: AnyVolume) -> (Shape, Vec<u64>) {
    let shape = volume.shape();
    let bits = dtype_dispatch!(volume, AnyVolume(v) => {
        v.data().iter().map(|v| v.to_bits64()).collect()
    });
    (shape, bits)
}

fn same_frames(one: &Decoder<'_>, other: &Decoder<'_>, name: &str) {
    assert_eq!(one.dataset(), other.dataset());
    assert_eq!(one.frames().len(), other.frames().len(), "{name}");
    for (a, b) in one.frames().zip(other.frames()) {
        assert_eq!(a.record(), b.record(), "{name}");
        for level in 0..4 {
            let (a, b) = (a.level(level), b.level(level));
            let Ok(grid) = a.grid() else {
                assert!(b.grid().is_err());
                continue;
            };
            assert_eq!(b.grid().unwrap(), grid);
            match (a.read_any(), b.read_any()) {
                (Ok(a), Ok(b)) => assert_eq!(bits(a), bits(b), "{name} {level}"),
                (a, b) => {
                    assert_eq!(a.unwrap_err().kind(), b.unwrap_err().kind(), "{name}");
                    continue;
                }
            }
            let dims = grid.dims();
            let start = dims.map(|n| n / 3);
            let size = [0, 1, 2].map(|axis| (dims[axis] - start[axis]).div_ceil(2));
            let region = Region { start, size };
            let (a, b) = (a.region(region), b.region(region));
            assert_eq!(bits(a.read_any().unwrap()), bits(b.read_any().unwrap()));
        }
    }
}

fn files(folder: &str) -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "srt"))
        .collect()
}

#[test]
fn sources_and_maps_give_what_slices_do() {
    for path in files("tests/data/golden") {
        let name = path.display().to_string();
        let bytes = fs::read(&path).unwrap();
        let slice = Decoder::new(&bytes).unwrap();
        same_frames(&slice, &seek(&bytes).unwrap(), &name);
        let map = Arc::new(FileBytes::open(&path).unwrap());
        let mapped = Decoder::from_source(map, DecodeOptions::default()).unwrap();
        same_frames(&slice, &mapped, &name);
    }
}

#[test]
fn sources_refuse_what_slices_refuse() {
    for path in files("tests/data/bad") {
        let bytes = fs::read(&path).unwrap();
        let outcome = |decoder: Result<Decoder<'_>>| {
            let decoder = decoder.map_err(|e| e.kind())?;
            let all = decoder.frames().map(|frame| frame.read_any());
            let read = all.collect::<Result<Vec<_>>>();
            read.map(|volumes| volumes.len()).map_err(|e| e.kind())
        };
        let (slice, source) = (outcome(Decoder::new(&bytes)), outcome(seek(&bytes)));
        // What stands behind the end is looked for in memory alone.
        if slice != source {
            assert!(slice.is_err() && source.is_err(), "{}", path.display());
        }
    }
    let file = encoded(&[40, 40, 40]);
    for cut in [0, 5, 23, 24, 100, file.len() / 2, file.len() - 1] {
        let slice = Decoder::new(&file[..cut]).unwrap_err().kind();
        assert_eq!(seek(&file[..cut]).unwrap_err().kind(), slice, "{cut}");
    }
}

fn encoded(extents: &[usize; 3]) -> Vec<u8> {
    let (shape, values) = mirrored(extents);
    let mut options = EncodeOptions::new(Bound::Psnr(70.0));
    options.coding.brick_edge = Some(64);
    srt::encode(&Volume::new(shape, values).unwrap(), &options).unwrap()
}

#[test]
fn a_box_takes_few_reads_of_few_bytes() {
    let file = encoded(&[128, 128, 128]);
    let source = Counted::new(file.clone());
    let decoder = Decoder::from_source(source.clone(), DecodeOptions::default()).unwrap();
    assert!(source.take().len() <= 3);
    let frame = decoder.only_frame().unwrap();
    let region = Region {
        start: [84, 90, 80],
        size: [8, 8, 8],
    };
    let part = frame.region(region).read::<f32>().unwrap();
    let whole = srt::decode::<f32>(&file).unwrap();
    assert_eq!(part, whole.crop(region).unwrap());
    let calls = source.take();
    let read: u64 = calls.iter().flatten().map(|r| r.end - r.start).sum();
    assert!(calls.len() <= 3, "{calls:?}");
    assert!(read < file.len() as u64 * 3 / 4, "{read} of {}", file.len());
    // Bricks that are kept need not be read, nor does the octree.
    frame.region(region).read::<f32>().unwrap();
    let read: u64 = source
        .take()
        .iter()
        .flatten()
        .map(|r| r.end - r.start)
        .sum();
    assert_eq!(read, 0);
    assert_eq!(frame.read::<f32>().unwrap(), whole);
}

#[test]
fn an_owned_decoder_goes_where_it_likes() {
    let file = encoded(&[32, 32, 32]);
    let whole = srt::decode::<f32>(&file).unwrap();
    let decoder = Arc::new(seek(&file).unwrap());
    let threads = (0..4).map(|_| {
        let decoder = Arc::clone(&decoder);
        std::thread::spawn(move || decoder.only_frame()?.read::<f32>())
    });
    let threads: Vec<_> = threads.collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap(), whole);
    }
}

#[test]
fn a_buffer_of_the_callers_is_filled() {
    let file = encoded(&[40, 50, 33]);
    let decoder = Decoder::new(&file).unwrap();
    let frame = decoder.only_frame().unwrap();
    for level in 0..2 {
        let frame = frame.level(level);
        let volume = frame.read::<f32>().unwrap();
        let mut out = vec![f32::NAN; volume.data().len()];
        frame.read_into(&mut out).unwrap();
        assert_eq!(out, volume.data());
        assert!(frame.read_into(&mut out[1..]).is_err());
        assert!(frame.read_into(&mut vec![0.0f64; out.len()]).is_err());
        let region = Region {
            start: [1, 2, 3],
            size: [4, 5, 6],
        };
        let mut part = vec![0.0; 120];
        frame.region(region).read_into(&mut part).unwrap();
        assert_eq!(part, volume.crop(region).unwrap().data());
    }
}

#[test]
fn attributes_come_back_from_files_and_streams() {
    let field = Field {
        name: "u".into(),
        unit: String::new(),
        dtype: Dtype::F32,
    };
    let shape = Shape::new(&[4, 5]).unwrap();
    let dataset = Dataset::new(shape, vec![field]);
    let options = EncodeOptions::new(Bound::MaxError(0.1));
    let mut encoder = Encoder::new(Vec::new(), dataset.clone(), options.clone()).unwrap();
    let old = Attributes::new("{\"a\": 1}").unwrap();
    let new = Attributes::new("{\"a\": 2}").unwrap();
    encoder.add_attributes(&old).unwrap();
    encoder
        .write(&FrameKey::new("u", 0), vec![1.0f32; 20])
        .unwrap();
    let (file, _) = encoder.finish().unwrap();
    let decoder = Decoder::new(&file).unwrap();
    assert_eq!(decoder.attributes().unwrap().as_ref(), Some(&old));
    let mut stream = StreamDecoder::new(&file[..]).unwrap();
    stream.next_frame().unwrap();
    assert_eq!(stream.attributes(), Some(&old));

    // The last one counts: who appends says it anew.
    let mut encoder = Encoder::append(Vec::new(), &decoder, dataset, options).unwrap();
    encoder.add_attributes(&new).unwrap();
    let (file, _) = encoder.finish().unwrap();
    let decoder = Decoder::new(&file).unwrap();
    assert_eq!(decoder.attributes().unwrap(), Some(new.clone()));
    let joined = srt::merge(&[decoder], Vec::new()).unwrap().0;
    let joined = Decoder::new(&joined).unwrap();
    assert_eq!(joined.attributes().unwrap(), Some(new));

    // What is damaged says so, and hides no field.
    let mut writer = Encoder::append(
        Vec::new(),
        &joined,
        joined.dataset().clone(),
        EncodeOptions::new(Bound::Psnr(30.0)),
    )
    .unwrap();
    writer.add_ancillary(srt::ChunkType::ATTR, b"[").unwrap();
    let (file, _) = writer.finish().unwrap();
    let decoder = Decoder::new(&file).unwrap();
    assert_eq!(
        decoder.attributes().unwrap_err().kind(),
        srt::ErrorKind::Corrupt
    );
    assert_eq!(
        decoder.only_frame().unwrap().read::<f32>().unwrap().data(),
        [1.0; 20]
    );
}
