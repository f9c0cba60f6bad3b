//! Bottom-up Lagrangian pruning.

use crate::codec::ctx::BlockCost;
use crate::octree::Octree;
use crate::transform::Plan;

/// The tree with the least `squared error + lambda * bits`, given what each node costs.
///
/// `costs[l]` has one entry per node of level `l`, distortion and `lambda` in the same unit. A node
/// is stored when that, with the best choice for everything below it, is cheaper than leaving out the
/// whole box. `wanted[l]` tells which nodes have anything to store at all.
#[must_use]
pub fn prune(plan: &Plan, costs: &[Vec<BlockCost>], wanted: &[Vec<bool>], lambda: f32) -> Octree {
    let mut tree = Octree::uniform(plan, false);
    // Of each node's box, all levels up to its own: error when left out, price when at its best.
    let mut left_out: Vec<f64> = Vec::new();
    let mut best: Vec<f64> = Vec::new();
    for level in 0..costs.len() {
        let nodes = costs[level].len();
        let (mut out_here, mut best_here) = (vec![0.0; nodes], vec![0.0; nodes]);
        let mut wanted_below = vec![false; nodes];
        for child in 0..left_out.len() {
            let Some(parent) = tree.parent(level - 1, child) else {
                continue;
            };
            out_here[parent] += left_out[child];
            best_here[parent] += best[child];
            wanted_below[parent] |= tree.grids[level - 1].stored[child];
        }
        for node in 0..nodes {
            let cost = &costs[level][node];
            out_here[node] += f64::from(cost.left_out);
            let stored = best_here[node] + f64::from(cost.stored + lambda * cost.bits);
            let anything = wanted[level][node] || wanted_below[node];
            if anything && stored < out_here[node] {
                tree.grids[level].stored[node] = true;
                best_here[node] = stored;
            } else {
                best_here[node] = out_here[node];
            }
        }
        (left_out, best) = (out_here, best_here);
    }
    tree.clear_below_left_out();
    tree
}

impl Octree {
    /// A node below one that is left out is left out too.
    fn clear_below_left_out(&mut self) {
        for level in (0..self.grids.len().saturating_sub(1)).rev() {
            for node in 0..self.grids[level].stored.len() {
                if let Some(parent) = self.parent(level, node) {
                    let kept = self.grids[level + 1].stored[parent];
                    self.grids[level].stored[node] &= kept;
                }
            }
        }
    }
}
