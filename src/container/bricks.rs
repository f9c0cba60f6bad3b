//! `BRIK` of form 2: runs of bricks in one chunk (spec section 4.7), so that small bricks do not each
//! pay for a header.

use crate::base::error::{Error, Result};
use crate::container::bytes::{Cursor, Encode};

/// Bytes of all bricks of a small frame, which nobody reads a part of.
const SMALL_FRAME: usize = 1 << 18;
/// Bytes up to which the bricks of a small frame share a chunk, under its checksum alone.
const SMALL_RUN: usize = 1 << 14;
/// The same in larger frames, where every brick of a run has its own checksum and can be read alone.
const RUN: usize = 1 << 16;
/// Most bricks of such a run: whoever reads one brick reads the head over all of them.
const RUN_BRICKS: usize = 64;

/// A brick with its number.
pub type NumberedBrick<'a> = (u32, &'a [u8]);

/// What the head of a run says of a brick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrickSummary {
    /// The brick's number.
    pub number: u32,
    /// Its bytes.
    pub len: usize,
    /// CRC-32 of them.
    pub checksum: u32,
}

impl BrickSummary {
    /// Of brick `number`.
    #[must_use]
    pub fn new(number: u32, bytes: &[u8]) -> Self {
        Self {
            number,
            len: bytes.len(),
            checksum: crc32fast::hash(bytes),
        }
    }
}

/// How bricks are put together to runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunPolicy {
    /// Most bytes of bricks in a run of more than one.
    pub bytes: usize,
    /// Most bricks of a run.
    pub bricks: usize,
    /// Whether the bricks of a run of more than one have checksums of their own.
    pub checksums: bool,
}

impl RunPolicy {
    /// For a frame whose bricks take `bytes` in all.
    #[must_use]
    pub fn of_frame(bytes: usize) -> Self {
        if bytes < SMALL_FRAME {
            Self {
                bytes: SMALL_RUN,
                bricks: usize::MAX,
                checksums: false,
            }
        } else {
            Self {
                bytes: RUN,
                bricks: RUN_BRICKS,
                checksums: true,
            }
        }
    }

    /// The runs of a frame's bricks, which ascend: each the number of its first brick, the part of the
    /// chunk, and the chunk's payload.
    #[must_use]
    pub fn runs(self, bricks: &[(u32, Vec<u8>)]) -> Vec<(u32, Vec<u8>)> {
        let summaries: Vec<_> = bricks
            .iter()
            .map(|(number, bytes)| BrickSummary::new(*number, bytes))
            .collect();
        let mut bytes = bricks.iter().map(|(_, bytes)| bytes);
        let runs = self.split(&summaries);
        runs.map(|run| {
            let mut payload = self.head(run);
            for bytes in bytes.by_ref().take(run.len()) {
                payload.extend_from_slice(bytes);
            }
            (run.first().map_or(0, |brick| brick.number), payload)
        })
        .collect()
    }

    /// The bricks of each run: those that follow each other while they fit.
    pub fn split(self, bricks: &[BrickSummary]) -> impl Iterator<Item = &[BrickSummary]> {
        let (mut filled, mut count) = (0, 1);
        bricks.chunk_by(move |one, next| {
            filled += one.len;
            let fits = filled + next.len <= self.bytes && count < self.bricks;
            (filled, count) = if fits { (filled, count + 1) } else { (0, 1) };
            fits
        })
    }

    /// What stands before the bricks of a run: how many bricks follow the first and whether all have checksums; for each but
    /// the last its length and how many numbers between it and the next are left out; the checksums.
    #[must_use]
    pub fn head(self, run: &[BrickSummary]) -> Vec<u8> {
        let mut out = Vec::new();
        let pairs = run.iter().zip(run.iter().skip(1));
        let checksums = self.checksums && run.len() > 1;
        out.put_varint(2 * pairs.len() as u64 + u64::from(checksums));
        for (brick, next) in pairs {
            out.put_varint(brick.len as u64);
            out.put_varint(u64::from(next.number.saturating_sub(brick.number + 1)));
        }
        if checksums {
            for brick in run {
                out.extend_from_slice(&brick.checksum.to_le_bytes());
            }
            let own = crc32fast::hash(&out);
            out.extend_from_slice(&own.to_le_bytes());
        }
        out
    }
}

/// What the runs of a frame's bricks take in a file besides the bricks: runs and bytes within them.
#[must_use]
pub fn brick_runs_cost(bricks: &[BrickSummary]) -> (usize, usize) {
    let policy = RunPolicy::of_frame(bricks.iter().map(|brick| brick.len).sum());
    policy.split(bricks).fold((0, 0), |(runs, bytes), run| {
        (runs + 1, bytes + policy.head(run).len())
    })
}

/// A run of bricks: what its head says of them.
#[derive(Clone, Debug)]
pub struct BrickRun<'a> {
    bricks: Vec<RunEntry<'a>>,
    head_len: usize,
}

/// A brick in its run.
#[derive(Clone, Debug)]
struct RunEntry<'a> {
    number: u32,
    offset: u64,
    bytes: &'a [u8],
    checksum: Option<u32>,
}

impl<'a> BrickRun<'a> {
    /// Whether the bricks of a run have checksums of their own, and its head too: then the checksum of
    /// the whole payload need not be right, or known.
    #[must_use]
    pub fn has_checksums(payload: &[u8]) -> bool {
        let first = Cursor::new(payload, 0).varint("");
        first.is_ok_and(|first| first & 1 == 1)
    }

    /// Reads the head of a run whose first brick has number `first`; all numbers are below `end`. The
    /// payload lies at `offset` in the file.
    ///
    /// # Errors
    /// `Corrupt` when lengths or numbers do not fit, or the head has another checksum than it says.
    pub fn parse(payload: &'a [u8], offset: u64, first: u32, end: u32) -> Result<Self> {
        let mut f = Cursor::new(payload, offset);
        let count = f.varint("number of bricks behind the first")?;
        let heads = read_heads(&mut f, count >> 1, first, end)?;
        let mut checksums = if count & 1 == 1 {
            read_checksums(&mut f, payload, heads.len())?
        } else {
            Vec::new()
        }
        .into_iter();
        let head_len = payload.len() - f.rest().len();
        let mut bricks = Vec::with_capacity(heads.len());
        for (number, len) in heads {
            let offset = f.offset();
            let len = len.unwrap_or(f.rest().len());
            bricks.push(RunEntry {
                number,
                offset,
                bytes: f.take("brick", len)?,
                checksum: checksums.next(),
            });
        }
        Ok(Self { bricks, head_len })
    }

    /// Bytes before the first brick.
    #[must_use]
    pub(super) fn head_len(&self) -> usize {
        self.head_len
    }

    /// Whether its bricks have checksums of their own.
    pub(super) fn is_checked_by_brick(&self) -> bool {
        self.bricks.iter().any(|brick| brick.checksum.is_some())
    }

    /// Brick `number`, when the run holds it.
    ///
    /// # Errors
    /// `Corrupt` when it has another checksum than the head says.
    pub fn brick(&self, number: u32) -> Result<Option<&'a [u8]>> {
        let found = self.bricks.binary_search_by_key(&number, |b| b.number).ok();
        let entry = found.and_then(|i| self.bricks.get(i));
        entry.map(RunEntry::checked).transpose()
    }

    /// All bricks, which ascend.
    ///
    /// # Errors
    /// `Corrupt` when one has another checksum than the head says.
    pub fn all(&self) -> Result<Vec<NumberedBrick<'a>>> {
        let numbered = |entry: &RunEntry<'a>| Ok((entry.number, entry.checked()?));
        self.bricks.iter().map(numbered).collect()
    }
}

/// Numbers below `end` and lengths of a brick and the `others` after it; the last takes what is left.
fn read_heads(
    f: &mut Cursor<'_>,
    others: u64,
    first: u32,
    end: u32,
) -> Result<Vec<(u32, Option<usize>)>> {
    let below_end = |f: &Cursor<'_>, number: u64| match u32::try_from(number) {
        Ok(number) if number < end => Ok(number),
        _ => Err(f.corrupt(format!("bricks below {end} expected, {number} found"))),
    };
    let most = f.rest().len() as u64;
    let mut heads = Vec::new();
    let mut number = below_end(f, first.into())?;
    for _ in 0..others {
        let len = f.varint_up_to("length of a brick", most)?;
        heads.push((number, Some(usize::try_from(len).unwrap_or(usize::MAX))));
        let left_out = f.varint("number of bricks left out")?;
        number = below_end(f, left_out.saturating_add(1 + u64::from(number)))?;
    }
    heads.push((number, None));
    Ok(heads)
}

/// The checksums of `count` bricks, when the one of the head of `payload`, which follows, is right.
fn read_checksums(f: &mut Cursor<'_>, payload: &[u8], count: usize) -> Result<Vec<u32>> {
    let start = f.offset() - (payload.len() - f.rest().len()) as u64;
    let checksums: Vec<u32> = (0..count)
        .map(|_| f.u32("checksum of a brick"))
        .collect::<Result<_>>()?;
    let (head, _) = payload.split_at(payload.len() - f.rest().len());
    let stored = f.u32("checksum of the head")?;
    check("the head of the run", start, stored, crc32fast::hash(head))?;
    Ok(checksums)
}

impl<'a> RunEntry<'a> {
    fn checked(&self) -> Result<&'a [u8]> {
        if let Some(stored) = self.checksum {
            check(
                "the brick",
                self.offset,
                stored,
                crc32fast::hash(self.bytes),
            )
            .map_err(|e| e.within(format!("brick {}", self.number)))?;
        }
        Ok(self.bytes)
    }
}

fn check(name: &str, offset: u64, stored: u32, computed: u32) -> Result<()> {
    if stored == computed {
        Ok(())
    } else {
        Err(Error::corrupt(format!(
            "crc {stored:#010x} of {name} expected, {computed:#010x} found"
        ))
        .at(offset))
    }
}

/// All bricks of a run, as [`BrickRun::parse`] and [`BrickRun::all`].
///
/// # Errors
/// As theirs.
pub fn parse_brick_run(
    payload: &[u8],
    offset: u64,
    first: u32,
    end: u32,
) -> Result<Vec<NumberedBrick<'_>>> {
    BrickRun::parse(payload, offset, first, end)?.all()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)] // a test may panic
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn summaries(bricks: &[(u32, Vec<u8>)]) -> Vec<BrickSummary> {
        let summary = |(number, bytes): &(u32, Vec<u8>)| BrickSummary::new(*number, bytes);
        bricks.iter().map(summary).collect()
    }

    fn of_frame(bricks: &[(u32, Vec<u8>)]) -> Vec<(u32, Vec<u8>)> {
        RunPolicy::of_frame(bricks.iter().map(|b| b.1.len()).sum()).runs(bricks)
    }

    fn policy() -> impl Strategy<Value = RunPolicy> {
        (1usize..40_000, 1usize..20, any::<bool>()).prop_map(|(bytes, bricks, checksums)| {
            RunPolicy {
                bytes,
                bricks,
                checksums,
            }
        })
    }

    fn bricks(most: usize) -> impl Strategy<Value = Vec<(u32, Vec<u8>)>> {
        let length = prop_oneof![0usize..300, 0..most];
        prop::collection::vec((0u32..3, length), 1..60).prop_map(|lengths| {
            let mut number = 0;
            let brick = |(gap, len): (u32, usize)| {
                number += gap + 1;
                (number - 1, vec![number.to_le_bytes()[0]; len])
            };
            lengths.into_iter().map(brick).collect()
        })
    }

    proptest! {
        #[test]
        fn runs_hold_what_was_put_in(bricks in bricks(20_000), policy in policy()) {
            let number = bricks.last().map_or(0, |last| last.0) + 1;
            let runs = policy.runs(&bricks);
            let mut back = Vec::new();
            for (i, (first, payload)) in runs.iter().enumerate() {
                let end = runs.get(i + 1).map_or(number, |next| next.0);
                let run = parse_brick_run(payload, 0, *first, end).unwrap();
                let bytes: usize = run.iter().map(|b| b.1.len()).sum();
                prop_assert!(run.len() == 1 || bytes <= policy.bytes);
                prop_assert!(run.len() <= policy.bricks);
                prop_assert_eq!(BrickRun::has_checksums(payload), policy.checksums && run.len() > 1);
                back.extend(run.into_iter().map(|(n, bytes)| (n, bytes.to_vec())));
            }
            prop_assert_eq!(&back, &bricks);
            let (count, heads) = brick_runs_cost(&summaries(&bricks));
            let runs = of_frame(&bricks);
            let bytes = |all: &[(u32, Vec<u8>)]| all.iter().map(|b| b.1.len()).sum::<usize>();
            prop_assert_eq!(count, runs.len());
            prop_assert_eq!(heads + bytes(&bricks), bytes(&runs));
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

        /// No byte of a run with checksums of its own is believed when it is wrong, also by who reads
        /// nothing but the head and one brick.
        #[test]
        fn damage_shows_without_the_checksum_of_the_payload(
            bricks in bricks(300),
            at in any::<prop::sample::Index>(),
            flip in 1u8..=255,
        ) {
            let policy = RunPolicy { bytes: usize::MAX, bricks: usize::MAX, checksums: true };
            let mut runs = policy.runs(&bricks);
            let (first, payload) = &mut runs[0];
            prop_assume!(bricks.len() > 1);
            let at = at.index(payload.len());
            payload[at] ^= flip;
            match BrickRun::parse(payload, 0, *first, u32::MAX) {
                Err(_) => prop_assert!(parse_brick_run(payload, 0, *first, u32::MAX).is_err()),
                Ok(run) => {
                    // Or the flag of the checksums itself is gone, and then the payload's is asked.
                    let damaged = bricks.iter().filter(|b| run.brick(b.0).is_err()).count();
                    prop_assert!(damaged == 1 || !BrickRun::has_checksums(payload));
                }
            }
        }
    }

    #[test]
    fn small_bricks_share_a_chunk() {
        let bricks: Vec<(u32, Vec<u8>)> = (0..20).map(|n| (n, vec![1; 500])).collect();
        let few = of_frame(&bricks);
        assert_eq!(few.len(), 1);
        assert!(!BrickRun::has_checksums(&few[0].1));
        let many: Vec<(u32, Vec<u8>)> = (0..1000).map(|n| (n, vec![1; 500])).collect();
        let many = of_frame(&many);
        assert_eq!(many.len(), 16);
        assert!(many.iter().all(|run| BrickRun::has_checksums(&run.1)));
    }
}
