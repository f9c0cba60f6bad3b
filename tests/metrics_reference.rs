//! The metrics against scikit-image, on fields that both sides build from the same integers.

use srt::Shape;
use srt::metrics::{compare, ssim};

/// Uniform in [-0.5, 0.5), as `hashed` in `make_ssim.py`.
fn hashed(index: usize, seed: u64) -> f64 {
    let mut h = (index as u64 * 2_654_435_761 + seed * 40_503) & 0xffff_ffff;
    h ^= h >> 15;
    h = (h * 2_246_822_519) & 0xffff_ffff;
    h ^= h >> 13;
    h as f64 / 4_294_967_296.0 - 0.5
}

fn fields(extents: &[usize], noise: f64, offset: f64, scale: f64) -> (Vec<f64>, Vec<f64>) {
    let len: usize = extents.iter().product();
    let original: Vec<f64> = (0..len)
        .map(|i| {
            let (mut smooth, mut stride) = (0.0, len);
            for (axis, &n) in extents.iter().enumerate() {
                stride /= n;
                let t = (i / stride % n) as f64 / n as f64 - 0.4;
                smooth += t * t * (axis as f64 + 1.0);
            }
            ((smooth + 0.3 * hashed(i, 1)) + offset) * scale
        })
        .collect();
    let decoded = original
        .iter()
        .enumerate()
        .map(|(i, v)| v + noise * scale * hashed(i, 2))
        .collect();
    (original, decoded)
}

#[test]
fn ssim_and_psnr_are_those_of_scikit_image() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/metrics/ssim.json");
    let cases: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let extents: Vec<usize> = case["shape"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap() as usize)
            .collect();
        let shape = Shape::new(&extents).unwrap();
        let (a, b) = fields(&extents, number("noise"), number("offset"), number("scale"));
        let (similarity, comparison) = match case["dtype"].as_str().unwrap() {
            "f32" => {
                let [a, b] = [a, b].map(|v| v.iter().map(|&v| v as f32).collect::<Vec<f32>>());
                (ssim(shape, &a, &b, None), compare(&a, &b, None))
            }
            _ => (ssim(shape, &a, &b, None), compare(&a, &b, None)),
        };
        let (similarity, psnr) = (similarity.unwrap(), comparison.unwrap().psnr_db);
        // An offset of 1000 ranges costs scikit-image, which does not shift, some of its digits.
        let tolerance = if number("offset").abs() > 100.0 {
            1e-7
        } else {
            1e-11
        };
        assert!(
            (similarity - number("ssim")).abs() < tolerance,
            "SSIM {similarity} for {case}"
        );
        assert!(
            (psnr - number("psnr_db")).abs() < 1e-9,
            "PSNR {psnr} for {case}"
        );
    }
}
