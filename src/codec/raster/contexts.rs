//! Contexts of a difference: how large those of its neighbours are, and which signs they have (codec `raster`, section 4).

/// Bins of the mean magnitude of the neighbours.
pub(super) const BINS: usize = 44;
/// Cells below this are unary; the rest is an escape.
pub(super) const UNARY: usize = 16;
/// Exponents of escapes; one more is a value that is stored as it is.
pub(super) const EXPONENTS: usize = 24;
/// Sign contexts: three neighbours, three states each.
pub(super) const SIGNS: usize = 27;
/// From this bin on cells hold several magnitudes: twice as many every two bins and a half, as the mean grows.
const FIRST_WIDE_BIN: usize = 13;
/// Energies below this have their bin in a table.
const NEAR: usize = 1 << 10;

/// The neighbours that a context looks at, and their weights in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Neighbourhood {
    /// In a plane: 15.
    Flat,
    /// With the plane before: 27.
    Deep,
}

/// The bins of energies, which are weighted sums of magnitudes.
pub(super) struct Bins {
    near: [u8; NEAR],
    /// Least energy of each bin.
    starts: [u32; BINS],
    /// 1 by all weights.
    share: f32,
}

static PLANE: Bins = Bins::new(5);
static VOLUME: Bins = Bins::new(9);

impl Bins {
    /// Those of a kind of neighbourhood.
    pub(super) fn of(neighbourhood: Neighbourhood) -> &'static Self {
        match neighbourhood {
            Neighbourhood::Flat => &PLANE,
            Neighbourhood::Deep => &VOLUME,
        }
    }

    /// `floor(2.5 log2(1 + 6 m))` of the mean `m = energy / 3 third` in integers: bin `b` starts where
    /// `(third + 2 energy)^5 >= third^5 4^b`.
    const fn new(third: u128) -> Self {
        let mut starts = [0; BINS];
        let mut near = [0; NEAR];
        let least = third * third * third * third * third;
        let mut energy: u128 = 0;
        let mut bin = 1;
        while bin < BINS {
            // The start is found bit by bit from above.
            let mut bit = 1 << 24;
            energy = 0;
            while bit > 0 {
                let m = third + 2 * (energy + bit - 1);
                if m * m * m * m * m < least << (2 * bin) {
                    energy += bit;
                }
                bit >>= 1;
            }
            starts[bin] = energy as u32;
            bin += 1;
        }
        let mut n = 0;
        bin = 0;
        while n < NEAR {
            while bin + 1 < BINS && n as u32 >= starts[bin + 1] {
                bin += 1;
            }
            near[n] = bin as u8;
            n += 1;
        }
        let _ = energy;
        let share = 1.0 / (3 * third) as f32;
        Self {
            near,
            starts,
            share,
        }
    }

    /// The bin of an energy.
    #[inline(always)]
    pub(super) fn bin(&self, energy: u32) -> usize {
        match self.near.get(energy as usize) {
            Some(&bin) => bin.into(),
            None => self.far(energy),
        }
    }

    /// The mean magnitude of the neighbours with that energy.
    #[inline(always)]
    pub(super) fn mean(&self, energy: f32) -> f32 {
        energy * self.share
    }

    #[cold]
    fn far(&self, energy: u32) -> usize {
        self.starts.partition_point(|&start| start <= energy) - 1
    }
}

/// Bits of a magnitude that are not modelled in this bin: within a cell, whose width stays below the mean of the neighbours,
/// magnitudes are about equally frequent.
#[inline(always)]
pub(super) const fn raw_bits(bin: usize) -> u32 {
    match bin {
        0..FIRST_WIDE_BIN => 0,
        _ => (2 * bin as u32 - 21) / 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_logarithms_of_the_mean() {
        for (neighbourhood, all) in [(Neighbourhood::Flat, 15), (Neighbourhood::Deep, 27)] {
            let bins = Bins::of(neighbourhood);
            let largest = all * i16::MAX as u32;
            for energy in (0..3000).chain((0..=largest).step_by(997)) {
                let exact = 2.5 * (1.0 + 6.0 * f64::from(energy) / f64::from(all)).log2();
                let bin = bins.bin(energy) as f64;
                assert!(bin <= exact + 1e-9 && exact < bin + 1.0 + 1e-9, "{energy}");
            }
            assert_eq!(bins.bin(largest), BINS - 1);
        }
        assert_eq!(
            (12..20).map(raw_bits).collect::<Vec<_>>(),
            [0, 1, 1, 1, 2, 2, 3, 3]
        );
    }
}
