//! Parts of a domain that a frame's record may be about (spec section 4.3).

use crate::base::error::{Error, Result};
use crate::base::grid::Shape;

/// Samples of the shortest axis that a level splits (spec section 6.1).
const SHORTEST_SPLIT: u64 = 8;

/// Planes of a domain along its slowest axis; rows in 2-D.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slab {
    /// The first.
    pub start: u64,
    /// How many, at least 1.
    pub len: u64,
}

impl Slab {
    /// After the last plane.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }

    /// Whether its grid at downscaling level `level` is its part of the domain's: every level up to
    /// there splits the slowest axis, and the slab begins with a cell.
    #[must_use]
    pub fn has_level(&self, level: usize) -> bool {
        let at = |level: usize| 1u64.checked_shl(u32::try_from(level).ok()?);
        let fits = |above: u64, cell: u64| {
            self.len.div_ceil(above) >= SHORTEST_SPLIT && self.start.is_multiple_of(cell)
        };
        match level.checked_sub(1) {
            None => true,
            Some(above) => at(above).zip(at(level)).is_some_and(|(a, c)| fits(a, c)),
        }
    }

    /// The grid of these planes of `domain`.
    ///
    /// # Errors
    /// `InvalidArgument` when there are none or they leave the domain.
    pub fn of(&self, domain: Shape) -> Result<Shape> {
        let mut dims = domain.dims();
        let planes = dims.get_mut(slowest(domain));
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        match planes {
            Some(planes) if len > 0 && self.end() <= *planes as u64 => *planes = len,
            _ => {
                return Err(Error::invalid(format!(
                    "a slab within {domain} expected, {} planes from {} found",
                    self.len, self.start
                )));
            }
        }
        Ok(domain.with_dims(dims))
    }
}

/// The slowest axis of a domain: `y` in 2-D.
#[must_use]
pub fn slowest(domain: Shape) -> usize {
    3 - domain.rank()
}
