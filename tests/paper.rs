//! Profile `paper`: bounds, options, levels, regions, networks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use common::{Draw, decode, encode, le_bytes, smooth};
use proptest::prelude::*;
use srt::container::{Bound, Form, Interpolation, PooledForm};
use srt::network::Hierarchy;
use srt::volume::AnyVolume;
use srt::{
    Decoder, Downscaling, EncodeOptions, EncodeReport, ErrorKind, Limits, Model, PooledCoder,
    PooledOptions, Profile, Region, Shape, Trials, Upscaling, Worker,
};

fn options(psnr: f64, set: impl FnOnce(&mut PooledOptions)) -> EncodeOptions {
    let mut paper = PooledOptions::default();
    set(&mut paper);
    EncodeOptions::new(Bound::Psnr(psnr))
        .with_model(Model::None)
        .with_profile(Profile::Pooled(paper))
}

fn run(field: &[f32], shape: Shape, options: &EncodeOptions) -> (Vec<u8>, EncodeReport) {
    encode(shape, field, options).unwrap()
}

fn form(file: &[u8]) -> PooledForm {
    let decoder = Decoder::new(file).unwrap();
    let frame = decoder.frames().next().unwrap();
    match &frame.record().form {
        Form::Pooled(form) => form.clone(),
        other => panic!("{other:?}"),
    }
}

/// Voxels that the leaves keep at their levels.
fn kept(file: &[u8]) -> usize {
    let decoder = Decoder::new(file).unwrap();
    let leaves = decoder.frame_at(0).unwrap().leaves().unwrap().unwrap();
    let cells = |leaf: &srt::octree::Leaf| -> usize {
        let size = leaf.region.size;
        size.map(|n| n.div_ceil(1 << leaf.level)).iter().product()
    };
    leaves.iter().map(cells).sum()
}

/// Smooth with a rough corner, so that boxes differ.
fn mixed(shape: Shape) -> Vec<f32> {
    let [_, ny, nx] = shape.dims();
    let mut draw = Draw::new(5);
    let field = smooth(shape, 3);
    (0..shape.len())
        .map(|i| {
            let near = i / nx % ny < ny / 3 && i % nx < nx / 3;
            field[i] as f32 + if near { draw.unit() as f32 * 0.3 } else { 0.0 }
        })
        .collect()
}

#[test]
fn targets_are_met_with_every_upscaling_and_a_tree_keeps_fewer_voxels_than_one_level() {
    let shape = Shape::new(&[40, 48, 33]).unwrap();
    let field = mixed(shape);
    for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
        for psnr in [25.0, 40.0, 70.0] {
            let upscaling = Upscaling::Interpolation(interpolation);
            let measure = |downscaling| {
                let set = |p: &mut PooledOptions| {
                    (p.upscaling, p.downscaling) = (upscaling, downscaling);
                };
                let (file, report) = run(&field, shape, &options(psnr, set));
                let AnyVolume::F32(back) = decode(&file, 0, Limits::default()).unwrap() else {
                    panic!("a field of f32 expected")
                };
                let (mut sum, mut low, mut high) = (0.0, f64::MAX, f64::MIN);
                for (&a, &b) in field.iter().zip(back.data()) {
                    let (a, b) = (f64::from(a), f64::from(b));
                    sum += (a - b) * (a - b);
                    (low, high) = (low.min(a), high.max(a));
                }
                let rmse = (sum / field.len() as f64).sqrt();
                let reached = 20.0 * ((high - low) / rmse).log10();
                assert!(reached >= psnr, "{interpolation:?} {psnr}: {reached}");
                assert!((reached - report.comparison.psnr_db).abs() < 1e-6);
                (kept(&file), form(&file))
            };
            let (dynamic, _) = measure(Downscaling::Dynamic);
            let (uniform, form) = measure(Downscaling::Uniform);
            assert_eq!(form.levels, form.finest);
            assert!(dynamic <= uniform, "{psnr}: {dynamic} {uniform}");
        }
    }
}

#[test]
fn trials_by_full_reconstruction_give_the_same_file() {
    let shape = Shape::new(&[32, 24, 40]).unwrap();
    let field = mixed(shape);
    let file = |trials| run(&field, shape, &options(32.0, |p| p.trials = trials)).0;
    let local = file(Trials::Local);
    assert_eq!(local, file(Trials::Full));
    let form = form(&local);
    assert!(form.finest < form.levels, "{form:?}: nothing was decided");
}

#[test]
fn levels_and_regions_are_those_of_the_whole() {
    let shape = Shape::new(&[40, 48, 33]).unwrap();
    let (file, _) = run(&mixed(shape), shape, &options(30.0, |_| {}));
    let decoder = Decoder::new(&file).unwrap();
    for level in 0..=usize::from(form(&file).levels) {
        let whole = decoder
            .frame_at(0)
            .unwrap()
            .level(level)
            .read_any()
            .unwrap();
        let grid = decoder.frame_at(0).unwrap().level(level).grid().unwrap();
        assert_eq!(grid.dims(), shape.dims().map(|n| n.div_ceil(1 << level)));
        let region = Region {
            start: [1, 0, 2],
            size: [2, 3, 1],
        };
        let (AnyVolume::F32(whole), AnyVolume::F32(part)) = (
            whole,
            decoder
                .frame_at(0)
                .unwrap()
                .level(level)
                .region(region)
                .read_any()
                .unwrap(),
        ) else {
            panic!("fields of f32 expected")
        };
        assert_eq!(part.data(), grid.region().crop(whole.data(), &region));
    }
    let level = usize::from(form(&file).levels) + 1;
    assert!(
        decoder
            .frame_at(0)
            .and_then(|frame| frame.level(level).read_any())
            .is_err()
    );
    let leaves = decoder.frame_at(0).unwrap().leaves().unwrap().unwrap();
    let voxels: usize = leaves.iter().map(|leaf| leaf.region.len()).sum();
    assert_eq!(voxels, shape.len());
}

#[test]
fn a_tree_never_codes_larger_than_one_level() {
    let (shape, field) = common::turbulence();
    let mut smaller = 0;
    for upscaling in [
        Upscaling::Interpolation(Interpolation::Linear),
        Upscaling::Interpolation(Interpolation::Cubic),
        Upscaling::Network,
    ] {
        for psnr in [26.0, 33.0, 40.0] {
            let len = |downscaling| {
                let mut options = options(psnr, |p| {
                    (p.upscaling, p.downscaling) = (upscaling, downscaling);
                });
                options.coding.model = Model::Default;
                let (file, report) = run(&field, shape, &options);
                assert!(report.comparison.psnr_db >= psnr);
                file.len()
            };
            let (tree, one_level) = (len(Downscaling::Dynamic), len(Downscaling::Uniform));
            assert!(
                tree <= one_level + 4,
                "{upscaling:?} {psnr}: {tree} {one_level}"
            );
            smaller += usize::from(tree < one_level);
        }
    }
    assert!(smaller > 0, "no tree was of any use");
}

#[test]
fn networks_upscale_from_means() {
    let (shape, field) = common::turbulence();
    let built_in = |upscaling| {
        let mut options = options(38.0, |p| p.upscaling = upscaling);
        options.coding.model = Model::Default;
        run(&field, shape, &options)
    };
    let (file, report) = built_in(Upscaling::Auto);
    assert!(report.comparison.psnr_db >= 38.0);
    assert_eq!(report.model, "turbulence3d-haar");
    assert!(form(&file).network.is_some());
    let (linear, _) = built_in(Upscaling::Interpolation(Interpolation::Linear));
    assert!(form(&linear).network.is_none());
}

#[test]
fn networks_of_every_kind_give_the_same_bytes_with_any_number_of_threads() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/trainer");
    for (name, extents) in [
        ("residual2d_haar_zero", &[48, 40][..]),
        ("rrdb3d_shuffle", &[24, 24, 32]),
    ] {
        let bytes = std::fs::read(format!("{folder}/{name}.safetensors")).unwrap();
        let model = Hierarchy::from_safetensors(&bytes, &Limits::default()).unwrap();
        let shape = Shape::new(extents).unwrap();
        // Networks of test vectors are not trained: nothing but a low target lets them upscale.
        let options = options(5.0, |p| p.upscaling = Upscaling::Network)
            .with_model(Model::Given(Arc::new(model)));
        let (file, report) = run(&mixed(shape), shape, &options);
        assert!(report.comparison.psnr_db >= 5.0);
        let form = form(&file);
        assert!(
            form.network.is_some() && form.levels > 0,
            "{name}: {form:?}"
        );
        let once = le_bytes(&decode(&file, 0, Limits::default()).unwrap());
        assert_eq!(le_bytes(&common::decode_with_threads(&file, 1)), once);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let shape = Shape::new(&[16, 16, 16]).unwrap();
    let field = mixed(shape);
    let kind = |options: &EncodeOptions| encode(shape, &field, options).unwrap_err().kind();
    let mut other_bound = options(40.0, |_| {});
    other_bound.bound = Bound::MaxError(0.1);
    assert_eq!(kind(&other_bound), ErrorKind::InvalidArgument);
    let networks = options(40.0, |p| p.upscaling = Upscaling::Network);
    assert_eq!(kind(&networks), ErrorKind::InvalidArgument);
    let periodic = options(40.0, |_| {}).with_periodic("x".parse().unwrap());
    assert_eq!(kind(&periodic), ErrorKind::InvalidArgument);
    let worker = Worker::new("/nonexistent/srt-sz3");
    let sz3 = options(40.0, |p| p.coder = PooledCoder::Sz3(worker));
    assert_eq!(kind(&sz3), ErrorKind::Io);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_shape_keeps_its_bound(
        dims in prop::array::uniform3(1usize..=24), rank in 2usize..=3, psnr in 10f64..90.0,
        min_chunk in 1usize..6, seed in 0u64..100,
    ) {
        let shape = Shape::new(&dims[3 - rank..]).unwrap();
        let field: Vec<f32> = smooth(shape, seed).iter().map(|&v| v as f32).collect();
        let options = options(psnr, |p| p.min_chunk = min_chunk);
        let (file, report) = encode(shape, &field, &options).unwrap();
        prop_assert!(report.comparison.psnr_db >= psnr || report.comparison.is_identical());
        prop_assert!(decode(&file, 0, Limits::default()).is_ok());
    }
}
