//! Earlier frames of the same field that a frame is predicted from, in its record (spec section 4.3).

use crate::base::error::Result;
use crate::container::bytes::{Cursor, Encode};
use crate::container::form::NetworkUse;

/// References that a frame has at most.
pub const MAX_REFERENCES: usize = 2;
/// Sets of weights that a level has at most: one for each of its subbands.
const MAX_SETS: u8 = 7;

/// How a frame is predicted from earlier frames of its field.
#[derive(Clone, Debug, PartialEq)]
pub struct References {
    /// How many time steps before the frame each reference lies: one or two, from 1 on, ascending.
    pub distances: Vec<u64>,
    /// The low-pass of the coarsest level; `None` where it is not predicted.
    pub low: Option<LowWeights>,
    /// Details by level, finest first: no weights where references say nothing, one set for all subbands of the level, or
    /// one for each.
    pub levels: Vec<Vec<BandWeights>>,
}

/// What the low-pass of the coarsest level is predicted with.
#[derive(Clone, Debug, PartialEq)]
pub struct LowWeights {
    /// Of the low-pass of each reference.
    pub references: Vec<f32>,
    /// Added to them, in the normalised unit.
    pub offset: f32,
}

/// What subbands are predicted with.
#[derive(Clone, Debug, PartialEq)]
pub struct BandWeights {
    /// Of what the network predicts; 1 where none is used.
    pub network: f32,
    /// Of the same subband of each reference.
    pub references: Vec<f32>,
}

impl References {
    /// Appends what [`References::parse`] reads. `network` is that of the frame.
    pub(super) fn write(&self, network: Option<&NetworkUse>, out: &mut Vec<u8>) {
        out.push(self.distances.len().to_le_bytes()[0]);
        for &distance in &self.distances {
            out.put_varint(distance);
        }
        let put = |out: &mut Vec<u8>, weights: &[f32]| {
            for weight in weights {
                out.extend(weight.to_le_bytes());
            }
        };
        out.push(u8::from(self.low.is_some()));
        if let Some(low) = &self.low {
            put(out, &low.references);
            put(out, &[low.offset]);
        }
        for (level, sets) in self.levels.iter().enumerate() {
            out.push(sets.len().to_le_bytes()[0]);
            for set in sets {
                if has_network(network, level) {
                    put(out, &[set.network]);
                }
                put(out, &set.references);
            }
        }
    }

    /// Reads the references of a frame of `levels` levels and its networks.
    pub(super) fn parse(
        f: &mut Cursor<'_>,
        levels: u8,
        network: Option<&NetworkUse>,
    ) -> Result<Self> {
        let count = usize::from(f.u8("reference count")?);
        if !(1..=MAX_REFERENCES).contains(&count) {
            return Err(f.corrupt(format!("1 or 2 references expected, {count} found")));
        }
        let mut distances: Vec<u64> = Vec::with_capacity(count);
        for _ in 0..count {
            let distance = f.varint("distance of a reference")?;
            let before = distances.last().copied().unwrap_or(0);
            if distance <= before {
                return Err(f.corrupt(format!(
                    "distance above {before} expected, {distance} found"
                )));
            }
            distances.push(distance);
        }
        let weights = |f: &mut Cursor<'_>| (0..count).map(|_| weight(f)).collect::<Result<_>>();
        let low = match f.u8("weights of the low-pass")? {
            0 => None,
            1 => Some(LowWeights {
                references: weights(f)?,
                offset: weight(f)?,
            }),
            other => {
                return Err(f.corrupt(format!("0 or 1 sets of weights expected, {other} found")));
            }
        };
        let mut sets = Vec::with_capacity(levels.into());
        for level in 0..usize::from(levels) {
            let count = f.u8("sets of weights")?;
            if count > MAX_SETS {
                return Err(f.corrupt(format!(
                    "up to {MAX_SETS} sets of weights expected, {count} found"
                )));
            }
            let set = |_| {
                Ok(BandWeights {
                    network: if has_network(network, level) {
                        weight(f)?
                    } else {
                        1.0
                    },
                    references: weights(f)?,
                })
            };
            sets.push((0..count).map(set).collect::<Result<_>>()?);
        }
        Ok(Self {
            distances,
            low,
            levels: sets,
        })
    }
}

fn weight(f: &mut Cursor<'_>) -> Result<f32> {
    match f.f32("weight")? {
        weight if weight.is_finite() => Ok(weight),
        weight => Err(f.corrupt(format!("finite weight expected, {weight} found"))),
    }
}

fn has_network(network: Option<&NetworkUse>, level: usize) -> bool {
    let gain = network.and_then(|network| network.gains.get(level));
    gain.is_some_and(|&gain| gain != 0.0)
}
