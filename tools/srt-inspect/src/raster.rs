//! Frames of the raster form: what their records say, and whether their bricks can be decoded.

use serde_json::{Value, json};
use srt::container::RasterForm;
use srt::frame::RasterBricks;
use srt::{Dtype, Limits, Shape, dtype_dispatch};

use crate::bricks::{StoredBrick, stored_bricks};
use crate::file::{File, FrameChunks};
use crate::finding::Finding;

/// The form in words.
pub(crate) fn text(form: &RasterForm) -> String {
    let predictors = match form.coefficients.len() {
        0 => "medians",
        _ => "a blend of predictors",
    };
    format!(
        "raster order, {predictors}, bricks of {} voxels, step {:e}",
        form.brick_edge, form.step
    )
}

/// The form as data.
pub(crate) fn json(form: &RasterForm) -> Value {
    json!({
        "brick_edge": form.brick_edge,
        "step": form.step,
        "coefficients": form.coefficients,
    })
}

/// A frame and the type of its values.
pub(crate) struct RasterFrame<'a> {
    pub(crate) form: &'a RasterForm,
    pub(crate) shape: Shape,
    pub(crate) dtype: Dtype,
}

impl RasterFrame<'_> {
    /// Decodes every brick that is there, and forgets it.
    pub(crate) fn check(
        &self,
        file: &File<'_>,
        chunks: &FrameChunks,
        limits: &Limits,
        findings: &mut Vec<Finding>,
    ) {
        if let Some(chunk) = &chunks.tree {
            let message = "an octree found in a frame of the raster form";
            let finding = Finding::fault("order", chunk.offset, message);
            findings.push(finding.in_chunk(chunk.number));
        }
        let Some(frame) = &chunks.frame else { return };
        // Of a brick, which may be all of the field.
        let bytes = 8 * self.shape.len() as u64;
        let bricks = limits
            .check_decoded(bytes)
            .and_then(|()| RasterBricks::new(self.shape, self.form, frame.range));
        let bricks = match bricks {
            Ok(bricks) => bricks,
            Err(error) => {
                let chunk = &chunks.chunk;
                let finding = Finding::from_error("form", chunk.payload_offset(), &error);
                findings.push(finding.in_chunk(chunk.number));
                return;
            }
        };
        let all = vec![true; bricks.count() as usize];
        let stored = stored_bricks(file, chunks, &all, findings);
        for (number, stored) in (0..).zip(stored) {
            let Some(StoredBrick {
                chunk,
                payload: Some(payload),
            }) = stored
            else {
                continue;
            };
            let decoded = dtype_dispatch!(self.dtype, E => {
                bricks.decode_brick::<E>(number, payload).map(|_| ())
            });
            if let Err(error) = decoded {
                let finding = Finding::from_error("brick", chunk.payload_offset(), &error);
                findings.push(finding.in_chunk(chunk.number));
            }
        }
    }
}
