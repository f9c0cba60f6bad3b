//! Files of several frames: written and read forwards, level by level, cut short, appended to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::borrow::Cow;
use std::io::Read;

use common::{Draw, le_bytes, smooth};
use proptest::prelude::*;
use srt::container::{Bound, ChunkType, Dataset, Field, Placement, Reader};
use srt::volume::Values;
use srt::{
    DecodeOptions, Decoder, Dtype, EmbedWeights, EncodeOptions, Encoder, ErrorKind, FrameKey,
    LevelField, Limits, Model, Result, Shape, StreamDecoder,
};
use srt::{VolumeView, encode_with_report};

fn field(name: &str, dtype: Dtype) -> Field {
    Field {
        name: name.into(),
        unit: "m/s".into(),
        dtype,
    }
}

/// A field that differs from step to step.
fn values(shape: Shape, seed: u64) -> Vec<f32> {
    let mut draw = Draw::new(seed);
    smooth(shape, seed)
        .iter()
        .map(|v| (v + 0.02 * (draw.unit() - 0.5)) as f32)
        .collect()
}

fn f32s(values: &[f32]) -> Values<'_> {
    Values::F32(Cow::Borrowed(values))
}

fn options(bound: Bound) -> EncodeOptions {
    EncodeOptions::new(bound).with_threads(1)
}

/// Two fields at `steps` time steps.
fn series(shape: Shape, steps: std::ops::Range<u64>, options: &EncodeOptions) -> Vec<u8> {
    let dataset = Dataset::new(shape, vec![field("u", Dtype::F32), field("p", Dtype::F64)]);
    let mut encoder = Encoder::new(Vec::new(), dataset, options.clone()).unwrap();
    add(&mut encoder, shape, steps);
    encoder.finish().unwrap().0
}

fn add(encoder: &mut Encoder<Vec<u8>>, shape: Shape, steps: std::ops::Range<u64>) {
    for step in steps {
        let u = values(shape, step);
        let p: Vec<f64> = u.iter().map(|&u| f64::from(u) * 3.0 + 1.0).collect();
        let time = Some(step as f64 * 0.5);
        encoder
            .write(&FrameKey::new(0, step).at(time), f32s(&u))
            .unwrap();
        let p = Values::F64(Cow::Owned(p));
        encoder.write(&FrameKey::new(1, step).at(time), &p).unwrap();
    }
}

/// A reader that hands out few bytes at a time and counts them.
struct Dripping<'a> {
    rest: &'a [u8],
    step: usize,
    taken: std::rc::Rc<std::cell::Cell<usize>>,
}

impl<'a> Dripping<'a> {
    fn new(rest: &'a [u8], step: usize) -> Self {
        let taken = Default::default();
        Self { rest, step, taken }
    }
}

impl Read for Dripping<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.rest.len().min(out.len()).min(self.step);
        out[..n].copy_from_slice(&self.rest[..n]);
        self.rest = &self.rest[n..];
        self.taken.set(self.taken.get() + n);
        Ok(n)
    }
}

/// Field and step of a frame, and its values at every level, coarse to fine.
type Levels = (u64, u64, Vec<LevelField>);

/// Every frame's field and step with its values at every level, coarse to fine, and how it ended.
fn read_all(bytes: &[u8], step: usize) -> (Vec<Levels>, Result<()>) {
    let mut frames = Vec::new();
    let mut read = || {
        let mut decoder = StreamDecoder::new(Dripping::new(bytes, step))?;
        while let Some(frame) = decoder.next_frame()? {
            frames.push((frame.field, frame.step, Vec::new()));
            while let Some(field) = decoder.next_level()? {
                frames.last_mut().unwrap().2.push(field);
            }
        }
        Ok(())
    };
    let end = read();
    (frames, end)
}

#[test]
fn a_stream_decodes_to_what_the_file_does() {
    let shape = Shape::new(&[40, 70, 66]).unwrap();
    for bound in [
        Bound::Psnr(45.0),
        Bound::MaxError(0.01),
        Bound::MaxError(0.0),
    ] {
        let file = series(shape, 0..2, &options(bound).with_model(Model::None));
        let decoder = Decoder::new(&file).unwrap();
        for step in [37, usize::MAX] {
            let (frames, end) = read_all(&file, step);
            end.unwrap();
            assert_eq!(frames.len(), 4);
            for (index, (found, frame)) in frames.iter().zip(decoder.frames()).enumerate() {
                let record = frame.record();
                assert_eq!((found.0, found.1), (record.field, record.step));
                for (level, field) in found.2.iter().rev().enumerate() {
                    assert_eq!(field.level, level);
                    assert_eq!(
                        field.psnr_db,
                        decoder
                            .frame_at(index)
                            .unwrap()
                            .level(level)
                            .psnr_db()
                            .unwrap()
                    );
                    assert_eq!(
                        field.volume,
                        decoder
                            .frame_at(index)
                            .unwrap()
                            .level(level)
                            .read_any()
                            .unwrap()
                    );
                }
            }
        }
    }
}

#[test]
fn a_level_is_there_before_the_finer_bricks() {
    let shape = Shape::new(&[40, 150, 140]).unwrap();
    let file = series(
        shape,
        0..1,
        &options(Bound::Psnr(60.0)).with_model(Model::None),
    );
    let input = Dripping::new(&file, 64);
    let taken = std::rc::Rc::clone(&input.taken);
    let mut decoder = StreamDecoder::new(input).unwrap();
    decoder.next_frame().unwrap().unwrap();
    let mut before = 0;
    let mut arrived = Vec::new();
    while let Some(LevelField { level, .. }) = decoder.next_level().unwrap() {
        assert!(taken.get() >= before);
        before = taken.get();
        arrived.push((level, before));
    }
    let reader = Reader::new(&file, &Limits::default()).unwrap();
    let mut frames = reader
        .entries()
        .iter()
        .filter(|e| e.kind == ChunkType::FRAM);
    let second = frames.nth(1).unwrap().offset as usize;
    let &[.., (1, half), (0, full)] = &arrived[..] else {
        panic!("{arrived:?}")
    };
    assert!(half < second / 2, "{arrived:?} of {second}");
    // The last brick is known to be the last: nothing of what follows is waited for.
    assert!(full <= second + 64, "{full} of {second}");
    // Frames that are not asked for are skipped.
    let frame = decoder.next_frame().unwrap().unwrap();
    assert_eq!((frame.field, frame.step, frame.time), (1, 0, Some(0.0)));
    assert!(decoder.next_frame().unwrap().is_none());
    assert!(decoder.next_frame().unwrap().is_none());
    assert_eq!(
        decoder
            .frame()
            .and_then(|frame| frame.read_any())
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn a_stream_cut_short_keeps_its_whole_frames() {
    let shape = Shape::new(&[12, 20, 17]).unwrap();
    let file = series(
        shape,
        0..3,
        &options(Bound::RelError(1e-3)).with_model(Model::None),
    );
    let (whole, end) = read_all(&file, usize::MAX);
    end.unwrap();
    let reader = Reader::new(&file, &Limits::default()).unwrap();
    let starts: Vec<usize> = (reader.entries().iter())
        .filter(|e| e.kind == ChunkType::FRAM)
        .map(|e| e.offset as usize)
        .collect();
    let ends = starts[1..].iter().copied();
    let index = reader.entries().last().unwrap().end() as usize;
    let ends: Vec<usize> = ends.chain([index]).collect();
    for len in (0..file.len()).step_by(61).chain(ends.clone()) {
        let (frames, end) = read_all(&file[..len], usize::MAX);
        assert_eq!(end.unwrap_err().kind(), ErrorKind::Truncated, "{len}");
        let complete = ends.iter().filter(|&&end| end <= len).count();
        let finished = |frame: &&Levels| frame.2.last().is_some_and(|v| v.volume.shape() == shape);
        let kept = frames.iter().filter(finished).count();
        // Whether corrections follow the last brick shows with the next chunk only.
        assert!(kept == complete || kept + 1 == complete, "{kept} at {len}");
        for (frame, whole) in frames.iter().zip(&whole) {
            assert_eq!(frame.2, whole.2[..frame.2.len()]);
        }
    }
}

#[test]
fn weights_are_written_once_and_only_where_they_are_used() {
    let (shape, turbulence) = common::turbulence();
    let constant = vec![1.5f32; shape.len()];
    let scaled: Vec<f32> = turbulence.iter().map(|v| v * 0.5).collect();
    let mut kinds = Vec::new();
    for embed in [EmbedWeights::No, EmbedWeights::Yes] {
        let options = options(Bound::Psnr(36.0)).with_embed_weights(embed);
        let dataset = Dataset::new(shape, vec![field("", Dtype::F32)]);
        let mut encoder = Encoder::new(Vec::new(), dataset, options.clone()).unwrap();
        let mut uses = Vec::new();
        for (step, values) in [&constant, &turbulence, &scaled].into_iter().enumerate() {
            let frame = encoder.write(&FrameKey::new(0, step as u64), f32s(values));
            uses.push(frame.unwrap().uses_networks);
        }
        let (file, report) = encoder.finish().unwrap();
        assert_eq!(report.frames, 3);
        let reader = Reader::new(&file, &Limits::default()).unwrap();
        kinds = reader.entries().iter().map(|e| e.kind).collect();
        let count = |kind| kinds.iter().filter(|&&k| k == kind).count();
        if embed == EmbedWeights::No {
            assert_eq!(uses, [false, true, true]);
            assert_eq!((count(ChunkType::NREF), count(ChunkType::NETW)), (1, 0));
            // DSET, the constant frame, then the weights.
            assert_eq!(kinds[2], ChunkType::NREF);
        } else {
            // So small a field does not pay for the networks themselves.
            assert_eq!(count(ChunkType::NREF), 0);
            let bytes: u64 = (reader.entries().iter())
                .filter(|e| e.kind == ChunkType::NETW)
                .map(|e| e.end() - e.offset)
                .sum();
            assert_eq!(report.weight_bytes, bytes);
        }
        let (frames, end) = read_all(&file, 999);
        end.unwrap();
        let decoder = Decoder::new(&file).unwrap();
        for (index, frame) in frames.iter().enumerate() {
            let finest = &frame.2.last().unwrap().volume;
            assert_eq!(
                *finest,
                decoder.frame_at(index).unwrap().read_any().unwrap()
            );
        }
    }
    drop(kinds);
    // A file without use of networks is the same as one made without them.
    let plain = |model| {
        let options = options(Bound::Psnr(40.0)).with_model(model);
        encode_with_report(
            VolumeView::new(shape, f32s(&constant)).unwrap(),
            &options,
            Vec::new(),
        )
        .unwrap()
        .0
    };
    assert_eq!(plain(Model::Default), plain(Model::None));
}

/// What one small field does not pay for, many do together; a ratio is kept by every frame.
#[test]
fn weights_pay_where_many_frames_share_them() {
    let (shape, turbulence) = common::turbulence();
    let first = |bound, frames| {
        let options = options(bound).with_embed_weights(EmbedWeights::Yes);
        let dataset = Dataset::new(shape, vec![field("", Dtype::F32)]);
        let mut encoder = Encoder::new(Vec::new(), dataset, options.with_frames(frames)).unwrap();
        let frame = encoder.write(&FrameKey::new(0, 0), f32s(&turbulence));
        let uses = frame.unwrap().uses_networks;
        let (_, report) = encoder.finish().unwrap();
        assert_eq!(report.weight_bytes > 0, uses);
        uses
    };
    let bound = Bound::Psnr(45.0);
    assert!(!first(bound, 0) && !first(bound, 1) && !first(bound, 2));
    assert!(first(bound, 1000));
    assert!(!first(Bound::Ratio(50.0), 1000));
}

#[test]
fn appending_gives_the_file_that_encoding_at_once_does() {
    let (shape, turbulence) = common::turbulence();
    let frames: Vec<Vec<f32>> = (0..3)
        .map(|k| turbulence.iter().map(|v| v * (1.0 + k as f32)).collect())
        .collect();
    let options = options(Bound::Psnr(36.0));
    let dataset = Dataset::new(shape, vec![field("speed", Dtype::F32)]);
    let encode = |steps: std::ops::Range<usize>| {
        let mut encoder = Encoder::new(Vec::new(), dataset.clone(), options.clone()).unwrap();
        for (step, frame) in (0..).zip(&frames).skip(steps.start).take(steps.len()) {
            encoder.write(&FrameKey::new(0, step), f32s(frame)).unwrap();
        }
        encoder.finish().unwrap().0
    };
    let all = encode(0..3);
    for first in 0..3 {
        let old = encode(0..first);
        let decoder = Decoder::new(&old).unwrap();
        let append =
            |options| Encoder::append(Vec::new(), &decoder, decoder.dataset().clone(), options);
        let mut encoder = append(options.clone()).unwrap();
        for (step, frame) in (0..).zip(&frames).skip(first) {
            encoder.write(&FrameKey::new(0, step), f32s(frame)).unwrap();
        }
        let (new, report) = encoder.finish().unwrap();
        assert_eq!(new, all, "{first} frames first");
        assert_eq!(report.raw_bytes, 3 * 4 * shape.len() as u64);
        // Another weight set than that of the file cannot be used.
        let other = srt::network::builtin("turbulence2d-s").unwrap().unwrap();
        let result = append(options.clone().with_model(Model::Given(other)));
        assert_eq!(result.is_err(), first > 0);
    }
}

#[test]
fn fields_and_facts_may_be_added_by_appending() {
    let shape = Shape::new(&[9, 8]).unwrap();
    let old = series(shape, 0..1, &options(Bound::Psnr(40.0)));
    let decoder = Decoder::new(&old).unwrap();
    let mut dataset = decoder.dataset().clone();
    dataset.fields.push(field("q", Dtype::F32));
    dataset.length_unit = "m".into();
    dataset.placement = Some(Placement {
        spacing: [1.0, 0.25, 0.5],
        ..Placement::default()
    });
    let mut encoder = Encoder::append(
        Vec::new(),
        &decoder,
        dataset.clone(),
        options(Bound::Psnr(40.0)),
    )
    .unwrap();
    let values = values(shape, 5);
    encoder.write(&FrameKey::new(2, 0), f32s(&values)).unwrap();
    let twice = encoder.write(&FrameKey::new(1, 0), Values::F64(Cow::Owned(vec![0.0; 72])));
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let (new, _) = encoder.finish().unwrap();
    let again = Decoder::new(&new).unwrap();
    assert_eq!(*again.dataset(), dataset);
    for index in 0..2 {
        let (a, b) = (
            decoder.frame_at(index).and_then(|frame| frame.read_any()),
            again.frame_at(index).and_then(|frame| frame.read_any()),
        );
        assert_eq!(a.unwrap(), b.unwrap());
    }
    // Fields that are there keep their names, types and order, the domain its shape.
    for change in [
        &(|d: &mut Dataset| d.fields.swap(0, 1)) as &dyn Fn(&mut Dataset),
        &|d| d.fields[0].dtype = Dtype::F64,
        &|d| d.fields.truncate(1),
        &|d| d.shape = Shape::new(&[8, 9]).unwrap(),
    ] {
        let mut changed = dataset.clone();
        change(&mut changed);
        let result = Encoder::append(Vec::new(), &again, changed, options(Bound::Psnr(40.0)));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn what_does_not_fit_the_dataset_is_refused_and_nothing_is_written() {
    let shape = Shape::new(&[6, 7]).unwrap();
    let dataset = Dataset::new(shape, vec![field("u", Dtype::F32)]);
    let options = options(Bound::Psnr(40.0));
    let mut encoder = Encoder::new(Vec::new(), dataset.clone(), options.clone()).unwrap();
    let good = vec![0.5f32; 42];
    let f64s = Values::F64(Cow::Owned(vec![0.5; 42]));
    for (field, step, time, values) in [
        (1, 0, None, &f32s(&good)),
        (0, 0, None, &f64s),
        (0, 0, None, &f32s(&good[1..])),
        (0, 0, Some(f64::NAN), &f32s(&good)),
        (0, 1 << 63, None, &f32s(&good)),
    ] {
        let error = encoder
            .write(&FrameKey::new(field, step).at(time), values)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    encoder
        .write(&FrameKey::new(0, 4).at(2.0), f32s(&good))
        .unwrap();
    let twice = encoder
        .write(&FrameKey::new(0, 4), f32s(&good))
        .unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::InvalidArgument);
    let (file, report) = encoder.finish().unwrap();
    assert_eq!(report.bytes, file.len() as u64);
    let decoder = Decoder::new(&file).unwrap();
    let frame = decoder.only_frame().unwrap().record();
    assert_eq!((frame.step, frame.time), (4, Some(2.0)));
    let mut sink = Vec::new();
    let encoder = Encoder::new(&mut sink, dataset, options).unwrap();
    drop(encoder);
    assert!(sink.is_empty());
}

#[test]
fn a_stream_is_read_within_its_limits() {
    let shape = Shape::new(&[40, 70, 66]).unwrap();
    let file = series(
        shape,
        0..1,
        &options(Bound::Psnr(60.0)).with_model(Model::None),
    );
    for limits in [
        Limits::default().with_decoded_bytes(2000),
        Limits::default().with_chunk_bytes(100),
    ] {
        let mut decoder =
            StreamDecoder::with_options(&file[..], DecodeOptions::default().with_limits(limits))
                .unwrap();
        let decoded = match decoder.next_frame() {
            Ok(_) => decoder
                .frame()
                .and_then(|frame| frame.read_any())
                .map(|_| ()),
            Err(error) => Err(error),
        };
        assert_eq!(decoded.unwrap_err().kind(), ErrorKind::LimitExceeded);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_series_comes_back_from_a_stream(
        extents in prop::collection::vec(1usize..24, 2..=3),
        steps in 1u64..4,
        bound in prop_oneof![
            Just(Bound::Psnr(50.0)), Just(Bound::RelError(1e-3)), Just(Bound::MaxError(0.0)),
        ],
        step in 1usize..400,
        cut in 0.0f64..1.0,
    ) {
        let shape = Shape::new(&extents).unwrap();
        let file = series(shape, 0..steps, &options(bound).with_model(Model::None));
        let decoder = Decoder::new(&file).unwrap();
        let (frames, end) = read_all(&file, step);
        prop_assert!(end.is_ok());
        prop_assert_eq!(frames.len(), decoder.frames().len());
        for (index, frame) in frames.iter().enumerate() {
            let whole = decoder.frame_at(index).unwrap().read_any().unwrap();
            prop_assert_eq!(le_bytes(&frame.2.last().unwrap().volume), le_bytes(&whole));
        }
        let len = (cut * file.len() as f64) as usize;
        let (some, end) = read_all(&file[..len], step);
        prop_assert_eq!(end.unwrap_err().kind(), ErrorKind::Truncated);
        for (a, b) in some.iter().zip(&frames) {
            prop_assert_eq!(&a.2[..], &b.2[..a.2.len()]);
        }
    }
}
