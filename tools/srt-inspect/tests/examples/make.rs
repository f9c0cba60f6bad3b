//! How each example was made. Most are encoded; what the encoder never writes (networks of random
//! weights, ancillary chunks) is put together from encoded parts.

use std::borrow::Cow;
use std::f64::consts::TAU;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use half::f16;
use srt::container::{
    Attributes, Bound, ChunkType, Dataset, Field, Form, Frame, Measured, NetworkUse, Placement,
    Reader, Slab, WaveletForm, WeightsReference, Writer,
};
use srt::network::{Hierarchy, builtin};
use srt::transform::Wavelet;
use srt::volume::Values;
use srt::volume::io::Input;
use srt::{
    Axes, AxisPlan, Dtype, EmbedWeights, EncodeOptions, Encoder, FormChoice, FrameKey, Limits,
    Model, PooledOptions, Profile, Shape,
};
use srt::{VolumeView, encode_with_report};

use crate::runs::{CHECKED, with_runs};

/// One example: its name, what it shows, the file with its weights, how it was made.
pub(crate) struct Example {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) weights: Option<&'static str>,
    pub(crate) build: fn() -> Vec<u8>,
}

const fn example(name: &'static str, about: &'static str, build: fn() -> Vec<u8>) -> Example {
    Example {
        name,
        about,
        weights: None,
        build,
    }
}

pub(crate) const EXAMPLES: &[Example] = &[
    example(
        "empty",
        "no field and no frame, one ancillary chunk: the smallest file",
        || {
            let dataset = Dataset::new(Shape::new(&[1, 1]).unwrap(), Vec::new());
            file(&[
                (ChunkType::DSET, 0, dataset.to_bytes()),
                (kind("teXt"), 0, b"an example".to_vec()),
            ])
        },
    ),
    example("field_8x8x8", "a small field of one level", || {
        let wave = |z: f64, y: f64, x: f64| (0.5 * x).sin() + 0.2 * y * (0.3 * z).cos();
        encode(
            &[8, 8, 8],
            wave,
            &options(Bound::Psnr(30.0)).with_field("u"),
        )
    }),
    example("compact_8x8x8", "the same as a compact file", || {
        let field = EXAMPLES.iter().find(|e| e.name == "field_8x8x8");
        srt::compact((field.unwrap().build)())
    }),
    example("constant_3d", "form 0", || {
        encode(&[3, 5, 4], |_, _, _| -2.5, &options(Bound::Psnr(40.0)))
    }),
    example(
        "lossless_2d_f64",
        "form 1: planes of bytes, binary64",
        || encode_f64(&[9, 13], noise, &options(Bound::MaxError(0.0))),
    ),
    example(
        "wavelet_3d",
        "form 2: odd sizes, several levels, one shared brick",
        || encode(&[24, 18, 17], waves, &options(Bound::Psnr(42.0))),
    ),
    example(
        "wavelet_3d_thin",
        "an axis too short to split: subbands without it",
        || encode(&[3, 24, 20], waves, &options(Bound::Psnr(45.0))),
    ),
    example("wavelet_2d_f16", "binary16 values, rank 2", || {
        encode_f16(&[40, 33], waves, &options(Bound::Psnr(38.0)))
    }),
    example("wavelet_2d_f64", "binary64 arithmetic", || {
        encode_f64(&[33, 40], waves, &options(Bound::Psnr(90.0)))
    }),
    example("ssim_2d", "bound on the SSIM: the record holds it", || {
        encode(&[36, 36], waves, &options(Bound::Ssim(0.98)))
    }),
    example("ratio_2d", "asked for a ratio", || {
        encode(
            &[48, 40],
            |z, y, x| waves(z, y, x) + 0.05 * noise(z, y, x),
            &options(Bound::Ratio(8.0)),
        )
    }),
    example(
        "periodic_2d",
        "both axes periodic, one of them of odd length from the second level on",
        || {
            let wave = |_: f64, y: f64, x: f64| {
                (TAU * x / 44.0).sin() + (TAU * (y / 40.0 + x / 22.0)).cos()
            };
            let options = options(Bound::Psnr(50.0)).with_periodic("yx".parse::<Axes>().unwrap());
            encode(&[40, 44], wave, &options)
        },
    ),
    example(
        "plan_dct_3d",
        "a stack of an odd number of planes: cosines along z, corrections",
        || {
            let options = options(Bound::MaxError(0.02)).with_plan(AxisPlan::Dct);
            encode(&[7, 20, 19], stack, &options)
        },
    ),
    example(
        "plan_wavelet_3d_f64",
        "the filter pair along z before the levels of the planes, binary64",
        || {
            let options = options(Bound::Psnr(60.0)).with_plan(AxisPlan::Wavelet);
            encode_f64(&[11, 18, 21], stack, &options)
        },
    ),
    example("plan_slices_3d", "planes by themselves, Haar", || {
        let options = options(Bound::Psnr(45.0))
            .with_plan(AxisPlan::Slices)
            .with_wavelet(Wavelet::Haar);
        encode(&[9, 18, 21], stack, &options)
    }),
    example(
        "corrections_3d",
        "largest error with corrections (CORR), spikes included",
        || {
            let spiky = |z: f64, y: f64, x: f64| {
                let spike = (7.0 * z + 3.0 * y + 11.0 * x) % 97.0 < 1.0;
                waves(z, y, x) + 0.02 * noise(z, y, x) + if spike { 4.0 } else { 0.0 }
            };
            encode(&[17, 16, 20], spiky, &options(Bound::MaxError(0.02)))
        },
    ),
    example(
        "corrections_2d_f64",
        "largest error as a fraction of the range, binary64",
        || {
            let rough = |z: f64, y: f64, x: f64| waves(z, y, x) + 0.02 * noise(z, y, x);
            encode_f64(&[40, 37], rough, &options(Bound::RelError(1e-3)))
        },
    ),
    example(
        "mask_3d",
        "NaN, infinities and a fill value (MASK) in a bounded field",
        || {
            let holes = |z: f64, y: f64, x: f64| match () {
                () if (y - 7.0).powi(2) + (x - 8.0).powi(2) < 12.0 + z => f64::NAN,
                () if x + y + z < 2.0 => f64::INFINITY,
                () if x == 15.0 && y > 10.0 => -999.0,
                () => waves(z, y, x),
            };
            let options = options(Bound::MaxError(0.01)).with_mask_value(-999.0);
            encode(&[5, 16, 18], holes, &options)
        },
    ),
    example(
        "raster_3d",
        "form 4: a blend of predictors, several bricks, odd sizes",
        || encode(&[9, 11, 70], waves, &raster(0.01)),
    ),
    example(
        "raster_2d_f64",
        "form 4: a blend in rank 2, binary64, a value that no step reaches",
        || {
            let spike = |z: f64, y: f64, x: f64| {
                let wave = waves(z, y, x) * 1e-9;
                if (y, x) == (9.0, 4.0) { 0.2 } else { wave }
            };
            encode_f64(&[21, 30], spike, &raster(1e-10))
        },
    ),
    example(
        "raster_median_2d",
        "form 4: medians, for layers of nearly one value",
        || encode(&[30, 41], layers, &raster(1.0)),
    ),
    example(
        "palette_2d_f64",
        "form 4: ranks in a palette of binary64, without loss",
        || {
            let steps = |z: f64, y: f64, x: f64| (waves(z, y, x) * 20.0).round() / 7.0;
            encode_f64(&[50, 41], steps, &options(Bound::MaxError(0.0)))
        },
    ),
    example(
        "exact_3d",
        "form 4: values as they are, several bricks",
        || encode(&[9, 11, 70], waves, &raster(0.0)),
    ),
    example(
        "exact_2d_f64",
        "form 4: values as they are, binary64, of all magnitudes and both zeros, with a mask",
        || {
            let wide = |z: f64, y: f64, x: f64| match (3.0 * y + 5.0 * x) as u32 % 19 {
                0 => 0.0,
                1 => -0.0,
                2 => waves(z, y, x) * 1e-9,
                3 => waves(z, y, x) * 1e-310,
                4 => f64::INFINITY,
                _ => waves(z, y, x),
            };
            encode_f64(&[21, 30], wide, &raster(0.0))
        },
    ),
    example(
        "exact_2d_f16",
        "form 4: values as they are, binary16",
        || encode_f16(&[12, 14], waves, &raster(0.0)),
    ),
    example("raster_mask_3d_f16", "form 4: a mask, binary16", || {
        let hole = |z: f64, y: f64, x: f64| {
            let is_hole = (y - 7.0).powi(2) + (x - 8.0).powi(2) < 12.0 + z;
            if is_hole { f64::NAN } else { waves(z, y, x) }
        };
        encode_f16(&[4, 16, 18], hole, &raster(0.02))
    }),
    example(
        "mask_nan_2d_f16",
        "nothing but NaN: mask and form 0",
        || encode_f16(&[4, 6], |_, _, _| f64::NAN, &options(Bound::Psnr(40.0))),
    ),
    example(
        "bricks_3d",
        "several bricks on the finest level, some without any detail",
        || {
            let front = |z: f64, y: f64, x: f64| (0.4 * (x - 40.0) + 0.1 * y + 0.05 * z).tanh();
            let options = options(Bound::Psnr(70.0)).with_brick_edge(64);
            encode(&[20, 40, 140], front, &options)
        },
    ),
    example(
        "checksums_3d",
        "runs of bricks with a checksum for each",
        || {
            let front = |z: f64, y: f64, x: f64| (0.4 * (x - 40.0) + 0.1 * y + 0.05 * z).tanh();
            let options = options(Bound::Psnr(60.0)).with_brick_edge(64);
            with_runs(&encode(&[20, 70, 140], front, &options), CHECKED)
        },
    ),
    example("haar_3d", "the Haar pair, odd sizes", || {
        let options = options(Bound::Psnr(40.0)).with_wavelet(Wavelet::Haar);
        encode(&[12, 17, 24], waves, &options)
    }),
    example(
        "turbulence3d-s",
        "a weights pack: the built-in small model",
        || {
            let model = builtin("turbulence3d-s").unwrap().unwrap();
            let dataset = Dataset::new(Shape::new(&[1, 1, 1]).unwrap(), Vec::new());
            let mut all = vec![(ChunkType::DSET, 0, dataset.to_bytes())];
            all.extend(records(&model));
            file(&all)
        },
    ),
    Example {
        name: "reference_3d",
        about: "turbulence, predicted by networks named by their hash (NREF)",
        weights: Some("turbulence3d-s.srt"),
        build: || {
            let (shape, values) = turbulence(&[24, 22, 26]);
            write(shape, &Values::F32(Cow::Owned(values)), &small_networks())
        },
    },
    example(
        "residual_3d",
        "embedded network (put together, random weights): residual, extended even, odd and periodic edges",
        || {
            networks(
                "networks/residual_3d.network",
                &[17, 16, 20],
                "x",
                0,
                &[0.3, 0.3],
            )
        },
    ),
    example(
        "residual_zero_3d_f64",
        "embedded network (put together, random weights): zero padding beside a periodic axis, binary64",
        || {
            let shape = [12, 9, 16];
            let periodic = options(Bound::Psnr(40.0)).with_periodic("z".parse::<Axes>().unwrap());
            let bytes = encode_f64(&shape, waves, &periodic);
            with_networks(&bytes, "networks/residual_zero_3d.network", 0, &[0.2])
        },
    ),
    example(
        "condition_2d",
        "embedded network (put together, random weights): condition channel, gains of 0 in between",
        || {
            networks(
                "networks/conditioned_2d.network",
                &[36, 41],
                "",
                0,
                &[0.5, 0.0, 0.4],
            )
        },
    ),
    example(
        "rrdb_2d",
        "embedded network (put together, random weights): dense blocks, radius 14, shortcut",
        || networks("networks/rrdb_2d.network", &[33, 24], "y", 0, &[0.4, 0.4]),
    ),
    example(
        "shuffle_3d",
        "embedded network (put together, random weights): voxel shuffle, extended, Haar",
        || networks("networks/shuffle_3d.network", &[12, 9, 14], "z", 1, &[0.3]),
    ),
    example(
        "shuffle_zero_2d",
        "embedded network (put together, random weights): voxel shuffle, zero padding, Haar",
        || {
            networks(
                "networks/shuffle_zero_2d.network",
                &[19, 32],
                "x",
                1,
                &[0.3, 0.3],
            )
        },
    ),
    example(
        "residual_haar_zero_2d",
        "embedded network (put together, random weights): zero padding, both axes periodic, shortcut, Haar",
        || {
            networks(
                "trainer/residual2d_haar_zero",
                &[32, 24],
                "yx",
                1,
                &[0.3, 0.2],
            )
        },
    ),
    example(
        "pooled_3d",
        "pooled form: leaves of several levels, linear interpolation, odd sizes",
        || encode(&[21, 24, 35], bump, &paper(30.0)),
    ),
    example(
        "pooled_residual_2d_f64",
        "pooled form: embedded network (random weights) of subbands, binary64",
        || {
            encode_f64(
                &[48, 40],
                bump,
                &pooled("trainer/residual2d_haar_zero", 5.0),
            )
        },
    ),
    example(
        "pooled_shuffle_3d",
        "pooled form: embedded network (random weights) of voxels",
        || encode(&[24, 17, 32], bump, &pooled("trainer/rrdb3d_shuffle", 5.0)),
    ),
    example(
        "frames_2d",
        "two fields, of two types, at two steps; unknown ancillary chunks between; a reference nobody uses",
        frames,
    ),
    Example {
        name: "series_3d",
        about: "spacing, origin, units and times; weights (NREF) after a frame that uses none",
        weights: Some("turbulence3d-s.srt"),
        build: series,
    },
    example(
        "attributes_2d",
        "what else is known of a dataset (aTTr): names and places of rows that are not uniform",
        attributes,
    ),
    example(
        "slabs_3d",
        "two slabs of one frame; another frame without slabs",
        slabs,
    ),
];

/// Chunks of a file: type, part, payload.
type Chunks = Vec<(ChunkType, u32, Vec<u8>)>;

fn kind(name: &str) -> ChunkType {
    ChunkType::from_bytes(name.as_bytes().try_into().unwrap()).unwrap()
}

fn file(chunks: &[(ChunkType, u32, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (kind, part, payload) in chunks {
        writer.chunk(*kind, *part, payload).unwrap();
    }
    writer.finish().unwrap().0
}

fn chunks(file: &[u8]) -> Chunks {
    let reader = Reader::new(file, &Limits::default()).unwrap();
    let entries = reader.entries().iter().enumerate();
    entries
        .map(|(n, e)| (e.kind, e.part, reader.payload(n).unwrap().to_vec()))
        .collect()
}

fn options(bound: Bound) -> EncodeOptions {
    EncodeOptions::new(bound)
        .with_threads(1)
        .with_model(Model::None)
        .with_form(FormChoice::Wavelet)
        .with_plan(AxisPlan::Levels)
}

/// Those of the raster form with a largest error.
fn raster(max_error: f64) -> EncodeOptions {
    options(Bound::MaxError(max_error)).with_form(FormChoice::Raster)
}

/// Layers, each of nearly one value.
fn layers(z: f64, y: f64, x: f64) -> f64 {
    1500.0 + 250.0 * ((y + 3.0 * (0.2 * x + z).sin()) / 6.0).floor() + 0.3 * waves(z, y, x)
}

/// The small built-in model, by reference.
fn small_networks() -> EncodeOptions {
    options(Bound::Psnr(40.0))
        .with_model(Model::Given(builtin("turbulence3d-s").unwrap().unwrap()))
        .with_embed_weights(EmbedWeights::No)
}

/// Planes of which each is another mixture of the same two.
fn stack(z: f64, y: f64, x: f64) -> f64 {
    waves(0.0, y, x) * (0.7 * z).cos() + 0.3 * (0.9 * x - 0.4 * y).sin() * (0.4 * z).sin()
}

fn waves(z: f64, y: f64, x: f64) -> f64 {
    (0.31 * x + 0.07 * y).sin() * (0.23 * y).cos() + 0.6 * (0.4 * z + 0.11 * x).cos() + 0.02 * y
}

/// Waves with a bump in a corner, where detail is kept.
fn bump(z: f64, y: f64, x: f64) -> f64 {
    let distance = (z - 6.0).powi(2) + (y - 7.0).powi(2) + (x - 8.0).powi(2);
    waves(z, y, x) * 0.3 + 4.0 * (-distance / 7.0).exp()
}

/// Options of the paper's profile for a PSNR.
fn paper(psnr: f64) -> EncodeOptions {
    options(Bound::Psnr(psnr)).with_profile(Profile::Pooled(PooledOptions::default()))
}

/// The same with embedded networks.
fn pooled(model: &str, psnr: f64) -> EncodeOptions {
    let bytes = fs::read(data(&format!("{model}.safetensors"))).unwrap();
    let model = Hierarchy::from_safetensors(&bytes, &Limits::default()).unwrap();
    paper(psnr)
        .with_model(Model::Given(Arc::new(model)))
        .with_embed_weights(EmbedWeights::Yes)
}

/// Values in 0 to 1 without any order.
fn noise(z: f64, y: f64, x: f64) -> f64 {
    let mut h = (z * 1e4 + y * 1e2 + x) as u64;
    h = (h ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    h = (h ^ h >> 29).wrapping_mul(0x94D0_49BB_1331_11EB);
    (h >> 11) as f64 / (1u64 << 53) as f64
}

fn sampled(extents: &[usize], f: impl Fn(f64, f64, f64) -> f64) -> (Shape, Vec<f64>) {
    let shape = Shape::new(extents).unwrap();
    let [_, ny, nx] = shape.dims();
    let value = |i: usize| f((i / nx / ny) as f64, (i / nx % ny) as f64, (i % nx) as f64);
    (shape, (0..shape.len()).map(value).collect())
}

fn write(shape: Shape, values: &Values<'_>, options: &EncodeOptions) -> Vec<u8> {
    let view = VolumeView::new(shape, values).unwrap();
    let (file, _) = encode_with_report(view, options, Vec::new()).unwrap();
    srt::expand(&file).unwrap().unwrap_or(file)
}

fn encode(extents: &[usize], f: impl Fn(f64, f64, f64) -> f64, options: &EncodeOptions) -> Vec<u8> {
    let (shape, values) = sampled(extents, f);
    let values = values.iter().map(|&v| v as f32).collect();
    write(shape, &Values::F32(Cow::Owned(values)), options)
}

fn encode_f64(
    extents: &[usize],
    f: impl Fn(f64, f64, f64) -> f64,
    options: &EncodeOptions,
) -> Vec<u8> {
    let (shape, values) = sampled(extents, f);
    write(shape, &Values::F64(Cow::Owned(values)), options)
}

fn encode_f16(
    extents: &[usize],
    f: impl Fn(f64, f64, f64) -> f64,
    options: &EncodeOptions,
) -> Vec<u8> {
    let (shape, values) = sampled(extents, f);
    let values = values.iter().map(|&v| f16::from_f64(v)).collect();
    write(shape, &Values::F16(Cow::Owned(values)), options)
}

fn data(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data")).join(path)
}

/// A corner of the turbulence that the program carries.
fn turbulence(extents: &[usize]) -> (Shape, Vec<f32>) {
    let input = Input::open_npy(data("turbulence_64.npy")).unwrap();
    let [_, ny, nx] = input.shape().dims();
    let all = input.as_f32().unwrap();
    let (shape, places) = sampled(extents, |z, y, x| (z * ny as f64 + y) * nx as f64 + x);
    let values = places.iter().map(|&place| all[place as usize]).collect();
    (shape, values)
}

fn records(model: &Hierarchy) -> impl Iterator<Item = (ChunkType, u32, Vec<u8>)> {
    let networks = model.networks().iter().enumerate();
    networks.map(|(part, network)| (ChunkType::NETW, part as u32, network.to_bytes()))
}

fn change_frame(chunks: &mut Chunks, change: impl FnOnce(&mut Frame)) {
    let dataset = Dataset::parse(&chunks[0].2, 0).unwrap();
    let dtype = dataset.fields[0].dtype;
    let at = chunks.iter().position(|c| c.0 == ChunkType::FRAM).unwrap();
    let mut frame = Frame::parse(&chunks[at].2, 0, |_| Some(dtype)).unwrap();
    change(&mut frame);
    chunks[at].2 = frame.to_bytes(dtype);
}

/// A frame whose record is changed so that it decodes to other values: these are the field then, the
/// range is wide, and nothing is lost.
fn with_form(bytes: &[u8], change: impl FnOnce(&mut WaveletForm)) -> Vec<u8> {
    let mut all = chunks(bytes);
    change_frame(&mut all, |frame| {
        let Form::Wavelet(form) = &mut frame.form else {
            panic!("form 2 expected");
        };
        change(form);
        frame.range = (-64.0, 64.0);
        frame.measured = Measured {
            psnr_db: f32::INFINITY,
            ssim: None,
            max_error: 0.0,
        };
    });
    file(&all)
}

/// The file of an encoded field with embedded networks.
fn with_networks(bytes: &[u8], model: &str, filter: u8, gains: &[f32]) -> Vec<u8> {
    let model = fs::read(data(&format!("{model}.safetensors"))).unwrap();
    let model = Hierarchy::from_safetensors(&model, &Limits::default()).unwrap();
    let bytes = with_form(bytes, |form| {
        assert!(gains.len() <= usize::from(form.levels));
        form.wavelet = filter;
        form.network = Some(NetworkUse {
            gains: gains.to_vec(),
        });
    });
    let mut all = chunks(&bytes);
    all.splice(1..1, records(&model));
    file(&all)
}

fn networks(model: &str, extents: &[usize], periodic: &str, filter: u8, gains: &[f32]) -> Vec<u8> {
    let mut options = options(Bound::Psnr(40.0));
    if !periodic.is_empty() {
        options.coding.periodic = periodic.parse().unwrap();
    }
    with_networks(&encode(extents, waves, &options), model, filter, gains)
}

fn frames() -> Vec<u8> {
    let extents = [10, 14];
    let speed = |step: u64| {
        encode(
            &extents,
            move |z, y, x| waves(z, y, x + step as f64),
            &options(Bound::MaxError(0.05)).with_field("speed"),
        )
    };
    let pressure = |step: u64| {
        encode_f64(
            &extents,
            move |z, y, x| waves(z, y + step as f64, x),
            &options(Bound::MaxError(0.02)).with_field("pressure"),
        )
    };
    let mut dataset = Dataset::parse(&chunks(&speed(0))[0].2, 0).unwrap();
    let other = Dataset::parse(&chunks(&pressure(0))[0].2, 0).unwrap();
    dataset.fields.extend(other.fields);
    let reference = WeightsReference {
        sha256: [0x5A; 32],
        name: "of no use".into(),
    };
    let mut all = vec![
        (ChunkType::DSET, 0, dataset.to_bytes()),
        (
            kind("teXt"),
            7,
            b"chunks of other programs may stand anywhere".to_vec(),
        ),
        (ChunkType::NREF, 0, reference.to_bytes()),
    ];
    for step in [0, 5] {
        for (field, bytes) in [speed(step), pressure(step)].into_iter().enumerate() {
            let mut frame = chunks(&bytes);
            change_frame(&mut frame, |f| (f.field, f.step) = (field as u64, step));
            frame.insert(2, (kind("noTe"), step as u32, Vec::new()));
            all.extend(frame.into_iter().skip(1));
        }
    }
    file(&all)
}

fn series() -> Vec<u8> {
    let (shape, flow) = turbulence(&[24, 22, 26]);
    let field = Field {
        name: "speed".into(),
        unit: "m/s".into(),
        dtype: Dtype::F32,
    };
    let mut dataset = Dataset::new(shape, vec![field]);
    dataset.placement = Some(Placement {
        spacing: [0.5, 0.25, 0.25],
        origin: [-6.0, 0.0, 100.0],
    });
    dataset.length_unit = "mm".into();
    dataset.time_unit = "s".into();
    let mut encoder = Encoder::new(Vec::new(), dataset, small_networks()).unwrap();
    let rest = vec![0.0; shape.len()];
    for (step, values) in (0..).zip([rest, flow]) {
        let values = Values::F32(Cow::Owned(values));
        let time = Some(0.125 * step as f64 - 0.125);
        encoder
            .write(&FrameKey::new(0, step).at(time), &values)
            .unwrap();
    }
    encoder.finish().unwrap().0
}

fn attributes() -> Vec<u8> {
    let field = Field {
        name: "t2m".into(),
        unit: "K".into(),
        dtype: Dtype::F32,
    };
    let (shape, values) = sampled(&[4, 90], waves);
    let values: Vec<f32> = values.iter().map(|&v| 280.0 + v as f32).collect();
    let dataset = Dataset::new(shape, vec![field]);
    let text =
        r#"{"coordinates":{"lat":{"values":[-60.5,-30.0,10.25,45.0]}},"dimensions":["lat","lon"]}"#;
    let mut encoder = Encoder::new(Vec::new(), dataset, options(Bound::MaxError(0.1))).unwrap();
    encoder
        .add_attributes(&Attributes::new(text).unwrap())
        .unwrap();
    encoder.write(&FrameKey::new("t2m", 0), &values).unwrap();
    encoder.finish().unwrap().0
}

fn slabs() -> Vec<u8> {
    let (shape, values) = sampled(&[36, 9, 11], waves);
    let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    let field = Field {
        name: "u".into(),
        unit: String::new(),
        dtype: Dtype::F32,
    };
    let dataset = Dataset::new(shape, vec![field]);
    let options = options(Bound::MaxError(0.05)).with_range(-3.0, 3.0);
    let mut encoder = Encoder::new(Vec::new(), dataset, options).unwrap();
    for (start, len) in [(0, 20), (20, 16)] {
        let plane = 9 * 11;
        let own = Values::F32(values[start * plane..][..len * plane].into());
        let slab = Slab {
            start: start as u64,
            len: len as u64,
        };
        encoder
            .write(
                &FrameKey::new(0, 0).at(0.5).planes(slab.start..slab.end()),
                &own,
            )
            .unwrap();
    }
    let whole = Values::F32(values.into());
    encoder
        .write(&FrameKey::new(0, 1).at(0.75), &whole)
        .unwrap();
    encoder.finish().unwrap().0
}
