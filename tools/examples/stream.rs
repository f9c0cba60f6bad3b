//! A simulation on one side of a pipe, a reader on the other: each step is decoded before the next is written.

use std::io::{PipeWriter, pipe};

use srt::{
    Bound, Dataset, Dtype, EncodeOptions, Encoder, Error, ErrorKind, Field, FrameKey, Result,
    Shape, StreamDecoder,
};

fn main() -> Result<()> {
    let (input, output) = pipe()?;
    let sender = std::thread::spawn(move || send(output));
    let mut decoder = StreamDecoder::new(input)?;
    println!("domain: {}", decoder.dataset().shape);
    while let Some(frame) = decoder.next_frame()? {
        // Coarse levels are there before the bricks of the fine ones have come.
        while let Some(field) = decoder.next_level()? {
            let shape = field.volume.shape();
            println!("step {}, level {}: {shape}", frame.step, field.level);
        }
    }
    let panicked = |_| Error::new(ErrorKind::Io, "the sender panicked");
    sender.join().map_err(panicked)?
}

fn send(output: PipeWriter) -> Result<()> {
    let shape = Shape::new(&[32, 32, 32])?;
    let field = Field {
        name: "u".into(),
        unit: String::new(),
        dtype: Dtype::F32,
    };
    let options = EncodeOptions::new(Bound::Psnr(40.0));
    let mut encoder = Encoder::new(output, Dataset::new(shape, vec![field]), options)?;
    for step in 0..3 {
        let value = |i: usize| (i as f32 * 1e-3 + step as f32).sin();
        let values: Vec<f32> = (0..shape.len()).map(value).collect();
        encoder.write(&FrameKey::new("u", step), values)?;
    }
    encoder.finish().map(|_| ())
}
