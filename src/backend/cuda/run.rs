//! One network on one region: the launches, tile by tile.

use crate::backend::cuda::machine::{Address, Kernel, Launch, Machine, Memory};
use crate::backend::cuda::pack::DeviceConv;
use crate::backend::cuda::params::{
    ConvParams, InputParams, Int3, Plain, ShortcutParams, Strides, bytes_of,
};
use crate::backend::cuda::source::{THREADS, extension_number};
use crate::backend::input::{is_clipped, refinement};
use crate::backend::plan::layout::{Layout, Tile};
use crate::backend::plan::program::{Grid, INPUT_BLOCK, LANES, Step};
use crate::backend::request::PredictRequest;
use crate::base::error::{Error, Result};
use crate::base::grid::Region;

/// Bytes of an activation.
const ELEMENT: u64 = size_of::<i16>() as u64;

/// What a call needs on the device beside the activations.
pub(super) struct CallData {
    /// The part of the low-pass that is needed, `[z][y][x]`.
    pub(super) field: Address,
    /// Its place in the coarse grid.
    pub(super) extent: Region,
    /// The scales of head and shortcut times the factors of the call, [`LANES`] each.
    pub(super) scales: [Address; 2],
    /// The result, `[channel][z][y][x]` of the whole region.
    pub(super) planes: Address,
}

/// One network on one region.
pub(super) struct NetworkRun<'a> {
    pub(super) machine: &'a dyn Machine,
    pub(super) layout: &'a Layout<'a, DeviceConv>,
    /// Constants of the network.
    pub(super) constants: &'a Memory,
    pub(super) arena: &'a Memory,
    pub(super) call: CallData,
    /// The region asked for.
    pub(super) region: Region,
}

impl NetworkRun<'_> {
    /// Computes the part `tile` of the region.
    pub(super) fn tile(&self, tile: Region) -> Result<()> {
        let layout = self.layout;
        let program = layout.program;
        let tile = layout.tile(tile);
        let (once, per_section) = program.steps.split_at(program.fine_from);
        let fine_start = layout.grid_start(&tile, Grid::Fine) as u64 * ELEMENT;
        if layout.touches_zeros(&tile, Grid::Coarse) {
            // Steps write inside the domain only: what lies outside stays zero.
            self.arena.clear(0, fine_start)?;
        }
        self.input(&tile)?;
        for step in once {
            self.step(step, &tile)?;
        }
        for region in layout.sections(&tile) {
            let section = layout.section(&tile, region);
            if layout.touches_zeros(&section, Grid::Fine) {
                let bytes = layout.arena_len(&section) as u64 * ELEMENT - fine_start;
                self.arena.clear(fine_start, bytes)?;
            }
            for step in per_section {
                self.step(step, &section)?;
            }
            self.output(&section)?;
        }
        Ok(())
    }

    /// Writes the input channels on the whole coarse box (spec networks 3 and 4).
    fn input(&self, tile: &Tile) -> Result<()> {
        let PredictRequest { input, network, .. } = self.layout.request;
        let arch = network.arch();
        let tile_box = &tile.boxes[Grid::Coarse as usize];
        let block = tile_box.strides().block * INPUT_BLOCK;
        let [z, y, x] = input.extension.map(extension_number);
        let clipped = input
            .extension
            .map(|extension| usize::from(is_clipped(network, extension)));
        let params = InputParams {
            field: self.call.field,
            out: self.arena.at() + block as u64 * ELEMENT,
            origin: self.call.extent.start.into(),
            extent: self.call.extent.size.into(),
            domain: input.domain.into(),
            extension: Int3 { z, y, x },
            clipped: clipped.into(),
            first: tile_box.start.into(),
            size: tile_box.size.into(),
            channels: arch.channels.bits().into(),
            inside_value: arch.inside_value().into(),
            condition: input.condition.unwrap_or(0).into(),
        };
        launch_each(self.machine, Kernel::Input, tile_box.size, &params)
    }

    fn step(&self, step: &Step<DeviceConv>, tile: &Tile) -> Result<()> {
        let zone = self.layout.zone(step, tile.regions[0]);
        let to = self.layout.targets(step, tile, &zone);
        let element = |at: usize| self.arena.at() + at as u64 * ELEMENT;
        let conv = &step.conv;
        let params = ConvParams {
            positive: self.constants.at() + conv.positive,
            negative: self.constants.at() + conv.negative,
            out: element(to.to),
            skip: to.skip.map_or(0, element),
            blend: to.blend.map_or(0, |(at, _)| element(at)),
            beta: to.blend.map_or(0.0, |(_, beta)| beta),
            to: to.strides.into(),
            ..ConvParams::default()
        };
        self.convolve(conv, tile, step.grid, zone.start, zone.size, params)
    }

    /// Launches a convolution; `params` says where its result goes.
    fn convolve(
        &self,
        conv: &DeviceConv,
        tile: &Tile,
        grid: Grid,
        at: [isize; 3],
        size: [usize; 3],
        params: ConvParams,
    ) -> Result<()> {
        let plan = conv.plan(size);
        let shared = conv.shared_bytes(&plan);
        if shared > self.machine.shared_bytes() as usize {
            return Err(Error::limit(format!(
                "{shared} bytes of shared memory needed by a convolution of {:?} taps, {} are there",
                conv.kernel,
                self.machine.shared_bytes()
            )));
        }
        let constants = self.constants.at();
        let params = ConvParams {
            arena: self.arena.at(),
            start: self.layout.first_tap(tile, grid, at, conv.kernel) as i64,
            sources: constants + conv.sources,
            units: constants + plan.units,
            weights: constants + conv.weights,
            bias: constants + conv.bias,
            from: tile.boxes[grid as usize].strides().into(),
            size: size.into(),
            kernel: conv.kernel.into(),
            tile: plan.tile.into(),
            blocks: conv.blocks as i32,
            chunk: conv.chunk as i32,
            stages: plan.stages as i32,
            steps: conv.steps as i32,
            out_blocks: conv.out_blocks() as i32,
            outputs: conv.outputs as i32,
            ..params
        };
        let tiles = plan.tiles.iter().product();
        let launch = Launch {
            grid: [grid_extent(tiles)?, grid_extent(conv.groups())?],
            shared_bytes: shared as u32,
        };
        start(self.machine, conv.entry, launch, &params)
    }

    /// Head and shortcut of a section.
    fn output(&self, tile: &Tile) -> Result<()> {
        let program = self.layout.program;
        let grid = program.head_grid;
        let part = tile.regions[grid as usize];
        let factor = match grid {
            Grid::Coarse => [1; 3],
            Grid::Fine => refinement(self.layout.request.network),
        };
        let whole = [0, 1, 2].map(|axis| self.region.size[axis] * factor[axis]);
        let [z, y, x] =
            [0, 1, 2].map(|axis| part.start[axis] - self.region.start[axis] * factor[axis]);
        let first = ((z * whole[1] + y) * whole[2] + x) as u64;
        let planes = self.call.planes + first * size_of::<f32>() as u64;
        let to = Strides {
            block: whole.iter().product::<usize>() as i64,
            slice: (whole[1] * whole[2]) as i64,
            row: whole[2] as i64,
            voxel: 1,
        };
        let at = part.start.map(|v| v as isize);
        let params = ConvParams {
            positive: self.call.scales[0],
            planes,
            to,
            ..ConvParams::default()
        };
        self.convolve(&program.head, tile, grid, at, part.size, params)?;
        let Some(conv) = &program.shortcut else {
            return Ok(());
        };
        let params = ShortcutParams {
            arena: self.arena.at(),
            start: self.layout.first_tap(tile, Grid::Coarse, at, conv.kernel) as i64,
            weights: self.constants.at() + conv.weights,
            bias: self.constants.at() + conv.bias,
            scale: self.call.scales[1],
            planes,
            from: tile.boxes[Grid::Coarse as usize].strides().into(),
            to,
            size: part.size.into(),
            kernel: conv.kernel.into(),
            channels: conv.channels as i32,
            outputs: conv.outputs as i32,
        };
        launch_each(self.machine, Kernel::Shortcut, part.size, &params)
    }
}

/// Starts a kernel; `params` are of its own struct.
#[allow(unsafe_code)]
fn start(machine: &dyn Machine, kernel: Kernel, launch: Launch, params: &impl Plain) -> Result<()> {
    // SAFETY: every caller in this folder fills the kernel's own struct with addresses in memory that it borrows until
    // the launches are done or that others write after them. `Layout` keeps boxes and halos inside the arena, whose
    // size `arena_bytes` took from the same layout; `level::check` keeps the boxes of a level inside its grids.
    unsafe { machine.launch(kernel, launch, bytes_of(std::slice::from_ref(params))) }
}

/// Starts a kernel with one thread for each of `items`.
pub(super) fn launch_each(
    machine: &dyn Machine,
    kernel: Kernel,
    items: [usize; 3],
    params: &impl Plain,
) -> Result<()> {
    let blocks = items.iter().product::<usize>().div_ceil(THREADS);
    if blocks == 0 {
        return Ok(());
    }
    let launch = Launch {
        grid: [grid_extent(blocks)?, 1],
        shared_bytes: 0,
    };
    start(machine, kernel, launch, params)
}

/// Blocks along one axis of a launch.
fn grid_extent(blocks: usize) -> Result<u32> {
    match u32::try_from(blocks) {
        Ok(n) if n <= i32::MAX as u32 => Ok(n),
        _ => Err(Error::limit(format!(
            "at most {} blocks in a launch expected, {blocks} found",
            i32::MAX
        ))),
    }
}

/// Values that fill a block of scales.
pub(super) fn scaled(conv: Option<&DeviceConv>, factor: f32) -> Vec<f32> {
    let mut out: Vec<f32> = conv.map_or(Vec::new(), |conv| {
        conv.scale.iter().map(|scale| scale * factor).collect()
    });
    out.resize(LANES, 0.0);
    out
}
