//! Options of the pooled form (the program's `--profile paper`).

use crate::codec::worker::Worker;
use crate::container::Interpolation;

/// How a field is encoded as in the paper: mean pooling, greedy dynamic downscaling, a representative volume.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PooledOptions {
    /// What upscales. Default: networks where the model has some for Haar, else linear interpolation.
    pub upscaling: Upscaling,
    /// Whether boxes may differ in level. Default: dynamic.
    pub downscaling: Downscaling,
    /// Boxes of no more voxels per axis, at their own level, are not split (minChunk). Default 4.
    pub min_chunk: usize,
    /// Coarsest downscaling level (MAXDSL). Default 3; no more than the model has networks for.
    pub max_level: usize,
    /// What codes the representative volume. Default: zstd.
    pub coder: PooledCoder,
    /// How much of the field is reconstructed to judge a trial. Default: what it changes.
    pub trials: Trials,
}

impl Default for PooledOptions {
    fn default() -> Self {
        Self {
            upscaling: Upscaling::Auto,
            downscaling: Downscaling::Dynamic,
            min_chunk: 4,
            max_level: 3,
            coder: PooledCoder::Zstd,
            trials: Trials::Local,
        }
    }
}

impl PooledOptions {
    /// Sets what codes the representative volume.
    #[must_use]
    pub fn with_coder(mut self, coder: PooledCoder) -> Self {
        self.coder = coder;
        self
    }
}

/// What upscales from level to level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upscaling {
    /// Networks where there are some, else linear interpolation.
    Auto,
    /// Networks; linear interpolation stands in for them while the field is reduced.
    Network,
    /// Interpolation.
    Interpolation(Interpolation),
}

/// Whether boxes may differ in level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downscaling {
    /// Every box has a level of its own (SR-octree), where that codes smaller than one level for all.
    Dynamic,
    /// One level for all (the paper's comparison without an octree).
    Uniform,
}

/// What codes the representative volume.
#[derive(Clone, Debug)]
pub enum PooledCoder {
    /// Integers through zstd.
    Zstd,
    /// SZ3, in this program.
    Sz3(Worker),
}

/// How much of the field is reconstructed to judge a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trials {
    /// What the trial changes.
    Local,
    /// Everything, as in the paper: the same tree, slower.
    Full,
}
