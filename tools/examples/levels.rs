//! A field from coarse to fine: a first look, then a better one.

use srt::{Bound, Decoder, EncodeOptions, Result, Shape, Volume};

fn main() -> Result<()> {
    let shape = Shape::new(&[64, 64, 64])?;
    let values = (0..shape.len())
        .map(|i| (i as f64 * 1e-3).sin() + 0.1 * (i as f64 * 0.37).cos())
        .collect();
    let volume = Volume::new(shape, values)?;
    let file = srt::encode(&volume, &EncodeOptions::new(Bound::Psnr(50.0)))?;

    let decoder = Decoder::new(&file)?;
    let frame = decoder.only_frame()?;
    for field in frame.levels()? {
        let field = field?; // decoded now, from the bricks up to this level alone
        println!(
            "level {}: {} voxels, what is known is worth {:.1} dB",
            field.level,
            field.volume.shape(),
            field.psnr_db.unwrap_or(f64::NAN)
        );
    }
    println!(
        "level 2 by itself: {}",
        frame.level(2).read::<f64>()?.shape()
    );
    Ok(())
}
