//! Fields encoded in parts and joined: parts against whole, any number and order of parts, parts that
//! do not go together.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
#[path = "bench.rs"]
mod program;

use std::fs;

use common::{le_bytes, smooth, within};
use program::{Bench, DONE, USAGE, piped};
use proptest::prelude::*;
use srt::{
    AnyVolume, Axes, Bound, ChunkType, Dataset, Decoder, Dtype, EncodeOptions, Encoder, ErrorKind,
    Field, FrameKey, Limits, Model, Observer, PooledOptions, Profile, Reader, Region, Shape, Slab,
    Values, Writer, measure, merge, write_npy,
};
use srt::{VolumeView, encode_with_report};

fn field(shape: Shape, seed: u64) -> Vec<f32> {
    smooth(shape, seed).iter().map(|&v| v as f32).collect()
}

/// A field that takes much fewer bytes with losses than without.
fn waves(shape: Shape) -> Vec<f32> {
    let [_, ny, nx] = shape.dims();
    let wave = |i: usize| {
        let (z, y, x) = (i / nx / ny, i / nx % ny, i % nx);
        let phase = z as f32 * 0.13 + (y as f32 * 0.2).sin() + x as f32 * 0.11;
        phase.sin() + 0.01 * ((i * 7919 % 1000) as f32 / 1000.0)
    };
    (0..shape.len()).map(wave).collect()
}

fn dataset(shape: Shape) -> Dataset {
    let field = Field {
        name: "u".into(),
        unit: "m".into(),
        dtype: Dtype::F32,
    };
    Dataset::new(shape, vec![field])
}

/// A file with the planes `start..end` of a field.
fn part(shape: Shape, values: &[f32], cut: [usize; 2], options: &EncodeOptions) -> Vec<u8> {
    let plane = shape.len() / shape.extents()[0];
    let slab = Slab {
        start: cut[0] as u64,
        len: (cut[1] - cut[0]) as u64,
    };
    let own = Values::F32(values[cut[0] * plane..cut[1] * plane].into());
    let mut encoder = Encoder::new(Vec::new(), dataset(shape), options.clone()).unwrap();
    let report = encoder.write(
        &FrameKey::new(0, 3)
            .at(Some(0.5))
            .planes(slab.start..slab.end()),
        &own,
    );
    report.unwrap();
    encoder.finish().unwrap().0
}

fn open(bytes: &[u8]) -> Decoder<'_> {
    Decoder::new(bytes).unwrap()
}

fn joined(files: &[Vec<u8>]) -> srt::Result<Vec<u8>> {
    let decoders: Vec<Decoder<'_>> = files.iter().map(|file| open(file)).collect();
    Ok(merge(&decoders, Vec::new())?.0)
}

/// A field in parts that begin at `cuts`, joined.
fn in_parts(shape: Shape, values: &[f32], cuts: &[usize], options: &EncodeOptions) -> Vec<u8> {
    let ends = cuts[1..].iter().copied().chain([shape.extents()[0]]);
    let files: Vec<Vec<u8>> = cuts
        .iter()
        .zip(ends)
        .map(|(&start, end)| part(shape, values, [start, end], options))
        .collect();
    let file = joined(&files).unwrap();
    let turned: Vec<Vec<u8>> = files.into_iter().rev().collect();
    assert_eq!(joined(&turned).unwrap(), file, "another order");
    file
}

fn decoded(file: &[u8]) -> Vec<f32> {
    match open(file).frame_at(0).unwrap().read_any().unwrap() {
        AnyVolume::F32(v) => v.into_data(),
        _ => panic!("another type"),
    }
}

fn range(values: &[f32]) -> (f64, f64) {
    let moments = measure(&Values::F32(values.into()), None, &Observer::default());
    (moments.min, moments.max)
}

fn psnr(values: &[f32], decoded: &[f32]) -> f64 {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let mean = values.iter().zip(decoded).map(square).sum::<f64>() / values.len() as f64;
    let (min, max) = range(values);
    20.0 * (max - min).log10() - 10.0 * mean.log10()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In slabs of a few thousand voxels the quality jumps from step to step; the search must land
    /// somewhere all the same, not fall back on exact values.
    #[test]
    fn smooth_slabs_always_find_a_step(
        extents in (60usize..200, 8usize..14, 8usize..14).prop_map(|(z, y, x)| [z, y, x]),
        seed in 0u64..1000,
        target in 25f64..80.0,
        third in 0usize..3,
    ) {
        let shape = Shape::new(&extents).unwrap();
        let values = field(shape, seed);
        let (min, max) = range(&values);
        let cut = [extents[0] * third / 3, extents[0] * (third + 1) / 3];
        let options = EncodeOptions::new(Bound::Psnr(target)).with_model(Model::None).with_range(min, max);
        let bytes = part(shape, &values, cut, &options).len();
        let raw = (cut[1] - cut[0]) * extents[1] * extents[2] * 4;
        prop_assert!(bytes < raw / 3, "{bytes} of {raw} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn joined_parts_keep_the_bound_of_the_whole(
        extents in prop_oneof![
            (20usize..70, 5usize..20, 5usize..20).prop_map(|(z, y, x)| vec![z, y, x]),
            (20usize..70, 9usize..50).prop_map(|(y, x)| vec![y, x]),
        ],
        cuts in prop::collection::btree_set(1usize..20, 0..4),
        kind in 0..4,
        seed in 0u64..1000,
    ) {
        let shape = Shape::new(&extents).unwrap();
        let values = field(shape, seed);
        let (min, max) = range(&values);
        let error = (max - min) * 1e-3;
        let bound = match kind {
            0 => Bound::MaxError(error),
            1 => Bound::RelError(1e-3),
            2 => Bound::Psnr(55.0),
            _ => Bound::MaxError(0.0),
        };
        let options = EncodeOptions::new(bound)
            .with_model(Model::None)
            .with_periodic(Axes::NONE.with(0).with(1).with(2))
            .with_range(min, max);
        let cuts: Vec<usize> = [0].into_iter().chain(cuts).collect();
        let file = in_parts(shape, &values, &cuts, &options);
        let found = decoded(&file);
        prop_assert_eq!(found.len(), values.len());
        for (a, b) in values.iter().zip(&found) {
            match kind {
                3 => prop_assert_eq!(a, b),
                2 => {}
                _ => prop_assert!(within(f64::from(*a), f64::from(*b), error)),
            }
        }
        if kind == 2 {
            prop_assert!(psnr(&values, &found) >= 55.0);
        }
    }
}

/// Regions, levels and layers of a field in slabs are those of its parts, and of the whole.
#[test]
fn a_field_in_slabs_decodes_as_one() {
    let shape = Shape::new(&[208, 20, 24]).unwrap();
    let values = waves(shape);
    let (min, max) = range(&values);
    let options = EncodeOptions::new(Bound::Psnr(30.0))
        .with_model(Model::None)
        .with_range(min, max);
    let cuts = [0, 64, 128];
    let file = in_parts(shape, &values, &cuts, &options);
    let decoder = open(&file);
    assert_eq!(decoder.frames().len(), 1);
    assert_eq!(decoder.only_frame().unwrap().records().count(), 3);
    for level in 0..=3 {
        let grid = decoder.frame_at(0).unwrap().level(level).grid().unwrap();
        assert_eq!(grid.extents()[0], 208usize.div_ceil(1 << level));
        let whole = decoder
            .frame_at(0)
            .unwrap()
            .level(level)
            .read_any()
            .unwrap();
        assert_eq!(whole.shape(), grid);
        let mut layers = Vec::new();
        let mut push = |layer: AnyVolume| {
            layers.extend(le_bytes(&layer));
            Ok(())
        };
        decoder
            .frame_at(0)
            .unwrap()
            .level(level)
            .layers(&mut push)
            .unwrap();
        assert_eq!(layers, le_bytes(&whole), "level {level}");
        // A box across a border between slabs.
        let mut region = grid.region();
        (region.start[0], region.size[0]) = ((40 >> level).min(3), 150 >> level);
        (region.start[2], region.size[2]) = (1, 2);
        let crop = match &whole {
            AnyVolume::F32(v) => grid.region().crop(v.data(), &region),
            _ => panic!("another type"),
        };
        let crop: Vec<u8> = crop.iter().flat_map(|v| v.to_le_bytes()).collect();
        let found = decoder
            .frame_at(0)
            .unwrap()
            .level(level)
            .region(region)
            .read_any()
            .unwrap();
        assert_eq!(le_bytes(&found), crop, "level {level}");
    }
    // The levels of slabs of 64 planes end where their splits end.
    assert!(
        decoder
            .frame_at(0)
            .and_then(|frame| frame.level(7).grid())
            .is_err()
    );
    // Each coarse field is near that of the field coded as a whole.
    let whole = Values::F32((&values[..]).into());
    let (plain, _) = encode_with_report(
        VolumeView::new(shape, &whole).unwrap(),
        &options.clone().with_plan(srt::AxisPlan::Levels),
        Vec::new(),
    )
    .unwrap();
    let (a, b) = (
        decoder.frame_at(0).unwrap().level(2).read_any().unwrap(),
        open(&plain)
            .frame_at(0)
            .unwrap()
            .level(2)
            .read_any()
            .unwrap(),
    );
    let (AnyVolume::F32(a), AnyVolume::F32(b)) = (a, b) else {
        panic!("another type")
    };
    assert!(psnr(b.data(), a.data()) > 25.0);
    // Leaves cover the domain once.
    let leaves = decoder.frame_at(0).unwrap().leaves().unwrap().unwrap();
    assert_eq!(
        leaves.iter().map(|leaf| leaf.region.len()).sum::<usize>(),
        shape.len()
    );
    let ends = leaves.iter().map(|leaf| leaf.region.end(0)).max();
    assert_eq!(ends, Some(208));
}

#[test]
fn a_part_alone_says_what_is_missing() {
    let shape = Shape::new(&[130, 12, 10]).unwrap();
    let values = field(shape, 6);
    let options = EncodeOptions::new(Bound::MaxError(0.01)).with_model(Model::None);
    let first = part(shape, &values, [0, 64], &options);
    let second = part(shape, &values, [64, 130], &options);
    let decoder = open(&second);
    let error = decoder
        .frame_at(0)
        .and_then(|frame| frame.read_any())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("planes 0 to 64"), "{error}");
    let own = Region {
        start: [64, 0, 0],
        size: [66, 12, 10],
    };
    let volume = decoder.frame_at(0).unwrap().region(own).read_any().unwrap();
    let file = joined(&[second.clone(), first.clone()]).unwrap();
    let joint = open(&file)
        .frame_at(0)
        .unwrap()
        .region(own)
        .read_any()
        .unwrap();
    assert_eq!(le_bytes(&joint), le_bytes(&volume));

    let fails = |files: &[&Vec<u8>], words: &str| {
        let files: Vec<Vec<u8>> = files.iter().map(|&file| file.clone()).collect();
        let error = joined(&files).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(
            error.to_string().contains(words),
            "{words:?} expected: {error}"
        );
    };
    fails(&[&first], "planes 64 to 130");
    fails(&[&second], "planes 0 to 64");
    fails(&[&first, &second, &first], "twice");
    let coarser = EncodeOptions::new(Bound::MaxError(0.02)).with_model(Model::None);
    let other = part(shape, &values, [64, 130], &coarser);
    fails(&[&first, &other], "different bounds");
    let psnr = |min: f64| {
        EncodeOptions::new(Bound::Psnr(40.0))
            .with_model(Model::None)
            .with_range(min, 9.0)
    };
    let a = part(shape, &values, [0, 64], &psnr(-9.0));
    let b = part(shape, &values, [64, 130], &psnr(-8.0));
    fails(&[&a, &b], "different ranges");
    let narrow = Values::F32((&values[..]).into());
    let options = psnr(0.0);
    let error = encode_with_report(
        VolumeView::new(shape, &narrow).unwrap(),
        &options,
        Vec::new(),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("outside of the range"),
        "{error}"
    );
}

/// The file with chunks of another program behind its dataset.
fn with_chunks(file: &[u8], more: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let reader = Reader::new(file, &Limits::default()).unwrap();
    let mut writer = Writer::new(Vec::new());
    for (number, entry) in reader.entries().iter().enumerate() {
        let payload = reader.payload(number).unwrap();
        writer.chunk(entry.kind, entry.part, payload).unwrap();
        if entry.kind == ChunkType::DSET {
            for (kind, payload) in more {
                let kind = ChunkType::from_bytes(**kind).unwrap();
                writer.chunk(kind, 3, payload).unwrap();
            }
        }
    }
    writer.finish().unwrap().0
}

#[test]
fn what_other_programs_let_copy_is_copied_once() {
    let shape = Shape::new(&[32, 9, 9]).unwrap();
    let values = waves(shape);
    let options = EncodeOptions::new(Bound::MaxError(0.01)).with_model(Model::None);
    let halves = [[0, 16], [16, 32]].map(|cut| part(shape, &values, cut, &options));
    let notes: [&[(&[u8; 4], &[u8])]; 2] = [
        &[(b"noTe", b"of both"), (b"noTe", b"of the first")],
        &[(b"noTE", b"to be dropped"), (b"noTe", b"of both")],
    ];
    let noted = [0, 1].map(|i| with_chunks(&halves[i], notes[i]));
    let merged = |parts: &[Vec<u8>; 2]| {
        merge(&[open(&parts[0]), open(&parts[1])], Vec::new())
            .unwrap()
            .0
    };
    let file = merged(&noted);
    let reader = Reader::new(&file, &Limits::default()).unwrap();
    let theirs = |kind: ChunkType| kind.to_bytes()[0].is_ascii_lowercase();
    let kept: Vec<&[u8]> = (0..reader.entries().len())
        .filter(|&number| theirs(reader.entries()[number].kind))
        .map(|number| reader.payload(number).unwrap())
        .collect();
    assert_eq!(kept, [&b"of both"[..], b"of the first"]);
    assert_eq!(decoded(&file), decoded(&merged(&halves)));
}

#[test]
fn parts_are_held_to_the_range_given_in_either_profile() {
    let shape = Shape::new(&[32, 16, 16]).unwrap();
    let values = Values::F32(waves(shape).into());
    for profile in [Profile::Default, Profile::Pooled(PooledOptions::default())] {
        let options = EncodeOptions::new(Bound::Psnr(50.0))
            .with_model(Model::None)
            .with_profile(profile)
            .with_range(-100.0, 100.0);
        let mut encoder = Encoder::new(Vec::new(), dataset(shape), options).unwrap();
        let report = encoder.write(&FrameKey::new(0, 0), &values).unwrap();
        assert_eq!(report.comparison.range, 200.0);
        assert!(report.comparison.psnr_db >= 50.0);
        assert!(report.comparison.rmse > 0.01, "{:?}", report.comparison);
    }
}

#[test]
fn networks_work_in_slabs() {
    let (shape, values) = common::turbulence();
    let options =
        EncodeOptions::new(Bound::Psnr(38.0)).with_range(range(&values).0, range(&values).1);
    let file = in_parts(shape, &values, &[0, 32], &options);
    let slabs: Vec<bool> = open(&file)
        .only_frame()
        .unwrap()
        .records()
        .map(|frame| matches!(&frame.form, srt::Form::Wavelet(f) if f.network.is_some()))
        .collect();
    assert_eq!(slabs, [true, true]);
    assert!(psnr(&values, &decoded(&file)) >= 38.0);
}

#[test]
fn the_program_encodes_parts_and_joins_them() {
    let bench = Bench::new();
    let shape = Shape::new(&[200, 10, 12]).unwrap();
    let values = field(shape, 7);
    let mut file = fs::File::create(bench.path("u.npy")).unwrap();
    write_npy(&mut file, shape, &values).unwrap();
    let mut reports = Vec::new();
    for number in 1..=3 {
        let part = format!("{number}/3");
        let output = bench.expect(DONE, &["stat", "u.npy", "--part", &part, "--json"]);
        let name = format!("s{number}.json");
        fs::write(bench.path(&name), output.stdout).unwrap();
        reports.push(name);
    }
    let all = bench.json(&["stat", "s1.json", "s2.json", "s3.json", "--json"]);
    let once = bench.json(&["stat", "u.npy", "--json"]);
    for exact in ["count", "masked", "min", "max"] {
        assert_eq!(all[exact], once[exact]);
    }
    for near in ["mean", "rms", "deviation"] {
        let (a, b) = (all[near].as_f64().unwrap(), once[near].as_f64().unwrap());
        assert!((a - b).abs() < 1e-12, "{near}: {a} and {b}");
    }
    assert_eq!(once["min"].as_f64().unwrap(), range(&values).0);
    fs::write(bench.path("all.json"), all.to_string()).unwrap();

    let encode = |part: &str, name: &str, more: &[&str]| {
        let args = [
            "encode", "u.npy", name, "--psnr", "50", "--range", "all.json", "--part", part,
            "--model", "none", "--field", "u",
        ];
        bench.expect(DONE, &[&args[..], more].concat())
    };
    for number in 1..=3 {
        encode(&format!("{number}/3"), &format!("p{number}.srt"), &[]);
    }
    // Again, and with what was there: the same bytes.
    let first = fs::read(bench.path("p1.srt")).unwrap();
    encode("1/3", "p1.srt", &["-f"]);
    assert_eq!(fs::read(bench.path("p1.srt")).unwrap(), first);
    let told = encode("1/3", "p1.srt", &["--resume"]).stdout;
    assert!(String::from_utf8_lossy(&told).contains("already"));
    fs::write(bench.path("p1.srt"), &first[..first.len() / 2]).unwrap();
    encode("1/3", "p1.srt", &["--resume"]);
    assert_eq!(fs::read(bench.path("p1.srt")).unwrap(), first);
    bench.expect(DONE, &["merge", "p3.srt", "p1.srt", "p2.srt", "all.srt"]);
    bench.expect(DONE, &["verify", "all.srt", "u.npy"]);
    bench.expect(DONE, &["decode", "all.srt", "back.npy"]);
    assert!(psnr(&values, &bench.read_f32("back.npy")) >= 50.0);
    for (level, region) in [("0", None), ("2", None), ("0", Some("60:70,0:10,0:12"))] {
        let mut args = vec!["decode", "all.srt", "a.npy", "-f", "--level", level];
        args.extend(region.into_iter().flat_map(|r| ["--region", r]));
        bench.expect(DONE, &args);
        if region.is_none() {
            let args = ["decode", "-", "-", "--level", level];
            let output = piped(
                bench.command(&args),
                fs::read(bench.path("all.srt")).unwrap(),
            );
            assert_eq!(output.status.code(), Some(DONE));
            assert_eq!(output.stdout, fs::read(bench.path("a.npy")).unwrap());
        }
    }
    let part = ["encode", "u.npy", "x.srt", "--part", "1/3"];
    let more = |more: &[&'static str]| [&part[..], more].concat();
    bench.fail(USAGE, &more(&["--ssim", "0.9"]), &["SSIM", "--max-error"]);
    bench.fail(USAGE, &more(&["--psnr", "50"]), &["--range"]);
    bench.fail(
        USAGE,
        &more(&["--psnr", "50", "--range", "0:0.001"]),
        &["outside"],
    );
    bench.fail(
        USAGE,
        &["merge", "p1.srt", "p3.srt", "x.srt"],
        &["planes 64 to 128"],
    );
    bench.fail(
        USAGE,
        &[
            "encode",
            "u.npy",
            "x.srt",
            "--max-error",
            "1",
            "--part",
            "1/4",
        ],
        &["at most 3 parts"],
    );
    bench.fail(
        USAGE,
        &[
            &part[..2],
            &["p2.srt"],
            &part[3..],
            &["--max-error", "1", "--resume"],
        ]
        .concat(),
        &["p2.srt", "another part"],
    );
    let resume = |field: &'static str, more: &[&'static str]| {
        let same = [
            "--psnr", "50", "--range", "all.json", "--model", "none", "--field", field, "--resume",
        ];
        [&part[..2], &["p2.srt", "--part", "2/3"], &same[..], more].concat()
    };
    bench.expect(DONE, &resume("u", &[]));
    for other in [
        resume("v", &[]),
        resume("u", &["--unit", "m/s"]),
        resume("u", &["--time", "0.5"]),
        resume("u", &["--periodic", "x"]),
        resume("u", &["--wavelet", "haar"]),
    ] {
        bench.fail(USAGE, &other, &["p2.srt", "another part"]);
    }
    let lone = piped(
        bench.command(&["decode", "-", "-"]),
        fs::read(bench.path("p2.srt")).unwrap(),
    );
    assert_eq!(lone.status.code(), Some(USAGE));
}

/// Time steps made apart, joined.
#[test]
fn time_steps_are_joined_in_order() {
    let bench = Bench::new();
    bench.field("a.npy");
    let encode = |name: &str, step: &str, field: &str| {
        let args = [
            "encode",
            "a.npy",
            name,
            "--max-error",
            "0.01",
            "--step",
            step,
            "--field",
            field,
        ];
        bench.expect(DONE, &args);
    };
    encode("u0.srt", "0", "u");
    encode("u1.srt", "1", "u");
    encode("p0.srt", "0", "p");
    bench.expect(DONE, &["merge", "u1.srt", "p0.srt", "u0.srt", "all.srt"]);
    let bytes = fs::read(bench.path("all.srt")).unwrap();
    let decoder = open(&bytes);
    let places: Vec<(u64, u64)> = decoder
        .frames()
        .map(|f| f.record())
        .map(|f| (f.step, f.field))
        .collect();
    assert_eq!(places, [(0, 0), (0, 1), (1, 0)]);
    let one = fs::read(bench.path("p0.srt")).unwrap();
    let (a, b) = (
        decoder.frame_at(1).unwrap().read_any().unwrap(),
        open(&one).frame_at(0).unwrap().read_any().unwrap(),
    );
    assert_eq!(le_bytes(&a), le_bytes(&b));
    bench.fail(USAGE, &["merge", "u0.srt", "u0.srt", "x.srt"], &["twice"]);
    // Where the output is forgotten, the last of the inputs is not replaced by the others; what they have may be.
    let forgotten = ["merge", "u0.srt", "u1.srt", "p0.srt", "-f"];
    bench.fail(USAGE, &forgotten, &["p0.srt", "expected last"]);
    assert_eq!(fs::read(bench.path("p0.srt")).unwrap(), one);
    let again = ["merge", "u0.srt", "u1.srt", "p0.srt", "all.srt", "-f"];
    bench.expect(DONE, &again);
}
