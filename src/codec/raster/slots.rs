//! Slots: the real line cut into intervals of a power of two, as wide as the values nearby are uncertain (codec `raster`,
//! section 7). Which slot a value is in, and what it is within its slot, are integers of its bits.

use crate::base::dtype::Element;
use crate::base::real::Real;
use crate::codec::raster::model::Rest;

/// Places go up to 2 to the power of this, and a little further.
const TOP: i32 = 30;
/// No slot is narrower than 2 to the power of this, in places.
const NARROWEST: i32 = -40;
/// Slots are 2 to the power of this to twice as many times narrower than the mean difference nearby.
const FINENESS: i32 = 2;
/// A scale that all working precisions have.
const MAX_SCALE: i32 = 1000;
/// Bins of slots that are as narrow as values lie apart; as many of wider ones follow as an octave is cut into.
const NARROW_BINS: usize = 24;
/// So many bits behind the digits of a value still fit a number.
const MAX_SHIFT: i32 = 10;
/// Parts of an octave, as a power of two.
const OCTAVE: u32 = 3;
/// Parts of an octave of narrow slots, as a power of two.
const NARROW_OCTAVE: u32 = 2;

/// How a field's values are kept as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slots<E: Element> {
    /// Low bits that are 0 in all values.
    unused: u32,
    /// Bits of the mantissa above these.
    mantissa: u32,
    /// What the exponent field of 1 is.
    bias: i32,
    /// Places are values times 2 to the power of this.
    scale: i32,
    least: E::Work,
    largest: E::Work,
    /// The places of these two.
    limits: [E::Work; 2],
}

/// Where a voxel is expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<T> {
    /// Its place.
    pub(super) place: T,
    /// The bin of its difference.
    pub(super) bin: usize,
    /// The slot of the place.
    slot: i64,
    /// Where the place is in it.
    pub(super) rest: Rest,
    /// The exponent field of the width of slots; from 1 on.
    width: i32,
}

/// What is known of a value by its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// It is one of two to the power of `bits` values; `first` are the bits of the first.
    Run { first: u64, bits: u32 },
    /// It is below the width of slots in magnitude; `sign` is the bit of its sign, `width` the exponent field of that width.
    Zero { sign: u64, width: i32 },
}

impl<E: Element> Slots<E> {
    /// Those of a field with that range, `unused` low bits of all values are 0; `None` when these are more than a mantissa
    /// has, and for integers, which need none.
    #[must_use]
    pub fn new(unused: u32, range: (f64, f64)) -> Option<Self> {
        if E::DTYPE.is_integer() {
            return None;
        }
        let exponent_bits = 8 * E::DTYPE.size() as u32 - 1 - E::DTYPE.mantissa_bits();
        let largest = range.0.abs().max(range.1.abs());
        let scale = (TOP - exponent(largest)).min(MAX_SCALE);
        let place = |value: f64| E::Work::from_f64(value * power(scale));
        Some(Self {
            unused,
            mantissa: E::DTYPE.mantissa_bits().checked_sub(unused)?,
            bias: (1 << (exponent_bits - 1)) - 1,
            scale,
            least: E::Work::from_f64(range.0),
            largest: E::Work::from_f64(range.1),
            limits: [place(range.0), place(range.1)],
        })
    }

    /// Low bits that are 0 in all of `values`; at most those of the mantissa.
    pub fn unused_bits(values: impl Iterator<Item = E>) -> u32 {
        let all = values.fold(0, |all, value| all | value.to_bits64());
        all.trailing_zeros().min(E::DTYPE.mantissa_bits())
    }

    /// The place of a value, which is below 2^31 in magnitude for those in the range.
    #[inline(always)]
    #[must_use]
    pub fn place(&self, value: E) -> E::Work {
        E::Work::from_f64(value.to_f64() * power(self.scale))
    }

    /// Whether a value lies in the range of the field.
    #[inline(always)]
    pub(super) fn holds(&self, value: E) -> bool {
        let value = E::Work::from_f64(value.to_f64());
        value >= self.least && value <= self.largest
    }

    /// What is added to the errors of sub-predictors beside `west`: a small part of how far values lie apart there.
    #[inline(always)]
    pub(super) fn floor(&self, west: E::Work) -> E::Work {
        let part = power(-(self.mantissa as i32) - 5);
        west.abs() * E::Work::from_f64(part) + E::Work::from_f64(power(NARROWEST))
    }

    /// Where a voxel is expected by its prediction and the mean difference nearby.
    #[inline(always)]
    pub(super) fn expect(&self, prediction: E::Work, mean: f32) -> Expected<E::Work> {
        let [least, largest] = self.limits;
        let place = if prediction < largest {
            prediction
        } else {
            largest
        };
        let place = if place > least { place } else { least };
        let apart = (exponent(place.to_f64()) - self.mantissa as i32)
            .max(NARROWEST)
            .max(1 - self.bias + self.scale);
        let bits = mean.to_bits();
        let wide = (bits >> 23) as i32 - 127 - FINENESS;
        let is_wide = wide > apart;
        let exponent = if is_wide { wide } else { apart };
        let bin = if is_wide {
            NARROW_BINS + (bits >> (23 - OCTAVE) & ((1 << OCTAVE) - 1)) as usize
        } else {
            let spread = 1.0 + 6.0 * (mean * power(-apart) as f32);
            let parts = spread.to_bits() >> (23 - NARROW_OCTAVE);
            parts as usize - (127 << NARROW_OCTAVE)
        };
        // Exact: a power of two.
        let exact = place.to_f64() * power(-exponent);
        let slot = exact as i64;
        let slot = slot - i64::from(slot as f64 > exact);
        let within = exact - slot as f64;
        let is_up = !is_wide && within >= 0.5;
        let rest = if is_wide {
            0.0
        } else {
            within - f64::from(u8::from(is_up))
        };
        Expected {
            place,
            bin,
            slot: slot + i64::from(is_up),
            rest: Rest::new(rest),
            width: exponent - self.scale + self.bias,
        }
    }

    /// The value nearest to where a voxel is expected, or next to that: in the range.
    pub(super) fn nearest(&self, expected: Expected<E::Work>) -> E {
        let value = E::from_f64(expected.place.to_f64() * power(-self.scale));
        let value = E::from_bits64(value.to_bits64() >> self.unused << self.unused);
        if self.holds(value) {
            value
        } else {
            E::from_f64(self.least.to_f64())
        }
    }

    /// How many slots a value is above the one that was expected, and what its own is; `None` where these are too many.
    #[inline(always)]
    pub(super) fn slot(&self, value: E, expected: Expected<E::Work>) -> Option<(i64, Slot)> {
        let bits = value.to_bits64() >> self.unused;
        let sign = self.sign();
        let (magnitude, negative) = (bits & (sign - 1), bits & sign);
        let field = (magnitude >> self.mantissa) as i32;
        let one = u64::from(field > 0) << self.mantissa;
        let digits = magnitude & ((1 << self.mantissa) - 1) | one;
        let shift = expected.width - field.max(1) + self.mantissa as i32;
        let number = if shift >= 0 {
            digits >> shift.min(63)
        } else if shift > -MAX_SHIFT {
            digits << -shift
        } else {
            return None;
        };
        let slot = if negative != 0 {
            -1 - number as i64
        } else {
            number as i64
        };
        let what = if number == 0 {
            let width = expected.width;
            Slot::Zero {
                sign: negative,
                width,
            }
        } else {
            let bits = shift.max(0) as u32;
            let first = (value.to_bits64() >> self.unused) >> bits << bits;
            Slot::Run { first, bits }
        };
        Some((slot - expected.slot, what))
    }

    /// The slot that is `difference` above the one that was expected; `None` where no value is.
    #[inline(always)]
    pub(super) fn at(&self, difference: i32, expected: Expected<E::Work>) -> Option<Slot> {
        let slot = expected.slot + i64::from(difference);
        let (number, sign) = if slot < 0 {
            ((-1 - slot) as u64, self.sign())
        } else {
            (slot as u64, 0)
        };
        let width = expected.width;
        if number == 0 {
            return Some(Slot::Zero { sign, width });
        }
        let length = number.ilog2() as i32;
        let field = width + length;
        let bits = self.mantissa as i32 - length;
        if field > 2 * self.bias {
            return None;
        }
        let digits = if bits >= 0 {
            number << bits
        } else {
            number >> -bits
        };
        if bits < 0 && digits << -bits != number {
            return None;
        }
        let mantissa = digits & ((1 << self.mantissa) - 1);
        let first = sign | (field as u64) << self.mantissa | mantissa;
        let bits = bits.max(0) as u32;
        Some(Slot::Run { first, bits })
    }

    /// The value with those bits above the unused ones.
    #[inline(always)]
    pub(super) fn value(&self, bits: u64) -> E {
        E::from_bits64(bits << self.unused)
    }

    /// The bits of a value above the unused ones.
    #[inline(always)]
    pub(super) fn bits(&self, value: E) -> u64 {
        value.to_bits64() >> self.unused
    }

    /// Bits of the mantissa that are used.
    pub(super) fn mantissa(&self) -> u32 {
        self.mantissa
    }

    /// Bits of an exponent field.
    pub(super) fn exponent_bits(&self) -> u32 {
        (2 * self.bias + 1).count_ones()
    }

    /// The bit of the sign.
    #[inline(always)]
    fn sign(&self) -> u64 {
        1 << (self.mantissa + self.exponent_bits())
    }
}

/// The exponent of a number by its bits; below all others that of 0 and what is next to it.
#[inline(always)]
fn exponent(value: f64) -> i32 {
    (value.to_bits() >> 52 & 0x7FF) as i32 - 1023
}

/// Two to a power from -1022 to 1023.
#[inline(always)]
fn power(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}
