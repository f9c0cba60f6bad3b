//! Two fields at three time steps in one file, and one of them back.

use srt::{Bound, Dataset, Decoder, Dtype, EncodeOptions, Encoder, Field, FrameKey, Result, Shape};

fn main() -> Result<()> {
    let shape = Shape::new(&[32, 32, 32])?;
    let field = |name: &str, unit: &str| Field {
        name: name.into(),
        unit: unit.into(),
        dtype: Dtype::F32,
    };
    let mut dataset = Dataset::new(shape, vec![field("u", "m/s"), field("p", "Pa")]);
    dataset.time_unit = "s".into();

    // Any sink that takes bytes: frames leave for it one by one.
    let options = EncodeOptions::new(Bound::RelError(1e-3)).with_frames(6);
    let mut encoder = Encoder::new(Vec::new(), dataset, options)?;
    for step in 0..3 {
        let time = 0.5 * step as f64;
        for (name, scale) in [("u", 10.0), ("p", 1e5)] {
            let report = encoder.write(
                &FrameKey::new(name, step).at(time),
                wave(shape, scale, time),
            )?;
            println!(
                "{name} at {time} s: {} bytes, largest error {:.3e}",
                report.bytes, report.comparison.max_abs_error
            );
        }
    }
    let (file, report) = encoder.finish()?;
    let ratio = report.raw_bytes as f64 / report.bytes as f64;
    println!(
        "{} frames in {} bytes, {ratio:.1} times smaller",
        report.frames, report.bytes
    );

    let decoder = Decoder::new(&file)?;
    let last = decoder.frame("p", 2)?;
    let values = last.read::<f32>()?;
    println!(
        "p at {:?} s begins with {:?}",
        last.record().time,
        &values.data()[..3]
    );
    Ok(())
}

fn wave(shape: Shape, scale: f64, time: f64) -> Vec<f32> {
    let value = |i: usize| (scale * (i as f64 * 2e-3 + time).sin()) as f32;
    (0..shape.len()).map(value).collect()
}
