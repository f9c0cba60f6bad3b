//! Backends: whole network operations in exact arithmetic (`spec/networks.md`).
//!
//! Every backend gives the same bytes for the same network and input, whatever the tiling, the
//! number of threads or the instruction set. [`cpu::Reference`] is the oracle; [`cpu::Cpu`] is
//! the fast one.
//!
//! | module | job |
//! |---|---|
//! | `request` | what a backend is asked for |
//! | `input` | units, quantisation, what a region needs of its surroundings |
//! | `plan` | a network as a program, where its activations lie, tiles |
//! | `cache` | networks in a backend's form, kept between calls |
//! | `on_failure` | who does the work of a device that fails |
//! | `device` | devices that put whole levels together |
//! | `fallback` | one backend in place of another that fails |
//! | `remembered` | a backend that remembers what it predicted |
//! | [`cpu`] | backends on the processor |
//! | `cuda` | the backend on NVIDIA GPUs (feature `cuda`) |

mod cache;
pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod device;
mod fallback;
mod input;
mod on_failure;
mod plan;
mod remembered;
mod request;

pub use fallback::Fallback;
pub use input::{NetworkInput, input_multiplier, quantise_input, unit};
pub use on_failure::OnFailure;
pub use remembered::Remembered;
pub use request::{PredictRequest, Scaling, values_per_cell};

use crate::base::error::Result;

/// What a backend does. Implementations are interchangeable, to the last bit.
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// What runs the networks, for reports: `cpu`, `cuda`.
    fn name(&self) -> &'static str;

    /// Predicts one level from the low-pass of the next coarser one.
    ///
    /// Shapes, for networks that predict detail subbands: `out` is `[K][region]` with `x` fastest, `K` = 3 in 2-D
    /// (`LH HL HH`), 7 in 3-D (`LLH LHL HLL LHH HLH HHL HHH`). For networks that predict the field (head
    /// `voxel_shuffle`), it is the box twice as large along every axis of the rank, starting at twice `region.start`.
    /// Numerics: exact integers, then one binary32 multiplication per term (spec networks 5).
    ///
    /// # Errors
    /// `InvalidArgument` when the input does not hold what the region needs ([`NetworkInput::needed`]), the sizes
    /// disagree, or a scale leaves its range; `LimitExceeded` when the network takes more memory than the backend may
    /// use; `Device`.
    fn predict(&self, request: &PredictRequest<'_>, out: &mut [f32]) -> Result<()> {
        request.check(out)?;
        if request.region.is_empty() {
            return Ok(());
        }
        self.predict_checked(request, out)
    }

    /// What [`Backend::predict`] does with a request whose sizes agree, and whose region holds a cell.
    ///
    /// # Errors
    /// As [`Backend::predict`].
    fn predict_checked(&self, request: &PredictRequest<'_>, out: &mut [f32]) -> Result<()>;

    /// Its device, where it has one that puts whole levels together.
    fn device(&self) -> Option<device::DeviceHandle<'_>> {
        None
    }
}
