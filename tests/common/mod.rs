//! What the integration tests share: fields, exact comparison, encoding and decoding in memory.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)] // every test file uses a part of it

pub mod runs;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use half::f16;
use srt::options::pool;
use srt::volume::io::Input;
use srt::volume::{AnyVolume, Values};
use srt::{
    DecodeOptions, Decoder, Element, EncodeOptions, EncodeReport, Limits, Result, Shape,
    dtype_dispatch,
};
use srt::{VolumeView, encode_with_report};

/// The 64^3 crop of turbulence in this repository.
pub fn turbulence_file() -> PathBuf {
    // The library's tests run from the top of the repository, those of the program from its own folder.
    let from = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut places = from
        .ancestors()
        .map(|folder| folder.join("tests/data/turbulence_64.npy"));
    places
        .find(|path| path.exists())
        .expect("the sample is in the repository")
}

pub fn turbulence() -> (Shape, Vec<f32>) {
    let input = Input::open(turbulence_file(), None, None).unwrap();
    (input.shape(), input.as_f32().unwrap().into_owned())
}

/// The sample of turbulence mirrored again and again to a 3-D shape.
pub fn mirrored(extents: &[usize; 3]) -> (Shape, Vec<f32>) {
    let (_, sample) = turbulence();
    let fold = |i: usize| {
        if (i / 64).is_multiple_of(2) {
            i % 64
        } else {
            63 - i % 64
        }
    };
    let [nz, ny, nx] = *extents;
    let mut out = Vec::with_capacity(nz * ny * nx);
    for z in 0..nz {
        for y in 0..ny {
            let row = (fold(z) * 64 + fold(y)) * 64;
            out.extend((0..nx).map(|x| sample[row + fold(x)]));
        }
    }
    (Shape::new(extents).unwrap(), out)
}

/// Numbers that look random and are the same everywhere.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn bits(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
}

/// A smooth field between -1 and 1 by additions and multiplications only, so that every machine
/// builds the same bits.
pub fn smooth(shape: Shape, seed: u64) -> Vec<f64> {
    let dims = shape.dims();
    let mut draw = Draw::new(seed);
    let bumps: Vec<[f64; 5]> = (0..6)
        .map(|_| std::array::from_fn(|_| draw.unit()))
        .collect();
    let mut out = Vec::with_capacity(shape.len());
    for z in 0..dims[0] {
        for y in 0..dims[1] {
            for x in 0..dims[2] {
                let at = [z, y, x];
                let place: [f64; 3] =
                    std::array::from_fn(|axis| (at[axis] as f64 + 0.5) / dims[axis] as f64);
                let mut sum = 0.0;
                for bump in &bumps {
                    let d2: f64 = (0..3).map(|a| (place[a] - bump[a]).powi(2)).sum();
                    let sharp = 4.0 + 40.0 * bump[3];
                    sum += (bump[4] - 0.5) / (1.0 + sharp * d2);
                }
                out.push(sum / 3.0);
            }
        }
    }
    out
}

/// A value type of fields, with the extremes that a test wants.
pub trait Scalar: Element {
    const LARGEST: f64;
    const SMALLEST: f64;
    fn values(values: &[Self]) -> Values<'_>;
    fn data(volume: AnyVolume) -> Vec<Self>;
}

macro_rules! scalar {
    ($type:ty, $variant:ident, $largest:expr, $smallest:expr) => {
        impl Scalar for $type {
            const LARGEST: f64 = $largest;
            const SMALLEST: f64 = $smallest;
            fn values(values: &[Self]) -> Values<'_> {
                Values::$variant(Cow::Borrowed(values))
            }
            fn data(volume: AnyVolume) -> Vec<Self> {
                match volume {
                    AnyVolume::$variant(v) => v.into_data(),
                    other => panic!("another type decoded: {:?}", other.shape()),
                }
            }
        }
    };
}
scalar!(f16, F16, 65504.0, 5.960_464_477_539_063e-8);
scalar!(f32, F32, f32::MAX as f64, 1.401_298_464_324_817e-45);
scalar!(f64, F64, f64::MAX, 5e-324);
scalar!(u8, U8, u8::MAX as f64, 1.0);
scalar!(i8, I8, i8::MAX as f64, 1.0);
scalar!(u16, U16, u16::MAX as f64, 1.0);
scalar!(i16, I16, i16::MAX as f64, 1.0);
scalar!(u32, U32, u32::MAX as f64, 1.0);
scalar!(i32, I32, i32::MAX as f64, 1.0);

pub fn encode<E: Scalar>(
    shape: Shape,
    values: &[E],
    options: &EncodeOptions,
) -> Result<(Vec<u8>, EncodeReport)> {
    let view = VolumeView::new(shape, E::values(values)).unwrap();
    let (file, report) = encode_with_report(view, options, Vec::new())?;
    Ok((long(file), report))
}

/// The long form of a file, whose bytes tests look at.
pub fn long(file: Vec<u8>) -> Vec<u8> {
    srt::expand(&file).unwrap().unwrap_or(file)
}

pub fn decode(bytes: &[u8], level: usize, limits: Limits) -> Result<AnyVolume> {
    Decoder::with_options(bytes, DecodeOptions::default().with_limits(limits))?
        .frame_at(0)
        .and_then(|frame| frame.level(level).read_any())
}

pub fn decode_with_threads(bytes: &[u8], threads: usize) -> AnyVolume {
    pool(Some(threads))
        .unwrap()
        .install(|| decode(bytes, 0, Limits::default()))
        .unwrap()
}

/// Values of a decoded field as little-endian bytes.
pub fn le_bytes(volume: &AnyVolume) -> Vec<u8> {
    let mut out = Vec::new();
    dtype_dispatch!(volume, AnyVolume(v) => Element::encode_le(v.data(), &mut out));
    out
}

/// A finite binary64 as an integer multiple of 2^-1074, with room for sums.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Fixed {
    /// Limbs, least significant first.
    limbs: [u64; 36],
}

impl Fixed {
    fn magnitude(v: f64) -> Self {
        let bits = v.to_bits();
        let exponent = (bits >> 52 & 0x7FF) as usize;
        let mantissa = bits & ((1 << 52) - 1) | u64::from(exponent > 0) << 52;
        let shift = exponent.max(1) - 1;
        let mut limbs = [0; 36];
        let wide = u128::from(mantissa) << (shift % 64);
        limbs[shift / 64] = wide as u64;
        limbs[shift / 64 + 1] = (wide >> 64) as u64;
        Self { limbs }
    }

    fn add(mut self, other: &Self) -> Self {
        let mut carry = false;
        for (a, &b) in self.limbs.iter_mut().zip(&other.limbs) {
            let (sum, c0) = a.overflowing_add(b);
            let (sum, c1) = sum.overflowing_add(u64::from(carry));
            (*a, carry) = (sum, c0 | c1);
        }
        self
    }
}

/// Whether `|x - y| <= bound` for finite numbers, in integers: no rounding anywhere.
pub fn within(x: f64, y: f64, bound: f64) -> bool {
    if bound == f64::INFINITY {
        return true;
    }
    // Sides of x - y <= bound and y - x <= bound with all terms moved where they are positive.
    let le = |x: f64, y: f64| {
        let (mut left, mut right) = (Fixed::magnitude(0.0), Fixed::magnitude(bound));
        for (term, on_left) in [(x, x >= 0.0), (-y, -y >= 0.0)] {
            let side = if on_left { &mut left } else { &mut right };
            *side = side.clone().add(&Fixed::magnitude(term));
        }
        compare_limbs(&left, &right).is_le()
    };
    le(x, y) && le(y, x)
}

fn compare_limbs(a: &Fixed, b: &Fixed) -> std::cmp::Ordering {
    a.limbs.iter().rev().cmp(b.limbs.iter().rev())
}

/// PSNR over the voxels where `ordinary` holds, in binary64 with everything scaled to the range.
pub fn psnr<E: Element>(original: &[E], decoded: &[E], ordinary: impl Fn(E) -> bool) -> f64 {
    let pairs = || {
        original
            .iter()
            .zip(decoded)
            .filter(|(x, _)| ordinary(**x))
            .map(|(x, y)| (x.to_f64(), y.to_f64()))
    };
    let min = pairs().map(|(x, _)| x).fold(f64::INFINITY, f64::min);
    let max = pairs().map(|(x, _)| x).fold(f64::NEG_INFINITY, f64::max);
    // Halves where a difference may pass the largest number; not otherwise, because half of a
    // subnormal is rounded.
    let part = if (max - min).is_finite() { 1.0 } else { 0.5 };
    let range = max * part - min * part;
    let (mut sum, mut count) = (0.0, 0.0);
    for (x, y) in pairs() {
        let error = if range > 0.0 {
            (x * part - y * part) / range
        } else {
            f64::from(x != y)
        };
        sum += error * error;
        count += 1.0;
    }
    if sum == 0.0 {
        return f64::INFINITY;
    }
    -10.0 * (sum / count).log10()
}

#[test]
fn the_exact_comparison_is_exact() {
    let tiny = f64::from_bits(1);
    assert!(within(1.0, 0.5, 0.5) && within(0.5, 1.0, 0.5));
    assert!(!within(1.0, -tiny, 1.0) && within(1.0, tiny, 1.0));
    assert!(!within(f64::MAX, -f64::MAX, f64::MAX));
    assert!(within(f64::MAX, tiny, f64::MAX) && !within(f64::MAX, -tiny, f64::MAX));
    assert!(within(0.1, 0.3, 0.2) == (0.3f64 - 0.1 <= 0.2));
}

/// A smooth field with a little noise, and holes where they are asked for.
pub fn noisy<E: Scalar>(shape: Shape, seed: u64, holes: usize) -> Vec<E> {
    let mut draw = Draw::new(seed);
    let smooth = smooth(shape, seed).into_iter();
    let noisy = smooth.map(|v| v + 0.01 * draw.unit());
    let mut values: Vec<E> = noisy.map(E::from_f64).collect();
    for at in 0..holes.min(values.len() / 2) {
        values[at * 7 % shape.len()] = E::from_f64(f64::NAN);
    }
    values
}
