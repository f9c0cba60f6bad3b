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

    pub(super) fn parts(self) -> (u8, f64) {
        match self {
            Self::Psnr(v) => (0, v),
            Self::Ssim(v) => (1, v),
            Self::MaxError(v) => (2, v),
            Self::RelError(v) => (3, v),
            Self::Ratio(v) => (4, v),
        }
    }

    pub(super) fn from_parts(kind: u8, value: f64) -> Option<Self> {
        Some(match kind {
            0 => Self::Psnr(value),
            1 => Self::Ssim(value),
            2 => Self::MaxError(value),
            3 => Self::RelError(value),
            4 => Self::Ratio(value),
            _ => return None,
        })
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
