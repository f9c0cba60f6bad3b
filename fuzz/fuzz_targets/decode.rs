//! Decoding under small budgets: an error or a field, never a panic or a lot of memory; regions are
//! crops of the whole, and a stream gives the same as a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srt::{DecodeOptions, Decoder, Element, Region, Shape, StreamDecoder, dtype_dispatch};
use srt::volume::AnyVolume;

/// A region that follows from the bytes.
fn region(shape: Shape, data: &[u8]) -> Region {
    let mut region = shape.region();
    let mut sum = data
        .iter()
        .fold(7usize, |sum, &b| sum.wrapping_mul(31) + usize::from(b));
    for axis in 0..3 {
        let n = region.size[axis];
        region.start[axis] = sum % n;
        region.size[axis] = sum / n % (n - region.start[axis]) + 1;
        sum = sum.rotate_right(17);
    }
    region
}

fn same<E: Element>(whole: &[E], shape: Shape, region: &Region, part: &[E]) -> bool {
    let crop = shape.region().crop(whole, region);
    // Which NaN an operation gives is nobody's promise.
    let equal = |(a, b): (&E, &E)| {
        a.to_bits64() == b.to_bits64() || (a.to_f64().is_nan() && b.to_f64().is_nan())
    };
    crop.len() == part.len() && crop.iter().zip(part).all(equal)
}

fn is_crop(whole: &AnyVolume, region: &Region, part: &AnyVolume) -> bool {
    let shape = whole.shape();
    dtype_dispatch!(whole, AnyVolume(whole) => {
        let part = part.clone().into_typed();
        part.is_ok_and(|part| same(whole.data(), shape, region, part.data()))
    })
}

/// Frames and levels as they come from a stream: frame, level, field.
fn streamed(bytes: &[u8]) -> Vec<(usize, usize, AnyVolume)> {
    let mut out = Vec::new();
    let Ok(mut decoder) = StreamDecoder::with_options(bytes, DecodeOptions::default().with_limits(srt_fuzz::limits())) else {
        return out;
    };
    for frame in 0..4 {
        let Ok(Some(_)) = decoder.next_frame() else {
            break;
        };
        while let Ok(Some(field)) = decoder.next_level() {
            out.push((frame, field.level, field.volume));
        }
    }
    out
}

fuzz_target!(|data: &[u8]| {
    let bytes = srt_fuzz::forge(data);
    let streamed = streamed(&bytes);
    let Ok(decoder) = Decoder::with_options(&bytes, DecodeOptions::default().with_limits(srt_fuzz::limits())) else {
        return;
    };
    let _ = decoder.attributes();
    let frames = decoder.frames().len();
    let in_slabs = decoder.frames().any(|frame| frame.record().slab.is_some());
    for frame in 0..frames.min(4) {
        for level in 0..3 {
            let Ok(volume) = decoder.frame_at(frame).and_then(|frame| frame.level(level).read_any()) else {
                continue;
            };
            let shape = volume.shape();
            assert!(shape.len() <= decoder.dataset().shape.len());
            let region = region(shape, data);
            let part = decoder
                .frame_at(frame).unwrap().level(level).region(region).read_any()
                .expect("the whole decodes");
            assert!(is_crop(&volume, &region, &part));
            // A stream counts the slabs of a frame one by one.
            let arrived = streamed
                .iter()
                .find(|s| !in_slabs && (s.0, s.1) == (frame, level));
            if let Some((_, _, other)) = arrived {
                assert!(is_crop(&volume, &shape.region(), other));
            }
        }
    }
});
