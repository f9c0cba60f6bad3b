//! Encoding and decoding of the quantised coefficients of one brick.

use super::MAX_MAGNITUDE;
use super::model::{EXPONENTS, Model, UNARY};
use super::range::{RangeDecoder, RangeEncoder};
use super::scan::{BrickLayout, SignContext, Symbols, scan};
use crate::error::{Error, Result};

/// Codes the coefficients of all active blocks; the others must be zero.
///
/// `active` has `layout.blocks` entries, `coefficients` `layout.len()`, band after band, each at most
/// [`MAX_MAGNITUDE`] in magnitude.
#[must_use]
pub fn encode(layout: &BrickLayout, active: &[bool], coefficients: &mut [i32]) -> Vec<u8> {
    let mut encoder = Encoder {
        coder: RangeEncoder::default(),
        model: Model::default(),
    };
    scan(layout, active, coefficients, &mut encoder);
    encoder.coder.finish()
}

struct Encoder {
    coder: RangeEncoder,
    model: Model,
}

impl Symbols for Encoder {
    fn enter_block(&mut self, _: usize) {}

    #[inline(always)]
    fn code(
        &mut self,
        _: usize,
        bin: usize,
        current: i32,
        sign: impl FnOnce() -> SignContext,
    ) -> i32 {
        let magnitude = current.unsigned_abs() as usize;
        let bits = &mut self.model.magnitude[bin];
        for (k, state) in bits.iter_mut().enumerate() {
            self.coder.bit(state, magnitude > k);
            if magnitude <= k {
                break;
            }
        }
        if magnitude >= UNARY {
            self.escape(bin, (magnitude - UNARY + 1) as u32);
        }
        if magnitude > 0 {
            let SignContext { band, context } = sign();
            let state = &mut self.model.sign[band][context];
            self.coder.code(state.probability(), current < 0);
            state.adapt_sign(current < 0);
        }
        current
    }
}

impl Encoder {
    /// Elias-gamma with an adaptive exponent: `rest >= 1`.
    #[cold]
    fn escape(&mut self, bin: usize, rest: u32) {
        let exponent = rest.ilog2();
        let states = self.model.escape(bin);
        for (k, state) in (0..exponent + 1).zip(states) {
            self.coder.bit(state, k < exponent);
        }
        self.coder.raw(rest, exponent);
    }
}

/// Decodes what [`encode`] wrote into `coefficients`, which are all zero before.
///
/// # Errors
/// `Corrupt` when the bytes are not a stream of this layout.
pub fn decode(
    layout: &BrickLayout,
    active: &[bool],
    bytes: &[u8],
    coefficients: &mut [i32],
) -> Result<()> {
    let mut decoder = Decoder {
        coder: RangeDecoder::new(bytes),
        model: Model::default(),
        overflow: false,
    };
    scan(layout, active, coefficients, &mut decoder);
    if decoder.overflow {
        return Err(Error::corrupt(format!(
            "coefficient magnitudes up to {MAX_MAGNITUDE} expected, a larger one found"
        )));
    }
    if decoder.coder.overran() {
        return Err(Error::corrupt("coded coefficients end early"));
    }
    Ok(())
}

struct Decoder<'a> {
    coder: RangeDecoder<'a>,
    model: Model,
    overflow: bool,
}

impl Symbols for Decoder<'_> {
    fn enter_block(&mut self, _: usize) {}

    #[inline(always)]
    fn code(&mut self, _: usize, bin: usize, _: i32, sign: impl FnOnce() -> SignContext) -> i32 {
        let bits = &mut self.model.magnitude[bin];
        let mut magnitude = 0;
        for state in bits.iter_mut() {
            if !self.coder.bit(state) {
                break;
            }
            magnitude += 1;
        }
        if magnitude == 0 {
            return 0;
        }
        if magnitude == UNARY as i32 {
            magnitude = self.escape(bin);
        }
        let SignContext { band, context } = sign();
        let state = &mut self.model.sign[band][context];
        let negative = self.coder.decode(state.probability());
        state.adapt_sign(negative);
        if negative { -magnitude } else { magnitude }
    }
}

impl Decoder<'_> {
    #[cold]
    fn escape(&mut self, bin: usize) -> i32 {
        let mut exponent = 0;
        for state in self.model.escape(bin) {
            if !self.coder.bit(state) {
                break;
            }
            exponent += 1;
        }
        if exponent as usize == EXPONENTS {
            self.overflow = true;
            return MAX_MAGNITUDE;
        }
        let rest = 1 << exponent | self.coder.raw(exponent);
        let magnitude = rest as i32 + UNARY as i32 - 1;
        if magnitude > MAX_MAGNITUDE {
            self.overflow = true;
            return MAX_MAGNITUDE;
        }
        magnitude
    }
}
