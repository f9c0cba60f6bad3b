//! A level whose values are known: what a device must do right before it is trusted with fields.

use crate::backend::cuda::Cuda;
use crate::backend::device::{
    Filter, LevelDevice, LevelJob, LevelShape, LowPass, Piece, Residual, TakePiece,
};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::grid::Region;
use crate::base::real::{RealSlice, RealSliceMut};

/// Multiples of it stay integers through three halvings.
const UNIT: i32 = 8;

impl Cuda {
    /// Puts a small level together, copies beside the kernels included: Haar without scales, where a pair of samples is
    /// `l - h / 2` and `l + h / 2`, on integers.
    ///
    /// # Errors
    /// `Device` when a value is wrong, and what the machine reports.
    pub(super) fn check_level(&self) -> Result<()> {
        let cells = Region {
            start: [0; 3],
            size: [3, 5, 9],
        };
        let fine = Region {
            start: [0; 3],
            size: cells.size.map(|n| 2 * n),
        };
        let details: Vec<[bool; 3]> = (1..8)
            .map(|bits| [0, 1, 2].map(|axis| bits >> axis & 1 == 1))
            .collect();
        let integers = |band: usize| {
            let integer = move |i: usize| ((i * 11 + band * 5) % 17) as i32 - 8;
            (0..cells.len()).map(integer).collect::<Vec<i32>>()
        };
        let bands: Vec<Vec<i32>> = (0..=details.len()).map(integers).collect();
        let low: Vec<f32> = bands[0].iter().map(|&q| (q * UNIT) as f32).collect();
        let job = LevelJob {
            cells,
            shape: LevelShape {
                fine: fine.size,
                split: [true; 3],
                periodic: [false; 3],
            },
            fine,
            details,
            filter: Filter {
                lifting: None,
                synthesis: [1.0; 4],
                analysis: [1.0; 4],
            },
            residual: Residual {
                step: f64::from(UNIT),
                shrink: 0.0,
            },
            prediction: None,
        };
        let mut pieces = |take: &mut TakePiece<'_>| {
            bands[1..].iter().enumerate().try_for_each(|(band, q)| {
                take(Piece {
                    band,
                    region: cells,
                    integers: q,
                })
            })
        };
        let grid = self.level(
            &job,
            LowPass::Host(cells, RealSlice::F32(&low)),
            &mut pieces,
        )?;
        let mut found = vec![0f32; fine.len()];
        grid.download(RealSliceMut::F32(&mut found))?;
        let expected = |i: usize| {
            let [_, ny, nx] = fine.size;
            let at = [i / nx / ny, i / nx % ny, i % nx];
            let cell = (at[0] / 2 * cells.size[1] + at[1] / 2) * cells.size[2] + at[2] / 2;
            let of_band = |(bits, q): (usize, &Vec<i32>)| {
                let of_axis = |axis: usize| match (bits >> axis & 1, at[axis] % 2) {
                    (0, _) => 1.0,
                    (_, 0) => -0.5,
                    _ => 0.5,
                };
                (q[cell] * UNIT) as f32 * (0..3).map(of_axis).product::<f32>()
            };
            bands.iter().enumerate().map(of_band).sum::<f32>()
        };
        if (0..fine.len()).all(|i| found[i] == expected(i)) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Device,
            format!("{} does not put a level together right", self.device()),
        ))
    }
}
