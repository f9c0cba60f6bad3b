//! Hierarchies from and to safetensors (spec networks 6).

use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, SafeTensorError, TensorView, serialize};
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::limits::Limits;
use crate::network::arch::{Architecture, Head, InputChannels, Padding, Transform, Trunk};
use crate::network::hierarchy::Hierarchy;
use crate::network::plan::{LayerSpec, Scales};
use crate::network::weights::{Layer, LayerScales, Network, Weights};

/// Key of the metadata entry.
const METADATA_KEY: &str = "srt";
/// Value of `format` in it.
const FORMAT: &str = "srt-network-1";
/// What `format` starts with in every version.
const FORMAT_PREFIX: &str = "srt-network-";

#[derive(Serialize, Deserialize)]
struct FileText {
    format: String,
    name: String,
    licence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training_data_sha256: Option<String>,
    networks: Vec<NetworkText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkText {
    rank: u8,
    min_level: u8,
    max_level: u8,
    transform: TransformText,
    padding: PaddingText,
    input_channels: Vec<String>,
    // f64: every f32 has an exact decimal text of that length, so scales survive a round trip.
    input_scale: f64,
    features: u16,
    input_kernel: u8,
    slope: f64,
    trunk: TrunkText,
    head: HeadText,
    shortcut_kernel: Option<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TransformText {
    Cdf97,
    Haar,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PaddingText {
    Extend,
    Zero,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HeadText {
    Subbands,
    VoxelShuffle,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum TrunkText {
    Residual {
        blocks: u16,
    },
    Rrdb {
        blocks: u16,
        dense_blocks: u16,
        convolutions: u16,
        growth: u16,
        beta: f64,
    },
}

impl Hierarchy {
    /// Reads a hierarchy from a safetensors file of quantised networks.
    ///
    /// # Errors
    /// `Unsupported` for a newer `format`, `LimitExceeded` for more parameters than `limits`
    /// allows, `Corrupt` for everything else that is wrong: a missing or surplus tensor, a wrong
    /// shape or type, a broken rule of the architecture, a broken accumulator guarantee.
    pub fn from_safetensors(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let text = read_text(bytes)?;
        let archs = text
            .networks
            .iter()
            .enumerate()
            .map(|(n, network)| {
                network
                    .to_arch()
                    .map_err(|e| e.within(format!("network {n}")))
            })
            .collect::<Result<Vec<_>>>()?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| not_safetensors(&e))?;
        // Before any plan is made: a short text could otherwise ask for many long plans.
        let expected: u64 = archs.iter().map(tensor_count).sum();
        if expected != file.len() as u64 {
            return Err(Error::corrupt(format!(
                "{expected} tensors expected, {} found",
                file.len()
            )));
        }
        let mut parameters = 0;
        let mut networks = Vec::with_capacity(archs.len());
        for (n, arch) in archs.iter().enumerate() {
            let plan = arch.plan()?;
            parameters += plan.iter().map(|l| l.parameters() as u64).sum::<u64>();
            limits.check_parameters(parameters)?;
            let layers = plan
                .iter()
                .map(|spec| read_layer(&file, n, arch.rank, *spec))
                .collect::<Result<Vec<_>>>()?;
            let network = Network::new(*arch, layers);
            networks.push(network.map_err(|e| e.within(format!("network {n}")))?);
        }
        let mut hierarchy = Self::new(text.name, text.licence, networks)?;
        hierarchy.training_data_sha256 = text.training_data_sha256;
        Ok(hierarchy)
    }

    /// Writes the hierarchy as safetensors; [`Hierarchy::from_safetensors`] gives it back.
    ///
    /// # Errors
    /// `InvalidArgument` when the safetensors writer refuses (a header beyond 100 MB).
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let mut parts = Vec::new();
        for (n, network) in self.networks().iter().enumerate() {
            for layer in network.layers() {
                write_layer(n, network.arch().rank, layer, &mut parts);
            }
        }
        let views = parts
            .iter()
            .map(|part| Ok((part.name.as_str(), part.view()?)))
            .collect::<Result<Vec<_>, SafeTensorError>>()
            .map_err(|e| not_written(&e))?;
        let text = FileText {
            format: FORMAT.into(),
            name: self.name.clone(),
            licence: self.licence.clone(),
            training_data_sha256: self.training_data_sha256.clone(),
            networks: self.networks().iter().map(|n| n.arch().into()).collect(),
        };
        let text = serde_json::to_string(&text).map_err(|e| Error::invalid(e.to_string()))?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), text)]);
        serialize(views, Some(metadata)).map_err(|e| not_written(&e))
    }
}

fn not_safetensors(error: &SafeTensorError) -> Error {
    Error::corrupt(format!("not a safetensors file: {error}"))
}

fn not_written(error: &SafeTensorError) -> Error {
    Error::invalid(format!("safetensors not written: {error}"))
}

fn read_text(bytes: &[u8]) -> Result<FileText> {
    #[derive(Deserialize)]
    struct FormatOnly {
        format: String,
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| not_safetensors(&e))?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get(METADATA_KEY))
        .ok_or_else(|| Error::corrupt("safetensors metadata entry `srt` expected, none found"))?;
    let bad = |e: serde_json::Error| Error::corrupt(format!("metadata entry `srt`: {e}"));
    // The version decides before the fields: a newer file is not a corrupt one.
    let FormatOnly { format } = serde_json::from_str(text).map_err(bad)?;
    if format != FORMAT {
        let message = format!("format {FORMAT} expected, {format} found");
        return Err(if format.starts_with(FORMAT_PREFIX) {
            Error::unsupported(message)
        } else {
            Error::corrupt(message)
        });
    }
    serde_json::from_str(text).map_err(bad)
}

/// Number of tensors of a network: four per layer, three where the scales are `scale` alone.
fn tensor_count(arch: &Architecture) -> u64 {
    let outputs = 1 + u64::from(arch.shortcut_kernel.is_some());
    4 * arch.layer_count() - outputs
}

impl NetworkText {
    fn to_arch(&self) -> Result<Architecture> {
        let mut bits = 0;
        for name in &self.input_channels {
            let bit = InputChannels::NAMES
                .iter()
                .position(|known| known == name)
                .ok_or_else(|| Error::corrupt(format!("unknown input channel {name:?}")))?;
            if bits >> bit != 0 {
                return Err(Error::corrupt(format!(
                    "input channels once and in order expected, {name:?} found too late"
                )));
            }
            bits |= 1 << bit;
        }
        let arch = Architecture {
            rank: self.rank,
            min_level: self.min_level,
            max_level: self.max_level,
            transform: match self.transform {
                TransformText::Cdf97 => Transform::Cdf97,
                TransformText::Haar => Transform::Haar,
            },
            padding: match self.padding {
                PaddingText::Extend => Padding::Extend,
                PaddingText::Zero => Padding::Zero,
            },
            channels: InputChannels::from_bits(bits)?,
            input_scale: self.input_scale as f32,
            features: self.features,
            input_kernel: self.input_kernel,
            slope: self.slope as f32,
            trunk: match self.trunk {
                TrunkText::Residual { blocks } => Trunk::Residual { blocks },
                TrunkText::Rrdb {
                    blocks,
                    dense_blocks,
                    convolutions,
                    growth,
                    beta,
                } => Trunk::Rrdb {
                    blocks,
                    dense_blocks,
                    convolutions,
                    growth,
                    beta: beta as f32,
                },
            },
            head: match self.head {
                HeadText::Subbands => Head::Subbands,
                HeadText::VoxelShuffle => Head::VoxelShuffle,
            },
            shortcut_kernel: self.shortcut_kernel,
        };
        arch.validate()?;
        Ok(arch)
    }
}

impl From<&Architecture> for NetworkText {
    fn from(arch: &Architecture) -> Self {
        Self {
            rank: arch.rank,
            min_level: arch.min_level,
            max_level: arch.max_level,
            transform: match arch.transform {
                Transform::Cdf97 => TransformText::Cdf97,
                Transform::Haar => TransformText::Haar,
            },
            padding: match arch.padding {
                Padding::Extend => PaddingText::Extend,
                Padding::Zero => PaddingText::Zero,
            },
            input_channels: InputChannels::NAMES
                .iter()
                .enumerate()
                .filter(|(bit, _)| arch.channels.bits() >> bit & 1 == 1)
                .map(|(_, name)| (*name).to_owned())
                .collect(),
            input_scale: arch.input_scale.into(),
            features: arch.features,
            input_kernel: arch.input_kernel,
            slope: arch.slope.into(),
            trunk: match arch.trunk {
                Trunk::Residual { blocks } => TrunkText::Residual { blocks },
                Trunk::Rrdb {
                    blocks,
                    dense_blocks,
                    convolutions,
                    growth,
                    beta,
                } => TrunkText::Rrdb {
                    blocks,
                    dense_blocks,
                    convolutions,
                    growth,
                    beta: beta.into(),
                },
            },
            head: match arch.head {
                Head::Subbands => HeadText::Subbands,
                Head::VoxelShuffle => HeadText::VoxelShuffle,
            },
            shortcut_kernel: arch.shortcut_kernel,
        }
    }
}

/// `[out, in, kz, ky, kx]`, without `kz` in 2-D.
fn weight_shape(spec: &LayerSpec, rank: u8) -> Vec<usize> {
    let mut shape = vec![spec.outputs, spec.inputs];
    shape.extend(&spec.kernel[3 - usize::from(rank)..]);
    shape
}

fn read_layer(file: &SafeTensors<'_>, n: usize, rank: u8, spec: LayerSpec) -> Result<Layer> {
    let part = |part: &str, dtype: Dtype, shape: &[usize]| {
        let name = format!("{n}.{}.{part}", spec.role);
        let view = file
            .tensor(&name)
            .map_err(|_| Error::corrupt(format!("tensor {name} expected, none found")))?;
        if view.dtype() != dtype || view.shape() != shape {
            return Err(Error::corrupt(format!(
                "tensor {name} of {dtype:?} and shape {shape:?} expected, {:?} {:?} found",
                view.dtype(),
                view.shape()
            )));
        }
        Ok(view.data())
    };
    let shape = weight_shape(&spec, rank);
    let per_output = [spec.outputs];
    let floats = |name: &str| -> Result<Vec<f32>> {
        let bytes = part(name, Dtype::F32, &per_output)?;
        Ok(le_array(bytes, f32::from_le_bytes))
    };
    Ok(Layer {
        spec,
        weights: if spec.weight_bytes == 1 {
            Weights::I8(le_array(
                part("weight", Dtype::I8, &shape)?,
                i8::from_le_bytes,
            ))
        } else {
            Weights::I16(le_array(
                part("weight", Dtype::I16, &shape)?,
                i16::from_le_bytes,
            ))
        },
        bias: le_array(part("bias", Dtype::I32, &per_output)?, i32::from_le_bytes),
        scales: match spec.scales {
            Scales::Activation => LayerScales::Activation {
                positive: floats("positive")?,
                negative: floats("negative")?,
            },
            Scales::Output => LayerScales::Output(floats("scale")?),
        },
    })
}

fn le_array<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes
        .as_chunks::<N>()
        .0
        .iter()
        .map(|item| read(*item))
        .collect()
}

/// One tensor on its way out.
struct TensorData {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl TensorData {
    fn view(&self) -> Result<TensorView<'_>, SafeTensorError> {
        TensorView::new(self.dtype, self.shape.clone(), &self.bytes)
    }
}

fn write_layer(n: usize, rank: u8, layer: &Layer, parts: &mut Vec<TensorData>) {
    let spec = &layer.spec;
    let mut add = |part: &str, dtype, shape: Vec<usize>, bytes: Vec<u8>| {
        parts.push(TensorData {
            name: format!("{n}.{}.{part}", spec.role),
            dtype,
            shape,
            bytes,
        });
    };
    let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let shape = weight_shape(spec, rank);
    match &layer.weights {
        Weights::I8(w) => {
            let bytes = w.iter().flat_map(|v| v.to_le_bytes()).collect();
            add("weight", Dtype::I8, shape, bytes);
        }
        Weights::I16(w) => {
            let bytes = w.iter().flat_map(|v| v.to_le_bytes()).collect();
            add("weight", Dtype::I16, shape, bytes);
        }
    }
    let outputs = || vec![spec.outputs];
    let bias = layer.bias.iter().flat_map(|v| v.to_le_bytes()).collect();
    add("bias", Dtype::I32, outputs(), bias);
    match &layer.scales {
        LayerScales::Activation { positive, negative } => {
            add("positive", Dtype::F32, outputs(), floats(positive));
            add("negative", Dtype::F32, outputs(), floats(negative));
        }
        LayerScales::Output(scale) => add("scale", Dtype::F32, outputs(), floats(scale)),
    }
}

#[cfg(test)]
mod tests;
