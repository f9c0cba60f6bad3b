//! The serialised octree: one adaptive bit per node whose parent is stored, level by level from the
//! coarsest, in `z, y, x` order. One tree has one encoding (spec section 4.6).

use crate::base::error::{Error, Result};
use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};
use crate::octree::Octree;
use crate::transform::Plan;

/// Contexts of one level: how many of the three causal neighbours are stored.
type NodeContexts = [Bit; 4];

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
        let mut contexts: NodeContexts = [Bit::EVEN; 4];
        let (finer, coarser) = tree.grids.split_at_mut(level + 1);
        let parents = coarser.first().map(|grid| (grid, tree.shifts[level + 1]));
        let grid = &mut finer[level];
        let [nz, ny, nx] = grid.dims;
        for (z, y) in (0..nz).flat_map(|z| (0..ny).map(move |y| (z, y))) {
            let parents = parents.map(|(parents, shift)| {
                let row = parents.index([z >> shift[0], y >> shift[1], 0]);
                (&parents.stored[row..row + parents.dims[2]], shift[2])
            });
            let (before, row) = grid.stored.split_at_mut(grid.dims[2] * (z * ny + y));
            // The rows at y - 1 and z - 1, none outside of the grid.
            let near = [(y, nx), (z, ny * nx)];
            let near = near.map(|(place, back)| match place {
                0 => &[][..],
                _ => &before[before.len() - back..][..nx],
            });
            let mut left = false;
            for (x, stored) in row[..nx].iter_mut().enumerate() {
                let reached = parents.is_none_or(|(parents, shift)| parents[x >> shift]);
                if !reached {
                    left = *stored;
                    continue;
                }
                let above = near.map(|row| row.get(x) == Some(&true));
                let count = above.into_iter().chain([left]).filter(|&s| s).count();
                *stored = f(&mut contexts[count], *stored);
                left = *stored;
            }
        }
    }
}
