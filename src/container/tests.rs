#![allow(clippy::indexing_slicing)]
use super::*;
use crate::base::dtype::Dtype;
use crate::base::error::{ErrorKind, Result};
use crate::base::grid::Shape;
use crate::base::limits::Limits;

fn sample() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    writer.chunk(ChunkType::DSET, 0, b"dataset").unwrap();
    writer
        .chunk(ChunkType::from_bytes(*b"noTe").unwrap(), 7, b"ancillary")
        .unwrap();
    writer.chunk(ChunkType::BRIK, 3, &[9; 300]).unwrap();
    let (bytes, len) = writer.finish().unwrap();
    assert_eq!(bytes.len() as u64, len);
    bytes
}

/// Reads a whole file through the parser in pieces of `step` bytes.
fn walk(bytes: &[u8], step: usize) -> Result<Vec<(ChunkType, u32, Vec<u8>)>> {
    let mut parser = Parser::new(Limits::default());
    let (mut at, mut seen, mut chunks) = (0, 0, Vec::new());
    loop {
        match parser.feed(&bytes[at..seen])? {
            (Event::NeedBytes(n), _) if at + n <= bytes.len() => {
                seen = (seen + step).max(at + n.min(step)).min(bytes.len());
            }
            (Event::NeedBytes(_), _) if seen < bytes.len() => seen = bytes.len(),
            (Event::NeedBytes(_), _) => return Err(crate::Error::truncated("end")),
            (Event::End, taken) if at + taken == bytes.len() => return Ok(chunks),
            (
                Event::Chunk {
                    header, payload, ..
                },
                taken,
            ) => {
                chunks.push((header.kind, header.part, payload.to_vec()));
                at += taken;
            }
            (_, taken) => {
                at += taken;
                seen = seen.max(at);
            }
        }
    }
}

#[test]
fn both_readers_find_every_chunk() {
    let bytes = sample();
    let reader = Reader::new(&bytes, &Limits::default()).unwrap();
    let forward = walk(&bytes, 1).unwrap();
    assert_eq!(walk(&bytes, bytes.len()).unwrap(), forward);
    assert_eq!(reader.entries().len() + 1, forward.len());
    for (number, (entry, (kind, part, payload))) in
        reader.entries().iter().zip(&forward).enumerate()
    {
        assert_eq!((entry.kind, entry.part), (*kind, *part));
        assert_eq!(reader.payload(number).unwrap(), payload);
    }
}

#[test]
fn every_flipped_bit_is_reported() {
    let bytes = sample();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(walk(&bad, bad.len()).is_err(), "bit {bit}");
        let read = Reader::new(&bad, &Limits::default())
            .and_then(|r| (0..r.entries().len()).try_for_each(|n| r.payload(n).map(|_| ())));
        // The indexed reader does not look at the CRC over all headers.
        let trailer = bytes.len() - TRAILER_LEN;
        assert!(
            read.is_err() || (trailer + 8..trailer + 12).contains(&(bit / 8)),
            "bit {bit}"
        );
    }
}

#[test]
fn every_truncation_is_truncated() {
    let bytes = sample();
    for len in 0..bytes.len() {
        let kind = |r: Result<()>| r.unwrap_err().kind();
        assert_eq!(
            kind(walk(&bytes[..len], len.max(1)).map(|_| ())),
            ErrorKind::Truncated,
            "{len}"
        );
        assert_eq!(
            kind(Reader::new(&bytes[..len], &Limits::default()).map(|_| ())),
            ErrorKind::Truncated,
            "{len}"
        );
    }
}

#[test]
fn unknown_critical_chunks_and_newer_versions_are_unsupported() {
    let mut writer = Writer::new(Vec::new());
    writer
        .chunk(ChunkType::from_bytes(*b"NEWS").unwrap(), 0, b"")
        .unwrap();
    let (bytes, _) = writer.finish().unwrap();
    assert_eq!(walk(&bytes, 9).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(
        Reader::new(&bytes, &Limits::default()).unwrap_err().kind(),
        ErrorKind::Unsupported
    );

    let mut newer = FileHeader::current();
    newer.version.0 += 1;
    let mut bytes = sample();
    bytes[..HEADER_LEN].copy_from_slice(&newer.to_bytes());
    assert_eq!(
        Reader::new(&bytes, &Limits::default()).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn a_foreign_tail_shows() {
    let mut writer = Writer::new(Vec::new());
    writer.chunk(ChunkType::DSET, 0, b"DATASET").unwrap();
    let (other, _) = writer.finish().unwrap();
    let mut bytes = sample();
    let keep = bytes.len() - TRAILER_LEN;
    bytes.truncate(keep);
    bytes.extend(&other[other.len() - TRAILER_LEN..]);
    assert!(walk(&bytes, 64).is_err());
    assert!(Reader::new(&bytes, &Limits::default()).is_err());
}

#[test]
fn records_survive_and_refuse_nonsense() {
    let frame = Frame {
        field: 0,
        step: 3,
        time: None,
        range: (-1.5, 2.0),
        bound: Bound::Psnr(40.0),
        measured: Measured {
            psnr_db: 40.1,
            ssim: None,
            max_error: 0.25,
        },
        form: Form::Wavelet(WaveletForm {
            wavelet: 0,
            periodic: "x".parse().unwrap(),
            plan: 0,
            levels: 3,
            brick_edge: 128,
            shrink: 5,
            step: 0.5,
            offset: 1.0,
            scale: 0.25,
            network: Some(NetworkUse {
                gains: vec![0.5, 0.0, 1.0],
            }),
            quality: vec![79, 50, 0],
            references: None,
        }),
        announced: Announced::default(),
        slab: None,
    };
    let bytes = frame.to_bytes(Dtype::F32);
    let parse = |bytes: &[u8]| Frame::parse(bytes, 0, |field| (field == 0).then_some(Dtype::F32));
    assert_eq!(parse(&bytes).unwrap(), frame);
    assert_eq!(frame.psnr_db(1), Some(39.5));
    for len in 0..bytes.len() {
        assert_eq!(parse(&bytes[..len]).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    let mut nan = bytes.clone();
    nan[2..6].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(parse(&nan).unwrap_err().kind(), ErrorKind::Corrupt);
    let mut field = bytes;
    field[0] = 9;
    assert_eq!(parse(&field).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_frame_may_say_its_time() {
    let frame = Frame {
        field: 0,
        step: 3,
        time: Some(-0.25),
        range: (1.0, 1.0),
        bound: Bound::Psnr(40.0),
        measured: Measured {
            psnr_db: f32::INFINITY,
            ssim: None,
            max_error: 0.0,
        },
        form: Form::Constant,
        announced: Announced::default(),
        slab: None,
    };
    let parse = |bytes: &[u8]| Frame::parse(bytes, 0, |_| Some(Dtype::F64));
    let bytes = frame.to_bytes(Dtype::F64);
    assert_eq!(parse(&bytes).unwrap(), frame);
    let without = Frame {
        time: None,
        ..frame.clone()
    };
    let (before, time) = bytes.split_at(bytes.len() - 8);
    assert_eq!(without.to_bytes(Dtype::F64), before);
    assert_eq!(parse(before).unwrap(), without);
    for len in 1..8 {
        let cut = [before, &time[..len]].concat();
        assert_eq!(parse(&cut).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    let nan = [before, &f64::NAN.to_le_bytes()].concat();
    assert_eq!(parse(&nan).unwrap_err().kind(), ErrorKind::Corrupt);
    let newer = [&bytes[..], b"\0of the future"].concat();
    assert_eq!(parse(&newer).unwrap(), frame);
    let slab = Slab {
        start: 64,
        len: 200,
    };
    for time in [None, Some(-0.25)] {
        let part = Frame {
            time,
            slab: Some(slab),
            ..frame.clone()
        };
        let bytes = part.to_bytes(Dtype::F64);
        assert_eq!(parse(&bytes).unwrap(), part);
        assert_eq!(
            parse(&bytes[..bytes.len() - 1]).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        let newer = [&bytes[..], b"of the future"].concat();
        assert_eq!(parse(&newer).unwrap(), part);
        let shape = |extents: &[usize]| part.shape(Shape::new(extents).unwrap());
        assert_eq!(shape(&[264, 3, 5]).unwrap().extents(), [200, 3, 5]);
        assert_eq!(shape(&[300, 5]).unwrap().extents(), [200, 5]);
        assert_eq!(shape(&[263, 5]).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

fn pressure() -> Field {
    Field {
        name: "p".into(),
        unit: "Pa".into(),
        dtype: Dtype::F32,
    }
}

#[test]
fn a_dataset_says_where_it_lies_or_says_nothing() {
    for extents in [&[5, 300, 7][..], &[300, 7]] {
        let plain = Dataset::new(Shape::new(extents).unwrap(), vec![pressure()]);
        let short = plain.to_bytes();
        assert_eq!(Dataset::parse(&short, 0).unwrap(), plain);
        let mut placed = plain.clone();
        placed.placement = Some(Placement::default());
        let axes = 3 - extents.len();
        for axis in axes..3 {
            let placement = placed.placement.as_mut().unwrap();
            placement.spacing[axis] = 0.5 + axis as f64;
            placement.origin[axis] = -3.0 * axis as f64;
        }
        placed.check().unwrap();
        let bytes = placed.to_bytes();
        assert_eq!(bytes.len(), short.len() + 1 + 16 * extents.len());
        assert_eq!(Dataset::parse(&bytes, 0).unwrap(), placed);
        placed.time_unit = "s".into();
        let bytes = placed.to_bytes();
        assert_eq!(Dataset::parse(&bytes, 0).unwrap(), placed);
        let newer = [&bytes[..], b"of the future"].concat();
        assert_eq!(Dataset::parse(&newer, 0).unwrap(), placed);
        // Whole fields may be missing at the end; half a field is damage.
        for len in short.len() + 1..short.len() + 1 + 16 * extents.len() {
            let error = Dataset::parse(&bytes[..len], 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}");
        }
        let at = short.len() + 1;
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut bad = bytes.clone();
            bad[at..at + 8].copy_from_slice(&wrong.to_le_bytes());
            let error = Dataset::parse(&bad, 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{wrong}");
        }
    }
}

#[test]
fn a_dataset_with_values_of_an_unknown_type_is_not_supported() {
    let dataset = Dataset::new(Shape::new(&[3, 4]).unwrap(), vec![pressure()]);
    let mut bytes = dataset.to_bytes();
    let at = bytes.len() - 1;
    for code in 0..=u8::MAX {
        bytes[at] = code;
        match Dataset::parse(&bytes, 0) {
            Ok(found) => assert_eq!(found.dtype(0), Dtype::from_code(code)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                let message = format!("value type {code:#04x}, which this version does not know");
                assert!(error.to_string().contains(&message), "{error}");
                assert_eq!(Dtype::from_code(code), None);
            }
        }
    }
    assert_eq!(dataset.dtype(1), None);
}

#[test]
fn datasets_that_the_format_cannot_hold_are_refused() {
    let dataset = Dataset::new(Shape::new(&[2, 3, 4]).unwrap(), vec![pressure()]);
    dataset.check().unwrap();
    let refused = |change: &dyn Fn(&mut Dataset)| {
        let mut changed = dataset.clone();
        change(&mut changed);
        changed.check().unwrap_err().kind() == ErrorKind::InvalidArgument
    };
    assert!(refused(&|d| d.fields.push(pressure())));
    assert!(refused(&|d| d.fields[0].name = "x".repeat(1025)));
    assert!(refused(&|d| d.time_unit = "x".repeat(1025)));
    assert!(refused(&|d| d.fields.resize(5000, pressure())));
    assert!(refused(&|d| {
        d.placement = Some(Placement {
            spacing: [1.0, 0.0, 1.0],
            ..Placement::default()
        });
    }));
    assert!(refused(&|d| {
        d.placement = Some(Placement {
            origin: [f64::NAN; 3],
            ..Placement::default()
        });
    }));
}

/// A reader that hands out few bytes at a time.
struct Dripping<'a>(&'a [u8], usize);

impl std::io::Read for Dripping<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.len().min(out.len()).min(self.1);
        let (now, later) = self.0.split_at(n);
        out[..n].copy_from_slice(now);
        self.0 = later;
        Ok(n)
    }
}

#[test]
fn a_stream_gives_the_chunks_of_the_file() {
    let file = sample();
    let reader = Reader::new(&file, &Limits::default()).unwrap();
    for step in [1, 7, 64, 1 << 20] {
        let mut stream = ChunkStream::new(Dripping(&file, step), Limits::default());
        for (number, entry) in reader.entries().iter().enumerate() {
            let (found, payload) = stream.next_chunk().unwrap().unwrap();
            assert_eq!(found, *entry);
            assert_eq!(payload, reader.payload(number).unwrap());
        }
        assert!(stream.next_chunk().unwrap().is_none());
        assert!(stream.next_chunk().unwrap().is_none(), "the end stays");
    }
    let read = |bytes: &[u8]| {
        let mut stream = ChunkStream::new(bytes, Limits::default());
        while stream.next_chunk()?.is_some() {}
        Ok::<(), crate::Error>(())
    };
    for len in 0..file.len() {
        let error = read(&file[..len]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{len}");
    }
    let longer = [&file[..], &[0]].concat();
    assert_eq!(read(&longer).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(read(b"1\n00").unwrap_err().kind(), ErrorKind::Corrupt);
}
