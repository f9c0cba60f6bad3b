//! The raster form of a frame: voxels predicted from those before them, in bricks (spec section 4.3).

use crate::base::dtype::Dtype;
use crate::base::error::Result;
use crate::container::bytes::{Cursor, Encode};
use crate::container::form::{positive_real, put_real};

/// Parameters of the raster form.
#[derive(Clone, Debug, PartialEq)]
pub struct RasterForm {
    /// Edge of a brick in voxels.
    pub brick_edge: u32,
    /// What lies a step apart.
    pub steps: RasterSteps,
    /// The linear sub-predictor in 1/1024: 6 coefficients in rank 2, 16 in rank 3; none where voxels are predicted by
    /// medians.
    pub coefficients: Vec<i16>,
}

/// What the places of voxels count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RasterSteps {
    /// Values so far apart, in the field's unit.
    Even(f64),
    /// The same for binary32 values, computed in binary64: for steps that are near to what binary32 tells apart.
    Fine(f64),
    /// The values of a palette, which has so many.
    Palette(u32),
    /// Nothing: values are kept as they are. So many of their low bits are 0 in all.
    Exact(u8),
}

/// Most values of a palette.
pub const MAX_PALETTE: u32 = 1 << 22;
/// Bit of the brick edge that says that there is a palette.
const HAS_PALETTE: u8 = 1 << 7;
/// Bit of the brick edge that says that values are kept as they are.
const IS_EXACT: u8 = 1 << 6;
/// Bit of the number of coefficients that says that values are computed in binary64.
const IS_FINE: u8 = 1 << 7;

impl RasterForm {
    pub(super) fn write(&self, dtype: Dtype, out: &mut Vec<u8>) {
        let edge = self.brick_edge.ilog2().to_le_bytes()[0];
        match self.steps {
            RasterSteps::Even(step) | RasterSteps::Fine(step) => {
                out.push(edge);
                put_real(out, step, dtype);
            }
            RasterSteps::Palette(count) => {
                out.push(edge | HAS_PALETTE);
                out.put_varint(count.into());
            }
            RasterSteps::Exact(unused) => {
                out.push(edge | IS_EXACT);
                out.push(unused);
            }
        }
        let count = self.coefficients.len().to_le_bytes()[0];
        out.push(match self.steps {
            RasterSteps::Fine(_) => count | IS_FINE,
            RasterSteps::Even(_) | RasterSteps::Palette(_) | RasterSteps::Exact(_) => count,
        });
        for coefficient in &self.coefficients {
            out.put_varint(zigzag(*coefficient));
        }
    }

    pub(super) fn parse(f: &mut Cursor<'_>, dtype: Dtype) -> Result<Self> {
        let edge = f.u8("brick edge")?;
        let brick_edge = f.checked_brick_edge(edge & !(HAS_PALETTE | IS_EXACT))?;
        let steps = match edge & (HAS_PALETTE | IS_EXACT) {
            0 => RasterSteps::Even(positive_real(f, "quantisation step", dtype)?),
            HAS_PALETTE => RasterSteps::Palette(palette_size(f)?),
            IS_EXACT => RasterSteps::Exact(unused_bits(f, dtype)?),
            _ => return Err(f.corrupt("a palette or values as they are expected, not both")),
        };
        let count = f.u8("number of coefficients")?;
        let steps = match (steps, count & IS_FINE, dtype) {
            (steps, 0, _) => steps,
            (RasterSteps::Even(step), _, Dtype::F32) => RasterSteps::Fine(step),
            _ => return Err(f.corrupt("even steps of 4-byte values expected, in binary64")),
        };
        let count = count & !IS_FINE;
        if ![0, 6, 16].contains(&count) {
            return Err(f.corrupt(format!("0, 6 or 16 coefficients expected, {count} found")));
        }
        let coefficient = |f: &mut Cursor<'_>| {
            let folded = f.varint("coefficient")?;
            let folded = u16::try_from(folded).map_err(|_| {
                f.corrupt(format!("coefficient below 2^16 expected, {folded} found"))
            })?;
            Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
        };
        Ok(Self {
            brick_edge,
            steps,
            coefficients: (0..count).map(|_| coefficient(f)).collect::<Result<_>>()?,
        })
    }
}

fn palette_size(f: &mut Cursor<'_>) -> Result<u32> {
    let count = f.varint("values of the palette")?;
    let count = u32::try_from(count).ok();
    let count = count.filter(|n| (1..=MAX_PALETTE).contains(n));
    let message = format!("1 to {MAX_PALETTE} values of the palette expected");
    count.ok_or_else(|| f.corrupt(message))
}

fn unused_bits(f: &mut Cursor<'_>, dtype: Dtype) -> Result<u8> {
    let unused = f.u8("unused bits of values")?;
    if dtype.is_integer() {
        return Err(f.corrupt(format!(
            "steps or a palette of {dtype} expected, values as they are found"
        )));
    }
    let mantissa = dtype.mantissa_bits();
    if u32::from(unused) > mantissa {
        let message = format!("up to {mantissa} unused bits of values expected, {unused} found");
        return Err(f.corrupt(message));
    }
    Ok(unused)
}

/// Numbers of either sign as numbers from 0, small ones first.
fn zigzag(value: i16) -> u64 {
    u64::from((value << 1 ^ value >> 15).cast_unsigned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use crate::base::error::ErrorKind;

    #[test]
    fn steps_in_binary64_are_even_ones_of_4_byte_values() {
        for count in [0, 6, 16] {
            let form = RasterForm {
                brick_edge: 64,
                steps: RasterSteps::Fine(0.5),
                coefficients: vec![-3; count],
            };
            let mut bytes = Vec::new();
            form.write(Dtype::F32, &mut bytes);
            let parse = |bytes: &[u8], dtype| RasterForm::parse(&mut Cursor::new(bytes, 0), dtype);
            assert_eq!(parse(&bytes, Dtype::F32).unwrap(), form);
            let even = parse(&[&bytes[..5], &[0]].concat(), Dtype::F32).unwrap();
            assert_eq!(even.steps, RasterSteps::Even(0.5));
            let refused = parse(&bytes, Dtype::F16).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Corrupt);
        }
        let palette = [6 | HAS_PALETTE, 3, IS_FINE];
        let parsed = RasterForm::parse(&mut Cursor::new(&palette, 0), Dtype::F32);
        assert_eq!(parsed.unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
