//! The canonical record of one network: payload of chunk `NETW` (spec networks 7).

use crate::base::error::{Error, Result};
use crate::base::limits::Limits;
use crate::network::arch::{Architecture, Head, InputChannels, Padding, Transform, Trunk};
use crate::network::plan::{LayerSpec, Scales};
use crate::network::weights::{Layer, LayerScales, Network, Weights};

/// Version of the record this program writes, and the newest it reads.
pub const ARCHITECTURE_VERSION: u16 = 1;

/// Bytes before the first tensor.
const HEADER_BYTES: usize = 40;

impl Network {
    /// The canonical record: equal networks have equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let tensors: usize = self.layers().iter().map(|l| l.spec.record_bytes()).sum();
        let mut out = Vec::with_capacity(HEADER_BYTES + tensors);
        write_header(self.arch(), &mut out);
        for layer in self.layers() {
            write_layer(layer, &mut out);
        }
        out
    }

    /// Reads a canonical record. Nothing is allocated for tensors before their sizes are known
    /// to fit both `bytes` and `limits`.
    ///
    /// # Errors
    /// `Unsupported` for a newer record version, `LimitExceeded` for more parameters than
    /// `limits` allows, `Corrupt` for everything else that is wrong.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let mut fields = RecordFields(bytes);
        let arch = read_header(&mut fields)?;
        let plan = arch.plan()?;
        let parameters = plan.iter().map(|l| l.parameters() as u64).sum();
        limits.check_parameters(parameters)?;
        let tensors: u64 = plan.iter().map(|l| l.record_bytes() as u64).sum();
        if fields.0.len() as u64 != tensors {
            return Err(Error::corrupt(format!(
                "{tensors} bytes of tensors expected, {} found",
                fields.0.len()
            )));
        }
        let layers = plan
            .iter()
            .map(|spec| read_layer(*spec, &mut fields))
            .collect::<Result<Vec<_>>>()?;
        Self::new(arch, layers)
    }
}

fn write_header(arch: &Architecture, out: &mut Vec<u8>) {
    let (kind, blocks, dense_blocks, convolutions, growth, beta) = match arch.trunk {
        Trunk::Residual { blocks } => (0, blocks, 0, 0, 0, 0.0),
        Trunk::Rrdb {
            blocks,
            dense_blocks,
            convolutions,
            growth,
            beta,
        } => (1, blocks, dense_blocks, convolutions, growth, beta),
    };
    out.extend(ARCHITECTURE_VERSION.to_le_bytes());
    out.extend([arch.rank, arch.min_level, arch.max_level]);
    out.push(match arch.transform {
        Transform::Cdf97 => 0,
        Transform::Haar => 1,
    });
    out.push(match arch.padding {
        Padding::Extend => 0,
        Padding::Zero => 1,
    });
    out.push(arch.channels.bits());
    out.extend(arch.input_scale.to_le_bytes());
    out.extend(arch.slope.to_le_bytes());
    out.extend(arch.features.to_le_bytes());
    out.push(arch.input_kernel);
    out.push(kind);
    out.push(match arch.head {
        Head::Subbands => 0,
        Head::VoxelShuffle => 1,
    });
    out.push(arch.shortcut_kernel.unwrap_or(0));
    for value in [blocks, dense_blocks, convolutions, growth, 0] {
        out.extend(value.to_le_bytes());
    }
    out.extend(f32::to_le_bytes(beta));
    out.extend([0; 4]);
    debug_assert_eq!(out.len(), HEADER_BYTES);
}

fn read_header(f: &mut RecordFields<'_>) -> Result<Architecture> {
    if f.0.len() < HEADER_BYTES {
        return Err(Error::corrupt(format!(
            "network record of at least {HEADER_BYTES} bytes expected, {} found",
            f.0.len()
        )));
    }
    let version = f.u16()?;
    if version > ARCHITECTURE_VERSION {
        return Err(Error::unsupported(format!(
            "network record version {version}, newest known is {ARCHITECTURE_VERSION}"
        )));
    }
    if version == 0 {
        return Err(Error::corrupt("network record version 0"));
    }
    let (rank, min_level, max_level) = (f.u8()?, f.u8()?, f.u8()?);
    let transform = match f.u8()? {
        0 => Transform::Cdf97,
        1 => Transform::Haar,
        code => return Err(unknown("transform", code)),
    };
    let padding = match f.u8()? {
        0 => Padding::Extend,
        1 => Padding::Zero,
        code => return Err(unknown("padding", code)),
    };
    let channels = InputChannels::from_bits(f.u8()?)?;
    let (input_scale, slope) = (f.f32()?, f.f32()?);
    let (features, input_kernel) = (f.u16()?, f.u8()?);
    let kind = f.u8()?;
    let head = match f.u8()? {
        0 => Head::Subbands,
        1 => Head::VoxelShuffle,
        code => return Err(unknown("head", code)),
    };
    let shortcut_kernel = match f.u8()? {
        0 => None,
        edge => Some(edge),
    };
    let (blocks, dense_blocks, convolutions, growth) = (f.u16()?, f.u16()?, f.u16()?, f.u16()?);
    f.expect_zero::<2>()?;
    let beta = f.f32()?;
    f.expect_zero::<4>()?;
    let trunk = match kind {
        0 => {
            // Unused fields are zero, so that equal networks have equal records.
            if (dense_blocks, convolutions, growth, beta.to_bits()) != (0, 0, 0, 0) {
                return Err(Error::corrupt("rrdb fields set in a residual trunk"));
            }
            Trunk::Residual { blocks }
        }
        1 => Trunk::Rrdb {
            blocks,
            dense_blocks,
            convolutions,
            growth,
            beta,
        },
        code => return Err(unknown("trunk", code)),
    };
    Ok(Architecture {
        rank,
        min_level,
        max_level,
        transform,
        padding,
        channels,
        input_scale,
        features,
        input_kernel,
        slope,
        trunk,
        head,
        shortcut_kernel,
    })
}

fn unknown(what: &str, code: u8) -> Error {
    Error::corrupt(format!("unknown {what} code {code}"))
}

fn write_layer(layer: &Layer, out: &mut Vec<u8>) {
    match &layer.weights {
        Weights::I8(values) => out.extend(values.iter().map(|w| w.to_le_bytes()[0])),
        Weights::I16(values) => out.extend(values.iter().flat_map(|w| w.to_le_bytes())),
    }
    out.extend(layer.bias.iter().flat_map(|b| b.to_le_bytes()));
    let mut scales = |values: &[f32]| out.extend(values.iter().flat_map(|s| s.to_le_bytes()));
    match &layer.scales {
        LayerScales::Activation { positive, negative } => {
            scales(positive);
            scales(negative);
        }
        LayerScales::Output(scale) => scales(scale),
    }
}

fn read_layer(spec: LayerSpec, f: &mut RecordFields<'_>) -> Result<Layer> {
    let weights = if spec.weight_bytes == 1 {
        Weights::I8(
            f.bytes(spec.weights())?
                .iter()
                .map(|&b| i8::from_le_bytes([b]))
                .collect(),
        )
    } else {
        Weights::I16(f.array(spec.weights(), i16::from_le_bytes)?)
    };
    let outputs = spec.outputs;
    Ok(Layer {
        spec,
        weights,
        bias: f.array(outputs, i32::from_le_bytes)?,
        scales: match spec.scales {
            Scales::Activation => LayerScales::Activation {
                positive: f.array(outputs, f32::from_le_bytes)?,
                negative: f.array(outputs, f32::from_le_bytes)?,
            },
            Scales::Output => LayerScales::Output(f.array(outputs, f32::from_le_bytes)?),
        },
    })
}

/// The bytes not yet read.
struct RecordFields<'a>(&'a [u8]);

impl<'a> RecordFields<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some((head, tail)) = self.0.split_at_checked(count) else {
            return Err(Error::corrupt(format!(
                "{count} more bytes expected, {} found",
                self.0.len()
            )));
        };
        self.0 = tail;
        Ok(head)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N)?);
        Ok(out)
    }

    fn array<const N: usize, T>(&mut self, count: usize, read: fn([u8; N]) -> T) -> Result<Vec<T>> {
        let (items, _) = self.bytes(count.saturating_mul(N))?.as_chunks::<N>();
        Ok(items.iter().map(|item| read(*item)).collect())
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.take()?))
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.take()?))
    }

    fn f32(&mut self) -> Result<f32> {
        Ok(f32::from_le_bytes(self.take()?))
    }

    fn expect_zero<const N: usize>(&mut self) -> Result<()> {
        match self.take::<N>()?.iter().find(|b| **b != 0) {
            Some(byte) => Err(Error::corrupt(format!(
                "reserved byte 0 expected, {byte} found"
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
