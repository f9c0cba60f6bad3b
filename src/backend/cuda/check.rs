//! A level whose values are known: what a device must do right before it is trusted with fields.

use crate::backend::cuda::Cuda;
use crate::backend::device::{LevelDevice, LevelJob, LowPass, Piece, TakePiece};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::grid::{Axes, Shape};
use crate::base::real::{RealSlice, RealSliceMut};
use crate::transform::{Bands, Dequantiser, Plan, Wavelet, inverse};

impl Cuda {
    /// Puts a small level together, copies beside the kernels included, and compares it with the processor: Haar on
    /// integers.
    ///
    /// # Errors
    /// `Device` when a value is wrong, and what the machine reports.
    pub(super) fn check_level(&self) -> Result<()> {
        let plan = Plan::new(Shape::new(&[8, 10, 18])?, Axes::NONE, 1);
        let Some(level) = plan.levels().first() else {
            return Ok(());
        };
        let cells = level.coarse.region();
        let integers = |band: usize| {
            let integer = move |i: usize| ((i * 11 + band * 5) % 17) as i32 - 8;
            (0..cells.len()).map(integer).collect::<Vec<i32>>()
        };
        let stored: Vec<Vec<i32>> = (1..=level.details.len()).map(integers).collect();
        let low: Vec<f32> = integers(0).iter().map(|&q| q as f32).collect();
        let dequantiser = Dequantiser {
            step: 0.7f32,
            shrink: 0.0,
        };
        let job = LevelJob {
            cells,
            level: level.clone(),
            fine: level.fine.region(),
            wavelet: Wavelet::Haar,
            dequantiser: dequantiser.to_f64(),
            prediction: None,
        };
        let mut pieces = |take: &mut TakePiece<'_>| {
            stored.iter().enumerate().try_for_each(|(band, integers)| {
                take(Piece {
                    band,
                    region: cells,
                    integers,
                })
            })
        };
        let grid = self.level(
            &job,
            LowPass::Host(cells, RealSlice::F32(&low)),
            &mut pieces,
        )?;
        let mut found = vec![0f32; level.fine.len()];
        grid.download(RealSliceMut::F32(&mut found))?;
        let details = |q: &Vec<i32>| q.iter().map(|&q| dequantiser.value(q)).collect();
        let mut bands = Bands {
            low,
            details: stored.iter().map(details).collect(),
        };
        if found == inverse(Wavelet::Haar, level, &mut bands) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Device,
            format!("{} does not put a level together right", self.device_name()),
        ))
    }
}
