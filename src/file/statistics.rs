//! Range, mean and spread of a field before it is encoded.

use rayon::prelude::*;

use crate::base::dtype::{Element, dtype_dispatch};
use crate::codec::mask::Mask;
use crate::frame::sample::{RUN, for_each_stretch};
use crate::metrics::Moments;
use crate::options::Observer;
use crate::volume::Values;

/// Measures the ordinary values: those that are finite and not `mask_value`. Those of the parts of a
/// field, joined, are those of the field, its range exactly and the rest up to rounding.
#[must_use]
pub fn measure(values: &Values<'_>, mask_value: Option<f64>, observer: &Observer) -> Moments {
    dtype_dispatch!(values, Values(v) => moments(v, mask_value, observer))
}

fn moments<E: Element>(values: &[E], mask_value: Option<f64>, observer: &Observer) -> Moments {
    let run = |run: &[E]| {
        if !Mask::is_needed(run, mask_value) {
            return Moments::of(run, None);
        }
        let ordinary = |v: &E| !Mask::is_needed(std::slice::from_ref(v), mask_value);
        let ordinary: Vec<bool> = run.iter().map(ordinary).collect();
        Moments::of(run, Some(&ordinary))
    };
    let mut runs: Vec<Moments> = Vec::new();
    for_each_stretch(values, observer, |_, values| {
        runs.par_extend(values.par_chunks(RUN).map(run));
    });
    runs.into_iter().fold(Moments::default(), Moments::join)
}
