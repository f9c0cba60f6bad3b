//! The files that are shown.

use std::sync::Arc;

use srt::{AnyVolume, Decoder, Error, FrameReader, Input, Region, Result};

use crate::cache::Cache;
use crate::place::{BoxPlace, FramePlace};

/// Levels of at most so many bytes are decoded in whole, whatever part of them is asked for: 2^24 voxels of single precision.
const WHOLE_LEVEL: usize = 64 << 20;
/// Of larger levels, planes are decoded so many at a time, because the next one is likely to be asked for.
const SLAB: usize = 16;

/// A file to show.
#[derive(Debug)]
pub struct ShownFile {
    /// What the page calls it.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The file, opened; or why it cannot be.
    pub decoder: Result<Decoder<'static>>,
    /// What was encoded: the steps of its first field, in their order. May be empty.
    pub originals: Vec<Input>,
}

/// All that is shown.
#[derive(Debug)]
pub struct Viewer {
    files: Vec<ShownFile>,
    cache: Cache,
}

impl Viewer {
    /// Shows `files`, and keeps at most `cache_bytes` of what it decoded of them, or the box decoded last.
    #[must_use]
    pub fn new(files: Vec<ShownFile>, cache_bytes: usize) -> Self {
        Self {
            files,
            cache: Cache::new(cache_bytes),
        }
    }

    pub(crate) fn files(&self) -> &[ShownFile] {
        &self.files
    }

    fn file(&self, number: usize) -> Result<&ShownFile> {
        let missing = || Error::invalid(format!("file {number} of {} asked for", self.files.len()));
        self.files.get(number).ok_or_else(missing)
    }

    /// # Errors
    /// `InvalidArgument` for a file or frame that does not exist, and why the file cannot be read.
    pub(crate) fn frame(&self, place: FramePlace) -> Result<FrameReader<'_>> {
        match &self.file(place.file)?.decoder {
            Ok(decoder) => decoder.frame_at(place.frame),
            Err(error) => Err(Error::new(error.kind(), error.to_string())),
        }
    }

    /// What was encoded, where that is given.
    ///
    /// # Errors
    /// As [`Viewer::frame`].
    pub(crate) fn original(&self, place: FramePlace) -> Result<Option<&Input>> {
        let frame = self.frame(place)?;
        let file = self.file(place.file)?;
        Ok(file.original_of(frame))
    }

    /// A box of a level, and the volume of a box around it that was decoded.
    ///
    /// # Errors
    /// Those of decoding.
    pub(crate) fn decoded(
        &self,
        place: FramePlace,
        level: usize,
        region: Option<Region>,
    ) -> Result<Decoded> {
        let frame = self.frame(place)?.level(level);
        let grid = frame.grid()?.region();
        let wanted = region.unwrap_or(grid);
        if wanted.is_empty() || !grid.contains(&wanted) {
            return Err(Error::invalid(format!(
                "a box within {:?} expected, {wanted:?} found",
                grid.size
            )));
        }
        let around = self.around(place, grid, wanted)?;
        let key = BoxPlace {
            place,
            level,
            region: around,
        };
        let volume = self.cache.get(key, || {
            if around == grid {
                frame.read_any()
            } else {
                frame.region(around).read_any()
            }
        })?;
        Ok(Decoded {
            volume,
            around,
            wanted,
        })
    }

    /// The box to decode for a box of a level with such a grid.
    fn around(&self, place: FramePlace, grid: Region, wanted: Region) -> Result<Region> {
        let frame = self.frame(place)?;
        let ShownFile { decoder, .. } = self.file(place.file)?;
        let dtype = match decoder {
            Ok(decoder) => decoder.dataset().dtype_of(frame.record())?,
            Err(error) => return Err(Error::new(error.kind(), error.to_string())),
        };
        if grid.len().saturating_mul(dtype.size()) <= WHOLE_LEVEL {
            return Ok(grid);
        }
        let mut around = wanted;
        // A plane: its neighbours are likely to be wanted next.
        if let Some(axis) = (0..3).find(|&axis| wanted.size[axis] == 1 && grid.size[axis] > 1) {
            around.start[axis] = wanted.start[axis] / SLAB * SLAB;
            around.size[axis] = SLAB.min(grid.size[axis] - around.start[axis]);
        }
        Ok(around)
    }
}

impl ShownFile {
    /// What was encoded as that frame, where it is given.
    pub(crate) fn original_of(&self, frame: FrameReader<'_>) -> Option<&Input> {
        let record = frame.record();
        let decoder = self.decoder.as_ref().ok()?;
        let is_before = |other: &FrameReader<'_>| {
            other.record().field == 0 && other.record().step < record.step
        };
        (record.field == 0)
            .then(|| {
                self.originals
                    .get(decoder.frames().filter(is_before).count())
            })
            .flatten()
    }
}

/// A box that was decoded, and the part of it that is wanted.
pub(crate) struct Decoded {
    pub(crate) volume: Arc<AnyVolume>,
    pub(crate) around: Region,
    pub(crate) wanted: Region,
}

impl Decoded {
    /// The wanted box in voxels of the volume's own grid.
    pub(crate) fn part(&self) -> Region {
        Region {
            start: std::array::from_fn(|axis| self.wanted.start[axis] - self.around.start[axis]),
            size: self.wanted.size,
        }
    }
}
