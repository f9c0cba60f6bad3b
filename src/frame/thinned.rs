//! Levels of a frame that stores none: one voxel of the field out of two along every axis that the level's grid splits
//! (spec section 6.8).

use crate::base::error::{Error, Result};
use crate::base::grid::{Axes, Region, Shape};
use crate::container::MAX_LEVELS;
use crate::frame::sampling::{Sampling, Stand};
use crate::transform::Plan;

/// The voxels of a field that make its field at a downscaling level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thinning {
    /// Grid of the level.
    pub(crate) grid: Shape,
    /// Voxels of the field from one of the level to the next, `z, y, x`.
    strides: [usize; 3],
}

impl Thinning {
    /// From a field of `shape` to `level`.
    ///
    /// # Errors
    /// `InvalidArgument` when no axis is left to be split before that level.
    pub(crate) fn new(shape: Shape, level: usize) -> Result<Self> {
        let plan = Plan::new(shape, Axes::NONE, MAX_LEVELS.into());
        let Some(finer) = plan.levels().get(..level) else {
            return Err(Error::invalid(format!(
                "level up to {} expected, {level} found",
                plan.levels().len()
            )));
        };
        let mut strides = [1; 3];
        for (axis, stride) in strides.iter_mut().enumerate() {
            let is_split = finer.iter().filter(|level| level.split.contains(axis));
            *stride = 1 << is_split.count();
        }
        Ok(Self {
            grid: finer.last().map_or(shape, |level| level.coarse),
            strides,
        })
    }

    /// Voxels of the field from one of the level to the next along an axis.
    pub(crate) fn stride(&self, axis: usize) -> usize {
        self.strides[axis]
    }

    /// Where the voxels of the level lie.
    pub(crate) fn sampling(&self) -> Sampling {
        Sampling {
            strides: self.strides,
            stand: Stand::First,
        }
    }

    /// Voxels of the field for one of the level.
    pub(crate) fn voxels(&self) -> usize {
        self.strides.iter().product()
    }

    /// The box of the field that `region`, a box of the level's grid that is not empty, is taken from.
    pub(crate) fn fine(&self, region: Region) -> Region {
        let axes = [0, 1, 2];
        Region {
            start: axes.map(|axis| region.start[axis] * self.strides[axis]),
            size: axes.map(|axis| (region.size[axis] - 1) * self.strides[axis] + 1),
        }
    }

    /// The voxels of the level out of those of [`Thinning::fine`].
    pub(crate) fn thin<T: Copy>(&self, fine: Region, values: Vec<T>) -> Vec<T> {
        if self.voxels() == 1 {
            return values;
        }
        let [_, height, width] = fine.size;
        let [z, y, x] = self.strides;
        let planes = values.chunks(height * width).step_by(z);
        let rows = planes.flat_map(|plane| plane.chunks(width).step_by(y));
        rows.flat_map(|row| row.iter().step_by(x).copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_stand_at_multiples_of_the_strides() {
        // The last axis is too short to be split, the first for two levels.
        let shape = Shape::new(&[9, 17, 5]).unwrap();
        let place: Vec<usize> = (0..shape.len()).collect();
        for (level, strides, grid) in [
            (0, [1, 1, 1], [9, 17, 5]),
            (1, [2, 2, 1], [5, 9, 5]),
            (2, [2, 4, 1], [5, 5, 5]),
        ] {
            let thinning = Thinning::new(shape, level).unwrap();
            assert_eq!(thinning.grid.dims(), grid);
            let region = Region {
                start: [1, 2, 3],
                size: [2, 3, 2],
            };
            let fine = thinning.fine(region);
            assert!(shape.region().contains(&fine));
            let values = thinning.thin(fine, shape.region().crop(&place, &fine));
            let mut expected = Vec::new();
            for z in 1..3 {
                for y in 2..5 {
                    for x in 3..5 {
                        let [z, y, x] = [z * strides[0], y * strides[1], x * strides[2]];
                        expected.push((z * 17 + y) * 5 + x);
                    }
                }
            }
            assert_eq!(values, expected);
            assert!(
                shape
                    .region()
                    .contains(&thinning.fine(thinning.grid.region()))
            );
        }
        assert!(Thinning::new(shape, 3).is_err());
    }
}
