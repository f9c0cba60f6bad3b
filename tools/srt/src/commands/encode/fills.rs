//! Voxels without data that nobody told of: their mark looks like a value, and costs as one.

use std::ops::Range;
use std::path::Path;

use crate::args::EncodeArgs;
use srt::{Dtype, Element, Values, dtype_dispatch};
use srt_program::warning;

/// Values that programs write where there is no data: of netCDF, CMIP, GRIB, Ferret, GDAL, and of integers.
const USUAL: [f64; 18] = [
    1e20,
    1e30,
    1e35,
    1e36,
    9.999e20,
    9.969_209_968_386_869e36,
    -9.969_209_968_386_869e36,
    -1e30,
    -1e34,
    -999.0,
    -9999.0,
    -99999.0,
    -32767.0,
    -32768.0,
    -2_147_483_648.0,
    f32::MAX as f64,
    f32::MIN as f64,
    -1.797_693_134_862_315_7e308,
];
/// A largest value so many times the median is no value of the same field.
const FAR: f64 = 1e15;
/// Values that the median is taken of, about.
const SAMPLES: usize = 1001;
/// Values looked at before their pages are let go of.
const BLOCK: usize = 1 << 22;

/// Looks at the values of a series before they are encoded; says once what is odd about them.
pub(super) struct FillWatch<'a> {
    args: &'a EncodeArgs,
    has_told: bool,
    dtype: Dtype,
    /// Of all ordinary values so far.
    all: Extremes,
}

/// The ends of the ordinary values of a field.
#[derive(Clone, Copy)]
struct Extremes {
    min: f64,
    max: f64,
    /// Whether the mask value is among them.
    has_mask: bool,
}

impl Extremes {
    const NONE: Self = Self {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        has_mask: false,
    };

    fn add<E: Element>(&mut self, values: &[E], mask: Option<E>) {
        for &value in values {
            if Some(value) == mask {
                self.has_mask = true;
            } else if value.is_finite() {
                let value = value.to_f64();
                self.min = self.min.min(value);
                self.max = self.max.max(value);
            }
        }
    }

    fn join(&mut self, other: Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.has_mask |= other.has_mask;
    }
}

impl<'a> FillWatch<'a> {
    pub(super) fn new(args: &'a EncodeArgs) -> Self {
        Self {
            args,
            has_told: false,
            dtype: Dtype::F64,
            all: Extremes::NONE,
        }
    }

    /// Looks at the field of one step; `done` is called with values that will not be looked at again.
    pub(super) fn look(&mut self, path: &Path, values: &Values<'_>, done: impl Fn(Range<usize>)) {
        if self.args.quiet || self.has_told {
            return;
        }
        dtype_dispatch!(values, Values(v) => self.look_at(path, v, done));
    }

    fn look_at<E: Element>(&mut self, path: &Path, values: &[E], done: impl Fn(Range<usize>)) {
        let mask = self.args.mask_value.and_then(E::from_mark);
        let mut found = Extremes::NONE;
        let mut start = 0;
        for block in values.chunks(BLOCK) {
            found.add(block, mask);
            done(start..start + block.len());
            start += block.len();
        }
        self.all.join(found);
        self.dtype = E::DTYPE;
        // Ends of the range of an integer are values like others.
        if self.args.mask_value.is_some() || E::DTYPE.is_integer() {
            return;
        }
        if let Some(value) = mark(found, || median(values)) {
            let (path, value) = (path.display(), number(value, E::DTYPE));
            warning(format!(
                "{path}: {value} looks like a mark of voxels without data: --mask-value {value} keeps it apart (-q: no warning)"
            ));
            self.has_told = true;
        }
    }

    /// Says so when the mask value was nowhere. A part may well have none.
    pub(super) fn end(&self) {
        let Some(mask) = self.args.mask_value.filter(|mask| mask.is_finite()) else {
            return;
        };
        let Extremes { min, max, has_mask } = self.all;
        let number = |value| number(value, self.dtype);
        if self.args.quiet || self.args.part.is_some() || has_mask {
            return;
        }
        if min > max {
            warning(format!("no value is {}, and none a number", number(mask)));
            return;
        }
        let instead = match usual(min).or(usual(max)) {
            Some(value) => format!("--mask-value {} instead?", number(value)),
            None => "leave --mask-value out?".to_owned(),
        };
        warning(format!(
            "no value is {}, all are from {} to {}: {instead} (-q: no warning)",
            number(mask),
            number(min),
            number(max)
        ));
    }
}

/// An end of the values that is likely none.
fn mark(found: Extremes, median: impl FnOnce() -> Option<f64>) -> Option<f64> {
    let Extremes { min, max, .. } = found;
    if min >= max {
        return None;
    }
    let largest = if max.abs() >= min.abs() { max } else { min };
    let is_far = || median().is_some_and(|m| m > 0.0 && largest.abs() > FAR * m);
    usual(max)
        .or(usual(min))
        .or_else(|| is_far().then_some(largest))
}

/// A value, if it is a usual mark in any of the types that fields come in.
fn usual(value: f64) -> Option<f64> {
    let is_it = |&mark: &f64| value == mark || value == f64::from(mark as f32);
    USUAL.iter().any(is_it).then_some(value)
}

/// The median of the magnitudes of some values.
fn median<E: Element>(values: &[E]) -> Option<f64> {
    let some = values.iter().step_by((values.len() / SAMPLES).max(1));
    let mut some: Vec<f64> = some
        .filter(|v| v.is_finite())
        .map(|v| v.to_f64().abs())
        .collect();
    let middle = some.len() / 2;
    if some.is_empty() {
        return None;
    }
    Some(*some.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// A number as it is to be typed for a field of `dtype`: rounded to that it is this one.
fn number(value: f64, dtype: Dtype) -> String {
    let is_short = value == 0.0 || (1e-4..1e10).contains(&value.abs());
    match (dtype, is_short) {
        (Dtype::F16 | Dtype::F32, true) => (value as f32).to_string(),
        (Dtype::F16 | Dtype::F32, false) => format!("{:e}", value as f32),
        (_, true) => value.to_string(),
        (_, false) => format!("{value:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[f32]) -> Option<f64> {
        let mut found = Extremes::NONE;
        found.add(values, None);
        mark(found, || median(values))
    }

    #[test]
    fn marks_are_told_from_values() {
        assert_eq!(found(&[1.0, 2.0, 1e20]), Some(f64::from(1e20f32)));
        assert_eq!(found(&[1.0, 9.969_21e36]), Some(f64::from(9.969_21e36_f32)));
        assert_eq!(found(&[-9999.0, 250.0, 260.0]), Some(-9999.0));
        assert_eq!(found(&[f32::NAN, 3.0, -32768.0]), Some(-32768.0));
        // No usual mark, but nothing of the field either.
        assert_eq!(found(&[1.0, 2.0, 3.0, -7e17]), Some(f64::from(-7e17_f32)));
        // Wide, mostly zero, constant, empty.
        assert_eq!(found(&[1.0, 2.0, 3.0, 1e14]), None);
        assert_eq!(found(&[0.0, 0.0, 0.0, 5.0]), None);
        assert_eq!(found(&[-9999.0, -9999.0]), None);
        assert_eq!(found(&[f32::NAN]), None);
    }

    #[test]
    fn numbers_are_short_enough_to_type() {
        let values = [-9999.0, 0.0, 0.5, 1e20, 9.969_209_968_386_869e36];
        let shown = values.map(|value| number(value, Dtype::F64));
        assert_eq!(shown, ["-9999", "0", "0.5", "1e20", "9.969209968386869e36"]);
        let shown = values.map(|value| number(value, Dtype::F32));
        assert_eq!(shown, ["-9999", "0", "0.5", "1e20", "9.96921e36"]);
    }
}
