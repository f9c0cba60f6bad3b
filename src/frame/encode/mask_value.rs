//! Voxels without data that nobody told of: a value far from all others that many voxels have.

use crate::base::dtype::Element;

/// Values that are looked at.
const SAMPLE: usize = 1 << 12;
/// So many of them have the value.
const LEAST: usize = 16;
/// So many times the largest magnitude of the others is that of the value.
const FAR: f64 = 1000.0;

/// The value that stands for voxels without data, by a look at some of `values`; `None` where there is none.
pub(crate) fn find_mask_value<E: Element>(values: &[E]) -> Option<f64> {
    let apart = (values.len() / SAMPLE).max(1);
    let seen = values.iter().step_by(apart).map(|value| value.to_f64());
    let seen = seen.filter(|value| value.is_finite());
    let largest = seen.clone().max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    let (same, others): (Vec<f64>, Vec<f64>) = seen.partition(|value| *value == largest);
    let other = others.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    let is_found = same.len() >= LEAST && other > 0.0 && other * FAR <= largest.abs();
    is_found.then_some(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_far_from_others_that_many_voxels_have_is_a_mask_value() {
        let field = |fill: f32, every: usize| -> Vec<f32> {
            let value = |i: usize| match i % every {
                0 => fill,
                _ => (i as f32 * 0.01).sin(),
            };
            (0..20_000).map(value).collect()
        };
        assert_eq!(find_mask_value(&field(1e20, 7)), Some(f64::from(1e20f32)));
        assert_eq!(find_mask_value(&field(-9999.0, 7)), Some(-9999.0));
        assert_eq!(find_mask_value(&field(99.0, 7)), None, "near the others");
        assert_eq!(
            find_mask_value(&[0f32, 1.0].repeat(99)),
            None,
            "beside zeros"
        );
        assert_eq!(find_mask_value(&field(1e20, 5003)), None, "in few voxels");
        assert_eq!(find_mask_value(&vec![3f32; 100]), None, "of all voxels");
        assert_eq!(find_mask_value::<f32>(&[]), None);
        assert_eq!(find_mask_value(&[f64::NAN; 40]), None);
    }
}
