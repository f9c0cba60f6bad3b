//! Values of a brick to bytes and back, as they are (codec `raster`, section 7).

#![deny(clippy::indexing_slicing)]

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::real::Real;
use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};
use crate::codec::raster::line::walk_brick;
use crate::codec::raster::model::{DifferenceModel, States, Symbol};
use crate::codec::raster::predict::RasterPrediction;
use crate::codec::raster::slots::{Expected, Slot, Slots};
use crate::codec::raster::tails::{TailReader, TailWriter};
use crate::codec::raster::walk::{Context, Voxel, VoxelCoder};
use crate::codec::raster::{Demand, MAX_DIFFERENCE};

/// Bytes of the length of the first stream.
const LENGTH: usize = 4;
/// Exponents below the width of slots that have a state.
const DEPTHS: usize = 24;

/// Codes the values of a brick of extents `dims` in a field of rank `rank` as they are; those that count lie in the range of
/// `slots`.
#[must_use]
pub fn encode_exact<E: Element>(
    dims: [usize; 3],
    rank: usize,
    prediction: RasterPrediction,
    slots: &Slots<E>,
    demand: Demand<'_, E>,
) -> Vec<u8> {
    let mut encoder = ExactEncoder {
        coder: RangeEncoder::default(),
        tails: TailWriter::default(),
        model: ExactModel::default(),
        slots,
        demand,
    };
    // The encoder finds no fault.
    let _ = walk_brick(dims, rank, prediction, &mut encoder);
    let coded = encoder.coder.finish();
    let length = (coded.len() as u32).to_le_bytes();
    [&length[..], &coded, &encoder.tails.finish()].concat()
}

/// Decodes what [`encode_exact`] wrote for a brick of the same extents.
///
/// # Errors
/// `Corrupt` when a stream ends early or late, and for values that the field or their type does not have.
pub fn decode_exact<E: Element>(
    dims: [usize; 3],
    rank: usize,
    prediction: RasterPrediction,
    slots: &Slots<E>,
    payload: &[u8],
) -> Result<Vec<E>> {
    let streams = payload.split_first_chunk::<LENGTH>();
    let streams = streams.and_then(|(length, streams)| {
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        streams.split_at_checked(length)
    });
    let (coded, tails) = streams.ok_or_else(|| Error::corrupt("a brick ends early"))?;
    let mut decoder = ExactDecoder {
        coder: RangeDecoder::new(coded),
        tails: TailReader::new(tails),
        model: ExactModel::default(),
        slots,
        values: Vec::with_capacity(dims.iter().product()),
        is_wrong: false,
    };
    walk_brick(dims, rank, prediction, &mut decoder)?;
    decoder.coder.check_end("a brick")?;
    decoder.tails.check_end()?;
    Ok(decoder.values)
}

/// All adaptive state of one brick.
#[derive(Debug)]
struct ExactModel {
    differences: DifferenceModel,
    /// Whether a value next to 0 is 0; by what the last voxel was.
    is_zero: [Bit; 2],
    was_zero: bool,
    depths: [Bit; DEPTHS],
}

impl Default for ExactModel {
    fn default() -> Self {
        Self {
            differences: DifferenceModel::default(),
            is_zero: [Bit::EVEN; 2],
            was_zero: false,
            depths: [Bit::EVEN; DEPTHS],
        }
    }
}

impl ExactModel {
    #[inline(always)]
    fn zero(&mut self) -> &mut Bit {
        let [other, zero] = &mut self.is_zero;
        if self.was_zero { zero } else { other }
    }
}

fn states<T>(expected: &Expected<T>, sign: usize) -> States {
    States {
        bin: expected.bin,
        rest: expected.rest,
        sign,
        raw: 0,
    }
}

struct ExactEncoder<'a, E: Element> {
    coder: RangeEncoder,
    tails: TailWriter,
    model: ExactModel,
    slots: &'a Slots<E>,
    demand: Demand<'a, E>,
}

impl<E: Element> VoxelCoder<E::Work> for ExactEncoder<'_, E> {
    type Difference = f32;

    #[inline(always)]
    fn floor(&self, west: E::Work) -> E::Work {
        self.slots.floor(west)
    }

    #[inline(always)]
    fn voxel(
        &mut self,
        at: usize,
        prediction: E::Work,
        context: Context<f32>,
    ) -> Voxel<E::Work, f32> {
        let expected = self.slots.expect(prediction, context.level);
        let is_ordinary = self
            .demand
            .ordinary
            .is_none_or(|all| all.get(at) == Some(&true));
        let value = self.demand.values.get(at).filter(|_| is_ordinary);
        let value = value
            .copied()
            .unwrap_or_else(|| self.slots.nearest(expected));
        let states = states(&expected, context.sign);
        let found = self.slots.slot(value, expected);
        let limit = i64::from(MAX_DIFFERENCE);
        match found.filter(|(difference, _)| (-limit..=limit).contains(difference)) {
            Some((difference, slot)) => {
                let model = &mut self.model.differences;
                model.encode(&mut self.coder, states, difference as i32);
                self.within(value, slot);
            }
            None => {
                let model = &mut self.model.differences;
                model.store(&mut self.coder, states, value);
            }
        }
        let place = self.slots.place(value);
        self.model.was_zero = place == E::Work::ZERO;
        voxel(place, expected)
    }

    fn row_done(&mut self) -> Result<()> {
        Ok(())
    }
}

impl<E: Element> ExactEncoder<'_, E> {
    /// Codes which value of its slot a value is.
    #[inline(always)]
    fn within(&mut self, value: E, slot: Slot) {
        match slot {
            Slot::Run { bits, .. } => self.tails.put(self.slots.bits(value), bits),
            Slot::Zero { sign, width } => self.near_zero(self.slots.bits(value) ^ sign, width),
        }
    }

    fn near_zero(&mut self, magnitude: u64, width: i32) {
        self.coder.bit(self.model.zero(), magnitude == 0);
        if magnitude == 0 {
            return;
        }
        let field = magnitude >> self.slots.mantissa();
        let depth = (width - 1 - field as i32) as usize;
        for (k, state) in self.model.depths.iter_mut().enumerate() {
            self.coder.bit(state, depth > k);
            if depth <= k {
                break;
            }
        }
        if depth >= DEPTHS {
            self.tails.put(field, self.slots.exponent_bits());
        }
        self.tails.put(magnitude, self.slots.mantissa());
    }
}

/// A voxel as contexts see it.
#[inline(always)]
fn voxel<T: Real>(place: T, expected: Expected<T>) -> Voxel<T, f32> {
    Voxel {
        place,
        difference: (place - expected.place).to_f32(),
    }
}

struct ExactDecoder<'a, E: Element> {
    coder: RangeDecoder<'a>,
    tails: TailReader<'a>,
    model: ExactModel,
    slots: &'a Slots<E>,
    values: Vec<E>,
    /// A value was found that there is not.
    is_wrong: bool,
}

impl<E: Element> VoxelCoder<E::Work> for ExactDecoder<'_, E> {
    type Difference = f32;

    #[inline(always)]
    fn floor(&self, west: E::Work) -> E::Work {
        self.slots.floor(west)
    }

    #[inline(always)]
    fn voxel(
        &mut self,
        _: usize,
        prediction: E::Work,
        context: Context<f32>,
    ) -> Voxel<E::Work, f32> {
        let expected = self.slots.expect(prediction, context.level);
        let states = states(&expected, context.sign);
        let model = &mut self.model.differences;
        let value = match model.decode::<E>(&mut self.coder, states) {
            Some(Symbol::Difference(difference)) => {
                let slot = self.slots.at(difference, expected);
                slot.and_then(|slot| self.within(slot))
            }
            Some(Symbol::Stored(bits)) => Some(E::from_bits64(bits)),
            None => None,
        };
        let Some(value) = value.filter(|value| self.slots.holds(*value)) else {
            return self.wrong(expected);
        };
        self.values.push(value);
        let place = self.slots.place(value);
        self.model.was_zero = place == E::Work::ZERO;
        voxel(place, expected)
    }

    fn row_done(&mut self) -> Result<()> {
        if self.coder.overran() || self.tails.overran() {
            return Err(Error::corrupt("a brick ends early"));
        }
        if self.is_wrong {
            return Err(Error::corrupt(
                "a value in the range of the field and of its type expected, another found",
            ));
        }
        Ok(())
    }
}

impl<E: Element> ExactDecoder<'_, E> {
    /// Takes what is expected in place of a value that there is not.
    #[cold]
    fn wrong(&mut self, expected: Expected<E::Work>) -> Voxel<E::Work, f32> {
        self.is_wrong = true;
        self.values.push(E::default());
        voxel(expected.place, expected)
    }

    /// The value of a slot; `None` for an exponent that there is not.
    #[inline(always)]
    fn within(&mut self, slot: Slot) -> Option<E> {
        let bits = match slot {
            Slot::Run { first, bits } => first | self.tails.take(bits),
            Slot::Zero { sign, width } => sign | self.near_zero(width)?,
        };
        Some(self.slots.value(bits))
    }

    /// The bits of a magnitude below a slot's width.
    fn near_zero(&mut self, width: i32) -> Option<u64> {
        if self.coder.bit(self.model.zero()) {
            return Some(0);
        }
        let depth = self.coder.unary(&mut self.model.depths);
        let field = if depth as usize == DEPTHS {
            self.tails.take(self.slots.exponent_bits())
        } else {
            u64::try_from(width - 1 - depth.cast_signed()).ok()?
        };
        Some(field << self.slots.mantissa() | self.tails.take(self.slots.mantissa()))
    }
}
