//! Count, range, mean and spread of many values, run by run.

use crate::base::dtype::Element;

/// Folds `values` in eight interleaved lanes, then the lanes in order: a fixed order that vectorises.
fn lanes(values: &[f64], start: f64, f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [start; 8];
    let mut eights = values.chunks_exact(lanes.len());
    for eight in &mut eights {
        for (lane, &v) in lanes.iter_mut().zip(eight) {
            *lane = f(*lane, v);
        }
    }
    for (lane, &v) in lanes.iter_mut().zip(eights.remainder()) {
        *lane = f(*lane, v);
    }
    lanes.into_iter().fold(start, f)
}

/// Count, extremes, mean and standard deviation, computed so that no square overflows.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// Number of values.
    pub count: f64,
    /// Smallest; infinite when there are none.
    pub min: f64,
    /// Largest; infinite when there are none.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub spread: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            mean: 0.0,
            spread: 0.0,
        }
    }
}

impl Moments {
    /// Of the values that are `ordinary`; of all where that is missing.
    #[must_use]
    pub fn of<E: Element>(run: &[E], ordinary: Option<&[bool]>) -> Self {
        let mut values: Vec<f64> = run.iter().map(|v| v.to_f64()).collect();
        if let Some(ordinary) = ordinary {
            let mut keep = ordinary.iter();
            values.retain(|_| *keep.next().unwrap_or(&false));
        }
        let (min, max) = (
            lanes(&values, f64::INFINITY, f64::min),
            lanes(&values, f64::NEG_INFINITY, f64::max),
        );
        if values.is_empty() {
            return Self::default();
        }
        let count = values.len() as f64;
        // Half the range bounds every deviation from the middle; dividing by it keeps sums and squares
        // finite and normal.
        let (unit, middle) = (max / 2.0 - min / 2.0, max / 2.0 + min / 2.0);
        if unit <= 0.0 {
            return Self {
                count,
                min,
                max,
                mean: min,
                spread: 0.0,
            };
        }
        for v in &mut values {
            *v = (*v - middle) / unit;
        }
        let sum = |values: &[f64]| lanes(values, 0.0, |a, b| a + b);
        let mean = sum(&values) / count;
        for v in &mut values {
            *v = (*v - mean) * (*v - mean);
        }
        Self {
            count,
            min,
            max,
            mean: middle + mean * unit,
            spread: (sum(&values) / count).sqrt() * unit,
        }
    }

    /// Of the values of both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        if self.count == 0.0 || other.count == 0.0 {
            return if self.count == 0.0 { other } else { self };
        }
        let count = self.count + other.count;
        let share = other.count / count;
        let mean = self.mean * (1.0 - share) + other.mean * share;
        // Root of the pooled mean square; halves, because a difference of means may pass the largest
        // number.
        let part =
            |m: &Self| (m.spread / 2.0).hypot(m.mean / 2.0 - mean / 2.0) * (m.count / count).sqrt();
        let spread = part(&self).hypot(part(&other)) * 2.0;
        Self {
            count,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            mean,
            spread,
        }
    }
}
