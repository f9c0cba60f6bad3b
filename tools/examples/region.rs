//! A box of a field, from a file that is mapped rather than read: only the bricks that it touches are decoded.

use srt::{Bound, Decoder, EncodeOptions, FileBytes, Region, Result, Shape, Volume};

fn main() -> Result<()> {
    let shape = Shape::new(&[128, 128, 128])?;
    let values = (0..shape.len()).map(|i| (i as f32 * 1e-3).sin()).collect();
    let volume = Volume::new(shape, values)?;
    let path = std::env::temp_dir().join(format!("srt-region-{}.srt", std::process::id()));
    std::fs::write(
        &path,
        srt::encode(&volume, &EncodeOptions::new(Bound::Psnr(60.0)))?,
    )?;

    let file = FileBytes::open(&path)?;
    let decoder = Decoder::new(file.bytes())?;
    let region = Region {
        start: [0, 64, 100], // z, y, x
        size: [8, 16, 20],
    };
    let part = decoder.only_frame()?.region(region).read::<f32>()?;
    println!(
        "{}: {} of {} bytes of the file looked at",
        part.shape(),
        decoder.bytes_read(),
        file.bytes().len()
    );
    std::fs::remove_file(&path)?;
    Ok(())
}
