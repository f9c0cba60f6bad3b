//! One walk for both directions: the side channels describe their symbols once, and a [`BitCoder`]
//! either writes the bits it is given or reads them.

use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};

/// Writes bits, or reads them.
pub(super) trait BitCoder {
    /// Whether the bits given count; a reader ignores them.
    const WRITES: bool;

    /// Codes one adaptive bit and returns it.
    fn bit(&mut self, state: &mut Bit, bit: bool) -> bool;

    /// Codes the `count` low bits of `value` at even odds and returns them; `count` up to 32.
    fn raw(&mut self, value: u32, count: u32) -> u32;

    /// Whether a reader is past the end of its bytes.
    fn overran(&self) -> bool;
}

impl BitCoder for RangeEncoder {
    const WRITES: bool = true;

    #[inline(always)]
    fn bit(&mut self, state: &mut Bit, bit: bool) -> bool {
        self.bit(state, bit);
        bit
    }

    fn raw(&mut self, value: u32, count: u32) -> u32 {
        self.raw(value, count);
        value
    }

    fn overran(&self) -> bool {
        false
    }
}

impl BitCoder for RangeDecoder<'_> {
    const WRITES: bool = false;

    #[inline(always)]
    fn bit(&mut self, state: &mut Bit, _: bool) -> bool {
        self.bit(state)
    }

    fn raw(&mut self, _: u32, count: u32) -> u32 {
        self.raw(count)
    }

    fn overran(&self) -> bool {
        self.overran()
    }
}
