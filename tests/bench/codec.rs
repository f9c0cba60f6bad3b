//! Speed of the whole way and of its parts on 128^3 voxels; see tests/bench/README.md.
#![allow(missing_docs, clippy::unwrap_used)]

use std::borrow::Cow;
use std::cell::OnceCell;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use srt::codec::ctx::{BandLayout, BrickDecoder, BrickEncoder, GridLayout};
use srt::container::Bound;
use srt::frame::code_at_step;
use srt::options::pool;
use srt::transform::{Plan, SubbandCode, Wavelet, forward, inverse};
use srt::volume::Values;
use srt::{Axes, Decoder, EncodeOptions, Model, Shape};
use srt::{VolumeView, encode_with_report};

#[path = "../common/mirror.rs"]
mod mirror;

use mirror::sample_128;

/// A quantisation step at which the test field has about 40 dB.
const STEP: f64 = 0.33;

fn options(target: f64, threads: usize, model: Model) -> EncodeOptions {
    EncodeOptions::new(Bound::Psnr(target))
        .with_threads(threads)
        .with_model(model)
}

fn ceiling(c: &mut Criterion) {
    let (_, field) = sample_128();
    let mut group = c.benchmark_group("ceiling");
    group.throughput(Throughput::Bytes(4 * field.len() as u64));
    let mut copy = vec![0.0f32; field.len()];
    group.bench_function("memcpy", |b| {
        b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&field)));
    });
    // What a byte-oriented general compressor does on this machine.
    let mut bytes = Vec::new();
    srt::volume::io::write_raw(&mut bytes, Shape::new(&[128, 128, 128]).unwrap(), &field).unwrap();
    group.bench_function("zstd -1 compress", |b| {
        b.iter(|| zstd::bulk::compress(black_box(&bytes), 1).unwrap());
    });
    let packed = zstd::bulk::compress(&bytes, 1).unwrap();
    group.bench_function("zstd -1 decompress", |b| {
        b.iter(|| zstd::bulk::decompress(black_box(&packed), bytes.len()).unwrap());
    });
    group.finish();
}

fn whole(c: &mut Criterion) {
    let (shape, field) = sample_128();
    let values = Values::F32(Cow::Borrowed(&field));
    for (name, model) in [("none", Model::None), ("default", Model::Default)] {
        let mut group = c.benchmark_group(format!("model {name}"));
        group.sample_size(10);
        group.throughput(Throughput::Bytes(4 * field.len() as u64));
        // Encoded only when a benchmark asks for it.
        let file = OnceCell::new();
        let encoded = || {
            let options = options(40.0, 2, model.clone());
            encode_with_report(
                VolumeView::new(shape, &values).unwrap(),
                &options,
                Vec::new(),
            )
            .unwrap()
            .0
        };
        for threads in [1, 2] {
            group.bench_function(format!("encode fixed step, {threads} threads"), |b| {
                let options = options(40.0, threads, model.clone());
                b.iter(|| code_at_step(shape, &values, &options, STEP).unwrap());
            });
            group.bench_function(format!("decode 40 dB, {threads} threads"), |b| {
                let (file, pool) = (file.get_or_init(encoded), pool(Some(threads)).unwrap());
                b.iter(|| {
                    pool.install(|| {
                        Decoder::new(file)
                            .unwrap()
                            .frame_at(0)
                            .unwrap()
                            .read_any()
                            .unwrap()
                    })
                });
            });
            group.bench_function(format!("encode --psnr 40, {threads} threads"), |b| {
                let options = options(40.0, threads, model.clone());
                b.iter(|| {
                    encode_with_report(
                        VolumeView::new(shape, &values).unwrap(),
                        &options,
                        Vec::new(),
                    )
                    .unwrap()
                    .1
                    .bytes
                });
            });
        }
        group.finish();
    }
}

fn transform(c: &mut Criterion) {
    let (shape, field) = sample_128();
    let plan = Plan::new(shape, Axes::NONE, 15);
    let level = &plan.levels()[0];
    let mut group = c.benchmark_group("transform");
    group.throughput(Throughput::Bytes(4 * field.len() as u64));
    for threads in [1, 2] {
        let pool = pool(Some(threads)).unwrap();
        let mut scratch = field.clone();
        group.bench_function(format!("forward, {threads} threads"), |b| {
            b.iter(|| {
                scratch.copy_from_slice(&field);
                pool.install(|| forward(Wavelet::Cdf97, level, &mut scratch))
            });
        });
        let bands = forward(Wavelet::Cdf97, level, &mut field.clone());
        group.bench_function(format!("inverse, {threads} threads"), |b| {
            b.iter_batched_ref(
                || bands.clone(),
                |bands| pool.install(|| inverse(Wavelet::Cdf97, level, bands)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Quantised details of the finest level of the field, as one brick.
fn coefficients() -> (GridLayout, Vec<bool>, Vec<i32>) {
    let (shape, mut field) = sample_128();
    let plan = Plan::new(shape, Axes::NONE, 15);
    let level = &plan.levels()[0];
    let mean = field.iter().sum::<f32>() / field.len() as f32;
    let deviation =
        (field.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / field.len() as f32).sqrt();
    field.iter_mut().for_each(|v| *v = (*v - mean) / deviation);
    let bands = forward(Wavelet::Cdf97, level, &mut field);
    // A finer step than at 40 dB: the finest level would be nearly empty.
    let quantise = |v: &f32| (v / 0.05) as i32;
    let layout = GridLayout {
        bands: SubbandCode::DETAILS
            .iter()
            .map(|&code| BandLayout {
                code,
                dims: level.band_dims(code),
            })
            .collect(),
        blocks: level
            .coarse
            .dims()
            .map(|n| n.div_ceil(srt::codec::ctx::BLOCK)),
        planar: false,
    };
    let q: Vec<i32> = bands.details.iter().flatten().map(quantise).collect();
    (layout.clone(), vec![true; layout.block_count()], q)
}

fn ctx(c: &mut Criterion) {
    let (layout, active, mut q) = coefficients();
    let mut group = c.benchmark_group("ctx");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(4 * q.len() as u64));
    let encode = |q: &mut [i32]| {
        let mut encoder = BrickEncoder::default();
        encoder.grid(&layout, &active, q);
        encoder.finish()
    };
    group.bench_function("encode", |b| b.iter(|| encode(&mut q)));
    let bytes = encode(&mut q);
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut out = vec![0; q.len()];
            BrickDecoder::new(&bytes)
                .grid(&layout, &active, &mut out)
                .unwrap();
            out
        });
    });
    group.finish();
}

criterion_group!(benches, ceiling, whole, transform, ctx);
criterion_main!(benches);
