//! The layers that an architecture implies, in the order of the canonical record.

use std::fmt;

use crate::base::error::Result;
use crate::network::arch::{Architecture, Head, Trunk};

/// What a layer is for; its `Display` is the name in safetensors files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerRole {
    /// First convolution: input channels to features.
    Input,
    /// Convolution of a residual block.
    Block(u16),
    /// Convolution of a dense block.
    Dense {
        /// RRDB.
        block: u16,
        /// Dense block in the RRDB.
        dense: u16,
        /// Convolution in the dense block.
        conv: u16,
    },
    /// Convolution after the RRDBs.
    TrunkEnd,
    /// Convolution to `2^rank` times the features, before the voxel shuffle.
    Shuffle,
    /// Convolution after the voxel shuffle.
    Refine,
    /// Last convolution.
    Head,
    /// Linear convolution of the input, added to the head's output.
    Shortcut,
}

impl fmt::Display for LayerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("input"),
            Self::Block(block) => write!(f, "block{block}"),
            Self::Dense { block, dense, conv } => {
                write!(f, "block{block}.dense{dense}.conv{conv}")
            }
            Self::TrunkEnd => f.write_str("trunk_end"),
            Self::Shuffle => f.write_str("shuffle"),
            Self::Refine => f.write_str("refine"),
            Self::Head => f.write_str("head"),
            Self::Shortcut => f.write_str("shortcut"),
        }
    }
}

/// Which scales follow a layer's accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scales {
    /// `positive` and `negative`: requantised to activations.
    Activation,
    /// `scale`: converted to the output unit.
    Output,
}

/// Shape of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSpec {
    /// What it is for.
    pub role: LayerRole,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel extents `[kz, ky, kx]`; `kz` is 1 for rank 2.
    pub kernel: [usize; 3],
    /// Scales that follow.
    pub scales: Scales,
    /// Bytes of one weight: 1 (i8) or 2 (i16, the shortcut).
    pub weight_bytes: usize,
}

impl LayerSpec {
    /// Number of kernel taps.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Number of weights.
    #[must_use]
    pub fn weights(&self) -> usize {
        self.outputs * self.inputs * self.taps()
    }

    /// Weights and biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.weights() + self.outputs
    }

    /// Bytes in the canonical record: weights, biases, scales.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        let scales = match self.scales {
            Scales::Activation => 2,
            Scales::Output => 1,
        };
        self.weights() * self.weight_bytes + self.outputs * 4 * (1 + scales)
    }
}

impl Architecture {
    /// The layers in the order of the canonical record. Parser, importer and backends all take
    /// it from here.
    ///
    /// # Errors
    /// `Corrupt` when [`Architecture::validate`] fails.
    pub fn plan(&self) -> Result<Vec<LayerSpec>> {
        self.validate()?;
        let mut layers = Vec::with_capacity(self.layer_count() as usize);
        let features = usize::from(self.features);
        let mut add = |role, inputs, outputs, kernel| {
            layers.push(self.layer(role, inputs, outputs, kernel));
        };
        add(
            LayerRole::Input,
            self.channels.count(),
            features,
            self.input_kernel,
        );
        match self.trunk {
            Trunk::Residual { blocks } => {
                for block in 0..blocks {
                    add(LayerRole::Block(block), features, features, 3);
                }
            }
            Trunk::Rrdb {
                blocks,
                dense_blocks,
                convolutions,
                growth,
                ..
            } => {
                for block in 0..blocks {
                    for dense in 0..dense_blocks {
                        for conv in 0..convolutions {
                            let inputs = features + usize::from(conv) * usize::from(growth);
                            let outputs = if conv + 1 == convolutions {
                                features
                            } else {
                                usize::from(growth)
                            };
                            add(LayerRole::Dense { block, dense, conv }, inputs, outputs, 3);
                        }
                    }
                }
                add(LayerRole::TrunkEnd, features, features, 3);
            }
        }
        match self.head {
            Head::Subbands => add(LayerRole::Head, features, self.outputs(), 1),
            Head::VoxelShuffle => {
                add(LayerRole::Shuffle, features, features << self.rank, 3);
                add(LayerRole::Refine, features, features, 3);
                add(LayerRole::Head, features, self.outputs(), 5);
            }
        }
        if let Some(kernel) = self.shortcut_kernel {
            add(
                LayerRole::Shortcut,
                self.channels.field_count(),
                self.outputs(),
                kernel,
            );
        }
        Ok(layers)
    }

    fn layer(&self, role: LayerRole, inputs: usize, outputs: usize, kernel: u8) -> LayerSpec {
        let edge = usize::from(kernel);
        LayerSpec {
            role,
            inputs,
            outputs,
            kernel: [if self.rank == 3 { edge } else { 1 }, edge, edge],
            scales: match role {
                LayerRole::Head | LayerRole::Shortcut => Scales::Output,
                _ => Scales::Activation,
            },
            weight_bytes: if role == LayerRole::Shortcut { 2 } else { 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_network_has_its_published_size() {
        let plan = Architecture::paper(3).plan().unwrap();
        let parameters: usize = plan.iter().map(LayerSpec::parameters).sum();
        assert_eq!(parameters, 10_063_969);
        // Voxel shuffle, refine and head run on 8 fine voxels each but the shuffle.
        let macs: usize = plan
            .iter()
            .map(|layer| match layer.role {
                LayerRole::Refine | LayerRole::Head => layer.weights() * 8,
                _ => layer.weights(),
            })
            .sum();
        assert_eq!((macs + 5_000) / 10_000, 1189);
    }

    #[test]
    fn default_network_has_its_measured_size() {
        let plan = Architecture::residual(3).plan().unwrap();
        let parameters: usize = plan.iter().map(LayerSpec::parameters).sum();
        assert_eq!(parameters, 87_652);
        let names: Vec<_> = plan.iter().map(|l| l.role.to_string()).collect();
        assert_eq!(
            names,
            ["input", "block0", "block1", "block2", "head", "shortcut"]
        );
    }
}
