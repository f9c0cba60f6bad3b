//! Greedy dynamic downscaling (paper section 4.2.1): a box is downscaled as long as the whole field,
//! reconstructed, stays within the error allowed; where it cannot be, its octants are tried.
//!
//! Interpolation stands in for the networks. The paper reconstructs the whole field for every trial. A box
//! one level coarser changes the reconstruction in the box and a few samples around it only, so here just
//! these are computed anew; errors are summed as integers, so both ways decide alike, bit for bit.

use crate::base::grid::Region;
use crate::base::real::Real;
use crate::container::Interpolation;
use crate::frame::pooled::resample::{ResamplingFilter, resample};
use crate::frame::pooled::stored::{cells_at, grid};
use crate::octree::{Cube, Octant};
use crate::options::{Downscaling, Trials};
use crate::transform::Plan;

/// Squared errors are counted in this fraction of the squared normalised unit, a power of two.
const UNIT: f64 = (1u64 << 40) as f64;

/// What is to be reduced, and how.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a, T> {
    pub(crate) plan: &'a Plan,
    /// The field and its means, by level.
    pub(crate) pyramid: &'a [Vec<T>],
    /// Voxels whose error counts; all where it is missing.
    pub(crate) ordinary: Option<&'a [bool]>,
    pub(crate) interpolation: Interpolation,
    /// Boxes of no more voxels per axis, at their own level, are not split.
    pub(crate) min_chunk: usize,
    pub(crate) downscaling: Downscaling,
    pub(crate) trials: Trials,
}

impl<T: Real> Task<'_, T> {
    /// The tree whose reconstruction has at most `allowed` as mean squared error, in the normalised unit.
    pub(crate) fn run(&self, allowed: f64) -> Octant {
        let voxels = match self.ordinary {
            Some(ordinary) => ordinary.iter().filter(|&&o| o).count(),
            None => self.plan.shape().len(),
        };
        let mut state = Reduction {
            task: self,
            values: self.pyramid.to_vec(),
            known: (self.pyramid.iter())
                .map(|values| vec![true; values.len()])
                .collect(),
            errors: 0,
            allowed: (allowed * voxels as f64 * UNIT) as u128,
        };
        state.reduce(Cube::root(self.plan.shape()), 0)
    }
}

/// The field as it would be reconstructed from the tree so far.
struct Reduction<'a, T> {
    task: &'a Task<'a, T>,
    /// Reconstruction by level.
    values: Vec<Vec<T>>,
    /// Cells that are stored, or means of stored ones.
    known: Vec<Vec<bool>>,
    /// Sum of squared errors.
    errors: u128,
    allowed: u128,
}

/// Values before a trial, to go back to.
struct Undo<T> {
    level: usize,
    region: Region,
    values: Vec<T>,
}

impl<T: Real> Reduction<'_, T> {
    fn reduce(&mut self, cube: Cube, mut level: usize) -> Octant {
        let deepest = cube.deepest(self.task.plan.levels().len());
        while level < deepest && self.coarsen(cube, level) {
            level += 1;
        }
        let chunk = (1usize << cube.log_edge) >> level;
        let is_split = level < self.task.plan.levels().len()
            && chunk > self.task.min_chunk.max(2)
            && self.task.downscaling == Downscaling::Dynamic;
        if !is_split {
            return Octant::Leaf(level);
        }
        let octants: Vec<Octant> = cube
            .octants(self.task.plan.shape())
            .map(|octant| self.reduce(octant, level))
            .collect();
        // Octants that went the same way stay one box.
        match octants.first() {
            Some(first @ Octant::Leaf(_)) if octants.iter().all(|o| o == first) => first.clone(),
            _ => Octant::Split(octants),
        }
    }

    /// Stores a box one level coarser if the error allows it.
    fn coarsen(&mut self, cube: Cube, level: usize) -> bool {
        let cells = cells_at(cube.region(self.task.plan.shape()), level);
        self.mark(level, cells, false);
        let (errors, undo) = match self.task.trials {
            Trials::Local => self.change(level, cells),
            Trials::Full => self.change_all(),
        };
        if errors <= self.allowed {
            self.errors = errors;
            return true;
        }
        self.mark(level, cells, true);
        for Undo {
            level,
            region,
            values,
        } in undo
        {
            let whole = grid(self.task.plan, level).region();
            whole.for_each_row(&region, &region, |at, from, len| {
                self.values[level][at..at + len].copy_from_slice(&values[from..from + len]);
            });
        }
        false
    }

    fn mark(&mut self, level: usize, cells: Region, value: bool) {
        let whole = grid(self.task.plan, level).region();
        whole.for_each_row(&cells, &cells, |at, _, len| {
            self.known[level][at..at + len].fill(value);
        });
    }

    /// Reconstructs what `cells` of `level`, unknown now, have an effect on. Returns the new sum of errors.
    fn change(&mut self, level: usize, cells: Region) -> (u128, Vec<Undo<T>>) {
        let mut undo = Vec::new();
        let mut changed = cells;
        for level in (0..=level).rev() {
            if !undo.is_empty() {
                changed = self.effect(level, changed);
            }
            undo.push(self.interpolate(level, changed));
        }
        let before = undo.last().map_or(0, |old: &Undo<T>| {
            self.squared_errors(old.region, &old.values)
        });
        let now = grid(self.task.plan, 0)
            .region()
            .crop(&self.values[0], &changed);
        let errors = self.errors + self.squared_errors(changed, &now) - before;
        (errors, undo)
    }

    /// Reconstructs everything, as the paper does.
    fn change_all(&mut self) -> (u128, Vec<Undo<T>>) {
        let mut undo = Vec::new();
        for level in (0..self.task.plan.levels().len()).rev() {
            undo.push(self.interpolate(level, grid(self.task.plan, level).region()));
        }
        let whole = grid(self.task.plan, 0).region();
        (self.squared_errors(whole, &self.values[0]), undo)
    }

    /// The box of `level` that changes with a box of the level above.
    fn effect(&self, level: usize, coarse: Region) -> Region {
        let dims = grid(self.task.plan, level).dims();
        let reach = ResamplingFilter::reach(self.task.interpolation);
        let mut fine = coarse;
        for (axis, &extent) in dims.iter().enumerate().filter(|&(_, &extent)| extent > 1) {
            let start = (2 * coarse.start[axis]).saturating_sub(reach);
            fine.start[axis] = start;
            fine.size[axis] = (2 * coarse.end(axis) + reach).min(extent) - start;
        }
        fine
    }

    /// Interpolates the unknown cells of a box from the level above.
    fn interpolate(&mut self, level: usize, region: Region) -> Undo<T> {
        let plan = self.task.plan;
        let fine = resample(
            ResamplingFilter::Upscale(self.task.interpolation),
            grid(plan, level + 1).dims(),
            &self.values[level + 1],
            region,
        );
        let whole = grid(plan, level).region();
        let (values, known) = (&mut self.values[level], &self.known[level]);
        let undo = Undo {
            level,
            region,
            values: whole.crop(values, &region),
        };
        whole.for_each_row(&region, &region, |at, from, len| {
            let cells = values[at..at + len].iter_mut().zip(&known[at..]);
            for ((value, known), &fine) in cells.zip(&fine[from..]) {
                if !known {
                    *value = fine;
                }
            }
        });
        undo
    }

    /// Sum over a box of the squared differences of `values` from the field.
    fn squared_errors(&self, region: Region, values: &[T]) -> u128 {
        let whole = grid(self.task.plan, 0).region();
        let mut sum = 0u128;
        whole.for_each_row(&region, &region, |at, from, len| {
            let field = &self.task.pyramid[0][at..at + len];
            for (i, (&a, &b)) in field.iter().zip(&values[from..from + len]).enumerate() {
                let counts = self.task.ordinary.is_none_or(|ordinary| ordinary[at + i]);
                let error = b.to_f64() - a.to_f64();
                if counts {
                    sum += u128::from((error * error * UNIT) as u64);
                }
            }
        });
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::Shape;
    use crate::frame::pooled::stored::{plan_of, pool};

    fn pyramid(plan: &Plan, field: Vec<f32>) -> Vec<Vec<f32>> {
        let mut pyramid = vec![field];
        for level in 0..plan.levels().len() {
            pyramid.push(pool(plan, level, &pyramid[level]));
        }
        pyramid
    }

    /// A bump on a slope: detail in one corner only.
    fn field(shape: Shape) -> Vec<f32> {
        let [_, ny, nx] = shape.dims();
        (0..shape.len())
            .map(|i| {
                let at = [i / ny / nx, i / nx % ny, i % nx].map(|v| v as f32);
                let distance: f32 = at.iter().map(|v| (v - 9.0).powi(2)).sum();
                at[2] * 0.02 + (at[1] * 0.3).sin() * 0.05 + 3.0 * (-distance / 9.0).exp()
            })
            .collect()
    }

    #[test]
    fn trials_decide_alike_when_only_what_changes_is_reconstructed() {
        for extents in [&[16, 20, 24][..], &[17, 16, 19], &[40, 45]] {
            let shape = Shape::new(extents).unwrap();
            let plan = plan_of(shape, if shape.rank() == 2 { 2 } else { 1 }).unwrap();
            let pyramid = pyramid(&plan, field(shape));
            let ordinary: Vec<bool> = (0..shape.len()).map(|i| i % 11 != 0).collect();
            for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
                let mut splits = 0;
                for (allowed, ordinary) in [(1e-2, None), (1e-3, Some(&*ordinary)), (1e-5, None)] {
                    let run = |trials| {
                        let task = Task {
                            plan: &plan,
                            pyramid: &pyramid,
                            ordinary,
                            interpolation,
                            min_chunk: 2,
                            downscaling: Downscaling::Dynamic,
                            trials,
                        };
                        task.run(allowed)
                    };
                    let tree = run(Trials::Local);
                    assert_eq!(tree, run(Trials::Full), "{extents:?} {allowed}");
                    splits += usize::from(matches!(tree, Octant::Split(_)));
                }
                assert!(splits > 0, "{extents:?}: nothing to decide");
            }
        }
    }

    #[test]
    fn small_chunks_are_not_split_and_uniform_means_one_leaf() {
        let shape = Shape::new(&[32, 32, 32]).unwrap();
        let plan = plan_of(shape, 2).unwrap();
        let pyramid = pyramid(&plan, field(shape));
        let task = |min_chunk, downscaling| Task {
            plan: &plan,
            pyramid: &pyramid,
            ordinary: None,
            interpolation: Interpolation::Linear,
            min_chunk,
            downscaling,
            trials: Trials::Local,
        };
        let tree = task(8, Downscaling::Dynamic).run(1e-4);
        assert!(matches!(tree, Octant::Split(_)));
        tree.for_each_leaf(shape, &mut |cube, level| {
            // A box of 16 at level 0 may be split, one of 8 may not.
            assert!(1 << cube.log_edge >= 8, "{cube:?} {level}");
        });
        assert!(matches!(
            task(2, Downscaling::Uniform).run(1e-4),
            Octant::Leaf(_)
        ));
    }
}
