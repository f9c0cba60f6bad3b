//! What holds for frames of every form: the last byte of a frame is the last that it takes, it has coarse levels, and a
//! bound of 0 gives back every bit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Read;

use common::{Draw, encode, smooth};
use proptest::prelude::*;
use srt::container::{Bound, ChunkType, Form, Reader};
use srt::volume::AnyVolume;
use srt::{
    Decoder, EncodeOptions, Limits, Model, PooledOptions, Profile, Region, Shape, StreamDecoder,
};

const SHAPE: [usize; 3] = [20, 17, 24];

/// Fields that lead to different forms and parts of frames.
fn fields(shape: Shape) -> Vec<(&'static str, Vec<f32>)> {
    let mut draw = Draw::new(1);
    let smooth: Vec<f32> = smooth(shape, 3).iter().map(|&v| v as f32).collect();
    let noise: Vec<f32> = smooth.iter().map(|_| draw.unit() as f32).collect();
    let with_holes = |values: &[f32]| {
        let hole = |(i, &v): (usize, &f32)| if i % 50 < 7 { f32::NAN } else { v };
        values.iter().enumerate().map(hole).collect::<Vec<f32>>()
    };
    let repeats = noise.iter().take(701).copied().cycle();
    let repeats: Vec<f32> = repeats.take(shape.len()).collect();
    let constant = vec![2.5f32; shape.len()];
    vec![
        ("holes in smooth", with_holes(&smooth)),
        ("holes in constant", with_holes(&constant)),
        ("nothing but holes", vec![f32::NAN; shape.len()]),
        ("smooth", smooth),
        ("noise", noise),
        ("noise that repeats itself", repeats),
        ("constant", constant),
    ]
}

fn options() -> Vec<EncodeOptions> {
    let bounds = [
        Bound::Psnr(45.0),
        Bound::Ssim(0.99),
        Bound::MaxError(1e-2),
        Bound::RelError(1e-3),
        Bound::MaxError(0.0),
    ];
    let mut all = Vec::new();
    for bound in bounds {
        let options = EncodeOptions::new(bound)
            .with_threads(1)
            .with_model(Model::None);
        let mut pooled = options.clone();
        pooled.coding.profile = Profile::Pooled(PooledOptions::default());
        all.push(options);
        // The pooled form takes no bound on the SSIM.
        if !matches!(bound, Bound::Ssim(_)) {
            all.push(pooled);
        }
    }
    all
}

/// A source that has no more than it was given, and breaks off.
struct Torn<'a>(&'a [u8]);

impl Read for Torn<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        self.0.read(out)
    }
}

#[test]
fn a_frame_is_there_when_its_last_byte_is() {
    let shape = Shape::new(&SHAPE).unwrap();
    let mut forms = std::collections::BTreeSet::new();
    for (name, values) in fields(shape) {
        for options in options() {
            let what = format!("{name}, {}, {:?}", options.bound, options.coding.profile);
            let Ok((file, _)) = encode(shape, &values, &options) else {
                continue;
            };
            let decoder = Decoder::new(&file).unwrap();
            let frame = decoder.only_frame().unwrap();
            forms.insert(name_of(&frame.record().form));
            let whole = frame.read::<f32>().unwrap();
            let reader = Reader::new(&file, &Limits::default()).unwrap();
            let last = reader
                .entries()
                .iter()
                .rfind(|entry| entry.kind.is_frame_part() || entry.kind == ChunkType::FRAM);
            let end = last.unwrap().end() as usize;
            let mut stream = StreamDecoder::new(Torn(&file[..end])).unwrap();
            stream.next_frame().unwrap().unwrap();
            let streamed = stream.frame().unwrap().read::<f32>();
            let streamed = streamed.unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(bits(streamed.data()), bits(whole.data()), "{what}");
            // What is cut off is found.
            assert!(stream.next_frame().is_err(), "{what}");
            let mut stream = StreamDecoder::new(Torn(&file[..end - 1])).unwrap();
            if stream.next_frame().is_ok() {
                assert!(stream.frame().unwrap().read::<f32>().is_err(), "{what}");
            }
        }
    }
    let all = ["constant", "lossless", "pooled", "raster", "wavelet"];
    assert_eq!(forms.into_iter().collect::<Vec<_>>(), all);
}

fn name_of(form: &Form) -> &'static str {
    match form {
        Form::Constant => "constant",
        Form::Lossless => "lossless",
        Form::Wavelet(_) => "wavelet",
        Form::Pooled(_) => "pooled",
        Form::Raster(_) => "raster",
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// The voxels of a level of a frame that is not transformed, by the rule of spec section 6.8.
fn thinned(shape: Shape, values: &[f32], level: usize) -> Vec<f32> {
    let (mut dims, mut strides) = (shape.dims(), [1; 3]);
    for _ in 0..level {
        for axis in 0..3 {
            if dims[axis] >= 8 {
                (dims[axis], strides[axis]) = (dims[axis].div_ceil(2), strides[axis] * 2);
            }
        }
    }
    let [_, height, width] = shape.dims();
    let mut out = Vec::new();
    for z in 0..dims[0] {
        for y in 0..dims[1] {
            for x in 0..dims[2] {
                let at = [z * strides[0], y * strides[1], x * strides[2]];
                out.push(values[(at[0] * height + at[1]) * width + at[2]]);
            }
        }
    }
    out
}

#[test]
fn frames_that_are_not_transformed_have_every_level() {
    for extents in [&SHAPE[..], &[3, 40, 9], &[33, 50], &[1, 1, 70]] {
        let shape = Shape::new(extents).unwrap();
        for (name, values) in fields(shape) {
            let options = EncodeOptions::new(Bound::MaxError(0.0)).with_threads(1);
            let file = encode(shape, &values, &options).unwrap().0;
            let decoder = Decoder::new(&file).unwrap();
            let frame = decoder.only_frame().unwrap();
            for level in 0.. {
                let Ok(grid) = frame.level(level).grid() else {
                    assert!(level > 1, "{name}");
                    break;
                };
                let what = format!("{name} {shape} level {level}");
                let expected = thinned(shape, &values, level);
                let read = frame.level(level).read::<f32>().unwrap();
                assert_eq!(read.shape(), grid);
                assert_eq!(bits(read.data()), bits(&expected), "{what}");
                let mut layers = Vec::new();
                let sink = |layer| {
                    let AnyVolume::F32(layer) = layer else {
                        panic!("values of f32 expected")
                    };
                    layers.extend(layer.into_data());
                    Ok(())
                };
                frame.level(level).layers(sink).unwrap();
                assert_eq!(bits(&layers), bits(&expected), "{what}");
                let [nz, ny, nx] = grid.dims();
                let region = Region {
                    start: [nz / 2, ny / 3, nx / 2],
                    size: [nz - nz / 2, ny / 3 + 1, 1],
                };
                let part = frame.level(level).region(region).read::<f32>().unwrap();
                let cropped = grid.region().crop(&expected, &region);
                assert_eq!(bits(part.data()), bits(&cropped), "{what}");
                let mut stream = StreamDecoder::new(&file[..]).unwrap();
                stream.next_frame().unwrap();
                let streamed = stream.frame().unwrap().level(level).read::<f32>().unwrap();
                assert_eq!(bits(streamed.data()), bits(&expected), "{what}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bits at all, few patterns or many, in every form that a bound of 0 leads to.
    #[test]
    fn a_bound_of_zero_gives_back_every_bit(
        seed: u64,
        patterns in 1usize..600,
        kinds in proptest::sample::subsequence(vec![0u32, 1, 2, 3], 1..4),
        relative: bool,
    ) {
        let shape = Shape::new(&[9, 11, 8]).unwrap();
        let mut draw = Draw::new(seed);
        let palette: Vec<u32> = (0..patterns as u32).map(|i| match kinds[draw.below(kinds.len())] {
            0 => (draw.bits() as u32) & 0x8000_0000, // zeros of both signs
            1 => 0x7F80_0001 + i,                     // NaN, signalling ones too
            2 => f32::INFINITY.to_bits() | ((i & 1) << 31),
            _ => draw.bits() as u32,
        }).collect();
        let values: Vec<f32> = (0..shape.len())
            .map(|_| f32::from_bits(palette[draw.below(palette.len())]))
            .collect();
        let bound = if relative { Bound::RelError(0.0) } else { Bound::MaxError(0.0) };
        let options = EncodeOptions::new(bound).with_threads(1);
        let file = encode(shape, &values, &options).unwrap().0;
        let back = srt::decode::<f32>(&file).unwrap();
        prop_assert_eq!(bits(back.data()), bits(&values));
    }
}
