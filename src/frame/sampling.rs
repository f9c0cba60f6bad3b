//! Where the voxels of a coarser level lie among those of the field (spec section 6.11).

use crate::container::Placement;
use crate::transform::LevelPlan;

/// Voxels of the field from one voxel of a level to the next, and what a voxel of the level stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampling {
    /// By axis, `z, y, x`.
    pub(crate) strides: [usize; 3],
    pub(crate) stand: Stand,
}

/// Where a voxel of a level stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// At the first of the voxels that it stands for: the low-pass of 9/7, whose filter is symmetric about it, and thinned fields.
    First,
    /// In their middle: means of them.
    Middle,
}

impl Sampling {
    /// After `levels`, the finest first.
    pub(crate) fn after(levels: &[LevelPlan], stand: Stand) -> Self {
        let splits = |axis| {
            let is_split = levels.iter().filter(|level| level.split.contains(axis));
            1 << is_split.count()
        };
        Self {
            strides: [0, 1, 2].map(splits),
            stand,
        }
    }

    /// Where the voxels lie, in the unit of `fine`, the placement of the field.
    pub(crate) fn place(self, fine: Placement) -> Placement {
        let axes = [0, 1, 2];
        let stride = |axis: usize| self.strides[axis] as f64;
        let shift = |axis: usize| match self.stand {
            Stand::First => 0.0,
            Stand::Middle => 0.5 * (stride(axis) - 1.0),
        };
        Placement {
            spacing: axes.map(|axis| fine.spacing[axis] * stride(axis)),
            origin: axes.map(|axis| fine.origin[axis] + shift(axis) * fine.spacing[axis]),
        }
    }
}
