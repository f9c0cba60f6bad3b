//! The architecture record: everything about a network except its tensors.

use crate::base::error::{Error, Result};

/// Largest number of features or growth channels (spec networks 7).
pub(crate) const MAX_CHANNELS: u16 = 4096;
/// Largest number of layers (spec networks 7).
pub(crate) const MAX_LAYERS: u64 = 4096;
/// Largest receptive radius (spec networks 7).
pub(crate) const MAX_RADIUS: usize = 255;
/// Largest kernel edge (spec networks 7).
pub(crate) const MAX_KERNEL: u8 = 9;
/// Largest activation and input magnitude: symmetric 16-bit integers.
pub(crate) const ACTIVATION_MAX: i32 = 32767;

/// The transform whose low-pass a network reads and whose details it predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transform {
    /// CDF 9/7 wavelet.
    Cdf97,
    /// Haar: mean pooling, as in the paper.
    Haar,
}

/// What a network sees outside the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// The input is extended once; every convolution is valid.
    Extend,
    /// Zeros outside the domain, in the input and in every inner layer.
    Zero,
}

/// The input channels present, a subset of four in fixed order (spec networks 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InputChannels(u8);

impl InputChannels {
    /// The quantised low-pass, extended beyond the domain.
    pub const FIELD: Self = Self(1);
    /// The quantised low-pass, zero outside the domain.
    pub const INSIDE_FIELD: Self = Self(2);
    /// `round(input_scale)` inside the domain, zero outside.
    pub const INSIDE: Self = Self(4);
    /// One integer per level, chosen by the frame.
    pub const CONDITION: Self = Self(8);

    /// Names as in the safetensors metadata, in bit order.
    pub(crate) const NAMES: [&str; 4] = ["field", "inside_field", "inside", "condition"];

    /// From bits as in spec networks 3.
    ///
    /// # Errors
    /// `Corrupt` when a bit is unknown or neither field channel is present.
    pub fn from_bits(bits: u8) -> Result<Self> {
        if bits > 15 || bits & 3 == 0 {
            return Err(Error::corrupt(format!(
                "input channels with a field channel among bits 0 to 3 expected, {bits:#x} found"
            )));
        }
        Ok(Self(bits))
    }

    /// Bits as in [`InputChannels::from_bits`].
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is present.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Number of channels.
    #[must_use]
    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Number of channels that the linear shortcut reads: `field` and `inside_field`.
    #[must_use]
    pub fn field_count(self) -> usize {
        (self.0 & 3).count_ones() as usize
    }
}

/// The layers between the input convolution and the head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trunk {
    /// Blocks of one 3-wide convolution with a skip.
    Residual {
        /// Number of blocks; zero is allowed.
        blocks: u16,
    },
    /// Residual-in-residual dense blocks (paper section 4.1.1).
    Rrdb {
        /// Number of RRDBs.
        blocks: u16,
        /// Dense blocks in one RRDB.
        dense_blocks: u16,
        /// Convolutions in one dense block.
        convolutions: u16,
        /// Channels that each convolution but the last adds.
        growth: u16,
        /// Residual scale of an RRDB, 0 to 1.
        beta: f32,
    },
}

/// What the network puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Head {
    /// The detail subbands of the finer level, on the grid of the low-pass.
    Subbands,
    /// The field of the finer level itself, twice as long along every axis (the paper's head).
    VoxelShuffle,
}

/// Describes one network; with it the list of layers is fixed (see [`Architecture::plan`]).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Architecture {
    /// Rank of the fields, 2 or 3.
    pub rank: u8,
    /// First level whose prediction this network serves.
    pub min_level: u8,
    /// Last level whose prediction this network serves.
    pub max_level: u8,
    /// Transform of the low-pass.
    pub transform: Transform,
    /// Values outside the domain.
    pub padding: Padding,
    /// Input channels.
    pub channels: InputChannels,
    /// Integers per unit of the normalised field; above 0, at most 32767.
    pub input_scale: f32,
    /// Channels of the trunk.
    pub features: u16,
    /// Edge of the input convolution, odd.
    pub input_kernel: u8,
    /// LeakyReLU slope of the trained network. Informative: the scales hold its effect.
    pub slope: f32,
    /// The trunk.
    pub trunk: Trunk,
    /// The head.
    pub head: Head,
    /// Edge of the linear shortcut's kernel, odd, where there is one.
    pub shortcut_kernel: Option<u8>,
}

impl Architecture {
    /// The residual network that `srt` trains for itself (`turbulence3d-m` and its kind), for level 0 alone: radius 4,
    /// 87 652 parameters in 3-D.
    #[must_use]
    pub fn residual(rank: u8) -> Self {
        Self {
            rank,
            min_level: 0,
            max_level: 0,
            transform: Transform::Cdf97,
            padding: Padding::Extend,
            channels: InputChannels::FIELD
                .with(InputChannels::INSIDE_FIELD)
                .with(InputChannels::INSIDE),
            input_scale: 2048.0,
            features: 32,
            input_kernel: 3,
            slope: 0.1,
            trunk: Trunk::Residual { blocks: 3 },
            head: Head::Subbands,
            shortcut_kernel: Some(5),
        }
    }

    /// The paper's generator (section 4.1), for level 0 alone: radius 50, 10 063 969 parameters in 3-D.
    #[must_use]
    pub fn paper(rank: u8) -> Self {
        Self {
            transform: Transform::Haar,
            padding: Padding::Zero,
            channels: InputChannels::FIELD,
            features: 96,
            slope: 0.2,
            trunk: Trunk::Rrdb {
                blocks: 3,
                dense_blocks: 3,
                convolutions: 5,
                growth: 24,
                beta: 0.2,
            },
            head: Head::VoxelShuffle,
            shortcut_kernel: None,
            ..Self::residual(rank)
        }
    }

    /// Number of output channels: detail subbands, or 1.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self.head {
            Head::Subbands => (1 << self.rank) - 1,
            Head::VoxelShuffle => 1,
        }
    }

    /// The value of channel `inside` within the domain: `round(input_scale)`.
    #[must_use]
    pub fn inside_value(&self) -> i16 {
        self.input_scale.round_ties_even() as i16
    }

    /// Receptive radius in input voxels, along every axis of the rank.
    #[must_use]
    pub fn radius(&self) -> usize {
        let input = usize::from(self.input_kernel / 2);
        let trunk = match self.trunk {
            Trunk::Residual { blocks } => usize::from(blocks),
            Trunk::Rrdb {
                blocks,
                dense_blocks,
                convolutions,
                ..
            } => usize::from(blocks) * usize::from(dense_blocks) * usize::from(convolutions) + 1,
        };
        let head = match self.head {
            Head::Subbands => 0,
            // `shuffle` 1; `refine` and `head` 1 + 2 fine voxels, that is 2 coarse ones.
            Head::VoxelShuffle => 3,
        };
        let shortcut = usize::from(self.shortcut_kernel.unwrap_or(1) / 2);
        (input + trunk + head).max(shortcut)
    }

    /// Checks every rule of spec networks 7 that does not need the tensors.
    ///
    /// # Errors
    /// `Corrupt`, naming the field.
    pub fn validate(&self) -> Result<()> {
        expect("rank 2 or 3", matches!(self.rank, 2 | 3), self.rank)?;
        expect(
            "min_level not above max_level",
            self.min_level <= self.max_level,
            self.min_level,
        )?;
        InputChannels::from_bits(self.channels.bits())?;
        expect(
            "input_scale above 0 and at most 32767",
            self.input_scale > 0.0 && self.input_scale <= ACTIVATION_MAX as f32,
            self.input_scale,
        )?;
        expect("slope from 0 to 1", in_unit_range(self.slope), self.slope)?;
        check_channels("features", self.features)?;
        check_kernel("input_kernel", self.input_kernel)?;
        if let Some(kernel) = self.shortcut_kernel {
            check_kernel("shortcut_kernel", kernel)?;
            expect(
                "no shortcut beside a voxel_shuffle head",
                self.head == Head::Subbands,
                kernel,
            )?;
        }
        if let Trunk::Rrdb {
            blocks,
            dense_blocks,
            convolutions,
            growth,
            beta,
        } = self.trunk
        {
            expect("at least 1 block", blocks > 0, blocks)?;
            expect("at least 1 dense block", dense_blocks > 0, dense_blocks)?;
            expect("at least 1 convolution", convolutions > 0, convolutions)?;
            check_channels("growth", growth)?;
            expect("beta from 0 to 1", in_unit_range(beta), beta)?;
            let widest = u64::from(growth) * u64::from(convolutions) + u64::from(self.features);
            expect(
                "dense blocks of at most 65536 channels",
                widest <= 1 << 16,
                widest,
            )?;
        }
        let layers = self.layer_count();
        expect("at most 4096 layers", layers <= MAX_LAYERS, layers)?;
        let radius = self.radius();
        expect("receptive radius up to 255", radius <= MAX_RADIUS, radius)
    }

    /// Number of layers of the plan, without making it.
    pub(crate) fn layer_count(&self) -> u64 {
        let trunk = match self.trunk {
            Trunk::Residual { blocks } => u64::from(blocks),
            Trunk::Rrdb {
                blocks,
                dense_blocks,
                convolutions,
                ..
            } => u64::from(blocks) * u64::from(dense_blocks) * u64::from(convolutions) + 1,
        };
        let head = match self.head {
            Head::Subbands => 1,
            Head::VoxelShuffle => 3,
        };
        1 + trunk + head + u64::from(self.shortcut_kernel.is_some())
    }
}

/// True for 0 to 1 with a clear sign bit, so that equal numbers have equal bytes.
fn in_unit_range(value: f32) -> bool {
    (0.0..=1.0).contains(&value) && value.is_sign_positive()
}

fn check_channels(what: &str, count: u16) -> Result<()> {
    expect(
        &format!("{what} from 1 to {MAX_CHANNELS}"),
        (1..=MAX_CHANNELS).contains(&count),
        count,
    )
}

fn check_kernel(what: &str, edge: u8) -> Result<()> {
    expect(
        &format!("odd {what} up to {MAX_KERNEL}"),
        edge % 2 == 1 && edge <= MAX_KERNEL,
        edge,
    )
}

fn expect(what: &str, holds: bool, found: impl std::fmt::Display) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::corrupt(format!("{what} expected, {found} found")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing;

    #[test]
    fn radius_is_that_of_the_design() {
        assert_eq!(Architecture::residual(3).radius(), 4);
        assert_eq!(Architecture::paper(3).radius(), 50);
    }

    #[test]
    fn every_rule_is_enforced() {
        type Break = fn(&mut Architecture);
        let breaks: [Break; 15] = [
            |a| a.rank = 4,
            |a| a.min_level = 9,
            |a| a.channels = InputChannels::INSIDE,
            |a| a.input_scale = 0.0,
            |a| a.input_scale = f32::NAN,
            |a| a.input_scale = 32768.0,
            |a| a.slope = -0.0,
            |a| a.features = 0,
            |a| a.features = MAX_CHANNELS + 1,
            |a| a.input_kernel = 4,
            |a| a.input_kernel = 11,
            |a| a.shortcut_kernel = Some(0),
            |a| a.head = Head::VoxelShuffle,
            |a| a.trunk = Trunk::Residual { blocks: 4095 },
            |a| a.trunk = Trunk::Residual { blocks: 255 },
        ];
        let good = Architecture::residual(3);
        good.validate().unwrap();
        for (i, make_bad) in breaks.iter().enumerate() {
            let mut bad = good;
            make_bad(&mut bad);
            assert!(bad.validate().is_err(), "rule {i}");
        }
    }

    #[test]
    fn layer_count_is_the_length_of_the_plan() {
        for arch in [
            Architecture::residual(3),
            Architecture::paper(3),
            testing::narrow_rrdb(2),
        ] {
            assert_eq!(arch.layer_count(), arch.plan().unwrap().len() as u64);
        }
    }
}
