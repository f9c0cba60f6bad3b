//! Encoding and decoding of the quantised coefficients of one brick.

use crate::base::error::{Error, Result};
use crate::codec::ctx::MAX_MAGNITUDE;
use crate::codec::ctx::contexts::{EXPONENTS, UNARY, cell, raw_bits};
use crate::codec::ctx::model::BrickModel;
use crate::codec::ctx::range::{RangeDecoder, RangeEncoder};
use crate::codec::ctx::scan::{GridLayout, SignContext, Symbols, scan};

/// Codes the grids of one brick, one after the other, with one adaptive state.
#[derive(Debug, Default)]
pub struct BrickEncoder {
    coder: RangeEncoder,
    model: BrickModel,
}

impl BrickEncoder {
    /// Codes the coefficients of all active blocks of a grid; the others must be zero.
    ///
    /// `active` has `layout.block_count()` entries, `coefficients` `layout.len()`, band after band,
    /// each at most [`MAX_MAGNITUDE`] in magnitude.
    pub fn grid(&mut self, layout: &GridLayout, active: &[bool], coefficients: &mut [i32]) {
        scan(layout, active, coefficients, self);
    }

    /// The coded bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.coder.finish()
    }

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

impl Symbols for BrickEncoder {
    fn enter_block(&mut self, _: usize) {}

    #[inline(always)]
    fn code(
        &mut self,
        _: usize,
        bin: usize,
        current: i32,
        sign: impl FnOnce() -> SignContext,
    ) -> i32 {
        let magnitude = current.unsigned_abs();
        let raw_bits = raw_bits(bin);
        let cell = cell(magnitude, raw_bits) as usize;
        let bits = &mut self.model.magnitude[bin];
        for (k, state) in bits.iter_mut().enumerate() {
            self.coder.bit(state, cell > k);
            if cell <= k {
                break;
            }
        }
        if cell >= UNARY {
            self.escape(bin, (cell - UNARY + 1) as u32);
        }
        if magnitude > 0 {
            self.coder.raw(magnitude - 1, raw_bits);
            let SignContext { band, context } = sign();
            let state = &mut self.model.sign[band][context];
            self.coder.code(state.probability(), current < 0);
            state.adapt_sign(current < 0);
        }
        current
    }
}

/// Decodes what [`BrickEncoder`] wrote, grid by grid.
#[derive(Debug)]
pub struct BrickDecoder<'a> {
    coder: RangeDecoder<'a>,
    model: BrickModel,
    overflow: bool,
}

impl<'a> BrickDecoder<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            coder: RangeDecoder::new(bytes),
            model: BrickModel::default(),
            overflow: false,
        }
    }

    /// Decodes the active blocks of a grid into `coefficients`, which are all zero before.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not a stream of this layout.
    pub fn grid(
        &mut self,
        layout: &GridLayout,
        active: &[bool],
        coefficients: &mut [i32],
    ) -> Result<()> {
        scan(layout, active, coefficients, self);
        if self.overflow {
            return Err(Error::corrupt(format!(
                "coefficient magnitudes up to {MAX_MAGNITUDE} expected, a larger one found"
            )));
        }
        if self.coder.overran() {
            return Err(Error::corrupt("coded coefficients end early"));
        }
        Ok(())
    }

    /// A cell from [`UNARY`] on.
    #[cold]
    fn escape(&mut self, bin: usize) -> u32 {
        let exponent = self.coder.unary(self.model.escape(bin));
        if exponent as usize == EXPONENTS {
            self.overflow = true;
            return UNARY as u32;
        }
        let rest = 1 << exponent | self.coder.raw(exponent);
        UNARY as u32 - 1 + rest
    }
}

impl Symbols for BrickDecoder<'_> {
    fn enter_block(&mut self, _: usize) {}

    #[inline(always)]
    fn code(&mut self, _: usize, bin: usize, _: i32, sign: impl FnOnce() -> SignContext) -> i32 {
        let bits = &mut self.model.magnitude[bin];
        let mut cell = self.coder.unary(bits);
        if cell == 0 {
            return 0;
        }
        if cell == UNARY as u32 {
            cell = self.escape(bin);
        }
        let raw_bits = raw_bits(bin);
        // Below 2^31: exponents end at 23, raw bits at 6.
        let magnitude = ((cell - 1) << raw_bits | self.coder.raw(raw_bits)) as i32 + 1;
        if magnitude > MAX_MAGNITUDE {
            self.overflow = true;
            return MAX_MAGNITUDE;
        }
        let SignContext { band, context } = sign();
        let state = &mut self.model.sign[band][context];
        let negative = self.coder.decode_even(state.probability());
        state.adapt_sign(negative);
        if negative { -magnitude } else { magnitude }
    }
}
