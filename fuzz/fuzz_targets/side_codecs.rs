//! Mask, corrections, lossless payloads and attributes: arbitrary bytes fail or give something that encodes and
//! decodes to itself.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use srt::codec::corrections::Corrections;
use srt::codec::lossless;
use srt::codec::mask::Mask;
use srt::{Attributes, Dtype, Shape};

#[derive(Arbitrary, Debug)]
struct Input {
    extents: [u8; 3],
    planar: bool,
    size: u8,
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let limits = srt_fuzz::limits();
    let extents = input.extents.map(|n| usize::from(n % 40) + 1);
    let extents = &extents[usize::from(input.planar)..];
    let shape = Shape::new(extents).expect("small extents");
    let dtype = Dtype::ALL[usize::from(input.size) % Dtype::ALL.len()];
    if let Ok(mask) = Mask::decode(shape, dtype, &input.bytes, &limits) {
        let bytes = mask.encode(shape, dtype);
        assert_eq!(
            Mask::decode(shape, dtype, &bytes, &limits).unwrap(),
            mask
        );
        mask.apply(shape, shape.region(), &mut vec![0.0f32; shape.len()]);
    }
    if let Ok(found) = Corrections::decode(shape, dtype, &input.bytes, &limits) {
        let bytes = found.encode(shape, dtype);
        assert_eq!(
            Corrections::decode(shape, dtype, &bytes, &limits).unwrap(),
            found
        );
    }
    if let Ok(attributes) = Attributes::parse(&input.bytes, 0) {
        assert_eq!(Attributes::new(attributes.text()).unwrap(), attributes);
    }
    let size = dtype.size();
    let len = shape.len() * size;
    if let Ok(values) = lossless::decode(&input.bytes, size, len) {
        assert_eq!(values.len(), len);
    }
    let payload = lossless::encode(&input.bytes, size);
    assert_eq!(
        lossless::decode(&payload, size, input.bytes.len()).unwrap(),
        input.bytes
    );
});
