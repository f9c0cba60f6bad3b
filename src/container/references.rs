//! Earlier frames of the same field that a frame is predicted from (spec section 4.3), and which frames those may be.

use std::collections::HashMap;

use crate::base::error::Result;
use crate::base::grid::Axes;
use crate::container::bytes::{Cursor, Encode};
use crate::container::form::NetworkUse;
use crate::container::{Form, Frame, WaveletForm};

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

/// What frames must have in common for one to be predicted from the other, beside field and domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    wavelet: u8,
    periodic: Axes,
    levels: u8,
}

impl Kind {
    fn of(form: &WaveletForm) -> Self {
        Self {
            wavelet: form.wavelet,
            periodic: form.periodic,
            levels: form.levels,
        }
    }
}

/// A frame that others may be predicted from.
#[derive(Clone, Copy, Debug)]
struct Candidate<K> {
    kind: Kind,
    step: u64,
    key: K,
}

/// The frames of each field that the next one may be predicted from: the last two of the wavelet form, and none before the
/// last that has no references. `K` is what a frame is known by.
#[derive(Debug)]
pub struct ReferenceFrames<K> {
    fields: HashMap<u64, Vec<Candidate<K>>>,
}

impl<K> Default for ReferenceFrames<K> {
    fn default() -> Self {
        Self {
            fields: HashMap::new(),
        }
    }
}

impl<K: Copy> ReferenceFrames<K> {
    /// The references of the next frame of the file, nearest first; `None` where one is not there, or is of another kind.
    #[must_use]
    pub fn of(&self, frame: &Frame) -> Option<Vec<K>> {
        let Some((form, references)) = predicted(frame) else {
            return Some(Vec::new());
        };
        if frame.slab.is_some() {
            return None;
        }
        let known = self.fields.get(&frame.field)?;
        let find = |distance: &u64| {
            let step = frame.step.checked_sub(*distance)?;
            let is_it = |c: &&Candidate<K>| c.step == step && c.kind == Kind::of(form);
            known.iter().find(is_it).map(|c| c.key)
        };
        references.distances.iter().map(find).collect()
    }

    /// Adds the next frame of the file, known by `key`. Slabs, and frames of other forms, are no references.
    pub fn add(&mut self, frame: &Frame, key: K) {
        let Form::Wavelet(form) = &frame.form else {
            return;
        };
        if frame.slab.is_some() {
            return;
        }
        let known = self.fields.entry(frame.field).or_default();
        if form.references.is_none() {
            known.clear();
        } else if known.len() == MAX_REFERENCES {
            known.remove(0);
        }
        known.push(Candidate {
            kind: Kind::of(form),
            step: frame.step,
            key,
        });
    }
}

/// The form and the references of a frame that has any.
fn predicted(frame: &Frame) -> Option<(&WaveletForm, &References)> {
    match &frame.form {
        Form::Wavelet(form) => form.references.as_ref().map(|r| (form, r)),
        Form::Constant | Form::Lossless | Form::Pooled(_) | Form::Raster(_) => None,
    }
}

impl Frame {
    /// The earlier frames that this one is predicted from, if it is.
    #[must_use]
    pub fn references(&self) -> Option<&References> {
        predicted(self).map(|(_, references)| references)
    }
}
