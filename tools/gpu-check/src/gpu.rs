//! The checks and the benchmark on a GPU.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use srt::backend::cpu::Cpu;
use srt::backend::cuda::Cuda;
use srt::backend::{Backend, NetworkInput, PredictRequest, Scaling};
use srt::container::Bound;
use srt::network::{Architecture, Head, LayerRole, Network};
use srt::transform::Extension;
use srt::volume::{AnyVolume, Values};
use srt::{
    Axes, DecodeOptions, Decoder, Element, EncodeOptions, Region, Result, Shape, dtype_dispatch,
};
use srt::{VolumeView, encode_with_report};

use crate::cases::{self, Random, random_network};
use crate::levels;

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

/// All kernels on small networks and grids against the CPU.
pub fn small(cuda: &Cuda, table: &mut Table) {
    let small = cases::small().map_err(|e| e.to_string()).and_then(|cases| {
        let wide = cases::wide().map_err(|e| e.to_string())?;
        let cases: Vec<cases::Case> = cases.into_iter().chain(wide).collect();
        for case in &cases {
            case.check(cuda)
                .map_err(|e| format!("{}: {e}", case.name))?;
        }
        Ok(format!("{} networks and grids", cases.len()))
    });
    table.add("small networks against the CPU", small);
    let levels = levels::check(cuda).map(|count| format!("{count} levels"));
    table.add("levels against the CPU", levels);
    for file in &small_files() {
        table.add(file.name, round_trip(cuda, file));
    }
}

/// Networks of real size against the CPU.
pub fn large(cuda: &Cuda, table: &mut Table) {
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
    let paper = random_network(Architecture::paper(3), 1)
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
    for file in [
        File::new("encode and decode 3-D", &[75, 80, 83]),
        File::new("encode and decode 2-D", &[403, 513]),
    ] {
        table.add(file.name, round_trip(cuda, &file));
    }
}

/// A file made here: a field of random waves, and how it is encoded, with the built-in networks.
#[derive(Clone, Debug)]
pub struct File {
    /// What is special about it.
    pub name: &'static str,
    /// Extents of the field.
    pub extents: Vec<usize>,
    /// Whether its values are binary64.
    pub is_double: bool,
    /// Axes along which it repeats.
    pub periodic: Axes,
}

impl File {
    /// A binary32 field.
    #[must_use]
    pub fn new(name: &'static str, extents: &[usize]) -> Self {
        Self {
            name,
            extents: extents.into(),
            is_double: false,
            periodic: Axes::NONE,
        }
    }

    /// Encodes it with `backend`.
    ///
    /// # Errors
    /// What the encoder reports.
    pub fn encode(&self, backend: Arc<dyn Backend>) -> Result<(Vec<u8>, String)> {
        let (shape, values) = field(&self.extents)?;
        let options = EncodeOptions::new(Bound::Psnr(50.0))
            .with_periodic(self.periodic)
            .with_backend(backend);
        let values = if self.is_double {
            Values::F64(values.iter().map(|&v| f64::from(v) / 3.0).collect())
        } else {
            Values::F32((&values[..]).into())
        };
        let (file, report) =
            encode_with_report(VolumeView::new(shape, &values)?, &options, Vec::new())?;
        Ok((file, report.model))
    }
}

/// Small files that between them use every way through the decoder of levels.
#[must_use]
pub fn small_files() -> Vec<File> {
    vec![
        File::new("small 3-D file", &[20, 23, 24]),
        File::new("small 2-D file", &[63, 81]),
        File {
            is_double: true,
            periodic: Axes::NONE.with(1),
            ..File::new("small periodic 3-D file of binary64", &[20, 23, 24])
        },
    ]
}

/// Decodes a file by GPU and CPU: whole, at half resolution, and a box of it.
///
/// # Errors
/// What differs.
pub fn decode_both(cuda: &Cuda, file: &[u8]) -> Result<String, String> {
    let text = |e: srt::Error| e.to_string();
    let open = |backend: Arc<dyn Backend>| {
        let options = DecodeOptions::default().with_backend(backend);
        Decoder::with_options(file, options).map_err(text)
    };
    let by_gpu = open(Arc::new(cuda.clone()))?;
    let by_cpu = open(Arc::new(Cpu::detect()))?;
    let start = Instant::now();
    let found = by_gpu
        .frame_at(0)
        .and_then(|frame| frame.read_any())
        .map_err(text)?;
    let seconds = start.elapsed().as_secs_f64();
    let equal = |what: &str, expected: &AnyVolume, found: &AnyVolume| {
        let same = bits(expected) == bits(found);
        same.then_some(())
            .ok_or_else(|| format!("{what}: the decoded values differ"))
    };
    equal(
        "whole",
        &by_cpu
            .frame_at(0)
            .and_then(|frame| frame.read_any())
            .map_err(text)?,
        &found,
    )?;
    let shape = by_cpu
        .frame_at(0)
        .and_then(|frame| frame.grid())
        .map_err(text)?;
    let mut part = shape.region();
    for axis in 0..3 {
        part.start[axis] = part.size[axis] / 3;
        part.size[axis] = (part.size[axis] / 2).max(1);
    }
    let [expected, cut] = [&by_cpu, &by_gpu].map(|d| {
        d.frame_at(0)
            .and_then(|frame| frame.region(part).read_any())
            .map_err(text)
    });
    equal("box", &expected?, &cut?)?;
    if by_cpu
        .frame_at(0)
        .and_then(|frame| frame.level(1).grid())
        .is_ok()
    {
        let [expected, coarse] = [&by_cpu, &by_gpu].map(|d| {
            d.frame_at(0)
                .and_then(|frame| frame.level(1).read_any())
                .map_err(text)
        });
        equal("half resolution", &expected?, &coarse?)?;
    }
    Ok(format!("{} values in {seconds:.3} s", bits(&found).len()))
}

fn bits(volume: &AnyVolume) -> Vec<u64> {
    dtype_dispatch!(volume, AnyVolume(v) => v.data().iter().map(|x| x.to_bits64()).collect())
}

/// A field with a front, of which networks predict something.
fn field(extents: &[usize]) -> Result<(Shape, Vec<f32>)> {
    let shape = Shape::new(extents)?;
    let [_, ny, nx] = shape.dims();
    let values = (0..shape.len()).map(|i| {
        let [z, y, x] = [i / (ny * nx), i / nx % ny, i % nx].map(|v| v as f32);
        let front = 3.0 * (0.22 * x + 0.1 * z + (0.14 * y).cos()).sin();
        front.tanh() + (0.23 * y - 0.12 * x).cos() + (0.29 * z + 0.14 * y).sin()
    });
    Ok((shape, values.collect()))
}

fn round_trip(cuda: &Cuda, file: &File) -> Result<String, String> {
    let text = |e: srt::Error| e.to_string();
    let (by_gpu, model) = file.encode(Arc::new(cuda.clone())).map_err(text)?;
    let (by_cpu, _) = file.encode(Arc::new(Cpu::detect())).map_err(text)?;
    if by_gpu != by_cpu {
        return Err("the encoded files differ".into());
    }
    if model == "none" {
        return Err("no network is used".into());
    }
    let detail = decode_both(cuda, &by_gpu)?;
    Ok(format!("model {model}, {} bytes, {detail}", by_gpu.len()))
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
            command.arg(std::env::current_exe()?).arg("small");
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

/// The benchmark's networks in PyTorch, where this is run in the repository and PyTorch with CUDA is installed.
pub fn pytorch(table: &mut Table) {
    let script = Path::new("tools/gpu-check/pytorch_speed.py");
    if !script.exists() {
        println!("| PyTorch | left out | {} is not here |", script.display());
        return;
    }
    let output = Command::new("python3")
        .arg(script)
        .env("PYTHONPATH", "tools/trainer/src")
        .output();
    let Ok(output) = output else {
        println!("| PyTorch | left out | python3 is not installed |");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    if let Some(reason) = last.strip_prefix("left out: ") {
        println!("| PyTorch | left out | {reason} |");
    } else if output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        for line in text.lines() {
            table.add("speed: PyTorch", Ok(line.into()));
        }
    } else {
        table.add("speed: PyTorch", Err(format!("{}, {last}", output.status)));
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
            Architecture::residual(3),
            [256; 3],
        ),
        (
            "default 2-D, 4096^2 to 8192^2",
            Architecture::residual(2),
            [1, 4096, 4096],
        ),
        (
            "paper 3-D, 256^3 to 512^3",
            Architecture::paper(3),
            [256; 3],
        ),
    ];
    for (name, arch, size) in cases {
        let result = time(cuda, arch, size).map_err(|e| e.to_string());
        table.add(&format!("speed: {name}"), result);
        let fine = size.map(|n| 2 * n);
        let fine = if arch.rank == 2 {
            &fine[1..]
        } else {
            &fine[..]
        };
        let level = random_network(arch, 3).and_then(|network| {
            levels::seconds(cuda, &network, fine)?; // packs weights, allocates
            levels::seconds(cuda, &network, fine)
        });
        let level = level.map(|s| format!("{s:.4} s, low-pass and field in host memory"));
        table.add(
            &format!("speed: whole level, {name}"),
            level.map_err(|e| e.to_string()),
        );
    }
}

fn time(cuda: &Cuda, arch: Architecture, domain: [usize; 3]) -> Result<String> {
    let network = random_network(arch, 3)?;
    let mut random = Random(4);
    let voxels = domain.iter().product::<usize>();
    let field: Vec<i16> = (0..voxels)
        .map(|_| random.between(-9000, 9000) as i16)
        .collect();
    let request = PredictRequest {
        network: &network,
        input: NetworkInput {
            field: &field,
            origin: [0; 3],
            size: domain,
            domain,
            extension: [Extension::Even; 3],
            condition: None,
        },
        region: Region {
            start: [0; 3],
            size: domain,
        },
        scaling: Scaling {
            gain: 1.0,
            unit: 2.0,
        },
    };
    let fine = voxels << arch.rank;
    let mut out = vec![0f32; request.output_len()];
    let mut call = || -> Result<[f64; 2]> {
        let (wall, kernel) = (Instant::now(), cuda.kernel_seconds());
        cuda.predict(&request, &mut out)?;
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
