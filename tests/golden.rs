//! Golden files: one small `.srt` per format feature, decoded to the same bytes forever.
//!
//! `tests/data/golden/README.md` lists them; `sums.txt` holds the SHA-256 of what each decodes to
//! (little-endian values). `ADD_GOLDEN=1 cargo test --release --test golden` writes files that are
//! missing, `UPDATE_GOLDEN=1` all of them: only with a line in `spec/CHANGELOG.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use common::runs::{CHECKED, with_runs};
use common::{Draw, Scalar, decode, encode, le_bytes, smooth, within};
use half::f16;
use hmac_sha256::Hash;
use srt::container::{Bound, Dataset, Field, Interpolation, Placement, Slab};
use srt::transform::Wavelet;
use srt::volume::{AnyVolume, Values};
use srt::{
    AxisPlan, Decoder, Dtype, Element, EncodeOptions, Encoder, FormChoice, FrameKey, Limits, Model,
    PooledOptions, Profile, Result, Shape, Upscaling, dtype_dispatch,
};

/// Version in the names: that of the format.
const VERSION: &str = "v0_3";

/// One golden file: what it shows and how it was made.
struct Golden {
    name: &'static str,
    about: &'static str,
    build: fn() -> Built,
}

/// A file, and what must hold for what it decodes to.
struct Built {
    file: Result<Vec<u8>>,
    /// Original values and the largest error, where the bound is one.
    original: Vec<f64>,
    max_error: Option<f64>,
}

fn make<E: Scalar>(
    extents: &[usize],
    values: impl FnOnce(Shape) -> Vec<f64>,
    bound: Bound,
    set: impl FnOnce(&mut EncodeOptions),
) -> Built {
    let shape = Shape::new(extents).unwrap();
    let values: Vec<E> = values(shape).into_iter().map(E::from_f64).collect();
    let mut options = EncodeOptions::new(bound)
        .with_threads(1)
        .with_model(Model::None)
        .with_form(FormChoice::Wavelet);
    set(&mut options);
    Built {
        file: encode(shape, &values, &options).map(|(bytes, _)| bytes),
        original: values.iter().map(|v| v.to_f64()).collect(),
        max_error: match bound {
            Bound::MaxError(e) => Some(e),
            _ => None,
        },
    }
}

fn rough(shape: Shape, seed: u64) -> Vec<f64> {
    let mut draw = Draw::new(seed);
    smooth(shape, seed)
        .iter()
        .map(|v| v + 0.02 * (draw.unit() - 0.5))
        .collect()
}

/// A field that repeats along every axis.
fn repeating(shape: Shape) -> Vec<f64> {
    let dims = shape.dims();
    let wave = |i: usize, n: usize| {
        let t = i as f64 / n as f64;
        let s = t * (1.0 - t) * 4.0; // a parabola per period
        2.0 * s - 1.0
    };
    (0..shape.len())
        .map(|i| {
            let (z, y, x) = (i / dims[2] / dims[1], i / dims[2] % dims[1], i % dims[2]);
            wave(z, dims[0]) + 0.5 * wave(y, dims[1]) * wave(x, dims[2])
        })
        .collect()
}

fn with_holes(shape: Shape) -> Vec<f64> {
    let mut values = smooth(shape, 9);
    let dims = shape.dims();
    for (i, v) in values.iter_mut().enumerate() {
        let (y, x) = (i / dims[2] % dims[1], i % dims[2]);
        if (y as i64 - 8).pow(2) + (x as i64 - 10).pow(2) < 30 {
            *v = f64::NAN;
        }
    }
    values[5] = f64::INFINITY;
    values[7] = f64::NEG_INFINITY;
    values[9] = -999.0;
    values
}

/// The paper's profile with its options set.
fn paper(o: &mut EncodeOptions, set: impl FnOnce(&mut PooledOptions)) {
    let mut paper = PooledOptions::default();
    set(&mut paper);
    o.coding.profile = Profile::Pooled(paper);
}

fn raster(o: &mut EncodeOptions) {
    o.coding.form = FormChoice::Raster;
}

const GOLDEN: &[Golden] = &[
    Golden {
        name: "raster_fine_3d_f32",
        about: "raster form, 3-D f32 computed in binary64: largest error 1e-7 of values up to 1",
        build: || {
            make::<f32>(
                &[9, 14, 13],
                |s| rough(s, 67),
                Bound::MaxError(1e-7),
                raster,
            )
        },
    },
    Golden {
        name: "compact_3d_f32",
        about: "3-D f32 field at 30 dB: a compact file",
        build: || {
            let built = make::<f32>(&[12, 20, 17], |s| rough(s, 61), Bound::Psnr(30.0), |_| {});
            Built {
                file: built.file.map(srt::compact),
                ..built
            }
        },
    },
    Golden {
        name: "pooled_3d_f32",
        about: "paper profile, 3-D f32 at 30 dB: mean pooling, dynamic downscaling, linear interpolation",
        build: || {
            let set = |o: &mut EncodeOptions| paper(o, |p| p.min_chunk = 2);
            make::<f32>(&[18, 21, 33], |s| smooth(s, 41), Bound::Psnr(30.0), set)
        },
    },
    Golden {
        name: "pooled_2d_f64",
        about: "paper profile, 2-D f64 at 45 dB with masked voxels: cubic interpolation, binary64",
        build: || {
            let set = |o: &mut EncodeOptions| {
                paper(o, |p| {
                    p.upscaling = Upscaling::Interpolation(Interpolation::Cubic);
                });
            };
            make::<f64>(&[45, 70], with_holes, Bound::Psnr(45.0), set)
        },
    },
    Golden {
        name: "psnr_3d_f32",
        about: "3-D f32 field at 40 dB: transform, octree, one brick",
        build: || {
            make::<f32>(
                &[32, 32, 32],
                |s| rough(s, 1),
                Bound::Psnr(40.0),
                |o| o.names.field = "speed".into(),
            )
        },
    },
    Golden {
        name: "psnr_2d_f64",
        about: "2-D f64 field at 70 dB: binary64 arithmetic",
        build: || {
            make::<f64>(
                &[48, 56],
                |s| rough(s, 2),
                Bound::Psnr(70.0),
                |o| o.names.unit = "m/s".into(),
            )
        },
    },
    Golden {
        name: "psnr_3d_f16",
        about: "3-D f16 field at 35 dB: binary32 arithmetic rounded to binary16",
        build: || make::<f16>(&[20, 24, 28], |s| rough(s, 3), Bound::Psnr(35.0), |_| {}),
    },
    Golden {
        name: "ssim_2d_f32",
        about: "2-D f32 field at SSIM 0.97: the record holds the measured SSIM",
        build: || make::<f32>(&[40, 40], |s| rough(s, 4), Bound::Ssim(0.97), |_| {}),
    },
    Golden {
        name: "max_error_corr",
        about: "largest error 0.004 with corrections (CORR) of a spiky field",
        build: || {
            make::<f32>(
                &[24, 24, 24],
                |s| {
                    let mut v = rough(s, 5);
                    for i in (0..v.len()).step_by(331) {
                        v[i] += 0.3;
                    }
                    v
                },
                Bound::MaxError(0.004),
                |_| {},
            )
        },
    },
    Golden {
        name: "rel_error_f64",
        about: "largest error 1e-6 of the range, 3-D f64",
        build: || {
            make::<f64>(
                &[16, 17, 18],
                |s| rough(s, 6),
                Bound::RelError(1e-6),
                |_| {},
            )
        },
    },
    Golden {
        name: "mask_nan_fill",
        about: "NaN region, both infinities and a fill value (MASK)",
        build: || {
            make::<f32>(&[6, 20, 24], with_holes, Bound::MaxError(0.01), |o| {
                o.coding.mask_value = Some(-999.0);
            })
        },
    },
    Golden {
        name: "constant",
        about: "constant field: no tree, no bricks",
        build: || {
            make::<f32>(
                &[9, 9, 9],
                |s| vec![2.5; s.len()],
                Bound::Psnr(40.0),
                |_| {},
            )
        },
    },
    Golden {
        name: "constant_nan",
        about: "every voxel NaN: mask and constant form",
        build: || {
            make::<f64>(
                &[5, 6],
                |s| vec![f64::NAN; s.len()],
                Bound::Psnr(40.0),
                |_| {},
            )
        },
    },
    Golden {
        name: "lossless_f64",
        about: "largest error 0: lossless part of byte planes",
        build: || make::<f64>(&[12, 13], |s| rough(s, 7), Bound::MaxError(0.0), |_| {}),
    },
    Golden {
        name: "periodic_zyx",
        about: "periodic along all axes, one of them of odd length",
        build: || {
            make::<f32>(&[16, 24, 15], repeating, Bound::Psnr(50.0), |o| {
                o.coding.periodic = "zyx".parse().unwrap();
            })
        },
    },
    Golden {
        name: "plan_dct_f32",
        about: "a stack of an odd number of planes, cosines along z",
        build: || {
            make::<f32>(
                &[9, 30, 23],
                |s| rough(s, 11),
                Bound::MaxError(0.01),
                |o| {
                    o.coding.plan = Some(AxisPlan::Dct);
                },
            )
        },
    },
    Golden {
        name: "plan_wavelet_f64",
        about: "a stack with a wavelet along z, in binary64",
        build: || {
            make::<f64>(
                &[13, 20, 23],
                |s| rough(s, 12),
                Bound::Psnr(55.0),
                |o| {
                    o.coding.plan = Some(AxisPlan::Wavelet);
                },
            )
        },
    },
    Golden {
        name: "plan_slices_f16",
        about: "a stack of planes by themselves, Haar",
        build: || {
            make::<f16>(
                &[10, 20, 17],
                |s| rough(s, 13),
                Bound::Psnr(45.0),
                |o| {
                    o.coding.plan = Some(AxisPlan::Slices);
                    o.coding.wavelet = Some(Wavelet::Haar);
                },
            )
        },
    },
    Golden {
        name: "odd_sizes",
        about: "prime extents with an axis too short to split",
        build: || make::<f32>(&[5, 37, 23], |s| rough(s, 8), Bound::Psnr(45.0), |_| {}),
    },
    Golden {
        name: "one_voxel",
        about: "a single voxel",
        build: || make::<f32>(&[1, 1, 1], |_| vec![-7.25], Bound::Psnr(40.0), |_| {}),
    },
    Golden {
        name: "several_bricks",
        about: "bricks of 64 voxels: several per level",
        build: || {
            make::<f32>(
                &[36, 80, 132],
                |s| smooth(s, 10),
                Bound::Psnr(75.0),
                |o| o.coding.brick_edge = Some(64),
            )
        },
    },
    Golden {
        name: "brick_checksums",
        about: "runs of bricks with a checksum for each",
        build: || {
            let built = make::<f32>(
                &[36, 80, 132],
                |s| smooth(s, 10),
                Bound::Psnr(60.0),
                |o| o.coding.brick_edge = Some(64),
            );
            Built {
                file: built.file.map(|file| with_runs(&file, CHECKED)),
                ..built
            }
        },
    },
    Golden {
        name: "haar_3d",
        about: "the Haar pair, odd extents",
        build: || {
            make::<f32>(
                &[22, 19, 24],
                |s| rough(s, 11),
                Bound::Psnr(42.0),
                |o| o.coding.wavelet = Some(Wavelet::Haar),
            )
        },
    },
    Golden {
        name: "raster_3d_f32",
        about: "raster form, 3-D f32 in several bricks: a blend of predictors",
        build: || {
            make::<f32>(
                &[20, 21, 90],
                |s| rough(s, 51),
                Bound::MaxError(0.005),
                raster,
            )
        },
    },
    Golden {
        name: "raster_2d_f64",
        about: "raster form, 2-D f64 with masked voxels",
        build: || make::<f64>(&[45, 70], with_holes, Bound::MaxError(1e-7), raster),
    },
    Golden {
        name: "raster_median_f16",
        about: "raster form, 3-D f16 of few values: medians",
        build: || {
            let steps = |s: Shape| {
                smooth(s, 52)
                    .iter()
                    .map(|v| (4.0 * v).round() / 4.0)
                    .collect()
            };
            make::<f16>(&[9, 30, 33], steps, Bound::MaxError(0.01), raster)
        },
    },
    Golden {
        name: "palette_3d_f32",
        about: "raster form by ranks, 3-D f32 of few values with masked voxels, without loss",
        build: || {
            let steps = |s: Shape| {
                let mut values: Vec<f64> = smooth(s, 53)
                    .iter()
                    .map(|v| (9.0 * v).round() / 3.0)
                    .collect();
                values[40] = f64::NAN;
                values
            };
            make::<f32>(&[20, 30, 70], steps, Bound::MaxError(0.0), |_| {})
        },
    },
    Golden {
        name: "exact_3d_f32",
        about: "raster form of values as they are, 3-D f32 in several bricks with masked voxels",
        build: || make::<f32>(&[20, 30, 70], with_holes, Bound::MaxError(0.0), raster),
    },
    Golden {
        name: "exact_2d_f64",
        about: "raster form of values as they are, 2-D f64 of all magnitudes with unused bits",
        build: || {
            let wide = |s: Shape| {
                let values = rough(s, 54).into_iter().enumerate();
                let wide = values.map(|(i, v)| f64::from(v as f32) * 10f64.powi(i as i32 % 7 * -4));
                wide.collect()
            };
            make::<f64>(&[40, 50], wide, Bound::MaxError(0.0), raster)
        },
    },
    Golden {
        name: "integers_3d_u16",
        about: "raster form of a step of one, 3-D u16 in several bricks, without loss",
        build: || {
            let noisy = |s: Shape| rough(s, 71).iter().map(|v| 900.0 * v + 4000.0).collect();
            make::<u16>(&[20, 21, 90], noisy, Bound::MaxError(0.0), raster)
        },
    },
    Golden {
        name: "integers_far_apart_i32",
        about: "raster form of a step of one, 2-D i32 over half of its range: stored values beside differences",
        build: || {
            let far = |s: Shape| {
                let values = rough(s, 72).into_iter().enumerate();
                let far = values.map(|(i, v)| v * 1e6 + f64::from(i as u32 % 17 / 16) * 1e9);
                far.collect()
            };
            make::<i32>(&[40, 50], far, Bound::MaxError(0.0), raster)
        },
    },
    Golden {
        name: "integers_mask_i16",
        about: "wavelet form, 3-D i16 within 3.7, with a mask value and corrections",
        build: || {
            let holes = |s: Shape| {
                let mut values: Vec<f64> = rough(s, 73).iter().map(|v| 3000.0 * v).collect();
                for at in (0..values.len()).step_by(331) {
                    values[at] += 900.0;
                }
                values[40] = -32768.0;
                values
            };
            make::<i16>(&[14, 20, 17], holes, Bound::MaxError(3.7), |o| {
                o.coding.mask_value = Some(-32768.0);
            })
        },
    },
    Golden {
        name: "integers_psnr_u8",
        about: "wavelet form, 2-D u8 over all of its range at 38 dB",
        build: || {
            let all = |s: Shape| {
                let values = rough(s, 74);
                values.iter().map(|v| 600.0 * v + 128.0).collect()
            };
            make::<u8>(&[64, 51], all, Bound::Psnr(38.0), |_| {})
        },
    },
    Golden {
        name: "integers_palette_i8",
        about: "raster form by ranks, 2-D i8 of few values of both signs, without loss",
        build: || {
            let steps = |s: Shape| {
                rough(s, 75)
                    .iter()
                    .map(|v| (9.0 * v).round() * 11.0)
                    .collect()
            };
            make::<i8>(&[45, 70], steps, Bound::MaxError(0.0), |_| {})
        },
    },
    Golden {
        name: "integers_lossless_u32",
        about: "lossless form, 2-D u32 over more than 2^31",
        build: || {
            let wide = |s: Shape| {
                let mut draw = Draw::new(76);
                let value = |_| (draw.bits() >> 32) as f64;
                (0..s.len()).map(value).collect()
            };
            make::<u32>(&[12, 13], wide, Bound::MaxError(0.0), |_| {})
        },
    },
    Golden {
        name: "line_raster_f32",
        about: "raster form of a line, f32 within 0.002",
        build: || make::<f32>(&[900], |s| rough(s, 81), Bound::MaxError(0.002), raster),
    },
    Golden {
        name: "line_exact_f64",
        about: "raster form of a line of values as they are, f64",
        build: || make::<f64>(&[500], |s| rough(s, 82), Bound::MaxError(0.0), raster),
    },
    Golden {
        name: "line_integers_u16",
        about: "raster form of a line, u16 without loss",
        build: || {
            let counts = |s: Shape| rough(s, 83).iter().map(|v| 5000.0 * v + 9000.0).collect();
            make::<u16>(&[777], counts, Bound::MaxError(0.0), raster)
        },
    },
    Golden {
        name: "line_wavelet_f32",
        about: "wavelet form of a line, f32 at 55 dB",
        build: || make::<f32>(&[1501], |s| rough(s, 84), Bound::Psnr(55.0), |_| {}),
    },
    Golden {
        name: "ratio_2d_f32",
        about: "2-D f32 field, asked for a ratio of 12",
        build: || make::<f32>(&[50, 46], |s| rough(s, 12), Bound::Ratio(12.0), |_| {}),
    },
    Golden {
        name: "max_error_f16",
        about: "largest error in binary16, corrections in binary32",
        build: || {
            make::<f16>(
                &[14, 20, 17],
                |s| rough(s, 13).iter().map(|v| 8.0 * v).collect(),
                Bound::MaxError(0.03),
                |_| {},
            )
        },
    },
    Golden {
        name: "network_reference_2d",
        about: "a slice of turbulence in binary64, predicted by the built-in model (NREF)",
        build: || {
            let slice = |_: Shape| {
                let all = common::turbulence().1;
                let plane = all[40 << 12..41 << 12].iter();
                plane.map(|&v| f64::from(v)).collect()
            };
            make::<f64>(&[64, 64], slice, Bound::Psnr(52.0), |o| {
                o.coding.model = Model::Default;
            })
        },
    },
    Golden {
        name: "series",
        about: "two fields of two types at three steps; spacing, origin, units, times; appended to",
        build: series,
    },
    Golden {
        name: "references",
        about: "a field at five steps, three of them predicted from the steps before",
        build: references,
    },
    Golden {
        name: "slabs",
        about: "a field in two slabs at two steps, of which one has a time",
        build: slabs,
    },
    Golden {
        name: "network_reference",
        about: "real turbulence, predicted by the built-in model (NREF)",
        build: || {
            let values = |_: Shape| common::turbulence().1.into_iter().map(f64::from).collect();
            make::<f32>(&[64, 64, 64], values, Bound::Psnr(38.0), |o| {
                o.coding.model = Model::Default;
            })
        },
    },
];

/// Two fields at two steps, and a third step appended.
fn series() -> Built {
    let shape = Shape::new(&[10, 14]).unwrap();
    let field = |name: &str, unit: &str, dtype| Field {
        name: name.into(),
        unit: unit.into(),
        dtype,
    };
    let fields = vec![
        field("speed", "m/s", Dtype::F32),
        field("pressure", "Pa", Dtype::F64),
    ];
    let mut dataset = Dataset::new(shape, fields);
    dataset.placement = Some(Placement {
        spacing: [1.0, 0.5, 0.25],
        origin: [0.0, -2.0, 100.0],
    });
    dataset.length_unit = "mm".into();
    dataset.time_unit = "s".into();
    let options = EncodeOptions::new(Bound::RelError(1e-3))
        .with_threads(1)
        .with_model(Model::None)
        .with_form(FormChoice::Wavelet);
    let add = |encoder: &mut Encoder<Vec<u8>>, step: u64| {
        let pressure = rough(shape, 20 + step);
        let speed: Vec<f32> = pressure.iter().map(|&v| v as f32).collect();
        let time = Some(step as f64 * 0.25 - 0.25);
        let speed = Values::F32(speed.into());
        encoder
            .write(&FrameKey::new(0, step).at(time), &speed)
            .unwrap();
        let pressure = Values::F64(pressure.into());
        encoder
            .write(&FrameKey::new(1, step).at(time), &pressure)
            .unwrap();
    };
    let mut encoder = Encoder::new(Vec::new(), dataset.clone(), options.clone()).unwrap();
    (0..2).for_each(|step| add(&mut encoder, step));
    let (old, _) = encoder.finish().unwrap();
    let decoder = Decoder::new(&old).unwrap();
    let mut encoder = Encoder::append(Vec::new(), &decoder, dataset, options).unwrap();
    add(&mut encoder, 2);
    Built {
        file: encoder.finish().map(|(bytes, _)| bytes),
        original: Vec::new(),
        max_error: None,
    }
}

/// A field that drifts from one step to the next and changes its range; the fourth of its steps is coded by itself.
fn references() -> Built {
    let shape = Shape::new(&[20, 24, 18]).unwrap();
    let field = Field {
        name: "u".into(),
        unit: String::new(),
        dtype: Dtype::F32,
    };
    let options = EncodeOptions::new(Bound::MaxError(1e-3))
        .with_threads(1)
        .with_model(Model::None)
        .with_form(FormChoice::Wavelet)
        .with_key_interval(3);
    let (first, second) = (rough(shape, 40), rough(shape, 41));
    let dataset = Dataset::new(shape, vec![field]);
    let mut encoder = Encoder::new(Vec::new(), dataset, options).unwrap();
    for step in 0..5 {
        let t = f64::from(step) * 0.05;
        let pairs = first.iter().zip(&second);
        let values: Vec<f32> = pairs
            .map(|(a, b)| ((1.0 + t) * (a * (1.0 - t) + b * t)) as f32)
            .collect();
        let key = FrameKey::new(0, 2 * step as u64);
        encoder.write(&key, Values::F32(values.into())).unwrap();
    }
    Built {
        file: encoder.finish().map(|(bytes, _)| bytes),
        original: Vec::new(),
        max_error: None,
    }
}

/// A frame in slabs, without a time and with one.
fn slabs() -> Built {
    let shape = Shape::new(&[70, 12, 9]).unwrap();
    let field = Field {
        name: "u".into(),
        unit: String::new(),
        dtype: Dtype::F32,
    };
    let values: Vec<f32> = rough(shape, 30).iter().map(|&v| v as f32).collect();
    let options = EncodeOptions::new(Bound::RelError(0.02))
        .with_threads(1)
        .with_model(Model::None)
        .with_form(FormChoice::Wavelet)
        .with_range(-40.0, 40.0);
    let dataset = Dataset::new(shape, vec![field]);
    let mut encoder = Encoder::new(Vec::new(), dataset, options).unwrap();
    for (step, time) in [(0, None), (1, Some(0.5))] {
        for (start, end) in [(0, 64), (64, 70)] {
            let plane = shape.len() / 70;
            let own = Values::F32(values[start * plane..end * plane].into());
            let slab = Slab {
                start: start as u64,
                len: (end - start) as u64,
            };
            let added = encoder.write(
                &FrameKey::new(0, step)
                    .at(time)
                    .planes(slab.start..slab.end()),
                &own,
            );
            added.unwrap();
        }
    }
    Built {
        file: encoder.finish().map(|(bytes, _)| bytes),
        original: Vec::new(),
        max_error: None,
    }
}

/// Values of all frames of a file as little-endian bytes, one frame behind the other.
fn all_bytes(bytes: &[u8]) -> Result<Vec<u8>> {
    let decoder = Decoder::new(bytes)?;
    let frames = 0..decoder.frames().len();
    let decoded = frames.map(|frame| Ok(le_bytes(&decoder.frame_at(frame)?.read_any()?)));
    Ok(decoded.collect::<Result<Vec<_>>>()?.concat())
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/data/golden"]
        .iter()
        .collect()
}

fn file_name(golden: &Golden) -> String {
    format!("{VERSION}_{}.srt", golden.name)
}

fn asked(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|v| v == "1")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn sums() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("sums.txt")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
        .collect()
}

fn write_all(only_missing: bool) {
    let mut sums = sums();
    let mut readme = String::from(
        "# Golden files\n\n\
         Small files of format 0.2, one per feature; what each decodes to never changes (`sums.txt`: SHA-256\n\
         of the decoded little-endian values). Written by `tests/golden.rs`, see there; until 1.0 the format\n\
         still moves, and they are written anew with it. The example files of the specification\n\
         (`spec/examples`) are golden in the same way: embedded networks of every kind, several frames.\n\n\
         | file | shows |\n|---|---|\n",
    );
    for golden in GOLDEN {
        let name = file_name(golden);
        let _ = writeln!(readme, "| `{name}` | {} |", golden.about);
        let path = folder().join(&name);
        if only_missing && path.exists() {
            continue;
        }
        let bytes = (golden.build)().file.unwrap();
        let decoded = all_bytes(&bytes).unwrap();
        sums.insert(name, hex(&Hash::hash(&decoded)));
        fs::write(path, bytes).unwrap();
    }
    let known: Vec<String> = GOLDEN.iter().map(file_name).collect();
    sums.retain(|name, _| known.contains(name));
    let text: String = sums
        .iter()
        .map(|(name, sum)| format!("{sum}  {name}\n"))
        .collect();
    fs::write(folder().join("sums.txt"), text).unwrap();
    fs::write(folder().join("README.md"), readme).unwrap();
}

#[test]
fn golden_files_decode_to_the_same_bytes() {
    if asked("UPDATE_GOLDEN") || asked("ADD_GOLDEN") {
        write_all(!asked("UPDATE_GOLDEN"));
    }
    let sums = sums();
    for golden in GOLDEN {
        let name = file_name(golden);
        let bytes = fs::read(folder().join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let volume = decode(&bytes, 0, Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let decoded = all_bytes(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(
            sums.get(&name).map(String::as_str),
            Some(hex(&Hash::hash(&decoded)).as_str()),
            "{name} decodes to other values than it did"
        );
        let built = (golden.build)();
        if let Some(bound) = built.max_error {
            let decoded: Vec<f64> = dtype_dispatch!(volume, AnyVolume(v) => {
                v.data().iter().map(|v| v.to_f64()).collect()
            });
            for (x, y) in built.original.iter().zip(&decoded) {
                assert!(
                    !x.is_finite() || within(*x, *y, bound),
                    "{name}: {x} became {y}"
                );
            }
        }
    }
}

#[test]
fn every_file_is_listed_and_small() {
    if asked("UPDATE_GOLDEN") || asked("ADD_GOLDEN") {
        return; // the other test is writing them
    }
    let mut known: Vec<String> = GOLDEN.iter().map(file_name).collect();
    known.extend(["README.md".to_owned(), "sums.txt".to_owned()]);
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    for entry in fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(known.contains(&name), "{name} is not in tests/golden.rs");
        assert!(
            !name.ends_with(".srt") || readme.contains(&name),
            "{name} is not in the README"
        );
        assert!(
            entry.metadata().unwrap().len() < 64 << 10,
            "{name} is too large"
        );
    }
}
