//! Codec `corrections`: what is added to single voxels so that a bound on the largest error holds
//! for every one of them. Format: `spec/codecs/corrections.md`.
//!
//! A payload is made and read one layer of blocks at a time, as a field is decoded: by [`CorrectionWriter`], which finds
//! the corrections, and [`CorrectionReader`], which applies them. [`Corrections`] holds all of a frame.

mod blocks;
mod find;
mod reader;
mod walk;

use crate::base::dtype::{Dtype, Element};
use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::base::limits::Limits;
use crate::base::real::Real;
use crate::codec::ctx::RangeEncoder;
use walk::{Walk, Wanted};

pub use find::CorrectionWriter;
pub use reader::CorrectionReader;

/// What is done to one voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// This many correction steps are added; never 0, at most `i32::MAX` either way.
    Steps(i32),
    /// The value is replaced by the one with this bit pattern.
    Exact(u64),
}

/// The corrections of one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrections {
    /// Voxel (index in the grid, `x` fastest, ascending) and what is done to it.
    pub entries: Vec<(u64, Correction)>,
}

impl Corrections {
    /// Serialises the corrections of a field of type `dtype` on a grid of `shape`.
    #[must_use]
    pub fn encode(&self, shape: Shape, dtype: Dtype) -> Vec<u8> {
        let mut coder = RangeEncoder::default();
        let mut walk = Walk::new(shape, dtype);
        while let Some(voxels) = walk.next_layer() {
            let within = |voxel: usize| self.entries.partition_point(|e| e.0 < voxel as u64);
            let layer = ListedLayer {
                first: voxels.start as u64,
                entries: &self.entries[within(voxels.start)..within(voxels.end)],
            };
            walk.layer(&mut coder, &layer, u64::MAX, |_, _| ());
        }
        coder.finish()
    }

    /// Reads corrections of a field of type `dtype` on a grid of `shape`.
    ///
    /// # Errors
    /// `Corrupt` when the payload does not hold corrections of that grid, `LimitExceeded` when they
    /// pass `limits`.
    pub fn decode(shape: Shape, dtype: Dtype, payload: &[u8], limits: &Limits) -> Result<Self> {
        let mut reader = CorrectionReader::new(shape, dtype, payload, limits)?;
        let mut entries = Vec::new();
        while reader.next_layer(entries.len())? {
            let first = entries.len();
            entries.extend(reader.layer().iter().map(|&(at, c)| (at as u64, c)));
            entries[first..].sort_unstable_by_key(|&(voxel, _)| voxel);
        }
        reader.finish()?;
        Ok(Self { entries })
    }
}

/// Corrections of a layer of blocks as a list.
struct ListedLayer<'a> {
    /// The first voxel of the layer.
    first: u64,
    entries: &'a [(u64, Correction)],
}

impl Wanted for ListedLayer<'_> {
    fn at(&self, place: usize) -> Option<Correction> {
        let voxel = self.first + place as u64;
        let found = self.entries.binary_search_by_key(&voxel, |&(v, _)| v).ok();
        found.map(|i| self.entries[i].1)
    }

    fn count(&self, places: std::ops::Range<usize>) -> usize {
        let before = |place| {
            let voxel = self.first + place as u64;
            self.entries.partition_point(|&(v, _)| v < voxel)
        };
        before(places.end) - before(places.start)
    }
}

/// `y + k step` in the working precision, rounded to the sample type (spec section 4.9).
fn moved<E: Element>(y: E, steps: i32, step: E::Work) -> E {
    let moved = E::Work::from_f64(y.to_f64()) + E::Work::from_i32(steps) * step;
    E::from_f64(moved.to_f64())
}

#[cfg(test)]
mod tests;
