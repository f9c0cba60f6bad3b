//! Range, mean and spread of a field before it is encoded, and what tells it from others.

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

/// CRC-32 of the values, little endian: tells fields apart, but for one in 2^32 and whoever means to deceive.
#[must_use]
pub fn checksum(values: &Values<'_>, observer: &Observer) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    dtype_dispatch!(values, Values(values) => for_each_stretch(values, observer, |_, values| {
        let mut bytes = Vec::new();
        for run in values.chunks(RUN) {
            bytes.clear();
            Element::encode_le(run, &mut bytes);
            hasher.update(&bytes);
        }
    }));
    hasher.finalize()
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
