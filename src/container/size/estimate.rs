//! Estimates, on which the bytes of every file depend: they change only with a new version of the
//! encoder.
//!
//! The encoder chooses between forms, with or without networks, and searches a step for a ratio, by
//! lengths that need not be exact, for they are compared with each other. Were one of them made exact,
//! some fields would get another form or step, and files would no longer come out as before.

use crate::base::dtype::Dtype;
use crate::container::{BrickSummary, CHUNK_HEADER_LEN, WaveletForm, brick_runs_cost};

/// Bytes that a chunk takes in the index, about: code, a length below 16 KiB, a part below 128.
const ENTRY: usize = 4;
/// The same for an embedded network or the reference to a weight set.
const WEIGHTS_ENTRY: usize = 6;
/// Bytes of a file around the chunks of its only frame: header, dataset, index, trailer.
const AROUND_FRAME: usize = 102;
/// Bytes of a file whose only frame is of the wavelet form, without the payloads of octree, bricks and
/// mask, the numbers of the frame's record that have the working precision, and what it says of levels
/// and networks.
const AROUND_WAVELET_FORM: usize = 176;
/// Numbers of such a record in the working precision: range, step, offset, scale.
const REALS: usize = 5;

/// Bytes that a chunk of a frame with `payload` bytes of payload adds to a file.
#[must_use]
pub fn chunk(payload: usize) -> usize {
    payload + CHUNK_HEADER_LEN + ENTRY
}

/// Bytes that a chunk of weights with `payload` bytes of payload adds to a file.
#[must_use]
pub fn weights_chunk(payload: usize) -> usize {
    payload + CHUNK_HEADER_LEN + WEIGHTS_ENTRY
}

/// Bytes of a file of one frame whose chunks, its record among them, have these payloads.
#[must_use]
pub fn file_of_frame(payloads: impl IntoIterator<Item = usize>) -> usize {
    AROUND_FRAME + payloads.into_iter().map(chunk).sum::<usize>()
}

/// Bytes of a file of one frame of the wavelet form that do not depend on the step: all but octree,
/// bricks and [`levels`]. `mask` is the length of the mask's payload, if there is one.
#[must_use]
pub fn around_wavelet_form(dtype: Dtype, mask: Option<usize>) -> usize {
    AROUND_WAVELET_FORM + REALS * dtype.working().size() + mask.map_or(0, chunk)
}

/// Bytes of a frame's record that say something of levels and networks.
#[must_use]
pub fn levels(form: &WaveletForm) -> usize {
    let gains = form.network.as_ref().map_or(0, |n| n.gains.len());
    usize::from(form.levels) + gains * size_of::<f32>()
}

/// Bytes that the chunks of a frame's bricks take in a file beside the bricks themselves.
#[must_use]
pub fn around_bricks(bricks: &[BrickSummary]) -> usize {
    let (runs, heads) = brick_runs_cost(bricks);
    runs * chunk(0) + heads
}
