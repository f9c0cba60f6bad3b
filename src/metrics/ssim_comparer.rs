//! Structural similarity to a reconstruction that comes in parts.

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::metrics::extremes::{check_lengths, extremes};
use crate::metrics::ssim::{Fields, RowSum, WindowScaling, add_rows, taps_along};

/// Planes are worked on when there are so many times those of a window, or at the end: each time the planes of a
/// window less one are filtered once more.
const WINDOWS: usize = 2;

/// [`ssim`](fn@crate::metrics::ssim) of a reconstruction that comes in parts, in one pass; the same result to the bit, because
/// rows of windows are summed in the order of the grid. Holds a part and twice the planes of a window.
#[derive(Debug)]
pub struct SsimComparer<'a, A, B = A> {
    /// Extents along the axis that the reconstruction grows along, and across it.
    dims: [usize; 3],
    original: &'a [A],
    mask: Option<&'a [bool]>,
    /// `None` where the original has no two values that differ.
    scaling: Option<WindowScaling>,
    is_empty: bool,
    has_errors: bool,
    /// Values of the reconstruction that are still needed, from plane `first` on.
    kept: Vec<B>,
    first: usize,
    sum: RowSum,
}

impl<'a, A: Element, B: Element> SsimComparer<'a, A, B> {
    /// Starts at the first voxel. `range` are the least and the largest finite value of the original inside the mask;
    /// `None` where it has none.
    ///
    /// # Errors
    /// `InvalidArgument` when lengths differ from the shape's.
    pub fn new(
        shape: Shape,
        original: &'a [A],
        mask: Option<&'a [bool]>,
        range: Option<(f64, f64)>,
    ) -> Result<Self> {
        check_lengths(original.len(), shape.len(), mask)?;
        let dims = match shape.dims() {
            // A window along one plane is one tap of weight 1: rows are planes as well, and the sums the same.
            [1, ny, nx] => [ny, 1, nx],
            dims => dims,
        };
        let varies = range.filter(|(min, max)| min < max);
        Ok(Self {
            dims,
            original,
            mask,
            scaling: varies.map(|(min, max)| WindowScaling::new(min, max)),
            is_empty: range.is_none(),
            has_errors: false,
            kept: Vec::new(),
            first: 0,
            sum: (0.0, 0),
        })
    }

    /// Compares the next values of the reconstruction.
    ///
    /// # Errors
    /// `InvalidArgument` when there are more than the original has.
    pub fn push(&mut self, values: &[B]) -> Result<()> {
        let end = self.first * self.plane() + self.kept.len() + values.len();
        check_lengths(self.original.len().max(end), self.original.len(), None)?;
        self.kept.extend_from_slice(values);
        if self.kept.len() >= WINDOWS * self.taps() * self.plane() {
            self.work();
        }
        Ok(())
    }

    /// The mean over all windows.
    ///
    /// # Errors
    /// `InvalidArgument` when the reconstruction was shorter than the original.
    pub fn finish(mut self) -> Result<f64> {
        let end = self.first * self.plane() + self.kept.len();
        if end != self.original.len() {
            return Err(Error::invalid(format!(
                "{} values expected, {end} found",
                self.original.len()
            )));
        }
        self.work();
        Ok(match (self.is_empty, self.scaling) {
            (true, _) => f64::NAN,
            (false, None) if self.has_errors => 0.0,
            (false, None) => 1.0,
            (false, Some(_)) => self.sum.0 / self.sum.1 as f64,
        })
    }

    /// Takes in the windows that lie in the planes kept, and lets go of what no further window needs.
    fn work(&mut self) {
        let (plane, taps) = (self.plane(), self.taps());
        let planes = self.kept.len() / plane;
        let begin = self.first * plane;
        let Some(scaling) = self.scaling else {
            let end = begin + planes * plane;
            let original = &self.original[begin..end];
            let mask = self.mask.map(|mask| &mask[begin..end]);
            let found = extremes(original, &self.kept[..planes * plane], mask);
            self.has_errors |= found.has_errors();
            self.let_go(planes);
            return;
        };
        if planes < taps {
            return;
        }
        let len = planes * plane;
        let fields = Fields {
            dims: [planes, self.dims[1], self.dims[2]],
            original: &self.original[begin..begin + len],
            reconstructed: &self.kept[..len],
            mask: self.mask.map(|mask| &mask[begin..begin + len]),
            scaling,
        };
        self.sum = add_rows(self.sum, &fields.row_sums());
        self.let_go(planes - (taps - 1));
    }

    fn let_go(&mut self, planes: usize) {
        self.kept.drain(..planes * self.plane());
        self.first += planes;
    }

    fn plane(&self) -> usize {
        self.dims[1] * self.dims[2]
    }

    /// Planes of a window.
    fn taps(&self) -> usize {
        taps_along(self.dims[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ssim;

    #[test]
    fn parts_of_any_length_give_the_bits_of_the_whole() {
        let extents: [&[usize]; 6] = [
            &[40, 9, 13],
            &[5, 12, 30],
            &[70, 33],
            &[1, 50, 20],
            &[12, 1, 9],
            &[2, 3],
        ];
        for (number, extents) in extents.iter().enumerate() {
            let shape = Shape::new(extents).unwrap();
            let value = |i: usize, k: usize| ((i * 7919 + k * 31 + number) % 1009) as f64 / 100.0;
            let original: Vec<f32> = (0..shape.len()).map(|i| value(i, 0) as f32).collect();
            let decoded: Vec<f64> = (0..shape.len())
                .map(|i| value(i, 0) + 0.01 * value(i, 5))
                .collect();
            let mask: Vec<bool> = (0..shape.len()).map(|i| i % 601 != 7).collect();
            for mask in [None, Some(&mask[..])] {
                let range = crate::metrics::finite_range(&original, mask);
                let whole = ssim(shape, &original, &decoded, mask).unwrap();
                for len in [1, 100, 1000, shape.len()] {
                    let mut comparer = SsimComparer::new(shape, &original, mask, range).unwrap();
                    for part in decoded.chunks(len) {
                        comparer.push(part).unwrap();
                    }
                    let found = comparer.finish().unwrap();
                    assert_eq!(found.to_bits(), whole.to_bits(), "{extents:?} {len}");
                }
            }
        }
    }

    #[test]
    fn fields_of_one_value_or_none_and_wrong_lengths() {
        let shape = Shape::new(&[30, 4]).unwrap();
        let of = |value: f64, mut decoded: Vec<f64>, last: f64| {
            decoded[119] = last;
            let original = [value; 120];
            let range = value.is_finite().then_some((value, value));
            let mut comparer = SsimComparer::new(shape, &original, None, range).unwrap();
            decoded
                .chunks(7)
                .for_each(|part| comparer.push(part).unwrap());
            comparer.finish().unwrap()
        };
        assert_eq!(of(2.0, vec![2.0; 120], 2.0), 1.0);
        assert_eq!(of(2.0, vec![2.0; 120], 2.1), 0.0);
        assert!(of(f64::NAN, vec![2.0; 120], 2.0).is_nan());
        let original = [1.0; 120];
        assert!(SsimComparer::<f64>::new(shape, &original[1..], None, None).is_err());
        let mut short = SsimComparer::new(shape, &original, None, Some((1.0, 1.0))).unwrap();
        short.push(&original[1..]).unwrap();
        assert!(short.push(&original[..2]).is_err());
        assert!(short.finish().is_err());
    }
}
