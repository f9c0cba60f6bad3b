//! One convolution on a box, as the loops of every instruction set take it.

use crate::backend::cpu::packed::PackedConv;
pub(super) use crate::backend::plan::layout::{Activations, Strides};

/// Bytes of source rows to work on at a time: they and the weights of a group fit the
/// second-level cache of every current processor.
const BAND_BYTES: usize = 256 << 10;

/// What to convolve: `size` voxels whose first tap of the first voxel lies at `start`.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) conv: &'a PackedConv,
    /// Element of the arena that the first tap of the first voxel reads in source block 0.
    pub(super) start: usize,
    /// Strides of the sources; [`crate::backend::cpu::packed::LANES`] between voxels.
    pub(super) strides: Strides,
    /// Extents of the result.
    pub(super) size: [usize; 3],
}

/// How accumulators become output.
#[derive(Clone, Copy)]
pub(super) struct OutputScaling<'a> {
    /// One factor per padded output.
    pub(super) scale: &'a [f32],
    /// Whether to add to what is there.
    pub(super) add: bool,
}

impl Job<'_> {
    /// Checks that every element the loops touch lies in an arena of `len` elements. The
    /// loops with raw pointers rely on it.
    pub(super) fn assert_sources(&self, len: usize) {
        let last = [0, 1, 2].map(|axis| self.size[axis] - 1 + self.conv.kernel[axis] - 1);
        let blocks = self.conv.sources.iter().map(|s| s.block).max();
        let end = self.start
            + blocks.unwrap_or(0) * self.strides.block
            + self.strides.offset(last)
            + crate::backend::cpu::packed::LANES;
        assert!(end <= len, "sources end at {end} of {len}");
        assert_eq!(self.strides.voxel, crate::backend::cpu::packed::LANES);
        let pairs: usize = self.conv.sources.iter().map(|s| s.pairs()).sum();
        let taps: usize = self.conv.kernel.iter().product();
        let weights = 2 * self.conv.outputs() * pairs * taps;
        assert!(self.conv.weights().len() >= weights);
    }

    /// The same for what [`Activations`] names.
    pub(super) fn assert_targets(&self, to: &Activations, len: usize) {
        let last = self.size.map(|n| n - 1);
        let blocks = self.conv.outputs() / crate::backend::cpu::packed::LANES;
        let extent = (blocks - 1) * to.strides.block + to.strides.offset(last);
        for first in [Some(to.to), to.skip, to.blend.map(|(at, _)| at)] {
            let end = first.unwrap_or(0) + extent + crate::backend::cpu::packed::LANES;
            assert!(end <= len, "targets end at {end} of {len}");
        }
    }

    /// The same for output rows, `[z][y][x][padded outputs]`.
    pub(super) fn assert_rows(&self, scaling: &OutputScaling<'_>, len: usize) {
        assert_eq!(scaling.scale.len(), self.conv.outputs());
        assert_eq!(
            len,
            self.size.iter().product::<usize>() * self.conv.outputs()
        );
    }
}

impl Job<'_> {
    /// The rows `[z, y]` of the result in the order to compute them: bands of rows that sweep
    /// through `z`, so that a row read for one plane is still in the cache for the next.
    pub(super) fn rows(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let [depth, height, _] = self.size;
        let row_bytes = self.conv.sources.len() * self.strides.row * size_of::<i16>();
        let band = (BAND_BYTES / (self.conv.kernel[0] * row_bytes)).clamp(1, height);
        (0..height).step_by(band).flat_map(move |start| {
            let end = (start + band).min(height);
            (0..depth).flat_map(move |z| (start..end).map(move |y| [z, y]))
        })
    }
}
