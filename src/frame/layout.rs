//! Transform, octree and bricks of a frame as its record describes them.

use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::real::Real;
use crate::container::WaveletForm;
use crate::frame::sample::RUN;
use crate::frame::sampling::{Sampling, Stand};
use crate::octree;
use crate::octree::{Leaf, Octree};
use crate::recon::{BrickGrid, Partition, Predictor, Synthesis};
use crate::transform::{AxisPlan, Plan, Wavelet};

/// What a frame's record and its octree say, whatever the precision of the values.
#[derive(Debug)]
pub struct FrameLayout {
    wavelet: Wavelet,
    plan: Plan,
    partition: Partition,
    tree: Octree,
}

impl FrameLayout {
    /// From a frame's grid, its record and the payload of its octree.
    ///
    /// # Errors
    /// `Unsupported` for an unknown filter, `Corrupt` when the level count does not fit the shape or
    /// the octree is damaged.
    pub fn new(shape: Shape, form: &WaveletForm, tree: &[u8]) -> Result<Self> {
        let wavelet = Wavelet::from_u8(form.wavelet)
            .ok_or_else(|| Error::unsupported(format!("unknown filter pair {}", form.wavelet)))?;
        let along = AxisPlan::from_u8(form.plan).ok_or_else(|| {
            Error::unsupported(format!("unknown plan {} along an axis", form.plan))
        })?;
        let is_possible = along.check(shape);
        is_possible.map_err(|e| Error::corrupt(e.to_string()))?;
        let plan = Plan::along(along, shape, form.periodic, form.levels.into());
        if plan.levels().len() != usize::from(form.levels) {
            return Err(Error::corrupt(format!(
                "{} levels found, a grid of {shape} has up to {}",
                form.levels,
                plan.levels().len()
            )));
        }
        // One after the other: grids are asked for where no pool of threads is at hand but that of the process.
        Ok(Self {
            wavelet,
            partition: Partition::new(&plan, form.brick_edge)?,
            tree: octree::decode(&plan, tree)?,
            plan,
        })
    }

    /// Filter pair.
    #[must_use]
    pub fn wavelet(&self) -> Wavelet {
        self.wavelet
    }

    /// Levels and shapes.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bricks.
    #[must_use]
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Which blocks are stored.
    #[must_use]
    pub fn tree(&self) -> &Octree {
        &self.tree
    }

    /// Leaves of the octree, coarse ones first.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf> {
        self.tree.leaves(&self.plan)
    }

    /// Grid of downscaling level `level`.
    pub(crate) fn grid(&self, level: usize) -> Shape {
        match level.checked_sub(1) {
            None => self.plan.shape(),
            Some(finer) => self.plan.levels()[finer].coarse,
        }
    }

    /// The box of a level's grid that `region` of it takes: all planes, where each takes the others.
    pub(crate) fn with_columns(&self, region: Region) -> Region {
        let mut columns = region;
        if self.plan.axis_plan().joins_planes() {
            (columns.start[0], columns.size[0]) = (0, self.plan.shape().dims()[0]);
        }
        columns
    }

    /// Brings low-pass coefficients of a level to the scale of the field: one multiplication by the
    /// inverse of the low-pass gain, `2^(-k/2)` for `k` splits (spec section 6.4).
    pub(crate) fn scale_to_level<T: Real>(&self, level: usize, values: &mut [T]) {
        let splits: usize = self.plan().levels()[..level]
            .iter()
            .map(|l| l.split.count())
            .sum();
        if splits == 0 {
            return;
        }
        let half = if splits % 2 == 1 {
            std::f64::consts::FRAC_1_SQRT_2
        } else {
            1.0
        };
        let factor = T::from_f64(half * 0.5f64.powi((splits / 2) as i32));
        values.par_chunks_mut(RUN).for_each(|run| {
            for v in run {
                *v = *v * factor;
            }
        });
    }

    /// Where the voxels of downscaling level `level`, which there is, lie.
    pub(crate) fn sampling(&self, level: usize) -> Sampling {
        let stand = match self.wavelet {
            Wavelet::Cdf97 => Stand::First,
            Wavelet::Haar => Stand::Middle,
        };
        Sampling::after(&self.plan.levels()[..level], stand)
    }

    /// By downscaling level from 0 on: the number of the last brick that the field at that level needs.
    pub(crate) fn last_bricks(&self) -> Vec<u32> {
        let mut last = vec![0; self.plan.levels().len() + 1];
        for (number, brick) in (0u32..).zip(self.partition.bricks()) {
            let holds = |grid: &BrickGrid| grid.stored(&self.tree).contains(&true);
            if !brick.grids.iter().any(holds) {
                continue;
            }
            // A brick serves the fields at its own level and finer, the one with the low-pass all.
            let level = |grid: &BrickGrid| grid.level().unwrap_or(last.len());
            let coarsest = brick.grids.iter().map(level).max().unwrap_or_default();
            for last in last.iter_mut().take(coarsest + 1) {
                *last = number;
            }
        }
        last
    }

    /// What the level loop needs to know, with what predicts details.
    pub(crate) fn synthesis<'a>(&'a self, predictor: Option<&'a Predictor>) -> Synthesis<'a> {
        Synthesis {
            wavelet: self.wavelet,
            plan: &self.plan,
            partition: &self.partition,
            predictor,
        }
    }
}
