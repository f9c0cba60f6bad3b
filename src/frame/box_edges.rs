//! How large the boxes are that stand for a field.

use crate::base::grid::Shape;

/// Edges of boxes in voxels, by the rank of the field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoxEdges {
    pub(crate) line: usize,
    pub(crate) planar: usize,
    pub(crate) solid: usize,
}

impl BoxEdges {
    /// That of a field of `shape`.
    pub(crate) fn of(self, shape: Shape) -> usize {
        match shape.rank() {
            1 => self.line,
            2 => self.planar,
            _ => self.solid,
        }
    }
}
