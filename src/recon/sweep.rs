//! One level of a large grid: details layer by layer, whole bricks thick, and from them the fine samples
//! in thinner slabs. It takes the memory of a layer instead of that of the level.

use crate::base::error::Result;
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::recon::levels::{Base, Synthesis, crop_details, cropped, or_zeros, upscale};
use crate::recon::window::Window;
use crate::transform::LevelPlan;

/// Cells that two neighbouring layers or slabs share: what a cut spoils on either side of it.
const SHARED: usize = 4;
/// A slab is at least so many cells thick, or what is shared would be most of the work.
const LEAST_THICKNESS: usize = 8;
/// Adds the stored residuals of some cells to the bands over them.
pub type AddResiduals<'a, T> = dyn FnMut(Region, Base, &mut [Vec<T>]) -> Result<()> + 'a;

impl<T: Real> Synthesis<'_, T> {
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
        let plane = whole.len() / whole.size[axis];
        let thickness = (cells / plane / edge).max(1) * edge;
        (0..whole.size[axis])
            .step_by(thickness)
            .map(|first| {
                let mut layer = whole;
                layer.start[axis] = first;
                layer.size[axis] = thickness.min(whole.size[axis] - first);
                layer
            })
            .collect()
    }

    /// Decodes level `index` in `layers` from `low`, the whole low-pass of the next coarser one. Calls
    /// `sink` with slabs of the level's grid, of about `slab_cells` cells, that follow each other along
    /// its slowest axis, and their values.
    ///
    /// # Errors
    /// What the predictor, `residuals` and `sink` report.
    pub fn sweep(
        &self,
        index: usize,
        layers: &[Region],
        slab_cells: usize,
        low: &[T],
        residuals: &mut AddResiduals<'_, T>,
        sink: &mut dyn FnMut(Region, Vec<T>) -> Result<()>,
    ) -> Result<()> {
        let level = &self.plan.levels()[index];
        let whole = level.coarse.region();
        let axis = slowest(level);
        let thickness = (slab_cells / (whole.len() / whole.size[axis])).max(LEAST_THICKNESS);
        let known = Window {
            region: whole,
            values: low,
        };
        // Details of the last cells of the layer before, and those cells.
        let mut before: Option<(Region, Vec<Vec<T>>)> = None;
        for &layer in layers {
            let predicted = self.predictor.details(index, level, known, layer)?;
            let (base, mut details) = or_zeros(predicted, level, layer);
            residuals(layer, base, &mut details)?;
            let mut cells = layer;
            if let Some((shared, kept)) = before {
                cells = shared.hull(&layer);
                for (band, mut kept) in details.iter_mut().zip(kept) {
                    kept.append(band);
                    *band = kept;
                }
            }
            // Cells within half of what is shared beside a cut are spoilt there, and right in the
            // neighbouring layer.
            let (mut next, mut end) = (cells.start[axis], cells.end(axis));
            next += if next == 0 { 0 } else { SHARED / 2 };
            end -= if end == whole.size[axis] {
                0
            } else {
                SHARED / 2
            };
            while next < end {
                let right = along(axis, cells, next, (next + thickness).min(end));
                next = right.end(axis);
                let around = along(
                    axis,
                    cells,
                    right.start[axis].saturating_sub(SHARED / 2),
                    right.end(axis) + SHARED / 2,
                )
                .intersection(&cells);
                let bands = crop_details(level, &details, cells, around);
                let fine = upscale(self.wavelet, level, around, whole.crop(low, &around), bands);
                let (has, right) = (level.fine_of(around), level.fine_of(right));
                sink(right, cropped(has, fine, right))?;
            }
            before = (cells.end(axis) != whole.size[axis]).then(|| {
                let shared = along(axis, cells, cells.end(axis) - SHARED, cells.end(axis));
                (shared, crop_details(level, &details, cells, shared))
            });
        }
        Ok(())
    }
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
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::base::grid::{Axes, Shape};
    use crate::recon::levels::{Coefficients, Dequantiser, Predict, add_residuals, grids_of};
    use crate::recon::{Partition, Source};
    use crate::transform::{Plan, Wavelet};

    /// Predicts the differences of neighbours along `z`: reaches one cell beyond what is asked for.
    struct Slopes;

    impl Predict<f32> for Slopes {
        fn needs(&self, _: usize, plan: &LevelPlan, cells: Region) -> Region {
            let mut needed = cells;
            let end = (cells.end(0) + 1).min(plan.coarse.dims()[0]);
            needed.start[0] = cells.start[0].saturating_sub(1);
            needed.size[0] = end - needed.start[0];
            needed
        }

        fn details(
            &self,
            _: usize,
            plan: &LevelPlan,
            low: Window<'_, f32>,
            cells: Region,
        ) -> Result<Option<Vec<Vec<f32>>>> {
            let last = plan.coarse.dims()[0] - 1;
            let at = |z: usize, y: usize, x: usize| {
                let [sz, sy, sx] = low.region.start;
                let [_, ny, nx] = low.region.size;
                low.values[((z - sz) * ny + y - sy) * nx + x - sx]
            };
            let band = |&code| {
                let part = plan.band_region(code, cells);
                let mut out = Vec::new();
                for z in part.start[0]..part.end(0) {
                    for y in part.start[1]..part.end(1) {
                        for x in part.start[2]..part.end(2) {
                            out.push(0.25 * (at((z + 1).min(last), y, x) - at(z.max(1) - 1, y, x)));
                        }
                    }
                }
                out
            };
            Ok(Some(plan.details.iter().map(band).collect()))
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn layers_give_the_whole(
            z in 60usize..300,
            y in 33usize..50,
            x in 33usize..50,
            haar: bool,
            seed: u32,
        ) {
            let shape = Shape::new(&[z, y, x]).unwrap();
            let plan = Plan::new(shape, Axes::NONE, 15);
            let partition = Partition::new(&plan, 64).unwrap();
            let mut state = seed;
            let mut noise = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 28) as i32 - 8
            };
            let coefficients: Coefficients = partition
                .bricks()
                .iter()
                .map(|brick| {
                    let grid = |g: &crate::recon::BrickGrid| (0..g.len()).map(|_| noise()).collect();
                    Arc::new(brick.grids.iter().map(grid).collect())
                })
                .collect();
            let synthesis = Synthesis {
                wavelet: if haar { Wavelet::Haar } else { Wavelet::Cdf97 },
                plan: &plan,
                partition: &partition,
                dequantiser: Dequantiser { step: 0.37, shrink: 0.02 },
                predictor: &Slopes,
            };
            let whole = synthesis.run(coefficients.clone(), 0, shape.region()).unwrap();
            let coarse = plan.levels()[0].coarse;
            let low = synthesis.run(coefficients.clone(), 1, coarse.region()).unwrap();
            let source = Source::Details(0);
            let grids = grids_of(source, partition.bricks().iter().zip(&coefficients));
            let mut residuals = |cells: Region, base: Base, bands: &mut [Vec<f32>]| {
                add_residuals(&plan, source, cells, &grids, synthesis.dequantiser, base, bands);
                Ok(())
            };
            let layers = synthesis.layers(0, 1);
            prop_assert_eq!(layers.len(), z.div_ceil(2).div_ceil(32));
            let mut found = Vec::new();
            let mut next = 0;
            synthesis
                .sweep(0, &layers, 1, &low, &mut residuals, &mut |region, values| {
                    assert_eq!((region.start, region.len()), ([next, 0, 0], values.len()));
                    next = region.end(0);
                    found.extend(values);
                    Ok(())
                })
                .unwrap();
            prop_assert!(found == whole);
        }
    }
}
