//! How long a file or its parts will be, before they are written: what the encoder weighs one form against another by.

use crate::container::{CHUNK_HEADER_LEN, WaveletForm, brick_runs_cost};

/// Bytes of a `BRIK` chunk around its payload: header and, about, entry of the index.
const BRICK_CHUNK: usize = CHUNK_HEADER_LEN + 4;
/// Bytes of a chunk of weights around its payload: header and, about, entry of the index.
const WEIGHTS_CHUNK: usize = CHUNK_HEADER_LEN + 6;
/// Bytes of a file around the chunks of its only frame: header, dataset, index, trailer.
const FILE_BYTES: usize = 102;
/// Bytes of a one-field file without octree, bricks, mask, the numbers of the frame record that have the
/// field's precision, and what it says of levels and networks.
const FIXED_BYTES: usize = 176;
/// Numbers of a frame record in the field's precision: range, step, offset, scale.
const REALS: usize = 5;

/// Bytes that a chunk of weights with a payload of this length adds to a file.
pub(crate) fn weights_chunk(payload: usize) -> usize {
    payload + WEIGHTS_CHUNK
}

/// Bytes of a file with one frame, a few more or less; `payloads` are the lengths of the frame's.
pub(crate) fn file(payloads: impl Iterator<Item = usize>) -> usize {
    FILE_BYTES + payloads.map(|len| len + BRICK_CHUNK).sum::<usize>()
}

/// Bytes of a file with one frame of the wavelet form and working values of `precision` bytes, a few more or less, but
/// for what depends on the step; `mask` is the length of the mask's payload.
pub(crate) fn wavelet_overhead(precision: usize, mask: Option<usize>) -> usize {
    FIXED_BYTES + REALS * precision + mask.map_or(0, |len| len + BRICK_CHUNK)
}

/// Bytes of such a file that depend on the step.
pub(crate) fn wavelet_payloads(
    form: &WaveletForm,
    tree: &[u8],
    bricks: &[(u32, Vec<u8>)],
) -> usize {
    let (runs, heads) = brick_runs_cost(bricks);
    let gains = form.network.as_ref().map_or(0, |n| n.gains.len());
    let levels = usize::from(form.levels) + gains * size_of::<f32>();
    let payloads = tree.len() + bricks.iter().map(|(_, b)| b.len()).sum::<usize>();
    payloads + levels + runs * BRICK_CHUNK + heads
}
