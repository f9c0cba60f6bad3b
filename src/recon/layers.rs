//! Large grids layer by layer: details in layers that are whole bricks thick, and from them the fine samples
//! in thinner slabs. A level takes the memory of a layer beside its result.

use std::ops::ControlFlow;

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::recon::levels::{
    GridStorage, LevelStep, LevelTask, Synthesis, crop_details, cropped, upscale,
};
use crate::recon::whole::whole_level;
use crate::transform::LevelPlan;

/// Cells that two neighbouring layers or slabs share: what a cut spoils on either side of it.
const SHARED: usize = 4;
/// A slab is at least so many cells thick, or what is shared would be most of the work.
const LEAST_THICKNESS: usize = 8;

/// Takes boxes of the wanted grid, which follow each other along its slowest axis, and their values.
pub type Sink<'a, T> = dyn FnMut(Region, Vec<T>) -> Result<()> + 'a;

/// The finest levels in layers, the others whole. The grid that is wanted goes to the sink, and the loop ends with
/// nothing; it ends with a grid where there is no level.
pub struct LayeredGrids<'a, T> {
    /// What is done with the details.
    pub step: &'a mut dyn LevelStep<T>,
    /// Number of the finest level.
    pub target: usize,
    /// The layers of each level that has any, finest first ([`Synthesis::layers`]).
    pub layers: Vec<Vec<Region>>,
    /// Cells of a slab, about.
    pub slab_cells: usize,
    /// Where the boxes of the wanted grid go.
    pub sink: &'a mut Sink<'a, T>,
}

impl<T: Real> GridStorage<T> for LayeredGrids<'_, T> {
    type Grid = Option<Vec<T>>;

    fn level(
        &mut self,
        task: &LevelTask<'_>,
        low: Option<Vec<T>>,
    ) -> Result<ControlFlow<Option<Vec<T>>, Option<Vec<T>>>> {
        let Some(low) = low else {
            return Ok(ControlFlow::Break(None));
        };
        let Some(layers) = self.layers.get(task.index - self.target) else {
            return match whole_level(task, low, self.step)? {
                ControlFlow::Continue(grid) if task.is_last => {
                    (self.sink)(task.window.fine, grid)?;
                    Ok(ControlFlow::Break(None))
                }
                ControlFlow::Continue(grid) => Ok(ControlFlow::Continue(Some(grid))),
                ControlFlow::Break(_) => Ok(ControlFlow::Break(None)),
            };
        };
        let sweep = Sweep::new(task, &low, self.slab_cells);
        if task.is_last {
            sweep.run(layers, self.step, self.sink)?;
            return Ok(ControlFlow::Break(None));
        }
        let mut grid = Vec::new();
        sweep.run(layers, self.step, &mut |_, values| {
            grid.reserve_exact(task.window.fine.len() - grid.len());
            grid.extend_from_slice(&values);
            Ok(())
        })?;
        Ok(ControlFlow::Continue(Some(grid)))
    }
}

impl Synthesis<'_> {
    /// The layers of about `cells` cells that level `index` is decoded in, in order, each whole bricks
    /// thick. One where the level is small, or periodic along the axis that would be cut.
    #[must_use]
    pub fn layers(&self, index: usize, cells: usize) -> Vec<Region> {
        let level = &self.plan.levels()[index];
        let whole = level.coarse.region();
        let axis = slowest(level);
        let edge = self.partition.edge(index);
        let (Some(edge), true, false) = (
            edge,
            level.split.contains(axis),
            level.periodic.contains(axis),
        ) else {
            return vec![whole];
        };
        // An axis that is split has several cells, and those before it one: it is the slowest of the cells, too.
        let thickness = (whole.planes_of(cells) / edge).max(1) * edge;
        whole.slabs(thickness).collect()
    }
}

/// Details of some cells.
struct DetailBox<T> {
    cells: Region,
    bands: Vec<Vec<T>>,
}

/// One whole level, from one end of its slowest axis to the other.
struct Sweep<'a, T> {
    task: &'a LevelTask<'a>,
    /// The whole low-pass.
    low: &'a [T],
    whole: Region,
    axis: usize,
    /// Cells of a slab along the axis.
    thickness: usize,
}

impl<'a, T: Real> Sweep<'a, T> {
    fn new(task: &'a LevelTask<'a>, low: &'a [T], slab_cells: usize) -> Self {
        let whole = task.level.coarse.region();
        let axis = slowest(task.level);
        Self {
            task,
            low,
            whole,
            axis,
            thickness: (slab_cells / (whole.len() / whole.size[axis])).max(LEAST_THICKNESS),
        }
    }

    /// Calls `sink` with slabs of the level's grid that follow each other. Ends where the step wants no finer grid.
    fn run(
        &self,
        layers: &[Region],
        step: &mut dyn LevelStep<T>,
        sink: &mut Sink<'_, T>,
    ) -> Result<()> {
        let (level, axis) = (self.task.level, self.axis);
        // Details of the last cells of the layer before.
        let mut before: Option<DetailBox<T>> = None;
        for &layer in layers {
            let Some(bands) = step.details(self.task.part(layer, self.low))? else {
                return Ok(());
            };
            let details = joined(
                before,
                DetailBox {
                    cells: layer,
                    bands,
                },
            );
            self.slabs(&details, sink)?;
            let cells = details.cells;
            before = (cells.end(axis) != self.whole.size[axis]).then(|| {
                let shared = along(axis, cells, cells.end(axis) - SHARED, cells.end(axis));
                DetailBox {
                    cells: shared,
                    bands: crop_details(level, &details.bands, cells, shared),
                }
            });
        }
        Ok(())
    }

    /// The fine samples of `details` that no cut spoils, slab by slab.
    fn slabs(&self, details: &DetailBox<T>, sink: &mut Sink<'_, T>) -> Result<()> {
        let (level, axis, cells) = (self.task.level, self.axis, details.cells);
        // Cells within half of what is shared beside a cut are spoilt there, and right in the
        // neighbouring layer.
        let (mut next, mut end) = (cells.start[axis], cells.end(axis));
        if next != 0 {
            next += SHARED / 2;
        }
        if end != self.whole.size[axis] {
            end -= SHARED / 2;
        }
        while next < end {
            let right = along(axis, cells, next, (next + self.thickness).min(end));
            next = right.end(axis);
            let first = right.start[axis].saturating_sub(SHARED / 2);
            let around = along(axis, cells, first, next + SHARED / 2).intersection(&cells);
            let bands = crop_details(level, &details.bands, cells, around);
            let low = self.whole.crop(self.low, &around);
            let fine = upscale(self.task.synthesis.wavelet, level, around, low, bands);
            let (has, right) = (level.fine_of(around), level.fine_of(right));
            sink(right, cropped(has, fine, right))?;
        }
        Ok(())
    }
}

/// `details` with those of the cells before them in front.
fn joined<T>(before: Option<DetailBox<T>>, mut details: DetailBox<T>) -> DetailBox<T> {
    let Some(before) = before else {
        return details;
    };
    details.cells = before.cells.hull(&details.cells);
    for (band, mut first) in details.bands.iter_mut().zip(before.bands) {
        first.append(band);
        *band = first;
    }
    details
}

/// `cells` from `start` to `end` along `axis`.
fn along(axis: usize, mut cells: Region, start: usize, end: usize) -> Region {
    cells.start[axis] = start;
    cells.size[axis] = end - start;
    cells
}

/// The slowest axis longer than 1: boxes cut along it are runs of values.
fn slowest(level: &LevelPlan) -> usize {
    let dims = level.fine.dims();
    (0..2).find(|&axis| dims[axis] > 1).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::base::grid::Shape;
    use crate::recon::testing::{RepeatedCoefficients, TestFrame, noise};
    use crate::recon::{AddResiduals, HeldCoefficients, LayeredGrids};
    use crate::transform::Wavelet;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn layers_give_the_whole(
            z in 60usize..300,
            y in 33usize..50,
            x in 33usize..50,
            haar: bool,
            networks: bool,
            seed: u32,
        ) {
            let shape = Shape::new(&[z, y, x]).unwrap();
            let wavelet = if haar { Wavelet::Haar } else { Wavelet::Cdf97 };
            let frame = TestFrame::new(shape, wavelet, if networks { &[0.2, 0.1] } else { &[] });
            let coefficients = noise(&frame.partition, seed);
            let synthesis = frame.synthesis();
            let whole = frame.decode(coefficients.clone(), 0, shape.region());
            let layers = synthesis.layers(0, 1);
            prop_assert_eq!(layers.len(), z.div_ceil(2).div_ceil(32));
            let level_loop = synthesis.level_loop(0, shape.region()).unwrap();
            let held = HeldCoefficients { partition: &frame.partition, coefficients };
            let low = held.low_pass(level_loop.low_pass_box(), frame.dequantiser, None);
            let mut found = Vec::new();
            let mut next = 0;
            let mut sink = |region: crate::Region, values: Vec<f32>| {
                assert_eq!((region.start, region.len()), ([next, 0, 0], values.len()));
                next = region.end(0);
                found.extend(values);
                Ok(())
            };
            let mut source = RepeatedCoefficients(held);
            let mut step = AddResiduals {
                dequantiser: frame.dequantiser,
                source: &mut source,
                past: None,
                kept: None,
            };
            let mut storage = LayeredGrids {
                step: &mut step,
                target: 0,
                layers: vec![layers],
                slab_cells: 1,
                sink: &mut sink,
            };
            level_loop.run(Some(low), &mut storage).unwrap();
            prop_assert!(found == whole);
        }
    }
}
