//! Files that must be refused: `tests/data/bad` and `tests/data/unsupported`, one fault each, listed
//! in the README of the folder with the kind of error and the reason.
//!
//! `ADD_BAD=1 cargo test --release --test bad_files` writes files that are missing. A finding of a
//! fuzzer becomes a file here by hand, with its line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::runs::{CHECKED, with_runs};
use common::{decode, encode, smooth};
use srt::base::file::FileBytes;
use srt::container::{
    BandWeights, Bound, ChunkType, Dataset, Event, FileHeader, Form, Frame, HEADER_LEN, LowWeights,
    NetworkUse, Parser, Placement, RasterSteps, Reader, References, Slab, WeightsReference, Writer,
    parse_brick_run,
};
use srt::network::Hierarchy;
use srt::{
    Axes, AxisPlan, Dtype, EncodeOptions, ErrorKind, FormChoice, Limits, Model, PooledOptions,
    Profile, Result, Shape,
};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data")).join(name)
}

/// Budgets under which no file here can take much memory or time.
fn limits() -> Limits {
    Limits::default().with_decoded_bytes(64 << 20)
}

fn walk(bytes: &[u8]) -> Result<()> {
    let long = srt::expand(bytes)?;
    let bytes = long.as_deref().unwrap_or(bytes);
    let mut parser = Parser::new(limits());
    let mut at = 0;
    loop {
        match parser.feed(&bytes[at..])? {
            (Event::End, _) => return Ok(()),
            (Event::NeedBytes(_), _) => return Err(srt::Error::truncated("end")),
            (_, taken) => at += taken,
        }
    }
}

/// The chunks of a file.
type Chunks = Vec<(ChunkType, u32, Vec<u8>)>;

fn chunks(file: &[u8]) -> Chunks {
    let reader = Reader::new(file, &Limits::default()).unwrap();
    let entries = reader.entries().iter().enumerate();
    entries
        .map(|(n, e)| (e.kind, e.part, reader.payload(n).unwrap().to_vec()))
        .collect()
}

fn file(chunks: &Chunks) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (kind, part, payload) in chunks {
        writer.chunk(*kind, *part, payload).unwrap();
    }
    writer.finish().unwrap().0
}

fn kind(name: &str) -> ChunkType {
    ChunkType::from_bytes(name.as_bytes().try_into().unwrap()).unwrap()
}

fn field(bound: Bound, extents: &[usize], hole: bool) -> Chunks {
    let shape = Shape::new(extents).unwrap();
    let rough = |i: usize| (i * 7919 % 101) as f64 * 2e-4;
    let smooth = smooth(shape, 3).into_iter().enumerate();
    let mut values: Vec<f32> = smooth.map(|(i, v)| (v + rough(i)) as f32).collect();
    if hole {
        values[7] = f32::NAN;
    }
    let options = EncodeOptions::new(bound)
        .with_threads(1)
        .with_model(Model::None)
        .with_form(FormChoice::Wavelet);
    chunks(&encode(shape, &values, &options).unwrap().0)
}

/// A frame of the raster form in two bricks, each in a chunk of its own.
fn raster() -> Chunks {
    in_raster_order(1e-3)
}

/// The same with values as they are.
fn exact() -> Chunks {
    in_raster_order(0.0)
}

fn in_raster_order(max_error: f64) -> Chunks {
    let shape = Shape::new(&[9, 10, 70]).unwrap();
    let values: Vec<f32> = smooth(shape, 3)
        .into_iter()
        .map(|v| v as f32 + 5.0)
        .collect();
    let options = EncodeOptions::new(Bound::MaxError(max_error))
        .with_threads(1)
        .with_form(FormChoice::Raster);
    let mut all = chunks(&encode(shape, &values, &options).unwrap().0);
    let at = place(&all, "BRIK");
    let (_, part, payload) = all.remove(at);
    let run = parse_brick_run(&payload, 0, part, u32::MAX).unwrap();
    assert_eq!(run.len(), 2);
    for (number, brick) in run {
        let alone = [&[0], brick].concat();
        all.push((ChunkType::BRIK, number, alone));
    }
    all
}

/// A frame of the raster form with ranks.
fn palette() -> Chunks {
    let shape = Shape::new(&[20, 30, 70]).unwrap();
    let step = |v: f64| ((9.0 * v).round() / 3.0) as f32;
    let values: Vec<f32> = smooth(shape, 53).into_iter().map(step).collect();
    let options = EncodeOptions::new(Bound::MaxError(0.0)).with_threads(1);
    let all = chunks(&encode(shape, &values, &options).unwrap().0);
    assert!(all.iter().any(|(kind, ..)| *kind == ChunkType::TREE));
    all
}

/// The file of a frame of values as they are, whose first brick was changed behind its count of others.
fn with_brick(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut all = exact();
    let at = place(&all, "BRIK");
    change(&mut all[at].2);
    file(&all)
}

fn raster_form(frame: &mut Frame) -> &mut srt::container::RasterForm {
    match &mut frame.form {
        Form::Raster(form) => form,
        Form::Constant | Form::Lossless | Form::Wavelet(_) | Form::Pooled(_) => {
            panic!("another form")
        }
    }
}

fn wavelet() -> Chunks {
    field(Bound::Psnr(35.0), &[64, 56], false)
}

/// A frame whose first run holds several bricks.
/// Integers in the raster form, kept as they are.
fn integers() -> Chunks {
    let shape = Shape::new(&[16, 24]).unwrap();
    let values: Vec<u16> = (0..shape.len()).map(|i| (i * i % 5000) as u16).collect();
    let options = EncodeOptions::new(Bound::MaxError(0.0))
        .with_threads(1)
        .with_form(FormChoice::Raster);
    chunks(&encode(shape, &values, &options).unwrap().0)
}

/// A stack of planes, transformed by cosines.
fn stack() -> Chunks {
    let shape = Shape::new(&[4, 16, 16]).unwrap();
    let values: Vec<f32> = (0..shape.len()).map(|i| (i as f32 * 0.03).sin()).collect();
    let options = EncodeOptions::new(Bound::Psnr(40.0))
        .with_threads(1)
        .with_model(Model::None)
        .with_plan(AxisPlan::Dct);
    chunks(&encode(shape, &values, &options).unwrap().0)
}

fn several_bricks() -> Chunks {
    field(Bound::Psnr(30.0), &[8, 600], false)
}

/// The same with a checksum for each brick.
fn checked_bricks() -> Chunks {
    chunks(&with_runs(&file(&several_bricks()), CHECKED))
}

fn place(chunks: &Chunks, name: &str) -> usize {
    chunks.iter().position(|c| c.0 == kind(name)).unwrap()
}

/// The file with its frame record changed.
fn with_frame(mut chunks: Chunks, change: impl FnOnce(&mut Frame)) -> Vec<u8> {
    let at = place(&chunks, "FRAM");
    let mut frame = Frame::parse(&chunks[at].2, 0, |_| Some(Dtype::F32)).unwrap();
    change(&mut frame);
    chunks[at].2 = frame.to_bytes(Dtype::F32);
    file(&chunks)
}

fn with_payload(mut chunks: Chunks, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let at = place(&chunks, name);
    change(&mut chunks[at].2);
    file(&chunks)
}

fn with_extents(chunks: Chunks, extents: [usize; 3]) -> Vec<u8> {
    with_payload(chunks, "DSET", |p| {
        let mut dataset = Dataset::parse(p, 0).unwrap();
        dataset.shape = Shape::new(&extents).unwrap();
        *p = dataset.to_bytes();
    })
}

fn form(frame: &mut Frame) -> &mut srt::container::WaveletForm {
    match &mut frame.form {
        Form::Wavelet(form) => form,
        Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Raster(_) => {
            panic!("another form")
        }
    }
}

/// References of a frame with one set of weights at each level.
fn references(frame: &mut Frame, distances: Vec<u64>) -> References {
    let weights = vec![0.5; distances.len()];
    let set = BandWeights {
        network: 1.0,
        references: weights.clone(),
    };
    References {
        low: Some(LowWeights {
            references: weights,
            offset: 0.0,
        }),
        levels: vec![vec![set]; form(frame).levels.into()],
        distances,
    }
}

/// A field at two steps, with both records changed.
fn series(change: impl FnOnce(&mut Frame, &mut Frame)) -> Vec<u8> {
    let mut all = wavelet();
    let second: Chunks = all[place(&all, "FRAM")..].to_vec();
    let at = [place(&all, "FRAM"), all.len()];
    all.extend(second);
    let [mut first, mut second] =
        at.map(|at| Frame::parse(&all[at].2, 0, |_| Some(Dtype::F32)).unwrap());
    second.step = 1;
    change(&mut first, &mut second);
    for (at, frame) in at.into_iter().zip([first, second]) {
        all[at].2 = frame.to_bytes(Dtype::F32);
    }
    file(&all)
}

fn pooled_form(frame: &mut Frame) -> &mut srt::container::PooledForm {
    match &mut frame.form {
        Form::Pooled(form) => form,
        Form::Constant | Form::Lossless | Form::Wavelet(_) | Form::Raster(_) => {
            panic!("another form")
        }
    }
}

/// A frame of the pooled form with leaves of two levels.
fn pooled() -> Chunks {
    let shape = Shape::new(&[40, 40]).unwrap();
    let bump = |i: usize| {
        let [y, x] = [i / 40, i % 40].map(|v| v as f64 - 9.0);
        (4.0 * (-(x * x + y * y) / 6.0).exp()) as f32
    };
    let values: Vec<f32> = (0..shape.len()).map(bump).collect();
    let options = EncodeOptions::new(Bound::Psnr(30.0))
        .with_threads(1)
        .with_model(Model::None)
        .with_profile(Profile::Pooled(PooledOptions::default()));
    chunks(&encode(shape, &values, &options).unwrap().0)
}

fn without(name: &str) -> Vec<u8> {
    let mut all = wavelet();
    all.remove(place(&all, name));
    file(&all)
}

fn twice(name: &str) -> Vec<u8> {
    let mut all = wavelet();
    let at = place(&all, name);
    all.insert(at, all[at].clone());
    file(&all)
}

/// The file of chunks with an index of one's own making.
fn with_index(chunks: &Chunks, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let whole = file(chunks);
    let reader = Reader::new(&whole, &Limits::default()).unwrap();
    let index_at = reader.entries().last().unwrap().end() as usize;
    let mut index = whole[index_at + 20..whole.len() - 24].to_vec();
    change(&mut index);
    let header = srt::container::ChunkHeader::describe(ChunkType::INDX, 0, &index).unwrap();
    let header = header.to_bytes(chunks.len() as u64);
    let mut out = whole[..index_at].to_vec();
    out.extend(header);
    out.extend(index);
    // The trailer's checksum over headers, the index's included.
    let mut crc = crc32fast::Hasher::new();
    for entry in reader.entries() {
        crc.update(&whole[entry.offset as usize + 16..][..4]);
    }
    crc.update(&header[16..]);
    let mut trailer = (index_at as u64).to_le_bytes().to_vec();
    trailer.extend(crc.finalize().to_le_bytes());
    trailer.extend(crc32fast::hash(&trailer).to_le_bytes());
    trailer.extend(b"SRTEND\r\n");
    out.extend(trailer);
    out
}

fn index_offset(whole: &[u8]) -> usize {
    let reader = Reader::new(whole, &Limits::default()).unwrap();
    reader.entries().last().unwrap().end() as usize
}

/// The trailer of a file, pointing elsewhere.
fn trailer(whole: &[u8], index_offset: usize) -> Vec<u8> {
    let headers = &whole[whole.len() - 16..whole.len() - 12];
    let mut out = [&(index_offset as u64).to_le_bytes()[..], headers].concat();
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out.extend(b"SRTEND\r\n");
    out
}

/// The record of a small 2-D network.
fn network() -> Vec<u8> {
    let path = folder("networks").join("conditioned_2d.network.safetensors");
    let model = Hierarchy::from_safetensors(&fs::read(path).unwrap(), &Limits::default()).unwrap();
    model.networks()[0].to_bytes()
}

/// A file with embedded networks, used on level 0.
fn with_weights(records: &[Vec<u8>]) -> Vec<u8> {
    let mut all = wavelet();
    for (part, record) in records.iter().enumerate() {
        all.insert(1 + part, (ChunkType::NETW, part as u32, record.clone()));
    }
    with_frame(all, |f| {
        form(f).network = Some(NetworkUse { gains: vec![1.0] });
    })
}

fn newer(change: impl FnOnce(&mut FileHeader)) -> Vec<u8> {
    let mut bytes = file(&wavelet());
    let mut header = FileHeader::current();
    change(&mut header);
    bytes[..HEADER_LEN].copy_from_slice(&header.to_bytes());
    bytes
}

/// A compact file of these chunks, whose length and checksum are right.
fn compact_of(chunks: &[u8]) -> Vec<u8> {
    let mut out = srt::MAGIC.to_vec();
    out.extend([0x80, 3]);
    srt::container::Encode::put_varint(&mut out, chunks.len() as u64);
    out.extend(chunks);
    let crc = crc32fast::hash(&out);
    out.extend(crc.to_le_bytes());
    out
}

fn build(name: &str) -> Vec<u8> {
    let psnr = || field(Bound::Psnr(35.0), &[64, 50], true);
    match name {
        "empty" => Vec::new(),
        "subtitle" => b"1\n00:00:01,000 --> 00:00:02,000\nThe other kind of .srt.\n".to_vec(),
        "newlines_rewritten" => {
            let text = file(&wavelet());
            let text = text.split(|&b| b == b'\r').collect::<Vec<_>>();
            text.concat()
        }
        "no_dataset" => without("DSET"),
        "dataset_twice" => twice("DSET"),
        "frame_twice" => {
            let mut all = wavelet();
            all.extend(wavelet().into_iter().skip(1));
            file(&all)
        }
        "frame_before_dataset" => {
            let mut all = wavelet();
            all.swap(0, 1);
            file(&all)
        }
        "octree_missing" => without("TREE"),
        "octree_with_spare_byte" => with_payload(wavelet(), "TREE", |p| p.push(0)),
        "brick_missing" => without("BRIK"),
        "brick_twice" => twice("BRIK"),
        "brick_number" => {
            let mut all = wavelet();
            all.last_mut().unwrap().1 = 4_000_000_000;
            file(&all)
        }
        "brick_cut" => with_payload(wavelet(), "BRIK", |p| p.truncate(p.len() / 3)),
        // One brick behind the first, which is longer than what is there.
        "brick_run_overflows" => with_payload(wavelet(), "BRIK", |p| {
            p.splice(0..1, [2, p.len().to_le_bytes()[0] | 1 << 7, 1 << 6, 0]);
        }),
        // An empty brick, and 2^27 left out behind it.
        "brick_run_leaves_out_too_many" => with_payload(wavelet(), "BRIK", |p| {
            p.splice(0..1, [2, 0, 0x80, 0x80, 0x80, 0x40]);
        }),
        "brick_run_endless" => with_payload(wavelet(), "BRIK", |p| {
            p.splice(0..1, [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]);
        }),
        // The checksum of the payload is right in these three.
        "brick_checksum" => with_payload(checked_bricks(), "BRIK", |p| *p.last_mut().unwrap() ^= 1),
        "brick_head_checksum" => with_payload(checked_bricks(), "BRIK", |p| p[1] ^= 1),
        "brick_checksums_cut" => with_payload(checked_bricks(), "BRIK", |p| p.truncate(12)),
        "brick_run_into_next" => {
            let mut all = several_bricks();
            let at = place(&all, "BRIK");
            let mut second = all[at].clone();
            second.1 += 1;
            all.insert(at + 1, second);
            file(&all)
        }
        "quality_cut" => with_payload(wavelet(), "FRAM", |p| p.truncate(p.len() - 1)),
        "index_lies_about_part" => with_index(&wavelet(), |index| *index.last_mut().unwrap() ^= 1),
        "index_counts_too_many" => with_index(&wavelet(), |index| index[0] += 1),
        "foreign_tail" => {
            let (mut a, b) = (file(&wavelet()), file(&psnr()));
            let end = a.len() - 24;
            a.truncate(end);
            a.extend(&b[b.len() - 24..]);
            a
        }
        "bytes_behind_end" => {
            let mut all = file(&wavelet());
            all.push(0);
            all
        }
        "chunks_swapped" => {
            let whole = file(&wavelet());
            let reader = Reader::new(&whole, &Limits::default()).unwrap();
            let [.., a, b] = reader.entries() else {
                panic!("two chunks at least")
            };
            let range = |e: &srt::container::Entry| e.offset as usize..e.end() as usize;
            let mut out = whole[..a.offset as usize].to_vec();
            out.extend(&whole[range(b)]);
            out.extend(&whole[range(a)]);
            out.extend(&whole[b.end() as usize..]);
            out
        }
        "zstd_bomb" => {
            let mut all = field(Bound::MaxError(0.0), &[5, 7], false);
            let bomb = vec![0; 600_000_000];
            let bomb = zstd::bulk::compress(&bomb, 19).unwrap();
            let at = place(&all, "BRIK");
            all[at].2 = [&[1][..], &bomb].concat();
            file(&all)
        }
        "pooled_two_bricks" => {
            let mut all = pooled();
            let mut second = all[place(&all, "BRIK")].clone();
            second.1 = 1;
            all.push(second);
            file(&all)
        }
        "pooled_brick_cut" => with_payload(pooled(), "BRIK", |p| p.truncate(p.len() / 2)),
        "pooled_octree_missing" => {
            let mut all = pooled();
            all.remove(place(&all, "TREE"));
            file(&all)
        }
        "raster_brick_missing" => {
            let mut all = raster();
            all.pop();
            file(&all)
        }
        "raster_brick_cut" => {
            let mut all = raster();
            let last = &mut all.last_mut().unwrap().2;
            last.truncate(last.len() / 2);
            file(&all)
        }
        "raster_brick_too_long" => {
            let mut all = raster();
            all.last_mut().unwrap().2.extend([7; 9]);
            file(&all)
        }
        "raster_with_octree" => {
            let mut all = raster();
            let at = place(&all, "BRIK");
            all.insert(at, (ChunkType::TREE, 0, Vec::new()));
            file(&all)
        }
        "palette_missing" => {
            let mut all = palette();
            all.remove(place(&all, "TREE"));
            file(&all)
        }
        "palette_cut" => with_payload(palette(), "TREE", |p| p.truncate(p.len() / 2)),
        "palette_of_another_length" => with_frame(palette(), |f| {
            raster_form(f).steps = RasterSteps::Palette(3);
        }),
        "palette_of_nothing" => with_frame(palette(), |f| {
            raster_form(f).steps = RasterSteps::Palette(0);
        }),
        "palette_not_ascending" => {
            let mut all = palette();
            let at = place(&all, "TREE");
            all[at].2 = srt::codec::lossless::encode(&[0; 20], 4);
            with_frame(all, |f| raster_form(f).steps = RasterSteps::Palette(5))
        }
        "palette_stored_value" => {
            let mut all = palette();
            let at = place(&all, "BRIK");
            all[at].2 = [&[0][..], &[0; 4000]].concat();
            file(&all)
        }
        "exact_with_palette" => with_payload(exact(), "FRAM", |p| {
            // The brick edge stands behind the form.
            assert_eq!(p[32], 0x40 | 6);
            p[32] |= 0x80;
        }),
        "exact_unused_bits" => with_frame(exact(), |f| {
            raster_form(f).steps = RasterSteps::Exact(24);
        }),
        "exact_with_octree" => {
            let mut all = exact();
            let at = place(&all, "BRIK");
            all.insert(at, (ChunkType::TREE, 0, vec![]));
            file(&all)
        }
        "exact_stream_too_long" => with_brick(|p| p[1..5].copy_from_slice(&[255, 255, 255, 0])),
        "exact_without_length" => with_brick(|p| p.truncate(4)),
        "exact_tails_cut" => with_brick(|p| p.truncate(p.len() - 1)),
        "exact_tails_left" => with_brick(|p| p.push(1)),
        // Zeros are ones to the end: an escape that says that a value is stored, and the bits of 0, below the minimum.
        "exact_value_outside" => {
            with_brick(|p| *p = [&[0, 0xA0, 0x0F, 0, 0][..], &[0; 4000]].concat())
        }
        "raster_coefficients_of_rank_2" => {
            with_frame(raster(), |f| raster_form(f).coefficients.truncate(6))
        }
        "raster_seven_coefficients" => {
            with_frame(raster(), |f| raster_form(f).coefficients.truncate(7))
        }
        "integers_as_they_are" => with_frame(integers(), |f| {
            raster_form(f).steps = RasterSteps::Exact(0);
        }),
        "integers_between_integers" => with_frame(integers(), |f| f.range.0 += 0.5),
        "plan_along_periodic_axis" => with_frame(stack(), |f| {
            form(f).periodic = Axes::NONE.with(0);
        }),
        "plan_beside_gains" => with_frame(stack(), |f| {
            let gains = vec![0.5];
            form(f).network = Some(NetworkUse { gains });
        }),
        "plan_in_rank_2" => with_frame(wavelet(), |f| form(f).plan = 3),
        "plan_of_one_plane" => {
            let mut all = stack();
            let at = place(&all, "DSET");
            let mut dataset = Dataset::parse(&all[at].2, 0).unwrap();
            dataset.shape = Shape::new(&[1, 16, 16]).unwrap();
            all[at].2 = dataset.to_bytes();
            file(&all)
        }
        "plan_in_high_bits" => with_frame(stack(), |f| form(f).plan |= 8),
        "reference_missing" => with_frame(wavelet(), |f| {
            f.step = 4;
            form(f).references = Some(references(f, vec![1]));
        }),
        "reference_before_the_first_step" => with_frame(wavelet(), |f| {
            form(f).references = Some(references(f, vec![1]));
        }),
        "references_out_of_order" => with_frame(wavelet(), |f| {
            f.step = 4;
            form(f).references = Some(references(f, vec![2, 1]));
        }),
        "reference_weight_nan" => with_frame(wavelet(), |f| {
            let mut wrong = references(f, vec![1]);
            wrong.levels[0][0].references[0] = f32::NAN;
            form(f).references = Some(wrong);
        }),
        "reference_sets" => series(|_, second| {
            let mut wrong = references(second, vec![1]);
            let set = wrong.levels[0][0].clone();
            wrong.levels[0] = vec![set; 8];
            form(second).references = Some(wrong);
        }),
        "reference_of_other_axes" => series(|first, second| {
            form(first).periodic = Axes::NONE.with(1);
            form(second).references = Some(references(second, vec![1]));
        }),
        "reference_in_a_slab" => series(|_, second| {
            form(second).references = Some(references(second, vec![1]));
            second.slab = Some(Slab { start: 0, len: 64 });
        }),
        "raster_zero_step" => {
            with_frame(raster(), |f| raster_form(f).steps = RasterSteps::Even(0.0))
        }
        "raster_too_many_steps" => with_frame(raster(), |f| {
            raster_form(f).steps = RasterSteps::Even(1e-30);
        }),
        "raster_with_corrections" => with_frame(raster(), |f| f.announced.corrections = true),
        "raster_stored_value_outside" => {
            // Zeros are ones to the end: an escape that says that a value is stored, and the bits of 0, below the minimum.
            let mut all = raster();
            let at = place(&all, "BRIK");
            all[at].2 = [&[0][..], &[0; 4000]].concat();
            file(&all)
        }
        "pooled_too_many_levels" => with_frame(pooled(), |f| pooled_form(f).levels = 9),
        "pooled_levels_reversed" => with_frame(pooled(), |f| pooled_form(f).finest = 7),
        "pooled_zero_epsilon" => with_frame(pooled(), |f| pooled_form(f).epsilon = 0.0),
        "nan_scale" => with_frame(wavelet(), |f| form(f).scale = f64::NAN),
        "zero_step" => with_frame(wavelet(), |f| form(f).step = 0.0),
        "range_reversed" => with_frame(wavelet(), |f| f.range = (1.0, -1.0)),
        "too_many_levels" => with_frame(wavelet(), |f| form(f).levels = 15),
        "nan_gain" => with_frame(wavelet(), |f| {
            form(f).network = Some(NetworkUse {
                gains: vec![f32::NAN],
            });
        }),
        "networks_without_weights" => with_frame(wavelet(), |f| {
            form(f).network = Some(NetworkUse { gains: vec![1.0] });
        }),
        "field_does_not_exist" => with_frame(wavelet(), |f| f.field = 9),
        "constant_with_bricks" => with_frame(wavelet(), |f| f.form = Form::Constant),
        "field_named_twice" => with_payload(wavelet(), "DSET", |p| {
            let mut dataset = Dataset::parse(p, 0).unwrap();
            dataset.fields.push(dataset.fields[0].clone());
            *p = dataset.to_bytes();
        }),
        "nan_bound" => with_frame(wavelet(), |f| f.bound = Bound::Psnr(f64::NAN)),
        "varint_with_spare_byte" => with_payload(wavelet(), "DSET", |p| {
            // The first extent, 64, once more in two bytes.
            p.splice(1..2, [0x80 | 64, 0]);
        }),
        "brick_before_octree" => {
            let mut all = wavelet();
            let (tree, brick) = (place(&all, "TREE"), place(&all, "BRIK"));
            all.swap(tree, brick);
            file(&all)
        }
        "weights_behind_frame" => {
            let mut all = chunks(&with_weights(&[]));
            all.push((ChunkType::NETW, 0, network()));
            file(&all)
        }
        "weights_within_frame" => {
            let mut all = wavelet();
            let at = place(&all, "BRIK");
            all.insert(at, (ChunkType::NETW, 0, network()));
            file(&all)
        }
        "weights_in_two_places" => {
            let mut all = chunks(&with_weights(&[network()]));
            let mut constant = field(Bound::Psnr(35.0), &[64, 56], false).remove(1);
            let mut frame = Frame::parse(&constant.2, 0, |_| Some(Dtype::F32)).unwrap();
            (frame.form, frame.step) = (Form::Constant, 1);
            constant.2 = frame.to_bytes(Dtype::F32);
            let behind = all.split_off(2);
            all.push(constant);
            all.push((ChunkType::NETW, 1, network()));
            all.extend(behind);
            file(&all)
        }
        "spacing_zero" => with_payload(wavelet(), "DSET", |p| {
            let mut dataset = Dataset::parse(p, 0).unwrap();
            dataset.placement = Some(Placement {
                spacing: [1.0, 0.0, 1.0],
                ..Placement::default()
            });
            *p = dataset.to_bytes();
        }),
        "nan_time" => with_frame(wavelet(), |f| f.time = Some(f64::NAN)),
        "network_twice" => with_weights(&[network(), network()]),
        "network_out_of_order" => {
            let mut all = chunks(&with_weights(&[network()]));
            all[1].1 = 1;
            file(&all)
        }
        "network_bomb" => {
            // A record of 60 bytes that says it holds 4 096 features in 9^2 taps.
            let mut record = network();
            record.truncate(60);
            record[16..18].copy_from_slice(&4096u16.to_le_bytes());
            record[18] = 9;
            with_weights(&[record])
        }
        "network_overflows" => {
            let mut record = network();
            let bias = 40 + 5 * 5 * 2 * 17;
            record[bias..bias + 4].copy_from_slice(&i32::MAX.to_le_bytes());
            with_weights(&[record])
        }
        "gain_without_network" => {
            // The network serves 2-D frames; this one is 3-D.
            let mut all = field(Bound::Psnr(35.0), &[16, 16, 17], false);
            all.insert(1, (ChunkType::NETW, 0, network()));
            with_frame(all, |f| {
                form(f).network = Some(NetworkUse { gains: vec![1.0] });
            })
        }
        "hole_before_index" => {
            let whole = file(&wavelet());
            let at = index_offset(&whole);
            let mut out = whole[..at].to_vec();
            out.extend(b"a hole");
            out.extend(&whole[at..whole.len() - 24]);
            out.extend(trailer(&whole, at + 6));
            out
        }
        "index_overlaps" => with_index(&wavelet(), |index| {
            // One chunk a byte longer, the next one a byte shorter: the sum is right.
            let last = index.len() - 3;
            index[last - 2] += 1;
            index[last + 1] -= 1;
        }),
        "index_ends_early" => with_index(&wavelet(), |index| {
            let last = index.len() - 2;
            index[last] -= 1;
        }),
        "index_in_the_middle" => {
            let mut all = wavelet();
            all.insert(1, (ChunkType::INDX, 0, vec![1, 0, 9, 0]));
            file(&all)
        }
        "index_within_itself" => {
            let whole = file(&wavelet());
            let mut out = whole[..whole.len() - 24].to_vec();
            out.extend(trailer(&whole, index_offset(&whole) + 20));
            out
        }
        "wide_window" => {
            let mut all = field(Bound::MaxError(0.0), &[5, 7], false);
            // A frame header that asks for a window of 2 GB.
            let at = place(&all, "BRIK");
            all[at].2 = vec![1, 0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 1, 0, 0];
            file(&all)
        }
        "compact_cut" => {
            let mut bytes = srt::compact(file(&wavelet()));
            bytes.truncate(bytes.len() - 20);
            bytes
        }
        "compact_checksum" => {
            let mut bytes = srt::compact(file(&wavelet()));
            bytes[60] ^= 1;
            bytes
        }
        "compact_behind_end" => [srt::compact(file(&wavelet())), vec![0]].concat(),
        "compact_index" => compact_of(&[8, 0]),
        "compact_unknown_bit" => compact_of(&[0x20, 4, 2, 1, 1, 0]),
        "compact_part_of_0" => compact_of(&[0x10, 4, 0, 2, 1, 1, 0]),
        "compact_letters_of_known" => compact_of(&[0x0F, b'D', b'S', b'E', b'T', 4, 2, 1, 1, 0]),
        "compact_zero_written_down" => compact_of(&[0, 4, 2, 1, 1, 0, 3, 1, 1, 0]),
        "compact_too_long" => {
            let zeros = [&[3, 0x80, 0x80, 1][..], &[0; 1 << 11]].concat();
            compact_of(&zeros)
        }
        "raster_binary64_of_f64" => {
            let shape = Shape::new(&[9, 10]).unwrap();
            let options = EncodeOptions::new(Bound::MaxError(1e-3))
                .with_threads(1)
                .with_form(FormChoice::Raster);
            let mut all = chunks(&encode(shape, &smooth(shape, 3), &options).unwrap().0);
            let at = place(&all, "FRAM");
            let mut frame = Frame::parse(&all[at].2, 0, |_| Some(Dtype::F64)).unwrap();
            raster_form(&mut frame).steps = RasterSteps::Fine(1e-3);
            all[at].2 = frame.to_bytes(Dtype::F64);
            file(&all)
        }
        "truncated" => {
            let mut whole = file(&wavelet());
            whole.truncate(whole.len() - 100);
            whole
        }
        "mask_palette_twice" => with_payload(psnr(), "MASK", |p| {
            let pattern = p[1..5].to_vec();
            p[0] = 2;
            p.splice(1..1, pattern);
        }),
        "mask_cut" => with_payload(psnr(), "MASK", |p| p.truncate(3)),
        "corrections_without_bound" => {
            let mut all = wavelet();
            all.push((ChunkType::CORR, 0, vec![0x55]));
            with_frame(all, |f| f.announced.corrections = true)
        }
        "corrections_not_announced" => {
            let mut all = field(Bound::MaxError(0.1), &[64, 56], false);
            all.retain(|chunk| chunk.0 != ChunkType::CORR);
            all.push((ChunkType::CORR, 0, vec![0x55]));
            with_frame(all, |f| f.announced.corrections = false)
        }
        "corrections_lost" => {
            let mut all = field(Bound::MaxError(0.1), &[64, 56], false);
            all.retain(|chunk| chunk.0 != ChunkType::CORR);
            with_frame(all, |f| f.announced.corrections = true)
        }
        "mask_not_announced" => with_frame(psnr(), |f| f.announced.mask = false),
        "mask_lost" => {
            let mut all = psnr();
            all.retain(|chunk| chunk.0 != ChunkType::MASK);
            file(&all)
        }
        "huge_domain" => with_extents(wavelet(), [1 << 16; 3]),
        // Found by the fuzzer `inspect`.
        "corrections_of_huge_planes" => {
            let mut all = field(Bound::MaxError(0.1), &[64, 56], false);
            all.retain(|chunk| chunk.0 != ChunkType::CORR);
            all.push((ChunkType::CORR, 0, vec![0; 8]));
            let announced = with_frame(all, |f| f.announced.corrections = true);
            with_extents(chunks(&announced), [2, 1 << 23, 1 << 23])
        }
        "newer_draft" => newer(|h| h.version.1 += 1),
        "bound_kind" => {
            let mut all = wavelet();
            let at = place(&all, "FRAM");
            // Field, step and two reals stand before it.
            all[at].2[10] = 99;
            file(&all)
        }
        "value_type" => with_payload(wavelet(), "DSET", |p| {
            // The last byte of a record that says no more: integers of 64 bits, which no version has.
            let at = p.len() - 1;
            p[at] = 0x18;
        }),
        "network_record" => {
            let mut record = network();
            record[0] = 2;
            with_weights(&[record])
        }
        "newer_major_version" => newer(|h| h.version.0 += 1),
        "required_feature" => newer(|h| h.required = 1 << 31),
        "critical_chunk" => {
            let mut all = wavelet();
            all.insert(1, (kind("NEWS"), 0, b"of the future".to_vec()));
            file(&all)
        }
        "frame_form" => with_frame(wavelet(), |f| f.form = Form::Lossless).tap_form(200),
        "plan" => with_frame(stack(), |f| form(f).plan = 4),
        "filter" => with_frame(wavelet(), |f| form(f).wavelet = 77),
        "missing_weights" => {
            let mut all = wavelet();
            let reference = WeightsReference {
                sha256: [7; 32],
                name: "somewhere else".into(),
            };
            all.insert(1, (ChunkType::NREF, 0, reference.to_bytes()));
            with_frame(all, |f| {
                form(f).network = Some(NetworkUse { gains: vec![1.0] });
            })
        }
        other => panic!("no way to build {other}"),
    }
}

trait TapForm {
    fn tap_form(self, form: u8) -> Self;
}

impl TapForm for Vec<u8> {
    /// Sets the last byte of a frame record without form parameters: its form.
    fn tap_form(self, form: u8) -> Self {
        let mut all = chunks(&self);
        let at = place(&all, "FRAM");
        *all[at].2.last_mut().unwrap() = form;
        file(&all)
    }
}

/// Name, kind of error and reason of every file of a folder, from its README.
fn listed(folder_name: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder(folder_name).join("README.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once(".srt` | ").unwrap();
        let (kind, _) = rest.split_once(" |").unwrap();
        (name.to_owned(), kind.to_owned())
    })
    .collect()
}

fn check(folder_name: &str) {
    let listed = listed(folder_name);
    assert!(listed.len() > 4);
    let mut present: Vec<String> = fs::read_dir(folder(folder_name))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".srt").map(str::to_owned))
        .collect();
    for (name, expected) in &listed {
        let path = folder(folder_name).join(format!("{name}.srt"));
        if std::env::var_os("ADD_BAD").is_some() && !path.exists() {
            fs::write(&path, build(name)).unwrap();
            present.push(name.clone());
        }
        let bytes = fs::read(&path).unwrap();
        // Neither the reader with the index nor the one without may pass it, together.
        let error = decode(&bytes, 0, limits())
            .map(|_| ())
            .and_then(|()| walk(&bytes))
            .expect_err(name);
        assert_eq!(&format!("{:?}", error.kind()), expected, "{name}: {error}");
    }
    for name in present {
        let found = listed.iter().any(|(listed, _)| *listed == name);
        assert!(found, "{folder_name}/{name}.srt is not in the README");
    }
}

#[test]
fn bad_files_are_refused_for_the_reason_listed() {
    check("bad");
}

/// What no file of the folder can show: one that is shortened while it is mapped. Within its last
/// page the rest reads as zeros, which no checksum passes; pages that are gone end the process.
#[test]
fn a_file_shortened_while_mapped_is_refused() {
    let path = std::env::temp_dir().join(format!("srt-shortened-{}.srt", std::process::id()));
    let whole = file(&wavelet());
    assert!(whole.len() < 4096, "{} bytes", whole.len());
    fs::write(&path, &whole).unwrap();
    let mapped = FileBytes::open(&path).unwrap();
    assert!(decode(mapped.bytes(), 0, limits()).is_ok());
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(whole.len() as u64 - 60).unwrap();
    let error = decode(mapped.bytes(), 0, limits()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
    fs::remove_file(path).unwrap();
}

#[test]
fn unsupported_files_are_told_from_bad_ones() {
    check("unsupported");
}
