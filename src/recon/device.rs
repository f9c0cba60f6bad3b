//! The level loop on a device: the field stays there from level to level where it fits, and goes through in boxes, each
//! with all that it needs, where it does not.

use std::ops::ControlFlow;

use crate::backend::device::{
    DeviceGrid, LevelDevice, LevelJob, LowPass, LowPassLocation, TakePiece,
};
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::recon::layers::Sink;
use crate::recon::levels::{GridStorage, LevelTask};
use crate::transform::Dequantiser;

/// Voxels of a box of the finest level at most: the host receives one while the device makes the next.
const BOX_VOXELS: usize = 1 << 26;

/// Hands out the stored integers of a level that touch some cells.
pub type LevelPieces<'a> = dyn FnMut(usize, Region, &mut TakePiece<'_>) -> Result<()> + 'a;

/// A box of a grid in host memory, or a grid on a device.
pub enum DeviceOrHost<T> {
    /// A box and its values.
    Host(Region, Vec<T>),
    /// A grid of the same device.
    Device(Box<dyn DeviceGrid>),
}

/// Grids on a device. The boxes of the wanted grid go to the sink, and the loop ends with nothing; it ends with a grid
/// where there is no level.
pub struct GridsOnDevice<'a, T> {
    /// The device.
    pub device: &'a dyn LevelDevice,
    /// How integers become coefficients.
    pub dequantiser: Dequantiser<T>,
    /// Where the integers come from.
    pub pieces: &'a mut LevelPieces<'a>,
    /// Takes boxes that follow each other along the slowest axis of the wanted box, and their values.
    pub sink: &'a mut Sink<'a, T>,
}

impl<T: Real> GridStorage<T> for GridsOnDevice<'_, T> {
    type Grid = Option<DeviceOrHost<T>>;

    fn level(
        &mut self,
        task: &LevelTask<'_>,
        low: Self::Grid,
    ) -> Result<ControlFlow<Self::Grid, Self::Grid>> {
        let Some(low) = low else {
            return Ok(ControlFlow::Break(None));
        };
        let boxes = self.boxes(task, &low)?;
        if let ([only], false) = (&boxes[..], task.is_last) {
            let grid = self.make(task, *only, &low)?;
            return Ok(ControlFlow::Continue(Some(DeviceOrHost::Device(grid))));
        }
        let mut whole = Vec::new();
        // One box on its way to the host while the device makes the next.
        let mut before: Option<Box<dyn DeviceGrid>> = None;
        for part in boxes.into_iter().map(Some).chain([None]) {
            let next = part.map(|part| self.make(task, part, &low)).transpose()?;
            if let Some(grid) = std::mem::replace(&mut before, next) {
                let values = downloaded(&*grid)?;
                if task.is_last {
                    (self.sink)(grid.region(), values)?;
                } else {
                    whole.extend_from_slice(&values);
                }
            }
        }
        if task.is_last {
            return Ok(ControlFlow::Break(None));
        }
        let whole = DeviceOrHost::Host(task.window.fine, whole);
        Ok(ControlFlow::Continue(Some(whole)))
    }
}

impl<T: Real> GridsOnDevice<'_, T> {
    /// Cuts the box of a level that is asked for so that each part fits the device.
    fn boxes(&self, task: &LevelTask<'_>, low: &DeviceOrHost<T>) -> Result<Vec<Region>> {
        let fine = task.window.fine;
        let extent = fine.size[fine.slowest_axis()];
        let mut count = if task.is_last {
            fine.len().div_ceil(BOX_VOXELS).max(1)
        } else {
            1
        };
        loop {
            // Cuts between the cells: a cell in two boxes would be predicted twice.
            let thickness = extent.div_ceil(count).next_multiple_of(2);
            let boxes: Vec<Region> = fine.slabs(thickness).collect();
            if self.all_fit(task, &boxes, low)? {
                return Ok(boxes);
            }
            if thickness <= 2 {
                return Err(Error::limit(format!(
                    "too little device memory for a plane of {fine:?}"
                )));
            }
            count = extent.div_ceil(thickness) * 2;
        }
    }

    fn all_fit(
        &self,
        task: &LevelTask<'_>,
        boxes: &[Region],
        low: &DeviceOrHost<T>,
    ) -> Result<bool> {
        let mut fit = true;
        for &part in boxes {
            let (job, needed) = self.job(task, part)?;
            let low = match low {
                DeviceOrHost::Host(..) => LowPassLocation::Host(needed),
                DeviceOrHost::Device(grid) => LowPassLocation::Device(grid.region()),
            };
            fit = fit && self.device.fits(&job, size_of::<T>(), low)?;
        }
        Ok(fit)
    }

    /// The work on the box `fine` of a level, and the box of the low-pass that it needs.
    fn job<'b>(&self, task: &LevelTask<'b>, fine: Region) -> Result<(LevelJob<'b>, Region)> {
        let cells = task.level.cells(fine);
        let predictor = task.synthesis.predictor;
        let prediction =
            predictor.map(|predictor| predictor.prediction(task.index, task.level, cells));
        let job = LevelJob {
            cells,
            level: task.level.window(cells),
            fine,
            wavelet: task.synthesis.wavelet,
            dequantiser: self.dequantiser.to_f64(),
            prediction: prediction.transpose()?.flatten(),
        };
        Ok((job, task.synthesis.low_pass_box(task.index, cells)?))
    }

    /// Has the device make the box `fine` of a level.
    fn make(
        &mut self,
        task: &LevelTask<'_>,
        fine: Region,
        low: &DeviceOrHost<T>,
    ) -> Result<Box<dyn DeviceGrid>> {
        let (job, needed) = self.job(task, fine)?;
        let mut pieces = |take: &mut TakePiece<'_>| (self.pieces)(task.index, job.cells, take);
        match low {
            DeviceOrHost::Host(region, values) if *region == needed => {
                let low = LowPass::Host(needed, T::values(values));
                self.device.level(&job, low, &mut pieces)
            }
            DeviceOrHost::Host(region, values) => {
                let part = region.crop(values, &needed);
                let low = LowPass::Host(needed, T::values(&part));
                self.device.level(&job, low, &mut pieces)
            }
            DeviceOrHost::Device(grid) => {
                self.device
                    .level(&job, LowPass::Device(&**grid), &mut pieces)
            }
        }
    }
}

/// The values of a box, in host memory.
fn downloaded<T: Real>(grid: &dyn DeviceGrid) -> Result<Vec<T>> {
    let mut values = vec![T::ZERO; grid.region().len()];
    grid.download(T::values_mut(&mut values))?;
    Ok(values)
}
