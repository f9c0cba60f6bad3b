//! The octree and bricks of one frame, decoded as far as that needs no network.

use srt::codec::corrections::Corrections;
use srt::codec::ctx::{BlockCost, BrickDecoder, BrickQuantiser, Quantiser};
use srt::codec::lossless;
use srt::codec::mask::Mask;
use srt::container::{Form, PooledForm, WaveletForm};
use srt::frame::{FrameLayout, LOSSLESS_PART, check_pooled};
use srt::recon::{Brick, Subbands};
use srt::transform::{AxisPlan, Plan, Wavelet};
use srt::{Dtype, Error, Limits, Result, Shape};

use crate::bricks::{StoredBrick, stored_bricks};
use crate::file::{File, FrameChunks};
use crate::finding::Finding;
use crate::raster::RasterFrame;
use crate::scan::Chunk;

/// The layers of a frame in multiresolution form.
#[derive(Debug)]
pub struct Layers {
    /// Levels, bricks and octree.
    pub layout: FrameLayout,
}

impl Layers {
    /// Reads the octree of a frame.
    ///
    /// # Errors
    /// `Corrupt`, `Unsupported`, or `LimitExceeded` for grids too large to look at.
    pub fn new(
        file: &File<'_>,
        frame: &FrameChunks,
        form: &WaveletForm,
        shape: Shape,
        limits: &Limits,
    ) -> Result<Self> {
        limits.check_decoded(8 * shape.len() as u64)?;
        check_form(form, shape)?;
        let chunk = frame
            .tree
            .as_ref()
            .ok_or_else(|| Error::corrupt("the octree is missing"))?;
        if !chunk.is_whole() {
            return Err(Error::corrupt("the octree is damaged"));
        }
        let layout = FrameLayout::new(shape, form, file.scan.payload(chunk))?;
        Ok(Self { layout })
    }

    /// Which blocks of a brick are stored, grid by grid.
    fn stored(&self, brick: &Brick) -> Vec<Vec<bool>> {
        brick
            .grids
            .iter()
            .map(|g| g.stored(self.layout.tree()))
            .collect()
    }

    /// The bricks by number, each where the file has it; faults of runs and numbers on the way.
    pub fn bricks<'b>(
        &self,
        file: &File<'b>,
        frame: &'b FrameChunks,
        findings: &mut Vec<Finding>,
    ) -> Vec<Option<StoredBrick<'b>>> {
        let all = self.layout.partition().bricks();
        let anything: Vec<bool> = all
            .iter()
            .map(|brick| self.stored(brick).iter().flatten().any(|&s| s))
            .collect();
        stored_bricks(file, frame, &anything, findings)
    }

    /// Decodes one brick.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn decode_brick(&self, brick: &Brick, payload: &[u8]) -> Result<Vec<Vec<i32>>> {
        let mut decoder = BrickDecoder::new(payload);
        let stored = self.stored(brick);
        let grids = brick.grids.iter().zip(&stored);
        grids
            .map(|(grid, stored)| {
                if !stored.contains(&true) {
                    return Ok(Vec::new());
                }
                let mut coefficients = vec![0; grid.len()];
                decoder.grid(&grid.layout, stored, &mut coefficients)?;
                Ok(coefficients)
            })
            .collect()
    }

    /// Code length in bits of every node of every level, finest first, and of the blocks of the
    /// low-pass at the end: what the coder's own model charges.
    ///
    /// # Errors
    /// `Corrupt` when a brick is damaged.
    pub fn node_bits(&self, file: &File<'_>, frame: &FrameChunks) -> Result<Vec<Vec<f32>>> {
        let counts = self
            .layout
            .tree()
            .grids()
            .iter()
            .map(|grid| grid.stored.len());
        let mut bits: Vec<Vec<f32>> = counts.map(|n| vec![0.0; n]).collect();
        let low = self.low_blocks();
        bits.push(vec![0.0; low.iter().product()]);
        let stored = self.bricks(file, frame, &mut Vec::new());
        for ((number, brick), stored) in self
            .layout
            .partition()
            .bricks()
            .iter()
            .enumerate()
            .zip(stored)
        {
            let Some(stored) = stored else {
                continue;
            };
            let Some(payload) = stored.payload else {
                let message = format!("brick {number} is damaged");
                return Err(Error::corrupt(message).at(stored.chunk.offset));
            };
            let grids = self.decode_brick(brick, payload)?;
            let mut model = BrickQuantiser::new(Quantiser {
                inverse_step: 1.0f32,
                lambda: 0.0,
                shrink: 0.0,
            });
            for ((grid, coefficients), stored) in
                brick.grids.iter().zip(grids).zip(self.stored(brick))
            {
                if coefficients.is_empty() {
                    continue;
                }
                // Integers quantised at step 1 are themselves; what is wanted is their cost.
                let values: Vec<f32> = coefficients.iter().map(|&q| q as f32).collect();
                let mut costs = vec![BlockCost::default(); stored.len()];
                let (mut active, mut again) = (stored, vec![0; values.len()]);
                let _ = model.grid(&grid.layout, &values, &mut active, &mut again, &mut costs);
                let costs: Vec<f32> = costs.iter().map(|c| c.bits).collect();
                let (dims, level) = match grid.subbands {
                    Subbands::LowPass => (low, self.layout.tree().grids().len()),
                    Subbands::Details(level) => (
                        self.layout
                            .tree()
                            .grids()
                            .get(level)
                            .map_or([0; 3], |g| g.dims),
                        level,
                    ),
                };
                if let Some(nodes) = bits.get_mut(level) {
                    grid.scatter_blocks(dims, &costs, nodes);
                }
            }
        }
        Ok(bits)
    }

    /// Blocks of the low-pass along each axis.
    #[must_use]
    pub fn low_blocks(&self) -> [usize; 3] {
        self.layout
            .plan()
            .coarsest()
            .dims()
            .map(|n| n.div_ceil(srt::codec::ctx::BLOCK))
    }
}

/// What can be wrong with the form of a record whose octree may be lost.
fn check_form(form: &WaveletForm, shape: Shape) -> Result<()> {
    if Wavelet::from_u8(form.wavelet).is_none() {
        let message = format!("unknown filter pair {}", form.wavelet);
        return Err(Error::unsupported(message));
    }
    let Some(along) = AxisPlan::from_u8(form.plan) else {
        let message = format!("unknown plan {} along an axis", form.plan);
        return Err(Error::unsupported(message));
    };
    let is_possible = along.check(shape);
    is_possible.map_err(|e| Error::corrupt(e.to_string()))?;
    let levels = usize::from(form.levels);
    let most = Plan::along(along, shape, form.periodic, levels)
        .levels()
        .len();
    if most != levels {
        return Err(Error::corrupt(format!(
            "up to {most} levels of a grid of {shape} expected, {levels} found"
        )));
    }
    Ok(())
}

/// Checks everything of a frame that can be checked without computing the field.
pub fn check_frame(file: &File<'_>, chunks: &FrameChunks, limits: &Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(frame) = &chunks.frame else {
        return findings;
    };
    let Some(shape) = file.shape(frame) else {
        return findings;
    };
    let Some(dtype) = file.field(frame.field).map(|f| f.dtype) else {
        return findings;
    };
    let number = chunks.chunk.number;
    match &frame.form {
        Form::Constant => {
            for chunk in chunks.tree.iter().chain(&chunks.bricks) {
                let message = format!("{} found in a constant frame", chunk.header.kind);
                let finding = Finding::fault("order", chunk.offset, message);
                findings.push(finding.in_chunk(chunk.number));
            }
        }
        Form::Lossless => check_parts(file, chunks, shape, dtype, limits, &mut findings),
        Form::Pooled(form) => check_volume(file, chunks, form, shape, limits, &mut findings),
        Form::Raster(form) => {
            let frame = RasterFrame { form, shape, dtype };
            frame.check(file, chunks, limits, &mut findings);
        }
        Form::Wavelet(form) => match Layers::new(file, chunks, form, shape, limits) {
            Ok(layers) => check_bricks(file, chunks, &layers, &mut findings),
            Err(error) => {
                let place = chunks.tree.as_ref().unwrap_or(&chunks.chunk);
                let finding = Finding::from_error("octree", place.payload_offset(), &error);
                findings.push(finding.in_chunk(place.number));
            }
        },
    }
    let has_none = !matches!(frame.form, Form::Wavelet(_));
    if let (Some(chunk), true) = (&chunks.corrections, has_none) {
        let message = "corrections found in a frame without coefficients";
        let finding = Finding::fault("corrections", chunk.offset, message);
        findings.push(finding.in_chunk(chunk.number));
    }
    let mut side = |rule, chunk: &Option<Chunk>, check: &dyn Fn(&[u8]) -> Result<()>| {
        let Some(chunk) = chunk.as_ref().filter(|c| c.is_whole()) else {
            return;
        };
        if let Err(error) = check(file.scan.payload(chunk)) {
            let finding = Finding::from_error(rule, chunk.payload_offset(), &error);
            findings.push(finding.in_chunk(chunk.number));
        }
    };
    side("mask", &chunks.mask, &|payload| {
        Mask::decode(shape, dtype, payload, limits).map(|_| ())
    });
    side("corrections", &chunks.corrections, &|payload| {
        Corrections::decode(shape, dtype, payload, limits).map(|_| ())
    });
    findings
        .into_iter()
        .map(|f| Finding {
            chunk: f.chunk.or(Some(number)),
            ..f
        })
        .collect()
}

/// Octree and representative volume of a frame of the pooled form.
fn check_volume(
    file: &File<'_>,
    chunks: &FrameChunks,
    form: &PooledForm,
    shape: Shape,
    limits: &Limits,
    findings: &mut Vec<Finding>,
) {
    let (Some(tree), [volume]) = (&chunks.tree, chunks.bricks.as_slice()) else {
        let message = format!(
            "an octree and one brick expected, {} and {} found",
            usize::from(chunks.tree.is_some()),
            chunks.bricks.len()
        );
        findings.push(Finding::fault("brick", chunks.chunk.offset, message));
        return;
    };
    if volume.header.part != 0 {
        let message = format!("brick 0 expected, {} found", volume.header.part);
        let finding = Finding::fault("brick", volume.offset, message);
        findings.push(finding.in_chunk(volume.number));
    }
    if !tree.is_whole() || !volume.is_whole() {
        return;
    }
    let (tree_bytes, volume_bytes) = (file.scan.payload(tree), file.scan.payload(volume));
    if let Err(error) = check_pooled(shape, form, tree_bytes, volume_bytes, limits) {
        let finding = Finding::from_error("brick", volume.payload_offset(), &error);
        findings.push(finding.in_chunk(volume.number));
    }
}

fn check_bricks(
    file: &File<'_>,
    chunks: &FrameChunks,
    layers: &Layers,
    findings: &mut Vec<Finding>,
) {
    let numbered = layers.bricks(file, chunks, findings);
    let bricks = layers.layout.partition().bricks().iter().enumerate();
    for ((number, brick), stored) in bricks.zip(numbered) {
        let Some(StoredBrick {
            chunk,
            payload: Some(payload),
        }) = stored
        else {
            continue;
        };
        if let Err(error) = layers.decode_brick(brick, payload) {
            let error = error.within(format!("brick {number}"));
            let finding = Finding::from_error("brick", chunk.payload_offset(), &error);
            findings.push(finding.in_chunk(chunk.number));
        }
    }
}

fn check_parts(
    file: &File<'_>,
    chunks: &FrameChunks,
    shape: Shape,
    dtype: Dtype,
    limits: &Limits,
    findings: &mut Vec<Finding>,
) {
    let size = dtype.size();
    let fault = |offset, message: String| Finding::fault("part", offset, message);
    let count = shape.len().div_ceil(LOSSLESS_PART);
    if chunks.bricks.len() != count {
        let message = format!("{count} parts expected, {} found", chunks.bricks.len());
        findings.push(fault(chunks.chunk.offset, message));
    }
    for (place, chunk) in chunks.bricks.iter().enumerate().take(count) {
        if chunk.header.part as usize != place {
            let message = format!("part {place} expected, {} found", chunk.header.part);
            findings.push(fault(chunk.offset, message).in_chunk(chunk.number));
        }
        let values = LOSSLESS_PART.min(shape.len() - place * LOSSLESS_PART);
        let bytes = values * size;
        if !chunk.is_whole() || limits.check_decoded(bytes as u64).is_err() {
            continue;
        }
        if let Err(error) = lossless::decode(file.scan.payload(chunk), size, bytes) {
            let finding = Finding::from_error("part", chunk.payload_offset(), &error);
            findings.push(finding.in_chunk(chunk.number));
        }
    }
    if let Some(chunk) = &chunks.tree {
        let message = "an octree found in a lossless frame".to_owned();
        findings.push(fault(chunk.offset, message).in_chunk(chunk.number));
    }
}
