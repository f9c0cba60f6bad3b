//! Gains: what the frame multiplies a network's output with (spec networks 5). They start at the root mean square of a
//! level's details, which networks are trained for, and each pass of the encoder fits them for the next one: inputs that
//! were quantised coarsely, and fields of another kind than those of the training, want less of a network or more.

use crate::frame::networks::Networks;
use crate::network::Head;
use crate::recon::Predictor;
use crate::transform::{Plan, Wavelet};

/// A pass changes a gain by this factor at most.
const LARGEST_CHANGE: f64 = 8.0;
/// Changes below this fraction are left undone: the quality shall depend on the step alone in the end.
const LEAST_CHANGE: f64 = 0.02;
/// Changes below this fraction hardly change the quality.
const SETTLED: f64 = 0.1;

/// The gain of each level's network that a search starts from, finest first; 0 where there is none. `detail_rms` is the root
/// mean square of a level's details.
pub(crate) fn initial(
    networks: &Networks,
    wavelet: Wavelet,
    plan: &Plan,
    detail_rms: impl Fn(usize) -> f64,
) -> Vec<f32> {
    let probe = Predictor::new(networks, wavelet, plan, Vec::new(), 1.0);
    let rank = plan.shape().grid_rank();
    let gain = |level: usize| match probe.network(level).map(|network| network.arch().head) {
        None => 0.0,
        Some(Head::Subbands) => detail_rms(level) as f32,
        // The field of a level: `unit` of the level below it.
        Some(Head::VoxelShuffle) => 2f64.powf((rank * level) as f64 / 2.0) as f32,
    };
    (0..plan.levels().len()).map(gain).collect()
}

/// Multiplies every gain with the factor that was found for its level, where there is one.
pub(crate) fn refit(gains: &mut [f32], factors: &[Option<f64>]) {
    for (gain, factor) in gains.iter_mut().zip(factors) {
        let Some(factor) = factor.filter(|f| (f - 1.0).abs() >= LEAST_CHANGE) else {
            continue;
        };
        let fitted = (f64::from(*gain) * factor) as f32;
        if fitted.is_normal() {
            *gain = fitted;
        }
    }
}

/// Whether a change by this factor hardly matters.
pub(crate) fn is_settled(factor: f64) -> bool {
    (factor - 1.0).abs() < SETTLED
}

/// Coefficients of a level that tell how much more of a network's output there should be, in steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct GainFit {
    /// What is left of each, and what the network without its shortcut gave.
    seen: Vec<(f32, f32)>,
}

/// Rounds of the fit at most; it ends where a round changes less than [`LEAST_CHANGE`].
const ROUNDS: usize = 12;

impl GainFit {
    /// A coefficient: what is left of it and what the network without its shortcut gave, in steps.
    pub(crate) fn add(&mut self, residual: f64, output: f64) {
        self.seen.push((residual as f32, output as f32));
    }

    /// Both together.
    pub(crate) fn join(mut self, mut other: Self) -> Self {
        self.seen.append(&mut other.seen);
        self
    }

    /// What the gain should be multiplied with; `None` where the network gave nothing. Iteratively reweighted least squares
    /// towards the least `sum of log(1 + (residual / step)^2)`, which is what residuals cost.
    pub(crate) fn factor(&self) -> Option<f64> {
        let mut factor = 1.0;
        for _ in 0..ROUNDS {
            let (mut product, mut square) = (0.0, 0.0);
            for &(residual, output) in &self.seen {
                let output = f64::from(output);
                let residual = f64::from(residual) - (factor - 1.0) * output;
                let weight = output / (1.0 + residual * residual);
                product += weight * residual;
                square += weight * output;
            }
            let change = product / square;
            if !change.is_finite() {
                return None;
            }
            factor = (factor + change).clamp(1.0 / LARGEST_CHANGE, LARGEST_CHANGE);
            if change.abs() < LEAST_CHANGE * factor {
                break;
            }
        }
        Some(factor)
    }

    /// What residuals would cost with the gain multiplied with `factor`, and what they cost as they are, in bits.
    pub(crate) fn bits(&self, factor: f64, bits: impl Fn(f64) -> f64) -> (f64, f64) {
        let cost = |factor: f64| {
            let left = |&(residual, output): &(f32, f32)| {
                bits(f64::from(residual) - (factor - 1.0) * f64::from(output))
            };
            self.seen.iter().map(left).sum::<f64>()
        };
        (cost(factor), cost(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fit_finds_the_factor() {
        let output = |i: u32| f64::from(i % 17) - 8.0;
        let fit = |gain: f64| {
            let mut fit = GainFit::default();
            for i in 0..1000 {
                let noise = f64::from(i * 7919 % 101) / 101.0 - 0.5;
                fit.add((1.7 - gain) * output(i) + noise, gain * output(i));
            }
            fit
        };
        let fit_at = |gain: f64| gain * fit(gain).factor().unwrap();
        let mut gain = 1.0;
        for _ in 0..6 {
            gain = fit_at(gain);
        }
        assert!((gain - 1.7).abs() < 0.02, "{gain}");
        assert_eq!(GainFit::default().factor(), None);
        // From far off in one go.
        let factor = fit(0.5).factor().unwrap();
        assert!((0.5 * factor - 1.7).abs() < 0.05, "{factor}");
    }

    #[test]
    fn opposite_output_is_turned_down() {
        let mut fit = GainFit::default();
        fit.add(-9.0, 1.0);
        assert_eq!(fit.factor(), Some(0.125));
    }

    #[test]
    fn small_changes_are_left_undone() {
        let mut gains = [1.0, 1.0, 2.0, 0.0, f32::MIN_POSITIVE];
        refit(
            &mut gains,
            &[Some(1.5), Some(1.01), None, Some(2.0), Some(0.25)],
        );
        assert_eq!(gains, [1.5, 1.0, 2.0, 0.0, f32::MIN_POSITIVE]);
    }
}
