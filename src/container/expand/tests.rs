#![allow(clippy::indexing_slicing)]
use super::*;
use crate::base::error::ErrorKind;
use crate::base::source::SeekSource;
use crate::container::ChunkStream;
use crate::container::bytes::Encode;
use crate::container::compact::{MARK, put_sparse};
use crate::container::header::MAGIC;
use crate::container::reader::Reader;
use proptest::prelude::*;
use std::sync::Arc;

type Chunks = Vec<(ChunkType, u32, Vec<u8>)>;

fn long(chunks: &Chunks) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (kind, part, payload) in chunks {
        writer.chunk(*kind, *part, payload).unwrap();
    }
    writer.finish().unwrap().0
}

fn kind(name: &[u8; 4]) -> ChunkType {
    ChunkType::from_bytes(*name).unwrap()
}

fn sample() -> Vec<u8> {
    long(&vec![
        (ChunkType::DSET, 0, vec![2, 3, 4, 0]),
        (ChunkType::FRAM, 0, vec![0, 0, 7, 0, 0, 0, 0, 0, 0, 9, 0]),
        (kind(b"noTe"), 700, b"of others".to_vec()),
        (ChunkType::BRIK, 3, vec![9; 300]),
    ])
}

/// A compact file of that body, whose length and checksum are right.
fn sealed(version: [u8; 2], body: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend([MARK | version[0], version[1]]);
    out.put_varint(body.len() as u64);
    out.extend(body);
    let crc = crc32fast::hash(&out);
    out.extend(crc.to_le_bytes());
    out
}

fn streamed(bytes: &[u8]) -> Result<Chunks> {
    let mut stream = ChunkStream::new(bytes, Limits::default());
    let mut chunks = Vec::new();
    while let Some((entry, payload)) = stream.next_chunk()? {
        chunks.push((entry.kind, entry.part, payload));
    }
    Ok(chunks)
}

fn read(reader: &Reader<'_>) -> Chunks {
    let entries = reader.entries().iter().enumerate();
    entries
        .map(|(n, e)| (e.kind, e.part, reader.payload(n).unwrap().to_vec()))
        .collect()
}

fn any_chunk() -> impl Strategy<Value = (ChunkType, u32, Vec<u8>)> {
    let known = (0..8usize).prop_map(|code| ChunkType::KNOWN[code]);
    let kinds = prop_oneof![4 => known, 1 => Just(kind(b"noTe"))];
    let parts = prop_oneof![3 => Just(0), 1 => any::<u32>()];
    let byte = prop_oneof![Just(0u8), any::<u8>()];
    (kinds, parts, prop::collection::vec(byte, 0..90))
}

proptest! {
    #[test]
    fn every_reader_finds_the_chunks_of_the_long_form(
        chunks in prop::collection::vec(any_chunk(), 1..9),
    ) {
        let file = long(&chunks);
        let small = compact(file.clone());
        prop_assert!(small.len() < file.len());
        prop_assert_eq!(expand(&small).unwrap(), Some(file));
        let limits = Limits::default();
        prop_assert_eq!(&read(&Reader::new(&small, &limits).unwrap()), &chunks);
        let source = Arc::new(SeekSource::new(std::io::Cursor::new(small.clone())).unwrap());
        prop_assert_eq!(&read(&Reader::from_source(source, &limits).unwrap()), &chunks);
        prop_assert_eq!(&streamed(&small).unwrap(), &chunks);
    }

    #[test]
    fn any_body_is_refused_or_the_only_one_of_its_file(body in prop::collection::vec(any::<u8>(), 0..60)) {
        let file = sealed([0, 3], &body);
        if let Ok(Some(long)) = expand(&file) {
            prop_assert_eq!(compact(long), file);
        }
    }
}

#[test]
fn the_writer_holds_small_files_back_and_large_ones_not() {
    for (len, is_small) in [(100, true), (MAX_EXPANDED, false)] {
        let mut plain = Writer::new(Vec::new());
        let mut held = Writer::compact(Vec::new());
        for writer in [&mut plain, &mut held] {
            writer.chunk(ChunkType::DSET, 0, &[1; 40]).unwrap();
            writer.flush().unwrap();
            writer.chunk(ChunkType::BRIK, 0, &vec![7; len]).unwrap();
        }
        let ((plain, _), (held, bytes)) = (plain.finish().unwrap(), held.finish().unwrap());
        assert_eq!(bytes, held.len() as u64);
        assert_eq!(is_compact(&held), is_small);
        assert_eq!(expand(&held).unwrap().unwrap_or(held), plain);
    }
}

#[test]
fn the_longest_file_is_as_long_as_the_format_says() {
    let of = |len: usize| long(&vec![(ChunkType::BRIK, 0, vec![7; len])]);
    let others = of(9000).len() - 9000;
    let longest = of(MAX_EXPANDED - others);
    assert_eq!(longest.len(), MAX_EXPANDED);
    assert_eq!(expand(&compact(longest.clone())).unwrap(), Some(longest));
    let longer = of(MAX_EXPANDED - others + 1);
    assert_eq!(compact(longer.clone()), longer);
}

#[test]
fn a_frame_record_that_grows_leaves_the_file_long() {
    for len in [300, 1000, 9000, MAX_EXPANDED - 200] {
        let file = long(&vec![(ChunkType::FRAM, 0, vec![7; len])]);
        let small = compact(file.clone());
        assert_eq!(is_compact(&small), len == 300);
        assert_eq!(expand(&small).unwrap().unwrap_or(small), file);
    }
}

#[test]
fn files_that_are_no_small_ones_of_this_version_stay() {
    assert!(compact(Vec::new()).is_empty());
    let mut damaged = sample();
    damaged[50] ^= 1;
    assert_eq!(compact(damaged.clone()), damaged);
    let once = compact(sample());
    assert_eq!(compact(once.clone()), once);
    // Nothing says an optional feature in the compact form.
    let mut file = sample();
    let header = FileHeader {
        optional: 1,
        ..FileHeader::current()
    };
    file[..24].copy_from_slice(&header.to_bytes());
    assert_eq!(compact(file.clone()), file);
}

#[test]
fn a_file_without_chunks_stays_long() {
    let file = long(&Vec::new());
    assert_eq!(compact(file.clone()), file);
    let (written, len) = Writer::compact(Vec::new()).finish().unwrap();
    assert_eq!((written, len), (file.clone(), file.len() as u64));
}

#[test]
fn every_flipped_bit_is_reported() {
    let small = compact(sample());
    for bit in 0..small.len() * 8 {
        let mut bad = small.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(Reader::new(&bad, &Limits::default()).is_err(), "bit {bit}");
        assert!(streamed(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn every_prefix_is_truncated_and_every_tail_corrupt() {
    let small = compact(sample());
    for len in 0..small.len() {
        let read = Reader::new(&small[..len], &Limits::default()).map(|_| ());
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Truncated, "{len}");
        let read = streamed(&small[..len]);
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Truncated, "{len}");
    }
    let longer = [&small[..], &[0]].concat();
    assert_eq!(streamed(&longer).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(expand(&longer).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn what_is_not_the_one_encoding_is_refused() {
    let dataset = [0, 4, 2, 1, 1, 0];
    assert!(expand(&sealed([0, 3], &dataset)).unwrap().is_some());
    let refused = |body: &[u8]| expand(&sealed([0, 3], body)).unwrap_err().kind();
    let bodies: [&[u8]; 12] = [
        b"",
        // An index; a code without a type; a bit that means nothing.
        &[8, 0],
        &[9, 0],
        &[0x20, 0],
        // Letters of a type that has a code; no letters.
        &[0x0F, b'D', b'S', b'E', b'T', 0],
        &[0x0F, 1, 2, 3, 4, 0],
        // A payload behind the end; a part of 0; a part of more than 32 bits.
        &[0, 5, 1],
        &[0x16, 0, 0],
        &[0x16, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F],
        // Of a frame record: bits behind its end, a byte of 0 that is said not to be, too few bytes.
        &[3, 1, 2, 7],
        &[3, 1, 1, 0],
        &[3, 9, 0],
    ];
    for body in bodies {
        assert_eq!(refused(body), ErrorKind::Corrupt, "{body:?}");
    }
    // Zeros that are not written down can make a file longer than a compact one may be.
    let zeros = [&[3, 0x80, 0x80, 1][..], &[0; 1 << 11]].concat();
    assert_eq!(refused(&zeros), ErrorKind::Corrupt);
    let many = vec![6u8; 1 << 13]
        .iter()
        .flat_map(|&k| [k, 0])
        .collect::<Vec<_>>();
    assert_eq!(refused(&many[..1 << 13]), ErrorKind::Corrupt);
}

#[test]
fn newer_versions_are_unsupported_and_damage_comes_first() {
    for version in [[0, 4], [1, 0], [127, 255]] {
        let mut file = sealed(version, &[0, 4, 2, 1, 1, 0]);
        assert_eq!(expand(&file).unwrap_err().kind(), ErrorKind::Unsupported);
        file[13] ^= 1;
        assert_eq!(expand(&file).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

/// The examples of spec section 5.1.
#[test]
fn the_examples_of_the_specification_are_right() {
    let file = long(&vec![
        (ChunkType::DSET, 0, vec![2, 1, 1, 0]),
        (kind(b"teXt"), 0, b"an example".to_vec()),
    ]);
    let expected = [
        &b"\x89SRT\r\n\x1a\n\x80\x03\x16\x00\x04\x02\x01\x01\x00\x0fteXt\x0aan example"[..],
        &[0xDE, 0x93, 0xF9, 0xCC],
    ];
    assert_eq!(compact(file), expected.concat());
    let mut record = Vec::new();
    put_sparse(&mut record, &[0, 0, 7, 0, 0, 0, 0, 0, 0, 9, 0]);
    assert_eq!(record, [4, 7, 2, 9]);
}
