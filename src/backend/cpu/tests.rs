//! Every backend against the reference, bit by bit.

use std::collections::HashSet;

use super::*;
use crate::backend::{NetworkInput, Scaling};
use crate::network::testing;
use crate::network::testing::{Random, random_network};
use crate::network::{Architecture, InputChannels, Layer, LayerRole, LayerScales, Padding, Trunk};
use crate::transform::Extension;

const EXTENSIONS: [Extension; 4] = [
    Extension::Even,
    Extension::Odd,
    Extension::Periodic,
    Extension::Half,
];

const SCALING: Scaling = Scaling {
    gain: 0.7,
    unit: 2.828_427,
};

fn available() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

/// A network with random input on a whole grid.
struct Case {
    network: Network,
    field: Vec<i16>,
    domain: [usize; 3],
    extension: [Extension; 3],
    condition: Option<i16>,
}

impl Case {
    fn new(arch: Architecture, domain: [usize; 3], seed: u64) -> Self {
        let mut random = Random(seed);
        let voxels = domain.iter().product();
        let condition = arch.channels.contains(InputChannels::CONDITION);
        Self {
            network: random_network(arch, seed),
            field: (0..voxels)
                .map(|_| random.between(-9000, 9000) as i16)
                .collect(),
            domain,
            extension: [0; 3].map(|_| EXTENSIONS[random.between(0, 3) as usize]),
            condition: condition.then(|| random.between(-32767, 32767) as i16),
        }
    }

    fn whole(&self) -> Region {
        Region {
            start: [0; 3],
            size: self.domain,
        }
    }

    fn input(&self) -> NetworkInput<'_> {
        NetworkInput {
            field: &self.field,
            origin: [0; 3],
            size: self.domain,
            domain: self.domain,
            extension: self.extension,
            condition: self.condition,
        }
    }

    fn predict(&self, backend: &dyn Backend, region: Region) -> Vec<u32> {
        predict(backend, &self.network, &self.input(), region)
    }
}

fn predict(
    backend: &dyn Backend,
    network: &Network,
    input: &NetworkInput<'_>,
    region: Region,
) -> Vec<u32> {
    let request = PredictRequest {
        network,
        input: *input,
        region,
        scaling: SCALING,
    };
    let mut out = vec![f32::NAN; request.output_len()];
    backend.predict(&request, &mut out).unwrap();
    out.into_iter().map(f32::to_bits).collect()
}

fn architectures() -> Vec<Architecture> {
    let mut out = Vec::new();
    for rank in [2, 3] {
        for padding in [Padding::Extend, Padding::Zero] {
            let residual = Architecture {
                padding,
                ..testing::narrow_residual(rank)
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
                channels: InputChannels::from_bits(15).unwrap(),
                features: 33,
                input_kernel: 1,
                trunk: Trunk::Residual { blocks: 1 },
                shortcut_kernel: Some(7),
                ..residual
            };
            let rrdb = Architecture {
                padding,
                ..testing::narrow_rrdb(rank)
            };
            let rrdb_subbands = Architecture {
                head: Head::Subbands,
                features: 24,
                trunk: Trunk::Rrdb {
                    blocks: 1,
                    dense_blocks: 1,
                    convolutions: 2,
                    growth: 9,
                    beta: 1.0,
                },
                shortcut_kernel: Some(3),
                ..rrdb
            };
            out.extend([residual, conditioned, every_channel, rrdb, rrdb_subbands]);
        }
    }
    out
}

fn domains(rank: u8) -> &'static [[usize; 3]] {
    match rank {
        2 => &[[1, 1, 1], [1, 3, 5], [1, 1, 17], [1, 19, 2], [1, 13, 29]],
        _ => &[[1, 1, 1], [2, 3, 5], [1, 1, 16], [9, 1, 2], [3, 4, 15]],
    }
}

#[test]
fn every_instruction_set_equals_the_reference() {
    for (i, arch) in architectures().into_iter().enumerate() {
        for (j, &domain) in domains(arch.rank).iter().enumerate() {
            let case = Case::new(arch, domain, (100 * i + j) as u64);
            let expected = case.predict(&Reference, case.whole());
            if expected.len() > 100 {
                // A network whose activations all vanish or saturate would prove nothing.
                let distinct = expected.iter().collect::<HashSet<_>>().len();
                assert!(
                    distinct > expected.len() / 2,
                    "{distinct} of {}",
                    expected.len()
                );
            }
            for isa in available() {
                let found = case.predict(&Cpu::with_isa(isa).unwrap(), case.whole());
                assert_eq!(found, expected, "{isa} {domain:?} {arch:?}");
            }
        }
    }
}

#[test]
fn a_shortcut_alone_is_the_network_without_output() {
    for arch in architectures() {
        let mut case = Case::new(arch, domains(arch.rank)[4], 3);
        let alone = case.network.shortcut_alone().unwrap();
        assert_eq!(alone.is_some(), arch.shortcut_kernel.is_some());
        let Some(alone) = alone else { continue };
        let mute = |layer: &Layer| {
            let mut layer = layer.clone();
            if let (LayerRole::Head, LayerScales::Output(scales)) =
                (layer.spec.role, &mut layer.scales)
            {
                scales.fill(0.0);
            }
            layer
        };
        let layers = case.network.layers().iter().map(mute).collect();
        case.network = Network::new(arch, layers).unwrap();
        let expected = case.predict(&Reference, case.whole());
        case.network = alone;
        for backend in [&Reference as &dyn Backend, &Cpu::detect()] {
            let found = case.predict(backend, case.whole());
            let values = found.iter().zip(&expected);
            // Zeros may differ in their sign.
            assert!(
                values
                    .into_iter()
                    .all(|(&a, &b)| f32::from_bits(a) == f32::from_bits(b)),
                "{arch:?}"
            );
        }
    }
}

#[test]
fn every_extension_of_every_axis_equals_the_reference() {
    for padding in [Padding::Extend, Padding::Zero] {
        let arch = Architecture {
            padding,
            ..testing::narrow_residual(3)
        };
        for code in 0..64 {
            let mut case = Case::new(arch, [2, 3, 4], code);
            case.extension = [code, code / 4, code / 16].map(|e| EXTENSIONS[e as usize % 4]);
            let expected = case.predict(&Reference, case.whole());
            let found = case.predict(&Cpu::detect(), case.whole());
            assert_eq!(found, expected, "{:?} {padding:?}", case.extension);
        }
    }
}

#[test]
fn tiles_and_threads_never_show() {
    for arch in [
        testing::narrow_residual(3),
        testing::narrow_rrdb(3),
        testing::narrow_residual(2),
    ] {
        let domain = if arch.rank == 2 {
            [1, 21, 18]
        } else {
            [5, 6, 7]
        };
        let case = Case::new(arch, domain, 5);
        let expected = case.predict(&Reference, case.whole());
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().unwrap();
            for edge in [1, 4, 64] {
                let cpu = Cpu::detect().with_tile_edge(edge);
                let found = pool.install(|| case.predict(&cpu, case.whole()));
                assert_eq!(found, expected, "{threads} threads, edge {edge}");
            }
        }
    }
}

#[test]
fn regions_and_cropped_inputs_equal_the_crop_of_the_whole() {
    let mut random = Random(77);
    for (i, arch) in architectures().into_iter().enumerate() {
        let domain = if arch.rank == 2 {
            [1, 23, 40]
        } else {
            [6, 9, 14]
        };
        let case = Case::new(arch, domain, i as u64);
        let cpu = Cpu::detect();
        let whole = case.predict(&cpu, case.whole());
        for _ in 0..4 {
            let region = random_region(&mut random, domain);
            let needed = NetworkInput::needed(&case.network, region, domain, case.extension);
            let field: Vec<i16> = crop(&case.field, domain, needed);
            let input = NetworkInput {
                field: &field,
                origin: needed.start,
                size: needed.size,
                ..case.input()
            };
            let factor = crate::backend::input::refinement(&case.network);
            let scaled = |v: [usize; 3]| [0, 1, 2].map(|a| v[a] * factor[a]);
            let fine = Region {
                start: scaled(region.start),
                size: scaled(region.size),
            };
            let channel = scaled(domain).iter().product();
            let expected: Vec<u32> = whole
                .chunks_exact(channel)
                .flat_map(|values| crop(values, scaled(domain), fine))
                .collect();
            for backend in [&cpu as &dyn Backend, &Reference] {
                let found = predict(backend, &case.network, &input, region);
                assert_eq!(found, expected, "{region:?} {arch:?}");
            }
        }
    }
}

fn random_region(random: &mut Random, domain: [usize; 3]) -> Region {
    let start = domain.map(|n| random.between(0, n as i64 - 1) as usize);
    let size = [0, 1, 2].map(|a| random.between(1, (domain[a] - start[a]) as i64) as usize);
    Region { start, size }
}

fn crop<T: Copy>(values: &[T], dims: [usize; 3], region: Region) -> Vec<T> {
    let mut out = Vec::with_capacity(region.len());
    for z in region.start[0]..region.end(0) {
        for y in region.start[1]..region.end(1) {
            let row = (z * dims[1] + y) * dims[2];
            out.extend(&values[row + region.start[2]..row + region.end(2)]);
        }
    }
    out
}

#[test]
fn memory_beyond_the_limit_is_refused_and_not_taken() {
    let case = Case::new(testing::narrow_residual(3), [9, 9, 9], 1);
    let mut out = vec![0.0; 7 * 9 * 9 * 9];
    let request = PredictRequest {
        network: &case.network,
        input: case.input(),
        region: case.whole(),
        scaling: SCALING,
    };
    let mut run = |cpu: Cpu| cpu.predict(&request, &mut out).map_err(|e| e.kind());
    // Radius 3, 3 blocks of 16 bytes: at least 12 x 12 x 12 voxels in 5-voxel tiles.
    assert_eq!(run(Cpu::detect().with_tile_bytes(1 << 20)), Ok(()));
    let refused = Err(crate::ErrorKind::LimitExceeded);
    assert_eq!(run(Cpu::detect().with_tile_bytes(10_000)), refused);
    assert_eq!(
        run(Cpu::detect().with_tile_edge(9).with_tile_bytes(100_000)),
        refused
    );
}

#[test]
fn sections_of_a_voxel_shuffle_never_show() {
    for padding in [Padding::Extend, Padding::Zero] {
        let arch = Architecture {
            padding,
            ..testing::narrow_rrdb(3)
        };
        let case = Case::new(arch, [27, 3, 2], 3);
        let whole = Cpu::detect().with_tile_edge(27);
        let sections = Cpu {
            section_bytes: 1,
            ..whole.clone()
        };
        let expected = case.predict(&whole, case.whole());
        assert_eq!(
            case.predict(&sections, case.whole()),
            expected,
            "{padding:?}"
        );
    }
}

#[test]
fn bad_arguments_are_refused() {
    let case = Case::new(Architecture::residual(3), [6, 20, 20], 1);
    let cpu = Cpu::detect();
    let region = Region {
        start: [0, 8, 8],
        size: [2, 2, 2],
    };
    let good = case.input();
    let mut out = vec![0.0; 7 * region.len()];
    let mut run = |input: NetworkInput<'_>, scaling, len: usize| {
        let request = PredictRequest {
            network: &case.network,
            input,
            region,
            scaling,
        };
        cpu.predict(&request, &mut out[..len]).is_err()
    };
    let all = 7 * region.len();
    assert!(!run(good, SCALING, all));
    assert!(run(good, SCALING, all - 1));
    let short = &case.field[1..];
    assert!(run(
        NetworkInput {
            field: short,
            ..good
        },
        SCALING,
        all
    ));
    let conditioned = NetworkInput {
        condition: Some(1),
        ..good
    };
    assert!(run(conditioned, SCALING, all));
    let outside = NetworkInput {
        domain: [5, 20, 20],
        ..good
    };
    assert!(run(outside, SCALING, all));
    // Rows 4 to 13 are needed.
    let cropped = |origin: usize, size: usize| NetworkInput {
        field: &case.field[..6 * size * 20],
        origin: [0, origin, 0],
        size: [6, size, 20],
        ..good
    };
    assert!(!run(cropped(4, 10), SCALING, all));
    assert!(run(cropped(5, 9), SCALING, all));
    assert!(run(cropped(4, 9), SCALING, all));
    for gain in [f32::NAN, f32::INFINITY, 1e38] {
        assert!(run(good, Scaling { gain, ..SCALING }, all), "{gain}");
    }
}
