//! Files with other runs of bricks than the encoder makes, which depend on the size of a frame.
#![allow(unreachable_pub)] // shared by the tests of two crates

use srt::Limits;
use srt::container::{ChunkType, Reader, RunPolicy, Writer, parse_brick_run};

/// Every brick of a run has its own checksum, and runs hold up to three bricks.
pub const CHECKED: RunPolicy = RunPolicy {
    bytes: usize::MAX,
    bricks: 3,
    checksums: true,
};

/// The file with the bricks of its frames, all of form 2, in runs of another policy.
pub fn with_runs(file: &[u8], policy: RunPolicy) -> Vec<u8> {
    let reader = Reader::new(file, &Limits::default()).unwrap();
    let mut writer = Writer::new(Vec::new());
    let mut bricks: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut entries = reader.entries().iter().enumerate().peekable();
    while let Some((number, entry)) = entries.next() {
        let payload = reader.payload(number).unwrap();
        if entry.kind != ChunkType::BRIK {
            writer.chunk(entry.kind, entry.part, payload).unwrap();
            continue;
        }
        let run = parse_brick_run(payload, entry.offset, entry.part, u32::MAX).unwrap();
        bricks.extend(
            run.into_iter()
                .map(|(number, brick)| (number, brick.to_vec())),
        );
        if entries
            .peek()
            .is_none_or(|next| next.1.kind != ChunkType::BRIK)
        {
            for (first, payload) in policy.runs(&std::mem::take(&mut bricks)) {
                writer.chunk(ChunkType::BRIK, first, &payload).unwrap();
            }
        }
    }
    writer.finish().unwrap().0
}
