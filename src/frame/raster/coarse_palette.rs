//! Fields of few values within a bound: a palette of fewer, each of which stands for those around it.
//!
//! Where values lie on a lattice, as whole numbers do, a step between them reaches more of them in this way than by any distance.

use crate::base::dtype::Element;
use crate::frame::raster::palette::ValuePalette;

/// Halvings by which the bound of a squared error is found.
const HALVINGS: usize = 24;

/// Some values that stand for more.
#[derive(Clone, Debug)]
pub(crate) struct CoarsePalette {
    pub(crate) palette: ValuePalette,
    /// The furthest that a value is from the one that stands for it.
    pub(crate) max_error: f64,
}

impl CoarsePalette {
    /// Values no further than `max_error` from those of `palette`; `None` where they are no fewer.
    pub(crate) fn within<E: Element>(palette: &ValuePalette, max_error: f64) -> Option<Self> {
        let values: Vec<f64> = palette.all::<E>().collect();
        let runs = runs::<E>(&values, max_error);
        Self::of_runs::<E>(&values, &runs)
    }

    /// Values as far from those of `palette` as a sum of squared errors of `most` allows, where so many voxels have each as
    /// `counts` says; `None` where they are no fewer.
    pub(crate) fn of_squared_error<E: Element>(
        palette: &ValuePalette,
        counts: &[u64],
        most: f64,
    ) -> Option<Self> {
        let values: Vec<f64> = palette.all::<E>().collect();
        let error = |runs: &[usize]| squared_error::<E>(&values, counts, runs);
        let voxels: u64 = counts.iter().sum();
        // Evenly spread errors have a third of the square of the largest, and few values lie better than that.
        let (mut low, mut high) = (0.0, 4.0 * (most / voxels as f64).sqrt());
        let mut best = Vec::new();
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            let found = runs::<E>(&values, middle);
            if error(&found) <= most {
                (low, best) = (middle, found);
            } else {
                high = middle;
            }
        }
        Self::of_runs::<E>(&values, &best)
    }

    /// Of runs of `values` that end before the places given.
    fn of_runs<E: Element>(values: &[f64], ends: &[usize]) -> Option<Self> {
        if ends.is_empty() || ends.len() == values.len() {
            return None;
        }
        let mut max_error = 0f64;
        let of_run = |(start, end): (usize, usize)| {
            let (least, largest) = (values[start], values[end - 1]);
            let middle = middle::<E>(least, largest);
            let at = middle.to_f64();
            max_error = max_error.max(at - least).max(largest - at);
            middle
        };
        let palette = ValuePalette::of(spans(ends).map(of_run));
        Some(Self { palette, max_error })
    }
}

/// The value between two.
fn middle<E: Element>(least: f64, largest: f64) -> E {
    E::from_f64(0.5 * least + 0.5 * largest)
}

/// Start and end of the runs that end before `ends`.
fn spans(ends: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends.iter().copied())
}

/// Where runs of ascending values end of which none is further than `max_error` from the one in the middle: as few as there
/// may be.
fn runs<E: Element>(values: &[f64], max_error: f64) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut start = 0;
    for (at, value) in values.iter().enumerate() {
        let middle = middle::<E>(values[start], *value).to_f64();
        let fits = middle - values[start] <= max_error && value - middle <= max_error;
        if !fits {
            ends.push(at);
            start = at;
        }
    }
    if !values.is_empty() {
        ends.push(values.len());
    }
    ends
}

/// The sum of squared errors of values in such runs.
fn squared_error<E: Element>(values: &[f64], counts: &[u64], ends: &[usize]) -> f64 {
    let of_run = |(start, end): (usize, usize)| {
        let middle = middle::<E>(values[start], values[end - 1]).to_f64();
        let counted = values[start..end].iter().zip(&counts[start..end]);
        let errors = counted.map(|(value, n)| *n as f64 * (value - middle).powi(2));
        errors.sum::<f64>()
    };
    spans(ends).map(of_run).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::dtype::f16;

    fn palette<E: Element>(mut values: Vec<f64>) -> ValuePalette {
        values.sort_by(f64::total_cmp);
        let mut values: Vec<E> = values.into_iter().map(E::from_f64).collect();
        values.dedup_by_key(|v| v.to_bits64());
        ValuePalette::of(values.into_iter())
    }

    fn check<E: Element>(values: Vec<f64>, max_error: f64) -> Result<(), TestCaseError> {
        let all = palette::<E>(values);
        let Some(coarse) = CoarsePalette::within::<E>(&all, max_error) else {
            return Ok(());
        };
        prop_assert!(coarse.max_error <= max_error && coarse.palette.len() < all.len());
        let stands: Vec<f64> = coarse.palette.all::<E>().collect();
        prop_assert!(stands.is_sorted());
        let values: Vec<E> = all.all::<E>().map(E::from_f64).collect();
        let back: Vec<E> = coarse.palette.values(&coarse.palette.ranks(&values));
        for (value, back) in values.iter().zip(back) {
            prop_assert!((value.to_f64() - back.to_f64()).abs() <= coarse.max_error);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_value_is_further_than_the_bound(
            values in proptest::collection::vec(-500f64..500.0, 1..200),
            max_error in 0f64..40.0,
        ) {
            check::<f16>(values.clone(), max_error)?;
            check::<f32>(values.clone(), max_error)?;
            check::<f64>(values, max_error)?;
        }

        #[test]
        fn squared_errors_are_kept(
            steps in proptest::collection::vec(0u64..50, 2..200),
            part in 0.01f64..30.0,
        ) {
            let values: Vec<f64> = (0..steps.len()).map(|i| i as f64 / 4.0).collect();
            let all = palette::<f32>(values.clone());
            let most = part * steps.iter().sum::<u64>() as f64;
            if let Some(coarse) = CoarsePalette::of_squared_error::<f32>(&all, &steps, most) {
                let kept: Vec<f32> = values.iter().map(|v| *v as f32).collect();
                let back: Vec<f32> = coarse.palette.values(&coarse.palette.ranks(&kept));
                let error = |(i, back): (usize, f32)| steps[i] as f64 * (values[i] - f64::from(back)).powi(2);
                prop_assert!(back.into_iter().enumerate().map(error).sum::<f64>() <= most * (1.0 + 1e-12));
            }
        }
    }

    #[test]
    fn whole_numbers_are_taken_together_where_a_step_of_two_bounds_holds_no_more_than_one() {
        let whole = palette::<f32>((0..100).map(f64::from).collect());
        let coarse = |max_error| CoarsePalette::within::<f32>(&whole, max_error);
        assert!(coarse(0.49).is_none());
        for (max_error, count) in [(0.5, 50), (0.99, 50), (1.0, 34), (1.5, 25), (1000.0, 1)] {
            assert_eq!(
                coarse(max_error).unwrap().palette.len(),
                count,
                "{max_error}"
            );
        }
        let zeros = palette::<f64>(vec![-0.0, 0.0]);
        assert_eq!(
            CoarsePalette::within::<f64>(&zeros, 0.1)
                .unwrap()
                .palette
                .len(),
            1
        );
    }
}
