//! The coded bricks of a frame, in memory or in a file without a name.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::base::error::{Error, Result};
use crate::container::{BrickSummary, RunPolicy};

/// Bricks of a frame of the wavelet form before they are written.
#[derive(Debug, Default)]
pub(crate) struct CodedBricks {
    /// They ascend once all are there.
    bricks: Vec<CodedBrick>,
    /// Where the bytes lie that are not in memory.
    scratch: Option<ScratchFile>,
}

/// A brick and where its bytes are.
#[derive(Debug)]
struct CodedBrick {
    summary: BrickSummary,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    /// Offset in the file.
    Scratch(u64),
}

/// A file that the system removes when the program is done with it, whatever ends it.
#[derive(Debug)]
struct ScratchFile {
    file: Mutex<File>,
    end: u64,
}

impl CodedBricks {
    /// None as yet; their bytes go to a file in `folder`, or to memory without one.
    ///
    /// # Errors
    /// `Io` when there can be no file.
    pub(crate) fn new(folder: Option<&Path>) -> Result<Self> {
        Ok(Self {
            bricks: Vec::new(),
            scratch: folder.map(ScratchFile::new).transpose()?,
        })
    }

    /// Takes bricks with their numbers, in any order.
    ///
    /// # Errors
    /// `Io`, for a disk that is full.
    pub(crate) fn take(&mut self, coded: Vec<(u32, Vec<u8>)>) -> Result<()> {
        for (number, bytes) in coded {
            let summary = BrickSummary::new(number, &bytes);
            let place = match &mut self.scratch {
                Some(scratch) => Place::Scratch(scratch.write(&bytes)?),
                None => Place::Memory(bytes),
            };
            self.bricks.push(CodedBrick { summary, place });
        }
        Ok(())
    }

    /// Puts them in order, when all have been taken.
    pub(crate) fn sort(&mut self) {
        let bricks = &mut self.bricks;
        bricks.sort_unstable_by_key(|brick| brick.summary.number);
    }

    /// What is known of each without its bytes.
    pub(crate) fn summaries(&self) -> Vec<BrickSummary> {
        self.bricks.iter().map(|brick| brick.summary).collect()
    }

    /// Bytes of all.
    pub(crate) fn len(&self) -> usize {
        self.bricks.iter().map(|brick| brick.summary.len).sum()
    }

    /// The bytes of brick `number`, if it is coded.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn brick(&self, number: usize) -> Result<Option<Cow<'_, [u8]>>> {
        let place = |brick: &CodedBrick| brick.summary.number as usize;
        let found = self.bricks.binary_search_by_key(&number, place).ok();
        found.map(|i| self.bytes(&self.bricks[i])).transpose()
    }

    /// Bytes of the payload of each run that [`CodedBricks::runs`] makes.
    pub(crate) fn run_lengths(&self) -> Vec<usize> {
        let policy = RunPolicy::of_frame(self.len());
        let summaries = self.summaries();
        let bytes = |run: &[BrickSummary]| run.iter().map(|brick| brick.len).sum::<usize>();
        let runs = policy.split(&summaries);
        runs.map(|run| policy.head(run).len() + bytes(run))
            .collect()
    }

    /// The payloads of the chunks that hold them, with the number of the first brick of each, one made after the other.
    ///
    /// # Errors
    /// Those of `take`, `Io`.
    pub(crate) fn for_each_run(
        &self,
        mut take: impl FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let policy = RunPolicy::of_frame(self.len());
        let mut bricks = self.bricks.iter();
        for run in policy.split(&self.summaries()) {
            let mut payload = policy.head(run);
            for brick in bricks.by_ref().take(run.len()) {
                payload.extend_from_slice(&self.bytes(brick)?);
            }
            take(run.first().map_or(0, |brick| brick.number), &payload)?;
        }
        Ok(())
    }

    fn bytes<'a>(&'a self, brick: &'a CodedBrick) -> Result<Cow<'a, [u8]>> {
        match (&brick.place, &self.scratch) {
            (Place::Memory(bytes), _) => Ok(Cow::from(bytes)),
            (&Place::Scratch(offset), Some(scratch)) => {
                scratch.read(offset, brick.summary.len).map(Cow::from)
            }
            (Place::Scratch(_), None) => Err(Error::corrupt("a scratch file expected, none found")),
        }
    }
}

impl ScratchFile {
    fn new(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder);
        let file = file.map_err(|e| Error::from(e).within(folder.display()))?;
        Ok(Self {
            file: Mutex::new(file),
            end: 0,
        })
    }

    /// Where the bytes begin.
    fn write(&mut self, bytes: &[u8]) -> Result<u64> {
        let offset = self.end;
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Whoever read last left the file elsewhere.
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.write_all(bytes))
            .map_err(|e| Error::from(e).within("what is coded, in a file without a name"))?;
        self.end += bytes.len() as u64;
        Ok(offset)
    }

    fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![0; len];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bricks_come_back_from_a_file_as_from_memory() {
        let folder = tempfile::tempdir().unwrap();
        let coded = || {
            (0..300u32)
                .rev()
                .map(|n| (2 * n, vec![n as u8; n as usize * 7]))
        };
        let fill = |folder: Option<&Path>| {
            let mut bricks = CodedBricks::new(folder).unwrap();
            bricks.take(coded().take(100).collect()).unwrap();
            bricks.take(coded().skip(100).collect()).unwrap();
            bricks.sort();
            bricks
        };
        let (memory, file) = (fill(None), fill(Some(folder.path())));
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, usize::from(cfg!(windows)));
        assert_eq!(memory.summaries(), file.summaries());
        for (number, bytes) in coded() {
            assert_eq!(file.brick(number as usize).unwrap().unwrap(), bytes);
            assert!(file.brick(number as usize + 1).unwrap().is_none());
        }
        let runs = |bricks: &CodedBricks| {
            let mut runs = Vec::new();
            let keep = |first: u32, payload: &[u8]| {
                runs.push((first, payload.to_vec()));
                Ok(())
            };
            bricks.for_each_run(keep).unwrap();
            runs
        };
        let all: Vec<_> = coded().collect::<Vec<_>>().into_iter().rev().collect();
        let expected = RunPolicy::of_frame(memory.len()).runs(&all);
        assert!(expected.len() > 1);
        for bricks in [&memory, &file] {
            assert_eq!(runs(bricks), expected);
            let lengths: Vec<usize> = expected.iter().map(|run| run.1.len()).collect();
            assert_eq!(bricks.run_lengths(), lengths);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = CodedBricks::new(Some(Path::new("/nowhere/at/all"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
