//! Finding the corrections of a decoded field, and applying them again (spec section 4.9).

use rayon::prelude::*;

use super::{Correction, Corrections};
use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::real::Real;

/// Largest correction in steps of the bound; beyond, the value itself is stored.
const MAX_STEPS: i32 = 1 << 20;

impl Corrections {
    /// Finds what brings every ordinary value of `decoded` within `bound` of `original`, and applies it.
    ///
    /// `ordinary` tells which values count; all do where it is missing.
    #[must_use]
    pub fn find<E: Element>(
        original: &[E],
        decoded: &mut [E],
        ordinary: Option<&[bool]>,
        bound: f64,
    ) -> Self {
        let entry = |(i, (&x, y)): (usize, (&E, &mut E))| {
            if ordinary.is_some_and(|o| !o.get(i).is_some_and(|&o| o)) {
                return None;
            }
            correct(x, y, bound).map(|correction| (i as u64, correction))
        };
        Self {
            entries: original
                .par_iter()
                .zip(decoded)
                .enumerate()
                .filter_map(entry)
                .collect(),
        }
    }

    /// Applies the corrections of a whole field of `shape` to the values of `region`; `bound` is the step.
    ///
    /// # Errors
    /// `Corrupt` when a voxel does not exist.
    pub fn apply<E: Element>(
        &self,
        bound: f64,
        shape: Shape,
        region: Region,
        values: &mut [E],
    ) -> Result<()> {
        let step = E::Work::from_f64(bound);
        let [_, ny, nx] = shape.dims();
        for &(voxel, correction) in &self.entries {
            let voxel = usize::try_from(voxel).unwrap_or(usize::MAX);
            if voxel >= shape.len() {
                return Err(Error::corrupt(format!(
                    "correction of voxel {voxel} outside the domain"
                )));
            }
            let at = [voxel / nx / ny, voxel / nx % ny, voxel % nx];
            if (0..3).any(|axis| at[axis] < region.start[axis] || at[axis] >= region.end(axis)) {
                continue;
            }
            let [z, y, x] = std::array::from_fn(|axis| at[axis] - region.start[axis]);
            let Some(value) = values.get_mut((z * region.size[1] + y) * region.size[2] + x) else {
                continue;
            };
            *value = match correction {
                Correction::Steps(steps) => moved(*value, steps, step),
                Correction::Exact(bits) => E::from_bits64(bits),
            };
        }
        Ok(())
    }
}

/// Brings one decoded value `y` within `bound` of `x`; `None` where it is.
fn correct<E: Element>(x: E, y: &mut E, bound: f64) -> Option<Correction> {
    if is_within(x.to_f64(), y.to_f64(), bound) {
        return None;
    }
    let steps = ((x.to_f64() - y.to_f64()) / bound).round();
    if steps != 0.0 && steps.abs() <= f64::from(MAX_STEPS) {
        let moved = moved(*y, steps as i32, E::Work::from_f64(bound));
        if is_within(x.to_f64(), moved.to_f64(), bound) {
            *y = moved;
            return Some(Correction::Steps(steps as i32));
        }
    }
    *y = x;
    Some(Correction::Exact(x.to_bits64()))
}

/// `y + k step` in the working precision, rounded to the sample type.
fn moved<E: Element>(y: E, steps: i32, step: E::Work) -> E {
    let moved = E::Work::from_f64(y.to_f64()) + E::Work::from_i32(steps) * step;
    E::from_f64(moved.to_f64())
}

/// Whether `|x - y| <= bound` holds exactly, rounding of the difference included.
fn is_within(x: f64, y: f64, bound: f64) -> bool {
    let difference = x - y;
    if difference.abs() != bound {
        return difference.abs() < bound;
    }
    // The rounded difference meets the bound: its rounding error decides (Knuth's two-sum).
    let back = x - difference;
    let error = (x - (difference + back)) + (back - y);
    if difference > 0.0 {
        error <= 0.0
    } else {
        error >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_checked_to_the_last_bit() {
        assert!(is_within(1.0, 0.5, 0.5));
        assert!(is_within(0.5, 1.0, 0.5));
        let tiny = f64::from_bits(1);
        // 1 - (-tiny) rounds to 1 but is larger.
        assert!(!is_within(1.0, -tiny, 1.0));
        assert!(is_within(1.0, tiny, 1.0));
        assert!(!is_within(-1.0, tiny, 1.0));
        assert!(!is_within(1.0, f64::NAN, 1.0));
    }

    #[test]
    fn corrections_bring_every_voxel_within_the_bound() {
        let original: Vec<f32> = (0..500).map(|i| (i as f32 * 0.37).sin() * 1e3).collect();
        let decoded: Vec<f32> = (original.iter().enumerate())
            .map(|(i, v)| v + (i % 7) as f32 * 0.2)
            .collect();
        let mut corrected = decoded.clone();
        let corrections = Corrections::find(&original, &mut corrected, None, 0.25);
        assert!(corrections.entries.len() > 300);
        for (x, y) in original.iter().zip(&corrected) {
            assert!(is_within(f64::from(*x), f64::from(*y), 0.25));
        }
        let mut again = decoded;
        let shape = Shape::new(&[20, 25]).unwrap();
        let region = shape.region();
        (corrections.apply(0.25, shape, region, &mut again)).unwrap();
        assert_eq!(again, corrected);
    }

    #[test]
    fn a_region_takes_its_own_corrections_alone() {
        let shape = Shape::new(&[4, 5, 6]).unwrap();
        let original: Vec<f64> = (0..120).map(f64::from).collect();
        let decoded: Vec<f64> = original.iter().map(|v| v + 0.75).collect();
        let mut whole = decoded.clone();
        let corrections = Corrections::find(&original, &mut whole, None, 0.5);
        let region = Region {
            start: [1, 2, 3],
            size: [2, 3, 2],
        };
        let mut part = shape.region().crop(&decoded, &region);
        corrections.apply(0.5, shape, region, &mut part).unwrap();
        assert_eq!(part, shape.region().crop(&whole, &region));
    }

    #[test]
    fn values_that_are_not_ordinary_stay_and_far_ones_are_stored_exactly() {
        let original = [1.0f32, 2.0, 1e30];
        let mut decoded = [5.0f32, 5.0, 5.0];
        let ordinary = [false, true, true];
        let corrections = Corrections::find(&original, &mut decoded, Some(&ordinary), 0.5);
        let exact = Correction::Exact(u64::from(1e30f32.to_bits()));
        let expected = [(1, Correction::Steps(-6)), (2, exact)];
        assert_eq!(corrections.entries, expected);
        assert_eq!(decoded, [5.0, 2.0, 1e30]);
    }

    #[test]
    fn a_voxel_outside_the_domain_is_corrupt() {
        let shape = Shape::new(&[2, 2]).unwrap();
        let corrections = Corrections {
            entries: vec![(4, Correction::Steps(1))],
        };
        let applied = corrections.apply(0.5, shape, shape.region(), &mut [0f32; 4]);
        assert!(applied.is_err());
    }
}
