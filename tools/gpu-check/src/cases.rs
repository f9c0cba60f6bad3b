//! Networks with random weights on random inputs, and the comparison of a backend with the CPU.

use srt::backend::cpu::Cpu;
use srt::backend::{Backend, NetworkInput, PredictRequest, Scaling};
use srt::network::{
    Architecture, Head, InputChannels, Layer, LayerScales, LayerSpec, Network, Padding, Scales,
    Trunk, Weights,
};
use srt::transform::Extension;
use srt::{Region, Result};

const EXTENSIONS: [Extension; 4] = [
    Extension::Even,
    Extension::Odd,
    Extension::Periodic,
    Extension::Half,
];

/// Factors with full mantissas.
const SCALING: Scaling = Scaling {
    gain: 0.7,
    unit: 2.828_427,
};

/// A network with an input on a whole grid and the box to predict.
pub struct Case {
    /// What is special about it.
    pub name: String,
    network: Network,
    field: Vec<i16>,
    domain: [usize; 3],
    extension: [Extension; 3],
    condition: Option<i16>,
    region: Region,
}

impl Case {
    /// A random network of `arch`, random input on `domain`; predicts the whole grid.
    ///
    /// # Errors
    /// `Corrupt` when `arch` breaks a rule.
    pub fn new(name: &str, arch: Architecture, domain: [usize; 3], seed: u64) -> Result<Self> {
        let network = random_network(arch, seed)?;
        Ok(Self::of_network(name, network, domain, seed))
    }

    /// `network` on random input.
    #[must_use]
    pub fn of_network(name: &str, network: Network, domain: [usize; 3], seed: u64) -> Self {
        let mut random = Random(seed);
        let conditioned = network.arch().channels.contains(InputChannels::CONDITION);
        Self {
            name: name.into(),
            field: (0..domain.iter().product::<usize>())
                .map(|_| random.between(-9000, 9000) as i16)
                .collect(),
            domain,
            extension: [0; 3].map(|_| EXTENSIONS[random.between(0, 3) as usize]),
            condition: conditioned.then(|| random.between(-32767, 32767) as i16),
            region: Region {
                start: [0; 3],
                size: domain,
            },
            network,
        }
    }

    /// Predicts `region` alone.
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// The prediction as bits.
    ///
    /// # Errors
    /// What the backend reports.
    pub fn predict(&self, backend: &dyn Backend) -> Result<Vec<u32>> {
        let request = PredictRequest {
            network: &self.network,
            input: NetworkInput {
                field: &self.field,
                origin: [0; 3],
                size: self.domain,
                domain: self.domain,
                extension: self.extension,
                condition: self.condition,
            },
            region: self.region,
            scaling: SCALING,
        };
        let mut out = vec![f32::NAN; request.output_len()];
        backend.predict(&request, &mut out)?;
        Ok(out.into_iter().map(f32::to_bits).collect())
    }

    /// Runs `backend` and the CPU; says where they differ.
    ///
    /// # Errors
    /// The backend's error, or the first difference.
    pub fn check(&self, backend: &dyn Backend) -> Result<(), String> {
        let expected = self
            .predict(&Cpu::detect())
            .map_err(|e| format!("cpu: {e}"))?;
        let found = self.predict(backend).map_err(|e| e.to_string())?;
        let differing = expected.iter().zip(&found).filter(|(e, f)| e != f).count();
        if differing == 0 {
            return Ok(());
        }
        let first = expected.iter().zip(&found).position(|(e, f)| e != f);
        let first = first.unwrap_or(0);
        Err(format!(
            "{differing} of {} values differ, first number {first}: {} expected, {} found",
            expected.len(),
            f32::from_bits(expected[first]),
            f32::from_bits(found[first])
        ))
    }
}

/// The paper's network with `features` channels (96 there) and `growth` (24), and its depth.
#[must_use]
pub fn paper_architecture(rank: u8, features: u16, growth: u16, depth: [u16; 3]) -> Architecture {
    let [blocks, dense_blocks, convolutions] = depth;
    Architecture {
        features,
        trunk: Trunk::Rrdb {
            blocks,
            dense_blocks,
            convolutions,
            growth,
            beta: 0.2,
        },
        ..Architecture::paper(rank)
    }
}

/// The architectures of [`small`] for a rank and a padding, with their names.
fn small_architectures(rank: u8, padding: Padding) -> Result<[(&'static str, Architecture); 8]> {
    let residual = Architecture {
        padding,
        ..Architecture::residual(rank)
    };
    let narrow = Architecture {
        features: 5,
        trunk: Trunk::Residual { blocks: 2 },
        ..residual
    };
    let conditioned = Architecture {
        channels: InputChannels::INSIDE_FIELD.with(InputChannels::CONDITION),
        features: 26,
        input_kernel: 5,
        trunk: Trunk::Residual { blocks: 0 },
        shortcut_kernel: None,
        ..residual
    };
    let every_channel = Architecture {
        channels: InputChannels::from_bits(15)?,
        features: 41,
        input_kernel: 1,
        trunk: Trunk::Residual { blocks: 1 },
        shortcut_kernel: Some(7),
        ..residual
    };
    let wide_kernel = Architecture {
        features: 8,
        input_kernel: 9,
        trunk: Trunk::Residual { blocks: 1 },
        shortcut_kernel: Some(9),
        ..residual
    };
    let paper = Architecture {
        padding,
        ..paper_architecture(rank, 6, 3, [2, 2, 2])
    };
    let paper_subbands = Architecture {
        head: Head::Subbands,
        shortcut_kernel: Some(3),
        ..Architecture {
            padding,
            ..paper_architecture(rank, 24, 9, [1, 1, 3])
        }
    };
    let wide = Architecture {
        padding,
        ..paper_architecture(rank, 48, 24, [1, 1, 2])
    };
    // As `Network::shortcut_alone` makes them.
    let shortcut = Architecture {
        features: 1,
        input_kernel: 1,
        trunk: Trunk::Residual { blocks: 0 },
        ..residual
    };
    Ok([
        ("narrow residual", narrow),
        ("shortcut", shortcut),
        ("conditioned, kernel 5", conditioned),
        ("every channel, kernel 1", every_channel),
        ("kernel 9", wide_kernel),
        ("narrow paper", paper),
        ("paper with subbands", paper_subbands),
        ("48 features", wide),
    ])
}

/// Small networks that between them use every kernel, every kernel size, every number of channels modulo 8, both
/// paddings, ranks, heads and trunks, on odd and thin grids.
///
/// # Errors
/// None, unless an architecture breaks a rule.
pub fn small() -> Result<Vec<Case>> {
    let mut out = Vec::new();
    let mut seed = 0;
    for rank in [2, 3] {
        let domains: &[[usize; 3]] = match rank {
            2 => &[[1, 1, 1], [1, 3, 5], [1, 35, 2], [1, 13, 29]],
            _ => &[[1, 1, 1], [2, 3, 5], [9, 1, 2], [5, 9, 11]],
        };
        for padding in [Padding::Extend, Padding::Zero] {
            for (name, arch) in small_architectures(rank, padding)? {
                for &domain in domains {
                    if arch.features == 48 && domain.iter().product::<usize>() > 400 {
                        continue; // the emulator's time
                    }
                    seed += 1;
                    let name = format!("{name}, {rank}-D, {padding:?}, {domain:?}");
                    out.push(Case::new(&name, arch, domain, seed)?);
                }
            }
        }
    }
    Ok(out)
}

/// Networks of the paper's width, which Hopper's warpgroups compute, on small grids.
///
/// # Errors
/// None, unless an architecture breaks a rule.
pub fn wide() -> Result<Vec<Case>> {
    let solid = paper_architecture(3, 96, 24, [1, 1, 2]);
    let flat = Architecture {
        padding: Padding::Extend,
        ..paper_architecture(2, 96, 24, [1, 1, 2])
    };
    let two_groups = Architecture {
        features: 192,
        trunk: Trunk::Residual { blocks: 1 },
        ..Architecture::residual(2)
    };
    Ok(vec![
        Case::new("96 features, 3-D", solid, [2, 3, 5], 60)?,
        Case::new("96 features, 3-D, two tiles", solid, [3, 2, 9], 61)?,
        Case::new("96 features, 2-D", flat, [1, 5, 9], 62)?,
        Case::new("192 features, 2-D", two_groups, [1, 4, 10], 63)?,
    ])
}

/// Every network of the built-in models, on a grid of its rank.
///
/// # Errors
/// None, unless a built-in model is damaged.
pub fn built_in(solid: [usize; 3], flat: [usize; 3]) -> Result<Vec<Case>> {
    let mut out = Vec::new();
    for name in srt::network::builtin_names() {
        let Some(hierarchy) = srt::network::builtin(name)? else {
            continue;
        };
        for (network, number) in hierarchy.networks().iter().zip(0..) {
            let domain = match network.arch().rank {
                2 => flat,
                _ => solid,
            };
            let name = format!("{name}, network {number}");
            out.push(Case::of_network(&name, network.clone(), domain, number));
        }
    }
    Ok(out)
}

/// Reproducible pseudo-random numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.bits() % (high - low + 1) as u64) as i64
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 24) as f32
    }
}

/// A network whose activations fill the 16-bit range and saturate now and then.
///
/// # Errors
/// `Corrupt` when `arch` breaks a rule.
pub fn random_network(arch: Architecture, seed: u64) -> Result<Network> {
    let mut random = Random(seed);
    let plan = arch.plan()?.into_iter();
    let layers = plan.map(|spec| random_layer(spec, &mut random)).collect();
    Network::new(arch, layers)
}

fn random_layer(spec: LayerSpec, random: &mut Random) -> Layer {
    let per_output = spec.inputs * spec.taps();
    // Within the accumulator guarantee even if every weight had the largest magnitude.
    let most = (60_000 / per_output as i64).clamp(1, 127);
    let weights = if spec.weight_bytes == 1 {
        let values = (0..spec.weights()).map(|_| random.between(-most, most) as i8);
        Weights::I8(values.collect())
    } else {
        // Both bytes of 16-bit weights in use.
        let most = (60_000 / per_output as i64).clamp(1, 32767);
        let values = (0..spec.weights()).map(|_| random.between(-most, most) as i16);
        Weights::I16(values.collect())
    };
    let spread = most as f32 * (per_output as f32).sqrt() * 0.33;
    let scale = 1.2 / spread;
    let mut scales = |low: f32, high: f32| {
        let values = (0..spec.outputs).map(|_| scale * (low + (high - low) * random.unit()));
        values.collect()
    };
    let scales = match spec.scales {
        Scales::Activation => LayerScales::Activation {
            positive: scales(0.5, 1.5),
            negative: scales(0.0, 1.0),
        },
        Scales::Output => LayerScales::Output(scales(0.0, 1e-3)),
    };
    let bias = (0..spec.outputs).map(|_| random.between(-100_000, 100_000) as i32);
    Layer {
        bias: bias.collect(),
        spec,
        weights,
        scales,
    }
}
