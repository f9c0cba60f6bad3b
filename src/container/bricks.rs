//! `BRIK` of form 2: runs of bricks in one chunk (spec section 4.7), so that small bricks do not each
//! pay for a header.

use super::bytes::{Cursor, Encode};
use crate::error::Result;

/// Bytes up to which small bricks share a chunk, in a frame that nobody reads a part of: all of its
/// bricks together take less than [`SMALL_FRAME`].
const LONG_RUN: usize = 1 << 14;
/// The same in larger frames: about a page, the least that a reader of one brick takes from a disk.
const SHORT_RUN: usize = 1 << 12;
/// Bytes of all bricks of a small frame.
const SMALL_FRAME: usize = 1 << 18;

/// A brick with its number.
pub type NumberedBrick<'a> = (u32, &'a [u8]);

/// The runs of a frame's bricks, which ascend: each the number of its first brick, the part of the
/// chunk, and the chunk's payload.
#[must_use]
pub fn brick_runs(bricks: &[(u32, Vec<u8>)]) -> Vec<(u32, Vec<u8>)> {
    let runs = split(bricks);
    runs.map(|run| (run.first().map_or(0, |b| b.0), payload(run)))
        .collect()
}

/// What [`brick_runs`] of `bricks` take in a file besides the bricks: runs and bytes within them.
#[must_use]
pub fn brick_runs_cost(bricks: &[(u32, Vec<u8>)]) -> (usize, usize) {
    split(bricks).fold((0, 0), |(runs, bytes), run| {
        (runs + 1, bytes + head(run).len())
    })
}

/// Bricks that follow each other while they fit.
fn split(bricks: &[(u32, Vec<u8>)]) -> impl Iterator<Item = &[(u32, Vec<u8>)]> {
    let total: usize = bricks.iter().map(|(_, bytes)| bytes.len()).sum();
    let most = match total < SMALL_FRAME {
        true => LONG_RUN,
        false => SHORT_RUN,
    };
    let mut filled = 0;
    bricks.chunk_by(move |(_, one), (_, next)| {
        filled += one.len();
        let fits = filled + next.len() <= most;
        if !fits {
            filled = 0;
        }
        fits
    })
}

/// How many bricks follow the first, and for each of them the length of the one before it and how
/// many numbers between the two are left out.
fn head(run: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let pairs = run.iter().zip(run.iter().skip(1));
    out.put_varint(pairs.len() as u64);
    for ((number, bytes), (next, _)) in pairs {
        out.put_varint(bytes.len() as u64);
        out.put_varint(u64::from(next.saturating_sub(number + 1)));
    }
    out
}

fn payload(run: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = head(run);
    for (_, bytes) in run {
        out.extend_from_slice(bytes);
    }
    out
}

/// The bricks of a run whose first has number `first`; all numbers are below `end`. The payload lies
/// at `offset` in the file.
///
/// # Errors
/// `Corrupt` when lengths or numbers do not fit.
pub fn parse_brick_run(
    payload: &[u8],
    offset: u64,
    first: u32,
    end: u32,
) -> Result<Vec<NumberedBrick<'_>>> {
    let mut f = Cursor::new(payload, offset);
    // Two bytes at least for each.
    let most = payload.len() as u64 / 2;
    let others = f.varint_up_to("number of bricks behind the first", most)?;
    let mut heads = Vec::new();
    let mut number = u64::from(first);
    for _ in 0..others {
        let len = f.varint_up_to("length of a brick", payload.len() as u64)?;
        heads.push((number, usize::try_from(len).unwrap_or(usize::MAX)));
        number = number.saturating_add(f.varint("number of bricks left out")?);
        number = number.saturating_add(1);
    }
    if number >= u64::from(end) {
        return Err(f.corrupt(format!("bricks below {end} expected, {number} found")));
    }
    let mut bricks = Vec::with_capacity(heads.len() + 1);
    let within = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    for (number, len) in heads {
        bricks.push((within(number), f.take("brick", len)?));
    }
    bricks.push((within(number), f.rest()));
    Ok(bricks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_hold_what_was_put_in(
            lengths in prop::collection::vec((0u32..3, prop_oneof![0usize..300, 3000usize..20_000]), 1..60),
        ) {
            let mut number = 0;
            let bricks: Vec<(u32, Vec<u8>)> = lengths
                .iter()
                .map(|&(gap, len)| {
                    number += gap + 1;
                    (number - 1, vec![number.to_le_bytes()[0]; len])
                })
                .collect();
            let runs = brick_runs(&bricks);
            let mut back = Vec::new();
            for (i, (first, payload)) in runs.iter().enumerate() {
                let end = runs.get(i + 1).map_or(number, |next| next.0);
                let run = parse_brick_run(payload, 0, *first, end).unwrap();
                prop_assert!(run.len() == 1 || payload.len() < LONG_RUN + 5 * run.len());
                back.extend(run.into_iter().map(|(n, bytes)| (n, bytes.to_vec())));
            }
            let (count, heads) = brick_runs_cost(&bricks);
            let bytes = |all: &[(u32, Vec<u8>)]| all.iter().map(|b| b.1.len()).sum::<usize>();
            prop_assert_eq!(count, runs.len());
            prop_assert_eq!(heads + bytes(&bricks), bytes(&runs));
            prop_assert_eq!(back, bricks);
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            payload in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..60),
            first in any::<u32>(),
            end in any::<u32>(),
        ) {
            if let Ok(bricks) = parse_brick_run(&payload, 0, first, end) {
                prop_assert!(bricks.iter().all(|b| b.0 >= first && b.0 < end));
                prop_assert!(bricks.is_sorted_by(|a, b| a.0 < b.0));
            }
        }
    }

    #[test]
    fn small_bricks_share_a_chunk() {
        let bricks: Vec<(u32, Vec<u8>)> = (0..20).map(|n| (n, vec![1; 500])).collect();
        assert_eq!(brick_runs(&bricks).len(), 1);
        let many: Vec<(u32, Vec<u8>)> = (0..1000).map(|n| (n, vec![1; 500])).collect();
        assert_eq!(brick_runs(&many).len(), 125);
    }
}
