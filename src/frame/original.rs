//! The field as it was given: what is encoded, and what every decoded field is compared with.

use std::sync::Arc;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::base::real::Real;
use crate::frame::fill::fill_masked;
use crate::frame::sample::{Normalisation, every_stretch};
use crate::metrics::{Comparer, Comparison, compare, ssim};
use crate::options::Observer;

/// One field at one step, with what its mask says.
pub(crate) struct Original<'a, E> {
    pub(crate) shape: Shape,
    /// As many as `shape` has voxels.
    pub(crate) values: &'a [E],
    /// Whether each value is an ordinary number; all are where it is missing.
    pub(crate) ordinary: Option<&'a [bool]>,
    /// The coded mask of the others.
    pub(crate) mask: Option<&'a Arc<[u8]>>,
    pub(crate) observer: &'a Observer,
}

impl<E> Clone for Original<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Original<'_, E> {}

impl<E: Element> Original<'_, E> {
    /// Normalised values, with smooth ones where a voxel has none.
    pub(crate) fn normalised(&self, normalisation: &Normalisation<E::Work>) -> Vec<E::Work> {
        let mut field = normalisation.apply(self.values, self.ordinary);
        if let Some(ordinary) = self.ordinary {
            fill_masked(self.shape, &mut field, ordinary);
        }
        field
    }

    /// The value of all ordinary voxels where they have one, bit for bit; 0 where there are none.
    pub(crate) fn constant(&self) -> Option<E> {
        let ordinary = |i: usize| self.ordinary.is_none_or(|ordinary| ordinary[i]);
        let mut value: Option<E> = None;
        let is_constant = every_stretch(self.values, self.observer, |first, values| {
            let Some(start) = (0..values.len()).find(|&i| ordinary(first + i)) else {
                return true;
            };
            let bits = value.get_or_insert(values[start]).to_bits64();
            (start..values.len()).all(|i| values[i].to_bits64() == bits || !ordinary(first + i))
        });
        is_constant.then(|| value.unwrap_or_else(|| E::from_f64(0.0)))
    }

    /// Errors of a decoded field that is the same, of a form that loses nothing; values lie within `range`.
    ///
    /// # Errors
    /// `InvalidArgument` when the mask has another length.
    pub(crate) fn compare_with_itself(&self, range: (E::Work, E::Work)) -> Result<Comparison> {
        let range = (range.0.to_f64(), range.1.to_f64());
        let mut comparer = Comparer::new(self.values, self.ordinary, range)?;
        let mut pushed = Ok(());
        every_stretch(self.values, self.observer, |_, values| {
            pushed = comparer.push(values);
            pushed.is_ok()
        });
        pushed?;
        comparer.finish()
    }

    /// Errors of a decoded field.
    ///
    /// # Errors
    /// `InvalidArgument` when it has another length.
    pub(crate) fn compare(&self, decoded: &[E]) -> Result<Comparison> {
        compare(self.values, decoded, self.ordinary)
    }

    /// SSIM of a decoded field; NaN where no window fits.
    ///
    /// # Errors
    /// `InvalidArgument` when it has another length.
    pub(crate) fn ssim(&self, decoded: &[E]) -> Result<f64> {
        ssim(self.shape, self.values, decoded, self.ordinary)
    }

    /// Voxels that have ordinary numbers.
    pub(crate) fn ordinary_voxels(&self) -> usize {
        let count = |ordinary: &[bool]| ordinary.iter().filter(|&&is| is).count();
        self.ordinary.map_or(self.values.len(), count)
    }

    /// Bytes of the field in memory.
    pub(crate) fn raw_bytes(&self) -> f64 {
        size_of_val(self.values) as f64
    }
}

/// Checks that the number of values fits a shape.
pub(crate) fn check_len(expected: usize, found: usize) -> Result<()> {
    if expected != found {
        return Err(Error::invalid(format!(
            "{expected} values expected, {found} found"
        )));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use super::*;

    static NOBODY: LazyLock<Observer> = LazyLock::new(Observer::default);

    /// A field without a coded mask.
    pub(crate) fn original<'a, E: Element>(
        shape: Shape,
        values: &'a [E],
        ordinary: Option<&'a [bool]>,
    ) -> Original<'a, E> {
        Original {
            shape,
            values,
            ordinary,
            mask: None,
            observer: &NOBODY,
        }
    }

    #[test]
    fn masked_voxels_are_filled_and_do_not_count() {
        let values = [0f32, 1.0, f32::NAN, 3.0];
        let ordinary = [true, true, false, true];
        let shape = Shape::new(&[2, 2]).unwrap();
        let original = original(shape, &values, Some(&ordinary));
        let normalisation = Normalisation::measure(&values, Some(&ordinary), original.observer);
        let field = original.normalised(&normalisation.unwrap());
        assert!(field.iter().all(|v| v.is_finite()));
        let comparison = original.compare(&[0.0, 1.0, 77.0, 3.0]).unwrap();
        assert_eq!(comparison.max_abs_error, 0.0);
        assert_eq!(original.raw_bytes(), 16.0);
        assert!(check_len(shape.len(), values.len()).is_ok() && check_len(4, 3).is_err());
    }
}
