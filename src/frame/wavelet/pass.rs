//! One pass of the encoder by itself: a fixed quantiser, no search and no check.

use rayon::prelude::*;

use crate::base::dtype::{Element, dtype_dispatch};
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::frame::coded::CodedBricks;
use crate::frame::networks::Networks;
use crate::frame::original::check_len;
use crate::frame::sample::{Normalisation, RUN};
use crate::frame::wavelet::bricks::code_bricks;
use crate::frame::wavelet::decode::LAYER_CELLS;
use crate::frame::wavelet::encode::filter_pair;
use crate::frame::wavelet::trial::{NormalisedField, TransformedField};
use crate::octree;
use crate::options::{EncodeOptions, Workplace};
use crate::volume::Values;

/// Transforms, quantises and codes a field once at a fixed step and returns the bytes of its octree
/// and bricks together: what each pass of an encoder's search does, to be timed.
///
/// `step` is in units of the field's standard deviation. Of `options`, the periodic axes that are given, the brick
/// edge, the model and the threads count.
///
/// # Errors
/// `InvalidArgument` for a step the coder cannot use, and for a field with values that are not finite
/// or without any variation.
pub fn code_at_step(
    shape: Shape,
    values: &Values<'_>,
    options: &EncodeOptions,
    step: f64,
) -> Result<u64> {
    Workplace::new(&options.resources)?
        .run(|| dtype_dispatch!(values, Values(v) => code(shape, v, options, step)))
}

fn code<E: Element>(shape: Shape, values: &[E], options: &EncodeOptions, step: f64) -> Result<u64> {
    check_len(shape.len(), values.len())?;
    let plain = || Error::invalid("a field of finite values that vary expected");
    if values.par_iter().with_min_len(RUN).any(|v| !v.is_finite()) {
        return Err(plain());
    }
    let normalisation = Normalisation::measure(values, None, &options.observer)
        .filter(|n| n.range.0 < n.range.1)
        .ok_or_else(plain)?;
    let field = normalisation.apply(values, None);
    let networks = Networks::choose(shape, options)?;
    let networks = networks.as_ref();
    let (wavelet, field) = (filter_pair(options, networks), NormalisedField::Held(field));
    let (coding, cells) = (&options.coding, LAYER_CELLS);
    let transformed =
        TransformedField::<E>::new(shape, coding, wavelet, normalisation, field, cells)?;
    let gains = networks.map_or(Vec::new(), |networks| transformed.gains(networks));
    let pass = transformed.quantise(step, networks, &gains, None)?;
    let mut pass = pass.ok_or_else(|| {
        Error::invalid(format!("a step the coder can use expected, {step} found"))
    })?;
    // The predictor is asked for again only where a level is not held.
    let mut bricks = CodedBricks::default();
    code_bricks(&transformed.analysis, &mut pass, None, &mut bricks)?;
    Ok((bricks.len() + octree::encode(&pass.tree).len()) as u64)
}
