//! Boxes of grids: what a region of the field needs on every level.

use crate::base::grid::Region;

/// Values of a box of a grid, `x` fastest.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a, T> {
    /// The box.
    pub region: Region,
    /// Its values.
    pub values: &'a [T],
}

/// The boxes that one level is reconstructed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelWindow {
    /// Of the level's own grid: what the next finer level, or the caller, asks for.
    pub fine: Region,
    /// Of the coarse grid: the cells whose details are decoded.
    pub cells: Region,
    /// Of the coarse grid: the low-pass that must be known, for the cells and for the network.
    pub low: Region,
}
