//! The one judge: how far a decoded field is from its original, measured as the encoder of its frame measures, and
//! whether the frame keeps what it promises.

use std::ops::Range;

use rayon::prelude::*;

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::container::{Bound, Form, Frame};
use crate::frame::goal::{Findings, Goal};
use crate::frame::sample::for_each_stretch;
use crate::metrics::{Comparer, EvalReport, SsimComparer, finite_range};
use crate::options::Observer;

/// Values whose bits are compared by one task.
const RUN: usize = 1 << 15;

/// A measured field, and what that means for its frame.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Verdict {
    /// The errors of the voxels that the encoder did not leave out; PSNR and relative errors are by the range that the
    /// frame's bound refers to. Voxels that were left out and came back otherwise are mismatches.
    pub report: EvalReport,
    /// Whether the frame keeps its bound; `None` for a ratio, which the values do not tell.
    pub holds: Option<bool>,
}

/// Which voxels count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Voxels {
    /// Those that the encoder did not leave out; all where it is missing.
    pub(crate) coded: Option<Vec<bool>>,
    /// Of these, those that are measured; the same where it is missing.
    pub(crate) measured: Option<Vec<bool>>,
}

impl Voxels {
    /// Leaves out the voxels with `value`, which the encoder may have coded.
    pub(crate) fn without<E: Element>(
        mut self,
        values: &[E],
        value: f64,
        observer: &Observer,
    ) -> Self {
        let value = E::from_mark(value);
        let is_coded = |i: usize| self.coded.as_ref().is_none_or(|coded| coded[i]);
        let mut measured = Vec::with_capacity(values.len());
        for_each_stretch(values, observer, |first, values| {
            let keep = |(i, v): (usize, &E)| is_coded(first + i) && Some(*v) != value;
            measured.extend(values.iter().enumerate().map(keep));
        });
        self.measured = Some(measured);
        self
    }

    fn measured(&self) -> Option<&[bool]> {
        self.measured.as_deref().or(self.coded.as_deref())
    }
}

/// An original, and what is to be known before its frame is decoded.
pub(crate) struct Evidence<'a, E> {
    pub(crate) shape: Shape,
    pub(crate) values: &'a [E],
    pub(crate) voxels: &'a Voxels,
    pub(crate) observer: &'a Observer,
}

/// Takes in a decoded field part by part, beside its original.
pub(crate) struct Judge<'a, A, B> {
    evidence: &'a Evidence<'a, A>,
    /// The range that the bound refers to; without extent, that of the original counts.
    range: (f64, f64),
    comparer: Comparer<'a, A, B>,
    ssim: SsimComparer<'a, A, B>,
    done: usize,
    mismatches: u64,
    has_lost_bits: bool,
}

impl<'a, A: Element, B: Element> Judge<'a, A, B> {
    /// `range` is that of the frame's records together; `decoded` has the values of the decoded field within.
    ///
    /// # Errors
    /// `InvalidArgument` when the original or its mask does not fit the shape.
    pub(crate) fn new(
        evidence: &'a Evidence<'a, A>,
        range: (f64, f64),
        decoded: (f64, f64),
    ) -> Result<Self> {
        let (values, measured) = (evidence.values, evidence.voxels.measured());
        let mut own: Option<(f64, f64)> = None;
        for_each_stretch(values, evidence.observer, |first, values| {
            let measured = measured.and_then(|m| m.get(first..first + values.len()));
            own = join(own, finite_range(values, measured));
        });
        let (min, max) = join(own, Some(decoded)).unwrap_or_default();
        Ok(Self {
            evidence,
            range,
            comparer: Comparer::new(values, measured, (min, max))?,
            ssim: SsimComparer::new(evidence.shape, values, measured, own)?,
            done: 0,
            mismatches: 0,
            has_lost_bits: false,
        })
    }

    /// Takes in the next values, which `frame` tells of.
    ///
    /// # Errors
    /// `InvalidArgument` when there are more than the original has.
    pub(crate) fn push(&mut self, values: &[B], frame: &Frame) -> Result<()> {
        let own = self.measure(values)?;
        let original = &self.evidence.values[own.clone()];
        let coded = self.evidence.voxels.coded.as_deref();
        let coded = coded.map(|coded| &coded[own.clone()]);
        if let Some(coded) = coded {
            self.mismatches += left_out_and_changed(original, values, coded);
        }
        if frame.bound.is_exact() {
            self.has_lost_bits |= has_other_bits(original, values, None);
        } else if frame.form == Form::Lossless {
            self.has_lost_bits |= has_other_bits(original, values, coded);
        }
        self.evidence.observer.values_read(own);
        Ok(())
    }

    /// Measures the next values; gives their places.
    fn measure(&mut self, values: &[B]) -> Result<Range<usize>> {
        self.comparer.push(values)?;
        self.ssim.push(values)?;
        let own = self.done..self.done + values.len();
        self.done = own.end;
        Ok(own)
    }

    /// What was found, and whether every one of `bounds` is kept.
    ///
    /// # Errors
    /// `InvalidArgument` when the decoded field was shorter than the original.
    pub(crate) fn finish(self, bounds: impl Iterator<Item = Bound>) -> Result<Verdict> {
        let comparison = self.comparer.finish()?.by_range(self.range);
        let comparison = comparison.with_mismatches(self.mismatches);
        let ssim = self.ssim.finish()?;
        let findings = Findings {
            comparison: &comparison,
            ssim: Some(ssim),
            ratio: None,
            has_lost_bits: self.has_lost_bits,
        };
        let verdicts = bounds.map(|bound| Goal::new(bound, self.range).judge(&findings));
        Ok(Verdict {
            report: EvalReport::new(&comparison, ssim),
            holds: verdicts.flatten().reduce(|a, b| a && b),
        })
    }
}

/// Takes in values of a field, stretch by stretch.
pub(crate) type Take<'a, B> = dyn FnMut(&[B]) + 'a;

/// Compares a field of no frame with its original, stretch by stretch: [`EvalReport::measure`] to the bit, but that it tells which
/// values of the original are read. `each_stretch` hands out the field's values, and does so twice.
///
/// # Errors
/// `InvalidArgument` for one of another shape.
pub(crate) fn compare_plain<A: Element, B: Element>(
    evidence: &Evidence<'_, A>,
    each_stretch: &dyn Fn(&mut Take<'_, B>),
) -> Result<EvalReport> {
    let mut decoded = None;
    each_stretch(&mut |values| decoded = join(decoded, finite_range(values, None)));
    let none = (0.0, 0.0);
    let mut judge = Judge::<A, B>::new(evidence, none, decoded.unwrap_or(none))?;
    let mut measured = Ok(());
    each_stretch(&mut |values| {
        if measured.is_ok() {
            let own = judge.measure(values);
            measured = own.map(|own| evidence.observer.values_read(own));
        }
    });
    measured?;
    Ok(judge.finish(std::iter::empty())?.report)
}

fn join(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

/// Voxels that are not coded, and are not what they were: NaN for NaN, else the same number.
fn left_out_and_changed<A: Element, B: Element>(
    original: &[A],
    values: &[B],
    coded: &[bool],
) -> u64 {
    let changed = |((a, b), coded): ((&A, &B), &bool)| {
        let (a, b) = (a.to_f64(), b.to_f64());
        !coded && a != b && !(a.is_nan() && b.is_nan())
    };
    let voxels = original.par_iter().zip(values).zip(coded);
    voxels
        .with_min_len(RUN)
        .filter(|&voxel| changed(voxel))
        .count() as u64
}

/// Whether a voxel differs in any bit, of those in `keep`.
fn has_other_bits<A: Element, B: Element>(
    original: &[A],
    values: &[B],
    keep: Option<&[bool]>,
) -> bool {
    let differ = |a: &A, b: &B| {
        if A::DTYPE == B::DTYPE {
            a.to_bits64() != b.to_bits64()
        } else {
            a.to_f64().to_bits() != b.to_f64().to_bits()
        }
    };
    let runs = original.par_chunks(RUN).zip(values.par_chunks(RUN));
    runs.enumerate().any(|(i, (a, b))| {
        let is_kept = |j: usize| keep.is_none_or(|keep| keep[i * RUN + j]);
        let mut voxels = a.iter().zip(b).enumerate();
        voxels.any(|(j, (a, b))| differ(a, b) && is_kept(j))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_fields_compare_as_whole_ones() {
        let shape = Shape::new(&[17, 18, 19]).unwrap();
        let original: Vec<f32> = (0..shape.len()).map(|i| (i as f32 * 0.01).sin()).collect();
        for (scale, mask_value) in [
            (1.0, None),
            (1e300, None),
            (1.0, Some(0.0)),
            (1.0, Some(7.0)),
        ] {
            let decoded = original.iter().enumerate();
            let mut decoded: Vec<f64> = decoded
                .map(|(i, v)| (f64::from(*v) + (i % 7) as f64 * 1e-3) * scale)
                .collect();
            decoded[0] = 3.0;
            let observer = Observer::default();
            let voxels = Voxels::default();
            let voxels = match mask_value {
                Some(value) => voxels.without(&original, value, &observer),
                None => voxels,
            };
            let evidence = Evidence {
                shape,
                values: &original,
                voxels: &voxels,
                observer: &observer,
            };
            let compare = |decoded: &[f64]| {
                let each = |f: &mut Take<'_, f64>| {
                    for_each_stretch(decoded, &observer, |_, values| f(values));
                };
                compare_plain(&evidence, &each)
            };
            let found = compare(&decoded).unwrap();
            let mask = voxels.measured();
            let whole = EvalReport::measure(shape, &original, &decoded, mask).unwrap();
            assert_eq!(found, whole, "{scale} {mask_value:?}");
            assert!(compare(&decoded[1..]).is_err());
        }
    }

    #[test]
    fn bits_and_left_out_voxels_are_told() {
        let (a, b) = ([0.0f32, f32::NAN, 1e20], [-0.0f32, -f32::NAN, 1e20]);
        assert!(has_other_bits(&a, &b, None));
        assert!(!has_other_bits(&a, &b, Some(&[false, false, true])));
        assert!(!has_other_bits(&a[2..], &[f64::from(1e20f32)], None));
        assert_eq!(left_out_and_changed(&a, &b, &[false; 3]), 0);
        assert_eq!(left_out_and_changed(&a, &[1.0, 2.0, 3.0], &[false; 3]), 3);
        assert_eq!(left_out_and_changed(&a, &[1.0, 2.0, 3.0], &[true; 3]), 0);
    }
}
