//! The checks and the benchmark on a GPU.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use srt::backend::cpu::Cpu;
use srt::backend::cuda::Cuda;
use srt::backend::{Backend, Extension, NetworkInput, Scaling};
use srt::container::Bound;
use srt::network::{Architecture, Head, LayerRole, Network};
use srt::pipeline::{Decoder, EncodeOptions, encode_volume};
use srt::volume::io::{AnyVolume, Values};
use srt::{Limits, Region, Result, Shape};

use crate::cases::{self, Random, default_architecture, paper_architecture, random_network};

/// Calls of a benchmark; the median counts.
const REPEATS: usize = 7;

/// Lines of the table: what, whether it holds, details.
#[derive(Default)]
pub struct Table {
    failures: usize,
}

impl Table {
    /// Prints the heading.
    #[must_use]
    pub fn new(device: &str) -> Self {
        println!("| check on {device} | result | detail |\n|---|---|---|");
        Self::default()
    }

    /// Adds a line.
    pub fn add(&mut self, what: &str, result: Result<String, String>) {
        match result {
            Ok(detail) => println!("| {what} | ok | {detail} |"),
            Err(detail) => {
                self.failures += 1;
                println!("| {what} | FAILED | {detail} |");
            }
        }
    }

    /// Number of lines that failed.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.failures
    }
}

/// All kernels on small networks and on the built-in ones against the CPU.
pub fn kernels(cuda: &Cuda, table: &mut Table) {
    let small = cases::small().map_err(|e| e.to_string()).and_then(|cases| {
        for case in &cases {
            case.check(cuda)
                .map_err(|e| format!("{}: {e}", case.name))?;
        }
        Ok(format!("{} networks and grids", cases.len()))
    });
    table.add("small networks against the CPU", small);
    let large = cases::built_in([61, 67, 71], [1, 301, 509])
        .map_err(|e| e.to_string())
        .and_then(|cases| {
            for case in &cases {
                case.check(cuda)
                    .map_err(|e| format!("{}: {e}", case.name))?;
                let tiled = cuda.clone().with_tile_edge(24);
                let found = case.check(&tiled);
                found.map_err(|e| format!("{}, tiles of 24: {e}", case.name))?;
            }
            Ok(format!("{} networks", cases.len()))
        });
    table.add("built-in networks against the CPU", large);
    let paper = random_network(paper_architecture(3, 96, 24, [3, 3, 5]), 1)
        .map(|network| cases::Case::of_network("paper", network, [13, 17, 11], 2))
        .map_err(|e| e.to_string())
        .and_then(|case| case.check(cuda).map(|()| "13 x 17 x 11".into()));
    table.add("paper network against the CPU", paper);
}

/// Files given, and files encoded here: decoded by both, encoded by both.
pub fn files(cuda: &Cuda, given: &[PathBuf], table: &mut Table) {
    for path in given {
        let result = std::fs::read(path)
            .map_err(|e| e.to_string())
            .and_then(|file| decode_both(cuda, &file));
        table.add(&format!("decode {}", path.display()), result);
    }
    for (name, extents) in [("3-D", &[75, 80, 83][..]), ("2-D", &[403, 513])] {
        table.add(
            &format!("encode and decode {name}"),
            round_trip(cuda, extents),
        );
    }
}

fn decode(file: &[u8], backend: Arc<dyn Backend>) -> Result<AnyVolume> {
    Decoder::new(file, Limits::default())?
        .with_backend(backend)
        .decode(0, 0)
}

fn decode_both(cuda: &Cuda, file: &[u8]) -> Result<String, String> {
    let text = |e: srt::Error| e.to_string();
    let start = Instant::now();
    let found = decode(file, Arc::new(cuda.clone())).map_err(text)?;
    let seconds = start.elapsed().as_secs_f64();
    let expected = decode(file, Arc::new(Cpu::detect())).map_err(text)?;
    if bits(&expected) == bits(&found) {
        Ok(format!("{} values in {seconds:.3} s", bits(&found).len()))
    } else {
        Err("the decoded values differ".into())
    }
}

fn bits(volume: &AnyVolume) -> Vec<u64> {
    match volume {
        AnyVolume::F16(v) => v.data().iter().map(|x| x.to_bits().into()).collect(),
        AnyVolume::F32(v) => v.data().iter().map(|x| x.to_bits().into()).collect(),
        AnyVolume::F64(v) => v.data().iter().map(|x| x.to_bits()).collect(),
    }
}

/// A smooth field with detail on every scale.
fn field(extents: &[usize]) -> Result<(Shape, Vec<f32>)> {
    let shape = Shape::new(extents)?;
    let [_, ny, nx] = shape.dims();
    let mut random = Random(9);
    let values = (0..shape.len()).map(|i| {
        let [z, y, x] = [i / (ny * nx), i / nx % ny, i % nx].map(|v| v as f32);
        let waves = (0.11 * x + 0.05 * z).sin() + (0.23 * y - 0.07 * x).cos() + (0.61 * z).sin();
        waves + 0.02 * random.unit()
    });
    Ok((shape, values.collect()))
}

fn round_trip(cuda: &Cuda, extents: &[usize]) -> Result<String, String> {
    let text = |e: srt::Error| e.to_string();
    let (shape, values) = field(extents).map_err(text)?;
    let encode = |backend: Arc<dyn Backend>| {
        let options = EncodeOptions::new(Bound::Psnr(45.0)).with_backend(backend);
        let values = Values::F32((&values[..]).into());
        encode_volume(shape, &values, &options, Vec::new(), &|_| {})
    };
    let (by_gpu, report) = encode(Arc::new(cuda.clone())).map_err(text)?;
    let (by_cpu, _) = encode(Arc::new(Cpu::detect())).map_err(text)?;
    if by_gpu != by_cpu {
        return Err("the encoded files differ".into());
    }
    let detail = decode_both(cuda, &by_gpu)?;
    Ok(format!(
        "model {}, {} bytes, {detail}",
        report.model,
        by_gpu.len()
    ))
}

/// `compute-sanitizer` where it is installed: this program's kernel checks under each of its tools.
pub fn sanitizer(store: Option<&Path>, table: &mut Table) {
    let known = ["compute-sanitizer", "/usr/local/cuda/bin/compute-sanitizer"];
    let works = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
    let Some(name) = known.iter().find(works) else {
        println!("| compute-sanitizer | left out | not installed |");
        return;
    };
    for tool in ["memcheck", "racecheck", "synccheck", "initcheck"] {
        let run = || {
            let mut command = Command::new(name);
            command.args(["--tool", tool, "--error-exitcode", "9"]);
            command.arg(std::env::current_exe()?).arg("kernels");
            if let Some(store) = store {
                command.arg("--store").arg(store);
            }
            command.output()
        };
        let result = match run() {
            Ok(output) if output.status.success() => Ok(String::new()),
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout);
                let line = text.lines().find(|l| l.contains("=========")).unwrap_or("");
                Err(format!("{}, {line}", output.status))
            }
            Err(e) => Err(e.to_string()),
        };
        table.add(&format!("compute-sanitizer {tool}"), result);
    }
}

/// Multiply-accumulates of a network per coarse voxel, halo left out.
fn macs(network: &Network) -> f64 {
    let arch = network.arch();
    let of_layer = |layer: &srt::network::Layer| {
        let fine = match (arch.head, layer.spec.role) {
            (Head::VoxelShuffle, LayerRole::Refine | LayerRole::Head) => 1 << arch.rank,
            _ => 1,
        };
        (layer.spec.weights() * fine) as f64
    };
    network.layers().iter().map(of_layer).sum()
}

/// Speed of the default and of the paper's network, 256^3 to 512^3 (2-D: 4096^2 to 8192^2).
pub fn benchmark(cuda: &Cuda, table: &mut Table) {
    let cases = [
        (
            "default 3-D, 256^3 to 512^3",
            default_architecture(3),
            [256; 3],
        ),
        (
            "default 2-D, 4096^2 to 8192^2",
            default_architecture(2),
            [1, 4096, 4096],
        ),
        (
            "paper 3-D, 256^3 to 512^3",
            paper_architecture(3, 96, 24, [3, 3, 5]),
            [256; 3],
        ),
    ];
    for (name, arch, size) in cases {
        let result = time(cuda, arch, size).map_err(|e| e.to_string());
        table.add(&format!("speed: {name}"), result);
    }
}

fn time(cuda: &Cuda, arch: Architecture, domain: [usize; 3]) -> Result<String> {
    let network = random_network(arch, 3)?;
    let mut random = Random(4);
    let voxels = domain.iter().product::<usize>();
    let field: Vec<i16> = (0..voxels)
        .map(|_| random.between(-9000, 9000) as i16)
        .collect();
    let input = NetworkInput {
        field: &field,
        origin: [0; 3],
        size: domain,
        domain,
        extension: [Extension::Even; 3],
        condition: None,
    };
    let region = Region {
        start: [0; 3],
        size: domain,
    };
    let scaling = Scaling {
        gain: 1.0,
        unit: 2.0,
    };
    let fine = voxels << arch.rank;
    let per_voxel = match arch.head {
        Head::Subbands => arch.outputs(),
        Head::VoxelShuffle => 1 << arch.rank,
    };
    let mut out = vec![0f32; voxels * per_voxel];
    let mut call = || -> Result<[f64; 2]> {
        let (wall, kernel) = (Instant::now(), cuda.kernel_seconds());
        match arch.head {
            Head::Subbands => cuda.subbands(&network, &input, region, scaling, &mut out),
            Head::VoxelShuffle => cuda.upscale(&network, &input, region, scaling, &mut out),
        }?;
        Ok([cuda.kernel_seconds() - kernel, wall.elapsed().as_secs_f64()])
    };
    call()?; // packs weights, allocates, raises the clock
    let mut times = (0..REPEATS).map(|_| call()).collect::<Result<Vec<_>>>()?;
    times.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let [kernel, wall] = times[REPEATS / 2];
    let spread = times[REPEATS - 1][0] / times[0][0];
    let gigabytes = (fine * size_of::<f32>()) as f64 / 1e9;
    let tera_ops = 2.0 * macs(&network) * voxels as f64 / kernel / 1e12;
    Ok(format!(
        "kernels {kernel:.4} s (slowest {spread:.2} of fastest), {:.2} GB/s of f32, {tera_ops:.1} TOPS of 16 x 8 bits, \
         {:.1} of 8 x 8 bits; with transfers {wall:.4} s, {:.2} GB/s",
        gigabytes / kernel,
        2.0 * tera_ops,
        gigabytes / wall
    ))
}
