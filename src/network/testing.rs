//! Architectures and random networks for tests.

use crate::network::arch::{Architecture, Trunk};
use crate::network::plan::{LayerSpec, Scales};
use crate::network::weights::{Layer, LayerScales, Network, Weights};

/// A small residual network; features fill no vector register.
pub(crate) fn narrow_residual(rank: u8) -> Architecture {
    Architecture {
        rank,
        max_level: 255,
        features: 5,
        trunk: Trunk::Residual { blocks: 2 },
        ..Architecture::residual(3)
    }
}

/// A small RRDB network with the voxel-shuffle head.
pub(crate) fn narrow_rrdb(rank: u8) -> Architecture {
    Architecture {
        rank,
        features: 6,
        trunk: Trunk::Rrdb {
            blocks: 2,
            dense_blocks: 2,
            convolutions: 2,
            growth: 3,
            beta: 0.2,
        },
        ..Architecture::paper(3)
    }
}

/// Reproducible pseudo-random numbers (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    /// From 0 to 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }
}

/// A network whose activations fill the 16-bit range and saturate now and then.
pub(crate) fn random_network(arch: Architecture, seed: u64) -> Network {
    let mut random = Random(seed);
    let layers = arch
        .plan()
        .unwrap()
        .into_iter()
        .map(|spec| random_layer(spec, &mut random))
        .collect();
    Network::new(arch, layers).unwrap()
}

fn random_layer(spec: LayerSpec, random: &mut Random) -> Layer {
    let per_output = spec.inputs * spec.taps();
    // Within the accumulator guarantee even if every weight had the largest magnitude.
    let most = (60_000 / per_output as i64).clamp(1, 127);
    let sparse = per_output > 60_000;
    let mut weight = || {
        if sparse && !random.next().is_multiple_of(4) {
            return 0;
        }
        random.between(-most, most)
    };
    let weights = if spec.weight_bytes == 1 {
        Weights::I8((0..spec.weights()).map(|_| weight() as i8).collect())
    } else {
        Weights::I16((0..spec.weights()).map(|_| weight() as i16).collect())
    };
    // Standard deviation of a sum of `per_output` products of uniform weights, roughly.
    let spread = most as f32 * (per_output as f32).sqrt() * 0.33;
    let scale = 1.2 / spread;
    let mut scales = |low: f32, high: f32| {
        (0..spec.outputs)
            .map(|_| scale * (low + (high - low) * random.unit()))
            .collect()
    };
    let scales = match spec.scales {
        Scales::Activation => LayerScales::Activation {
            positive: scales(0.5, 1.5),
            negative: scales(0.0, 1.0),
        },
        Scales::Output => LayerScales::Output(scales(0.0, 1e-3)),
    };
    let bias = (0..spec.outputs)
        .map(|_| random.between(-100_000, 100_000) as i32)
        .collect();
    Layer {
        spec,
        weights,
        bias,
        scales,
    }
}
