//! How large the coefficients of a field are: what a quantisation step does to it, before anything is quantised.
//!
//! One look at every coefficient costs a tenth of quantising it, and serves any number of steps.

use crate::base::real::Real;

/// Bits of a binary32 that are dropped: 16 classes to an octave are left.
const DROPPED: u32 = 19;
/// Classes from 2^-64 to 2^64: the field has unit variance, and a low-pass of 15 levels is 2^22 times larger.
const FIRST: u32 = (127 - 64) << 4;
const CLASSES: usize = 128 << 4;

/// Where a magnitude becomes an integer at least, in steps: below this the quantiser never looks, and a lonely coefficient
/// must be worth its bits.
const ZERO_BELOW: (f64, f64) = (0.62, 0.95);
/// Price of a bit in steps, as it raises that bound: half the Lagrangian's lambda.
const BIT: f64 = 0.03;
/// Bits of a coefficient's sign and first magnitude for each bit that its rarity tells. Fitted on turbulence and mixing
/// layers (128^3, 1024^2) at 30 to 80 dB; it only saves passes.
const RARITY: f64 = 1.3;
/// A fraction from which magnitudes above the first are rounded up, on average.
const ROUND_UP_FROM: f64 = 0.6;

/// Bits of a sign and of the place of a magnitude within its octave.
const MAGNITUDE_BITS: f64 = 1.5;
/// What is left of a length when neighbours tell of each other, about.
const CONTEXTS: f64 = 0.85;

/// From so many steps on a class is as wide as a step or nearly, and its coefficients lie evenly between two integers ..
const SPREAD_FROM: f64 = 8.0;
/// .. which leaves this, in squared steps.
const SPREAD_ERROR: f64 = 1.0 / 12.0 + (ROUND_UP_FROM - 0.5) * (ROUND_UP_FROM - 0.5);

/// MagnitudeCounts of coefficients, counted in classes of 1/16 octave.
#[derive(Clone, Debug)]
pub(crate) struct MagnitudeCounts {
    counts: Vec<u64>,
}

impl Default for MagnitudeCounts {
    fn default() -> Self {
        Self {
            counts: vec![0; CLASSES],
        }
    }
}

impl MagnitudeCounts {
    /// Counts some more.
    pub(crate) fn add<T: Real>(&mut self, values: &[T]) {
        for value in values {
            let class = value.to_f32().abs().to_bits() >> DROPPED;
            let class = class.saturating_sub(FIRST) as usize;
            self.counts[class.min(CLASSES - 1)] += 1;
        }
    }

    /// Both together.
    pub(crate) fn join(mut self, other: &Self) -> Self {
        for (count, other) in self.counts.iter_mut().zip(&other.counts) {
            *count += other;
        }
        self
    }

    /// The middle of every class that has some, and how many.
    fn classes(&self) -> impl Iterator<Item = (f64, f64)> {
        let middle = |class: usize| {
            let bits = ((class as u32 + FIRST) << DROPPED) + (1 << (DROPPED - 1));
            f64::from(f32::from_bits(bits))
        };
        let counted = self.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        counted.map(move |(class, &n)| (middle(class), n as f64))
    }

    /// Share of them that are at least so large.
    pub(crate) fn share_from(&self, least: f64) -> f64 {
        let (mut above, mut all) = (0.0, 0.0);
        for (magnitude, n) in self.classes() {
            all += n;
            if magnitude >= least {
                above += n;
            }
        }
        if all > 0.0 { above / all } else { 0.0 }
    }

    /// The bits that they take, quantised with this step, about: which are zero, signs, and magnitudes.
    pub(crate) fn bits(&self, step: f64) -> f64 {
        let share = self.share_from(ZERO_BELOW.0 * step);
        let (zero, other) = (-(1.0 - share).log2(), -share.log2());
        let bits = |(magnitude, n): (f64, f64)| {
            let steps = magnitude / step;
            if steps < ZERO_BELOW.0 {
                n * zero
            } else {
                n * (other + MAGNITUDE_BITS + steps.max(1.0).log2())
            }
        };
        CONTEXTS * self.classes().map(bits).sum::<f64>()
    }

    /// The squared error that a quantiser with this step leaves, about.
    pub(crate) fn squared_error(&self, step: f64) -> f64 {
        let share = self.share_from(ZERO_BELOW.0 * step);
        let bits = 1.0 - RARITY * share.max(f64::MIN_POSITIVE).log2();
        let zero_below = (0.5 + BIT * bits).clamp(ZERO_BELOW.0, ZERO_BELOW.1);
        let error = |(magnitude, n): (f64, f64)| {
            let steps = magnitude / step;
            if steps >= SPREAD_FROM {
                return n * SPREAD_ERROR;
            }
            let left = if steps < zero_below {
                steps
            } else {
                steps - (steps + 1.0 - ROUND_UP_FROM).floor().max(1.0)
            };
            n * left * left
        };
        self.classes().map(error).sum::<f64>() * step * step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(n: usize) -> MagnitudeCounts {
        let mut magnitudes = MagnitudeCounts::default();
        let values: Vec<f64> = (0..n)
            .map(|i| i as f64 / n as f64 * 200.0 - 100.0)
            .collect();
        magnitudes.add(&values);
        magnitudes
    }

    #[test]
    fn fine_steps_leave_the_error_of_rounding() {
        let n = 100_000;
        for step in [1.0, 0.3] {
            let error = uniform(n).squared_error(step) / n as f64 / (step * step);
            // A twelfth, and a little for what is rounded down to save bits.
            assert!((0.08..0.11).contains(&error), "{step}: {error}");
        }
    }

    #[test]
    fn a_step_above_all_leaves_their_energy() {
        let mut magnitudes = MagnitudeCounts::default();
        magnitudes.add(&[3f32, -4.0, 0.0]);
        let error = magnitudes.squared_error(1e4);
        assert!((error / 25.0 - 1.0).abs() < 0.07, "{error}");
        assert_eq!(MagnitudeCounts::default().squared_error(1.0), 0.0);
    }

    #[test]
    fn bits_are_those_of_the_numbers() {
        let (n, step) = (100_000, 0.1);
        // Integers from -1000 to 1000, all alike.
        let each = uniform(n).bits(step) / n as f64;
        assert!((2001f64.log2() * CONTEXTS - each).abs() < 1.0, "{each}");
        assert_eq!(uniform(n).bits(1e6), 0.0);
        assert_eq!(MagnitudeCounts::default().bits(1.0), 0.0);
    }

    #[test]
    fn errors_grow_with_the_step() {
        let magnitudes = uniform(1000);
        let errors: Vec<f64> = (-20..20)
            .map(|i| magnitudes.squared_error(f64::from(i).exp2()))
            .collect();
        assert!(errors.is_sorted(), "{errors:?}");
    }

    #[test]
    fn shares_and_sums_are_of_all() {
        let mut a = MagnitudeCounts::default();
        a.add(&[1f32, 2.0, -8.0]);
        let mut b = MagnitudeCounts::default();
        b.add(&[0f64, -1e300, f64::MIN_POSITIVE]);
        assert_eq!(a.share_from(1.5), 2.0 / 3.0);
        assert_eq!(a.join(&b).share_from(1.5), 0.5);
        assert_eq!(MagnitudeCounts::default().share_from(1.0), 0.0);
    }
}
