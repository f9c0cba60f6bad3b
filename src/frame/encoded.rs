//! A frame before it is written: its record and the payloads of its chunks.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use crate::base::dtype::{Dtype, Element};
use crate::base::error::Result;
use crate::base::real::Real;
use crate::container::size::estimate;
use crate::container::{Announced, Bound, ChunkType, Form, Frame, Measured};
use crate::frame::coded::CodedBricks;
use crate::frame::original::Original;
use crate::metrics::Comparison;

/// A frame before it is written.
#[derive(Debug)]
pub(crate) struct EncodedFrame {
    pub(crate) frame: Frame,
    pub(crate) mask: Option<Arc<[u8]>>,
    pub(crate) tree: Option<Vec<u8>>,
    pub(crate) bricks: BrickChunks,
    pub(crate) corrections: Option<Vec<u8>>,
    pub(crate) comparison: Comparison,
    pub(crate) ssim: Option<f64>,
    pub(crate) verify_seconds: f64,
    /// Its decoded bands, where frames that follow may be predicted from them.
    pub(crate) bands: Option<Arc<dyn Any + Send + Sync>>,
}

/// The `BRIK` chunks of a frame.
#[derive(Debug)]
pub(crate) enum BrickChunks {
    /// Part and payload of each.
    Held(Vec<(u32, Vec<u8>)>),
    /// Bricks that are put together to chunks when these are written.
    Coded(CodedBricks),
    /// Those of the lossless form, of a field so large that they are packed only when they are written: the length of
    /// each, where that was asked for.
    PackedLater(Vec<usize>),
}

impl BrickChunks {
    /// Calls `take` with part and payload of each that is there before it is packed.
    fn for_each(&self, mut take: impl FnMut(u32, &[u8]) -> Result<()>) -> Result<()> {
        match self {
            Self::Held(bricks) => bricks.iter().try_for_each(|(part, p)| take(*part, p)),
            Self::Coded(bricks) => bricks.for_each_run(take),
            Self::PackedLater(_) => Ok(()),
        }
    }

    /// Bytes of each, as far as they are known.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        match self {
            Self::Held(bricks) => bricks.iter().map(|(_, payload)| payload.len()).collect(),
            Self::Coded(bricks) => bricks.run_lengths(),
            Self::PackedLater(lengths) => lengths.clone(),
        }
    }
}

/// What was measured of the decoded field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verification {
    pub(crate) comparison: Comparison,
    /// Where it was asked for.
    pub(crate) ssim: Option<f64>,
    /// Seconds it took to decode and compare.
    pub(crate) seconds: f64,
}

impl Verification {
    /// Of a form that loses nothing by which the SSIM would tell, and that needs no decoding.
    pub(crate) fn of_equal(comparison: Comparison) -> Self {
        Self {
            comparison,
            ssim: Some(1.0),
            seconds: 0.0,
        }
    }
}

impl EncodedFrame {
    /// A frame of `form` with the mask of its field and, as yet, no other chunks. `range` is that of the ordinary values.
    pub(crate) fn new<E: Element>(
        original: &Original<'_, E>,
        bound: Bound,
        range: (E::Work, E::Work),
        verification: Verification,
        form: Form,
    ) -> Self {
        let Verification {
            comparison,
            ssim,
            seconds,
        } = verification;
        let measured = Measured {
            psnr_db: comparison.psnr_db as f32,
            ssim: match bound {
                Bound::Ssim(_) => ssim.map(|s| s as f32),
                Bound::Psnr(_) | Bound::MaxError(_) | Bound::RelError(_) | Bound::Ratio(_) => None,
            },
            max_error: comparison.max_abs_error,
        };
        Self {
            frame: Frame {
                field: 0,
                step: 0,
                time: None,
                range: (range.0.to_f64(), range.1.to_f64()),
                bound,
                measured,
                form,
                announced: Announced::default(),
                slab: None,
            },
            mask: original.mask.cloned(),
            tree: None,
            bricks: BrickChunks::Held(Vec::new()),
            corrections: None,
            comparison,
            ssim,
            verify_seconds: seconds,
            bands: None,
        }
    }

    /// Whether decoding it takes networks.
    pub(crate) fn uses_networks(&self) -> bool {
        self.frame.form.network().is_some()
    }

    /// The quantisation step of the wavelet form.
    pub(crate) fn step(&self) -> Option<f64> {
        match &self.frame.form {
            Form::Wavelet(form) => Some(form.step),
            Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Raster(_) => None,
        }
    }

    /// Calls `take` with type, part and payload of each chunk, in the order of the file (spec section 4); of a frame whose bricks
    /// are packed later with those before them, for none come after.
    ///
    /// # Errors
    /// Those of `take`, `Io` where bricks lie in a file.
    pub(crate) fn for_each_chunk(
        &self,
        dtype: Dtype,
        mut take: impl FnMut(ChunkType, u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        for (kind, payload) in self.before_bricks(dtype) {
            take(kind, 0, &payload)?;
        }
        let bricks = &self.bricks;
        bricks.for_each(|part, payload| take(ChunkType::BRIK, part, payload))?;
        let corrections = self.corrections.as_deref();
        corrections.map_or(Ok(()), |payload| take(ChunkType::CORR, 0, payload))
    }

    /// Type and payload of the chunks before the bricks.
    fn before_bricks(&self, dtype: Dtype) -> impl Iterator<Item = (ChunkType, Cow<'_, [u8]>)> {
        let announced = Announced {
            mask: self.mask.is_some(),
            corrections: self.corrections.is_some(),
        };
        let record = Frame {
            announced,
            ..self.frame.clone()
        };
        let record = Cow::from(record.to_bytes(dtype));
        let whole = |kind, payload: Option<_>| payload.map(|p| (kind, Cow::Borrowed(p)));
        std::iter::once((ChunkType::FRAM, record))
            .chain(whole(ChunkType::MASK, self.mask.as_deref()))
            .chain(whole(ChunkType::TREE, self.tree.as_deref()))
    }

    /// Bytes of a file with this frame alone, a few more or less.
    pub(crate) fn file_bytes(&self, dtype: Dtype) -> usize {
        let before = self.before_bricks(dtype);
        let others = before.map(|(_, payload)| payload.len());
        let others = others.chain(self.corrections.as_ref().map(Vec::len));
        estimate::file_of_frame(others.chain(self.bricks.lengths()))
    }
}
