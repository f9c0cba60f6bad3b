//! What the fuzz targets share.

use srt::Limits;
use srt::container::{ChunkType, Writer};

/// Small budgets, so that an input that asks for much is refused fast.
pub fn limits() -> Limits {
    Limits::default()
        .with_decoded_bytes(32 << 20)
        .with_chunk_bytes(4 << 20)
        .with_network_parameters(100_000)
}

/// The types of the registry, and two that no reader knows.
const KINDS: [&[u8; 4]; 12] = [
    b"DSET", b"NETW", b"NREF", b"FRAM", b"MASK", b"TREE", b"BRIK", b"CORR", b"teXt", b"NOPE",
    b"aTTr", b"paRT",
];

/// A file whose checksums are right, so that the fuzzer gets past them to the records. The input is a
/// row of chunks: type, part, length (two bytes), payload. An input that begins like a file is taken
/// as one, and its checksum is put right where it has the one of compact files.
pub fn forge(data: &[u8]) -> Vec<u8> {
    if srt::is_compact(data) && data.len() > 4 {
        let covered = &data[..data.len() - 4];
        return [covered, &crc32(covered).to_le_bytes()].concat();
    }
    if data.starts_with(b"\x89SRT") {
        return data.to_vec();
    }
    let mut writer = Writer::new(Vec::new());
    let mut rest = data;
    while let [kind, part, low, high, after @ ..] = rest {
        let kind = KINDS[usize::from(*kind) % KINDS.len()];
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (payload, next) = after.split_at(len);
        let kind = ChunkType::from_bytes(*kind).expect("letters");
        writer
            .chunk(kind, u32::from(*part), payload)
            .expect("a vector takes everything");
        rest = next;
    }
    writer.finish().expect("a vector takes everything").0
}

fn crc32(bytes: &[u8]) -> u32 {
    let by_bit = |crc: u32, _| crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    let by_byte = |crc: u32, &byte: &u8| (0..8).fold(crc ^ u32::from(byte), by_bit);
    !bytes.iter().fold(!0, by_byte)
}

/// The chunks of a file as input for [`forge`]: seeds are made from real files. `None` for damaged ones.
pub fn unforge(file: &[u8]) -> Option<Vec<u8>> {
    let limits = Limits::default();
    let reader = srt::container::Reader::new(file, &limits).ok()?;
    let mut out = Vec::new();
    for (number, entry) in reader.entries().iter().enumerate() {
        let payload = reader.payload(number).ok()?;
        let kind = KINDS.iter().position(|k| **k == entry.kind.to_bytes())?;
        out.push(kind as u8);
        out.push(entry.part as u8);
        out.extend(u16::try_from(payload.len()).ok()?.to_le_bytes());
        out.extend(payload);
    }
    Some(out)
}
