//! Which axes each level splits, and the shapes that follow.

use crate::base::grid::{Axes, Region, Shape};
use crate::transform::axis::AxisPlan;

/// Shortest axis that is still split: the low-pass keeps at least 4 samples.
const MIN_SPLIT: usize = 8;

/// Coarse samples beside a cut that a transform of the box spoils: the reach of 9/7, whose lifting steps
/// look two samples of each kind ahead and back.
const MARGIN: usize = 2;

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

    /// The subband whose high-pass axes are those of `axes`.
    #[must_use]
    pub fn of(axes: Axes) -> Self {
        Self(axes.bits())
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
    fn new(fine: Shape, periodic: Axes, along: AxisPlan) -> Self {
        let dims = fine.dims();
        let mut coarse = dims;
        let mut split = Axes::NONE;
        let mut wraps = Axes::NONE;
        for axis in 0..3 {
            if dims[axis] < MIN_SPLIT || axis == 0 && !along.splits_slowest() {
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

    /// The box of coarse samples, or *cells*, whose bands determine the samples `fine` of this level's
    /// grid exactly, and whose fine samples determine the bands of the cells under `fine`.
    #[must_use]
    pub fn cells(&self, fine: Region) -> Region {
        let mut cells = fine;
        for axis in 0..3 {
            if self.split.contains(axis) {
                cells.start[axis] = fine.start[axis] / 2;
                cells.size[axis] = fine.end(axis).div_ceil(2) - cells.start[axis];
            }
        }
        self.with_margin(cells)
    }

    /// `cells` with what a transform spoils beside a cut; along a periodic axis the whole axis as
    /// soon as an end of it comes near.
    #[must_use]
    pub fn with_margin(&self, cells: Region) -> Region {
        let mut out = cells;
        for (axis, extent) in self.coarse.dims().into_iter().enumerate() {
            if !self.split.contains(axis) {
                continue;
            }
            let near = cells.start[axis] < MARGIN || cells.end(axis) + MARGIN > extent;
            if self.periodic.contains(axis) && near {
                (out.start[axis], out.size[axis]) = (0, extent);
                continue;
            }
            out.start[axis] = cells.start[axis].saturating_sub(MARGIN);
            out.size[axis] = (cells.end(axis) + MARGIN).min(extent) - out.start[axis];
        }
        out
    }

    /// The box of this level's grid that belongs to `cells`.
    #[must_use]
    pub fn fine_of(&self, cells: Region) -> Region {
        let mut fine = cells;
        for axis in 0..3 {
            if self.split.contains(axis) {
                fine.start[axis] = 2 * cells.start[axis];
                fine.size[axis] =
                    (2 * cells.end(axis)).min(self.fine.dims()[axis]) - fine.start[axis];
            }
        }
        fine
    }

    /// This level cut to a box of cells: its transform gives the values of the whole level's, up to
    /// the margin beside each cut ([`LevelPlan::cells`]).
    #[must_use]
    pub fn window(&self, cells: Region) -> Self {
        let mut periodic = Axes::NONE;
        for axis in 0..3 {
            if self.periodic.contains(axis) && cells.size[axis] == self.coarse.dims()[axis] {
                periodic = periodic.with(axis);
            }
        }
        Self {
            fine: self.fine.with_dims(self.fine_of(cells).size),
            coarse: self.coarse.with_dims(cells.size),
            split: self.split,
            periodic,
            details: self.details.clone(),
        }
    }

    /// This level with its axes of one sample before the others: the same samples in the same order and the same
    /// arithmetic, in rows as long as can be. `None` where the axes stand so already.
    #[must_use]
    pub(super) fn squeezed(&self) -> Option<Self> {
        let mut from = [0, 1, 2];
        from.sort_by_key(|&axis| self.fine.dims()[axis] > 1);
        if from == [0, 1, 2] {
            return None;
        }
        let moved = |is_in: &dyn Fn(usize) -> bool| {
            let axes = (0..3).filter(|&to| is_in(from[to]));
            axes.fold(Axes::NONE, Axes::with)
        };
        let grid = |shape: Shape| shape.with_dims(from.map(|axis| shape.dims()[axis]));
        let band = |code: &SubbandCode| SubbandCode::of(moved(&|axis| code.is_high(axis)));
        Some(Self {
            fine: grid(self.fine),
            coarse: grid(self.coarse),
            split: moved(&|axis| self.split.contains(axis)),
            periodic: moved(&|axis| self.periodic.contains(axis)),
            details: self.details.iter().map(band).collect(),
        })
    }

    /// The part of subband `code` over `cells`.
    #[must_use]
    pub fn band_region(&self, code: SubbandCode, cells: Region) -> Region {
        cells.clipped(self.band_dims(code))
    }

    /// Extents of subband `code`.
    #[must_use]
    pub fn band_dims(&self, code: SubbandCode) -> [usize; 3] {
        let (fine, coarse) = (self.fine.dims(), self.coarse.dims());
        std::array::from_fn(|axis| {
            if code.is_high(axis) {
                fine[axis] - coarse[axis]
            } else {
                coarse[axis]
            }
        })
    }
}

/// All levels of the transform of one grid, finest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    shape: Shape,
    along: AxisPlan,
    levels: Vec<LevelPlan>,
}

impl Plan {
    /// Splits every axis of at least 8 samples, again and again, until none is left or
    /// `max_levels` is reached.
    #[must_use]
    pub fn new(shape: Shape, periodic: Axes, max_levels: usize) -> Self {
        Self::along(AxisPlan::Levels, shape, periodic, max_levels)
    }

    /// [`Plan::new`] with a plan along the slowest axis: all but one leave that whole.
    #[must_use]
    pub fn along(along: AxisPlan, shape: Shape, periodic: Axes, max_levels: usize) -> Self {
        let mut levels = Vec::new();
        let mut fine = shape;
        while levels.len() < max_levels {
            let level = LevelPlan::new(fine, periodic, along);
            if level.split == Axes::NONE {
                break;
            }
            fine = level.coarse;
            levels.push(level);
        }
        Self {
            shape,
            along,
            levels,
        }
    }

    /// The full grid.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The plan along the slowest axis.
    #[must_use]
    pub fn axis_plan(&self) -> AxisPlan {
        self.along
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
