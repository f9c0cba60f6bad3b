//! One frame of the pooled form to values.

use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::base::limits::Limits;
use crate::base::real::Real;
use crate::codec::worker::Worker;
use crate::container::{PooledForm, PooledPayload};
use crate::frame::networks::Networks;
use crate::frame::pooled::payload;
use crate::frame::pooled::stored::{grid, plan_of};
use crate::frame::pooled::upscale::Upscaler;
use crate::frame::sampling::{Sampling, Stand};
use crate::octree::{LevelRange, Octant};

/// What a frame of the pooled form consists of.
pub(crate) struct PooledFrame<'a> {
    pub(crate) shape: Shape,
    pub(crate) form: &'a PooledForm,
    /// The octree's payload.
    pub(crate) tree: &'a [u8],
    /// The representative volume's payload.
    pub(crate) volume: &'a [u8],
    pub(crate) networks: Option<&'a Networks>,
    pub(crate) worker: Option<&'a Worker>,
}

/// Where the voxels of a level, which there is, lie.
///
/// # Errors
/// `Corrupt`.
pub(crate) fn sampling(shape: Shape, form: &PooledForm, level: usize) -> Result<Sampling> {
    let plan = plan_of(shape, usize::from(form.levels))?;
    let finer = plan.levels().get(..level).unwrap_or_default();
    Ok(Sampling::after(finer, Stand::Middle))
}

/// The grid of a downscaling level.
///
/// # Errors
/// `InvalidArgument` when there is no such level, `Corrupt`.
pub(crate) fn grid_of_level(shape: Shape, form: &PooledForm, level: usize) -> Result<Shape> {
    if level > usize::from(form.levels) {
        return Err(Error::invalid(format!(
            "level up to {} expected, {level} found",
            form.levels
        )));
    }
    Ok(grid(&plan_of(shape, usize::from(form.levels))?, level))
}

/// The levels that the leaves of a frame may have.
pub(crate) fn level_range(form: &PooledForm) -> LevelRange {
    LevelRange {
        finest: usize::from(form.finest),
        coarsest: usize::from(form.levels),
    }
}

/// The octree of a frame from its payload.
///
/// # Errors
/// `Corrupt`.
pub(crate) fn octree_of(shape: Shape, form: &PooledForm, tree: &[u8]) -> Result<Octant> {
    Octant::decode(shape, level_range(form), tree)
}

/// Checks what can be checked of a frame of the pooled form without computing the field: levels, octree, and the
/// volume's payload unless SZ3 coded it.
///
/// # Errors
/// `Corrupt`, `LimitExceeded`.
pub fn check_pooled(
    shape: Shape,
    form: &PooledForm,
    tree: &[u8],
    volume: &[u8],
    limits: &Limits,
) -> Result<()> {
    limits.check_decoded((shape.len() as u64).saturating_mul(BYTES_PER_VOXEL))?;
    let plan = plan_of(shape, usize::from(form.levels))?;
    octree_of(shape, form, tree)?;
    let volume_grid = grid(&plan, usize::from(form.finest));
    match form.payload {
        PooledPayload::Quantised => {
            payload::decode::<f32>(form.payload, None, volume_grid, volume, 1.0).map(|_| ())
        }
        PooledPayload::Sz3 => Ok(()),
    }
}

/// Bytes of memory per voxel, about, for the tree, integers and what is known of every level.
const BYTES_PER_VOXEL: u64 = 16;

impl PooledFrame<'_> {
    /// Normalised values of all of level `target`, which the frame has.
    ///
    /// # Errors
    /// `Corrupt`, `Unsupported`, `MissingWeights`, and those of worker and networks.
    pub(crate) fn values<T: Real>(&self, target: usize) -> Result<Vec<T>> {
        let form = self.form;
        let plan = plan_of(self.shape, usize::from(form.levels))?;
        let tree = octree_of(self.shape, form, self.tree)?;
        let finest = usize::from(form.finest);
        let volume = payload::decode(
            form.payload,
            self.worker,
            grid(&plan, finest),
            self.volume,
            T::from_f64(form.epsilon),
        )?;
        Upscaler::new(&plan, form, self.networks)?.reconstruct(&tree, finest, &volume, target)
    }
}
