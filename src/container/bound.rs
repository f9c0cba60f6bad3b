//! What is asked of a frame (spec section 4.3).

use crate::base::real::short_number;

/// The error bound that was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Peak signal-to-noise ratio of at least this many dB.
    Psnr(f64),
    /// SSIM of at least this.
    Ssim(f64),
    /// Absolute error of every voxel at most this, in the field's unit.
    MaxError(f64),
    /// Absolute error of every voxel at most this fraction of the range.
    RelError(f64),
    /// Compression ratio near this.
    Ratio(f64),
}

impl Bound {
    /// Whether it leaves no room for any error: every bit has to come back.
    #[must_use]
    pub fn is_exact(self) -> bool {
        matches!(self, Self::MaxError(0.0) | Self::RelError(0.0))
    }

    /// The number of its kind in files (spec section 4.3), and its value.
    #[must_use]
    pub fn parts(self) -> (u8, f64) {
        match self {
            Self::Psnr(v) => (0, v),
            Self::Ssim(v) => (1, v),
            Self::MaxError(v) => (2, v),
            Self::RelError(v) => (3, v),
            Self::Ratio(v) => (4, v),
        }
    }

    /// From the number of its kind and its value; `None` for a kind that there is not.
    #[must_use]
    pub fn from_parts(kind: u8, value: f64) -> Option<Self> {
        Some(match kind {
            0 => Self::Psnr(value),
            1 => Self::Ssim(value),
            2 => Self::MaxError(value),
            3 => Self::RelError(value),
            4 => Self::Ratio(value),
            _ => return None,
        })
    }

    /// The name of its kind, as the option of programs has it, with underscores: `psnr`, `ssim`, `max_error`, `rel_error`,
    /// `ratio`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Psnr(_) => "psnr",
            Self::Ssim(_) => "ssim",
            Self::MaxError(_) => "max_error",
            Self::RelError(_) => "rel_error",
            Self::Ratio(_) => "ratio",
        }
    }

    /// From the name of its kind and its value; `None` for another name.
    ///
    /// ```
    /// use srt::Bound;
    ///
    /// for kind in 0..5 {
    ///     let bound = Bound::from_parts(kind, 0.5).expect("one of five");
    ///     assert_eq!(Bound::from_name(bound.name(), 0.5), Some(bound));
    ///     assert_eq!(bound.parts(), (kind, 0.5));
    /// }
    /// assert_eq!(Bound::from_name("mse", 0.5), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str, value: f64) -> Option<Self> {
        let mut all = (0..).map_while(|kind| Self::from_parts(kind, value));
        all.find(|bound| bound.name() == name)
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Psnr(v) => write!(f, "PSNR of at least {} dB", short_number(*v)),
            Self::Ssim(v) => write!(f, "SSIM of at least {}", short_number(*v)),
            Self::MaxError(v) => write!(f, "maximum error of {}", short_number(*v)),
            Self::RelError(v) => write!(f, "maximum error of {} of the range", short_number(*v)),
            Self::Ratio(v) => write!(f, "compression ratio of {}", short_number(*v)),
        }
    }
}
