//! The constant form: every ordinary value is the same, and the record says it.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::real::Real;
use crate::container::{Bound, Form, Frame};
use crate::frame::encoded::{EncodedFrame, Verification};
use crate::frame::original::Original;

/// Encodes a field whose ordinary values, if there are any, all are `value`.
///
/// # Errors
/// Those of the comparison.
pub(crate) fn encode<E: Element>(
    original: &Original<'_, E>,
    bound: Bound,
    value: E,
) -> Result<EncodedFrame> {
    let value = E::Work::from_f64(value.to_f64());
    let range = (value, value);
    let verification = Verification::of_equal(original.compare_with_itself(range)?);
    Ok(EncodedFrame::new(
        original,
        bound,
        range,
        verification,
        Form::Constant,
    ))
}

/// The first `len` values of any box.
pub(crate) fn decode<E: Element>(frame: &Frame, len: usize) -> Vec<E> {
    vec![E::from_f64(frame.range.0); len]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grid::Shape;
    use crate::frame::original::tests::original;

    #[test]
    fn one_value_comes_back() {
        let values = [2.5f32; 24];
        let shape = Shape::new(&[2, 3, 4]).unwrap();
        let original = original(shape, &values, None);
        let encoded = encode(&original, Bound::Psnr(40.0), 2.5).unwrap();
        assert!(matches!(encoded.frame.form, Form::Constant));
        assert!(encoded.bricks.lengths().is_empty() && encoded.tree.is_none());
        assert_eq!(encoded.frame.range, (2.5, 2.5));
        assert_eq!(encoded.comparison.max_abs_error, 0.0);
        assert_eq!(decode::<f32>(&encoded.frame, 5), [2.5; 5]);
    }

    #[test]
    fn values_that_are_not_ordinary_do_not_count() {
        let values = [f32::NAN, 1.0, 1.0, f32::INFINITY];
        let ordinary = [false, true, true, false];
        let shape = Shape::new(&[2, 2]).unwrap();
        let original = original(shape, &values, Some(&ordinary));
        let encoded = encode(&original, Bound::MaxError(0.0), 1.0).unwrap();
        assert_eq!(encoded.comparison.max_abs_error, 0.0);
    }
}
