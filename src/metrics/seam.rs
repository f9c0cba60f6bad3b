//! Errors beside faces that repeat: bricks, octree blocks, tiles.

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;

/// Root mean square of `reconstructed - original` by distance from the faces between boxes of edge
/// `period`, over all axes: entry `reach + d` is for the voxels `d` behind a face, `d` from `-reach` to
/// `reach - 1`. A face lies between `d = -1` and `d = 0`. A seam shows as a peak there.
///
/// Voxels that are not finite in both fields do not count. `None` when no face lies inside the grid.
///
/// # Errors
/// `InvalidArgument` when lengths differ from the shape's.
pub fn seam_profile<A: Element, B: Element>(
    shape: Shape,
    original: &[A],
    reconstructed: &[B],
    period: usize,
    reach: usize,
) -> Result<Option<Vec<f64>>> {
    if original.len() != shape.len() || reconstructed.len() != shape.len() {
        return Err(Error::invalid(format!(
            "fields of {shape} expected, {} and {} voxels found",
            original.len(),
            reconstructed.len()
        )));
    }
    let dims = shape.dims();
    if period == 0 || dims.iter().all(|&n| n <= period) {
        return Ok(None);
    }
    let reach = reach.min(period / 2);
    // Mean squares over the planes across each axis first.
    let mut planes = dims.map(|n| vec![(0.0f64, 0u64); n]);
    let [_, ny, nx] = dims;
    for (i, (a, b)) in original.iter().zip(reconstructed).enumerate() {
        let error = b.to_f64() - a.to_f64();
        if !error.is_finite() {
            continue;
        }
        for (planes, at) in planes.iter_mut().zip([i / (ny * nx), i / nx % ny, i % nx]) {
            planes[at].0 += error * error;
            planes[at].1 += 1;
        }
    }
    let mut sums = vec![(0.0f64, 0u64); 2 * reach];
    for planes in &planes {
        for face in (period..planes.len()).step_by(period) {
            for (d, sum) in sums.iter_mut().enumerate() {
                if let Some(plane) = (face + d).checked_sub(reach).and_then(|at| planes.get(at)) {
                    sum.0 += plane.0;
                    sum.1 += plane.1;
                }
            }
        }
    }
    let rms = |(sum, count): (f64, u64)| {
        if count == 0 {
            0.0
        } else {
            (sum / count as f64).sqrt()
        }
    };
    Ok(Some(sums.into_iter().map(rms).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_at_faces_shows_there_and_nowhere_else() {
        let shape = Shape::new(&[4, 4, 32]).unwrap();
        let zero = vec![0.0f32; shape.len()];
        let wrong: Vec<f32> = (0..shape.len())
            .map(|i| f32::from(u8::from(i % 32 == 8)))
            .collect();
        let profile = seam_profile(shape, &zero, &wrong, 8, 4).unwrap().unwrap();
        // Faces at 8, 16 and 24 along x; along the other axes there is none.
        let third = (1.0f64 / 3.0).sqrt();
        assert_eq!(profile.len(), 8);
        assert!((profile[4] - third).abs() < 1e-12, "{profile:?}");
        assert!(profile.iter().enumerate().all(|(d, &v)| d == 4 || v == 0.0));
        assert_eq!(seam_profile(shape, &zero, &wrong, 32, 4).unwrap(), None);
        assert!(seam_profile(shape, &zero, &wrong[1..], 8, 4).is_err());
    }
}
