//! Samples of a field and the normalised values that are coded.

use rayon::prelude::*;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::real::{Real, RealSlice};
use crate::metrics::{Comparison, Moments};
use crate::options::Observer;

/// Samples handled by one task.
pub(crate) const RUN: usize = 1 << 15;

/// The affine map between the field's unit and the normalised values that are transformed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Normalisation<T> {
    /// Normalised 0.
    pub(crate) offset: T,
    /// Normalised 1, above the offset.
    pub(crate) scale: T,
    /// Range of the ordinary values; decoded values are clamped to it.
    pub(crate) range: (T, T),
}

impl<T: Real> Normalisation<T> {
    /// Zero mean and unit variance, measured over the ordinary values.
    ///
    /// `None` when there is no ordinary value.
    pub(crate) fn measure<E: Element<Work = T>>(
        values: &[E],
        ordinary: Option<&[bool]>,
        observer: &Observer,
    ) -> Option<Self> {
        // Sums over fixed runs, added in order: the same for every thread count.
        let mut runs: Vec<Moments> = Vec::new();
        for_each_stretch(values, observer, |first, values| {
            let ordinary = |i: usize, n: usize| ordinary.map(|o| &o[first + i * RUN..][..n]);
            let run = |(i, run): (usize, &[E])| Moments::of(run, ordinary(i, run.len()));
            runs.par_extend(values.par_chunks(RUN).enumerate().map(run));
        });
        let all = runs.into_iter().fold(Moments::default(), Moments::join);
        if all.count == 0.0 {
            return None;
        }
        let (min, max) = (T::from_f64(all.min), T::from_f64(all.max));
        // At least one step of the smallest number, so that dividing by it is always defined.
        let smallest = match T::values(&[]) {
            RealSlice::F32(_) => f64::from(f32::from_bits(1)),
            RealSlice::F64(_) => f64::from_bits(1),
        };
        let deviation = all
            .spread
            .clamp(smallest, all.max / 2.0 - all.min / 2.0 + smallest);
        Some(Self {
            offset: T::from_f64(all.mean.clamp(all.min, all.max)),
            scale: T::from_f64(deviation),
            range: (min, max),
        })
    }

    /// With the range of a field that the values are part of.
    ///
    /// # Errors
    /// `InvalidArgument` when values lie outside of it.
    pub(crate) fn within(self, (min, max): (f64, f64)) -> Result<Self> {
        let (low, high) = self.range;
        let range = (T::from_f64(min), T::from_f64(max));
        if range.0 <= low && high <= range.1 && min.is_finite() && max.is_finite() {
            return Ok(Self { range, ..self });
        }
        Err(Error::invalid(format!(
            "values from {} to {} found outside of the range given, {min} to {max}",
            low.to_f64(),
            high.to_f64()
        )))
    }

    /// PSNR and relative error by the range of the field that the values are part of.
    pub(crate) fn relate_to_range(&self, comparison: Comparison) -> Comparison {
        comparison.by_range(self.bounds())
    }

    /// The range, as numbers of one type whatever the precision.
    pub(crate) fn bounds(&self) -> (f64, f64) {
        (self.range.0.to_f64(), self.range.1.to_f64())
    }

    /// Normalised values; zero where a value is not ordinary.
    pub(crate) fn apply<E: Element<Work = T>>(
        &self,
        values: &[E],
        ordinary: Option<&[bool]>,
    ) -> Vec<T> {
        let mut out = vec![T::ZERO; values.len()];
        out.par_chunks_mut(RUN)
            .zip(values.par_chunks(RUN))
            .enumerate()
            .for_each(|(i, (out, values))| {
                for (o, v) in out.iter_mut().zip(values) {
                    *o = self.normalise(v.to_f64());
                }
                if let Some(ordinary) = ordinary {
                    for (o, &ordinary) in out.iter_mut().zip(&ordinary[i * RUN..]) {
                        if !ordinary {
                            *o = T::ZERO;
                        }
                    }
                }
            });
        out
    }

    /// Normalised values of a box of a field of `shape`, all ordinary: those of
    /// [`Normalisation::apply`].
    pub(crate) fn apply_to_box<E: Element<Work = T>>(
        &self,
        shape: Shape,
        values: &[E],
        region: Region,
    ) -> Vec<T> {
        let mut out = vec![T::ZERO; region.len()];
        let mut rows = Vec::new();
        shape
            .region()
            .for_each_row(&region, &region, |from, _, _| rows.push(from));
        out.par_chunks_mut(region.size[2])
            .zip(rows)
            .with_min_len((RUN / region.size[2]).max(1))
            .for_each(|(out, from)| {
                for (o, v) in out.iter_mut().zip(&values[from..]) {
                    *o = self.normalise(v.to_f64());
                }
            });
        out
    }

    fn normalise(&self, value: f64) -> T {
        let (offset, scale) = (self.offset.to_f64(), self.scale.to_f64());
        let difference = value - offset;
        T::from_f64(if difference.is_finite() {
            difference / scale
        } else {
            // The range may pass the largest double; half of it does not.
            (value * 0.5 - offset * 0.5) / (scale * 0.5)
        })
    }

    /// Values in the field's unit: `fl(fl(u scale) + offset)`, clamped to the range (spec section 6.5).
    pub(crate) fn undo(&self, values: &mut [T]) {
        let Self {
            offset,
            scale,
            range,
        } = *self;
        values.par_chunks_mut(RUN).for_each(|run| {
            for v in run {
                let y = *v * scale + offset;
                let y = if y < range.0 { range.0 } else { y };
                *v = if y > range.1 { range.1 } else { y };
            }
        });
    }
}

/// Values between two reports that they were read; whole runs. As many as are worth a fork to many threads: the pages of a
/// mapped input that lie in memory at a time.
const STRETCH: usize = RUN << 6;

/// Calls `f` with the values in stretches and the index of each stretch's first; tells `observer` after each.
pub(crate) fn for_each_stretch<E>(
    values: &[E],
    observer: &Observer,
    mut f: impl FnMut(usize, &[E]),
) {
    every_stretch(values, observer, |first, values| {
        f(first, values);
        true
    });
}

/// [`for_each_stretch`] until `f` says no; whether it never did.
pub(crate) fn every_stretch<E>(
    values: &[E],
    observer: &Observer,
    mut f: impl FnMut(usize, &[E]) -> bool,
) -> bool {
    values.chunks(STRETCH).enumerate().all(|(i, stretch)| {
        let first = i * STRETCH;
        let goes_on = f(first, stretch);
        observer.values_read(first..first + stretch.len());
        goes_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure<E: Element>(values: &[E], ordinary: Option<&[bool]>) -> Normalisation<E::Work> {
        Normalisation::measure(values, ordinary, &Observer::default()).unwrap()
    }

    #[test]
    fn normalised_values_have_no_mean_and_unit_variance() {
        let values: Vec<f64> = (0..1000).map(|i| 300.0 + (i as f64 * 0.7).sin()).collect();
        let field = measure(&values, None).apply(&values, None);
        let mean = field.iter().sum::<f64>() / 1000.0;
        let square = field.iter().map(|v| v * v).sum::<f64>() / 1000.0;
        assert!(
            mean.abs() < 1e-9 && (square - 1.0).abs() < 1e-9,
            "{mean} {square}"
        );
    }

    #[test]
    fn undoing_gives_back_the_values_within_their_range() {
        let values: Vec<f32> = (0..500)
            .map(|i| (i as f32 * 0.3).cos() * 7.0 - 2.0)
            .collect();
        let normalisation = measure(&values, None);
        let mut field = normalisation.apply(&values, None);
        field[0] = 1e9;
        normalisation.undo(&mut field);
        assert_eq!(field[0], normalisation.range.1);
        for (a, b) in values.iter().zip(&field).skip(1) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn values_that_are_not_ordinary_do_not_count_and_become_zero() {
        let values = [f32::NAN, 1.0, 3.0, f32::INFINITY];
        let ordinary = [false, true, true, false];
        let normalisation = measure(&values, Some(&ordinary));
        assert_eq!(normalisation.bounds(), (1.0, 3.0));
        let field = normalisation.apply(&values, Some(&ordinary));
        assert_eq!(field, [0.0, -1.0, 1.0, 0.0]);
        let none = Normalisation::measure(&values, Some(&[false; 4]), &Observer::default());
        assert_eq!(none, None);
    }

    #[test]
    fn a_box_is_normalised_like_the_whole() {
        let shape = Shape::new(&[5, 6, 7]).unwrap();
        let values: Vec<f32> = (0..shape.len()).map(|i| (i * i % 97) as f32).collect();
        let normalisation = measure(&values, None);
        let whole = normalisation.apply(&values, None);
        let region = Region {
            start: [1, 2, 3],
            size: [3, 4, 2],
        };
        let part = normalisation.apply_to_box(shape, &values, region);
        assert_eq!(part, shape.region().crop(&whole, &region));
    }

    #[test]
    fn extreme_ranges_stay_finite() {
        for values in [[-f64::MAX, f64::MAX], [0.0, f64::from_bits(1)]] {
            let normalisation = measure(&values, None);
            let mut field = normalisation.apply(&values, None);
            assert!(field.iter().all(|v| v.is_finite()), "{field:?}");
            normalisation.undo(&mut field);
            assert!(field.iter().all(|v| v.is_finite()), "{field:?}");
        }
    }

    #[test]
    fn a_range_given_must_hold_all_values() {
        let normalisation = measure(&[0f32, 1.0, 2.0], None);
        let wider = normalisation.within((-1.0, 5.0)).unwrap();
        assert_eq!(wider.bounds(), (-1.0, 5.0));
        for range in [(0.5, 5.0), (-1.0, 1.5), (f64::NEG_INFINITY, 2.0)] {
            assert!(normalisation.within(range).is_err(), "{range:?}");
        }
    }

    #[test]
    fn stretches_cover_all_values_and_are_told() {
        use std::sync::{Arc, Mutex};
        let told = Arc::new(Mutex::new(Vec::new()));
        let observer = Observer::default().on_values_read({
            let told = Arc::clone(&told);
            move |range| told.lock().unwrap().push(range)
        });
        let values = vec![0u8; STRETCH + 5];
        let mut seen = Vec::new();
        for_each_stretch(&values, &observer, |first, v| {
            seen.push(first..first + v.len());
        });
        assert_eq!(seen, [0..STRETCH, STRETCH..STRETCH + 5]);
        assert_eq!(*told.lock().unwrap(), seen);
    }
}
