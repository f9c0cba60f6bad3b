//! Frames with random networks and coefficients for tests.

use std::sync::Arc;

use crate::backend::cpu::Cpu;
use crate::base::error::Result;
use crate::base::grid::{Axes, Region, Shape};
use crate::network::testing::{Random, narrow_residual, random_network};
use crate::network::{Architecture, Hierarchy, Transform};
use crate::recon::{
    AddResiduals, BrickGrid, Coefficients, HeldCoefficients, Networks, Partition, Predictor,
    ResidualSource, Subbands, Synthesis, TakeGrids, WholeGrids, grids_of,
};
use crate::transform::{Dequantiser, Plan, Wavelet};

/// What a frame is put together with.
pub(crate) struct TestFrame {
    pub(crate) wavelet: Wavelet,
    pub(crate) plan: Plan,
    pub(crate) partition: Partition,
    pub(crate) dequantiser: Dequantiser<f32>,
    pub(crate) predictor: Option<Predictor>,
}

/// A network for every level of 3-D frames.
pub(crate) fn networks(wavelet: Wavelet) -> Networks {
    let arch = Architecture {
        transform: match wavelet {
            Wavelet::Cdf97 => Transform::Cdf97,
            Wavelet::Haar => Transform::Haar,
        },
        ..narrow_residual(3)
    };
    let hierarchy = Hierarchy::new("random", "MIT", vec![random_network(arch, 7)]).unwrap();
    Networks {
        hierarchy: Arc::new(hierarchy),
        backend: Arc::new(Cpu::detect()),
    }
}

impl TestFrame {
    /// `gains` by level; none: no networks.
    pub(crate) fn new(shape: Shape, wavelet: Wavelet, gains: &[f32]) -> Self {
        let plan = Plan::new(shape, Axes::NONE, 15);
        let dequantiser = Dequantiser {
            step: 0.37,
            shrink: 0.02,
        };
        let predictor = (!gains.is_empty())
            .then(|| Predictor::new(&networks(wavelet), wavelet, &plan, gains.to_vec(), 0.37));
        Self {
            wavelet,
            partition: Partition::new(&plan, 64).unwrap(),
            plan,
            dequantiser,
            predictor,
        }
    }

    pub(crate) fn synthesis(&self) -> Synthesis<'_> {
        Synthesis {
            wavelet: self.wavelet,
            plan: &self.plan,
            partition: &self.partition,
            predictor: self.predictor.as_ref(),
        }
    }

    /// The decoder's whole loop.
    pub(crate) fn decode(
        &self,
        coefficients: Coefficients,
        target: usize,
        region: Region,
    ) -> Vec<f32> {
        let level_loop = self.synthesis().level_loop(target, region).unwrap();
        let mut held = HeldCoefficients {
            partition: &self.partition,
            coefficients,
        };
        let low = held.low_pass(level_loop.low_pass_box(), self.dequantiser, None);
        let mut step = AddResiduals {
            dequantiser: self.dequantiser,
            source: &mut held,
            past: None,
            kept: None,
        };
        level_loop
            .run(low, &mut WholeGrids { step: &mut step })
            .unwrap()
    }
}

/// Random integers for all bricks.
pub(crate) fn noise(partition: &Partition, seed: u32) -> Coefficients {
    let mut random = Random(seed.into());
    let mut grid = |g: &BrickGrid| -> Vec<i32> {
        (0..g.len()).map(|_| random.between(-8, 7) as i32).collect()
    };
    let bricks = partition.bricks().iter();
    bricks
        .map(|brick| Arc::new(brick.grids.iter().map(&mut grid).collect()))
        .collect()
}

/// Held coefficients that can be read again.
pub(crate) struct RepeatedCoefficients<'a>(pub(crate) HeldCoefficients<'a>);

impl ResidualSource for RepeatedCoefficients<'_> {
    fn read(&mut self, level: usize, _: Region, take: &mut TakeGrids<'_>) -> Result<()> {
        let bricks = self.0.partition.bricks().iter().zip(&self.0.coefficients);
        take(&grids_of(Subbands::Details(level), bricks));
        Ok(())
    }
}
