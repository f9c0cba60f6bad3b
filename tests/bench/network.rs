//! Speed of network inference: `cargo bench --bench network [-- NAME]`.
//!
//! Reports output voxels and multiply-accumulates per second for each instruction set, and the
//! share of the `vpdpwssd` peak measured in the same run. One thread, median of its own running time; the multiply-accumulates
//! are those of the region alone, so halo work counts against the share.
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

use srt::backend::cpu::{Cpu, Isa};
use srt::backend::{Backend, NetworkInput, PredictRequest, Scaling};
use srt::network::{
    Architecture, Head, Layer, LayerRole, LayerScales, LayerSpec, Network, Padding, Scales, Weights,
};
use srt::transform::Extension;
use srt::{Region, Shape};

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str()));
    let peak = peak_gmacs();
    println!("vpdpwssd peak: {peak:.1} GMAC/s");
    let default_3d = Architecture {
        max_level: 255,
        ..Architecture::residual(3)
    };
    let default_2d = Architecture {
        rank: 2,
        ..default_3d
    };
    let cases = [
        (
            "default 3-D 64^3 -> 128^3",
            default_3d,
            [64, 64, 64],
            Padding::Extend,
        ),
        (
            "default 3-D 32^3 -> 64^3",
            default_3d,
            [32, 32, 32],
            Padding::Extend,
        ),
        (
            "default 2-D 512^2 -> 1024^2",
            default_2d,
            [1, 512, 512],
            Padding::Extend,
        ),
        (
            "paper 32^3 -> 64^3",
            Architecture::paper(3),
            [32, 32, 32],
            Padding::Zero,
        ),
    ];
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    for (name, arch, size, padding) in cases {
        if !is_wanted(name) {
            continue;
        }
        let network = network(Architecture { padding, ..arch });
        for isa in Isa::ALL.into_iter().rev().filter(|isa| isa.is_available()) {
            if !wanted.is_empty() && wanted.iter().any(|w| w == "fastest") && isa != Isa::detect() {
                continue;
            }
            let slow = matches!(isa, Isa::Portable) && name.starts_with("paper");
            if slow {
                continue;
            }
            for edge in edges() {
                let mut cpu = Cpu::with_isa(isa).unwrap();
                if let Some(edge) = edge {
                    cpu = cpu.with_tile_edge(edge);
                }
                let seconds = pool.install(|| time(&cpu, &network, size));
                report(name, isa, edge, &network, size, seconds, peak);
            }
        }
    }
}

/// Tile edges from `EDGES=16,32`, else the automatic one.
fn edges() -> Vec<Option<usize>> {
    match std::env::var("EDGES") {
        Ok(text) => text.split(',').map(|edge| edge.parse().ok()).collect(),
        Err(_) => vec![None],
    }
}

fn report(
    name: &str,
    isa: Isa,
    edge: Option<usize>,
    network: &Network,
    size: [usize; 3],
    seconds: f64,
    peak: f64,
) {
    let coarse = size.iter().product::<usize>() as f64;
    let fine = coarse * f64::from(1 << network.arch().rank);
    let macs: f64 = network
        .layers()
        .iter()
        .map(|layer| {
            let at = match (network.arch().head, layer.spec.role) {
                (Head::VoxelShuffle, LayerRole::Refine | LayerRole::Head) => fine,
                _ => coarse,
            };
            layer.spec.weights() as f64 * at
        })
        .sum();
    let gmacs = macs / seconds / 1e9;
    let edge = edge.map_or("auto".into(), |edge| edge.to_string());
    println!(
        "{name:28} {isa:12} edge {edge:5} {:9.3} ms  {:7.3} Mvoxel/s  {gmacs:6.1} GMAC/s  {:4.0} % of peak",
        seconds * 1e3,
        fine / seconds / 1e6,
        100.0 * gmacs / peak
    );
}

/// Median seconds of one prediction of the whole grid.
fn time(backend: &dyn Backend, network: &Network, size: [usize; 3]) -> f64 {
    let arch = network.arch();
    let shape = Shape::new(&size[3 - usize::from(arch.rank)..]).unwrap();
    let mut random = Random(1);
    let field: Vec<i16> = (0..shape.len())
        .map(|_| random.between(-9000, 9000) as i16)
        .collect();
    let request = PredictRequest {
        network,
        input: NetworkInput {
            field: &field,
            origin: [0; 3],
            size,
            domain: size,
            extension: [Extension::Even; 3],
            condition: None,
        },
        region: Region {
            start: [0; 3],
            size,
        },
        scaling: Scaling {
            gain: 1.0,
            unit: 1.0,
        },
    };
    let mut out = vec![0.0; request.output_len()];
    let mut run = || {
        let start = busy_time();
        backend.predict(&request, &mut out).unwrap();
        black_box(&out);
        busy_time() - start
    };
    run(); // warm-up: weights packed
    let mut times = Vec::new();
    while times.len() < 3 || (times.iter().sum::<f64>() < 1.5 && times.len() < 50) {
        times.push(run());
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Seconds this thread was running: the machine may be shared. Wall time where unknown.
fn busy_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()) {
        Some(nanoseconds) => nanoseconds / 1e9,
        None => {
            static START: OnceLock<Instant> = OnceLock::new();
            START.get_or_init(Instant::now).elapsed().as_secs_f64()
        }
    }
}

/// Multiply-accumulates per second of independent `vpdpwssd` on registers, in 10^9; of `vpmaddwd`
/// and additions where the machine has no AVX-512 VNNI; not a number elsewhere.
fn peak_gmacs() -> f64 {
    #[cfg(target_arch = "x86_64")]
    if Isa::Avx512Vnni.is_available() {
        // SAFETY: the instruction set was detected.
        return (0..5).map(|_| unsafe { vnni_loop() }).fold(0.0, f64::max);
    }
    f64::NAN
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
fn vnni_loop() -> f64 {
    use std::arch::x86_64::*;
    const ROUNDS: u64 = 10_000_000;
    const CHAINS: usize = 16;
    let mut acc = [_mm512_setzero_si512(); CHAINS];
    let (a, b) = (
        _mm512_set1_epi16(black_box(3)),
        _mm512_set1_epi16(black_box(5)),
    );
    let start = busy_time();
    for _ in 0..ROUNDS {
        for acc in &mut acc {
            *acc = _mm512_dpwssd_epi32(*acc, a, b);
        }
    }
    let seconds = busy_time() - start;
    black_box(acc);
    (ROUNDS * CHAINS as u64 * 32) as f64 / seconds / 1e9
}

/// Random weights: speed does not depend on them.
fn network(arch: Architecture) -> Network {
    let mut random = Random(7);
    let layers = arch.plan().unwrap();
    let layers = layers
        .into_iter()
        .map(|spec| layer(spec, &mut random))
        .collect();
    Network::new(arch, layers).unwrap()
}

fn layer(spec: LayerSpec, random: &mut Random) -> Layer {
    let per_output = (spec.inputs * spec.taps()) as i64;
    let most = (60_000 / per_output).clamp(1, 127);
    let mut weight = || random.between(-most, most);
    let scale = 3.0 / (most as f32 * (per_output as f32).sqrt());
    Layer {
        spec,
        weights: if spec.weight_bytes == 1 {
            Weights::I8((0..spec.weights()).map(|_| weight() as i8).collect())
        } else {
            Weights::I16((0..spec.weights()).map(|_| weight() as i16).collect())
        },
        bias: vec![0; spec.outputs],
        scales: match spec.scales {
            Scales::Activation => LayerScales::Activation {
                positive: vec![scale; spec.outputs],
                negative: vec![0.1 * scale; spec.outputs],
            },
            Scales::Output => LayerScales::Output(vec![scale; spec.outputs]),
        },
    }
}

/// splitmix64
struct Random(u64);

impl Random {
    fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + ((z ^ (z >> 31)) % (high - low + 1) as u64) as i64
    }
}
