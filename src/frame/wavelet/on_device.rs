//! Decoding on a backend's device: bricks are decoded on the host while it predicts, and what it cannot do is left to the host.

use std::sync::Arc;

use rayon::prelude::*;

use crate::backend::device::TakePiece;
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::container::WaveletForm;
use crate::frame::layout::FrameLayout;
use crate::frame::wavelet::stored::{BATCH, DecodeRequest, dequantiser};
use crate::recon::{
    Brick, BrickGrid, Coefficients, DeviceOrHost, GridsOnDevice, HeldCoefficients, Predictor, Sink,
    Subbands,
};

/// Integers of some bricks, grid by grid.
type BrickIntegers = Vec<Arc<Vec<Vec<i32>>>>;

/// Decodes what is asked for on the predictor's device, in boxes that follow each other along the slowest axis. Returns
/// what is left to the host: all where there is no device, and the rest where it failed.
///
/// # Errors
/// `Corrupt`, or what the predictor, the device and `sink` report.
pub(super) fn decode_on_device<'r, T: Real>(
    layout: &FrameLayout,
    form: &WaveletForm,
    predictor: Option<&Predictor>,
    request: &DecodeRequest<'r>,
    sink: &mut Sink<'_, T>,
) -> Result<Option<DecodeRequest<'r>>> {
    let mut rest = *request;
    let Some(handle) = predictor.and_then(|predictor| predictor.backend().device()) else {
        return Ok(Some(rest));
    };
    let region = request.region;
    let level_loop = layout
        .synthesis(predictor)
        .level_loop(request.level, region)?;
    if level_loop.windows().is_empty() {
        return Ok(Some(rest));
    }
    let shared = layout.shared_brick(request)?;
    let dequantiser = dequantiser(form.step, form.shrink);
    let low = shared.low_pass(level_loop.low_pass_box(), dequantiser, None);
    let mut sink_error = None;
    let mut counted = |part: Region, values: Vec<T>| {
        let axis = region.slowest_axis();
        rest.region.start[axis] = part.end(axis);
        rest.region.size[axis] = region.end(axis) - part.end(axis);
        sink(part, values).map_err(|e| {
            // The host would not mend it.
            sink_error = Some(e);
            Error::corrupt("what takes the values failed")
        })
    };
    let done = handle.on_failure.attempt(|| {
        let mut pieces = |level: usize, cells: Region, take: &mut TakePiece<'_>| {
            layout.pieces(level, cells, request, &shared.coefficients, take)
        };
        let mut storage = GridsOnDevice {
            device: handle.device,
            dequantiser,
            pieces: &mut pieces,
            sink: &mut counted,
        };
        let low = DeviceOrHost::Host(level_loop.low_pass_box(), low);
        level_loop.run(Some(low), &mut storage).map(|_| ())
    });
    match (sink_error, done) {
        (Some(e), _) => Err(e),
        (None, done) => Ok(done?.is_none().then_some(rest)),
    }
}

impl FrameLayout {
    /// The first brick, with the low-pass and the coarsest details.
    fn shared_brick(&self, request: &DecodeRequest<'_>) -> Result<HeldCoefficients<'_>> {
        let first = self.partition().bricks().iter().take(1);
        let decode = |brick| self.cached_brick(0, brick, request);
        Ok(HeldCoefficients {
            partition: self.partition(),
            coefficients: first.map(decode).collect::<Result<_>>()?,
        })
    }

    /// Hands out the integers of a level's details that touch `cells`; the first brick is decoded, the others are
    /// decoded while those before are taken.
    fn pieces(
        &self,
        level: usize,
        cells: Region,
        request: &DecodeRequest<'_>,
        shared: &Coefficients,
        take: &mut TakePiece<'_>,
    ) -> Result<()> {
        let subbands = Subbands::Details(level);
        let touches = |grid: &BrickGrid| {
            grid.subbands == subbands && !grid.region.intersection(&cells).is_empty()
        };
        let mut give = |bricks: &[(usize, &Brick)], decoded: &BrickIntegers| -> Result<()> {
            for ((_, brick), integers) in bricks.iter().zip(decoded) {
                for (grid, q) in brick.grids.iter().zip(&***integers) {
                    if touches(grid) && !q.is_empty() {
                        grid.pieces(q).try_for_each(&mut *take)?;
                    }
                }
            }
            Ok(())
        };
        let all: Vec<(usize, &Brick)> = self.partition().bricks().iter().enumerate().collect();
        let (first, others) = all.split_at(all.len().min(1));
        give(first, shared)?;
        let others: Vec<(usize, &Brick)> = (others.iter().copied())
            .filter(|(_, brick)| brick.grids.iter().any(touches))
            .collect();
        let decode = |batch: &[(usize, &Brick)]| -> Result<BrickIntegers> {
            let one =
                |&(number, brick): &(usize, &Brick)| self.cached_brick(number, brick, request);
            batch.par_iter().map(one).collect()
        };
        let mut batches = others.chunks(BATCH);
        let Some(mut batch) = batches.next() else {
            return Ok(());
        };
        let mut decoded = decode(batch)?;
        loop {
            let next = batches.next();
            let mut ahead = None;
            rayon::in_place_scope(|scope| {
                if let Some(next) = next {
                    scope.spawn(|_| ahead = Some(decode(next)));
                }
                give(batch, &decoded)
            })?;
            let (Some(next), Some(ahead)) = (next, ahead) else {
                return Ok(());
            };
            (batch, decoded) = (next, ahead?);
        }
    }
}
