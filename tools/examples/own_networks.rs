//! Networks of one's own: encoded with, named by the file instead of embedded, and handed to the decoder.
//!
//! `tools/trainer` trains networks and exports them; here built-in ones, exported again, stand in for them.

use std::sync::Arc;

use srt::{
    Bound, DecodeOptions, Decoder, EmbedWeights, EncodeOptions, Error, ErrorKind, Hierarchy,
    Limits, Model, Result, Shape, Volume, builtin,
};

fn main() -> Result<()> {
    let model = builtin("turbulence3d-s")?;
    let model = model.ok_or_else(|| Error::invalid("no such model"))?;
    let exported = model.to_safetensors()?;

    let mut own = Hierarchy::from_safetensors(&exported, &Limits::default())?;
    own.name = "my-model".into();
    let own = Arc::new(own);
    println!("{}: {} parameters", own.name, own.parameters());

    let shape = Shape::new(&[64, 64, 64])?;
    let volume = Volume::new(shape, swirl(shape))?;
    let options = EncodeOptions::new(Bound::Psnr(40.0))
        .with_model(Model::Given(Arc::clone(&own)))
        .with_embed_weights(EmbedWeights::No);
    let (file, report) = srt::encode_with_report(&volume, &options, Vec::new())?;
    println!("{} bytes, predicted by {}", report.bytes, report.model);

    // Weights that no program has built in are `MissingWeights` until they are handed over.
    let decode = |options| {
        Decoder::with_options(&file, options)?
            .only_frame()?
            .read::<f32>()
    };
    match decode(DecodeOptions::default()) {
        Err(error) if error.kind() == ErrorKind::MissingWeights => println!("without: {error}"),
        other => println!("without: {}", other?.shape()),
    }
    let back = decode(DecodeOptions::default().with_weights(own))?;
    println!("with: {}", back.shape());
    Ok(())
}

/// A field that networks have something to say about.
fn swirl(shape: Shape) -> Vec<f32> {
    let [_, ny, nx] = shape.dims();
    let value = |i: usize| {
        let [z, y, x] = [i / (ny * nx), i / nx % ny, i % nx].map(|v| v as f32 * 0.2);
        (x + y.sin()).sin() * (y + (1.7 * z).cos()).cos() + 0.3 * (2.3 * z + x * 0.5).sin()
    };
    (0..shape.len()).map(value).collect()
}
