//! How the low-pass of a level continues beyond its grid.

use crate::transform::lift::Wavelet;
use crate::transform::plan::LevelPlan;

/// How one axis of a low-pass continues beyond the domain (spec networks 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// Reflected at the start, symmetric at the end: the fine axis has even length.
    Even,
    /// Reflected at both ends: the fine axis has odd length.
    Odd,
    /// Repeated: a periodic axis.
    Periodic,
    /// Symmetric at both ends: Haar.
    Half,
}

impl Extension {
    /// The index in `0..n` whose value stands at `t`.
    #[must_use]
    pub fn index(self, t: isize, n: usize) -> usize {
        let (period, mirror) = match self {
            Self::Even => (2 * n - 1, 2 * n - 1),
            Self::Odd => ((2 * n - 2).max(1), 2 * n - 2),
            Self::Periodic => (n, n),
            Self::Half => (2 * n, 2 * n - 1),
        };
        let m = t.rem_euclid(period as isize) as usize;
        if m < n { m } else { mirror - m }
    }
}

impl LevelPlan {
    /// How each axis of the coarse grid continues, given the symmetry of the transform.
    #[must_use]
    pub fn extension(&self, wavelet: Wavelet) -> [Extension; 3] {
        std::array::from_fn(|axis| {
            if self.periodic.contains(axis) {
                return Extension::Periodic;
            }
            match (wavelet, self.fine.dims()[axis] % 2) {
                (Wavelet::Haar, _) => Extension::Half,
                (Wavelet::Cdf97, 0) => Extension::Even,
                (Wavelet::Cdf97, _) => Extension::Odd,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extended(extension: Extension, n: usize) -> Vec<usize> {
        (-4..n as isize + 4)
            .map(|t| extension.index(t, n))
            .collect()
    }

    #[test]
    fn extensions_match_the_symmetry_of_the_transform() {
        assert_eq!(
            extended(Extension::Even, 3),
            [1, 2, 2, 1, 0, 1, 2, 2, 1, 0, 1]
        );
        assert_eq!(
            extended(Extension::Odd, 3),
            [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
        );
        assert_eq!(
            extended(Extension::Periodic, 3),
            [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
        );
        assert_eq!(
            extended(Extension::Half, 3),
            [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]
        );
        for extension in [
            Extension::Even,
            Extension::Odd,
            Extension::Periodic,
            Extension::Half,
        ] {
            assert_eq!(extended(extension, 1), [0; 9], "{extension:?}");
        }
    }
}
