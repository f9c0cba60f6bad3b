//! What the HDF5 filter of srt is told by users: its id and its numbers.

use srt::{Bound, Error, Result};

/// The filter's number among those of HDF5: one of the range for testing, until it is registered.
pub const FILTER_ID: i32 = 480;

/// Numbers that a user gives: the bound's kind, its value in two words, the effort (0: the default), whether networks are tried.
pub const COUNT: usize = 5;

/// The number of the first kind of bound, which is 0 in files: 0 is what nobody has set.
const FIRST_KIND: u32 = 1;

/// What a user asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Params {
    /// What is promised of each chunk.
    pub bound: Bound,
    /// From 1 to 9; 0 for the default.
    pub effort: u32,
    /// Whether the built-in networks are tried.
    pub networks: Networks,
}

/// Whether the built-in networks are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Networks {
    /// They are not.
    None,
    /// They are, where they may pay.
    Tried,
}

impl Params {
    /// With the default effort, and networks tried.
    #[must_use]
    pub fn new(bound: Bound) -> Self {
        Self {
            bound,
            effort: 0,
            networks: Networks::Tried,
        }
    }

    /// The numbers.
    #[must_use]
    pub fn words(&self) -> [u32; COUNT] {
        let (kind, value) = self.bound.parts();
        let [low, high] = split(value);
        let networks = match self.networks {
            Networks::None => 0,
            Networks::Tried => 1,
        };
        [
            u32::from(kind) + FIRST_KIND,
            low,
            high,
            self.effort,
            networks,
        ]
    }

    /// From numbers: the last two may be missing.
    ///
    /// # Errors
    /// `InvalidArgument` for other numbers.
    pub fn parse(words: &[u32]) -> Result<Self> {
        let (kind, low, high, effort, networks) = match *words {
            [kind, low, high] => (kind, low, high, 0, 1),
            [kind, low, high, effort] => (kind, low, high, effort, 1),
            [kind, low, high, effort, networks] => (kind, low, high, effort, networks),
            _ => {
                let count = words.len();
                return Err(Error::invalid(format!(
                    "3 to 5 numbers expected, {count} found: see srt h5-params"
                )));
            }
        };
        let value = join(low, high);
        let found = kind.checked_sub(FIRST_KIND).map(u8::try_from);
        let bound = found.and_then(|kind| Bound::from_parts(kind.ok()?, value));
        let bound = bound.ok_or_else(|| {
            Error::invalid(format!(
                "a bound from 1 to 5 expected, {kind} found: see srt h5-params"
            ))
        })?;
        let networks = match networks {
            0 => Networks::None,
            1 => Networks::Tried,
            other => {
                return Err(Error::invalid(format!(
                    "0 or 1 expected for networks, {other} found"
                )));
            }
        };
        if effort > 9 {
            return Err(Error::invalid(format!(
                "an effort up to 9 expected, {effort} found"
            )));
        }
        Ok(Self {
            bound,
            effort,
            networks,
        })
    }
}

/// A value in two words, the low one first.
#[must_use]
pub fn split(value: f64) -> [u32; 2] {
    let bits = value.to_bits();
    [(bits & u64::from(u32::MAX)) as u32, (bits >> 32) as u32]
}

/// The value of two words.
#[must_use]
pub fn join(low: u32, high: u32) -> f64 {
    f64::from_bits(u64::from(low) | u64::from(high) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for bound in [
            Bound::Psnr(60.0),
            Bound::Ssim(0.99),
            Bound::MaxError(1e-3),
            Bound::RelError(1e-5),
            Bound::Ratio(100.0),
        ] {
            let params = Params::new(bound);
            assert_eq!(Params::parse(&params.words()).ok(), Some(params));
            assert_eq!(Params::parse(&params.words()[..3]).ok(), Some(params));
        }
        for wrong in [
            &[][..],
            &[1, 0],
            &[6, 0, 0],
            &[3, 0, 0, 10],
            &[3, 0, 0, 0, 2],
            &[0; 6],
        ] {
            assert!(Params::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
