//! Samples of a field and the normalised values that are coded.

use rayon::prelude::*;

use crate::base::dtype::{Dtype, Element};
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::real::Real;
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
        let smallest = match T::PRECISION {
            Dtype::F16 | Dtype::F32 => f64::from(f32::from_bits(1)),
            Dtype::F64 => f64::from_bits(1),
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
    pub(crate) fn judge(&self, comparison: Comparison) -> Comparison {
        let (min, max) = self.bounds();
        if (min, max) == (comparison.min, comparison.max) {
            comparison
        } else {
            comparison.of_range(min, max)
        }
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

/// Values between two reports that they were read; whole runs.
const STRETCH: usize = RUN << 9;

/// Calls `f` with the values in stretches and the index of each stretch's first; tells `observer` after each.
pub(crate) fn for_each_stretch<E>(
    values: &[E],
    observer: &Observer,
    mut f: impl FnMut(usize, &[E]),
) {
    for (i, stretch) in values.chunks(STRETCH).enumerate() {
        let first = i * STRETCH;
        f(first, stretch);
        observer.values_read(first..first + stretch.len());
    }
}
