//! How a region is cut into tiles. The result never depends on it, time and memory do.

use crate::backend::plan::layout::Layout;
use crate::backend::plan::parts::parts;
use crate::backend::plan::program::Step;
use crate::base::grid::Region;

/// Tile edges to choose from, in coarse voxels.
const EDGES: [usize; 13] = [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024];

/// What counts in the choice of a tile edge.
pub(in crate::backend) struct Costs<F> {
    /// Tiles that run at the same time.
    pub(in crate::backend) threads: usize,
    /// Most bytes of activations of one tile.
    pub(in crate::backend) most_bytes: u64,
    /// Bytes of activations of a tile that count as much as the whole work of a network: the weight of
    /// memory against halo.
    pub(in crate::backend) bytes_as_work: f64,
    /// Work of a step per voxel.
    pub(in crate::backend) work: F,
}

/// The edge with the least estimated cost among those that take at most `most_bytes` per tile.
pub(in crate::backend) fn best_edge<C>(
    layout: &Layout<'_, C>,
    region: Region,
    costs: &Costs<impl Fn(&C) -> f64>,
) -> usize {
    let cost = |edge: usize| {
        let tiles: usize = region.size.iter().map(|n| n.div_ceil(edge)).product();
        // The busiest thread's share, as a part of all tiles.
        let share = tiles.div_ceil(costs.threads) as f64 / tiles as f64;
        let memory = 1.0 + layout.activation_bytes(edge) as f64 / costs.bytes_as_work;
        work(layout, region, edge, &costs.work) * share * memory
    };
    let longest = region.size.iter().copied().max().unwrap_or(1);
    // Beyond the region's length all edges are equal.
    let useful = EDGES.iter().filter(|&&e| e < 2 * longest);
    let fitting = useful.filter(|&&e| layout.activation_bytes(e) <= costs.most_bytes);
    let best = fitting.min_by(|&&a, &&b| cost(a).total_cmp(&cost(b)));
    *best.unwrap_or(&EDGES[0])
}

/// Work of all tiles of `edge`, halo included.
fn work<C>(
    layout: &Layout<'_, C>,
    region: Region,
    edge: usize,
    per_voxel: impl Fn(&C) -> f64,
) -> f64 {
    let of_step = |step: &Step<C>| {
        // Boxes are products of intervals, so sums over tiles factor into sums over axes.
        let voxels = [0, 1, 2].map(|axis| {
            let lengths = parts(region.size[axis], edge).map(|(start, len)| {
                let mut tile = region;
                tile.start[axis] += start;
                tile.size[axis] = len;
                layout.zone(step, tile).size[axis]
            });
            lengths.sum::<usize>() as f64
        });
        voxels.iter().product::<f64>() * per_voxel(&step.conv)
    };
    layout.program.steps.iter().map(of_step).sum()
}

/// Splits `region` into boxes of at most `edge` along every axis, as even as can be.
pub(in crate::backend) fn split(region: Region, edge: usize) -> Vec<Region> {
    let [z, y, x] = region.size.map(|n| parts(n, edge));
    let mut tiles = Vec::with_capacity(z.len() * y.len() * x.len());
    for (z, depth) in z {
        for (y, height) in y.clone() {
            for (x, width) in x.clone() {
                let [z0, y0, x0] = region.start;
                tiles.push(Region {
                    start: [z0 + z, y0 + y, x0 + x],
                    size: [depth, height, width],
                });
            }
        }
    }
    tiles
}
