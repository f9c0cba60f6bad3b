//! The serialised octree: one adaptive bit per node whose parent is stored, level by level from the
//! coarsest, in `z, y, x` order. One tree has one encoding (spec section 4.6).

use super::Octree;
use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};
use crate::error::{Error, Result};
use crate::transform::Plan;

/// Contexts of one level: how many of the three causal neighbours are stored.
type Contexts = [Bit; 4];

/// Serialises the tree.
#[must_use]
pub fn encode(tree: &Octree) -> Vec<u8> {
    let mut coder = RangeEncoder::default();
    let mut tree = tree.clone();
    visit(&mut tree, |state, stored| {
        coder.bit(state, stored);
        stored
    });
    coder.finish()
}

/// Reads a tree for the levels of `plan`.
///
/// # Errors
/// `Corrupt` when the bytes are not the encoding of a tree of this plan.
pub fn decode(plan: &Plan, bytes: &[u8]) -> Result<Octree> {
    let mut coder = RangeDecoder::new(bytes);
    let mut tree = Octree::uniform(plan, false);
    visit(&mut tree, |state, _| coder.bit(state));
    if encode(&tree) != bytes {
        return Err(Error::corrupt("octree is not in its one legal encoding"));
    }
    Ok(tree)
}

/// Calls `f(context, stored)` for each node that is coded and stores what it returns.
fn visit(tree: &mut Octree, mut f: impl FnMut(&mut Bit, bool) -> bool) {
    for level in (0..tree.grids.len()).rev() {
        let mut contexts: Contexts = [Bit::EVEN; 4];
        for node in 0..tree.grids[level].stored.len() {
            let reached = tree
                .parent(level, node)
                .is_none_or(|parent| tree.grids[level + 1].stored[parent]);
            if !reached {
                continue;
            }
            let grid = &tree.grids[level];
            let coord = grid.coord(node);
            let near = (0..3)
                .filter(|&axis| coord[axis] > 0)
                .filter(|&axis| {
                    let mut before = coord;
                    before[axis] -= 1;
                    grid.stored[grid.index(before)]
                })
                .count();
            let stored = f(&mut contexts[near], grid.stored[node]);
            tree.grids[level].stored[node] = stored;
        }
    }
}
