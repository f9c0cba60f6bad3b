//! Backends: whole network operations in exact arithmetic (`spec/networks.md`).
//!
//! Every backend gives the same bytes for the same network and input, whatever the tiling, the
//! number of threads or the instruction set. [`cpu::Reference`] is the oracle; [`cpu::Cpu`] is
//! the fast one.
//!
//! | module | job |
//! |---|---|
//! | `input` | units, quantisation, extension at the domain's edges |
//! | `program` | the convolutions of a network in order, with the blocks they read and write |
//! | `layout` | where the activations of a tile lie |
//! | `tiling` | how a region is cut into tiles |
//! | `cache` | networks in a backend's form, kept between calls |
//! | `device` | devices that put whole levels together |
//! | `fallback` | one backend in place of another that fails |
//! | [`cpu`] | backends on the processor |
//! | `cuda` | the backend on NVIDIA GPUs (feature `cuda`) |

mod cache;
pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod device;
mod fallback;
mod input;
mod layout;
mod program;
mod tiling;

pub use fallback::Fallback;
pub use input::{Extension, NetworkInput, input_multiplier, quantise_input, unit};

use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::network::{Head, LayerRole, LayerScales, Network};

/// Largest magnitude of a combined output scale (spec networks 5): keeps every output finite.
const OUTPUT_SCALE_LIMIT: f32 = 18_446_744_073_709_551_616.0; // 2^64

/// Factors from the frame and the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// The frame's gain for this level; multiplies the head's output.
    pub gain: f32,
    /// [`unit()`] of this level; multiplies the shortcut's output.
    pub unit: f32,
}

/// What a backend does. Implementations are interchangeable, to the last bit.
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// What runs the networks, for reports: `cpu`, `cuda`.
    fn name(&self) -> &'static str;

    /// Predicts the detail subbands of one level from the low-pass of the next coarser one.
    ///
    /// Shapes: `region` is a box of the low-pass grid; `out` is `[K][region]` with `x` fastest,
    /// `K` = 3 in 2-D (`LH HL HH`), 7 in 3-D (`LLH LHL HLL LHH HLH HHL HHH`).
    /// Numerics: exact integers, then one binary32 multiplication per term (spec networks 5).
    ///
    /// # Errors
    /// `InvalidArgument` when the network has another head, `input` does not hold what the
    /// region needs ([`NetworkInput::needed`]), the sizes disagree, or a scale leaves its range;
    /// `LimitExceeded` when the network takes more memory than the backend may use.
    fn subbands(
        &self,
        network: &Network,
        input: &NetworkInput<'_>,
        region: Region,
        scaling: Scaling,
        out: &mut [f32],
    ) -> Result<()>;

    /// Predicts the field of one level from the low-pass of the next coarser one (head
    /// `voxel_shuffle`).
    ///
    /// Shapes: `region` is a box of the low-pass grid; `out` is the box twice as large along
    /// every axis of the rank, starting at twice `region.start`.
    ///
    /// # Errors
    /// As [`Backend::subbands`].
    fn upscale(
        &self,
        network: &Network,
        input: &NetworkInput<'_>,
        region: Region,
        scaling: Scaling,
        out: &mut [f32],
    ) -> Result<()>;

    /// Its device, where it has one that puts whole levels together.
    fn levels(&self) -> Option<device::Levels<'_>> {
        None
    }
}

/// Checks what every backend requires of its arguments.
fn check_arguments(
    head: Head,
    network: &Network,
    input: &NetworkInput<'_>,
    region: Region,
    scaling: Scaling,
    out: &[f32],
) -> Result<()> {
    let arch = network.arch();
    if arch.head != head {
        return Err(Error::invalid(format!(
            "network with head {head:?} expected, {:?} found",
            arch.head
        )));
    }
    input.check(network, region)?;
    let per_voxel = match head {
        Head::Subbands => arch.outputs(),
        Head::VoxelShuffle => 1 << arch.rank,
    };
    if out.len() != region.len() * per_voxel {
        return Err(Error::invalid(format!(
            "output of {} values expected, {} found",
            region.len() * per_voxel,
            out.len()
        )));
    }
    for layer in network.layers() {
        if let LayerScales::Output(scale) = &layer.scales {
            let factor = output_factor(layer.spec.role, scaling);
            let in_range = |s: &f32| (s * factor).abs() < OUTPUT_SCALE_LIMIT; // false for NaN
            if !scale.iter().all(in_range) {
                return Err(Error::invalid(format!(
                    "scales of layer {} times {factor} below 2^64 expected",
                    layer.spec.role
                )));
            }
        }
    }
    Ok(())
}

/// What the scales of an output layer are multiplied with.
fn output_factor(role: LayerRole, scaling: Scaling) -> f32 {
    match role {
        LayerRole::Shortcut => scaling.unit,
        _ => scaling.gain,
    }
}
