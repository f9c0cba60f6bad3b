//! Shapes, regions and axes of dense grids, 1-D to 3-D in one type.
//!
//! Axes are always ordered `z, y, x` with `x` fastest. A 2-D grid has rank 2 and a `z` extent of 1, a line has rank 1 and a
//! `y` extent of 1 as well, so that code which loops over three axes serves all.

use crate::base::error::{Error, Result};

/// Largest product of extents the format allows (spec section 7).
pub const MAX_VOXELS: u64 = 1 << 48;

/// Extents of a dense grid of rank 1 to 3, every extent at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    rank: u8,
    dims: [usize; 3],
}

impl Shape {
    /// Shape from extents in the order `[nz, ny, nx]`, `[ny, nx]` or `[nx]`.
    ///
    /// # Errors
    /// `InvalidArgument` when the rank is not 1, 2 or 3, an extent is zero or at least 2^32, or the
    /// product passes 2^48.
    pub fn new(extents: &[usize]) -> Result<Self> {
        let dims = match *extents {
            [x] => [1, 1, x],
            [y, x] => [1, y, x],
            [z, y, x] => [z, y, x],
            _ => {
                return Err(Error::invalid(format!(
                    "rank 1, 2 or 3 expected, {} found",
                    extents.len()
                )));
            }
        };
        let mut voxels = 1u64;
        for extent in dims {
            let extent = extent as u64;
            if extent == 0 || extent > u64::from(u32::MAX) {
                return Err(Error::invalid(format!(
                    "axis extent from 1 to 2^32-1 expected, {extent} found"
                )));
            }
            voxels = voxels
                .checked_mul(extent)
                .filter(|&v| v <= MAX_VOXELS)
                .ok_or_else(|| Error::invalid("more than 2^48 voxels"))?;
        }
        usize::try_from(voxels).map_err(|_| Error::invalid("grid too large for this machine"))?;
        Ok(Self {
            rank: extents.len() as u8,
            dims,
        })
    }

    /// 1, 2 or 3.
    #[must_use]
    pub fn rank(&self) -> usize {
        usize::from(self.rank)
    }

    /// The rank of the grid that transforms and networks see, 2 or 3: a line is a plane of one row.
    #[must_use]
    pub fn grid_rank(&self) -> usize {
        self.rank().max(2)
    }

    /// `[nz, ny, nx]`; `nz` is 1 for rank 2, and `ny` too for rank 1.
    #[must_use]
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// The extents without the axes that the rank lacks.
    #[must_use]
    pub fn extents(&self) -> &[usize] {
        &self.dims[3 - self.rank()..]
    }

    /// Number of voxels.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// The whole grid as a region.
    #[must_use]
    pub fn region(&self) -> Region {
        Region {
            start: [0; 3],
            size: self.dims,
        }
    }

    /// Same rank, other extents. The caller keeps them valid (at least 1, not larger than before).
    #[must_use]
    pub(crate) fn with_dims(&self, dims: [usize; 3]) -> Self {
        debug_assert!(dims.iter().all(|&d| d > 0));
        Self {
            rank: self.rank,
            dims,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, extent) in self.extents().iter().enumerate() {
            if i > 0 {
                f.write_str(" x ")?;
            }
            write!(f, "{extent}")?;
        }
        Ok(())
    }
}

/// A box inside a grid: first voxel and extents, axes `z, y, x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    /// First voxel.
    pub start: [usize; 3],
    /// Extents; zero means empty.
    pub size: [usize; 3],
}

impl Region {
    /// A box by its start and size along the axes that a grid has, slowest first.
    ///
    /// ```
    /// use srt::Region;
    ///
    /// let region = Region::along_axes(&[4, 5], &[10, 20])?;
    /// assert_eq!((region.start, region.size), ([0, 4, 5], [1, 10, 20]));
    /// assert!(Region::along_axes(&[4, 5], &[10]).is_err());
    /// # Ok::<(), srt::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` for other than one to three numbers each.
    pub fn along_axes(start: &[usize], size: &[usize]) -> Result<Self> {
        let rank = start.len();
        if !(1..=3).contains(&rank) || size.len() != rank {
            return Err(Error::invalid(format!(
                "one to three numbers each for start and size expected, {rank} and {} found",
                size.len()
            )));
        }
        let mut region = Self {
            start: [0; 3],
            size: [1; 3],
        };
        region.start[3 - rank..].copy_from_slice(start);
        region.size[3 - rank..].copy_from_slice(size);
        Ok(region)
    }

    /// Number of voxels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.size.iter().product()
    }

    /// True when it holds no voxel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.size.contains(&0)
    }

    /// One past the last voxel of `axis`.
    #[must_use]
    pub fn end(&self, axis: usize) -> usize {
        self.start[axis].saturating_add(self.size[axis])
    }

    /// The smallest box that holds both; neither is empty.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        let mut out = *self;
        for axis in 0..3 {
            out.start[axis] = self.start[axis].min(other.start[axis]);
            out.size[axis] = self.end(axis).max(other.end(axis)) - out.start[axis];
        }
        out
    }

    /// The part both share; empty when there is none.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut out = *self;
        for axis in 0..3 {
            let start = self.start[axis].max(other.start[axis]);
            out.start[axis] = start;
            out.size[axis] = self.end(axis).min(other.end(axis)).saturating_sub(start);
        }
        out
    }

    /// Whether `other` lies inside.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        (0..3)
            .all(|axis| self.start[axis] <= other.start[axis] && other.end(axis) <= self.end(axis))
    }

    /// Calls `f(place here, place in other, length)` for every row along `x` of `part`, which lies in
    /// both boxes; places count values of a dense box, `x` fastest.
    pub fn for_each_row(&self, other: &Self, part: &Self, mut f: impl FnMut(usize, usize, usize)) {
        if part.is_empty() {
            return;
        }
        let place = |within: &Self, z: usize, y: usize| {
            let [first_z, first_y, first_x] = within.start;
            ((z - first_z) * within.size[1] + y - first_y) * within.size[2] + part.start[2]
                - first_x
        };
        for z in part.start[0]..part.end(0) {
            for y in part.start[1]..part.end(1) {
                f(place(self, z, y), place(other, z, y), part.size[2]);
            }
        }
    }

    /// Copies the values of `part`, a box inside this one, out of `values`.
    #[must_use]
    pub fn crop<T: Copy>(&self, values: &[T], part: &Self) -> Vec<T> {
        let mut out = Vec::with_capacity(part.len());
        self.for_each_row(part, part, |at, _, len| {
            out.extend_from_slice(&values[at..at + len]);
        });
        out
    }

    /// The slowest axis longer than 1; `x` where there is none. A box cut along it falls into runs of
    /// values that follow each other.
    #[must_use]
    pub fn slowest_axis(&self) -> usize {
        (0..2).find(|&axis| self.size[axis] > 1).unwrap_or(2)
    }

    /// How many planes across the slowest axis hold about `values` values; at least 1.
    #[must_use]
    pub fn planes_of(&self, values: usize) -> usize {
        let planes = self.size[self.slowest_axis()].max(1);
        (values / (self.len() / planes).max(1)).max(1)
    }

    /// The box cut into slabs along its slowest axis: each `thickness` planes, at least 1, the last
    /// perhaps less. An empty box has none.
    pub fn slabs(self, thickness: usize) -> impl Iterator<Item = Self> {
        let axis = self.slowest_axis();
        let thickness = thickness.max(1);
        let planes = if self.is_empty() { 0 } else { self.size[axis] };
        (0..planes).step_by(thickness).map(move |first| {
            let mut slab = self;
            slab.start[axis] += first;
            slab.size[axis] = thickness.min(planes - first);
            slab
        })
    }

    /// The part that lies inside a grid of extents `dims`; empty when there is none.
    #[must_use]
    pub fn clipped(&self, dims: [usize; 3]) -> Self {
        let mut out = *self;
        for (axis, &extent) in dims.iter().enumerate() {
            let start = self.start[axis].min(extent);
            let end = self.end(axis).min(extent);
            out.start[axis] = start;
            out.size[axis] = end - start;
        }
        out
    }
}

/// A set of axes, printed and parsed as a subset of the letters `zyx`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Axes(u8);

impl Axes {
    /// No axis.
    pub const NONE: Self = Self(0);

    /// All three.
    pub const ALL: Self = Self(7);

    /// From bits: 1 for `z`, 2 for `y`, 4 for `x` (bit number = axis index).
    ///
    /// # Errors
    /// `Corrupt` when another bit is set.
    pub fn from_bits(bits: u8) -> Result<Self> {
        if bits > 7 {
            return Err(Error::corrupt(format!(
                "axis set below 8 expected, {bits} found"
            )));
        }
        Ok(Self(bits))
    }

    /// Bits as in [`Axes::from_bits`].
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether `axis` (0 = z, 1 = y, 2 = x) is in the set.
    #[must_use]
    pub fn contains(self, axis: usize) -> bool {
        self.0 >> axis & 1 == 1
    }

    /// The set with `axis` added.
    #[must_use]
    pub fn with(self, axis: usize) -> Self {
        Self(self.0 | 1 << axis)
    }

    /// The set with `axis` removed.
    #[must_use]
    pub fn without(self, axis: usize) -> Self {
        Self(self.0 & !(1 << axis))
    }

    /// Number of axes in the set.
    #[must_use]
    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl std::str::FromStr for Axes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut axes = Self::NONE;
        for c in text.chars() {
            let axis = "zyx"
                .find(c)
                .ok_or_else(|| Error::invalid(format!("axis z, y or x expected, '{c}' found")))?;
            axes = axes.with(axis);
        }
        Ok(axes)
    }
}

impl std::fmt::Display for Axes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (axis, letter) in ["z", "y", "x"].iter().enumerate() {
            if self.contains(axis) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_refuses_what_the_format_cannot_hold() {
        for bad in [
            &[][..],
            &[0, 4],
            &[1, 2, 3, 4],
            &[1 << 20, 1 << 20, 1 << 20],
        ] {
            assert!(Shape::new(bad).is_err(), "{bad:?}");
        }
        let s = Shape::new(&[7, 9]).unwrap();
        assert_eq!((s.dims(), s.rank(), s.len()), ([1, 7, 9], 2, 63));
        assert_eq!(s.to_string(), "7 x 9");
        let line = Shape::new(&[7]).unwrap();
        assert_eq!(
            (line.dims(), line.rank(), line.grid_rank()),
            ([1, 1, 7], 1, 2)
        );
        assert_eq!(
            (line.extents(), line.to_string()),
            (&[7][..], "7".to_owned())
        );
    }

    #[test]
    fn slabs_follow_each_other_along_the_slowest_axis() {
        for (size, axis) in [
            ([5, 4, 3], 0),
            ([1, 4, 3], 1),
            ([1, 1, 7], 2),
            ([1, 1, 1], 2),
        ] {
            let start = [2, 9, 4];
            let region = Region { start, size };
            assert_eq!(region.slowest_axis(), axis);
            for thickness in 0..9 {
                let mut next = region;
                next.size[axis] = 0;
                for slab in region.slabs(thickness) {
                    assert_eq!(slab.start[axis], next.end(axis));
                    assert!((1..=thickness.max(1)).contains(&slab.size[axis]));
                    next.size[axis] += slab.size[axis];
                    let mut others = slab;
                    (others.start[axis], others.size[axis]) = (start[axis], size[axis]);
                    assert_eq!(others, region);
                }
                assert_eq!(next, region);
            }
        }
        let empty = Region {
            start: [0; 3],
            size: [4, 0, 2],
        };
        assert_eq!(empty.slabs(2).count(), 0);
        assert_eq!(empty.planes_of(7), 7);
    }

    #[test]
    fn planes_hold_about_so_many_values() {
        let start = [2, 9, 4];
        let planes = |size, values| Region { start, size }.planes_of(values);
        assert_eq!([11, 12, 23, 24].map(|n| planes([5, 4, 3], n)), [1, 1, 1, 2]);
        assert_eq!((planes([1, 4, 3], 9), planes([1, 1, 7], 9)), (3, 9));
    }

    #[test]
    fn axes_parse_and_print_in_one_order() {
        let a: Axes = "xz".parse().unwrap();
        assert_eq!(a.to_string(), "zx");
        assert_eq!(Axes::from_bits(a.bits()).unwrap(), a);
        assert!("w".parse::<Axes>().is_err());
        assert!(Axes::from_bits(8).is_err());
    }

    #[test]
    fn clipping_never_leaves_the_grid() {
        let r = Region {
            start: [0, 5, 9],
            size: [1, 10, 3],
        };
        assert_eq!(
            r.clipped([1, 8, 8]),
            Region {
                start: [0, 5, 8],
                size: [1, 3, 0]
            }
        );
    }
}
