//! Writes the seed inputs: small files of every form, as they are and without their checksums.
//!
//! `cargo run --example seeds` in this folder.

use std::borrow::Cow;
use std::fs;

use srt::container::Bound;
use srt::pipeline::{EmbedWeights, EncodeOptions, Model, encode_volume};
use srt::volume::io::Values;
use srt::Shape;

fn main() -> std::io::Result<()> {
    let cases: [(&str, &[usize], Bound, bool, Model); 6] = [
        ("wavelet3d", &[20, 18, 17], Bound::Psnr(40.0), false, Model::None),
        ("networks3d", &[20, 18, 17], Bound::Psnr(40.0), false, Model::Default),
        ("networks2d", &[40, 33], Bound::Psnr(40.0), false, Model::Default),
        ("corrections", &[20, 17], Bound::MaxError(1e-3), true, Model::None),
        ("lossless", &[5, 7], Bound::MaxError(0.0), true, Model::None),
        ("constant", &[4, 4, 4], Bound::Psnr(40.0), false, Model::None),
    ];
    for (name, extents, bound, holes, model) in cases {
        let shape = Shape::new(extents).expect("small extents");
        let nx = shape.dims()[2];
        let value = |i: usize| match (name, holes && i % nx > 12) {
            ("constant", _) => 1.5,
            (_, true) => f32::NAN,
            _ => ((i % nx) as f32 * 0.4).sin() + ((i / nx) as f32 * 0.07).cos(),
        };
        let values: Vec<f32> = (0..shape.len()).map(value).collect();
        let options = EncodeOptions::new(bound)
            .with_threads(1)
            .with_model(model)
            .with_embed_weights(EmbedWeights::No);
        let values = Values::F32(Cow::Owned(values));
        let file = encode_volume(shape, &values, &options, Vec::new(), &|_| {})
            .expect("a small field")
            .0;
        for target in ["read_container", "inspect", "decode", "stream_split"] {
            let folder = format!("seeds/{target}");
            fs::create_dir_all(&folder)?;
            fs::write(format!("{folder}/{name}.srt"), &file)?;
            fs::write(format!("{folder}/{name}.chunks"), srt_fuzz::unforge(&file))?;
        }
    }
    fs::create_dir_all("seeds/npy_input")?;
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }";
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend(format!("{header:<117}\n").bytes());
    npy.extend((0..24u8).flat_map(|i| f32::from(i).to_le_bytes()));
    fs::write("seeds/npy_input/plain.npy", npy)
}
