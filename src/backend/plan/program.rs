//! The convolutions of a network in order, with the activation blocks they read and write.

use crate::backend::input::refinement;
use crate::base::error::{Error, Result};
use crate::network::{Head, Layer, LayerRole, Network, Trunk};

/// Channels of one activation block.
pub(in crate::backend) const LANES: usize = 8;

/// A block of input channels of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) struct SourceBlock {
    /// Number of the block in its grid.
    pub(in crate::backend) block: usize,
    /// Input channel of the layer in its first lane.
    pub(in crate::backend) channel: usize,
    /// Channels in use, 1 to 8; the other lanes meet zero weights.
    pub(in crate::backend) channels: usize,
}

impl SourceBlock {
    /// Pairs of lanes in use.
    pub(in crate::backend) fn pairs(self) -> usize {
        self.channels.div_ceil(2)
    }

    /// Consecutive blocks from `block` that hold `channels` channels from `channel`.
    pub(in crate::backend) fn consecutive(
        block: usize,
        channel: usize,
        channels: usize,
    ) -> impl Iterator<Item = Self> {
        (0..channels).step_by(LANES).map(move |at| Self {
            block: block + at / LANES,
            channel: channel + at,
            channels: (channels - at).min(LANES),
        })
    }
}

/// Some outputs of a layer.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend) struct Outputs {
    pub(in crate::backend) first: usize,
    pub(in crate::backend) count: usize,
}

impl Outputs {
    fn all(layer: &Layer) -> Self {
        Self {
            first: 0,
            count: layer.spec.outputs,
        }
    }

    /// Their values, and zeros up to `len`.
    pub(in crate::backend) fn padded<T: Copy + Default>(self, values: &[T], len: usize) -> Vec<T> {
        let mut out = values[self.first..][..self.count].to_vec();
        out.resize(len, T::default());
        out
    }
}

/// Resolution of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) enum Grid {
    /// The network's input.
    Coarse,
    /// After the voxel shuffle.
    Fine,
}

/// One convolution with its epilogue; `C` is a backend's form of the layer.
pub(in crate::backend) struct Step<C> {
    pub(in crate::backend) conv: C,
    /// Grid of the sources, and of the result but for the shuffle.
    pub(in crate::backend) grid: Grid,
    /// How far beyond the region the result must be known, in voxels of `grid`.
    pub(in crate::backend) margin: usize,
    pub(in crate::backend) target: StepTarget,
}

/// Where the result of a step goes.
pub(in crate::backend) enum StepTarget {
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
pub(in crate::backend) struct Program<C> {
    pub(in crate::backend) steps: Vec<Step<C>>,
    /// The first step that writes fine activations; the number of steps where none does.
    pub(in crate::backend) fine_from: usize,
    pub(in crate::backend) head: C,
    pub(in crate::backend) head_grid: Grid,
    pub(in crate::backend) shortcut: Option<C>,
    /// Activation blocks of the coarse and of the fine grid.
    pub(in crate::backend) blocks: [usize; 2],
    /// How far beyond the region the input and the fine activations reach, in voxels of their
    /// grid.
    pub(in crate::backend) reach: [usize; 2],
    /// Largest radius of a convolution on each grid: how far zero padding is ever looked at.
    pub(in crate::backend) zeros: [usize; 2],
}

/// Block of the input channels.
pub(in crate::backend) const INPUT_BLOCK: usize = 0;

impl<C> Program<C> {
    /// The program of `network`; `pack` brings some outputs of a layer, which reads the blocks given, into
    /// the backend's form.
    pub(in crate::backend) fn new(
        network: &Network,
        mut pack: impl FnMut(&Layer, Outputs, Vec<SourceBlock>) -> Result<C>,
    ) -> Result<Self> {
        let arch = network.arch();
        let features = usize::from(arch.features);
        let head_margin = match arch.head {
            Head::Subbands => 0,
            Head::VoxelShuffle => 3,
        };
        let mut builder = ProgramBuilder {
            network,
            pack: &mut pack,
            features,
            blocks: 1,
            widest: 0,
            margin: trunk_radius(network) + head_margin,
            steps: Vec::new(),
        };
        let channels = arch.channels.count();
        let x = builder.trunk(SourceBlock::consecutive(INPUT_BLOCK, 0, channels).collect())?;
        debug_assert_eq!(builder.margin, head_margin);
        let fine_from = builder.steps.len();
        let (head_block, fine_blocks) = match arch.head {
            Head::Subbands => (x, 0),
            Head::VoxelShuffle => (builder.shuffle(x)?, 2 * features.div_ceil(LANES)),
        };
        let head = builder.layer(LayerRole::Head)?;
        let head = builder.packed(head, SourceBlock::consecutive(head_block, 0, features))?;
        let fields = SourceBlock::consecutive(INPUT_BLOCK, 0, arch.channels.field_count());
        let shortcut = match network.layer(LayerRole::Shortcut) {
            Some(layer) => Some(builder.packed(layer, fields)?),
            None => None,
        };
        Ok(Self {
            fine_from,
            head,
            head_grid: match arch.head {
                Head::Subbands => Grid::Coarse,
                Head::VoxelShuffle => Grid::Fine,
            },
            shortcut,
            blocks: [builder.blocks, fine_blocks],
            // Fine: `refine` and `head` reach 3 voxels, whole coarse voxels are shuffled.
            reach: [network.radius(), 4],
            zeros: [builder.widest, 2],
            steps: builder.steps,
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

/// Brings some outputs of a layer, which reads the blocks given, into a backend's form.
type Pack<'a, C> = dyn FnMut(&Layer, Outputs, Vec<SourceBlock>) -> Result<C> + 'a;

struct ProgramBuilder<'a, C> {
    network: &'a Network,
    pack: &'a mut Pack<'a, C>,
    features: usize,
    /// Coarse blocks given away so far.
    blocks: usize,
    /// Margin of the last step's result.
    margin: usize,
    /// Largest radius of a convolution so far on the coarse grid.
    widest: usize,
    steps: Vec<Step<C>>,
}

impl<'a, C> ProgramBuilder<'a, C> {
    fn layer(&self, role: LayerRole) -> Result<&'a Layer> {
        self.network
            .layer(role)
            .ok_or_else(|| Error::invalid(format!("the network has no layer {role}")))
    }

    /// All outputs of `layer`, packed.
    fn packed(&mut self, layer: &Layer, sources: impl Iterator<Item = SourceBlock>) -> Result<C> {
        if layer.spec.role != LayerRole::Head {
            self.widest = self.widest.max(layer.spec.kernel[2] / 2);
        }
        (self.pack)(layer, Outputs::all(layer), sources.collect())
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
        sources: Vec<SourceBlock>,
        block: usize,
        skip: Option<usize>,
        blend: Option<(usize, f32)>,
    ) -> Result<()> {
        let layer = self.layer(role)?;
        self.margin -= layer.spec.kernel[2] / 2;
        let conv = self.packed(layer, sources.into_iter())?;
        self.steps.push(Step {
            conv,
            grid: Grid::Coarse,
            margin: self.margin,
            target: StepTarget::Activation { block, skip, blend },
        });
        Ok(())
    }

    /// The input convolution and the trunk; returns the first block of its result.
    fn trunk(&mut self, input: Vec<SourceBlock>) -> Result<usize> {
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
                    let sources = SourceBlock::consecutive(x, 0, self.features).collect();
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
                        let mut sources: Vec<_> =
                            SourceBlock::consecutive(r, 0, self.features).collect();
                        for (conv, &block_of_growth) in grown.iter().enumerate() {
                            let conv = conv as u16;
                            let role = LayerRole::Dense { block, dense, conv };
                            self.activation(role, sources.clone(), block_of_growth, None, None)?;
                            let channel = self.features + usize::from(conv) * growth;
                            sources.extend(SourceBlock::consecutive(
                                block_of_growth,
                                channel,
                                growth,
                            ));
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
                let sources = SourceBlock::consecutive(x, 0, self.features).collect();
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
            let sources = SourceBlock::consecutive(x, 0, self.features).collect();
            let conv = (self.pack)(layer, outputs, sources)?;
            self.steps.push(Step {
                conv,
                grid: Grid::Coarse,
                margin: self.margin,
                target: StepTarget::Shuffled {
                    block: shuffled,
                    offset,
                },
            });
        }
        let layer = self.layer(LayerRole::Refine)?;
        let conv = self.packed(layer, SourceBlock::consecutive(shuffled, 0, self.features))?;
        self.steps.push(Step {
            conv,
            grid: Grid::Fine,
            margin: 2, // radius of the head
            target: StepTarget::Activation {
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
