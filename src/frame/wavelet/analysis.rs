//! The transform of one field, in memory or, for large fields, its finest level made anew box by box.

use std::borrow::Cow;
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::base::grid::Region;
use crate::base::real::Real;
use crate::frame::wavelet::magnitudes::MagnitudeCounts;
use crate::recon::{BrickGrid, Partition, Subbands, band_regions};
use crate::transform::{Bands, Plan, Wavelet, forward};

/// Coefficients whose magnitudes are counted at once: many more than there are classes.
const COUNTED_AT_ONCE: usize = 1 << 18;

/// The normalised values of a field that is not held in memory in that form.
pub(crate) trait Samples<T>: Sync {
    /// Normalised values of a box.
    fn normalised(&self, region: Region) -> Vec<T>;
}

/// The transform of one field.
pub(crate) struct Analysis<'a, T> {
    /// Filter pair.
    pub(crate) wavelet: Wavelet,
    /// Levels and shapes.
    pub(crate) plan: Plan,
    /// Bricks.
    pub(crate) partition: Partition,
    /// Low-pass of the coarsest level.
    pub(crate) low: Vec<T>,
    /// Details by level, finest first; none for a finest level that is made anew.
    details: Vec<Vec<Vec<T>>>,
    /// What the finest level is made from, when it is not held.
    samples: Option<&'a dyn Samples<T>>,
    /// Cells, about, of one box of such a level.
    box_cells: usize,
    /// Root mean square of the details by level, once asked for.
    rms: Vec<OnceLock<f64>>,
    /// How large the details are by level, once asked for.
    magnitudes: Vec<OnceLock<MagnitudeCounts>>,
    /// How large the low-pass is, once asked for.
    low_magnitudes: OnceLock<MagnitudeCounts>,
}

/// Bands over some cells.
pub(crate) struct BandsOver<'a, T: Clone> {
    /// The box of its subband that each band holds.
    pub(crate) regions: Vec<Region>,
    pub(crate) bands: Cow<'a, [Vec<T>]>,
}

impl<'a, T: Real> Analysis<'a, T> {
    /// Transforms `field`, the normalised values of `plan`'s full grid.
    #[must_use]
    pub(crate) fn held(wavelet: Wavelet, plan: Plan, partition: Partition, field: Vec<T>) -> Self {
        let (low, details) = decompose(wavelet, &plan, 0, field);
        let rms = vec![OnceLock::new(); plan.levels().len()];
        let magnitudes = vec![OnceLock::new(); plan.levels().len()];
        Self {
            wavelet,
            plan,
            partition,
            low,
            details,
            samples: None,
            box_cells: 0,
            rms,
            magnitudes,
            low_magnitudes: OnceLock::new(),
        }
    }

    /// Transforms a field of which only the low-pass of the first level and what follows from it are
    /// held; gives the same values as [`Analysis::held`]. Held all the same when the finest level has
    /// no bricks of its own. `box_cells` of the finest level are worked on at a time, about.
    #[must_use]
    pub(crate) fn streamed(
        wavelet: Wavelet,
        plan: Plan,
        partition: Partition,
        samples: &'a dyn Samples<T>,
        box_cells: usize,
    ) -> Self {
        if partition.edge(0).is_none() {
            let field = samples.normalised(plan.shape().region());
            return Self::held(wavelet, plan, partition, field);
        }
        let rms = vec![OnceLock::new(); plan.levels().len()];
        let magnitudes = vec![OnceLock::new(); plan.levels().len()];
        let mut analysis = Self {
            wavelet,
            plan,
            partition,
            low: Vec::new(),
            details: Vec::new(),
            samples: Some(samples),
            box_cells,
            rms,
            magnitudes,
            low_magnitudes: OnceLock::new(),
        };
        let coarse = analysis.plan.levels()[0].coarse;
        let mut low = vec![T::ZERO; coarse.len()];
        let mut squares = vec![0.0; analysis.partition.bricks().len()];
        let mut magnitudes = MagnitudeCounts::default();
        for cells in analysis.boxes(0) {
            let (regions, made) = analysis.make(cells, samples);
            coarse
                .region()
                .for_each_row(&regions[0], &cells, |to, from, len| {
                    low[to..to + len].copy_from_slice(&made.low[from..from + len]);
                });
            for (number, grid) in analysis.grids_in(0, cells) {
                let details = grid.gather(&regions[1..], &made.details);
                squares[number] = energy(&details);
                magnitudes.add(&details);
            }
        }
        let count = analysis.detail_count(0);
        let rms = (squares.iter().sum::<f64>() / count).sqrt();
        analysis.rms[0] = OnceLock::from(rms);
        analysis.magnitudes[0] = OnceLock::from(magnitudes);
        let (low, mut details) = decompose(wavelet, &analysis.plan, 1, low);
        details.insert(0, Vec::new());
        (analysis.low, analysis.details) = (low, details);
        analysis
    }

    /// Whether the bands of `level` are made anew each time.
    pub(crate) fn is_streamed(&self, level: usize) -> bool {
        level == 0 && self.samples.is_some()
    }

    /// The boxes that the cells of a level are worked on: all at once where its bands are held, else a
    /// number of whole bricks.
    pub(crate) fn boxes(&self, level: usize) -> Vec<Region> {
        let whole = self.plan.levels()[level].coarse.region();
        match self.partition.edge(level) {
            Some(edge) if self.is_streamed(level) => boxes(whole, edge, self.box_cells),
            _ => vec![whole],
        }
    }

    /// The grids of a level's bricks that lie in `cells`, with their bricks' numbers.
    pub(crate) fn grids_in(&self, level: usize, cells: Region) -> Vec<(usize, &BrickGrid)> {
        let bricks = self.partition.bricks().iter().enumerate();
        let grids = bricks.flat_map(|(n, brick)| brick.grids.iter().map(move |grid| (n, grid)));
        grids
            .filter(|(_, grid)| {
                grid.subbands == Subbands::Details(level) && cells.contains(&grid.region)
            })
            .collect()
    }

    /// The exact bands of `subbands`, over `cells` at least.
    pub(crate) fn bands(&self, subbands: Subbands, cells: Region) -> BandsOver<'_, T> {
        let held = |cells, bands| BandsOver {
            regions: band_regions(&self.plan, subbands, cells),
            bands: Cow::Borrowed(bands),
        };
        match (subbands, self.samples) {
            (Subbands::LowPass, _) => held(
                self.plan.coarsest().region(),
                std::slice::from_ref(&self.low),
            ),
            (Subbands::Details(0), Some(samples)) => {
                let (mut regions, made) = self.make(cells, samples);
                regions.remove(0);
                BandsOver {
                    regions,
                    bands: Cow::Owned(made.details),
                }
            }
            (Subbands::Details(level), _) => held(
                self.plan.levels()[level].coarse.region(),
                &self.details[level],
            ),
        }
    }

    /// The bands of the finest level over `cells` and what a transform of them spoils; the regions of
    /// the low-pass and of the details.
    fn make(&self, cells: Region, samples: &dyn Samples<T>) -> (Vec<Region>, Bands<T>) {
        let level = &self.plan.levels()[0];
        let wide = level.with_margin(cells);
        let mut fine = samples.normalised(level.fine_of(wide));
        let mut regions = vec![wide];
        regions.extend(band_regions(&self.plan, Subbands::Details(0), wide));
        (
            regions,
            forward(self.wavelet, &level.window(wide), &mut fine),
        )
    }

    /// Root mean square of the details of a level, in the frame's orthonormal scale. Sums by brick, so
    /// that it does not depend on what is held.
    #[must_use]
    pub(crate) fn detail_rms(&self, level: usize) -> f64 {
        let measure = || {
            let subbands = Subbands::Details(level);
            let whole = self.plan.levels()[level].coarse.region();
            let exact = self.bands(subbands, whole);
            let squares: Vec<f64> = self
                .grids_in(level, whole)
                .into_par_iter()
                .map(|(_, grid)| energy(&grid.gather(&exact.regions, &exact.bands)))
                .collect();
            (squares.iter().sum::<f64>() / self.detail_count(level)).sqrt()
        };
        *self.rms[level].get_or_init(measure)
    }

    /// Sum of the squares of the details of a level, in the frame's orthonormal scale.
    #[must_use]
    pub(crate) fn detail_energy(&self, level: usize) -> f64 {
        self.detail_rms(level).powi(2) * self.detail_count(level)
    }

    /// How large the details of a level are.
    pub(crate) fn magnitudes(&self, level: usize) -> &MagnitudeCounts {
        self.magnitudes[level].get_or_init(|| {
            // Streamed ones are known from the start.
            let bands = self.details[level].par_iter();
            bands
                .flat_map(|band| band.par_chunks(COUNTED_AT_ONCE))
                .map(counted)
                .reduce(MagnitudeCounts::default, |a, b| a.join(&b))
        })
    }

    /// The squared error that quantising all coefficients with a step leaves, about, in the frame's orthonormal scale.
    pub(crate) fn expected_error(&self, step: f64) -> f64 {
        let error = |magnitudes: &MagnitudeCounts| magnitudes.squared_error(step);
        self.all_magnitudes().map(error).sum()
    }

    /// The bits that all coefficients take, quantised with a step, about.
    pub(crate) fn expected_bits(&self, step: f64) -> f64 {
        let bits = |magnitudes: &MagnitudeCounts| magnitudes.bits(step);
        self.all_magnitudes().map(bits).sum()
    }

    /// Those of the details by level, finest first, and of the low-pass.
    fn all_magnitudes(&self) -> impl Iterator<Item = &MagnitudeCounts> {
        let details = (0..self.plan.levels().len()).map(|level| self.magnitudes(level));
        let low = self.low_magnitudes.get_or_init(|| counted(&self.low));
        details.chain(std::iter::once(low))
    }

    /// Number of detail coefficients of a level, at least 1.
    fn detail_count(&self, level: usize) -> f64 {
        let level = &self.plan.levels()[level];
        (level.fine.len() - level.coarse.len()).max(1) as f64
    }
}

fn counted<T: Real>(values: &[T]) -> MagnitudeCounts {
    let mut magnitudes = MagnitudeCounts::default();
    magnitudes.add(values);
    magnitudes
}

fn energy<T: Real>(values: &[T]) -> f64 {
    values.iter().map(|d| d.to_f64() * d.to_f64()).sum()
}

/// Transforms the grid of level `first` down to the coarsest low-pass.
fn decompose<T: Real>(
    wavelet: Wavelet,
    plan: &Plan,
    first: usize,
    mut field: Vec<T>,
) -> (Vec<T>, Vec<Vec<Vec<T>>>) {
    let mut details = Vec::with_capacity(plan.levels().len());
    for level in &plan.levels()[first..] {
        let bands = forward(wavelet, level, &mut field);
        field = bands.low;
        details.push(bands.details);
    }
    (field, details)
}

/// Cuts a grid into boxes of whole bricks of edge `edge` and about `cells` cells, long along `x`.
fn boxes(whole: Region, edge: usize, cells: usize) -> Vec<Region> {
    let mut size = whole.size.map(|n| n.min(edge));
    for axis in (0..3).rev() {
        let others = size.iter().product::<usize>() / size[axis];
        size[axis] = ((cells / others / edge).max(1) * edge).min(whole.size[axis]);
    }
    let mut out = Vec::new();
    for z in (0..whole.size[0]).step_by(size[0]) {
        for y in (0..whole.size[1]).step_by(size[1]) {
            for x in (0..whole.size[2]).step_by(size[2]) {
                let start = [z, y, x];
                out.push(Region { start, size }.clipped(whole.size));
            }
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod testing {
    //! A smooth field that the transform knows.

    use super::*;
    use crate::base::grid::{Axes, Shape};

    /// Waves over a grid, without an end that is like the other.
    pub(crate) struct Waves(pub(crate) Shape);

    impl Samples<f32> for Waves {
        fn normalised(&self, region: Region) -> Vec<f32> {
            let mut out = Vec::with_capacity(region.len());
            for z in region.start[0]..region.end(0) {
                for y in region.start[1]..region.end(1) {
                    for x in region.start[2]..region.end(2) {
                        let [z, y, x] = [z, y, x].map(|v| v as f32);
                        let noise = (z * 12.7 + y * 78.2 + x * 37.7).sin() * 43.7;
                        out.push(
                            (0.31 * z - 0.17 * y).sin() + (0.23 * x).cos() + noise.fract() * 0.1,
                        );
                    }
                }
            }
            out
        }
    }

    /// Levels and bricks of a grid.
    pub(crate) fn planned(shape: Shape) -> (Plan, Partition) {
        let plan = Plan::new(shape, Axes::NONE, 15);
        let partition = Partition::new(&plan, 64).unwrap();
        (plan, partition)
    }

    /// The transform of waves, held in memory.
    pub(crate) fn waves(shape: Shape) -> Analysis<'static, f32> {
        let (plan, partition) = planned(shape);
        let field = Waves(shape).normalised(shape.region());
        Analysis::held(Wavelet::Cdf97, plan, partition, field)
    }

    /// The same, its finest level made anew.
    pub(crate) fn streamed_waves(waves: &Waves) -> Analysis<'_, f32> {
        let (plan, partition) = planned(waves.0);
        Analysis::streamed(Wavelet::Cdf97, plan, partition, waves, 1 << 17)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Waves, planned, streamed_waves, waves};
    use super::*;
    use crate::base::grid::Shape;

    #[test]
    fn streamed_and_held_analysis_agree_bit_for_bit() {
        for extents in [&[77, 65, 90][..], &[40, 300, 41], &[530, 600]] {
            let shape = Shape::new(extents).unwrap();
            let field = Waves(shape);
            let (held, streamed) = (waves(shape), streamed_waves(&field));
            assert!(streamed.is_streamed(0) && !streamed.is_streamed(1) && !held.is_streamed(0));
            assert_eq!(held.low, streamed.low, "{extents:?}");
            for level in 0..held.plan.levels().len() {
                let subbands = Subbands::Details(level);
                assert_eq!(
                    held.detail_rms(level).to_bits(),
                    streamed.detail_rms(level).to_bits()
                );
                for cells in streamed.boxes(level) {
                    let grids = streamed.grids_in(level, cells);
                    let (exact, anew) =
                        (held.bands(subbands, cells), streamed.bands(subbands, cells));
                    for (number, grid) in grids {
                        let exact = grid.gather(&exact.regions, &exact.bands);
                        let anew = grid.gather(&anew.regions, &anew.bands);
                        assert!(exact == anew, "{extents:?}, level {level}, brick {number}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_finest_level_without_bricks_of_its_own_is_held() {
        let field = Waves(Shape::new(&[16, 17, 18]).unwrap());
        assert!(!streamed_waves(&field).is_streamed(0));
    }

    #[test]
    fn energy_is_kept() {
        let shape = Shape::new(&[64, 64, 64]).unwrap();
        let (plan, partition) = planned(shape);
        let field = Waves(shape).normalised(shape.region());
        let before = energy(&field);
        let haar = Analysis::held(Wavelet::Haar, plan, partition, field);
        let details: f64 = (0..haar.plan.levels().len())
            .map(|l| haar.detail_energy(l))
            .sum();
        let after = energy(&haar.low) + details;
        assert!((after / before - 1.0).abs() < 1e-5, "{before} {after}");
    }

    #[test]
    fn boxes_are_whole_bricks_that_tile_a_grid() {
        let whole = Region {
            start: [0; 3],
            size: [70, 33, 300],
        };
        let boxes = boxes(whole, 32, 1 << 14);
        assert_eq!(boxes.iter().map(Region::len).sum::<usize>(), whole.len());
        let starts = |b: &Region| b.start.iter().all(|s| s % 32 == 0);
        assert!(boxes.len() > 3 && boxes.iter().all(|b| starts(b) && whole.contains(b)));
    }
}
