//! Where activations lie: tiles, the boxes their steps compute, and addresses in the arena.
//!
//! An arena holds the coarse blocks of a tile, then the fine blocks of one section of it. Activations lie in
//! blocks of [`LANES`] channels, `[block][z][y][x][lane]`: the stride between voxels is a constant, and the
//! concatenation in a dense block is a list of blocks.

use crate::backend::input::{is_clipped, refinement};
use crate::backend::plan::parts::parts;
use crate::backend::plan::program::{Grid, LANES, Program, Step, StepTarget};
use crate::backend::request::PredictRequest;
use crate::base::grid::Region;

/// Fewest coarse planes of a section; its halo is two on either side.
const LEAST_SECTION: usize = 8;

/// Offsets in elements of a dense array of voxels.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend) struct Strides {
    /// Between activation blocks.
    pub(in crate::backend) block: usize,
    /// Between z planes.
    pub(in crate::backend) slice: usize,
    /// Between rows.
    pub(in crate::backend) row: usize,
    /// Between voxels.
    pub(in crate::backend) voxel: usize,
}

impl Strides {
    /// Offset of voxel `[z, y, x]`.
    pub(in crate::backend) fn offset(&self, at: [usize; 3]) -> usize {
        at[0] * self.slice + at[1] * self.row + at[2] * self.voxel
    }
}

/// Where requantised activations go: offsets of the first voxel in the arena.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Activations {
    pub(in crate::backend) to: usize,
    pub(in crate::backend) strides: Strides,
    /// Activations to add, with the same strides.
    pub(in crate::backend) skip: Option<usize>,
    /// Activations to which the result, scaled, is added; with the same strides.
    pub(in crate::backend) blend: Option<(usize, f32)>,
}

/// A box of activations in coordinates of its grid, which may lie outside the domain.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::backend) struct ActivationBox {
    pub(in crate::backend) start: [isize; 3],
    pub(in crate::backend) size: [usize; 3],
}

impl ActivationBox {
    /// `region` grown by `margin`, cut to `domain` grown by `zeros` along the clipped axes.
    fn around(
        region: Region,
        margin: [usize; 3],
        domain: [usize; 3],
        clip: [Option<usize>; 3],
    ) -> Self {
        let mut out = Self::default();
        for axis in 0..3 {
            let mut low = region.start[axis] as isize - margin[axis] as isize;
            let mut high = (region.end(axis) + margin[axis]) as isize;
            if let Some(zeros) = clip[axis] {
                low = low.max(-(zeros as isize));
                high = high.min((domain[axis] + zeros) as isize);
            }
            out.start[axis] = low;
            out.size[axis] = (high - low) as usize;
        }
        out
    }

    /// Bytes of one block of activations.
    fn bytes(&self) -> u64 {
        let voxel = 2 * LANES as u64;
        (self.size.iter()).fold(voxel, |product, &n| product.saturating_mul(n as u64))
    }

    pub(in crate::backend) fn strides(&self) -> Strides {
        Strides {
            block: self.size.iter().product::<usize>() * LANES,
            slice: self.size[1] * self.size[2] * LANES,
            row: self.size[2] * LANES,
            voxel: LANES,
        }
    }

    /// Offset of the voxel at grid coordinates `at`.
    pub(in crate::backend) fn offset(&self, at: [isize; 3]) -> usize {
        let at = [0, 1, 2].map(|axis| (at[axis] - self.start[axis]) as usize);
        self.strides().offset(at)
    }
}

/// Coordinates of one tile.
pub(in crate::backend) struct Tile {
    /// Coarse and fine activations.
    pub(in crate::backend) boxes: [ActivationBox; 2],
    /// The region in voxels of both grids.
    pub(in crate::backend) regions: [Region; 2],
    /// Extents of the domain on both grids.
    domains: [[usize; 3]; 2],
}

/// One network on one input, and where its activations lie.
pub(in crate::backend) struct Layout<'a, C> {
    pub(in crate::backend) program: &'a Program<C>,
    pub(in crate::backend) request: &'a PredictRequest<'a>,
    /// Bytes of fine activations to aim at.
    pub(in crate::backend) section_bytes: usize,
}

impl<C> Layout<'_, C> {
    /// Bytes of activations of a tile of `edge` in the middle of the domain, where it has halo
    /// on all sides.
    pub(in crate::backend) fn activation_bytes(&self, edge: usize) -> u64 {
        let domain = self.request.input.domain;
        let tile = self.tile(Region {
            start: domain.map(|n| (n - n.min(edge)) / 2),
            size: domain.map(|n| n.min(edge)),
        });
        let section = self.section(
            &tile,
            self.sections(&tile).next().unwrap_or(tile.regions[0]),
        );
        let blocks = |grid: Grid| self.program.blocks[grid as usize] as u64;
        let bytes = |grid: Grid| {
            section.boxes[grid as usize]
                .bytes()
                .saturating_mul(blocks(grid))
        };
        bytes(Grid::Coarse).saturating_add(bytes(Grid::Fine))
    }

    /// The parts of a tile that go through the fine steps one after the other: sections of z
    /// planes, or the whole tile where nothing is fine.
    pub(in crate::backend) fn sections(
        &self,
        tile: &Tile,
    ) -> impl Iterator<Item = Region> + use<C> {
        let blocks = self.program.blocks[Grid::Fine as usize];
        let plane = tile.boxes[Grid::Fine as usize].strides().slice * 2 * blocks;
        // Fine planes, without their halo, to coarse ones.
        let fitting = (self.section_bytes / plane.max(1)).saturating_sub(8) / 2;
        let whole = tile.regions[Grid::Coarse as usize];
        parts(whole.size[0], fitting.max(LEAST_SECTION)).map(move |(start, len)| {
            let mut region = whole;
            region.start[0] += start;
            region.size[0] = len;
            region
        })
    }

    /// The tile's coarse activations with the fine ones of `region`, a part of it.
    pub(in crate::backend) fn section(&self, tile: &Tile, region: Region) -> Tile {
        let part = self.tile(region);
        Tile {
            boxes: [tile.boxes[0], part.boxes[1]],
            ..part
        }
    }

    fn rank_margin(&self, margin: usize) -> [usize; 3] {
        let flat = self.request.network.arch().rank == 2;
        [if flat { 0 } else { margin }, margin, margin]
    }

    fn clip(&self, zeros: usize) -> [Option<usize>; 3] {
        let zeros = self.rank_margin(zeros);
        [0, 1, 2].map(|axis| {
            is_clipped(self.request.network, self.request.input.extension[axis])
                .then_some(zeros[axis])
        })
    }

    pub(in crate::backend) fn tile(&self, region: Region) -> Tile {
        let factor = refinement(self.request.network);
        let scaled = |v: [usize; 3]| [0, 1, 2].map(|axis| v[axis] * factor[axis]);
        let regions = [
            region,
            Region {
                start: scaled(region.start),
                size: scaled(region.size),
            },
        ];
        let domains = [self.request.input.domain, scaled(self.request.input.domain)];
        let boxes = [0, 1].map(|g| {
            ActivationBox::around(
                regions[g],
                self.rank_margin(self.program.reach[g]),
                domains[g],
                self.clip(self.program.zeros[g]),
            )
        });
        Tile {
            boxes,
            regions,
            domains,
        }
    }

    /// The box that `step` computes for the tile on `region`.
    pub(in crate::backend) fn zone(&self, step: &Step<C>, region: Region) -> ActivationBox {
        let tile = self.tile(region);
        let g = step.grid as usize;
        let margin = self.rank_margin(step.margin);
        ActivationBox::around(tile.regions[g], margin, tile.domains[g], self.clip(0))
    }

    /// Whether the box reaches beyond the domain along a clipped axis.
    pub(in crate::backend) fn touches_zeros(&self, tile: &Tile, grid: Grid) -> bool {
        let tile_box = &tile.boxes[grid as usize];
        (0..3).any(|axis| {
            let end = tile_box.start[axis] + tile_box.size[axis] as isize;
            is_clipped(self.request.network, self.request.input.extension[axis])
                && (tile_box.start[axis] < 0 || end > tile.domains[grid as usize][axis] as isize)
        })
    }

    /// Element of the arena where the blocks of `grid` start.
    pub(in crate::backend) fn grid_start(&self, tile: &Tile, grid: Grid) -> usize {
        match grid {
            Grid::Coarse => 0,
            Grid::Fine => tile.boxes[0].strides().block * self.program.blocks[0],
        }
    }

    /// Elements of the arena of a tile with the fine blocks of one section.
    pub(in crate::backend) fn arena_len(&self, section: &Tile) -> usize {
        let fine = section.boxes[Grid::Fine as usize].strides().block;
        self.grid_start(section, Grid::Fine) + fine * self.program.blocks[Grid::Fine as usize]
    }

    /// Element of the arena that the first of `taps` reads in block 0 for the voxel `at` of `grid`.
    pub(in crate::backend) fn first_tap(
        &self,
        tile: &Tile,
        grid: Grid,
        at: [isize; 3],
        taps: [usize; 3],
    ) -> usize {
        let first = [0, 1, 2].map(|axis| at[axis] - (taps[axis] / 2) as isize);
        self.grid_start(tile, grid) + tile.boxes[grid as usize].offset(first)
    }

    /// Where the result of `step`, which begins at `zone.start`, goes.
    pub(in crate::backend) fn targets(
        &self,
        step: &Step<C>,
        tile: &Tile,
        zone: &ActivationBox,
    ) -> Activations {
        match step.target {
            StepTarget::Activation { block, skip, blend } => {
                let tile_box = &tile.boxes[step.grid as usize];
                let strides = tile_box.strides();
                let first = self.grid_start(tile, step.grid) + tile_box.offset(zone.start);
                Activations {
                    to: first + block * strides.block,
                    strides,
                    skip: skip.map(|block| first + block * strides.block),
                    blend: blend.map(|(block, beta)| (first + block * strides.block, beta)),
                }
            }
            StepTarget::Shuffled { block, offset } => {
                let factor = refinement(self.request.network);
                let tile_box = &tile.boxes[Grid::Fine as usize];
                let strides = tile_box.strides();
                let at = [0, 1, 2]
                    .map(|axis| zone.start[axis] * factor[axis] as isize + offset[axis] as isize);
                Activations {
                    to: self.grid_start(tile, Grid::Fine)
                        + tile_box.offset(at)
                        + block * strides.block,
                    strides: Strides {
                        block: strides.block,
                        slice: strides.slice * factor[0],
                        row: strides.row * factor[1],
                        voxel: strides.voxel * factor[2],
                    },
                    skip: None,
                    blend: None,
                }
            }
        }
    }
}
