//! One tile through all layers.

use crate::backend::cpu::Isa;
use crate::backend::cpu::conv::{Job, OutputScaling};
use crate::backend::cpu::packed::PackedConv;
use crate::backend::input::{is_clipped, refinement};
use crate::backend::plan::layout::{ActivationBox, Layout, Tile};
use crate::backend::plan::program::{Grid, INPUT_BLOCK, LANES, Step};
use crate::backend::request::PredictRequest;
use crate::base::grid::Region;
use crate::network::InputChannels;

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
    pub(super) layout: Layout<'a, PackedConv>,
}

impl TileRun<'_> {
    /// Predicts `region`; `emit` gets every z plane of the output: its number within the
    /// region, and values `[y][x][padded outputs]`.
    pub(super) fn run(
        &self,
        region: Region,
        scratch: &mut Scratch,
        mut emit: impl FnMut(usize, &[f32]),
    ) {
        let layout = &self.layout;
        let tile = layout.tile(region);
        let program = layout.program;
        let (once, per_section) = program.steps.split_at(program.fine_from);
        let fine_start = layout.grid_start(&tile, Grid::Fine);
        scratch.grow(fine_start);
        if layout.touches_zeros(&tile, Grid::Coarse) {
            // Steps write inside the domain only: what lies outside stays zero.
            scratch.arena[..fine_start].fill(0);
        }
        self.fill_input(&tile.boxes[Grid::Coarse as usize], scratch);
        for step in once {
            self.step(step, &tile, &mut scratch.arena);
        }
        for region in layout.sections(&tile) {
            let section = layout.section(&tile, region);
            scratch.grow(layout.arena_len(&section));
            if layout.touches_zeros(&section, Grid::Fine) {
                scratch.arena[fine_start..].fill(0);
            }
            for step in per_section {
                self.step(step, &section, &mut scratch.arena);
            }
            let above = region.start[0] - tile.regions[0].start[0];
            let first = above * refinement(layout.request.network)[0];
            self.emit_planes(&section, scratch, |z, rows| emit(first + z, rows));
        }
    }

    /// Writes the input channels on the whole coarse box (spec networks 3 and 4).
    fn fill_input(&self, tile_box: &ActivationBox, scratch: &mut Scratch) {
        let Scratch { arena, columns, .. } = scratch;
        let PredictRequest { input, network, .. } = self.layout.request;
        let arch = network.arch();
        let clipped = [0, 1, 2].map(|axis| is_clipped(network, input.extension[axis]));
        let has = |channel| arch.channels.contains(channel);
        let place = |axis: usize, i: usize| {
            let t = tile_box.start[axis] + i as isize;
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
        columns.extend((0..tile_box.size[2]).map(|x| place(2, x)));
        let mut out = arena[INPUT_BLOCK * tile_box.strides().block..][..tile_box.strides().block]
            .chunks_exact_mut(LANES);
        for z in 0..tile_box.size[0] {
            let (iz, inside_z) = place(0, z);
            for y in 0..tile_box.size[1] {
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
        Job {
            conv,
            start: self.layout.first_tap(tile, grid, at, conv.kernel),
            strides: tile.boxes[grid as usize].strides(),
            size,
        }
    }

    fn step(&self, step: &Step<PackedConv>, tile: &Tile, arena: &mut [i16]) {
        let zone = self.layout.zone(step, tile.regions[0]);
        let job = self.job(&step.conv, tile, step.grid, zone.start, zone.size);
        let to = self.layout.targets(step, tile, &zone);
        self.isa.activations(&job, arena, &to);
    }

    fn emit_planes(&self, tile: &Tile, scratch: &mut Scratch, mut emit: impl FnMut(usize, &[f32])) {
        let Scratch {
            arena,
            rows,
            scales: [head_scale, shortcut_scale],
            ..
        } = scratch;
        let Layout {
            program, request, ..
        } = self.layout;
        let grid = program.head_grid;
        let region = tile.regions[grid as usize];
        let size = [1, region.size[1], region.size[2]];
        rows.resize(size[1] * size[2] * program.head.outputs(), 0.0);
        scaled(&program.head, request.scaling.gain, head_scale);
        if let Some(shortcut) = &program.shortcut {
            scaled(shortcut, request.scaling.unit, shortcut_scale);
        }
        for z in 0..region.size[0] {
            let mut at = region.start.map(|v| v as isize);
            at[0] += z as isize;
            let job = self.job(&program.head, tile, grid, at, size);
            let scaling = OutputScaling {
                scale: head_scale,
                add: false,
            };
            self.isa.outputs(&job, arena, rows, &scaling);
            if let Some(shortcut) = &program.shortcut {
                let job = self.job(shortcut, tile, Grid::Coarse, at, size);
                let scaling = OutputScaling {
                    scale: shortcut_scale,
                    add: true,
                };
                self.isa.outputs(&job, arena, rows, &scaling);
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
