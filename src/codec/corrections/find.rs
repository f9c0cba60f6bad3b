//! Finding the corrections of a field as it is decoded (spec section 4.9).

use std::ops::Range;

use rayon::prelude::*;

use super::walk::{Walk, Wanted};
use super::{Correction, moved};
use crate::base::dtype::Element;
use crate::base::grid::Shape;
use crate::base::real::Real;
use crate::codec::ctx::RangeEncoder;

/// Largest correction in steps of the bound; beyond, the value itself is stored.
const MAX_STEPS: i32 = 1 << 20;
/// Values handled by one task.
const RUN: usize = 1 << 14;

/// Code of a voxel that is replaced by the original value.
const EXACT: i8 = i8::MAX;
/// Code of a voxel whose steps do not fit a code.
const FAR: i8 = i8::MIN;

/// Finds what brings every ordinary value of a decoded field within a bound of the original, and codes it: a layer of blocks
/// whenever its last plane is there, so that no more corrections are held than those of a few planes.
pub struct CorrectionWriter<'a, E> {
    original: &'a [E],
    ordinary: Option<&'a [bool]>,
    bound: f64,
    walk: Walk,
    coder: RangeEncoder,
    /// Voxels of the layer that is being filled.
    layer: Range<usize>,
    /// What is done to those of its voxels that were decoded: nothing, steps, or one of the codes above.
    codes: Vec<i8>,
    /// Steps of voxels that are far off, by place in the layer.
    far: Vec<(usize, i32)>,
    any: bool,
}

impl<'a, E: Element> CorrectionWriter<'a, E> {
    /// Starts at the first voxel. `ordinary` tells which values count; all do where it is missing.
    #[must_use]
    pub fn new(shape: Shape, original: &'a [E], ordinary: Option<&'a [bool]>, bound: f64) -> Self {
        let mut walk = Walk::new(shape, E::DTYPE);
        Self {
            original,
            ordinary,
            bound,
            layer: walk.next_layer().unwrap_or(0..0),
            walk,
            coder: RangeEncoder::default(),
            codes: Vec::new(),
            far: Vec::new(),
            any: false,
        }
    }

    /// Corrects the next values of the decoded field.
    pub fn push(&mut self, mut decoded: &mut [E]) {
        while !decoded.is_empty() {
            let missing = self.layer.len() - self.codes.len();
            let (now, rest) = decoded.split_at_mut(missing.min(decoded.len()));
            if now.is_empty() {
                return;
            }
            self.find(now);
            if self.codes.len() == self.layer.len() {
                self.code();
            }
            decoded = rest;
        }
    }

    /// The payload; `None` where nothing is to be corrected.
    #[must_use]
    pub fn finish(self) -> Option<Vec<u8>> {
        self.any.then(|| self.coder.finish())
    }

    /// Corrects values of the layer.
    fn find(&mut self, decoded: &mut [E]) {
        let before = self.codes.len();
        let first = self.layer.start + before;
        let (original, bound) = (&self.original[first..first + decoded.len()], self.bound);
        let ordinary = self.ordinary.map(|o| &o[first..first + decoded.len()]);
        self.codes.resize(before + decoded.len(), 0);
        let codes = self.codes[before..].par_chunks_mut(RUN);
        let runs = codes
            .zip(original.par_chunks(RUN))
            .zip(decoded.par_chunks_mut(RUN));
        let found: Vec<FoundRun> = runs
            .enumerate()
            .map(|(i, ((codes, original), decoded))| {
                let ordinary = ordinary.map(|o| &o[i * RUN..][..codes.len()]);
                FoundRun::new(codes, original, decoded, |j| {
                    ordinary.is_none_or(|o| o[j]).then_some(bound)
                })
            })
            .collect();
        for (i, run) in found.into_iter().enumerate() {
            let place = before + i * RUN;
            self.any |= run.any;
            self.far
                .extend(run.far.into_iter().map(|(at, steps)| (place + at, steps)));
        }
    }

    /// Codes the layer, and goes on to the next.
    fn code(&mut self) {
        let layer = CodedLayer {
            codes: &self.codes,
            far: &self.far,
            original: &self.original[self.layer.clone()],
        };
        self.walk
            .layer(&mut self.coder, &layer, u64::MAX, |_, _| ());
        self.codes.clear();
        self.far.clear();
        self.layer = self.walk.next_layer().unwrap_or(0..0);
    }
}

/// What was found in a run of values.
struct FoundRun {
    any: bool,
    /// Steps of voxels that are far off, by place in the run.
    far: Vec<(usize, i32)>,
}

impl FoundRun {
    /// Brings values within the bound that they have, if any, and says how in `codes`.
    fn new<E: Element>(
        codes: &mut [i8],
        original: &[E],
        decoded: &mut [E],
        bound: impl Fn(usize) -> Option<f64>,
    ) -> Self {
        let (mut any, mut far) = (false, Vec::new());
        for (at, ((code, &x), y)) in codes.iter_mut().zip(original).zip(decoded).enumerate() {
            let Some(correction) = bound(at).and_then(|bound| correct(x, y, bound)) else {
                continue;
            };
            any = true;
            *code = match correction {
                Correction::Exact(_) => EXACT,
                Correction::Steps(steps) => match i8::try_from(steps) {
                    Ok(steps) if steps != EXACT && steps != FAR => steps,
                    _ => {
                        far.push((at, steps));
                        FAR
                    }
                },
            };
        }
        Self { any, far }
    }
}

/// The corrections of a layer of blocks by voxel.
struct CodedLayer<'a, E> {
    codes: &'a [i8],
    far: &'a [(usize, i32)],
    original: &'a [E],
}

impl<E: Element> Wanted for CodedLayer<'_, E> {
    fn at(&self, place: usize) -> Option<Correction> {
        match self.codes[place] {
            0 => None,
            EXACT => Some(Correction::Exact(self.original[place].to_bits64())),
            FAR => {
                let found = self.far.binary_search_by_key(&place, |&(at, _)| at).ok();
                found.map(|i| Correction::Steps(self.far[i].1))
            }
            steps => Some(Correction::Steps(steps.into())),
        }
    }

    fn count(&self, places: Range<usize>) -> usize {
        self.codes[places].iter().filter(|&&code| code != 0).count()
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
    use crate::base::dtype::Dtype;
    use crate::base::grid::Region;
    use crate::base::limits::Limits;
    use crate::codec::corrections::{CorrectionReader, Corrections};

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

    /// Corrects `decoded` in steps of so many values.
    fn corrected<E: Element>(
        shape: Shape,
        original: &[E],
        decoded: &mut [E],
        bound: f64,
        at_once: usize,
    ) -> Vec<u8> {
        let mut writer = CorrectionWriter::new(shape, original, None, bound);
        for part in decoded.chunks_mut(at_once) {
            writer.push(part);
        }
        writer.finish().unwrap()
    }

    fn reader(shape: Shape, payload: &[u8]) -> CorrectionReader<'_> {
        CorrectionReader::new(shape, Dtype::F32, payload, &Limits::default()).unwrap()
    }

    #[test]
    fn corrections_bring_every_voxel_within_the_bound_however_the_field_comes() {
        for extents in [
            &[20, 25][..],
            &[90, 7],
            &[1, 40, 9],
            &[1, 1, 300],
            &[1, 300],
            &[19, 5, 11],
            &[3, 2, 70],
        ] {
            let shape = Shape::new(extents).unwrap();
            let original: Vec<f32> = (0..shape.len())
                .map(|i| (i as f32 * 0.37).sin() * 1e3)
                .collect();
            let off = |i: usize| (i % 7) as f32 * 0.2 + if i % 97 == 5 { 60.0 } else { 0.0 };
            let decoded: Vec<f32> = original
                .iter()
                .enumerate()
                .map(|(i, v)| v + off(i))
                .collect();
            let mut whole = decoded.clone();
            let payload = corrected(shape, &original, &mut whole, 0.25, shape.len());
            for (x, y) in original.iter().zip(&whole) {
                assert!(is_within(f64::from(*x), f64::from(*y), 0.25));
            }
            for at_once in [1, 33, 100] {
                let mut parts = decoded.clone();
                let same = corrected(shape, &original, &mut parts, 0.25, at_once);
                assert!(same == payload && parts == whole);
            }
            for planes in [1, 3, 100] {
                let mut reader = reader(shape, &payload);
                let mut again = Vec::new();
                for region in shape.region().slabs(planes) {
                    let mut part = shape.region().crop(&decoded, &region);
                    reader.apply(0.25, region, &mut part).unwrap();
                    again.extend(part);
                }
                reader.finish().unwrap();
                assert_eq!(again, whole);
            }
        }
    }

    #[test]
    fn a_region_takes_its_own_corrections_alone() {
        let shape = Shape::new(&[14, 5, 6]).unwrap();
        let original: Vec<f32> = (0..shape.len()).map(|i| i as f32).collect();
        let decoded: Vec<f32> = original.iter().map(|v| v + 0.75).collect();
        let mut whole = decoded.clone();
        let payload = corrected(shape, &original, &mut whole, 0.5, 17);
        let region = Region {
            start: [6, 2, 3],
            size: [4, 3, 2],
        };
        let mut part = shape.region().crop(&decoded, &region);
        let mut reader = reader(shape, &payload);
        reader.apply(0.5, region, &mut part).unwrap();
        reader.finish().unwrap();
        assert_eq!(part, shape.region().crop(&whole, &region));
    }

    #[test]
    fn values_that_are_not_ordinary_stay_and_far_ones_are_stored_exactly() {
        let original = [1.0f32, 2.0, 1e30, 500.0];
        let mut decoded = [5.0f32, 5.0, 5.0, 5.0];
        let ordinary = [false, true, true, true];
        let shape = Shape::new(&[1, 4]).unwrap();
        let mut writer = CorrectionWriter::new(shape, &original, Some(&ordinary), 0.5);
        writer.push(&mut decoded);
        let payload = writer.finish().unwrap();
        let found = Corrections::decode(shape, Dtype::F32, &payload, &Limits::default());
        let exact = Correction::Exact(u64::from(1e30f32.to_bits()));
        let far = Correction::Steps(990);
        let expected = [(1, Correction::Steps(-6)), (2, exact), (3, far)];
        assert_eq!(found.unwrap().entries, expected);
        assert_eq!(decoded, [5.0, 2.0, 1e30, 500.0]);
    }

    #[test]
    fn nothing_to_correct_is_no_payload() {
        let shape = Shape::new(&[3, 4]).unwrap();
        let values = [1.0f32; 12];
        let mut writer = CorrectionWriter::new(shape, &values, None, 0.5);
        writer.push(&mut values.clone());
        assert_eq!(writer.finish(), None);
    }
}
