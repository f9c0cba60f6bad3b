//! Stored integers on their way to the device, added to the details there.

use std::sync::Arc;

use crate::backend::cuda::lift::{Precision, View};
use crate::backend::cuda::machine::{Kernel, Machine};
use crate::backend::cuda::params::{ResidualParams, bytes_of};
use crate::backend::cuda::run::launch_each;
use crate::backend::cuda::stage::Uploads;
use crate::backend::device::{LevelJob, Piece};
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::transform::SubbandCode;

/// Pieces that are staged; their kernels start when the stage is sent.
pub(super) struct PieceUploads<'a> {
    machine: &'a Arc<dyn Machine>,
    precision: Precision,
    job: &'a LevelJob<'a>,
    /// Subbands in coding order, from the first cell of the job on.
    bands: &'a [(SubbandCode, View)],
    staged: Vec<ResidualParams>,
}

impl<'a> PieceUploads<'a> {
    pub(super) fn new(
        machine: &'a Arc<dyn Machine>,
        precision: Precision,
        job: &'a LevelJob<'a>,
        bands: &'a [(SubbandCode, View)],
    ) -> Self {
        Self {
            machine,
            precision,
            job,
            bands,
            staged: Vec::new(),
        }
    }

    /// Stages the part of a piece that lies in the job's cells.
    pub(super) fn take(&mut self, uploads: &mut Uploads, piece: Piece<'_>) -> Result<()> {
        let band = self.bands.get(piece.band);
        let Some(&(code, view)) = band.filter(|_| piece.region.len() == piece.integers.len())
        else {
            return Err(Error::invalid(format!(
                "a piece of one of {} subbands expected, {} values of number {} found",
                self.bands.len(),
                piece.integers.len(),
                piece.band
            )));
        };
        let own = Region {
            start: self.job.cells.start,
            size: self.job.level.band_dims(code),
        };
        let part = piece.region.intersection(&own);
        for block in blocks(part, Uploads::BYTES / size_of::<i32>()) {
            let mut is_zero = true;
            piece.region.for_each_row(&block, &block, |at, _, len| {
                is_zero &= piece.integers[at..at + len].iter().all(|&q| q == 0);
            });
            if !is_zero {
                self.stage(uploads, &piece, view, own, block)?;
            }
        }
        Ok(())
    }

    fn stage(
        &mut self,
        uploads: &mut Uploads,
        piece: &Piece<'_>,
        view: View,
        own: Region,
        block: Region,
    ) -> Result<()> {
        let bytes = block.len() * size_of::<i32>();
        if !uploads.has_room(bytes) {
            self.flush(uploads)?;
        }
        let Some((room, at)) = uploads.add(self.machine, bytes)? else {
            return Err(Error::limit("a piece larger than a stage"));
        };
        piece.region.for_each_row(&block, &block, |at, to, len| {
            let row = bytes_of(&piece.integers[at..at + len]);
            room[to * size_of::<i32>()..][..row.len()].copy_from_slice(row);
        });
        let first = [0, 1, 2].map(|axis| block.start[axis] - own.start[axis]);
        let values = view.from(first, self.precision.bytes());
        self.staged.push(ResidualParams {
            values: values.at,
            q: at,
            to: values.strides,
            step: self.job.dequantiser.step,
            shrink: self.job.dequantiser.shrink,
            size: block.size.into(),
            unused: 0,
        });
        Ok(())
    }

    /// Sends what is staged and adds it.
    pub(super) fn flush(&mut self, uploads: &mut Uploads) -> Result<()> {
        let kernel = match self.precision {
            Precision::F32 => Kernel::ResidualF32,
            Precision::F64 => Kernel::ResidualF64,
        };
        uploads.send(|| {
            self.staged.drain(..).try_for_each(|params| {
                let size = [params.size.z, params.size.y, params.size.x].map(|n| n as usize);
                launch_each(self.machine.as_ref(), kernel, size, &params)
            })
        })
    }
}

/// Cuts a box into boxes of at most `most` values.
fn blocks(part: Region, most: usize) -> Vec<Region> {
    let mut edges = [1; 3];
    let mut left = most;
    for axis in [2, 1, 0] {
        edges[axis] = part.size[axis].min(left).max(1);
        left /= edges[axis];
    }
    let mut out = Vec::new();
    for z in (0..part.size[0]).step_by(edges[0]) {
        for y in (0..part.size[1]).step_by(edges[1]) {
            for x in (0..part.size[2]).step_by(edges[2]) {
                let first = [z, y, x];
                out.push(Region {
                    start: [0, 1, 2].map(|axis| part.start[axis] + first[axis]),
                    size: [0, 1, 2].map(|axis| edges[axis].min(part.size[axis] - first[axis])),
                });
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_a_box_once() {
        let part = Region {
            start: [3, 1, 2],
            size: [5, 7, 9],
        };
        for most in [1, 4, 9, 20, 63, 70, 315, 1000] {
            let blocks = blocks(part, most);
            assert!(blocks.iter().all(|b| b.len() <= most && part.contains(b)));
            let voxels: usize = blocks.iter().map(Region::len).sum();
            assert_eq!(voxels, part.len());
            for (i, a) in blocks.iter().enumerate() {
                assert!(blocks[..i].iter().all(|b| a.intersection(b).is_empty()));
            }
        }
    }
}
