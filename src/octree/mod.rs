//! The SR-octree: which boxes keep detail down to which level.
//!
//! A node of level `l` is a block of 8 coefficients per axis of that level's detail subbands, a box
//! of `16 * 2^l` voxels per split axis. A stored node keeps the details of level `l` in its box and
//! has children of level `l - 1`; a node left out is a leaf of downscaling level `l + 1`: nothing
//! finer is stored there, the networks predict it. A stored node of level 0 is a leaf of
//! downscaling level 0. So leaves cover the domain exactly once by construction (paper section 4.2.2;
//! spec section 4.6).

mod code;
mod octants;
mod prune;

pub use code::{decode, encode};
pub use octants::{Cube, LevelRange, Octant};
pub use prune::prune;

use crate::base::grid::Region;
use crate::codec::ctx::BLOCK;
use crate::transform::{LevelPlan, Plan};

/// The nodes of one level: a grid of blocks and which of them are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeGrid {
    /// Blocks along each axis.
    pub dims: [usize; 3],
    /// Whether the details of this level are stored, block by block, `x` fastest.
    pub stored: Vec<bool>,
}

impl NodeGrid {
    fn new(level: &LevelPlan, stored: bool) -> Self {
        let dims = level.coarse.dims().map(|n| n.div_ceil(BLOCK));
        Self {
            dims,
            stored: vec![stored; dims.iter().product()],
        }
    }

    fn index(&self, [z, y, x]: [usize; 3]) -> usize {
        (z * self.dims[1] + y) * self.dims[2] + x
    }

    fn coord(&self, index: usize) -> [usize; 3] {
        let [_, ny, nx] = self.dims;
        [index / nx / ny, index / nx % ny, index % nx]
    }
}

/// The SR-octree of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Octree {
    /// Nodes by level, finest first.
    grids: Vec<NodeGrid>,
    /// For level `l`: by how much node coordinates shrink from level `l - 1`, per axis (0 or 1).
    shifts: Vec<[u32; 3]>,
}

/// A leaf: its box in voxels and its downscaling level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Box in voxels of the full grid.
    pub region: Region,
    /// Downscaling level: 0 where everything is stored.
    pub level: usize,
}

impl Octree {
    /// All nodes stored, or none.
    #[must_use]
    pub fn uniform(plan: &Plan, stored: bool) -> Self {
        Self {
            grids: plan
                .levels()
                .iter()
                .map(|level| NodeGrid::new(level, stored))
                .collect(),
            shifts: plan
                .levels()
                .iter()
                .map(|level| std::array::from_fn(|axis| u32::from(level.split.contains(axis))))
                .collect(),
        }
    }

    /// Nodes by level, finest first.
    #[must_use]
    pub fn grids(&self) -> &[NodeGrid] {
        &self.grids
    }

    /// Number of stored nodes on all levels.
    #[must_use]
    pub fn stored_nodes(&self) -> usize {
        let stored = |grid: &NodeGrid| grid.stored.iter().filter(|&&s| s).count();
        self.grids.iter().map(stored).sum()
    }

    /// Index at `level + 1` of the parent of node `index` of `level`; `None` at the coarsest level.
    fn parent(&self, level: usize, index: usize) -> Option<usize> {
        let parents = self.grids.get(level + 1)?;
        let shift = self.shifts[level + 1];
        let coord = self.grids[level].coord(index);
        Some(parents.index(std::array::from_fn(|axis| coord[axis] >> shift[axis])))
    }

    /// Leaves, coarse ones first.
    #[must_use]
    pub fn leaves(&self, plan: &Plan) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        for level in (0..self.grids.len()).rev() {
            for index in 0..self.grids[level].stored.len() {
                let reached = match self.parent(level, index) {
                    Some(parent) => self.grids[level + 1].stored[parent],
                    None => true,
                };
                let stored = self.grids[level].stored[index];
                if reached && (!stored || level == 0) {
                    leaves.push(Leaf {
                        region: self.region(plan, level, index),
                        level: if stored { 0 } else { level + 1 },
                    });
                }
            }
        }
        leaves
    }

    /// Box of a node in voxels of the full grid.
    fn region(&self, plan: &Plan, level: usize, index: usize) -> Region {
        let mut start = self.grids[level].coord(index).map(|c| c * BLOCK);
        let mut size = [BLOCK; 3];
        for split in &self.shifts[..=level] {
            for axis in 0..3 {
                start[axis] <<= split[axis];
                size[axis] <<= split[axis];
            }
        }
        Region { start, size }.clipped(plan.shape().dims())
    }
}

#[cfg(test)]
mod tests;
