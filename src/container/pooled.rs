//! The pooled form of a frame: mean-pooled boxes in a representative volume (spec section 4.3).

use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::container::bytes::Cursor;
use crate::container::form::{
    MAX_LEVELS, NetworkUse, gains, positive_real, put_gains, put_real, real,
};

/// Parameters of the pooled form.
#[derive(Clone, Debug, PartialEq)]
pub struct PooledForm {
    /// Coarsest level a leaf may have, where the upscaling starts.
    pub levels: u8,
    /// Finest level of a leaf: that of the representative volume.
    pub finest: u8,
    /// How levels without a network are upscaled.
    pub interpolation: Interpolation,
    /// How the representative volume is coded.
    pub payload: PooledPayload,
    /// Largest error of the representative volume in the normalised unit.
    pub epsilon: f64,
    /// Normalised value 0 in the field's unit.
    pub offset: f64,
    /// Normalised value 1, above the offset, in the field's unit.
    pub scale: f64,
    /// The networks that upscale, if any.
    pub network: Option<NetworkUse>,
}

/// Interpolation from one level to the next finer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// Linear along every axis.
    #[default]
    Linear,
    /// Catmull-Rom along every axis.
    Cubic,
}

/// Codec of a representative volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PooledPayload {
    /// Integers of `2 epsilon`, codec `quantised`.
    Quantised,
    /// SZ3, in a program of its own.
    Sz3,
}

impl PooledForm {
    pub(super) fn write(&self, dtype: Dtype, out: &mut Vec<u8>) {
        out.push(self.levels);
        out.push(self.finest);
        out.push(match self.interpolation {
            Interpolation::Linear => 0,
            Interpolation::Cubic => 1,
        });
        out.push(match self.payload {
            PooledPayload::Quantised => 0,
            PooledPayload::Sz3 => 1,
        });
        for value in [self.epsilon, self.offset, self.scale] {
            put_real(out, value, dtype);
        }
        put_gains(out, self.network.as_ref());
    }

    pub(super) fn parse(f: &mut Cursor<'_>, dtype: Dtype) -> Result<Self> {
        let levels = f.u8("level count")?;
        if levels > MAX_LEVELS {
            return Err(f.corrupt(format!(
                "up to {MAX_LEVELS} levels expected, {levels} found"
            )));
        }
        let finest = f.u8("finest level")?;
        if finest > levels {
            return Err(f.corrupt(format!(
                "finest level up to {levels} expected, {finest} found"
            )));
        }
        let interpolation = match f.u8("interpolation")? {
            0 => Interpolation::Linear,
            1 => Interpolation::Cubic,
            other => return Err(unknown(f, "interpolation", other)),
        };
        let payload = match f.u8("payload codec")? {
            0 => PooledPayload::Quantised,
            1 => PooledPayload::Sz3,
            other => return Err(unknown(f, "payload codec", other)),
        };
        let epsilon = positive_real(f, "epsilon", dtype)?;
        let offset = real(f, "offset", dtype)?;
        let scale = positive_real(f, "scale", dtype)?;
        Ok(Self {
            levels,
            finest,
            interpolation,
            payload,
            epsilon,
            offset,
            scale,
            network: gains(f, levels)?,
        })
    }
}

fn unknown(f: &Cursor<'_>, what: &str, found: u8) -> Error {
    Error::unsupported(format!("unknown {what} {found}")).at(f.offset())
}
