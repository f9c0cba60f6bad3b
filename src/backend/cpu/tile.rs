//! One tile through all layers.

use super::Isa;
use super::conv::{Activations, Job, Outputs, Strides};
use super::packed::{LANES, PackedConv};
use super::program::{Grid, INPUT_BLOCK, Program, Step, Target};
use crate::backend::Scaling;
use crate::backend::input::{NetworkInput, is_clipped, refinement};
use crate::grid::Region;
use crate::network::{InputChannels, Network};

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

    fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    fn strides(&self) -> Strides {
        Strides {
            block: self.voxels() * LANES,
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

/// One network on one input; tiles are run from it.
pub(super) struct TileRun<'a> {
    pub(super) isa: Isa,
    pub(super) program: &'a Program,
    pub(super) network: &'a Network,
    pub(super) input: &'a NetworkInput<'a>,
    pub(super) scaling: Scaling,
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
    /// Bytes of activations of a tile of `edge`, when it lies inside the domain.
    pub(super) fn activation_bytes(&self, edge: usize) -> usize {
        let tile = self.tile(Region {
            start: [0; 3],
            size: self.input.domain.map(|n| n.min(edge)),
        });
        let [coarse, fine] = [0, 1].map(|g| tile.frames[g].voxels() * self.program.blocks[g]);
        (coarse + fine) * LANES * 2
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
        let [coarse, fine] = [0, 1].map(|g| tile.frames[g].voxels() * self.program.blocks[g]);
        let len = (coarse + fine) * LANES;
        if scratch.arena.len() < len {
            scratch.arena.resize(len, 0);
        }
        if self.touches_zeros(&tile) {
            // Steps write inside the domain only: what lies outside stays zero.
            scratch.arena[..len].fill(0);
        }
        self.fill_input(&tile.frames[0], scratch);
        for step in &self.program.steps {
            self.step(step, &tile, &mut scratch.arena[..len]);
        }
        self.emit_planes(&tile, scratch, &mut emit);
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

    /// Whether a frame reaches beyond the domain along a clipped axis.
    fn touches_zeros(&self, tile: &Tile) -> bool {
        (0..2).any(|g| {
            let frame = &tile.frames[g];
            (0..3).any(|axis| {
                is_clipped(self.network, self.input.extension[axis])
                    && (frame.start[axis] < 0
                        || frame.start[axis] + frame.size[axis] as isize
                            > tile.domains[g][axis] as isize)
            })
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
        let margin = self.rank_margin(step.margin);
        let zone = Frame::around(tile.regions[g], margin, tile.domains[g], self.clip(0));
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

    fn emit_planes(
        &self,
        tile: &Tile,
        scratch: &mut Scratch,
        emit: &mut impl FnMut(usize, &[f32]),
    ) {
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
