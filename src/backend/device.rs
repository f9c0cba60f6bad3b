//! Devices that put whole levels together, so that a field stays in their memory from level to level: prediction, stored
//! residuals, inverse wavelet (spec section 6).

use std::any::Any;

use crate::backend::{Extension, Scaling};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::grid::Region;
use crate::base::real::{RealSlice, RealSliceMut};
use crate::network::Network;

/// One level of the transform on a box of it: a fine grid and the axes that are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelShape {
    /// Extents of the finer grid.
    pub fine: [usize; 3],
    /// Axes that are split.
    pub split: [bool; 3],
    /// Split axes along which the grid repeats; they have even lengths.
    pub periodic: [bool; 3],
}

impl LevelShape {
    /// Samples of a subband along each axis; `high` are its high-pass axes.
    #[must_use]
    pub fn band_dims(&self, high: [bool; 3]) -> [usize; 3] {
        [0, 1, 2].map(|axis| match (self.split[axis], high[axis]) {
            (false, _) => self.fine[axis],
            (true, false) => self.fine[axis].div_ceil(2),
            (true, true) => self.fine[axis] / 2,
        })
    }

    /// Number of split axes.
    #[must_use]
    pub fn axes(&self) -> usize {
        self.split.iter().filter(|&&split| split).count()
    }
}

/// The filter pair of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    /// Lifting coefficients in the order of the analysis; `None` for Haar.
    pub lifting: Option<[f64; 4]>,
    /// Factor of a subband with 0, 1, 2, 3 high-pass axes before the synthesis.
    pub synthesis: [f64; 4],
    /// Factor of a subband with 0, 1, 2, 3 high-pass axes after the analysis.
    pub analysis: [f64; 4],
}

/// How stored integers become coefficients: `sign(q) (|q| - shrink) step`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residual {
    /// Quantisation step.
    pub step: f64,
    /// Distance of a magnitude below its integer, in steps.
    pub shrink: f64,
}

/// What a network predicts of a level.
#[derive(Clone, Copy, Debug)]
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
    /// The box of the coarse grid that it is run on. More than the cells where it predicts voxels: their analysis spoils a
    /// margin.
    pub cells: Region,
    /// The level on that box.
    pub shape: LevelShape,
}

/// One level on a box of cells.
#[derive(Clone, Debug)]
pub struct LevelJob<'a> {
    /// The box of the coarse grid whose details are put together.
    pub cells: Region,
    /// The level on that box.
    pub shape: LevelShape,
    /// The box of the finer grid that is kept; inside that of `cells`, which begins at twice their start along split axes.
    pub fine: Region,
    /// High-pass axes of the detail subbands in coding order.
    pub details: Vec<[bool; 3]>,
    /// Filter pair.
    pub filter: Filter,
    /// How integers become coefficients.
    pub residual: Residual,
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
    /// `value_bytes` (4 or 8), with the box `low` of the low-pass, which may be there already.
    ///
    /// # Errors
    /// As [`LevelDevice::level`].
    fn fits(
        &self,
        job: &LevelJob<'_>,
        value_bytes: usize,
        low: Region,
        is_there: bool,
    ) -> Result<bool>;

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
pub struct Levels<'a> {
    /// The device.
    pub device: &'a dyn LevelDevice,
    /// Whether the host may do the work where the device fails or is too small.
    pub may_fail: bool,
}

/// Whether the host may do better than the device that failed so.
#[must_use]
pub fn is_of_device(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Device | ErrorKind::LimitExceeded)
}
