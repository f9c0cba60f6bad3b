//! Layers in the form that the kernels read, and the shape of their launches.

use crate::backend::cuda::machine::Kernel;
use crate::backend::cuda::params::{Plain, bytes_of};
use crate::backend::cuda::source::{TILE_X, WGMMA_STEPS};
use crate::backend::plan::program::{LANES, Outputs, SourceBlock};
use crate::base::error::{Error, Result};
use crate::network::{Layer, LayerRole, LayerScales};

/// Units (8 channels of a block at one tap) of one mma: depth 32.
const STEP_UNITS: usize = 4;
/// Bytes of weights of one output for a step.
const STEP_BYTES: usize = STEP_UNITS * LANES;
/// Bytes of a stage of halo tiles to aim at: two stages leave room for two blocks on every device.
const STAGE_BYTES: usize = 20 << 10;
/// Lanes of a warp.
const WARP: usize = 32;

/// Bytes of a stage where a block has a multiprocessor to itself.
const WIDE_STAGE_BYTES: usize = 40 << 10;

/// Shapes of a tile to choose from: rows along z and along y.
const TILES: [[usize; 2]; 6] = [[4, 8], [8, 4], [2, 16], [16, 2], [1, 32], [32, 1]];
/// The same for [`Kernel::Conv96`], whose tiles are half as large.
const HALF_TILES: [[usize; 2]; 6] = [[2, 8], [4, 4], [8, 2], [1, 16], [16, 1], [2, 8]];

fn tiles(entry: Kernel) -> &'static [[usize; 2]; 6] {
    match entry {
        Kernel::Conv96 => &HALF_TILES,
        _ => &TILES,
    }
}

/// Constant data of a network on its way to the device.
#[derive(Default)]
pub(super) struct Constants {
    pub(super) bytes: Vec<u8>,
}

impl Constants {
    /// Adds values, aligned to 16 bytes; returns their offset.
    fn add<T: Plain>(&mut self, values: &[T]) -> u64 {
        let at = self.bytes.len().next_multiple_of(16);
        self.bytes.resize(at, 0);
        self.bytes.extend_from_slice(bytes_of(values));
        at as u64
    }
}

/// One convolution; offsets are those of its [`Constants`].
pub(super) struct DeviceConv {
    pub(super) kernel: [usize; 3],
    /// Entry point.
    pub(super) entry: Kernel,
    /// Outputs without padding.
    pub(super) outputs: usize,
    pub(super) weights: u64,
    pub(super) bias: u64,
    /// As in the layer; for an output layer the scales alone, on the host, as they meet a factor of the call.
    pub(super) positive: u64,
    pub(super) negative: u64,
    pub(super) scale: Vec<f32>,
    /// Numbers of the source blocks.
    pub(super) sources: u64,
    pub(super) blocks: usize,
    /// Source blocks of one stage.
    pub(super) chunk: usize,
    /// Mma steps per chunk.
    pub(super) steps: usize,
    /// Offsets of the units in a stage, for each of [`TILES`].
    units: [u64; TILES.len()],
    /// Input channels of the shortcut.
    pub(super) channels: usize,
}

impl DeviceConv {
    /// Packs `outputs` of `layer`, which reads the blocks `sources`.
    pub(super) fn new(
        layer: &Layer,
        outputs: Outputs,
        sources: &[SourceBlock],
        has_warpgroups: bool,
        to: &mut Constants,
    ) -> Result<Self> {
        let padded = outputs.count.next_multiple_of(LANES);
        let (entry, scale) = match (&layer.scales, layer.spec.role) {
            (LayerScales::Activation { .. }, _) => (
                activation_kernel(padded / LANES, has_warpgroups),
                Vec::new(),
            ),
            (LayerScales::Output(scale), LayerRole::Shortcut) => (Kernel::Shortcut, scale.clone()),
            (LayerScales::Output(scale), _) => (Kernel::ConvOutput, scale.clone()),
        };
        if !scale.is_empty() && padded > LANES {
            return Err(Error::invalid(format!(
                "at most {LANES} outputs of layer {} expected, {padded} found",
                layer.spec.role
            )));
        }
        let kernel = layer.spec.kernel;
        let taps = layer.spec.taps();
        let group = group_blocks(entry) * LANES;
        let most = padded.next_multiple_of(group);
        let numbers: Vec<i32> = sources.iter().map(|s| s.block as i32).collect();
        let chunk = chunk_blocks(entry, kernel, sources.len());
        let mut steps = (chunk * taps).div_ceil(STEP_UNITS);
        if entry == Kernel::Conv96 {
            steps = steps.next_multiple_of(WGMMA_STEPS);
        }
        let weights = if entry == Kernel::Shortcut {
            to.add(&shortcut_weights(layer))
        } else {
            to.add(&fragments(
                layer,
                outputs,
                sources,
                [chunk, steps, group, most],
                entry == Kernel::Conv96,
            ))
        };
        let of = |values: &[f32]| outputs.padded(values, most);
        let (positive, negative) = match &layer.scales {
            LayerScales::Activation { positive, negative } => {
                (to.add(&of(positive)), to.add(&of(negative)))
            }
            LayerScales::Output(_) => (0, 0),
        };
        Ok(Self {
            kernel,
            entry,
            outputs: outputs.count,
            weights,
            bias: to.add(&outputs.padded(&layer.bias, most)),
            positive,
            negative,
            scale,
            sources: to.add(&numbers),
            blocks: sources.len(),
            chunk,
            steps,
            units: tiles(entry).map(|tile| to.add(&unit_offsets(kernel, tile, chunk, steps))),
            channels: layer.spec.inputs,
        })
    }

    /// Blocks of outputs, padding of the last one included.
    pub(super) fn out_blocks(&self) -> usize {
        self.outputs.div_ceil(LANES)
    }

    /// Mma instructions per 16 voxels, for estimates.
    pub(super) fn work(&self) -> f64 {
        (self.blocks.div_ceil(self.chunk) * self.steps * self.out_blocks()) as f64
    }

    /// How a box of `size` voxels is cut into tiles.
    pub(super) fn plan(&self, size: [usize; 3]) -> ConvPlan {
        let plan = |number: usize| {
            let [z, y] = tiles(self.entry)[number];
            let tile = [z, y, TILE_X];
            ConvPlan {
                tile,
                tiles: [0, 1, 2].map(|axis| size[axis].div_ceil(tile[axis])),
                halo: halo(self.kernel, tile),
                units: self.units[number],
                stages: self.blocks.div_ceil(self.chunk).min(2),
            }
        };
        let plans = (0..TILES.len()).map(plan);
        let cost = |p: &ConvPlan| (p.tiles.iter().product::<usize>(), p.halo);
        plans.min_by_key(cost).unwrap_or_else(|| plan(0))
    }

    /// Dynamic shared memory of a block (`kernels/conv.cu` says what it holds).
    pub(super) fn shared_bytes(&self, plan: &ConvPlan) -> usize {
        let stages = plan.stages * self.chunk * plan.halo * LANES * size_of::<i16>();
        let weights = match self.entry {
            Kernel::Conv96 => 2 * WGMMA_STEPS * group_blocks(self.entry) * LANES * STEP_BYTES,
            _ => 0,
        };
        weights + stages + (STEP_UNITS * self.steps + plan.halo) * size_of::<i32>()
    }

    /// Groups of outputs, each computed by blocks of its own.
    pub(super) fn groups(&self) -> usize {
        self.out_blocks().div_ceil(group_blocks(self.entry))
    }
}

/// The shape of one launch of a convolution.
pub(super) struct ConvPlan {
    pub(super) tile: [usize; 3],
    pub(super) tiles: [usize; 3],
    /// Voxels of a tile with its halo.
    halo: usize,
    pub(super) units: u64,
    pub(super) stages: usize,
}

/// The kernel for `blocks` blocks of outputs: the widest that leaves none idle.
fn activation_kernel(blocks: usize, has_warpgroups: bool) -> Kernel {
    match blocks {
        1 => Kernel::Conv8,
        n if has_warpgroups && n % 12 == 0 => Kernel::Conv96,
        n if n % 6 == 0 => Kernel::Conv48,
        n if n % 4 == 0 => Kernel::Conv32,
        n if n % 3 == 0 => Kernel::Conv24,
        _ => Kernel::Conv32,
    }
}

/// Blocks of 8 outputs that one block of threads computes.
fn group_blocks(entry: Kernel) -> usize {
    match entry {
        Kernel::Conv24 => 3,
        Kernel::Conv32 => 4,
        Kernel::Conv48 => 6,
        Kernel::Conv96 => 12,
        // Of the rest, only those of one block of outputs are convolutions.
        _ => 1,
    }
}

fn halo(kernel: [usize; 3], tile: [usize; 3]) -> usize {
    (0..3).map(|axis| tile[axis] + kernel[axis] - 1).product()
}

/// Source blocks of one stage: the number with the fewest steps that fits.
fn chunk_blocks(entry: Kernel, kernel: [usize; 3], blocks: usize) -> usize {
    let tiles = tiles(entry);
    let tile = match kernel[0] {
        1 => tiles.iter().find(|tile| tile[0] == 1).unwrap_or(&tiles[0]),
        _ => &tiles[0],
    };
    let most = match entry {
        Kernel::Conv96 => WIDE_STAGE_BYTES,
        _ => STAGE_BYTES,
    };
    let bytes = halo(kernel, [tile[0], tile[1], TILE_X]) * LANES * size_of::<i16>();
    let fitting = (most / bytes).clamp(1, STEP_UNITS);
    let taps: usize = kernel.iter().product();
    let steps = |chunk: usize| blocks.div_ceil(chunk) * (chunk * taps).div_ceil(STEP_UNITS);
    (1..=fitting.min(blocks))
        .rev()
        .min_by_key(|&chunk| steps(chunk))
        .unwrap_or(1)
}

/// Offsets in bytes of the units of a chunk in its stage, tap by tap, all blocks of a tap together;
/// `[step][units 0 2 1 3]`, as `conv.cu` hands them to its lanes.
fn unit_offsets(kernel: [usize; 3], tile: [usize; 2], chunk: usize, steps: usize) -> Vec<i32> {
    let tile = [tile[0], tile[1], TILE_X];
    let [_, height, width] = [0, 1, 2].map(|axis| tile[axis] + kernel[axis] - 1);
    let taps: usize = kernel.iter().product();
    let offset = |unit: usize| {
        let (tap, block) = (unit / chunk, unit % chunk);
        if tap >= taps {
            return 0; // any place in the stage: the weights are zero
        }
        let [z, y, x] = tap_position(kernel, tap);
        let voxel = block * halo(kernel, tile) + (z * height + y) * width + x;
        (voxel * LANES * size_of::<i16>()) as i32
    };
    (0..steps)
        .flat_map(|step| [0, 2, 1, 3].map(|unit| offset(step * STEP_UNITS + unit)))
        .collect()
}

fn tap_position(kernel: [usize; 3], tap: usize) -> [usize; 3] {
    let [_, ky, kx] = kernel;
    [tap / (ky * kx), tap / kx % ky, tap % kx]
}

/// Weights as the multiplications read them: for output `g` of 8, four times the channels `2t` and `2t + 1` of the step's
/// four units. As mma fragments `[group][chunk][step][8 outputs][lane 4 g + t][4 units][2]`; as matrices of the warpgroups
/// `[group][chunk][step][half of the units][output][t][2 units][2]`.
fn fragments(
    layer: &Layer,
    outputs: Outputs,
    sources: &[SourceBlock],
    [chunk, steps, group, most]: [usize; 4],
    as_matrices: bool,
) -> Vec<u8> {
    let spec = &layer.spec;
    let weight = |output: usize, block: usize, unit: usize, lane: usize| {
        let tap = unit / chunk;
        let Some(source) = sources.get(block + unit % chunk) else {
            return 0;
        };
        if output >= outputs.count || tap >= spec.taps() || lane >= source.channels {
            return 0;
        }
        let row = (outputs.first + output) * spec.inputs + source.channel + lane;
        layer.weights.get(row * spec.taps() + tap) as u8 // an i8
    };
    let mut out = Vec::new();
    for first in (0..most).step_by(group) {
        for block in (0..sources.len()).step_by(chunk) {
            for step in 0..steps {
                let mut add = |output: usize, t: usize, units: std::ops::Range<usize>| {
                    out.extend(units.flat_map(|unit| [0, 1].map(|i| (unit, i))).map(
                        |(unit, i)| weight(output, block, step * STEP_UNITS + unit, 2 * t + i),
                    ));
                };
                if as_matrices {
                    for half in [0, STEP_UNITS / 2] {
                        for output in first..first + group {
                            (0..4).for_each(|t| add(output, t, half..half + STEP_UNITS / 2));
                        }
                    }
                    continue;
                }
                for output in (first..first + group).step_by(LANES) {
                    for lane in 0..WARP {
                        add(output + lane / 4, lane % 4, 0..STEP_UNITS);
                    }
                }
            }
        }
    }
    out
}

/// `[tap][channel][8 outputs]`.
fn shortcut_weights(layer: &Layer) -> Vec<i16> {
    let spec = &layer.spec;
    let mut out = Vec::with_capacity(spec.taps() * spec.inputs * LANES);
    for tap in 0..spec.taps() {
        for channel in 0..spec.inputs {
            for output in 0..LANES {
                let index = (output * spec.inputs + channel) * spec.taps() + tap;
                out.push(layer.weights.get(index));
            }
        }
    }
    out
}
