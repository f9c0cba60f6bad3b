//! The convolutions of a network in order, with the activation blocks they read and write.

use super::packed::{LANES, Outputs, PackedConv, Packing, Source};
use crate::backend::input::refinement;
use crate::error::{Error, Result};
use crate::network::{Head, Layer, LayerRole, Network, Trunk};

/// Resolution of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grid {
    /// The network's input.
    Coarse,
    /// After the voxel shuffle.
    Fine,
}

/// One convolution with its epilogue.
pub(super) struct Step {
    pub(super) conv: PackedConv,
    /// Grid of the sources, and of the result but for the shuffle.
    pub(super) grid: Grid,
    /// How far beyond the region the result must be known, in voxels of `grid`.
    pub(super) margin: usize,
    pub(super) target: Target,
}

/// Where the result of a step goes.
pub(super) enum Target {
    /// Requantised, to the blocks from `block` on.
    Activation {
        block: usize,
        /// First block of activations that are added.
        skip: Option<usize>,
        /// End of an RRDB: scaled by the number, then added to the blocks from the index on.
        blend: Option<(usize, f32)>,
    },
    /// Requantised, to the fine blocks from `block` on, at one offset of the voxel shuffle.
    Shuffled { block: usize, offset: [usize; 3] },
}

/// Everything a tile needs to know about a network.
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// The first step that writes fine activations; the number of steps where none does.
    pub(super) fine_from: usize,
    pub(super) head: PackedConv,
    pub(super) head_grid: Grid,
    pub(super) shortcut: Option<PackedConv>,
    /// Activation blocks of the coarse and of the fine grid.
    pub(super) blocks: [usize; 2],
    /// How far beyond the region the input and the fine activations reach, in voxels of their
    /// grid.
    pub(super) reach: [usize; 2],
    /// Largest kernel radius on each grid: how far zero padding is ever looked at.
    pub(super) zeros: [usize; 2],
}

/// Block of the input channels.
pub(super) const INPUT_BLOCK: usize = 0;

impl Program {
    pub(super) fn new(network: &Network, packing: Packing) -> Result<Self> {
        let arch = network.arch();
        let features = usize::from(arch.features);
        let head_margin = match arch.head {
            Head::Subbands => 0,
            Head::VoxelShuffle => 3,
        };
        let mut maker = Maker {
            network,
            packing,
            features,
            blocks: 1,
            margin: trunk_radius(network) + head_margin,
            steps: Vec::new(),
        };
        let channels = arch.channels.count();
        let x = maker.trunk(Source::run(INPUT_BLOCK, 0, channels).collect())?;
        debug_assert_eq!(maker.margin, head_margin);
        let fine_from = maker.steps.len();
        let (head_block, fine_blocks) = match arch.head {
            Head::Subbands => (x, 0),
            Head::VoxelShuffle => (maker.shuffle(x)?, 2 * features.div_ceil(LANES)),
        };
        let head = maker.layer(LayerRole::Head)?;
        let pack = |layer: &Layer, sources| {
            let all = Outputs {
                first: 0,
                count: layer.spec.outputs,
            };
            PackedConv::new(layer, all, sources, packing)
        };
        let shortcut = network.layer(LayerRole::Shortcut).map(|layer| {
            let fields = arch.channels.field_count();
            pack(layer, Source::run(INPUT_BLOCK, 0, fields).collect())
        });
        let radius = |conv: &PackedConv| conv.kernel[2] / 2;
        let widest = maker.steps.iter().map(|s| radius(&s.conv)).max();
        let coarse_zeros = widest.max(shortcut.as_ref().map(radius)).unwrap_or(0);
        Ok(Self {
            fine_from,
            head: pack(head, Source::run(head_block, 0, features).collect()),
            head_grid: match arch.head {
                Head::Subbands => Grid::Coarse,
                Head::VoxelShuffle => Grid::Fine,
            },
            shortcut,
            blocks: [maker.blocks, fine_blocks],
            // Fine: `refine` and `head` reach 3 voxels, whole coarse voxels are shuffled.
            reach: [network.radius(), 4],
            zeros: [coarse_zeros, 2],
            steps: maker.steps,
        })
    }
}

/// Reach of the convolutions from the input to the end of the trunk.
fn trunk_radius(network: &Network) -> usize {
    let arch = network.arch();
    let trunk = match arch.trunk {
        Trunk::Residual { blocks } => usize::from(blocks),
        Trunk::Rrdb {
            blocks,
            dense_blocks,
            convolutions,
            ..
        } => usize::from(blocks) * usize::from(dense_blocks) * usize::from(convolutions) + 1,
    };
    usize::from(arch.input_kernel / 2) + trunk
}

struct Maker<'a> {
    network: &'a Network,
    packing: Packing,
    features: usize,
    /// Coarse blocks given away so far.
    blocks: usize,
    /// Margin of the last step's result.
    margin: usize,
    steps: Vec<Step>,
}

impl<'a> Maker<'a> {
    fn layer(&self, role: LayerRole) -> Result<&'a Layer> {
        self.network
            .layer(role)
            .ok_or_else(|| Error::invalid(format!("the network has no layer {role}")))
    }

    /// New coarse blocks for `channels` channels.
    fn reserve(&mut self, channels: usize) -> usize {
        let block = self.blocks;
        self.blocks += channels.div_ceil(LANES);
        block
    }

    /// Adds a coarse step that writes activations.
    fn activation(
        &mut self,
        role: LayerRole,
        sources: Vec<Source>,
        block: usize,
        skip: Option<usize>,
        blend: Option<(usize, f32)>,
    ) -> Result<()> {
        let layer = self.layer(role)?;
        let all = Outputs {
            first: 0,
            count: layer.spec.outputs,
        };
        let radius = layer.spec.kernel[2] / 2;
        let conv = PackedConv::new(layer, all, sources, self.packing);
        self.margin -= radius;
        self.steps.push(Step {
            conv,
            grid: Grid::Coarse,
            margin: self.margin,
            target: Target::Activation { block, skip, blend },
        });
        Ok(())
    }

    /// The input convolution and the trunk; returns the first block of its result.
    fn trunk(&mut self, input: Vec<Source>) -> Result<usize> {
        let first = self.reserve(self.features);
        self.activation(LayerRole::Input, input, first, None, None)?;
        match self.network.arch().trunk {
            Trunk::Residual { blocks } => {
                let other = if blocks > 0 {
                    self.reserve(self.features)
                } else {
                    first
                };
                let (mut x, mut next) = (first, other);
                for block in 0..blocks {
                    let sources = Source::run(x, 0, self.features).collect();
                    self.activation(LayerRole::Block(block), sources, next, Some(x), None)?;
                    (x, next) = (next, x);
                }
                Ok(x)
            }
            Trunk::Rrdb {
                blocks,
                dense_blocks,
                convolutions,
                growth,
                beta,
            } => {
                let scratch = [0; 3].map(|_| self.reserve(self.features));
                let growth = usize::from(growth);
                let grown: Vec<usize> = (1..convolutions).map(|_| self.reserve(growth)).collect();
                let mut x = first;
                for block in 0..blocks {
                    let mut r = x;
                    for dense in 0..dense_blocks {
                        let free = scratch.iter().find(|&&b| b != x && b != r);
                        let next = free.copied().unwrap_or(scratch[0]);
                        let mut sources: Vec<_> = Source::run(r, 0, self.features).collect();
                        for (conv, &block_of_growth) in grown.iter().enumerate() {
                            let conv = conv as u16;
                            let role = LayerRole::Dense { block, dense, conv };
                            self.activation(role, sources.clone(), block_of_growth, None, None)?;
                            let channel = self.features + usize::from(conv) * growth;
                            sources.extend(Source::run(block_of_growth, channel, growth));
                        }
                        let conv = convolutions - 1;
                        let role = LayerRole::Dense { block, dense, conv };
                        let blend = (dense + 1 == dense_blocks).then_some((x, beta));
                        self.activation(role, sources, next, Some(r), blend)?;
                        r = next;
                    }
                    x = r;
                }
                let free = scratch.iter().find(|&&b| b != x);
                let end = free.copied().unwrap_or(scratch[0]);
                let sources = Source::run(x, 0, self.features).collect();
                self.activation(LayerRole::TrunkEnd, sources, end, Some(first), None)?;
                Ok(end)
            }
        }
    }

    /// The shuffle, one convolution per offset, and `refine`; returns the fine block of its
    /// result.
    fn shuffle(&mut self, x: usize) -> Result<usize> {
        let factor = refinement(self.network);
        let (shuffled, refined) = (0, self.features.div_ceil(LANES));
        self.margin -= 1;
        for (number, offset) in offsets(factor).enumerate() {
            let outputs = Outputs {
                first: number * self.features,
                count: self.features,
            };
            let layer = self.layer(LayerRole::Shuffle)?;
            let sources = Source::run(x, 0, self.features).collect();
            let conv = PackedConv::new(layer, outputs, sources, self.packing);
            self.steps.push(Step {
                conv,
                grid: Grid::Coarse,
                margin: self.margin,
                target: Target::Shuffled {
                    block: shuffled,
                    offset,
                },
            });
        }
        let layer = self.layer(LayerRole::Refine)?;
        let all = Outputs {
            first: 0,
            count: self.features,
        };
        let sources = Source::run(shuffled, 0, self.features).collect();
        let conv = PackedConv::new(layer, all, sources, self.packing);
        self.steps.push(Step {
            conv,
            grid: Grid::Fine,
            margin: 2, // radius of the head
            target: Target::Activation {
                block: refined,
                skip: None,
                blend: None,
            },
        });
        Ok(refined)
    }
}

/// Offsets of the voxel shuffle in the order of its channels.
fn offsets(factor: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    let [fz, fy, fx] = factor;
    (0..fz).flat_map(move |z| (0..fy).flat_map(move |y| (0..fx).map(move |x| [z, y, x])))
}
