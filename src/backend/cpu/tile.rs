//! One tile through all layers.

use super::Isa;
use super::conv::{Activations, Job, Outputs, Strides};
use super::packed::{LANES, PackedConv};
use super::program::{Grid, INPUT_BLOCK, Program, Step, Target};
use super::tiling::parts;
use crate::backend::Scaling;
use crate::backend::input::{NetworkInput, is_clipped, refinement};
use crate::grid::Region;
use crate::network::{InputChannels, Network};

/// Fewest coarse planes of a slab; its halo is two on either side.
const LEAST_SLAB: usize = 8;

/// A box of activations in coordinates of its grid, which may lie outside the domain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    pub(super) start: [isize; 3],
    pub(super) size: [usize; 3],
}

impl Frame {
    /// `region` grown by `margin`, cut to `domain` grown by `zeros` along the clipped axes.
    fn around(
        region: Region,
        margin: [usize; 3],
        domain: [usize; 3],
        clip: [Option<usize>; 3],
    ) -> Self {
        let mut frame = Self::default();
        for axis in 0..3 {
            let mut low = region.start[axis] as isize - margin[axis] as isize;
            let mut high = (region.end(axis) + margin[axis]) as isize;
            if let Some(zeros) = clip[axis] {
                low = low.max(-(zeros as isize));
                high = high.min((domain[axis] + zeros) as isize);
            }
            frame.start[axis] = low;
            frame.size[axis] = (high - low) as usize;
        }
        frame
    }

    /// Bytes of one block of activations.
    fn bytes(&self) -> u64 {
        let voxel = 2 * LANES as u64;
        (self.size.iter()).fold(voxel, |product, &n| product.saturating_mul(n as u64))
    }

    fn strides(&self) -> Strides {
        Strides {
            block: self.size.iter().product::<usize>() * LANES,
            slice: self.size[1] * self.size[2] * LANES,
            row: self.size[2] * LANES,
            voxel: LANES,
        }
    }

    /// Offset of the voxel at grid coordinates `at`.
    fn offset(&self, at: [isize; 3]) -> usize {
        let at = [0, 1, 2].map(|axis| (at[axis] - self.start[axis]) as usize);
        self.strides().offset(at)
    }
}

/// Memory that the tiles of one thread share, one after the other.
#[derive(Default)]
pub(super) struct Scratch {
    /// Coarse blocks, then fine blocks.
    arena: Vec<i16>,
    /// Output of one z plane, `[y][x][padded outputs]`.
    rows: Vec<f32>,
    /// For each position along `x`: index in the box, and whether it is inside the domain.
    columns: Vec<(usize, bool)>,
    scales: [Vec<f32>; 2],
}

impl Scratch {
    fn grow(&mut self, len: usize) {
        if self.arena.len() < len {
            self.arena.resize(len, 0);
        }
    }
}

/// One network on one input; tiles are run from it.
pub(super) struct TileRun<'a> {
    pub(super) isa: Isa,
    pub(super) program: &'a Program,
    pub(super) network: &'a Network,
    pub(super) input: &'a NetworkInput<'a>,
    pub(super) scaling: Scaling,
    /// Bytes of fine activations to aim at.
    pub(super) slab_bytes: usize,
}

/// Coordinates of one tile.
struct Tile {
    /// Coarse and fine activations.
    frames: [Frame; 2],
    /// The region in voxels of both grids.
    regions: [Region; 2],
    /// Extents of the domain on both grids.
    domains: [[usize; 3]; 2],
}

impl TileRun<'_> {
    /// Bytes of activations of a tile of `edge` in the middle of the domain, where it has halo
    /// on all sides.
    pub(super) fn activation_bytes(&self, edge: usize) -> u64 {
        let domain = self.input.domain;
        let tile = self.tile(Region {
            start: domain.map(|n| (n - n.min(edge)) / 2),
            size: domain.map(|n| n.min(edge)),
        });
        let slab = self.slab(&tile, self.slabs(&tile).next().unwrap_or(tile.regions[0]));
        let blocks = |grid: Grid| self.program.blocks[grid as usize] as u64;
        let bytes = |grid: Grid| {
            slab.frames[grid as usize]
                .bytes()
                .saturating_mul(blocks(grid))
        };
        bytes(Grid::Coarse).saturating_add(bytes(Grid::Fine))
    }

    /// Predicts `region`; `emit` gets every z plane of the output: its number within the
    /// region, and values `[y][x][padded outputs]`.
    pub(super) fn run(
        &self,
        region: Region,
        scratch: &mut Scratch,
        mut emit: impl FnMut(usize, &[f32]),
    ) {
        let tile = self.tile(region);
        let (once, per_slab) = self.program.steps.split_at(self.program.fine_from);
        let fine_start = self.grid_start(&tile, Grid::Fine);
        scratch.grow(fine_start);
        if self.touches_zeros(&tile, Grid::Coarse) {
            // Steps write inside the domain only: what lies outside stays zero.
            scratch.arena[..fine_start].fill(0);
        }
        self.fill_input(&tile.frames[Grid::Coarse as usize], scratch);
        for step in once {
            self.step(step, &tile, &mut scratch.arena);
        }
        for region in self.slabs(&tile) {
            let slab = self.slab(&tile, region);
            let fine = slab.frames[Grid::Fine as usize].strides().block;
            scratch.grow(fine_start + fine * self.program.blocks[Grid::Fine as usize]);
            if self.touches_zeros(&slab, Grid::Fine) {
                scratch.arena[fine_start..].fill(0);
            }
            for step in per_slab {
                self.step(step, &slab, &mut scratch.arena);
            }
            let above = region.start[0] - tile.regions[0].start[0];
            let first = above * refinement(self.network)[0];
            self.emit_planes(&slab, scratch, |z, rows| emit(first + z, rows));
        }
    }

    /// The parts of a tile that go through the fine steps one after the other: slabs of z
    /// planes, or the whole tile where nothing is fine.
    fn slabs(&self, tile: &Tile) -> impl Iterator<Item = Region> + use<> {
        let blocks = self.program.blocks[Grid::Fine as usize];
        let plane = tile.frames[Grid::Fine as usize].strides().slice * 2 * blocks;
        // Fine planes, without their halo, to coarse ones.
        let fitting = (self.slab_bytes / plane.max(1)).saturating_sub(8) / 2;
        let whole = tile.regions[Grid::Coarse as usize];
        parts(whole.size[0], fitting.max(LEAST_SLAB)).map(move |(start, len)| {
            let mut region = whole;
            region.start[0] += start;
            region.size[0] = len;
            region
        })
    }

    /// The tile's coarse activations with the fine ones of `region`, a part of it.
    fn slab(&self, tile: &Tile, region: Region) -> Tile {
        let part = self.tile(region);
        Tile {
            frames: [tile.frames[0], part.frames[1]],
            ..part
        }
    }

    fn rank_margin(&self, margin: usize) -> [usize; 3] {
        let flat = self.network.arch().rank == 2;
        [if flat { 0 } else { margin }, margin, margin]
    }

    fn clip(&self, zeros: usize) -> [Option<usize>; 3] {
        let zeros = self.rank_margin(zeros);
        [0, 1, 2]
            .map(|axis| is_clipped(self.network, self.input.extension[axis]).then_some(zeros[axis]))
    }

    fn tile(&self, region: Region) -> Tile {
        let factor = refinement(self.network);
        let scaled = |v: [usize; 3]| [0, 1, 2].map(|axis| v[axis] * factor[axis]);
        let regions = [
            region,
            Region {
                start: scaled(region.start),
                size: scaled(region.size),
            },
        ];
        let domains = [self.input.domain, scaled(self.input.domain)];
        let frames = [0, 1].map(|g| {
            Frame::around(
                regions[g],
                self.rank_margin(self.program.reach[g]),
                domains[g],
                self.clip(self.program.zeros[g]),
            )
        });
        Tile {
            frames,
            regions,
            domains,
        }
    }

    /// The box that `step` computes for the tile on `region`.
    pub(super) fn zone(&self, step: &Step, region: Region) -> Frame {
        let tile = self.tile(region);
        let g = step.grid as usize;
        let margin = self.rank_margin(step.margin);
        Frame::around(tile.regions[g], margin, tile.domains[g], self.clip(0))
    }

    /// Whether the frame reaches beyond the domain along a clipped axis.
    fn touches_zeros(&self, tile: &Tile, grid: Grid) -> bool {
        let frame = &tile.frames[grid as usize];
        (0..3).any(|axis| {
            let end = frame.start[axis] + frame.size[axis] as isize;
            is_clipped(self.network, self.input.extension[axis])
                && (frame.start[axis] < 0 || end > tile.domains[grid as usize][axis] as isize)
        })
    }

    /// Writes the input channels on the whole frame (spec networks 3 and 4).
    fn fill_input(&self, frame: &Frame, scratch: &mut Scratch) {
        let Scratch { arena, columns, .. } = scratch;
        let input = self.input;
        let arch = self.network.arch();
        let clipped = [0, 1, 2].map(|axis| is_clipped(self.network, input.extension[axis]));
        let has = |channel| arch.channels.contains(channel);
        let place = |axis: usize, i: usize| {
            let t = frame.start[axis] + i as isize;
            let inside = input.is_inside_axis(axis, t);
            // Beyond zero padding nothing is looked at; any index of the box will do.
            let index = if clipped[axis] && !inside {
                0
            } else {
                input.extension[axis].index(t, input.domain[axis]) - input.origin[axis]
            };
            (index, inside)
        };
        columns.clear();
        columns.extend((0..frame.size[2]).map(|x| place(2, x)));
        let mut out = arena[INPUT_BLOCK * frame.strides().block..][..frame.strides().block]
            .chunks_exact_mut(LANES);
        for z in 0..frame.size[0] {
            let (iz, inside_z) = place(0, z);
            for y in 0..frame.size[1] {
                let (iy, inside_y) = place(1, y);
                let row = &input.field[(iz * input.size[1] + iy) * input.size[2]..];
                let zero_row = clipped[0] && !inside_z || clipped[1] && !inside_y;
                for (&(ix, inside_x), out) in columns.iter().zip(&mut out) {
                    out.fill(0);
                    if zero_row || clipped[2] && !inside_x {
                        continue;
                    }
                    let inside = inside_z && inside_y && inside_x;
                    let value = row[ix];
                    let mut lanes = out.iter_mut();
                    let mut put = |value| {
                        if let Some(lane) = lanes.next() {
                            *lane = value;
                        }
                    };
                    if has(InputChannels::FIELD) {
                        put(value);
                    }
                    if has(InputChannels::INSIDE_FIELD) {
                        put(if inside { value } else { 0 });
                    }
                    if has(InputChannels::INSIDE) {
                        put(if inside { arch.inside_value() } else { 0 });
                    }
                    if let Some(condition) = input.condition {
                        put(condition);
                    }
                }
            }
        }
    }

    /// The convolution of `conv` whose result starts at `at` (grid coordinates).
    fn job<'c>(
        &self,
        conv: &'c PackedConv,
        tile: &Tile,
        grid: Grid,
        at: [isize; 3],
        size: [usize; 3],
    ) -> Job<'c> {
        let frame = &tile.frames[grid as usize];
        let first_tap = [0, 1, 2].map(|axis| at[axis] - (conv.kernel[axis] / 2) as isize);
        Job {
            conv,
            start: self.grid_start(tile, grid) + frame.offset(first_tap),
            strides: frame.strides(),
            size,
        }
    }

    /// Element of the arena where the blocks of `grid` start.
    fn grid_start(&self, tile: &Tile, grid: Grid) -> usize {
        match grid {
            Grid::Coarse => 0,
            Grid::Fine => tile.frames[0].strides().block * self.program.blocks[0],
        }
    }

    fn step(&self, step: &Step, tile: &Tile, arena: &mut [i16]) {
        let g = step.grid as usize;
        let zone = self.zone(step, tile.regions[0]);
        let job = self.job(&step.conv, tile, step.grid, zone.start, zone.size);
        let to = match step.target {
            Target::Activation { block, skip, blend } => {
                let frame = &tile.frames[g];
                let strides = frame.strides();
                let first = self.grid_start(tile, step.grid) + frame.offset(zone.start);
                Activations {
                    to: first + block * strides.block,
                    strides,
                    skip: skip.map(|block| first + block * strides.block),
                    blend: blend.map(|(block, beta)| (first + block * strides.block, beta)),
                }
            }
            Target::Shuffled { block, offset } => {
                let factor = refinement(self.network);
                let frame = &tile.frames[Grid::Fine as usize];
                let strides = frame.strides();
                let at = [0, 1, 2]
                    .map(|axis| zone.start[axis] * factor[axis] as isize + offset[axis] as isize);
                Activations {
                    to: self.grid_start(tile, Grid::Fine)
                        + frame.offset(at)
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
        };
        self.isa.activations(&job, arena, &to);
    }

    fn emit_planes(&self, tile: &Tile, scratch: &mut Scratch, mut emit: impl FnMut(usize, &[f32])) {
        let Scratch {
            arena,
            rows,
            scales: [head_scale, shortcut_scale],
            ..
        } = scratch;
        let program = self.program;
        let grid = program.head_grid;
        let region = tile.regions[grid as usize];
        let size = [1, region.size[1], region.size[2]];
        rows.resize(size[1] * size[2] * program.head.outputs(), 0.0);
        scaled(&program.head, self.scaling.gain, head_scale);
        if let Some(shortcut) = &program.shortcut {
            scaled(shortcut, self.scaling.unit, shortcut_scale);
        }
        for z in 0..region.size[0] {
            let mut at = region.start.map(|v| v as isize);
            at[0] += z as isize;
            let job = self.job(&program.head, tile, grid, at, size);
            let out = Outputs {
                scale: head_scale,
                add: false,
            };
            self.isa.outputs(&job, arena, rows, &out);
            if let Some(shortcut) = &program.shortcut {
                let job = self.job(shortcut, tile, Grid::Coarse, at, size);
                let out = Outputs {
                    scale: shortcut_scale,
                    add: true,
                };
                self.isa.outputs(&job, arena, rows, &out);
            }
            emit(z, rows);
        }
    }
}

/// The scales of an output layer times the level's factor.
fn scaled(conv: &PackedConv, factor: f32, out: &mut Vec<f32>) {
    out.clear();
    out.extend(conv.positive.iter().map(|scale| scale * factor));
}
