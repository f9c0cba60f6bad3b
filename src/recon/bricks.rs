//! The partition of all coefficients of a frame into bricks, the units of entropy coding and of
//! random access (spec section 4.7).

use crate::backend::device::Piece;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::codec::ctx::{BLOCK, BandLayout, GridLayout};
use crate::octree::Octree;
use crate::transform::{LevelPlan, Plan, SubbandCode};

/// Levels whose low-pass grid has at most this many samples share one brick with the low-pass.
const SHARED_SAMPLES: usize = 16 * 16 * 16;
/// Domains of so many voxels have bricks of half the edge on their coarse levels, and again half: a
/// region then reads little of them, and beside so many coefficients the restarts of the coder do not
/// show.
const LARGE_DOMAINS: [usize; 2] = [1 << 26, 1 << 29];

/// Smallest edge of a brick in coefficients of its level: 2-D bricks of that many samples need longer
/// edges.
fn min_edge(shape: Shape) -> usize {
    let edge = if shape.grid_rank() == 2 { 256 } else { 32 };
    let halvings = LARGE_DOMAINS.iter().filter(|&&len| shape.len() >= len);
    edge >> halvings.count()
}

/// Which subbands a grid holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subbands {
    /// The low-pass of the coarsest level.
    LowPass,
    /// The detail subbands of a level.
    Details(usize),
}

/// The part of one level that lies in a brick.
#[derive(Clone, Debug)]
pub struct BrickGrid {
    /// Which subbands.
    pub subbands: Subbands,
    /// Box in the level's low-pass grid; its start is a multiple of the block edge.
    pub region: Region,
    /// Bands and blocks in coding order.
    pub layout: GridLayout,
}

/// An independently coded set of grids.
#[derive(Clone, Debug)]
pub struct Brick {
    /// Its grids, coarse levels first.
    pub grids: Vec<BrickGrid>,
}

/// All bricks of a frame in file order: the shared one first, then level by level to the finest.
#[derive(Clone, Debug)]
pub struct Partition {
    bricks: Vec<Brick>,
    /// Edge of the bricks of each level in coefficients, finest first; none for levels in the shared
    /// brick.
    edges: Vec<Option<usize>>,
}

/// Length of a brick of a line in voxels where none is asked for: shorter ones pay for what their coder learns anew.
pub(crate) const LINE_BRICK_EDGE: u32 = 1 << 16;

/// Checks the edge of bricks in voxels that a writer is asked for.
///
/// # Errors
/// `InvalidArgument` unless it is a power of two of at least 64.
pub(crate) fn check_brick_edge(edge: u32) -> Result<()> {
    if edge.is_power_of_two() && edge >= 64 {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "brick edge expected to be a power of two from 64, {edge} found"
    )))
}

impl Partition {
    /// Cuts the levels of `plan` into bricks of `edge` voxels at full resolution.
    ///
    /// # Errors
    /// `InvalidArgument` unless `edge` is a power of two of at least 64.
    pub fn new(plan: &Plan, edge: u32) -> Result<Self> {
        check_brick_edge(edge)?;
        let planar = plan.shape().grid_rank() == 2;
        let coarsest = plan.coarsest();
        let mut shared = vec![BrickGrid {
            subbands: Subbands::LowPass,
            region: coarsest.region(),
            layout: GridLayout {
                bands: vec![BandLayout {
                    code: SubbandCode::LOW,
                    dims: coarsest.dims(),
                }],
                blocks: coarsest.dims().map(|n| n.div_ceil(BLOCK)),
                planar,
            },
        }];
        let mut bricks = Vec::new();
        let mut edges = vec![None; plan.levels().len()];
        for (index, level) in plan.levels().iter().enumerate().rev() {
            if level.coarse.len() <= SHARED_SAMPLES {
                shared.push(BrickGrid::details(
                    index,
                    level,
                    level.coarse.region(),
                    planar,
                ));
                continue;
            }
            let edge = (edge as usize >> (index + 1).min(31)).max(min_edge(plan.shape()));
            edges[index] = Some(edge);
            let mut edges = [edge; 3];
            if plan.axis_plan().joins_planes() {
                // Who wants a plane wants all of them.
                edges[0] = level.coarse.dims()[0];
            }
            for region in boxes(level.coarse.dims(), edges) {
                bricks.push(Brick {
                    grids: vec![BrickGrid::details(index, level, region, planar)],
                });
            }
        }
        bricks.insert(0, Brick { grids: shared });
        Ok(Self { bricks, edges })
    }

    /// Edge of the bricks of a level in coefficients; `None` for a level in the shared brick.
    #[must_use]
    pub fn edge(&self, level: usize) -> Option<usize> {
        self.edges.get(level).copied().flatten()
    }

    /// Bricks in file order; the position is the brick's number in the file.
    #[must_use]
    pub fn bricks(&self) -> &[Brick] {
        &self.bricks
    }
}

/// Boxes of edges `edges` that tile a grid, in `z, y, x` order.
fn boxes(dims: [usize; 3], edges: [usize; 3]) -> impl Iterator<Item = Region> {
    let counts: [usize; 3] = std::array::from_fn(|axis| dims[axis].div_ceil(edges[axis]));
    let [_, ny, nx] = counts;
    (0..counts.iter().product()).map(move |i: usize| {
        let place = [i / nx / ny, i / nx % ny, i % nx];
        Region {
            start: std::array::from_fn(|axis| place[axis] * edges[axis]),
            size: edges,
        }
        .clipped(dims)
    })
}

impl BrickGrid {
    fn details(index: usize, level: &LevelPlan, region: Region, planar: bool) -> Self {
        let bands = level
            .details
            .iter()
            .map(|&code| BandLayout {
                code,
                dims: region.clipped(level.band_dims(code)).size,
            })
            .collect();
        Self {
            subbands: Subbands::Details(index),
            region,
            layout: GridLayout {
                bands,
                blocks: region.size.map(|n| n.div_ceil(BLOCK)),
                planar,
            },
        }
    }

    /// Number of coefficients.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Its integers `q` subband by subband.
    pub fn pieces<'a>(&'a self, q: &'a [i32]) -> impl Iterator<Item = Piece<'a>> {
        let mut first = 0;
        self.layout
            .bands
            .iter()
            .enumerate()
            .map(move |(band, layout)| {
                let rest = q.get(first..).unwrap_or_default();
                first += layout.len();
                Piece {
                    band,
                    region: self.band_region(layout),
                    integers: rest.get(..layout.len()).unwrap_or_default(),
                }
            })
    }

    /// Level of the details it holds; `None` for the low-pass.
    #[must_use]
    pub fn level(&self) -> Option<usize> {
        match self.subbands {
            Subbands::LowPass => None,
            Subbands::Details(level) => Some(level),
        }
    }

    /// Which blocks of the grid the tree stores; all for the low-pass.
    #[must_use]
    pub fn stored(&self, tree: &Octree) -> Vec<bool> {
        let Subbands::Details(level) = self.subbands else {
            return vec![true; self.layout.block_count()];
        };
        let nodes = &tree.grids()[level];
        let mut stored = Vec::with_capacity(self.layout.block_count());
        self.for_each_node_row(nodes.dims, |row, len| {
            stored.extend_from_slice(&nodes.stored[row..row + len]);
        });
        stored
    }

    /// Copies one value per block to its node in the whole level's node grid of extents `dims`.
    pub fn scatter_blocks<V: Copy>(&self, dims: [usize; 3], blocks: &[V], nodes: &mut [V]) {
        let mut rest = blocks;
        self.for_each_node_row(dims, |row, len| {
            let (line, after) = rest.split_at(len);
            nodes[row..row + len].copy_from_slice(line);
            rest = after;
        });
    }

    fn for_each_node_row(&self, dims: [usize; 3], mut f: impl FnMut(usize, usize)) {
        let first = self.region.start.map(|s| s / BLOCK);
        let [bz, by, bx] = self.layout.blocks;
        for z in 0..bz {
            for y in 0..by {
                f(
                    ((first[0] + z) * dims[1] + first[1] + y) * dims[2] + first[2],
                    bx,
                );
            }
        }
    }

    /// The part of subband number `band` that lies in this grid, in coordinates of the band.
    fn band_region(&self, band: &BandLayout) -> Region {
        Region {
            start: self.region.start,
            size: band.dims,
        }
    }

    /// Copies this grid's part of bands into one vector, band after band. `regions` says which box of its
    /// subband each of `bands` holds; it contains the grid's part.
    #[must_use]
    pub fn gather<T: Copy>(&self, regions: &[Region], bands: &[impl AsRef<[T]>]) -> Vec<T> {
        let mut out = Vec::with_capacity(self.len());
        for ((layout, region), band) in self.layout.bands.iter().zip(regions).zip(bands) {
            let (band, part) = (band.as_ref(), self.band_region(layout));
            region.for_each_row(&part, &part, |at, _, len| {
                out.extend_from_slice(&band[at..at + len]);
            });
        }
        out
    }

    /// Calls `f(band values, grid values)` row by row for the part of subband number `band` that lies
    /// both in this grid and in `region`, the box that `values` holds.
    pub(super) fn zip_band<T, V>(
        &self,
        band: usize,
        region: &Region,
        values: &mut [T],
        grid: &[V],
        mut f: impl FnMut(&mut [T], &[V]),
    ) {
        let (before, rest) = self.layout.bands.split_at(band);
        let Some(layout) = rest.first() else { return };
        let first: usize = before.iter().map(BandLayout::len).sum();
        let own = self.band_region(layout);
        region.for_each_row(&own, &region.intersection(&own), |row, at, len| {
            let at = first + at;
            f(&mut values[row..row + len], &grid[at..at + len]);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::Axes;

    #[test]
    fn bricks_tile_every_level_and_are_smaller_in_large_domains() {
        for (extents, edges) in [
            // Spec section 4.7: half the brick edge per level, and not below a minimum by the domain.
            (
                vec![256, 256, 256],
                vec![Some(32), Some(32), Some(32), None],
            ),
            (
                vec![512, 512, 256],
                vec![Some(32), Some(16), Some(16), Some(16)],
            ),
            (
                vec![1024, 1024, 512],
                vec![Some(32), Some(16), Some(8), Some(8)],
            ),
            (vec![1000, 1000], vec![Some(256), Some(256), Some(256)]),
        ] {
            let plan = Plan::new(Shape::new(&extents).unwrap(), Axes::NONE, 15);
            let edge = if extents.len() == 2 { 512 } else { 64 };
            let partition = Partition::new(&plan, edge).unwrap();
            for (level, &expected) in edges.iter().enumerate() {
                assert_eq!(partition.edge(level), expected, "{extents:?} {level}");
            }
            for (index, level) in plan.levels().iter().enumerate() {
                let grids = partition.bricks().iter().flat_map(|brick| &brick.grids);
                let own = grids.filter(|grid| grid.subbands == Subbands::Details(index));
                let cells: usize = own.map(|grid| grid.region.len()).sum();
                assert_eq!(cells, level.coarse.len());
            }
        }
    }
}
