//! Frames of the raster form: what their records say, and whether their bricks can be decoded.

use serde_json::{Value, json};
use srt::container::{RasterForm, RasterSteps};
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
    let steps = match form.steps {
        RasterSteps::Even(step) => format!("step {step:e}"),
        RasterSteps::Fine(step) => format!("step {step:e} in binary64"),
        RasterSteps::Palette(count) => format!("a palette of {count} values"),
        RasterSteps::Exact(0) => "values as they are".to_owned(),
        RasterSteps::Exact(unused) => {
            format!("values as they are, of which {unused} low bits are 0")
        }
    };
    format!(
        "raster order, {predictors}, bricks of {} voxels, {steps}",
        form.brick_edge
    )
}

/// The form as data.
pub(crate) fn json(form: &RasterForm) -> Value {
    let (step, palette, unused_bits) = match form.steps {
        RasterSteps::Even(step) | RasterSteps::Fine(step) => (Some(step), None, None),
        RasterSteps::Palette(count) => (None, Some(count), None),
        RasterSteps::Exact(unused) => (None, None, Some(unused)),
    };
    json!({
        "brick_edge": form.brick_edge,
        "step": step,
        "binary64": matches!(form.steps, RasterSteps::Fine(_)),
        "palette": palette,
        "unused_bits": unused_bits,
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
        let Some(frame) = &chunks.frame else { return };
        let palette = chunks.tree.as_ref().filter(|chunk| chunk.is_whole());
        let palette = palette.map(|chunk| file.scan.payload(chunk));
        // Of a brick, which may be all of the field.
        let bytes = 8 * self.shape.len() as u64;
        let bricks = limits
            .check_decoded(bytes)
            .and_then(|()| RasterBricks::new(self.shape, self.form, frame.range))
            .and_then(|bricks| bricks.with_palette(palette, self.dtype));
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
