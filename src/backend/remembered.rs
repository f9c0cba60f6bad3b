//! A backend that remembers what it predicted: an encoder that decodes its own frame asks for the same again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::{Backend, NetworkInput, PredictRequest, Scaling};
use crate::base::error::Result;
use crate::base::grid::Region;
use crate::network::{Head, Hierarchy, Network};
use crate::transform::Extension;

/// Values remembered at most: a quarter of a GiB of them.
const MOST_VALUES: usize = 1 << 26;
/// Edge in cells of the boxes that are looked up: small enough for a change to spoil few, large beside the surroundings that
/// predicting one anew takes.
const TILE: usize = 32;

/// Answers with what it predicted before where network, scaling and all of the input that counts are the same, bit for bit, so
/// that nobody can tell; asks another backend for the rest.
pub struct Remembered {
    backend: Arc<dyn Backend>,
    /// Whose networks it remembers: they are told apart by where they are.
    hierarchy: Arc<Hierarchy>,
    answers: Mutex<Vec<KnownPrediction>>,
}

/// A request and its answer.
struct KnownPrediction {
    asked: Asked,
    /// The box that the input holds, and its values.
    held: Region,
    field: Vec<i16>,
    region: Region,
    values: Vec<f32>,
}

/// What two requests must agree in beside their input.
#[derive(Clone, Copy, PartialEq)]
struct Asked {
    /// Number of the network.
    network: usize,
    scaling: Scaling,
    domain: [usize; 3],
    extension: [Extension; 3],
    condition: Option<i16>,
}

impl Remembered {
    /// A `backend` that remembers what it predicts with the networks of `hierarchy`.
    pub fn new(backend: Arc<dyn Backend>, hierarchy: Arc<Hierarchy>) -> Self {
        Self {
            backend,
            hierarchy,
            answers: Mutex::default(),
        }
    }

    /// Frees all that was remembered.
    pub fn forget(&self) {
        self.locked().clear();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<KnownPrediction>> {
        // A list that is only ever added to whole is right whoever panicked.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` for networks that are not of the hierarchy, and for those that predict voxels.
    fn asked(&self, request: &PredictRequest<'_>) -> Option<Asked> {
        let is_it = |network: &Network| std::ptr::eq(network, request.network);
        let input = &request.input;
        Some(Asked {
            network: self.hierarchy.networks().iter().position(is_it)?,
            scaling: request.scaling,
            domain: input.domain,
            extension: input.extension,
            condition: input.condition,
        })
        .filter(|_| request.network.arch().head == Head::Subbands)
    }

    /// Writes the tiles of a request that are known, and returns the others.
    fn recall(&self, asked: Asked, request: &PredictRequest<'_>, out: &mut [f32]) -> Vec<Region> {
        let answers = self.locked();
        let known: Vec<_> = answers.iter().filter(|p| p.asked == asked).collect();
        let is_missing = |tile: &Region| {
            let written: usize = known.iter().map(|p| p.write(*tile, request, out)).sum();
            written != tile.len()
        };
        tiles(request.region).filter(is_missing).collect()
    }

    fn remember(&self, asked: Asked, request: &PredictRequest<'_>, values: &[f32]) {
        let mut answers = self.locked();
        let held: usize = answers.iter().map(|p| p.values.len()).sum();
        if held + values.len() <= MOST_VALUES {
            answers.push(KnownPrediction {
                asked,
                held: given(&request.input),
                field: request.input.field.to_vec(),
                region: request.region,
                values: values.to_vec(),
            });
        }
    }
}

impl KnownPrediction {
    /// Writes the part of `tile` that it holds to the output of a request, if that has the same input there. How many cells.
    fn write(&self, tile: Region, request: &PredictRequest<'_>, out: &mut [f32]) -> usize {
        let part = self.region.intersection(&tile);
        if part.is_empty() || !self.has_input_of(request, part) {
            return 0;
        }
        copy_bands((&self.values, self.region), (out, request.region), part);
        part.len()
    }

    fn has_input_of(&self, request: &PredictRequest<'_>, part: Region) -> bool {
        let input = &request.input;
        let needed = NetworkInput::needed(request.network, part, input.domain, input.extension);
        let mut is_same = true;
        given(input).for_each_row(&self.held, &needed, |there, here, len| {
            is_same &= input.field[there..there + len] == self.field[here..here + len];
        });
        is_same
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remembered").field(&self.backend).finish()
    }
}

impl Backend for Remembered {
    fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn predict_checked(&self, request: &PredictRequest<'_>, out: &mut [f32]) -> Result<()> {
        let Some(asked) = self.asked(request) else {
            return self.backend.predict(request, out);
        };
        let missing = self.recall(asked, request, out);
        if 2 * missing.iter().map(Region::len).sum::<usize>() > request.region.len() {
            self.backend.predict(request, out)?;
            self.remember(asked, request, out);
            return Ok(());
        }
        for tile in missing {
            let anew = PredictRequest {
                region: tile,
                ..*request
            };
            let mut values = vec![0.0; anew.output_len()];
            self.backend.predict(&anew, &mut values)?;
            copy_bands((&values, tile), (out, request.region), tile);
        }
        Ok(())
    }
}

/// Copies `part` of every band from one prediction to another; each with its box.
fn copy_bands(
    (from, from_box): (&[f32], Region),
    (to, to_box): (&mut [f32], Region),
    part: Region,
) {
    let bands = from.chunks_exact(from_box.len());
    for (from, to) in bands.zip(to.chunks_exact_mut(to_box.len())) {
        to_box.for_each_row(&from_box, &part, |to_at, at, len| {
            to[to_at..to_at + len].copy_from_slice(&from[at..at + len]);
        });
    }
}

/// The box that an input holds.
fn given(input: &NetworkInput<'_>) -> Region {
    Region {
        start: input.origin,
        size: input.size,
    }
}

/// Cuts a box into tiles.
fn tiles(region: Region) -> impl Iterator<Item = Region> {
    let starts = move |axis: usize| (region.start[axis]..region.end(axis)).step_by(TILE);
    starts(0)
        .flat_map(move |z| starts(1).map(move |y| [z, y]))
        .flat_map(move |[z, y]| starts(2).map(move |x| [z, y, x]))
        .map(move |start| {
            let size = [0, 1, 2].map(|axis| TILE.min(region.end(axis) - start[axis]));
            Region { start, size }
        })
}

#[cfg(test)]
mod tests;
