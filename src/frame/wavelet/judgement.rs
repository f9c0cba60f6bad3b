//! Whether a level's prediction pays, and how its gain fits.

use rayon::prelude::*;

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::frame::wavelet::analysis::Analysis;
use crate::frame::wavelet::gains::GainFit;
use crate::recon::{BrickGrid, Subbands, band_regions};

/// Bricks of a level, about, that are looked at to decide whether its prediction pays.
const LOOK_AT: usize = 64;

/// One coefficient in so many is asked how the gain fits; a prime, so that no row or band is left out.
const EVERY: usize = 13;

/// Share of a level's bits that its network must save: where it saves less, it is not worth its time in
/// every decode, nor the wider surroundings that a region then reads.
const LEAST_GAIN: f64 = 1.0 / 64.0;

/// Details of a level over some of its cells, where they are predicted.
pub(super) type Prediction<'a, T> = dyn Fn(Region) -> Result<Option<Vec<Vec<T>>>> + Sync + 'a;

/// What is thought of the prediction of a level.
pub(super) struct Judgement {
    /// Whether residuals against it take fewer bits than the details themselves.
    pub(super) pays: bool,
    /// What its gain should be multiplied with, where that is known.
    pub(super) gain_factor: Option<f64>,
}

/// A level at a quantisation step, and what is predicted of it.
pub(super) struct PredictedLevel<'a, T: Real> {
    pub(super) analysis: &'a Analysis<'a, T>,
    pub(super) level: usize,
    pub(super) inverse_step: T,
    pub(super) predict: &'a Prediction<'a, T>,
    /// The part of the prediction that has no gain.
    pub(super) shortcut: &'a Prediction<'a, T>,
}

/// What some coefficients say.
#[derive(Default)]
struct Sums {
    /// Bits against the prediction.
    with: f64,
    /// Bits without it.
    without: f64,
    fit: GainFit,
}

impl<T: Real> PredictedLevel<'_, T> {
    /// Measures the prediction by evenly spread bricks, with exactly rounded operations in a fixed order, so that every
    /// encoder decides alike whatever it holds in memory.
    ///
    /// # Errors
    /// What the prediction reports.
    pub(super) fn measure_prediction(&self) -> Result<Judgement> {
        let whole = self.analysis.plan.levels()[self.level].coarse.region();
        let all = self.analysis.grids_in(self.level, whole);
        let stride = all.len().div_ceil(LOOK_AT).max(1);
        let looked_at: Vec<_> = all.into_iter().step_by(stride).collect();
        let look = |&(_, grid): &(usize, &BrickGrid)| self.look(grid);
        let sums: Vec<Sums> = looked_at.par_iter().map(look).collect::<Result<_>>()?;
        let sums = sums.into_iter().fold(Sums::default(), |a, b| Sums {
            with: a.with + b.with,
            without: a.without + b.without,
            fit: a.fit.join(b.fit),
        });
        let gain_factor = sums.fit.factor();
        // A gain that does not fit yet is judged by what it will be.
        let (fitted, now) = sums.fit.bits(gain_factor.unwrap_or(1.0), |steps| {
            log2(1.0 + steps * steps)
        });
        let with = if now > 0.0 {
            sums.with * (fitted / now)
        } else {
            sums.with
        };
        Ok(Judgement {
            pays: with < sums.without * (1.0 - LEAST_GAIN),
            gain_factor,
        })
    }

    fn look(&self, grid: &BrickGrid) -> Result<Sums> {
        let steps = |v: T| (v * self.inverse_step).to_f64();
        let bits = |steps: f64| log2(1.0 + steps * steps);
        let subbands = Subbands::Details(self.level);
        let mut sums = Sums::default();
        let Some(predicted) = (self.predict)(grid.region)? else {
            return Ok(sums);
        };
        let exact = self.analysis.bands(subbands, grid.region);
        let exact = grid.gather(&exact.regions, &exact.bands);
        let regions = band_regions(&self.analysis.plan, subbands, grid.region);
        let predicted = grid.gather(&regions, &predicted);
        for (&d, &p) in exact.iter().zip(&predicted) {
            sums.with += bits(steps(d - p));
            sums.without += bits(steps(d));
        }
        if let Some(shortcut) = (self.shortcut)(grid.region)? {
            let shortcut = grid.gather(&regions, &shortcut);
            let all = exact.iter().zip(&predicted).zip(&shortcut);
            for ((&d, &p), &s) in all.step_by(EVERY) {
                sums.fit.add(steps(d - p), steps(p - s));
            }
        }
        Ok(sums)
    }
}

/// The binary logarithm of a number from 1 on, linear between powers of two: exact operations alone.
pub(super) fn log2(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as f64 - 1023.0;
    let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    exponent + (mantissa - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::Shape;
    use crate::frame::wavelet::analysis::testing::waves;
    use crate::recon::crop_details;

    #[test]
    fn the_logarithm_is_exact_at_powers_of_two_and_near_between_them() {
        for power in [0, 1, 5, 40] {
            assert_eq!(log2(f64::from(power).exp2()), f64::from(power));
        }
        assert!((log2(3.0) - 3f64.log2()).abs() < 0.09);
    }

    #[test]
    fn the_details_themselves_pay_and_their_opposite_does_not() {
        let analysis = waves(Shape::new(&[48, 40, 44]).unwrap());
        let whole = analysis.plan.levels()[0].coarse.region();
        let level = &analysis.plan.levels()[0];
        let exact = analysis
            .bands(Subbands::Details(0), whole)
            .bands
            .into_owned();
        let times = |factor: f32| -> Vec<Vec<f32>> {
            let band = |band: &Vec<f32>| band.iter().map(|d| d * factor).collect();
            exact.iter().map(band).collect()
        };
        let measured = |factor: f32| {
            let (all, zeros) = (times(factor), times(0.0));
            let predict = |cells| Ok(Some(crop_details(level, &all, whole, cells)));
            let shortcut = |cells| Ok(Some(crop_details(level, &zeros, whole, cells)));
            let predicted = PredictedLevel {
                analysis: &analysis,
                level: 0,
                inverse_step: 1e4,
                predict: &predict,
                shortcut: &shortcut,
            };
            predicted.measure_prediction().unwrap()
        };
        assert!(measured(1.0).pays && measured(0.5).pays);
        assert!(!measured(-1.0).pays && !measured(0.0).pays);
        // Half of what it should be: the gain is to be doubled.
        let factor = measured(0.5).gain_factor.unwrap();
        assert!((factor - 2.0).abs() < 0.01, "{factor}");
        assert!(measured(0.0).gain_factor.is_none());
    }
}
