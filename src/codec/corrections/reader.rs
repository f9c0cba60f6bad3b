//! Applying corrections (spec section 4.9).

use super::blocks::Blocks;
use super::walk::{Unknown, Walk};
use super::{Correction, moved};
use crate::base::dtype::{Dtype, Element};
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::limits::Limits;
use crate::base::real::Real;
use crate::codec::ctx::RangeDecoder;

/// Reads the corrections of a frame layer by layer, so that a few planes of them are held.
pub struct CorrectionReader<'a> {
    shape: Shape,
    coder: RangeDecoder<'a>,
    walk: Walk,
    /// Corrections that may be held.
    most: u64,
    /// Those of the layer read last, in the order in which they are coded: index in the grid and what is done to the voxel.
    layer: Vec<(usize, Correction)>,
    /// The first plane, as the blocks have them, of the layer that comes next.
    next_plane: usize,
}

impl<'a> CorrectionReader<'a> {
    /// Starts to read the corrections of a field of type `dtype` on a grid of `shape`.
    ///
    /// # Errors
    /// `LimitExceeded` when a layer passes `limits`.
    pub fn new(shape: Shape, dtype: Dtype, payload: &'a [u8], limits: &Limits) -> Result<Self> {
        let walk = Walk::new(shape, dtype);
        walk.check_memory(limits)?;
        Ok(Self {
            shape,
            coder: RangeDecoder::new(payload),
            walk,
            most: limits.decoded_bytes / size_of::<(usize, Correction)>() as u64,
            layer: Vec::new(),
            next_plane: 0,
        })
    }

    /// Reads the next layer of blocks, beside `held` corrections that were read before; false after the last.
    ///
    /// # Errors
    /// `Corrupt`, `LimitExceeded`.
    pub(super) fn next_layer(&mut self, held: usize) -> Result<bool> {
        self.layer.clear();
        let Some(voxels) = self.walk.next_layer() else {
            return Ok(false);
        };
        self.next_plane += self.walk.blocks.planes();
        let most = self.most.saturating_sub(held as u64);
        let (layer, first) = (&mut self.layer, voxels.start);
        let keep = |place, correction| layer.push((first + place, correction));
        self.walk.layer(&mut self.coder, &Unknown, most, keep);
        if self.walk.coded() > most {
            return Err(Error::limit(format!("more than {} corrections", self.most)));
        }
        self.walk.check()?;
        if self.coder.overran() {
            self.coder.check_end("corrections")?;
        }
        Ok(true)
    }

    /// The layer read last.
    pub(super) fn layer(&self) -> &[(usize, Correction)] {
        &self.layer
    }

    /// Applies the corrections of the voxels of `region` to its values; `bound` is the step. Each box lies behind those before it,
    /// along the slowest axis.
    ///
    /// # Errors
    /// `Corrupt`, `LimitExceeded`.
    pub fn apply<E: Element>(
        &mut self,
        bound: f64,
        region: Region,
        values: &mut [E],
    ) -> Result<()> {
        let step = E::Work::from_f64(bound);
        let region = Blocks::turned(self.shape, region);
        loop {
            self.apply_layer(step, region, values);
            if self.next_plane >= region.end(0) || !self.next_layer(0)? {
                return Ok(());
            }
        }
    }

    fn apply_layer<E: Element>(&self, step: E::Work, region: Region, values: &mut [E]) {
        let [_, ny, nx] = self.walk.blocks.dims;
        for &(voxel, correction) in &self.layer {
            let at = [voxel / nx / ny, voxel / nx % ny, voxel % nx];
            if (0..3).any(|axis| at[axis] < region.start[axis] || at[axis] >= region.end(axis)) {
                continue;
            }
            let [z, y, x] = std::array::from_fn(|axis| at[axis] - region.start[axis]);
            let Some(value) = values.get_mut((z * region.size[1] + y) * region.size[2] + x) else {
                continue;
            };
            *value = match correction {
                Correction::Steps(steps) => moved(*value, steps, step),
                Correction::Exact(bits) => E::from_bits64(bits),
            };
        }
    }

    /// Reads what is left: whether it is whole.
    ///
    /// # Errors
    /// `Corrupt`, `LimitExceeded`.
    pub fn finish(mut self) -> Result<()> {
        while self.next_layer(0)? {}
        self.coder.check_end("corrections")
    }
}
