use proptest::prelude::*;

use super::*;
use crate::base::grid::{Axes, Region, Shape};
use crate::base::real::Real;

fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        })
        .collect()
}

fn decompose<T: Real>(w: Wavelet, plan: &Plan, data: &[T]) -> (Vec<T>, Vec<Bands<T>>) {
    let mut low = data.to_vec();
    let mut levels = Vec::new();
    for level in plan.levels() {
        let mut bands = forward(w, level, &mut low);
        low = std::mem::take(&mut bands.low);
        levels.push(bands);
    }
    (low, levels)
}

fn reconstruct<T: Real>(
    w: Wavelet,
    plan: &Plan,
    mut low: Vec<T>,
    mut levels: Vec<Bands<T>>,
) -> Vec<T> {
    for level in plan.levels().iter().rev() {
        let mut bands = levels.pop().unwrap();
        bands.low = low;
        low = inverse(w, level, &mut bands);
    }
    low
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (1usize..=40, 1usize..=40).prop_map(|(y, x)| Shape::new(&[y, x]).unwrap()),
        (1usize..=40, 1usize..=40, 1usize..=40)
            .prop_map(|(z, y, x)| Shape::new(&[z, y, x]).unwrap()),
    ]
}

proptest! {
    /// Rows as long as can be give the bits of rows of one sample.
    #[test]
    fn axes_of_one_sample_change_no_bit(
        extents in prop::array::uniform3(prop_oneof![Just(1usize), 1usize..=40]),
        seed: u64,
        periodic in 0u8..8,
        haar: bool,
    ) {
        let w = if haar { Wavelet::Haar } else { Wavelet::Cdf97 };
        let shape = Shape::new(&extents).unwrap();
        let plan = Plan::new(shape, Axes::from_bits(periodic).unwrap(), 1);
        if let Some(level) = plan.levels().first() {
            let data = noise(shape.len(), seed);
            let bands = forward(w, level, &mut data.clone());
            let plain = level::split(w, level, &mut data.clone());
            prop_assert_eq!(&bands.low, &plain.low);
            prop_assert_eq!(&bands.details, &plain.details);
            let back = inverse(w, level, &mut bands.clone());
            prop_assert_eq!(back, level::join(w, level, &mut bands.clone()));
        }
    }

    #[test]
    fn inverse_undoes_forward(shape in shapes(), seed: u64, periodic in 0u8..8, haar: bool) {
        let w = if haar { Wavelet::Haar } else { Wavelet::Cdf97 };
        let plan = Plan::new(shape, Axes::from_bits(periodic).unwrap(), 15);
        let data = noise(shape.len(), seed);
        let (low, levels) = decompose(w, &plan, &data);
        let back = reconstruct(w, &plan, low, levels);
        for (a, b) in data.iter().zip(&back) {
            prop_assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
    }

    #[test]
    fn threads_do_not_change_bits(shape in shapes(), seed: u64) {
        let plan = Plan::new(shape, Axes::NONE, 15);
        let data: Vec<f32> = noise(shape.len(), seed).iter().map(|&v| v as f32).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (low, levels) = decompose(Wavelet::Cdf97, &plan, &data);
                (low.clone(), reconstruct(Wavelet::Cdf97, &plan, low, levels))
            })
        };
        prop_assert!(run(1) == run(5));
    }
}

/// A shape, and a box inside it from fractions of the extents.
fn boxes() -> impl Strategy<Value = (Shape, Region)> {
    (shapes(), any::<[(f64, f64); 3]>()).prop_map(|(shape, fractions)| {
        let mut region = shape.region();
        for (axis, (a, b)) in fractions.into_iter().enumerate() {
            let extent = region.size[axis];
            let place = |f: f64| (f.abs().fract() * extent as f64) as usize;
            let (a, b) = (place(a), place(b));
            (region.start[axis], region.size[axis]) = (a.min(b), a.abs_diff(b) + 1);
        }
        (shape, region.clipped(shape.dims()))
    })
}

proptest! {
    #[test]
    fn windows_transform_like_the_whole(
        (shape, region) in boxes(),
        seed: u64,
        periodic in 0u8..8,
        haar: bool,
    ) {
        let w = if haar { Wavelet::Haar } else { Wavelet::Cdf97 };
        let plan = Plan::new(shape, Axes::from_bits(periodic).unwrap(), 1);
        let Some(level) = plan.levels().first() else {
            return Ok(());
        };
        let data: Vec<f32> = noise(shape.len(), seed).iter().map(|&v| v as f32).collect();
        let whole = forward(w, level, &mut data.clone());
        let cells = level.cells(region);
        let (window, fine) = (level.window(cells), level.fine_of(cells));
        prop_assert!(fine.contains(&region));
        // Inverse: the samples asked for are those of the whole.
        let band = |code, values: &[f32]| {
            let places = Region { start: [0; 3], size: level.band_dims(code) };
            places.crop(values, &level.band_region(code, cells))
        };
        let mut bands = Bands {
            low: band(SubbandCode::LOW, &whole.low),
            details: level.details.iter().zip(&whole.details).map(|(&c, d)| band(c, d)).collect(),
        };
        let back = inverse(w, &window, &mut bands);
        let expected = inverse(w, level, &mut whole.clone());
        prop_assert_eq!(
            fine.crop(&back, &region),
            shape.region().crop(&expected, &region)
        );
        // Forward: the bands of the cells under the region are those of the whole.
        let mut samples = shape.region().crop(&data, &fine);
        let part = forward(w, &window, &mut samples);
        let mut inner = region;
        for axis in 0..3 {
            if level.split.contains(axis) {
                inner.start[axis] = region.start[axis] / 2;
                inner.size[axis] = region.end(axis).div_ceil(2) - inner.start[axis];
            }
        }
        for (&code, (part, whole)) in level.details.iter().zip(part.details.iter().zip(&whole.details)) {
            let places = Region { start: [0; 3], size: level.band_dims(code) };
            let wanted = level.band_region(code, inner);
            prop_assert_eq!(
                level.band_region(code, cells).crop(part, &wanted),
                places.crop(whole, &wanted)
            );
        }
        prop_assert_eq!(
            cells.crop(&part.low, &inner),
            level.coarse.region().crop(&whole.low, &inner)
        );
    }
}

#[test]
fn scale_is_orthonormal() {
    // Haar keeps energy exactly; 9/7 nearly so on noise.
    let shape = Shape::new(&[32, 32, 32]).unwrap();
    let plan = Plan::new(shape, "zyx".parse().unwrap(), 3);
    let data = noise(shape.len(), 3);
    let energy = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    for (w, tolerance) in [(Wavelet::Haar, 1e-12), (Wavelet::Cdf97, 0.06)] {
        let (low, levels) = decompose(w, &plan, &data);
        let details: f64 = levels
            .iter()
            .flat_map(|b| &b.details)
            .map(|d| energy(d))
            .sum();
        let ratio = (energy(&low) + details) / energy(&data);
        assert!((ratio - 1.0).abs() < tolerance, "{w:?} {ratio}");
    }
}

#[test]
fn haar_low_pass_is_mean_pooling() {
    // Two levels of Haar equal one pooling by four: down(F, 4) = down(down(F, 2), 2).
    let shape = Shape::new(&[32, 32]).unwrap();
    let plan = Plan::new(shape, Axes::NONE, 2);
    let data = noise(shape.len(), 9);
    let (low, _) = decompose(Wavelet::Haar, &plan, &data);
    for (i, v) in low.iter().enumerate() {
        let (y, x) = (i / 8 * 4, i % 8 * 4);
        let sum: f64 = (0..16).map(|k| data[(y + k / 4) * 32 + x + k % 4]).sum();
        assert!((v / 4.0 - sum / 16.0).abs() < 1e-12);
    }
}

#[test]
fn a_smooth_field_has_small_details() {
    let shape = Shape::new(&[64, 64]).unwrap();
    let plan = Plan::new(shape, Axes::NONE, 1);
    let data: Vec<f64> = (0..64 * 64)
        .map(|i| (f64::from(i / 64) * 0.1).sin())
        .collect();
    let (low, levels) = decompose(Wavelet::Cdf97, &plan, &data);
    let energy = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    let details: f64 = levels[0].details.iter().map(|d| energy(d)).sum();
    assert!(details < 1e-3 * energy(&low), "{details} {}", energy(&low));
}
