//! Devices that put whole levels together, so that a field stays in their memory from level to level: prediction, stored
//! residuals, inverse wavelet (spec section 6).

use std::any::Any;

use crate::backend::input::NetworkInput;
use crate::backend::on_failure::OnFailure;
use crate::backend::request::{PredictRequest, Scaling};
use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::{RealSlice, RealSliceMut};
use crate::network::{Head, Network};
use crate::transform::{Dequantiser, Extension, LevelPlan, Wavelet};

/// What a network predicts of a level: a request but for the input's values, which are still coefficients.
#[derive(Clone, Debug)]
pub struct LevelPrediction<'a> {
    /// The network; its head says what it predicts.
    pub network: &'a Network,
    /// From low-pass coefficients to its input ([`crate::backend::quantise_input`]).
    pub multiplier: f32,
    /// Extents of the whole coarse grid.
    pub domain: [usize; 3],
    /// Extension of each axis.
    pub extension: [Extension; 3],
    /// Value of the channel `condition`, where the network has it.
    pub condition: Option<i16>,
    /// Factors of its output.
    pub scaling: Scaling,
    /// The box of the coarse grid that it is run on ([`LevelPrediction::cells_of`]).
    pub cells: Region,
    /// The level on that box.
    pub level: LevelPlan,
}

impl LevelPrediction<'_> {
    /// The cells that `network` is run on for the details of `cells`. Wider for networks that predict voxels: the
    /// forward transform is invalid near the box's edge.
    #[must_use]
    pub fn cells_of(network: &Network, level: &LevelPlan, cells: Region) -> Region {
        match network.arch().head {
            Head::Subbands => cells,
            Head::VoxelShuffle => level.with_margin(cells),
        }
    }

    /// The box of the coarse grid that it takes.
    #[must_use]
    pub fn needed(&self) -> Region {
        NetworkInput::needed(self.network, self.cells, self.domain, self.extension)
    }

    /// The request for all its cells; `field` is the quantised low-pass of the box `low`.
    #[must_use]
    pub fn request<'a>(&'a self, low: Region, field: &'a [i16]) -> PredictRequest<'a> {
        PredictRequest {
            network: self.network,
            input: NetworkInput {
                field,
                origin: low.start,
                size: low.size,
                domain: self.domain,
                extension: self.extension,
                condition: self.condition,
            },
            region: self.cells,
            scaling: self.scaling,
        }
    }
}

/// One level on a box of cells.
#[derive(Clone, Debug)]
pub struct LevelJob<'a> {
    /// The box of the coarse grid whose details are put together.
    pub cells: Region,
    /// The level on that box.
    pub level: LevelPlan,
    /// The box of the finer grid that is kept; inside that of `cells`, which begins at twice their start along split axes.
    pub fine: Region,
    /// Filter pair.
    pub wavelet: Wavelet,
    /// How integers become coefficients.
    pub dequantiser: Dequantiser<f64>,
    /// What the residuals are added to; zero without it.
    pub prediction: Option<LevelPrediction<'a>>,
}

/// Stored integers of a box of one subband.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Number of the subband in coding order.
    pub band: usize,
    /// The box of the subband that `integers` holds.
    pub region: Region,
    /// `[z][y][x]`.
    pub integers: &'a [i32],
}

/// Takes the pieces of a level one after the other.
pub type TakePiece<'a> = dyn FnMut(Piece<'_>) -> Result<()> + 'a;
/// Hands out all pieces of a level that touch some cells, each once. Called while the device predicts.
pub type Pieces<'a> = dyn FnMut(&mut TakePiece<'_>) -> Result<()> + 'a;

/// The low-pass of a level: on the device, or a box of it in host memory.
#[derive(Clone, Copy)]
pub enum LowPass<'a> {
    /// From an earlier call of the same device.
    Device(&'a dyn DeviceGrid),
    /// A box and its values.
    Host(Region, RealSlice<'a>),
}

/// Where the low-pass of a level is, and which box of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowPassLocation {
    /// In host memory: the device will need room for it.
    Host(Region),
    /// On the device already.
    Device(Region),
}

/// A box of a grid in a device's memory. The device may still be at work on it.
pub trait DeviceGrid: Send {
    /// The box.
    fn region(&self) -> Region;

    /// Copies the whole box to host memory, `[z][y][x]`.
    ///
    /// # Errors
    /// `InvalidArgument` for another length or precision; `Device`, also for work that failed.
    fn download(&self, out: RealSliceMut<'_>) -> Result<()>;

    /// For its own device.
    fn as_any(&self) -> &dyn Any;
}

/// A device that puts levels together.
pub trait LevelDevice: Send + Sync {
    /// Whether [`LevelDevice::level`] finds the memory for `job`, its result included, in the precision of
    /// `value_bytes` (4 or 8), with the low-pass at `low`.
    ///
    /// # Errors
    /// As [`LevelDevice::level`].
    fn fits(&self, job: &LevelJob<'_>, value_bytes: usize, low: LowPassLocation) -> Result<bool>;

    /// Puts a level together in the precision of `low`; calls `pieces` once.
    ///
    /// # Errors
    /// `InvalidArgument` where the parts of the job contradict each other; `LimitExceeded` when the memory does not do;
    /// `Device`; what `pieces` reports.
    fn level(
        &self,
        job: &LevelJob<'_>,
        low: LowPass<'_>,
        pieces: &mut Pieces<'_>,
    ) -> Result<Box<dyn DeviceGrid>>;
}

/// A backend's device.
#[derive(Clone, Copy)]
pub struct DeviceHandle<'a> {
    /// The device.
    pub device: &'a dyn LevelDevice,
    /// What becomes of work that the device fails at.
    pub on_failure: OnFailure,
}
