//! CPU backends: [`Cpu`], with loops for several instruction sets, and [`Reference`].
//!
//! | module | job |
//! |---|---|
//! | `reference` | the oracle: plain loops over whole regions |
//! | `packed` | weights as the loops read them |
//! | `tile` | one tile through all layers |
//! | `conv` | one convolution on a box, as the loops take it |
//! | `isa` | detection, and the way to the loops |
//! | `portable`, `avx2`, `avx512`, `neon` | the loops |

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod conv;
mod isa;
#[cfg(any(target_arch = "aarch64", test))]
mod neon;
#[cfg(all(test, not(target_arch = "aarch64")))]
mod neon_model;
mod packed;
mod portable;
mod reference;
mod tile;

use std::sync::{Arc, Mutex};

use rayon::prelude::*;

pub use isa::Isa;
pub use reference::Reference;

use crate::backend::cache::{Cache, lock};
use crate::backend::cpu::packed::PackedConv;
use crate::backend::cpu::tile::{Scratch, TileRun};
use crate::backend::input::refinement;
use crate::backend::plan::layout::Layout;
use crate::backend::plan::program::Program;
use crate::backend::plan::tiling::{Costs, best_edge, split};
use crate::backend::{Backend, PredictRequest};
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::network::{Head, Network};

/// Most bytes of activations of one thread, unless set.
const TILE_BYTES: u64 = 4 << 30;
/// Bytes of fine activations to aim at: a voxel shuffle makes eight times the coarse ones.
const SECTION_BYTES: usize = 128 << 20;
/// Activations of a thread that count as much as the whole work of a network: the weight of memory
/// against halo. The default network gets tiles of 64^3 in 53 MiB.
const BYTES_AS_WORK: f64 = (1u64 << 30) as f64;

/// The fast CPU backend. Tiles run on the current rayon pool. Keep it: it holds packed weights and
/// the tiles' memory, which clones share.
#[derive(Clone)]
pub struct Cpu {
    isa: Isa,
    tile_edge: Option<usize>,
    tile_bytes: u64,
    section_bytes: usize,
    shared: Arc<Shared>,
}

/// What clones of a backend share.
#[derive(Default)]
struct Shared {
    programs: Cache<Program<PackedConv>>,
    /// Memory of tiles that are done, at most one per thread. It outlives a call: fresh pages
    /// cost up to a tenth of the time of a small grid.
    scratch: Mutex<Vec<Scratch>>,
}

impl std::fmt::Debug for Cpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cpu")
            .field("isa", &self.isa)
            .field("tile_edge", &self.tile_edge)
            .finish_non_exhaustive()
    }
}

impl Cpu {
    /// With the fastest instruction set of this machine.
    #[must_use]
    pub fn detect() -> Self {
        Self::new(Isa::detect())
    }

    /// With `isa`.
    ///
    /// # Errors
    /// `InvalidArgument` when this machine does not have it.
    pub fn with_isa(isa: Isa) -> Result<Self> {
        if !isa.is_available() {
            return Err(Error::invalid(format!("this machine has no {isa}")));
        }
        Ok(Self::new(isa))
    }

    fn new(isa: Isa) -> Self {
        Self {
            isa,
            tile_edge: None,
            tile_bytes: TILE_BYTES,
            section_bytes: SECTION_BYTES,
            shared: Arc::default(),
        }
    }

    /// Sets the tile edge in coarse voxels (at least 1). Without it, the edge with the least
    /// estimated time is taken, which weighs halo, idle threads and memory: 64 voxels and 53 MiB
    /// per thread for the default network. The result does not depend on it.
    #[must_use]
    pub fn with_tile_edge(mut self, edge: usize) -> Self {
        self.tile_edge = Some(edge.max(1));
        self
    }

    /// Sets the most bytes of activations that one thread may take; 4 GiB without it. A network
    /// with a larger receptive radius than that allows is refused with `LimitExceeded`.
    #[must_use]
    pub fn with_tile_bytes(mut self, bytes: u64) -> Self {
        self.tile_bytes = bytes;
        self
    }

    /// The instruction set in use.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The network packed for this instruction set: from the cache, or made now.
    fn program(&self, network: &Network) -> Result<Arc<Program<PackedConv>>> {
        self.shared.programs.get_or_make(network, || {
            let packing = self.isa.packing();
            Program::new(network, |layer, outputs, sources| {
                Ok(PackedConv::new(layer, outputs, sources, packing))
            })
        })
    }

    /// Runs all tiles of the region; `write` gets each tile and plane of output.
    fn run_tiles(
        &self,
        request: &PredictRequest<'_>,
        write: impl Fn(Region, usize, &[f32]) + Sync,
    ) -> Result<()> {
        let program = self.program(request.network)?;
        let run = TileRun {
            isa: self.isa,
            layout: Layout {
                program: &program,
                request,
                section_bytes: self.section_bytes,
            },
        };
        let costs = Costs {
            threads: rayon::current_num_threads(),
            most_bytes: self.tile_bytes,
            bytes_as_work: BYTES_AS_WORK,
            work: |conv: &PackedConv| conv.multiplications() as f64,
        };
        let edge = self.tile_edge;
        let edge = edge.unwrap_or_else(|| best_edge(&run.layout, request.region, &costs));
        let bytes = run.layout.activation_bytes(edge);
        if bytes > self.tile_bytes {
            return Err(Error::limit(format!(
                "{bytes} bytes of activations needed in a tile, limit is {}",
                self.tile_bytes
            )));
        }
        let tiles = split(request.region, edge);
        tiles.into_par_iter().for_each(|tile| {
            let mut scratch = lock(&self.shared.scratch).pop().unwrap_or_default();
            run.run(tile, &mut scratch, |z, rows| write(tile, z, rows));
            lock(&self.shared.scratch).push(scratch);
        });
        Ok(())
    }
}

impl Backend for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn predict_checked(&self, request: &PredictRequest<'_>, out: &mut [f32]) -> Result<()> {
        let arch = request.network.arch();
        let target = OutputBox {
            region: request.region,
            factor: refinement(request.network),
            channels: match arch.head {
                Head::Subbands => arch.outputs(),
                Head::VoxelShuffle => 1,
            },
        };
        let out = Mutex::new(out);
        self.run_tiles(request, |tile, z, rows| {
            target.copy_plane(tile, z, rows, &mut lock(&out));
        })
    }
}

/// The prediction on the region asked for, `[channel][region]`.
struct OutputBox {
    region: Region,
    /// Values per coarse cell along each axis.
    factor: [usize; 3],
    channels: usize,
}

impl OutputBox {
    /// Copies plane `z` of a tile's output, `[y][x][padded channels]`, to its place in `out`.
    fn copy_plane(&self, tile: Region, z: usize, rows: &[f32], out: &mut [f32]) {
        let factor = self.factor;
        let size = [0, 1, 2].map(|axis| self.region.size[axis] * factor[axis]);
        let start =
            [0, 1, 2].map(|axis| (tile.start[axis] - self.region.start[axis]) * factor[axis]);
        let [width, height] = [2, 1].map(|axis| tile.size[axis] * factor[axis]);
        let stride = rows.len() / (width * height);
        for (y, row) in rows.chunks_exact(width * stride).enumerate() {
            for channel in 0..self.channels {
                let line = (channel * size[0] + start[0] + z) * size[1] + start[1] + y;
                let to = &mut out[line * size[2] + start[2]..][..width];
                for (to, voxel) in to.iter_mut().zip(row.chunks_exact(stride)) {
                    *to = voxel[channel];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
