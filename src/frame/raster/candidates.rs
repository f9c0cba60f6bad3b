//! Which form suits a field: boxes of it are coded in each (spec section 4.3 leaves the choice to the writer).

use std::fmt;

use crate::base::dtype::Element;
use crate::base::grid::{Region, Shape};
use crate::frame::box_edges::BoxEdges;
use crate::frame::encoded::EncodedFrame;
use crate::frame::original::Original;
use crate::frame::raster::encode::Predictors;
use crate::frame::raster::palette::ValuePalette;
use crate::options::Observer;

/// Edges of boxes that stand for a field ..
pub(crate) const USUAL: BoxEdges = BoxEdges {
    line: 1 << 15,
    planar: 192,
    solid: 48,
};
/// .. and of those that tell what is worth a closer look.
pub(crate) const GLANCE: BoxEdges = BoxEdges {
    line: 1 << 13,
    planar: 96,
    solid: 24,
};
/// Boxes that are coded.
const BOXES: usize = 2;
/// Where boxes may lie, in quarters of what is left of each axis; the first of equals is taken.
const PLACES: [[usize; 3]; 5] = [[2, 2, 2], [1, 1, 1], [3, 3, 3], [1, 3, 1], [3, 1, 3]];

/// What a field takes by a way to keep it as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighed {
    /// Those that take fewest bytes in boxes of the field.
    pub(crate) predictors: Predictors,
    /// Of the whole field, by these boxes.
    pub(crate) bytes: f64,
}

/// A field of few values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked<'a> {
    pub(crate) palette: &'a ValuePalette,
    pub(crate) way: Weighed,
}

/// The ways to keep a field as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExactWays<'a> {
    /// By ranks among its values, where these are few.
    pub(crate) ranks: Option<Ranked<'a>>,
    /// By the slots that values are in.
    pub(crate) slots: Option<Weighed>,
    /// Packed.
    pub(crate) packed: f64,
}

impl ExactWays<'_> {
    /// Bytes of the smallest.
    pub(crate) fn least(&self) -> f64 {
        let ranks = self.ranks.map(|found| found.way);
        let ways = [ranks, self.slots].into_iter().flatten();
        ways.map(|way| way.bytes).fold(self.packed, f64::min)
    }
}

impl fmt::Display for ExactWays<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about {:.0} bytes packed", self.packed)?;
        if let Some(found) = self.ranks {
            let (bytes, count) = (found.way.bytes, found.palette.len());
            write!(f, ", {bytes:.0} by ranks among {count} values")?;
        }
        if let Some(way) = &self.slots {
            write!(f, ", {:.0} by slots", way.bytes)?;
        }
        Ok(())
    }
}

/// The boxes that stand for a field of `shape`; `None` for one that is hardly larger than they.
pub(crate) fn boxes<E: Element>(
    original: &Original<'_, E>,
    edges: BoxEdges,
) -> Option<Vec<Region>> {
    let shape = original.shape;
    let edge = edges.of(shape);
    let size = shape.dims().map(|n| n.min(edge));
    let voxels: usize = size.iter().product();
    if shape.len() <= 2 * BOXES * voxels {
        return None;
    }
    let mut found: Vec<(usize, Region)> = Vec::new();
    for place in PLACES {
        let start = std::array::from_fn(|axis| (shape.dims()[axis] - size[axis]) * place[axis] / 4);
        let region = Region { start, size };
        if found
            .iter()
            .all(|(_, other)| other.intersection(&region).is_empty())
        {
            found.push((ordinary_in(original, region), region));
        }
    }
    // Stable: the places come in their order of merit.
    found.sort_by_key(|(ordinary, _)| std::cmp::Reverse(*ordinary));
    Some(
        found
            .into_iter()
            .take(BOXES)
            .map(|(_, region)| region)
            .collect(),
    )
}

/// Voxels of a box that have ordinary numbers.
pub(crate) fn ordinary_in<E: Element>(original: &Original<'_, E>, region: Region) -> usize {
    let Some(ordinary) = original.ordinary else {
        return region.len();
    };
    let mut count = 0;
    original
        .shape
        .region()
        .for_each_row(&region, &region, |at, _, len| {
            count += ordinary[at..at + len].iter().filter(|is| **is).count();
        });
    count
}

/// A box of a field as a field of its own.
pub(crate) struct BoxedField<E> {
    shape: Shape,
    values: Vec<E>,
    ordinary: Option<Vec<bool>>,
}

impl<E: Element> BoxedField<E> {
    pub(crate) fn cut(original: &Original<'_, E>, region: Region) -> Self {
        let whole = original.shape.region();
        Self {
            shape: original.shape.with_dims(region.size),
            values: whole.crop(original.values, &region),
            ordinary: original.ordinary.map(|all| whole.crop(all, &region)),
        }
    }

    /// The box, of which `observer` is told.
    pub(crate) fn original<'a>(&'a self, observer: &'a Observer) -> Original<'a, E> {
        Original {
            shape: self.shape,
            values: &self.values,
            ordinary: self.ordinary.as_deref(),
            mask: None,
            observer,
        }
    }
}

/// Bytes of bricks and what belongs to them.
pub(crate) fn payload_bytes(encoded: &EncodedFrame) -> usize {
    let bricks = encoded.bricks.lengths();
    let others = [&encoded.tree, &encoded.corrections]
        .into_iter()
        .flatten()
        .map(Vec::len);
    bricks.into_iter().chain(others).sum()
}
