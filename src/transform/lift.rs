//! Lifting along one axis of length `n`, many lines ("lanes") at a time.

use crate::base::error::{Error, Result};
use crate::base::real::Real;

/// The filter pair of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wavelet {
    /// Cohen-Daubechies-Feauveau 9/7, the default profile.
    Cdf97,
    /// Haar: the low-pass is mean pooling (times sqrt 2), the paper's downscaling.
    Haar,
}

/// Lifting coefficients of CDF 9/7 (Daubechies and Sweldens 1998).
const CDF97: [f64; 4] = [
    -1.586_134_342_059_924,
    -0.052_980_118_572_961,
    0.882_911_075_530_934,
    0.443_506_852_043_971,
];
/// Low-pass gain that makes the 9/7 pair orthonormal in scale: DC gain sqrt 2.
const CDF97_GAIN: f64 = 1.149_604_398_860_241;

impl Wavelet {
    /// Number stored in a file.
    #[must_use]
    pub fn to_u8(self) -> u8 {
        match self {
            Self::Cdf97 => 0,
            Self::Haar => 1,
        }
    }

    /// From the number stored in a file.
    #[must_use]
    pub fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Cdf97),
            1 => Some(Self::Haar),
            _ => None,
        }
    }

    /// By name: `cdf97` or `haar`.
    ///
    /// # Errors
    /// `InvalidArgument` for another name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "cdf97" => Ok(Self::Cdf97),
            "haar" => Ok(Self::Haar),
            _ => Err(Error::invalid(format!(
                "filter pair cdf97 or haar expected, {name:?} found"
            ))),
        }
    }

    /// Lifting coefficients in the order of the analysis; `None` for Haar, which needs none.
    #[must_use]
    pub fn lifting(self) -> Option<[f64; 4]> {
        match self {
            Self::Cdf97 => Some(CDF97),
            Self::Haar => None,
        }
    }

    /// Factors that bring lifted subbands with 0, 1, 2, 3 high-pass axes among `axes` split ones to orthonormal scale; 1
    /// beyond `axes`.
    #[must_use]
    pub fn analysis_scales(self, axes: usize) -> [f64; 4] {
        std::array::from_fn(|high| match axes.checked_sub(high) {
            Some(low) => self.analysis_scale(low, high),
            None => 1.0,
        })
    }

    /// Factors that bring subbands with 0, 1, 2, 3 high-pass axes among `axes` split ones from
    /// orthonormal scale to that of lifting; 1 beyond `axes`.
    #[must_use]
    pub fn synthesis_scales(self, axes: usize) -> [f64; 4] {
        std::array::from_fn(|high| match axes.checked_sub(high) {
            Some(low) => self.synthesis_scale(low, high),
            None => 1.0,
        })
    }

    /// Factor of one axis: low-pass samples are multiplied by it, high-pass samples divided.
    fn gain(self) -> f64 {
        match self {
            Self::Cdf97 => CDF97_GAIN,
            Self::Haar => std::f64::consts::SQRT_2,
        }
    }

    /// Factor that brings lifted samples of a subband with `low` low-pass and `high` high-pass axes
    /// to orthonormal scale: `gain^(low - high)`, computed in binary64 and rounded once.
    pub(super) fn analysis_scale<T: Real>(self, low: usize, high: usize) -> T {
        T::from_f64(power(self.gain(), low, high))
    }

    /// Factor that undoes [`Wavelet::analysis_scale`].
    pub(super) fn synthesis_scale<T: Real>(self, low: usize, high: usize) -> T {
        T::from_f64(power(self.gain(), high, low))
    }
}

/// `gain^(times - over)` by one multiplication or division at a time, in that order.
fn power(gain: f64, times: usize, over: usize) -> f64 {
    let up = (0..times).fold(1.0, |p, _| p * gain);
    (0..over).fold(up, |p, _| p / gain)
}

/// Where the neighbours of the first and last sample come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// Whole-sample symmetry of the signal about its ends.
    Symmetric,
    /// The signal repeats; only for even lengths.
    Periodic,
}

/// Lifts `low` (even samples) and `high` (odd samples) in place; row `i` of each is
/// `[i * lanes..][..lanes]`. Low has as many rows as high, or one more.
pub(super) fn analyse<T: Real>(w: Wavelet, e: Edge, low: &mut [T], high: &mut [T], lanes: usize) {
    match w {
        Wavelet::Cdf97 => {
            for pair in CDF97.map(T::from_f64).chunks_exact(2) {
                update_high(e, low, high, lanes, |h, a, b| *h += pair[0] * (a + b));
                update_low(e, low, high, lanes, |l, a, b| *l += pair[1] * (a + b));
            }
        }
        Wavelet::Haar => {
            let half = T::from_f64(0.5);
            pair_up(low, high, |l, h| {
                *h -= *l;
                *l += half * *h;
            });
        }
    }
}

/// Undoes [`analyse`], up to rounding.
pub(super) fn synthesise<T: Real>(
    w: Wavelet,
    e: Edge,
    low: &mut [T],
    high: &mut [T],
    lanes: usize,
) {
    match w {
        Wavelet::Cdf97 => {
            for pair in CDF97.map(T::from_f64).chunks_exact(2).rev() {
                update_low(e, low, high, lanes, |l, a, b| *l -= pair[1] * (a + b));
                update_high(e, low, high, lanes, |h, a, b| *h -= pair[0] * (a + b));
            }
        }
        Wavelet::Haar => {
            let half = T::from_f64(0.5);
            pair_up(low, high, |l, h| {
                *l -= half * *h;
                *h += *l;
            });
        }
    }
}

fn pair_up<T: Real>(low: &mut [T], high: &mut [T], f: impl Fn(&mut T, &mut T)) {
    for (l, h) in low.iter_mut().zip(high) {
        f(l, h);
    }
}

/// `f(high[i], low[i], low[i + 1])` for every high sample.
#[inline(always)]
fn update_high<T: Real>(
    e: Edge,
    low: &[T],
    high: &mut [T],
    lanes: usize,
    f: impl Fn(&mut T, T, T),
) {
    let rows = low.len() / lanes;
    for (i, high) in high.chunks_exact_mut(lanes).enumerate() {
        let next = match (i + 1 < rows, e) {
            (true, _) => i + 1,
            (false, Edge::Symmetric) => i,
            (false, Edge::Periodic) => 0,
        };
        let a = &low[i * lanes..][..lanes];
        let b = &low[next * lanes..][..lanes];
        for ((h, &a), &b) in high.iter_mut().zip(a).zip(b) {
            f(h, a, b);
        }
    }
}

/// `f(low[i], high[i - 1], high[i])` for every low sample.
#[inline(always)]
fn update_low<T: Real>(e: Edge, low: &mut [T], high: &[T], lanes: usize, f: impl Fn(&mut T, T, T)) {
    let rows = high.len() / lanes;
    for (i, low) in low.chunks_exact_mut(lanes).enumerate() {
        let (before, after) = match (i, e) {
            (0, Edge::Symmetric) => (0, 0),
            (0, Edge::Periodic) => (rows - 1, 0),
            _ => (i - 1, i.min(rows - 1)),
        };
        let a = &high[before * lanes..][..lanes];
        let b = &high[after * lanes..][..lanes];
        for ((l, &a), &b) in low.iter_mut().zip(a).zip(b) {
            f(l, a, b);
        }
    }
}

/// [`analyse`] for one contiguous line: neighbours are next to each other in memory, so the loops
/// vectorise along the line instead of across lanes.
pub(super) fn analyse_line<T: Real>(w: Wavelet, e: Edge, low: &mut [T], high: &mut [T]) {
    match w {
        Wavelet::Cdf97 => {
            for pair in CDF97.map(T::from_f64).chunks_exact(2) {
                line_high(e, low, high, |h, a, b| *h += pair[0] * (a + b));
                line_low(e, low, high, |l, a, b| *l += pair[1] * (a + b));
            }
        }
        Wavelet::Haar => analyse(w, e, low, high, 1),
    }
}

/// [`synthesise`] for one contiguous line.
pub(super) fn synthesise_line<T: Real>(w: Wavelet, e: Edge, low: &mut [T], high: &mut [T]) {
    match w {
        Wavelet::Cdf97 => {
            for pair in CDF97.map(T::from_f64).chunks_exact(2).rev() {
                line_low(e, low, high, |l, a, b| *l -= pair[1] * (a + b));
                line_high(e, low, high, |h, a, b| *h -= pair[0] * (a + b));
            }
        }
        Wavelet::Haar => synthesise(w, e, low, high, 1),
    }
}

#[inline(always)]
fn line_high<T: Real>(e: Edge, low: &[T], high: &mut [T], f: impl Fn(&mut T, T, T)) {
    let n = high.len();
    let inner = n.min(low.len() - 1);
    for ((h, &a), &b) in high[..inner].iter_mut().zip(low).zip(&low[1..]) {
        f(h, a, b);
    }
    if inner < n {
        let next = match e {
            Edge::Symmetric => low[n - 1],
            Edge::Periodic => low[0],
        };
        f(&mut high[n - 1], low[n - 1], next);
    }
}

#[inline(always)]
fn line_low<T: Real>(e: Edge, low: &mut [T], high: &[T], f: impl Fn(&mut T, T, T)) {
    let n = high.len();
    let before = match e {
        Edge::Symmetric => high[0],
        Edge::Periodic => high[n - 1],
    };
    f(&mut low[0], before, high[0]);
    for ((l, &a), &b) in low[1..n].iter_mut().zip(high).zip(&high[1..]) {
        f(l, a, b);
    }
    if low.len() > n {
        f(&mut low[n], high[n - 1], high[n - 1]);
    }
}
