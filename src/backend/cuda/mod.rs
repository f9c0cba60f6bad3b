//! The CUDA backend: hand-written kernels (`kernels/`), compiled at run time, equal to the CPU bit for bit.
//!
//! | module | job |
//! |---|---|
//! | `machine` | what the backend asks of a device: [`Machine`] |
//! | `params` | the kernels' parameters, for both compilers |
//! | `source` | the kernels' text and constants |
//! | `pack` | layers as the kernels read them, and the shape of launches |
//! | `run` | the launches of one network on one region |
//! | `lift` | the launches of the wavelet |
//! | `level` | a whole level: prediction, residuals, inverse wavelet |
//! | `pieces` | stored integers on their way to the device |
//! | `grid` | fields in device memory |
//! | `stage` | copies beside the kernels |
//! | `check` | a level whose values are known |
//! | `driver` | a GPU as a machine, through the CUDA driver |
//! | `streams` | the order of work on a GPU |
//! | `compile` | kernels to machine code, through NVRTC, and the cache of it |
//!
//! Nothing of CUDA is linked: the driver and the compiler are looked for at run time ([`open`]).

mod check;
mod compile;
mod driver;
mod grid;
mod level;
mod lift;
mod machine;
mod pack;
mod params;
mod pieces;
mod run;
pub mod source;
mod stage;
mod streams;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

pub use compile::{Compiler, CompilerOutput, KernelStore};
pub use machine::{Address, Download, Kernel, Launch, Machine, Mark};

use crate::backend::cache::{Cache, lock};
use crate::backend::cpu::Cpu;
use crate::backend::cuda::machine::Memory;
use crate::backend::cuda::pack::{Constants, DeviceConv};
use crate::backend::cuda::params::{bytes_of, bytes_of_mut};
use crate::backend::cuda::run::{CallData, NetworkRun, scaled};
use crate::backend::cuda::stage::{Downloads, Uploads};
use crate::backend::device::DeviceHandle;
use crate::backend::plan::layout::Layout;
use crate::backend::plan::program::Program;
use crate::backend::plan::tiling::{Costs, best_edge, split};
use crate::backend::{Backend, NetworkInput, OnFailure, PredictRequest, Scaling};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::grid::Region;
use crate::network::{Head, InputChannels, Network, Transform, default_model};
use crate::transform::Extension;

/// Opens GPU number `device` with kernels from `store`, or compiled now.
///
/// # Errors
/// `Device` with what is missing: the driver, a GPU of compute capability 8.0 or higher, or the kernels' machine
/// code where `libnvrtc` is not installed and `store` has none for the GPU. Also where [`Cuda::check`] fails.
pub fn open(device: usize, store: Option<&KernelStore>) -> Result<Cuda> {
    let cuda = Cuda::new(Arc::new(driver::Gpu::open(device, store)?));
    cuda.check()?;
    Ok(cuda)
}

/// Share of the free memory that a call may take.
const MEMORY_SHARE: f64 = 0.9;
/// Share of that for the fine activations of one section: the rest is for the coarse ones of a tile.
const SECTION_SHARE: f64 = 0.4;

/// Networks on a GPU. Calls run one after the other. Keep it: it holds packed weights and device memory, which
/// clones share.
#[derive(Clone)]
pub struct Cuda {
    machine: Arc<dyn Machine>,
    tile_edge: Option<usize>,
    memory_bytes: Option<u64>,
    shared: Arc<Shared>,
}

/// What clones of a backend share.
#[derive(Default)]
struct Shared {
    networks: Cache<DeviceNetwork>,
    /// Scratch memory, kept between calls. A call takes it away: one beside it makes its own.
    buffers: Mutex<Buffers>,
    /// Memory of grids that are no more.
    idle: Mutex<Vec<Memory>>,
    /// Bytes of grids that are.
    live_bytes: AtomicU64,
    downloads: Mutex<Downloads>,
    /// Nanoseconds that calls waited for kernels.
    kernel_nanoseconds: AtomicU64,
}

impl Shared {
    fn add_live(&self, bytes: u64) {
        self.live_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn remove_live(&self, bytes: u64) {
        self.live_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A network on the device.
struct DeviceNetwork {
    program: Program<DeviceConv>,
    constants: Memory,
}

/// Device memory that grows with the calls.
#[derive(Default)]
struct Buffers {
    /// Activations of a tile.
    arena: Option<Memory>,
    /// Quantised field, and factors of the output.
    call: Option<Memory>,
    /// What a network predicts.
    planes: Option<Memory>,
    /// Subbands in the working precision.
    bands: Option<Memory>,
    /// Grids that a level passes through.
    grids: [Option<Memory>; 2],
    uploads: Uploads,
}

impl Buffers {
    fn bytes(&self) -> u64 {
        let all = [&self.arena, &self.call, &self.planes, &self.bands];
        let all = all.into_iter().chain(&self.grids);
        all.flatten().map(Memory::bytes).sum()
    }
}

/// At least `bytes` bytes in `slot`.
fn room<'a>(
    slot: &'a mut Option<Memory>,
    machine: &Arc<dyn Machine>,
    bytes: u64,
) -> Result<&'a Memory> {
    if slot.as_ref().is_some_and(|memory| memory.bytes() < bytes) {
        *slot = None; // given back before more is asked for
    }
    Ok(match slot {
        Some(memory) => memory,
        None => slot.insert(Memory::new(machine, bytes)?),
    })
}

impl std::fmt::Debug for Cuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cuda")
            .field("machine", &self.machine.name())
            .field("tile_edge", &self.tile_edge)
            .finish_non_exhaustive()
    }
}

impl Cuda {
    /// On `machine`.
    #[must_use]
    pub fn new(machine: Arc<dyn Machine>) -> Self {
        Self {
            machine,
            tile_edge: None,
            memory_bytes: None,
            shared: Arc::default(),
        }
    }

    /// Sets the most bytes of device memory that a call may take, weights left out; nine tenths of what is free
    /// without it. What needs more is refused with `LimitExceeded`.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
        self
    }

    /// Sets the tile edge in coarse voxels (at least 1). Without it, the one with the least halo is taken that
    /// fits the memory. The result does not depend on it.
    #[must_use]
    pub fn with_tile_edge(mut self, edge: usize) -> Self {
        self.tile_edge = Some(edge.max(1));
        self
    }

    /// What it runs on.
    #[must_use]
    pub fn device_name(&self) -> String {
        self.machine.name()
    }

    /// Seconds that all calls so far waited for kernels, without transfers; for reports of speed.
    #[must_use]
    pub fn kernel_seconds(&self) -> f64 {
        self.shared.kernel_nanoseconds.load(Ordering::Relaxed) as f64 * 1e-9
    }

    /// Puts a small level together, and predicts a small grid with a built-in network and compares it with the
    /// CPU: driver, compiler and GPU do what the kernels rely on.
    ///
    /// # Errors
    /// `Device` when the bytes differ, and what the machine reports.
    pub fn check(&self) -> Result<()> {
        self.check_level()?;
        let Some(model) = default_model(3, Transform::Cdf97)? else {
            return Ok(());
        };
        let domain = [11, 10, 13];
        let field: Vec<i16> = (0..11 * 10 * 13)
            .map(|i| (i * 7919 % 20011) as i16 - 10005)
            .collect();
        let whole = Region {
            start: [0; 3],
            size: domain,
        };
        for network in model.networks() {
            let arch = network.arch();
            if arch.head != Head::Subbands {
                continue;
            }
            let request = PredictRequest {
                network,
                input: NetworkInput {
                    field: &field,
                    origin: [0; 3],
                    size: domain,
                    domain,
                    extension: [Extension::Even, Extension::Odd, Extension::Periodic],
                    condition: arch
                        .channels
                        .contains(InputChannels::CONDITION)
                        .then_some(256),
                },
                region: whole,
                scaling: Scaling {
                    gain: 0.7,
                    unit: 2.0,
                },
            };
            let mut expected = vec![0f32; request.output_len()];
            let mut found = expected.clone();
            Cpu::detect().predict(&request, &mut expected)?;
            self.predict(&request, &mut found)?;
            if bytes_of(&expected) != bytes_of(&found) {
                return Err(Error::new(
                    ErrorKind::Device,
                    format!("{} does not give the bytes of the CPU", self.device_name()),
                ));
            }
        }
        Ok(())
    }

    fn device_network(&self, network: &Network) -> Result<Arc<DeviceNetwork>> {
        self.shared.networks.get_or_make(network, || {
            let mut constants = Constants::default();
            let program = Program::new(network, |layer, outputs, sources| {
                let has_warpgroups = self.machine.has(Kernel::Conv96);
                DeviceConv::new(layer, outputs, &sources, has_warpgroups, &mut constants)
            })?;
            let memory = Memory::new(&self.machine, constants.bytes.len() as u64)?;
            memory.upload(&constants.bytes)?;
            Ok(DeviceNetwork {
                program,
                constants: memory,
            })
        })
    }

    /// Bytes that a call may take, `buffers` included, memory of idle grids too.
    fn memory(&self, buffers: &Buffers) -> Result<u64> {
        if let Some(bytes) = self.memory_bytes {
            return Ok(bytes.saturating_sub(self.shared.live_bytes.load(Ordering::Relaxed)));
        }
        let idle: u64 = lock(&self.shared.idle).iter().map(Memory::bytes).sum();
        let free = self.machine.free_bytes()? + buffers.bytes() + idle;
        Ok((free as f64 * MEMORY_SHARE) as u64)
    }

    fn predict_with(
        &self,
        buffers: &mut Buffers,
        request: &PredictRequest<'_>,
        out: &mut [f32],
    ) -> Result<()> {
        let (machine, region) = (&self.machine, request.region);
        let (input, scaling) = (&request.input, request.scaling);
        let device_network = self.device_network(request.network)?;
        let extent = NetworkInput::needed(request.network, region, input.domain, input.extension);
        let field = cut(input, extent);
        let field_bytes = (size_of_val(&field[..]) as u64).next_multiple_of(256);
        let out_bytes = size_of_val(out) as u64;
        let most = self.memory(buffers)?;
        let most = most.saturating_sub(field_bytes + out_bytes);
        let layout = self.layout(&device_network, request, most);
        let (tiles, bytes) = self.tiles(&layout, region, most);
        if bytes > most {
            return Err(too_little(bytes, most));
        }

        let mut data = bytes_of(&field).to_vec();
        data.resize(field_bytes as usize, 0);
        let program = &device_network.program;
        data.extend_from_slice(bytes_of(&scaled(Some(&program.head), scaling.gain)));
        let shortcut_scales = data.len() as u64;
        let shortcut = scaled(program.shortcut.as_ref(), scaling.unit);
        data.extend_from_slice(bytes_of(&shortcut));
        let Buffers {
            arena,
            call,
            planes,
            ..
        } = buffers;
        let call = room(call, machine, data.len() as u64)?;
        call.upload(&data)?;
        let planes = room(planes, machine, out_bytes)?;
        let run = NetworkRun {
            machine: machine.as_ref(),
            layout: &layout,
            constants: &device_network.constants,
            arena: room(arena, machine, bytes)?,
            call: CallData {
                field: call.at(),
                extent,
                scales: [call.at() + field_bytes, call.at() + shortcut_scales],
                planes: planes.at(),
            },
            region,
        };
        let start = Instant::now();
        for tile in tiles {
            run.tile(tile)?;
        }
        machine.finish()?;
        let nanoseconds = start.elapsed().as_nanos() as u64;
        let total = &self.shared.kernel_nanoseconds;
        total.fetch_add(nanoseconds, Ordering::Relaxed);
        planes.download(bytes_of_mut(out))
    }

    /// Where activations lie when at most `most` bytes of them may.
    fn layout<'a>(
        &self,
        device_network: &'a DeviceNetwork,
        request: &'a PredictRequest<'a>,
        most: u64,
    ) -> Layout<'a, DeviceConv> {
        Layout {
            program: &device_network.program,
            request,
            section_bytes: (most as f64 * SECTION_SHARE) as usize,
        }
    }

    /// The tiles of a region, and the bytes of activations of the largest: at most `most` where that can be had.
    fn tiles(
        &self,
        layout: &Layout<'_, DeviceConv>,
        region: Region,
        most: u64,
    ) -> (Vec<Region>, u64) {
        let tiles = split(region, self.edge(layout, region, most));
        let bytes = arena_bytes(layout, &tiles);
        (tiles, bytes)
    }

    fn edge(&self, layout: &Layout<'_, DeviceConv>, region: Region, most: u64) -> usize {
        let costs = Costs {
            threads: 1,
            most_bytes: most,
            bytes_as_work: f64::INFINITY,
            work: DeviceConv::work,
        };
        self.tile_edge
            .unwrap_or_else(|| best_edge(layout, region, &costs))
    }
}

fn too_little(needed: u64, free: u64) -> Error {
    Error::limit(format!(
        "{needed} bytes of device memory needed, {free} are free"
    ))
}

/// The box `extent` of the input.
fn cut(input: &NetworkInput<'_>, extent: Region) -> Vec<i16> {
    let mut out = Vec::with_capacity(extent.len());
    let [z0, y0, x0] = [0, 1, 2].map(|axis| extent.start[axis] - input.origin[axis]);
    for z in z0..z0 + extent.size[0] {
        for y in y0..y0 + extent.size[1] {
            let row = (z * input.size[1] + y) * input.size[2] + x0;
            out.extend_from_slice(&input.field[row..row + extent.size[2]]);
        }
    }
    out
}

/// Bytes of activations of the largest tile.
fn arena_bytes(layout: &Layout<'_, DeviceConv>, tiles: &[Region]) -> u64 {
    let of_tile = |&region: &Region| {
        let tile = layout.tile(region);
        let sections = layout
            .sections(&tile)
            .map(|part| layout.section(&tile, part));
        sections.map(|section| layout.arena_len(&section)).max()
    };
    let elements = tiles.iter().filter_map(of_tile).max();
    elements.unwrap_or(0) as u64 * size_of::<i16>() as u64
}

impl Backend for Cuda {
    fn name(&self) -> &'static str {
        "cuda"
    }

    fn predict_checked(&self, request: &PredictRequest<'_>, out: &mut [f32]) -> Result<()> {
        // The kernels count along an axis in 32 bits; halo and both grids included.
        if request.input.domain.iter().any(|&n| n > 1 << 28) {
            return Err(Error::limit(format!(
                "at most 2^28 voxels along an axis expected, {:?} found",
                request.input.domain
            )));
        }
        let mut buffers = std::mem::take(&mut *lock(&self.shared.buffers));
        let done = self.predict_with(&mut buffers, request, out);
        *lock(&self.shared.buffers) = buffers;
        done
    }

    fn device(&self) -> Option<DeviceHandle<'_>> {
        Some(DeviceHandle {
            device: self,
            on_failure: OnFailure::Report,
        })
    }
}
