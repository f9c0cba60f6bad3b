//! A network: its architecture with checked tensors.

use hmac_sha256::Hash;

use crate::base::error::{Error, Result};
use crate::network::arch::{ACTIVATION_MAX, Architecture, Trunk};
use crate::network::plan::{LayerRole, LayerSpec, Scales};

/// Quantised weights, `[out, in, kz, ky, kx]` with `kx` fastest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Every layer but the shortcut.
    I8(Vec<i8>),
    /// The shortcut.
    I16(Vec<i16>),
}

impl Weights {
    /// Number of weights.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::I8(values) => values.len(),
            Self::I16(values) => values.len(),
        }
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Weight number `index`, widened; 0 beyond the end.
    #[must_use]
    pub fn get(&self, index: usize) -> i16 {
        match self {
            Self::I8(values) => values.get(index).copied().unwrap_or(0).into(),
            Self::I16(values) => values.get(index).copied().unwrap_or(0),
        }
    }

    /// Bytes of one weight in the record.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::I8(_) => 1,
            Self::I16(_) => 2,
        }
    }
}

/// The scales of one layer, one value per output channel.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerScales {
    /// Factors for accumulators from 0 and for those below 0.
    Activation {
        /// Factor where the accumulator is 0 or more.
        positive: Vec<f32>,
        /// Factor where it is below 0.
        negative: Vec<f32>,
    },
    /// One factor to the unit of the output.
    Output(Vec<f32>),
}

/// One layer: its shape and its tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Shape, from the plan.
    pub spec: LayerSpec,
    /// Weights.
    pub weights: Weights,
    /// One bias per output channel, in accumulator units.
    pub bias: Vec<i32>,
    /// Scales.
    pub scales: LayerScales,
}

impl Layer {
    /// Checks lengths, scales and the accumulator guarantee (spec networks 5).
    fn validate(&self) -> Result<()> {
        let outputs = self.spec.outputs;
        expect_len("weights", self.weights.len(), self.spec.weights())?;
        expect_len("weight bytes", self.weights.bytes(), self.spec.weight_bytes)?;
        expect_len("biases", self.bias.len(), outputs)?;
        match (&self.scales, self.spec.scales) {
            (LayerScales::Activation { positive, negative }, Scales::Activation) => {
                check_scales("positive", positive, outputs)?;
                check_scales("negative", negative, outputs)?;
            }
            (LayerScales::Output(scale), Scales::Output) => check_scales("scale", scale, outputs)?,
            (LayerScales::Activation { .. }, Scales::Output)
            | (LayerScales::Output(_), Scales::Activation) => {
                return Err(Error::corrupt("scales of the other kind of layer found"));
            }
        }
        self.check_accumulators()
    }

    fn check_accumulators(&self) -> Result<()> {
        let per_output = self.spec.weights() / self.spec.outputs;
        let sums: Vec<u64> = match &self.weights {
            Weights::I8(w) => w.chunks_exact(per_output).map(sum_i8).collect(),
            Weights::I16(w) => w.chunks_exact(per_output).map(sum_i16).collect(),
        };
        for (output, (sum, bias)) in sums.iter().zip(&self.bias).enumerate() {
            let bound = sum * ACTIVATION_MAX as u64 + u64::from(bias.unsigned_abs());
            if bound >= 1 << 31 {
                return Err(Error::corrupt(format!(
                    "accumulator bound below 2^31 expected, {bound} found in channel {output}"
                )));
            }
        }
        Ok(())
    }
}

fn sum_i8(weights: &[i8]) -> u64 {
    weights.iter().map(|w| u64::from(w.unsigned_abs())).sum()
}

fn sum_i16(weights: &[i16]) -> u64 {
    weights.iter().map(|w| u64::from(w.unsigned_abs())).sum()
}

fn expect_len(what: &str, found: usize, expected: usize) -> Result<()> {
    if found != expected {
        return Err(Error::corrupt(format!(
            "{expected} {what} expected, {found} found"
        )));
    }
    Ok(())
}

fn check_scales(what: &str, scales: &[f32], outputs: usize) -> Result<()> {
    expect_len(what, scales.len(), outputs)?;
    // A clear sign bit also rules out -0.0: equal numbers then have equal bytes.
    match scales
        .iter()
        .find(|s| !s.is_finite() || s.is_sign_negative())
    {
        Some(bad) => Err(Error::corrupt(format!(
            "finite, non-negative {what} expected, {bad} found"
        ))),
        None => Ok(()),
    }
}

/// One network: what it looks like and its tensors, all checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    arch: Architecture,
    layers: Vec<Layer>,
    digest: [u8; 32],
}

impl Network {
    /// A network from its parts; `layers` in the order of [`Architecture::plan`].
    ///
    /// # Errors
    /// `Corrupt` when the architecture breaks a rule, a tensor has another size than the plan
    /// says, a scale is negative or not finite, or the accumulator guarantee does not hold.
    pub fn new(arch: Architecture, layers: Vec<Layer>) -> Result<Self> {
        let plan = arch.plan()?;
        expect_len("layers", layers.len(), plan.len())?;
        for (layer, spec) in layers.iter().zip(&plan) {
            if layer.spec != *spec {
                return Err(Error::corrupt(format!(
                    "layer {spec:?} expected, {:?} found",
                    layer.spec
                )));
            }
            layer.validate().map_err(|e| e.within(spec.role))?;
        }
        let mut network = Self {
            arch,
            layers,
            digest: [0; 32],
        };
        network.digest = Hash::hash(&network.to_bytes());
        Ok(network)
    }

    /// The architecture.
    #[must_use]
    pub fn arch(&self) -> &Architecture {
        &self.arch
    }

    /// The layers in plan order.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layer with this role.
    #[must_use]
    pub fn layer(&self, role: LayerRole) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.spec.role == role)
    }

    /// Weights and biases.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.layers.iter().map(|l| l.spec.parameters() as u64).sum()
    }

    /// Receptive radius in input voxels.
    #[must_use]
    pub fn radius(&self) -> usize {
        self.arch.radius()
    }

    /// SHA-256 of the canonical record ([`Network::to_bytes`]).
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// A network that gives what this one's shortcut gives, and nothing else; `None` without a shortcut.
    ///
    /// # Errors
    /// None for a network with a subband head.
    pub fn shortcut_alone(&self) -> Result<Option<Self>> {
        let Some(shortcut) = self.layer(LayerRole::Shortcut) else {
            return Ok(None);
        };
        let arch = Architecture {
            features: 1,
            input_kernel: 1,
            trunk: Trunk::Residual { blocks: 0 },
            ..self.arch
        };
        let zeros = |spec: LayerSpec| Layer {
            spec,
            weights: Weights::I8(vec![0; spec.weights()]),
            bias: vec![0; spec.outputs],
            scales: match spec.scales {
                Scales::Output => LayerScales::Output(vec![0.0; spec.outputs]),
                Scales::Activation => LayerScales::Activation {
                    positive: vec![0.0; spec.outputs],
                    negative: vec![0.0; spec.outputs],
                },
            },
        };
        let layer = |spec: LayerSpec| match spec.role {
            LayerRole::Shortcut => shortcut.clone(),
            _ => zeros(spec),
        };
        let layers = arch.plan()?.into_iter().map(layer).collect();
        Self::new(arch, layers).map(Some)
    }

    /// Whether it predicts `level` of a frame of this rank and transform.
    #[must_use]
    pub fn serves(&self, level: u8, rank: usize, transform: crate::network::Transform) -> bool {
        let arch = &self.arch;
        usize::from(arch.rank) == rank
            && arch.transform == transform
            && (arch.min_level..=arch.max_level).contains(&level)
    }
}
