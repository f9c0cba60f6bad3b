//! How errors are spread.

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};

/// Counts of errors in bins of equal width from `-reach` to `reach`.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The outer edge of the last bin, in the field's unit.
    pub reach: f64,
    /// Voxels by bin.
    pub counts: Vec<u64>,
    /// Voxels whose error lies outside, or where a value is not finite.
    pub outside: u64,
}

impl Histogram {
    /// Middle of a bin.
    #[must_use]
    pub fn center(&self, bin: usize) -> f64 {
        self.reach * ((2 * bin + 1) as f64 / self.counts.len() as f64 - 1.0)
    }
}

/// Counts `reconstructed - original` in `bins` bins within `-reach..=reach`.
///
/// # Errors
/// `InvalidArgument` when lengths differ, there is no bin, or `reach` is not above zero.
pub fn error_histogram<A: Element, B: Element>(
    original: &[A],
    reconstructed: &[B],
    reach: f64,
    bins: usize,
) -> Result<Histogram> {
    if original.len() != reconstructed.len() || bins == 0 || !(reach > 0.0 && reach.is_finite()) {
        return Err(Error::invalid(format!(
            "equal fields, a bin and a reach expected, {} and {} voxels, {bins} bins and {reach} found",
            original.len(),
            reconstructed.len()
        )));
    }
    let mut histogram = Histogram {
        reach,
        counts: vec![0; bins],
        outside: 0,
    };
    for (a, b) in original.iter().zip(reconstructed) {
        let error = b.to_f64() - a.to_f64();
        if error.abs() <= reach {
            let bin = ((error / reach + 1.0) * 0.5 * bins as f64) as usize;
            histogram.counts[bin.min(bins - 1)] += 1;
        } else {
            histogram.outside += 1;
        }
    }
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_voxel_is_counted_once() {
        let a = [0.0f32; 7];
        let b = [-1.0, -0.9, 0.0, 0.1, 1.0, 1.1, f64::NAN];
        let h = error_histogram(&a, &b, 1.0, 4).unwrap();
        assert_eq!((h.counts.as_slice(), h.outside), (&[2, 0, 2, 1][..], 2));
        assert_eq!((h.center(0), h.center(3)), (-0.75, 0.75));
        for (b, reach, bins) in [(&b[1..], 1.0, 4), (&b[..], 0.0, 4), (&b[..], 1.0, 0)] {
            assert!(error_histogram(&a, b, reach, bins).is_err());
        }
    }
}
