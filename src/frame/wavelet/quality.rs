//! How far the field of a coarser level is from the whole one (spec section 4.3, `quality`).

use crate::base::real::Real;
use crate::container::{Frame, QUALITY_STEPS};
use crate::frame::wavelet::analysis::Analysis;
use crate::volume::AnyVolume;

/// A field at a downscaling level.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelField {
    /// The level; 0 is full resolution.
    pub level: usize,
    /// PSNR in dB, against the field that was encoded, of what is known from this level and the coarser
    /// ones alone: measured at level 0, an estimate above. `None` where the file does not say it.
    pub psnr_db: Option<f64>,
    /// The field on the level's grid, in its own unit.
    pub volume: AnyVolume,
}

/// The estimate for every downscaling level from 1 on, as it is stored: what the coding spoils, and
/// all details of the finer levels. The filters are nearly orthonormal, so energies add up.
///
/// `range` is that of the field in the analysis' unit, `psnr_db` what was measured at level 0.
pub(crate) fn level_quality<T: Real>(
    analysis: &Analysis<'_, T>,
    range: f64,
    psnr_db: f64,
) -> Vec<u8> {
    let voxels = analysis.plan.shape().len() as f64;
    let mut energy = range * range * 10f64.powf(-psnr_db / 10.0) * voxels;
    (0..analysis.plan.levels().len())
        .map(|level| {
            energy += analysis.detail_energy(level);
            let db = 10.0 * (range * range * voxels / energy).log10();
            // A cast keeps what is too large or small at the end of the range.
            (db * QUALITY_STEPS).round() as u8
        })
        .collect()
}

/// PSNR in dB, against the field that was encoded, of what is known at downscaling level `level` of a
/// frame: measured at level 0, estimated above. `records` are the frame's, one or its slabs with their
/// numbers of voxels. `None` where a record does not say it.
pub(crate) fn psnr_db<'a>(
    records: impl Iterator<Item = (&'a Frame, usize)>,
    level: usize,
) -> Option<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut energy, mut voxels) = (0.0, 0.0);
    for (frame, len) in records {
        let db = frame.psnr_db(level)?;
        let range = frame.range.1 - frame.range.0;
        energy += range * range * 10f64.powf(-db / 10.0) * len as f64;
        voxels += len as f64;
        (low, high) = (low.min(frame.range.0), high.max(frame.range.1));
    }
    let range = high - low;
    (voxels > 0.0).then(|| {
        if energy > 0.0 {
            10.0 * (range * range * voxels / energy).log10()
        } else {
            f64::INFINITY
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::{Axes, Shape};
    use crate::recon::Partition;
    use crate::transform::{Plan, Wavelet};

    #[test]
    fn coarser_levels_are_known_less_well() {
        let shape = Shape::new(&[64, 64]).unwrap();
        let plan = Plan::new(shape, Axes::NONE, 3);
        let partition = Partition::new(&plan, 64).unwrap();
        let field: Vec<f64> = (0..shape.len())
            .map(|i| (0.3 * (i % 64) as f64).sin() + (0.2 * (i / 64) as f64).cos())
            .collect();
        let analysis = Analysis::held(Wavelet::Cdf97, plan, partition, field);
        let quality = level_quality(&analysis, 4.0, 60.0);
        assert_eq!(quality.len(), 3);
        assert!(quality.is_sorted_by(|a, b| a > b), "{quality:?}");
        // Above all levels: what the coding spoils is the least of it.
        assert!(f64::from(quality[0]) / QUALITY_STEPS < 60.0);
        // Nothing is better than the range of what is stored, nor worse.
        assert_eq!(level_quality(&analysis, 1e30, f64::INFINITY), [255; 3]);
        assert_eq!(level_quality(&analysis, 1e-30, 60.0), [0; 3]);
    }
}
