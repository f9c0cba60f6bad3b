//! The bricks of a frame, found in the chunks that hold runs of them.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use crate::base::error::{Error, Result};
use crate::container::BrickRun;
use crate::frame::chunks::Payloads;
use crate::frame::wavelet::stored::BrickPayloads;

/// The bricks of a frame by number.
pub(crate) struct FileBricks<'a> {
    payloads: &'a dyn Payloads,
    /// Ascending.
    runs: Vec<FileRun<'a>>,
    /// Number of bricks of the frame.
    all: u32,
}

/// A chunk that holds bricks.
struct FileRun<'a> {
    /// Number of its first brick.
    first: u32,
    chunk: usize,
    /// Read when the first of its bricks is asked for.
    run: Mutex<Option<BrickRun<'a>>>,
}

impl<'a> FileBricks<'a> {
    /// The bricks in `chunks` of `payloads`, in a frame of `all` bricks.
    ///
    /// # Errors
    /// `Corrupt` when the chunks do not follow each other by their bricks.
    pub(crate) fn new(payloads: &'a dyn Payloads, chunks: &[usize], all: u32) -> Result<Self> {
        let mut runs: Vec<FileRun<'_>> = Vec::with_capacity(chunks.len());
        for &chunk in chunks {
            let first = payloads.part(chunk);
            if first >= all {
                return Err(Error::corrupt(format!("brick {first} of {all} found")));
            }
            match runs.last().map(|last| last.first) {
                Some(last) if last == first => {
                    return Err(Error::corrupt(format!("brick {first} found twice")));
                }
                Some(last) if last > first => {
                    return Err(Error::corrupt(format!(
                        "brick {first} found behind brick {last}"
                    )));
                }
                _ => runs.push(FileRun {
                    first,
                    chunk,
                    run: Mutex::default(),
                }),
            }
        }
        Ok(Self {
            payloads,
            runs,
            all,
        })
    }
}

impl BrickPayloads for FileBricks<'_> {
    fn prepare(&self, numbers: &mut dyn Iterator<Item = usize>) -> Result<()> {
        let run = |number| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let after = self.runs.partition_point(|run| run.first <= number);
            self.runs.get(after.checked_sub(1)?).map(|run| run.chunk)
        };
        let mut chunks: Vec<usize> = numbers.filter_map(run).collect();
        chunks.sort_unstable();
        chunks.dedup();
        self.payloads.fetch(&chunks)
    }

    fn brick(&self, number: usize) -> Result<Option<Cow<'_, [u8]>>> {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let after = self.runs.partition_point(|run| run.first <= number);
        let Some(own) = after.checked_sub(1).and_then(|i| self.runs.get(i)) else {
            return Ok(None);
        };
        // A panic while the lock was held leaves nothing half done.
        let mut run = own.run.lock().unwrap_or_else(PoisonError::into_inner);
        let run = match &mut *run {
            Some(run) => run,
            none => {
                let end = self.runs.get(after).map_or(self.all, |next| next.first);
                none.insert(self.payloads.run(own.chunk, end)?)
            }
        };
        Ok(self.payloads.brick(run, number)?.map(Cow::from))
    }
}
