//! What encoding a field of the wavelet form takes in memory, as far as that can be told before it is coded.

use crate::base::error::Result;
use crate::base::grid::{Axes, Shape};
use crate::options::Resources;

/// Copies of a field in working precision, about, that encoding it in memory takes.
const HELD_COPIES: usize = 5;
/// The same of profile `paper`: the field at all its levels, its representative volume, and what comes of that.
const POOLED_COPIES: usize = 7;
/// Bytes, about, of the tiles that networks work on, and where many are worked on at once.
const TILES: u64 = 8 << 20;
const MANY_TILES: u64 = 64 << 20;
/// Cells of a slab across its slowest axis where slabs are thinnest, with those that neighbours share.
const SLAB: usize = 12;

/// A field to be encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldMemory {
    pub(super) shape: Shape,
    /// Bytes of a value in working precision.
    pub(super) value_bytes: usize,
    pub(super) brick_edge: usize,
    pub(super) periodic: Axes,
    pub(super) has_networks: bool,
}

impl FieldMemory {
    /// Bytes, about, when all of it is held.
    pub(super) fn held(self) -> u64 {
        let tiles = if self.has_networks { MANY_TILES } else { 0 };
        (self.shape.len() * self.value_bytes * HELD_COPIES) as u64 + tiles
    }

    /// Whether all of it may be held within a limit.
    pub(super) fn fits(self, limit: Option<u64>) -> bool {
        limit.is_none_or(|limit| self.held() <= limit)
    }

    /// Whether the bands of the two frames that it may be predicted from, and its own, have room beside it within a limit.
    pub(super) fn fits_with_past(self, limit: Option<u64>) -> bool {
        limit.is_none_or(|limit| 2 * self.held() <= limit)
    }

    /// Bytes, about, when its finest level is not held, and what is coded neither: the coarser levels, as they are and decoded; the details of a layer, which is
    /// a brick thick when the field is decoded again; and the thinnest slab of that. A periodic axis is not cut. Networks
    /// take coarser levels as they are decoded, and predicted, too.
    fn streamed(self) -> u64 {
        let coarse = self.shape.dims().map(|extent| extent.div_ceil(2));
        let axis = coarse.iter().position(|&extent| extent > 1).unwrap_or(0);
        let cells: usize = coarse.iter().product();
        let plane = cells / coarse[axis];
        let values = self.shape.len().div_ceil(cells);
        let (layer, slab) = if self.periodic.contains(axis) {
            (coarse[axis], coarse[axis])
        } else {
            let thickness = (self.brick_edge / 2).min(coarse[axis]);
            (thickness, 2 * SLAB.min(coarse[axis]))
        };
        let layers = plane * values * (layer * 6 / 5 + slab);
        let (predicted, tiles) = if self.has_networks {
            (5 * cells, TILES)
        } else {
            (0, 0)
        };
        ((cells * 9 / 4 + predicted + layers) * self.value_bytes) as u64 + tiles
    }

    /// Refuses a field whose finest level is not held, and needs more than it may.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn check_streamed(self, resources: &Resources) -> Result<()> {
        let without = Self {
            has_networks: false,
            ..self
        };
        let instead = if resources.check_memory(without.streamed(), "", None).is_ok() {
            "no networks"
        } else if self.periodic == Axes::NONE {
            "smaller bricks"
        } else {
            "no periodic axis"
        };
        let why = "layers of bricks";
        resources.check_memory(self.streamed(), why, Some(instead))
    }

    /// Refuses a field that is held, and needs more than it may.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn check_held(self, resources: &Resources) -> Result<()> {
        let why = "a field that is held, for it has masked values, a bound on the SSIM or planes that are joined";
        resources.check_memory(self.held(), why, Some("the field in parts"))
    }
}

/// Refuses a field of profile `paper` that needs more than it may.
///
/// # Errors
/// `LimitExceeded`.
pub(crate) fn check_pooled(shape: Shape, value_bytes: usize, resources: &Resources) -> Result<()> {
    let needed = (shape.len() * value_bytes * POOLED_COPIES) as u64;
    let why = "a field that is held, as all of profile paper are";
    resources.check_memory(needed, why, Some("another profile"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::ErrorKind;

    #[test]
    fn what_needs_more_than_it_may_is_refused() {
        let memory = |extents: &[usize]| FieldMemory {
            shape: Shape::new(extents).unwrap(),
            value_bytes: 4,
            brick_edge: 64,
            periodic: Axes::NONE,
            has_networks: false,
        };
        let within = |mebibytes: u64| Resources {
            memory_limit: Some(mebibytes << 20),
            ..Resources::default()
        };
        let field = memory(&[512, 512, 512]);
        let error = field.check_streamed(&within(64)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(field.check_streamed(&within(288)).is_ok());
        let networks = FieldMemory {
            has_networks: true,
            ..field
        };
        assert!(networks.check_streamed(&within(256)).is_err());
        assert!(networks.check_streamed(&within(600)).is_ok());
        let periodic = FieldMemory {
            periodic: Axes::NONE.with(0),
            ..field
        };
        assert!(periodic.check_streamed(&within(1024)).is_err());
        assert!(check_pooled(field.shape, 4, &within(2048)).is_err());
        assert!(field.check_held(&within(2048)).is_err());
        assert!(field.check_held(&Resources::default()).is_ok());
        for extents in [&[128, 128, 128][..], &[1000, 1000], &[1 << 20, 1, 1]] {
            assert!(memory(extents).check_streamed(&within(0)).is_ok());
        }
    }
}
