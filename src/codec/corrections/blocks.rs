//! The blocks of a grid in coding order.

use std::ops::Range;

use crate::base::grid::{Region, Shape};

/// Edge of a block of a 3-D grid.
const EDGE: usize = 8;
/// Edge of a block of a 2-D grid.
const PLANAR_EDGE: usize = 32;

/// The blocks of a grid, whose slowest axis (the first with more than one voxel) is taken for `z`: that changes nothing in the order
/// of blocks or voxels, and a layer of blocks is a few planes of a volume, or a few rows of a plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    pub(super) dims: [usize; 3],
    edge: [usize; 3],
    pub(super) counts: [usize; 3],
}

impl Blocks {
    pub(super) fn new(shape: Shape) -> Self {
        let edge = match shape.grid_rank() {
            2 => PLANAR_EDGE,
            _ => EDGE,
        };
        let dims = turned(shape.dims(), shape.dims());
        let edge = dims.map(|extent| extent.min(edge));
        Self {
            dims,
            edge,
            counts: std::array::from_fn(|axis| dims[axis].div_ceil(edge[axis])),
        }
    }

    /// A box of the grid as the blocks have it.
    pub(super) fn turned(shape: Shape, region: Region) -> Region {
        Region {
            start: turned(shape.dims(), region.start),
            size: turned(shape.dims(), region.size),
        }
    }

    /// Planes of a whole layer.
    pub(super) fn planes(&self) -> usize {
        self.edge[0]
    }

    /// Voxels of layer `number`, by index in the grid.
    pub(super) fn voxels(&self, number: usize) -> Range<usize> {
        let [nz, ny, nx] = self.dims;
        let first = (number * self.edge[0]).min(nz);
        let end = (first + self.edge[0]).min(nz);
        first * ny * nx..end * ny * nx
    }

    /// The voxels of a block, the first plane of its layer being 0.
    pub(super) fn within_layer(&self, [z, y, x]: [usize; 3]) -> Region {
        let [nz, ny, nx] = self.dims;
        let planes = (nz - z * self.edge[0]).min(self.edge[0]);
        let start = [0, y * self.edge[1], x * self.edge[2]];
        Region {
            start,
            size: self.edge,
        }
        .clipped([planes, ny, nx])
    }
}

/// A point with the slowest axis of the grid of extents `dims` first.
fn turned(dims: [usize; 3], mut point: [usize; 3]) -> [usize; 3] {
    let slowest = dims.iter().position(|&extent| extent > 1).unwrap_or(0);
    point.swap(0, slowest);
    point
}
