//! Which axes each level splits, and the shapes that follow.

use crate::grid::{Axes, Shape};

/// Shortest axis that is still split: the low-pass keeps at least 4 samples.
const MIN_SPLIT: usize = 8;

/// A subband: the set of axes that are high-pass (bit number = axis index).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubbandCode(u8);

impl SubbandCode {
    /// All possible detail subbands in coding order: `LLH LHL HLL LHH HLH HHL HHH`.
    pub const DETAILS: [Self; 7] = [
        Self(0b100),
        Self(0b010),
        Self(0b001),
        Self(0b110),
        Self(0b101),
        Self(0b011),
        Self(0b111),
    ];

    /// The low-pass.
    pub const LOW: Self = Self(0);

    /// Whether `axis` is high-pass.
    #[must_use]
    pub fn is_high(self, axis: usize) -> bool {
        self.0 >> axis & 1 == 1
    }

    /// Bits, for table look-up.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One level of the transform: a fine grid, the axes split, and the coarse grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelPlan {
    /// Grid of this level.
    pub fine: Shape,
    /// Grid of the next coarser level.
    pub coarse: Shape,
    /// Axes halved by this level.
    pub split: Axes,
    /// Axes extended periodically at this level: periodic in the frame, split here, of even length.
    pub periodic: Axes,
    /// Detail subbands in coding order.
    pub details: Vec<SubbandCode>,
}

impl LevelPlan {
    fn new(fine: Shape, periodic: Axes) -> Self {
        let dims = fine.dims();
        let mut coarse = dims;
        let mut split = Axes::NONE;
        let mut wraps = Axes::NONE;
        for axis in 0..3 {
            if dims[axis] < MIN_SPLIT {
                continue;
            }
            split = split.with(axis);
            coarse[axis] = dims[axis].div_ceil(2);
            if periodic.contains(axis) && dims[axis].is_multiple_of(2) {
                wraps = wraps.with(axis);
            }
        }
        let details = SubbandCode::DETAILS
            .into_iter()
            .filter(|code| (0..3).all(|axis| split.contains(axis) || !code.is_high(axis)))
            .collect();
        Self {
            fine,
            coarse: fine.with_dims(coarse),
            split,
            periodic: wraps,
            details,
        }
    }

    /// Extents of subband `code`.
    #[must_use]
    pub fn band_dims(&self, code: SubbandCode) -> [usize; 3] {
        let (fine, coarse) = (self.fine.dims(), self.coarse.dims());
        std::array::from_fn(|axis| match code.is_high(axis) {
            true => fine[axis] - coarse[axis],
            false => coarse[axis],
        })
    }
}

/// All levels of the transform of one grid, finest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    shape: Shape,
    levels: Vec<LevelPlan>,
}

impl Plan {
    /// Splits every axis of at least 8 samples, again and again, until none is left or
    /// `max_levels` is reached.
    #[must_use]
    pub fn new(shape: Shape, periodic: Axes, max_levels: usize) -> Self {
        let mut levels = Vec::new();
        let mut fine = shape;
        while levels.len() < max_levels {
            let level = LevelPlan::new(fine, periodic);
            if level.split == Axes::NONE {
                break;
            }
            fine = level.coarse;
            levels.push(level);
        }
        Self { shape, levels }
    }

    /// The full grid.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Levels, finest first; `levels()[l]` leads from level `l + 1` to level `l`.
    #[must_use]
    pub fn levels(&self) -> &[LevelPlan] {
        &self.levels
    }

    /// Grid of the coarsest level.
    #[must_use]
    pub fn coarsest(&self) -> Shape {
        self.levels.last().map_or(self.shape, |level| level.coarse)
    }
}
