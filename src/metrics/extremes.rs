//! The first pass of a comparison: least and largest values, largest difference.

use rayon::prelude::*;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::metrics::squares::{BLOCK, LANES};

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
    pub(super) error: f64,
    /// Largest difference of the halved values, which cannot overflow.
    pub(super) half_error: f64,
    pub(super) compared: u64,
    pub(super) mismatches: u64,
}

impl Extremes {
    pub(super) const NONE: Self = Self {
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

    pub(super) fn merge(self, other: &Self) -> Self {
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

/// The least and the largest finite value of those that `ordinary` says count; `None` where none does.
pub(crate) fn finite_range<A: Element>(
    values: &[A],
    ordinary: Option<&[bool]>,
) -> Option<(f64, f64)> {
    let found = extremes(values, values, ordinary);
    (found.min <= found.max).then_some((found.min, found.max))
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

/// Exponent of a power of two close to `value`, kept where its inverse is a double too.
pub(super) fn exponent(value: f64) -> i32 {
    // Exact powers are not needed: any exponent within a few steps serves as well.
    (value.log2().floor() as i32).clamp(-1000, 1022)
}
