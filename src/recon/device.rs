//! The level loop on a device: the field stays there from level to level where it fits, and goes through in boxes, each
//! with all that it needs, where it does not.

use crate::backend::device::{
    DeviceGrid, Filter, LevelDevice, LevelJob, LevelShape, LowPass, Residual, TakePiece,
};
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::recon::levels::Synthesis;
use crate::transform::LevelPlan;

/// Voxels of a box of the finest level at most: the host receives one while the device makes the next.
const BOX_VOXELS: usize = 1 << 26;

/// Hands out the stored integers of a level that touch some cells.
pub type LevelPieces<'a> = dyn FnMut(usize, Region, &mut TakePiece<'_>) -> Result<()> + 'a;

/// The low-pass of the level to come.
enum Low<T> {
    Host(Region, Vec<T>),
    Device(Box<dyn DeviceGrid>),
}

impl LevelShape {
    /// The shape of a level, or of a window of one.
    #[must_use]
    pub fn of(level: &LevelPlan) -> Self {
        Self {
            fine: level.fine.dims(),
            split: [0, 1, 2].map(|axis| level.split.contains(axis)),
            periodic: [0, 1, 2].map(|axis| level.periodic.contains(axis)),
        }
    }
}

impl<T: Real> Synthesis<'_, T> {
    /// As [`Synthesis::run`] on `device`, from `low`, the box of the coarsest low-pass that `region` needs. Calls `sink`
    /// with boxes that follow each other along the slowest axis of `region`.
    ///
    /// # Errors
    /// What the device, `pieces` and `sink` report.
    pub fn run_on(
        &self,
        device: &dyn LevelDevice,
        (target, region): (usize, Region),
        low: Vec<T>,
        pieces: &mut LevelPieces<'_>,
        sink: &mut dyn FnMut(Region, Vec<T>) -> Result<()>,
    ) -> Result<()> {
        let windows = self.windows(target, region);
        let mut low = Low::Host(Self::low_pass_box(&windows, region), low);
        for (i, window) in windows.iter().enumerate().rev() {
            let index = target + i;
            let is_last = i == 0;
            let boxes = self.boxes(device, index, window.fine, &low, is_last)?;
            if let ([only], false) = (&boxes[..], is_last) {
                low = Low::Device(self.level_on(device, index, *only, &low, pieces)?);
                continue;
            }
            let mut whole = Vec::new();
            let mut keep = |_, values: Vec<T>| {
                whole.extend_from_slice(&values);
                Ok(())
            };
            let sink: &mut dyn FnMut(Region, Vec<T>) -> Result<()> =
                if is_last { &mut *sink } else { &mut keep };
            // One box on its way to the host while the device makes the next.
            let mut before = None;
            for part in boxes {
                let next = self.level_on(device, index, part, &low, pieces)?;
                if let Some(done) = before.replace(next) {
                    deliver(&*done, sink)?;
                }
            }
            if let Some(done) = before {
                deliver(&*done, sink)?;
            }
            if is_last {
                return Ok(());
            }
            low = Low::Host(window.fine, whole);
        }
        match low {
            Low::Host(region, values) => sink(region, values),
            Low::Device(grid) => deliver(&*grid, sink),
        }
    }

    /// Cuts the box `fine` of a level so that each part fits the device.
    fn boxes(
        &self,
        device: &dyn LevelDevice,
        index: usize,
        fine: Region,
        low: &Low<T>,
        is_last: bool,
    ) -> Result<Vec<Region>> {
        let axis = (0..2).find(|&axis| fine.size[axis] > 1).unwrap_or(2);
        let extent = fine.size[axis];
        let mut count = match is_last {
            true => fine.len().div_ceil(BOX_VOXELS).max(1),
            false => 1,
        };
        loop {
            // Cuts between the cells: a cell in two boxes would be predicted twice.
            let thickness = extent.div_ceil(count).next_multiple_of(2);
            let boxes: Vec<Region> = (0..extent)
                .step_by(thickness)
                .map(|first| {
                    let mut part = fine;
                    part.start[axis] += first;
                    part.size[axis] = thickness.min(extent - first);
                    part
                })
                .collect();
            let mut fit = true;
            for &part in &boxes {
                let (job, needed) = self.job(index, part)?;
                let (needed, is_there) = match low {
                    Low::Host(..) => (needed, false),
                    Low::Device(grid) => (grid.region(), true),
                };
                fit = fit && device.fits(&job, size_of::<T>(), needed, is_there)?;
            }
            if fit {
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

    /// The work on the box `fine` of a level, and the box of the low-pass that it needs.
    fn job(&self, index: usize, fine: Region) -> Result<(LevelJob<'_>, Region)> {
        let level = &self.plan.levels()[index];
        let cells = level.cells(fine);
        let axes = level.split.count();
        let job = LevelJob {
            cells,
            shape: LevelShape::of(&level.window(cells)),
            fine,
            details: (level.details.iter())
                .map(|code| [0, 1, 2].map(|axis| code.is_high(axis)))
                .collect(),
            filter: Filter {
                lifting: self.wavelet.lifting(),
                synthesis: self.wavelet.synthesis_scales(axes),
                analysis: self.wavelet.analysis_scales(axes),
            },
            residual: Residual {
                step: self.dequantiser.step.to_f64(),
                shrink: self.dequantiser.shrink.to_f64(),
            },
            prediction: self.predictor.prediction(index, level, cells)?,
        };
        let needed = cells.hull(&self.predictor.needs(index, level, cells));
        Ok((job, needed))
    }

    fn level_on(
        &self,
        device: &dyn LevelDevice,
        index: usize,
        fine: Region,
        low: &Low<T>,
        pieces: &mut LevelPieces<'_>,
    ) -> Result<Box<dyn DeviceGrid>> {
        let (job, needed) = self.job(index, fine)?;
        let cells = job.cells;
        let mut pieces = |take: &mut TakePiece<'_>| pieces(index, cells, take);
        match low {
            Low::Host(region, values) if *region == needed => {
                let low = LowPass::Host(needed, T::values(values));
                device.level(&job, low, &mut pieces)
            }
            Low::Host(region, values) => {
                let part = region.crop(values, &needed);
                device.level(&job, LowPass::Host(needed, T::values(&part)), &mut pieces)
            }
            Low::Device(grid) => device.level(&job, LowPass::Device(&**grid), &mut pieces),
        }
    }
}

/// Brings a box to the host.
fn deliver<T: Real>(
    grid: &dyn DeviceGrid,
    sink: &mut dyn FnMut(Region, Vec<T>) -> Result<()>,
) -> Result<()> {
    let region = grid.region();
    let mut values = vec![T::ZERO; region.len()];
    grid.download(T::values_mut(&mut values))?;
    sink(region, values)
}
