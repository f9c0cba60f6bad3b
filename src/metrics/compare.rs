//! Pointwise comparison of two fields.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::metrics::comparison::{Comparison, conclude};
use crate::metrics::extremes::{check_lengths, extremes};
use crate::metrics::squares::sum_of_squares;

/// Compares two fields of equal length voxel by voxel; where `mask` is given, only where it is true.
///
/// Numerics: exact differences of doubles, scaled by a power of two before squaring, so that neither
/// 1e308 nor subnormals overflow or vanish; two passes; independent of the number of threads.
///
/// # Errors
/// `InvalidArgument` when the lengths differ.
pub fn compare<A: Element, B: Element>(
    original: &[A],
    reconstructed: &[B],
    mask: Option<&[bool]>,
) -> Result<Comparison> {
    check_lengths(original.len(), reconstructed.len(), mask)?;
    let extremes = extremes(original, reconstructed, mask);
    Ok(conclude(&extremes, |half, scale| {
        sum_of_squares(original, reconstructed, mask, half, scale)
    }))
}

#[cfg(test)]
mod tests;
