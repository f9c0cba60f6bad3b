//! What a pooled frame stores: leaves in the representative volume, and the values of each level that
//! follow from them (paper sections 4.2.3 and 4.3.2; spec section 6.7).

use crate::base::error::{Error, Result};
use crate::base::grid::{Axes, Region, Shape};
use crate::base::real::Real;
use crate::container::MAX_LEVELS;
use crate::frame::pooled::resample::{ResamplingFilter, resample};
use crate::octree::{Cube, Octant};
use crate::transform::Plan;

/// Levels down to which every axis of the rank has samples enough for networks and pooling.
pub(crate) fn most_levels(shape: Shape) -> usize {
    let plan = Plan::new(shape, Axes::NONE, MAX_LEVELS.into());
    let regular = |axes: Axes| axes.count() == shape.grid_rank();
    plan.levels()
        .iter()
        .take_while(|level| regular(level.split))
        .count()
}

/// Grids of `levels` levels.
///
/// # Errors
/// `Corrupt` when the domain has not so many.
pub(crate) fn plan_of(shape: Shape, levels: usize) -> Result<Plan> {
    let most = most_levels(shape);
    if levels > most {
        return Err(Error::corrupt(format!(
            "up to {most} levels expected for {shape}, {levels} found"
        )));
    }
    Ok(Plan::new(shape, Axes::NONE, levels))
}

/// The grid of a level.
pub(crate) fn grid(plan: &Plan, level: usize) -> Shape {
    match level.checked_sub(1) {
        None => plan.shape(),
        Some(finer) => plan.levels()[finer].coarse,
    }
}

/// The cells of `level` that hold a voxel of `region`.
pub(crate) fn cells_at(region: Region, level: usize) -> Region {
    let start = region.start.map(|v| v >> level);
    Region {
        start,
        size: std::array::from_fn(|axis| region.end(axis).div_ceil(1 << level) - start[axis]),
    }
}

/// Mean of every 2 cells per axis: the next coarser level.
pub(crate) fn pool<T: Real>(plan: &Plan, level: usize, values: &[T]) -> Vec<T> {
    let [fine, coarse] = [level, level + 1].map(|l| grid(plan, l));
    resample(ResamplingFilter::Pool, fine.dims(), values, coarse.region())
}

/// Which cells of each level, finest first, lie in leaves of that level or a finer one.
pub(crate) fn known_cells(plan: &Plan, tree: &Octant) -> Vec<Vec<bool>> {
    let mut known: Vec<Vec<bool>> = (0..=plan.levels().len())
        .map(|level| vec![false; grid(plan, level).len()])
        .collect();
    tree.for_each_leaf(plan.shape(), &mut |cube, stored| {
        for (level, known) in known.iter_mut().enumerate().skip(stored) {
            let cells = cells_at(cube.region(plan.shape()), level);
            grid(plan, level)
                .region()
                .for_each_row(&cells, &cells, |at, _, len| {
                    known[at..at + len].fill(true);
                });
        }
    });
    known
}

/// A leaf's cells in the grid of its level, and where they lie in the representative volume.
fn places(plan: &Plan, finest: usize, cube: Cube, level: usize) -> [BoxOfGrid; 2] {
    let cells = cells_at(cube.region(plan.shape()), level);
    let packed = Region {
        start: cube.start.map(|v| v >> finest),
        size: cells.size,
    };
    [(cells, level), (packed, finest)].map(|(cells, level)| BoxOfGrid {
        cells,
        grid: grid(plan, level),
    })
}

/// Calls `f(place in the first grid, place in the second, length)` for every row of two boxes of one size.
fn for_each_pair_of_rows(
    first: BoxOfGrid,
    second: BoxOfGrid,
    mut f: impl FnMut(usize, usize, usize),
) {
    let mut starts = Vec::with_capacity(first.cells.size[0] * first.cells.size[1]);
    first.for_each_row(|at, _| starts.push(at));
    let mut starts = starts.into_iter();
    second.for_each_row(|at, len| {
        if let Some(start) = starts.next() {
            f(start, at, len);
        }
    });
}

/// A box of the cells of a grid.
#[derive(Clone, Copy)]
struct BoxOfGrid {
    cells: Region,
    grid: Shape,
}

impl BoxOfGrid {
    /// Calls `f(place in the grid, length)` for every row.
    fn for_each_row(self, mut f: impl FnMut(usize, usize)) {
        let Self { cells, grid } = self;
        (grid.region()).for_each_row(&cells, &cells, |at, _, len| f(at, len));
    }
}

/// The representative volume: each leaf's values in the first corner of its box, `fill` elsewhere.
/// `pyramid` has the values of every level.
pub(crate) fn stitch<T: Real>(
    plan: &Plan,
    tree: &Octant,
    finest: usize,
    pyramid: &[Vec<T>],
    fill: T,
) -> Vec<T> {
    let mut out = vec![fill; grid(plan, finest).len()];
    tree.for_each_leaf(plan.shape(), &mut |cube, level| {
        let [cells, packed] = places(plan, finest, cube, level);
        let values = &pyramid[level];
        for_each_pair_of_rows(cells, packed, |from, to, len| {
            out[to..to + len].copy_from_slice(&values[from..from + len]);
        });
    });
    out
}

/// The values of every level, finest first, where they are known: those of leaves, and means of finer
/// ones. Levels below `finest` are empty.
pub(crate) fn unstitch<T: Real>(
    plan: &Plan,
    tree: &Octant,
    finest: usize,
    volume: &[T],
) -> Vec<Vec<T>> {
    let mut levels: Vec<Vec<T>> = vec![Vec::new(); plan.levels().len() + 1];
    for level in finest..levels.len() {
        levels[level] = if level == finest {
            vec![T::ZERO; grid(plan, level).len()]
        } else {
            pool(plan, level - 1, &levels[level - 1])
        };
        let values = &mut levels[level];
        tree.for_each_leaf(plan.shape(), &mut |cube, stored| {
            if stored != level {
                return;
            }
            let [cells, packed] = places(plan, finest, cube, level);
            for_each_pair_of_rows(cells, packed, |to, from, len| {
                values[to..to + len].copy_from_slice(&volume[from..from + len]);
            });
        });
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves of several sizes and levels in a field of odd extents.
    fn example() -> (Plan, Octant) {
        let shape = Shape::new(&[21, 33, 17]).unwrap();
        let plan = plan_of(shape, 2).unwrap();
        let mut number = 0;
        fn grow(cube: Cube, shape: Shape, number: &mut usize) -> Octant {
            *number += 1;
            if cube.log_edge > 2 && !number.is_multiple_of(4) {
                return Octant::Split(
                    cube.octants(shape)
                        .map(|c| grow(c, shape, number))
                        .collect(),
                );
            }
            Octant::Leaf(*number % 3)
        }
        (plan, grow(Cube::root(shape), shape, &mut number))
    }

    #[test]
    fn levels_from_the_volume_equal_the_pyramid_where_they_are_known() {
        let (plan, tree) = example();
        let field: Vec<f64> = (0..plan.shape().len())
            .map(|i| (i as f64 * 0.37).sin())
            .collect();
        let mut pyramid = vec![field];
        for level in 0..2 {
            pyramid.push(pool(&plan, level, &pyramid[level]));
        }
        let volume = stitch(&plan, &tree, 0, &pyramid, 99.0);
        let levels = unstitch(&plan, &tree, 0, &volume);
        let known = known_cells(&plan, &tree);
        for level in 0..=2 {
            for (i, &known) in known[level].iter().enumerate() {
                assert!(
                    !known || levels[level][i] == pyramid[level][i],
                    "{level} {i}"
                );
            }
        }
        assert!(known[2].iter().all(|&k| k));
        assert!(known[0].iter().any(|&k| k) && known[0].iter().any(|&k| !k));
        assert!(volume.contains(&99.0));
    }

    #[test]
    fn domains_have_as_many_levels_as_all_their_axes() {
        for (extents, most) in [
            (&[128; 3][..], 5),
            (&[7, 64], 0),
            (&[64, 9], 1),
            (&[1, 64, 64], 0),
        ] {
            let shape = Shape::new(extents).unwrap();
            assert_eq!(most_levels(shape), most, "{extents:?}");
            assert!(plan_of(shape, most).is_ok() && plan_of(shape, most + 1).is_err());
        }
    }
}
