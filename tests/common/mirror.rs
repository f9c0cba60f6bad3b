//! A field of benchmarks.

use srt::Shape;
use srt::volume::io::Input;

/// The 64^3 sample of turbulence, mirrored along every axis to 128^3.
pub(crate) fn sample_128() -> (Shape, Vec<f32>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/turbulence_64.npy");
    let input = Input::open(path, None, None).unwrap();
    let sample = input.as_f32().unwrap();
    let fold = |i: usize| if i < 64 { i } else { 127 - i };
    let mut out = Vec::with_capacity(128 * 128 * 128);
    for z in 0..128 {
        for y in 0..128 {
            let row = (fold(z) * 64 + fold(y)) * 64;
            out.extend((0..128).map(|x| sample[row + fold(x)]));
        }
    }
    (Shape::new(&[128, 128, 128]).unwrap(), out)
}
