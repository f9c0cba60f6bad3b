//! Code lengths in 1/256 bit, computed in integers so that every encoder decides alike.

/// One bit.
pub(super) const BIT: u32 = 256;

/// `-256 log2(p)` for `p = (i + 1/2) / 4096`, rounded down.
static COST: [u16; 4096] = costs();

/// Cost of coding `bit` when a one has probability `p / 65536`.
#[inline(always)]
pub(super) fn cost(p: u32, bit: bool) -> u32 {
    let p = if bit { p } else { 65536 - p };
    u32::from(COST[(p >> 4) as usize & 4095])
}

const fn costs() -> [u16; 4096] {
    let mut table = [0; 4096];
    let mut i = 0;
    while i < 4096 {
        // log2 of x = 2 i + 1 in 13 bits, by repeated squaring: eight fraction bits.
        let x = 2 * i as u64 + 1;
        let whole = x.ilog2();
        let mut mantissa = x << (32 - whole);
        let mut log = whole;
        let mut k = 0;
        while k < 8 {
            mantissa = ((mantissa as u128 * mantissa as u128) >> 32) as u64;
            log <<= 1;
            if mantissa >= 2 << 32 {
                mantissa >>= 1;
                log += 1;
            }
            k += 1;
        }
        table[i] = (13 * 256 - log) as u16;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_code_lengths() {
        for p in [16, 100, 5000, 32768, 65000, 65510] {
            let exact = -256.0 * (f64::from(p >> 4 << 4 | 8) / 65536.0).log2();
            assert!((f64::from(cost(p, true)) - exact).abs() <= 1.0, "{p}");
        }
        assert_eq!(cost(1000, false), cost(64536, true));
    }
}
