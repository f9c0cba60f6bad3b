//! What every backend plans before it computes: the order of a network's convolutions, where activations lie, and how a
//! region is cut into tiles.
//!
//! | module | job |
//! |---|---|
//! | `program` | the convolutions of a network in order, with the blocks they read and write |
//! | `layout` | where the activations of a tile lie |
//! | `tiling` | how a region is cut into tiles |
//! | `parts` | even parts of a length |

pub(super) mod layout;
pub(super) mod parts;
pub(super) mod program;
pub(super) mod tiling;
