use proptest::prelude::*;

use super::*;
use crate::base::dtype::Dtype;
use crate::base::grid::{Axes, Shape};
use crate::container::{
    Announced, Bound, BrickSummary, Dataset, Field, Form, Frame, Measured, NetworkUse, RunPolicy,
    WaveletForm, Writer,
};

fn kind() -> impl Strategy<Value = ChunkType> {
    let known = ChunkType::KNOWN
        .into_iter()
        .filter(|k| *k != ChunkType::INDX);
    let known = prop::sample::select(known.collect::<Vec<_>>());
    let other = prop::sample::select(vec![*b"noTe", *b"abCd"]);
    prop_oneof![
        3 => known,
        1 => other.prop_map(|letters| ChunkType::from_bytes(letters).unwrap()),
    ]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 0u32..300, any::<u32>()]
}

/// Lengths near those where a varint grows, and others.
fn len() -> impl Strategy<Value = usize> {
    prop_oneof![
        0usize..300,
        126usize..130,
        16_382usize..16_387,
        0usize..40_000
    ]
}

proptest! {
    #[test]
    fn a_file_is_as_long_as_the_writer_makes_it(chunks in prop::collection::vec((kind(), number(), len()), 1..200)) {
        let mut length = FileLength::default();
        let mut writer = Writer::new(Vec::new());
        let mut end = HEADER_LEN as u64;
        for (kind, part, len) in chunks {
            length.add(kind, part, len);
            writer.chunk(kind, part, &vec![0; len]).unwrap();
            end += chunk(len);
            prop_assert_eq!(writer.entries().last().unwrap().end(), end);
        }
        let entries = writer.entries().to_vec();
        let (bytes, written) = writer.finish().unwrap();
        prop_assert_eq!(written, length.bytes());
        prop_assert_eq!(bytes.len() as u64, written);
        let rest = written - end - TRAILER_LEN as u64 - CHUNK_HEADER_LEN as u64;
        prop_assert_eq!(rest, index(&entries));
    }

    #[test]
    fn numbers_are_as_long_as_they_are_written(value in prop_oneof![0u64..300, 0u64..1 << 63]) {
        use crate::container::Encode;
        let mut out = Vec::new();
        out.put_varint(value);
        prop_assert_eq!(varint_len(value), out.len() as u64);
    }

    /// The estimates that the encoder decides by are near what is written.
    #[test]
    fn estimates_are_near(
        (dtype, mask) in (dtype(), prop::option::of(1usize..2000)),
        (levels, gains) in (0u8..8, prop::option::of(0.0f32..2.0)),
        tree in 1usize..2000,
        bricks in prop::collection::vec(1usize..3000, 1..200),
    ) {
        let network = gains.filter(|_| levels > 0);
        let form = wavelet_form(levels, network);
        let bricks: Vec<(u32, Vec<u8>)> =
            bricks.into_iter().zip(0u32..).map(|(len, n)| (n, vec![1; len])).collect();
        let payload = bricks.iter().map(|b| b.1.len()).sum::<usize>() + tree;
        let searched = estimate::around_wavelet_form(dtype, mask)
            + estimate::levels(&form)
            + estimate::around_bricks(&summaries(&bricks))
            + payload;
        let (exact, of_chunks, chunks) = one_frame(dtype, mask, form, tree, &bricks);
        // An entry of the index is at most 1 + 3 + 2 bytes long here, and at least 3.
        for estimate in [searched, of_chunks] {
            prop_assert!(estimate.abs_diff(exact) <= 24 + 2 * chunks, "{estimate} {exact} {chunks}");
        }
    }
}

fn summaries(bricks: &[(u32, Vec<u8>)]) -> Vec<BrickSummary> {
    let summary = |(number, bytes): &(u32, Vec<u8>)| BrickSummary::new(*number, bytes);
    bricks.iter().map(summary).collect()
}

fn dtype() -> impl Strategy<Value = Dtype> {
    prop::sample::select(Dtype::ALL.to_vec())
}

fn wavelet_form(levels: u8, gain: Option<f32>) -> WaveletForm {
    WaveletForm {
        wavelet: 0,
        periodic: Axes::NONE,
        plan: 0,
        levels,
        brick_edge: 64,
        shrink: 5,
        step: 0.5,
        offset: 0.0,
        scale: 1.0,
        network: gain.map(|gain| NetworkUse {
            gains: vec![gain; levels.into()],
        }),
        quality: vec![80; levels.into()],
        references: None,
    }
}

/// Length of a file of one frame as it is written, as its chunks let one estimate, and how many they are.
fn one_frame(
    dtype: Dtype,
    mask: Option<usize>,
    form: WaveletForm,
    tree: usize,
    bricks: &[(u32, Vec<u8>)],
) -> (usize, usize, usize) {
    let field = Field {
        name: String::new(),
        unit: String::new(),
        dtype,
    };
    let dataset = Dataset::new(Shape::new(&[64, 64, 64]).unwrap(), vec![field]);
    let frame = Frame {
        field: 0,
        step: 0,
        time: None,
        range: (0.0, 1.0),
        bound: Bound::Psnr(40.0),
        measured: Measured {
            psnr_db: 40.0,
            ssim: None,
            max_error: 0.1,
        },
        form: Form::Wavelet(form),
        announced: Announced::default(),
        slab: None,
    };
    let mut chunks = vec![(ChunkType::FRAM, 0, frame.to_bytes(dtype))];
    chunks.extend(mask.map(|len| (ChunkType::MASK, 0, vec![0; len])));
    chunks.push((ChunkType::TREE, 0, vec![0; tree]));
    let bytes = bricks.iter().map(|b| b.1.len()).sum();
    let runs = RunPolicy::of_frame(bytes).runs(bricks).into_iter();
    chunks.extend(runs.map(|(part, run)| (ChunkType::BRIK, part, run)));
    let mut writer = Writer::new(Vec::new());
    let dataset = dataset.to_bytes();
    writer.chunk(ChunkType::DSET, 0, &dataset).unwrap();
    for (kind, part, payload) in &chunks {
        writer.chunk(*kind, *part, payload).unwrap();
    }
    let estimate = estimate::file_of_frame(chunks.iter().map(|(_, _, payload)| payload.len()));
    (writer.finish().unwrap().0.len(), estimate, chunks.len())
}

/// A change here changes files: it takes a new version of the encoder.
#[test]
fn estimates_are_what_they_were() {
    assert_eq!(estimate::chunk(100), 124);
    assert_eq!(estimate::weights_chunk(100), 126);
    assert_eq!(estimate::file_of_frame([40, 100]), 102 + 64 + 124);
    assert_eq!(estimate::around_wavelet_form(Dtype::F16, None), 176 + 20);
    assert_eq!(estimate::around_wavelet_form(Dtype::F32, None), 176 + 20);
    assert_eq!(
        estimate::around_wavelet_form(Dtype::F64, Some(10)),
        176 + 40 + 34
    );
    assert_eq!(estimate::levels(&wavelet_form(3, None)), 3);
    assert_eq!(estimate::levels(&wavelet_form(3, Some(1.0))), 15);
    // One run of three bricks: how many follow, a length of two bytes and a gap for each but the last.
    let bricks: Vec<(u32, Vec<u8>)> = (0..3).map(|n| (n, vec![1; 500])).collect();
    assert_eq!(estimate::around_bricks(&summaries(&bricks)), 24 + 7);
}
