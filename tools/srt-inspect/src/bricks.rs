//! The bricks of a frame where a file has them.

use srt::container::parse_brick_run;

use crate::file::{File, FrameChunks};
use crate::finding::Finding;
use crate::scan::Chunk;

/// The rule for bricks that a frame asks for and the file does not have.
pub const BRICK_MISSING: &str = "brick-missing";

/// A brick where a file has it.
#[derive(Clone, Copy, Debug)]
pub struct StoredBrick<'a> {
    /// The chunk it lies in.
    pub chunk: &'a Chunk,
    /// Its bytes; `None` when the chunk is damaged.
    pub payload: Option<&'a [u8]>,
}

/// The bricks by number, each where the file has it; faults of runs and numbers on the way. `anything` says of each whether
/// it holds something.
pub fn stored_bricks<'b>(
    file: &File<'b>,
    frame: &'b FrameChunks,
    anything: &[bool],
    findings: &mut Vec<Finding>,
) -> Vec<Option<StoredBrick<'b>>> {
    let end = u32::try_from(anything.len()).unwrap_or(u32::MAX);
    let mut bricks: Vec<Option<StoredBrick<'_>>> = vec![None; anything.len()];
    let firsts = frame.bricks.iter().map(|chunk| chunk.header.part);
    let next = firsts.clone().skip(1).chain([end]);
    let before = [0].into_iter().chain(firsts);
    for ((chunk, before), next) in frame.bricks.iter().zip(before).zip(next) {
        let first = chunk.header.part;
        let fault =
            |message: String| Finding::fault("brick", chunk.offset, message).in_chunk(chunk.number);
        if first < before {
            findings.push(fault(format!("brick {first} found out of order")));
        }
        if first >= end {
            findings.push(fault(format!("brick {first} of {end} found")));
            continue;
        }
        let payload = file.scan.payload(chunk);
        let run = if chunk.is_whole() {
            parse_brick_run(payload, chunk.payload_offset(), first, end)
                .inspect_err(|error| {
                    let finding = Finding::from_error("brick", chunk.payload_offset(), error);
                    findings.push(finding.in_chunk(chunk.number));
                })
                .ok()
        } else {
            None
        };
        let Some(run) = run else {
            // What it held, up to the next run, cannot be told.
            let lost = bricks.iter_mut().zip(anything);
            let lost = lost.take(next as usize).skip(first as usize);
            for (brick, _) in lost.filter(|(brick, any)| **any && brick.is_none()) {
                *brick = Some(StoredBrick {
                    chunk,
                    payload: None,
                });
            }
            continue;
        };
        for (number, payload) in run {
            match bricks.get_mut(number as usize) {
                Some(slot @ None) => {
                    *slot = Some(StoredBrick {
                        chunk,
                        payload: Some(payload),
                    });
                }
                _ => findings.push(fault(format!("brick {number} found twice"))),
            }
        }
    }
    for ((number, &anything), brick) in anything.iter().enumerate().zip(&bricks) {
        let fault = |message: String| Finding::fault("brick", frame.chunk.offset, message);
        match brick {
            None if anything => findings.push(Finding {
                rule: BRICK_MISSING,
                ..fault(format!("brick {number} is missing"))
            }),
            Some(brick) if !anything => findings
                .push(fault(format!("brick {number} holds nothing")).in_chunk(brick.chunk.number)),
            _ => {}
        }
    }
    bricks
}
