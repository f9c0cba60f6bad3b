//! Pointwise comparison of two fields.

use rayon::prelude::*;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};

/// Values per block; part of the result's definition, since it fixes the order of sums.
const BLOCK: usize = 1 << 15;
/// Independent sums within a block, likewise.
const LANES: usize = 8;

/// Pointwise differences between an original field and its reconstruction.
///
/// Only voxels inside the mask, and finite in both fields, enter the errors. Where both are NaN, or
/// both the same infinity, they agree and are left out; where only one is, or they differ, the voxel
/// is a mismatch, and one mismatch makes every error infinite, so that no bound can pass by accident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// `20 log10(range / rmse)` in dB. `+inf` when all values are equal; `-inf` when they are not but
    /// the range is zero.
    pub psnr_db: f64,
    /// Root of the mean squared error, in the field's unit.
    pub rmse: f64,
    /// Largest absolute error, in the field's unit.
    pub max_abs_error: f64,
    /// Largest absolute error as a fraction of the range; 0 for equal fields, `+inf` where the range
    /// is zero and the error is not.
    pub max_rel_error: f64,
    /// `max - min`; infinite where that passes the largest double (PSNR and relative error are right
    /// all the same).
    pub range: f64,
    /// Smallest finite value of the original inside the mask; NaN where there is none.
    pub min: f64,
    /// Largest finite value of the original inside the mask; NaN where there is none.
    pub max: f64,
    /// Voxels that entered the errors.
    pub compared: u64,
    /// Voxels inside the mask where only one field is finite, or both are not but differently.
    pub mismatches: u64,
}

impl Comparison {
    /// True when every voxel inside the mask has the same value (signs of zero and NaN payloads aside).
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.max_abs_error == 0.0 && self.mismatches == 0
    }

    /// The same errors of fields that are parts of others with values from `min` to `max`: PSNR and relative
    /// error are by that range.
    #[must_use]
    pub(crate) fn of_range(self, min: f64, max: f64) -> Self {
        // The range may pass the largest double; half of it does not.
        let half = max / 2.0 - min / 2.0;
        let range = max - min;
        if self.max_abs_error == 0.0 || self.mismatches > 0 {
            return Self { range, ..self };
        }
        Self {
            psnr_db: 20.0 * (half.log10() + 2f64.log10() - self.rmse.log10()),
            max_rel_error: self.max_abs_error / 2.0 / half,
            range,
            ..self
        }
    }
}

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

pub(super) fn check_lengths(a: usize, b: usize, mask: Option<&[bool]>) -> Result<()> {
    if a != b {
        return Err(Error::invalid(format!(
            "fields of equal size expected, {a} and {b} voxels found"
        )));
    }
    match mask {
        Some(mask) if mask.len() != a => Err(Error::invalid(format!(
            "mask of {a} voxels expected, {} found",
            mask.len()
        ))),
        _ => Ok(()),
    }
}

/// What the first pass finds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extremes {
    pub(super) min: f64,
    pub(super) max: f64,
    error: f64,
    /// Largest difference of the halved values, which cannot overflow.
    half_error: f64,
    compared: u64,
    mismatches: u64,
}

impl Extremes {
    const NONE: Self = Self {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        error: 0.0,
        half_error: 0.0,
        compared: 0,
        mismatches: 0,
    };

    /// Whether any voxel differs.
    pub(super) fn has_errors(&self) -> bool {
        self.error > 0.0 || self.mismatches > 0
    }

    fn merge(self, other: &Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            error: self.error.max(other.error),
            half_error: self.half_error.max(other.half_error),
            compared: self.compared + other.compared,
            mismatches: self.mismatches + other.mismatches,
        }
    }

    fn add(&mut self, a: f64, b: f64) {
        if a.is_finite() {
            self.min = self.min.min(a);
            self.max = self.max.max(a);
        }
        if a.is_finite() && b.is_finite() {
            self.error = self.error.max((a - b).abs());
            self.half_error = self.half_error.max((a * 0.5 - b * 0.5).abs());
            self.compared += 1;
        } else if a != b && !(a.is_nan() && b.is_nan()) {
            self.mismatches += 1;
        }
    }
}

pub(super) fn extremes<A: Element, B: Element>(
    original: &[A],
    reconstructed: &[B],
    mask: Option<&[bool]>,
) -> Extremes {
    let blocks = original
        .par_chunks(BLOCK)
        .zip(reconstructed.par_chunks(BLOCK));
    // Minima, maxima and counts do not depend on order.
    match mask {
        None => blocks
            .map(|(a, b)| block_extremes(a, b).unwrap_or_else(|| careful_extremes(a, b, None)))
            .reduce(|| Extremes::NONE, |x, y| x.merge(&y)),
        Some(mask) => blocks
            .zip(mask.par_chunks(BLOCK))
            .map(|((a, b), m)| careful_extremes(a, b, Some(m)))
            .reduce(|| Extremes::NONE, |x, y| x.merge(&y)),
    }
}

/// The extremes of a block in which all is finite and no difference overflows, else `None`.
fn block_extremes<A: Element, B: Element>(a: &[A], b: &[B]) -> Option<Extremes> {
    let mut min = [f64::INFINITY; LANES];
    let mut max = [f64::NEG_INFINITY; LANES];
    let mut error = [0.0f64; LANES];
    // A difference times zero is zero, unless it is infinite or NaN: then it sticks.
    let mut poison = [0.0f64; LANES];
    let mut lane = |i: usize, a: f64, b: f64| {
        let d = (a - b).abs();
        min[i] = if a < min[i] { a } else { min[i] };
        max[i] = if a > max[i] { a } else { max[i] };
        error[i] = if d > error[i] { d } else { error[i] };
        poison[i] += d * 0.0;
    };
    let (groups_a, rest_a) = a.as_chunks::<LANES>();
    let (groups_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in groups_a.iter().zip(groups_b) {
        for i in 0..LANES {
            lane(i, a[i].to_f64(), b[i].to_f64());
        }
    }
    for (i, (a, b)) in rest_a.iter().zip(rest_b).enumerate() {
        lane(i, a.to_f64(), b.to_f64());
    }
    if poison.iter().any(|&p| p != 0.0) {
        return None;
    }
    let error = error.into_iter().fold(0.0, f64::max);
    Some(Extremes {
        min: min.into_iter().fold(f64::INFINITY, f64::min),
        max: max.into_iter().fold(f64::NEG_INFINITY, f64::max),
        error,
        half_error: error * 0.5,
        compared: a.len() as u64,
        mismatches: 0,
    })
}

fn careful_extremes<A: Element, B: Element>(a: &[A], b: &[B], mask: Option<&[bool]>) -> Extremes {
    let mut found = Extremes::NONE;
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        if mask.is_none_or(|m| m[i]) {
            found.add(a.to_f64(), b.to_f64());
        }
    }
    found
}

/// Sum of `((a - b) half scale)^2` over the voxels that count.
fn sum_of_squares<A: Element, B: Element>(
    original: &[A],
    reconstructed: &[B],
    mask: Option<&[bool]>,
    half: f64,
    scale: f64,
) -> f64 {
    let sums: Vec<f64> = original
        .par_chunks(BLOCK)
        .zip(reconstructed.par_chunks(BLOCK))
        .enumerate()
        .map(|(i, (a, b))| block_squares(a, b, mask.map(|m| &m[i * BLOCK..]), half, scale))
        .collect();
    sums.iter().sum()
}

/// [`sum_of_squares`] of one block.
fn block_squares<A: Element, B: Element>(
    a: &[A],
    b: &[B],
    mask: Option<&[bool]>,
    half: f64,
    scale: f64,
) -> f64 {
    let term = |a: A, b: B| {
        let d = (a.to_f64() * half - b.to_f64() * half) * scale;
        // Infinite and NaN differences come from voxels that do not count.
        if d.abs() < f64::INFINITY { d * d } else { 0.0 }
    };
    let mut sums = [0.0f64; LANES];
    if let Some(mask) = mask {
        for (j, (&a, &b)) in a.iter().zip(b).enumerate() {
            sums[j % LANES] += if mask[j] { term(a, b) } else { 0.0 };
        }
        return sums.iter().sum();
    }
    let (groups_a, rest_a) = a.as_chunks::<LANES>();
    let (groups_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in groups_a.iter().zip(groups_b) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += term(a, b);
        }
    }
    for (sum, (&a, &b)) in sums.iter_mut().zip(rest_a.iter().zip(rest_b)) {
        *sum += term(a, b);
    }
    sums.iter().sum::<f64>()
}

/// [`compare`] for a reconstruction that comes in parts, in one pass; the same result to the bit,
/// because squares are scaled by powers of two alone.
#[derive(Debug)]
pub struct Comparer<'a, A> {
    original: &'a [A],
    mask: Option<&'a [bool]>,
    /// Halves differences when the range leaves the doubles.
    half: f64,
    scale: f64,
    found: Extremes,
    /// Sums of whole blocks, in order.
    sums: Vec<f64>,
    /// Values of the block begun.
    begun: Vec<A>,
}

impl<'a, A: Element> Comparer<'a, A> {
    /// Starts at the first voxel. `range` are the least and the largest value of either field: errors
    /// are at most their difference.
    ///
    /// # Errors
    /// `InvalidArgument` when the mask has another length.
    pub fn new(original: &'a [A], mask: Option<&'a [bool]>, range: (f64, f64)) -> Result<Self> {
        check_lengths(original.len(), original.len(), mask)?;
        let largest = range.1 - range.0;
        let (half, largest) = if largest.is_finite() {
            (1.0, largest)
        } else {
            (0.5, range.1 * 0.5 - range.0 * 0.5)
        };
        Ok(Self {
            original,
            mask,
            half,
            scale: 2f64.powi(-exponent(largest)),
            found: Extremes::NONE,
            sums: Vec::new(),
            begun: Vec::new(),
        })
    }

    /// Compares the next values of the reconstruction.
    ///
    /// # Errors
    /// `InvalidArgument` when there are more than the original has.
    pub fn push(&mut self, mut values: &[A]) -> Result<()> {
        let done = self.sums.len() * BLOCK + self.begun.len();
        check_lengths(
            self.original.len().max(done + values.len()),
            self.original.len(),
            None,
        )?;
        if !self.begun.is_empty() {
            let (head, rest) = values.split_at(values.len().min(BLOCK - self.begun.len()));
            self.begun.extend_from_slice(head);
            values = rest;
            if self.begun.len() == BLOCK {
                let block = std::mem::take(&mut self.begun);
                self.blocks(&block);
            }
        }
        let (whole, rest) = values.split_at(values.len() / BLOCK * BLOCK);
        self.blocks(whole);
        self.begun.extend_from_slice(rest);
        Ok(())
    }

    /// Takes in values that begin at a block's first.
    fn blocks(&mut self, values: &[A]) {
        let first = self.sums.len() * BLOCK;
        let end = first + values.len();
        let (original, mask) = (
            &self.original[first..end],
            self.mask.map(|m| &m[first..end]),
        );
        let (half, scale) = (self.half, self.scale);
        self.found = self.found.merge(&extremes(original, values, mask));
        let squares = |(i, (a, b)): (usize, (&[A], &[A]))| {
            block_squares(a, b, mask.map(|m| &m[i * BLOCK..]), half, scale)
        };
        let blocks = original.par_chunks(BLOCK).zip(values.par_chunks(BLOCK));
        self.sums.par_extend(blocks.enumerate().map(squares));
    }

    /// The comparison of all values.
    ///
    /// # Errors
    /// `InvalidArgument` when the reconstruction was shorter than the original.
    pub fn finish(mut self) -> Result<Comparison> {
        let done = self.sums.len() * BLOCK + self.begun.len();
        check_lengths(self.original.len(), done, None)?;
        let block = std::mem::take(&mut self.begun);
        self.blocks(&block);
        let sum: f64 = self.sums.iter().sum();
        let (half, own) = (self.half, self.scale);
        Ok(conclude(&self.found, |wanted_half, scale| {
            // Both are powers of two: the quotient is exact.
            sum * (wanted_half / half * (scale / own)).powi(2)
        }))
    }
}

fn conclude(found: &Extremes, sum_of_squares: impl FnOnce(f64, f64) -> f64) -> Comparison {
    let some = found.min <= found.max;
    let range = if some { found.max - found.min } else { 0.0 };
    // Halve everything where a difference overflows; the halves' differences cannot.
    let half = if range.is_finite() && found.error.is_finite() {
        1.0
    } else {
        0.5
    };
    let error = if half == 1.0 {
        found.error
    } else {
        found.half_error
    };
    let scaled_range = found.max * half - found.min * half;
    let (mut rmse, mut psnr_db, mut max_rel_error) = (0.0, f64::INFINITY, 0.0);
    if error > 0.0 {
        // A power of two near 1 / error, so that squares stay near 1.
        let scale = 2f64.powi(-exponent(error));
        let root = (sum_of_squares(half, scale) / found.compared as f64).sqrt();
        rmse = root / scale / half;
        psnr_db = 20.0 * log10_ratio(scaled_range, root, scale);
        max_rel_error = error / scaled_range;
    }
    let mut max_abs_error = found.error;
    if found.mismatches > 0 {
        (rmse, max_abs_error, max_rel_error) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        psnr_db = f64::NEG_INFINITY;
    }
    Comparison {
        psnr_db,
        rmse,
        max_abs_error,
        max_rel_error,
        range,
        min: if some { found.min } else { f64::NAN },
        max: if some { found.max } else { f64::NAN },
        compared: found.compared,
        mismatches: found.mismatches,
    }
}

/// `log10(range / (root / scale))`, also where the quotient leaves the range of doubles.
fn log10_ratio(range: f64, root: f64, scale: f64) -> f64 {
    let quotient = range * scale / root;
    if quotient.is_normal() {
        return quotient.log10();
    }
    range.log10() + scale.log10() - root.log10()
}

/// Exponent of a power of two close to `value`, kept where its inverse is a double too.
pub(super) fn exponent(value: f64) -> i32 {
    // Exact powers are not needed: any exponent within a few steps serves as well.
    (value.log2().floor() as i32).clamp(-1000, 1022)
}

#[cfg(test)]
mod tests;
