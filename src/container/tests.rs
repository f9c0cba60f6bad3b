#![allow(clippy::indexing_slicing)]
use super::*;
use crate::error::{ErrorKind, Result};
use crate::grid::Shape;
use crate::limits::Limits;

fn sample() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
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
    let mut writer = Writer::new(Vec::new()).unwrap();
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
    let mut writer = Writer::new(Vec::new()).unwrap();
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
    let dataset = Dataset {
        shape: Shape::new(&[5, 300, 7]).unwrap(),
        fields: vec![Field {
            name: "p".into(),
            unit: "Pa".into(),
            value_bytes: 4,
        }],
    };
    assert_eq!(Dataset::parse(&dataset.to_bytes(), 0).unwrap(), dataset);
    let frame = Frame {
        field: 0,
        step: 3,
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
            levels: 3,
            brick_edge: 128,
            shrink: 5,
            step: 0.5,
            offset: 1.0,
            scale: 0.25,
            network: Some(NetworkUse {
                gains: vec![0.5, 0.0, 1.0],
            }),
        }),
    };
    let bytes = frame.to_bytes(4);
    let parse = |bytes: &[u8]| Frame::parse(bytes, 0, |field| (field == 0).then_some(4));
    assert_eq!(parse(&bytes).unwrap(), frame);
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
