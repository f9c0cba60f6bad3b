//! Layers in the form that the convolution loops read.
//!
//! Activations lie in blocks of [`LANES`] channels, `[block][z][y][x][lane]`: the stride between
//! voxels is a constant, and the concatenation in a dense block is a list of blocks.

pub(super) use crate::backend::plan::program::{LANES, Outputs, SourceBlock};
use crate::network::{Layer, LayerScales};

/// How an instruction set wants its weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    /// Numbers of outputs that its loops compute together: multiples of 8, widest first.
    pub(super) widths: &'static [usize],
    /// True: the two weights of a channel pair lie side by side (`pmaddwd`). False: all outputs
    /// of the first channel, then all of the second.
    pub(super) interleaved: bool,
}

/// Outputs that one pass computes together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// Number of outputs.
    pub(super) width: usize,
    /// First output.
    pub(super) output: usize,
    /// First weight in [`PackedConv::weights`]; each pair of lanes of each tap takes
    /// `2 * width`.
    pub(super) weights: usize,
}

/// One convolution, ready for a loop.
pub(super) struct PackedConv {
    pub(super) kernel: [usize; 3],
    pub(super) sources: Vec<SourceBlock>,
    pub(super) groups: Vec<Group>,
    /// Padded with zeros to whole blocks, as are the scales.
    pub(super) bias: Vec<i32>,
    pub(super) positive: Vec<f32>,
    pub(super) negative: Vec<f32>,
    /// Weights from `start` on, which is 64-byte aligned unless the vector was moved.
    storage: Vec<i16>,
    start: usize,
}

impl PackedConv {
    /// Packs `outputs` of `layer`, which reads the blocks `sources`.
    pub(super) fn new(
        layer: &Layer,
        outputs: Outputs,
        sources: Vec<SourceBlock>,
        packing: Packing,
    ) -> Self {
        let pairs: usize = sources.iter().map(|s| s.pairs()).sum();
        let padded = outputs.count.next_multiple_of(LANES);
        let total = pairs * layer.spec.taps() * 2 * padded;
        let mut storage: Vec<i16> = Vec::with_capacity(total + 32);
        let start = storage.as_ptr().align_offset(64).min(32);
        storage.resize(start, 0);
        let mut groups = Vec::new();
        let mut output = 0;
        while output < padded {
            let fits = packing.widths.iter().find(|&&w| w <= padded - output);
            let group = Group {
                width: fits.copied().unwrap_or(LANES),
                output,
                weights: storage.len() - start,
            };
            pack_group(layer, outputs, &sources, group, packing, &mut storage);
            output += group.width;
            groups.push(group);
        }
        let scale = |values: &[f32]| outputs.padded(values, padded);
        let (positive, negative) = match &layer.scales {
            LayerScales::Activation { positive, negative } => (scale(positive), scale(negative)),
            LayerScales::Output(values) => (scale(values), scale(values)),
        };
        Self {
            kernel: layer.spec.kernel,
            sources,
            groups,
            bias: outputs.padded(&layer.bias, padded),
            positive,
            negative,
            storage,
            start,
        }
    }

    /// `[group][kz][ky][source][kx][pair][output][2]`, or `.. [pair][2][output]` where not
    /// interleaved.
    pub(super) fn weights(&self) -> &[i16] {
        &self.storage[self.start..]
    }

    /// Multiplications per voxel, padding included.
    pub(super) fn multiplications(&self) -> usize {
        self.storage.len() - self.start
    }

    /// Number of outputs, padded to whole blocks.
    pub(super) fn outputs(&self) -> usize {
        self.bias.len()
    }
}

fn pack_group(
    layer: &Layer,
    outputs: Outputs,
    sources: &[SourceBlock],
    group: Group,
    packing: Packing,
    out: &mut Vec<i16>,
) {
    let spec = &layer.spec;
    let [kz, ky, kx] = spec.kernel;
    let weight = |output: usize, lane: usize, source: &SourceBlock, tap: usize| {
        let output = group.output + output;
        if output >= outputs.count || lane >= source.channels {
            return 0;
        }
        let row = (outputs.first + output) * spec.inputs + source.channel + lane;
        layer.weights.get(row * spec.taps() + tap)
    };
    for row in 0..kz * ky {
        for source in sources {
            for x in 0..kx {
                let tap = row * kx + x;
                for pair in 0..source.pairs() {
                    for i in 0..2 * group.width {
                        let (output, half) = if packing.interleaved {
                            (i / 2, i % 2)
                        } else {
                            (i % group.width, i / group.width)
                        };
                        out.push(weight(output, 2 * pair + half, source, tap));
                    }
                }
            }
        }
    }
}
