//! What the forms of a frame share in its record: networks with their gains, numbers in the working precision
//! (spec section 4.3).

use crate::base::dtype::Dtype;
use crate::base::error::Result;
use crate::container::bytes::Cursor;

/// Most levels of a frame.
pub const MAX_LEVELS: u8 = 15;

/// How a frame uses the file's weight set.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkUse {
    /// Gain per level, finest first; 0 where the network is not used.
    pub gains: Vec<f32>,
}

/// The gains at the end of a form with `levels` levels.
pub(super) fn gains(f: &mut Cursor<'_>, levels: u8) -> Result<Option<NetworkUse>> {
    let gains = f.u8("gain count")?;
    if gains > levels {
        return Err(f.corrupt(format!("up to {levels} gains expected, {gains} found")));
    }
    let gains: Vec<f32> = (0..gains)
        .map(|_| match f.f32("gain")? {
            gain if gain.is_finite() && gain >= 0.0 => Ok(gain),
            gain => Err(f.corrupt(format!("finite gain from 0 expected, {gain} found"))),
        })
        .collect::<Result<_>>()?;
    Ok((!gains.is_empty()).then_some(NetworkUse { gains }))
}

/// Appends what [`gains`] reads.
pub(super) fn put_gains(out: &mut Vec<u8>, network: Option<&NetworkUse>) {
    let gains = network.map_or(&[][..], |network| &network.gains);
    out.push(gains.len().to_le_bytes()[0]);
    for gain in gains {
        out.extend(gain.to_le_bytes());
    }
}

/// Appends what [`real`] reads.
pub(super) fn put_real(out: &mut Vec<u8>, value: f64, dtype: Dtype) {
    if dtype.working() == Dtype::F64 {
        out.extend(value.to_le_bytes());
    } else {
        #[allow(clippy::cast_possible_truncation)] // exact: it was a binary32
        out.extend((value as f32).to_le_bytes());
    }
}

/// A finite number in the working precision.
pub(super) fn real(f: &mut Cursor<'_>, what: &str, dtype: Dtype) -> Result<f64> {
    let value = if dtype.working() == Dtype::F64 {
        f.f64(what)?
    } else {
        f64::from(f.f32(what)?)
    };
    if value.is_finite() {
        Ok(value)
    } else {
        Err(f.corrupt(format!("finite {what} expected, {value} found")))
    }
}

/// A finite number above 0 in the working precision.
pub(super) fn positive_real(f: &mut Cursor<'_>, what: &str, dtype: Dtype) -> Result<f64> {
    match real(f, what, dtype)? {
        value if value > 0.0 => Ok(value),
        value => Err(f.corrupt(format!("positive {what} expected, {value} found"))),
    }
}

impl Cursor<'_> {
    /// The edge of a brick, which is stored as a power of two.
    pub(super) fn brick_edge(&mut self) -> Result<u32> {
        let edge = self.u8("brick edge")?;
        self.checked_brick_edge(edge)
    }

    /// The same of a power that was read.
    pub(super) fn checked_brick_edge(&self, edge: u8) -> Result<u32> {
        if !(6..=31).contains(&edge) {
            return Err(self.corrupt(format!(
                "brick edge of 2^6 to 2^31 expected, 2^{edge} found"
            )));
        }
        Ok(1 << edge)
    }
}
