//! Details predicted from those of earlier frames (spec section 6.10).
//!
//! What is taken of an earlier frame are the bands that its own level loop added up, before corrections and mask: so a
//! level takes the same level of the references alone, and a box the same box.

use std::sync::Arc;

use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::base::real::Real;
use crate::recon::levels::{LevelLoop, Synthesis};
use crate::recon::predict::LevelPart;
use crate::recon::window::LevelWindow;
use crate::transform::{LevelPlan, Plan};

/// Values predicted by one task.
const TASK_VALUES: usize = 1 << 16;

/// The cells of each level of which the bands of a frame are known or asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BandBoxes {
    /// The finest of the levels.
    pub target: usize,
    /// Box of the low-pass of the coarsest level.
    pub low: Region,
    /// Cells by level, from `target` on.
    pub cells: Vec<Region>,
}

impl BandBoxes {
    /// All of them, from level `target` on.
    #[must_use]
    pub fn whole(plan: &Plan, target: usize) -> Self {
        let levels = plan.levels().iter().skip(target);
        Self {
            target,
            low: plan.coarsest().region(),
            cells: levels.map(|level| level.coarse.region()).collect(),
        }
    }

    /// Those that a loop works on.
    #[must_use]
    pub fn of(level_loop: &LevelLoop<'_>) -> Self {
        let windows = level_loop.windows().iter();
        Self {
            target: level_loop.target(),
            low: level_loop.low_pass_box(),
            cells: windows.map(|window| window.cells).collect(),
        }
    }

    /// The cells of a level, where they are among these.
    #[must_use]
    pub fn of_level(&self, level: usize) -> Option<Region> {
        self.cells.get(level.checked_sub(self.target)?).copied()
    }

    /// The smallest boxes that hold both these and `other`, of the same levels.
    #[must_use]
    pub fn hull(mut self, other: &Self) -> Self {
        self.low = self.low.hull(&other.low);
        for (own, other) in self.cells.iter_mut().zip(&other.cells) {
            *own = own.hull(other);
        }
        self
    }

    /// Whether all of `other` is among these.
    #[must_use]
    pub fn contain(&self, other: &Self) -> bool {
        let has = |(level, cells): (usize, &Region)| {
            self.of_level(other.target + level)
                .is_some_and(|own| own.contains(cells))
        };
        self.low.contains(&other.low) && other.cells.iter().enumerate().all(has)
    }
}

/// The decoded bands of a frame, over some cells of each level.
#[derive(Clone, Debug)]
pub struct HeldBands<T> {
    /// Which cells.
    pub boxes: BandBoxes,
    /// Low-pass of the coarsest level.
    pub low: Vec<T>,
    /// Details by level from the finest of `boxes` on, in coding order.
    pub details: Vec<Vec<Vec<T>>>,
}

impl<T: Real> HeldBands<T> {
    /// Zeros, to be filled by a level loop over these boxes.
    #[must_use]
    pub fn zeros(plan: &Plan, boxes: BandBoxes) -> Self {
        let levels = plan.levels().iter().skip(boxes.target).zip(&boxes.cells);
        let band = |level: &LevelPlan, cells: &Region| {
            let bands = level.details.iter();
            bands
                .map(|&code| vec![T::ZERO; level.band_region(code, *cells).len()])
                .collect()
        };
        let details = levels.map(|(level, cells)| band(level, cells)).collect();
        Self {
            low: Vec::new(),
            details,
            boxes,
        }
    }

    /// Takes the decoded details of some cells of a level.
    pub(super) fn keep(&mut self, part: &LevelPart<'_, T>, decoded: &[Vec<T>]) {
        let Some(cells) = self.boxes.of_level(part.index) else {
            return;
        };
        let own = &mut self.details[part.index - self.boxes.target];
        let bands = own.par_iter_mut().zip(decoded).zip(&part.level.details);
        bands.for_each(|((own, decoded), &code)| {
            let has = part.level.band_region(code, cells);
            let new = part.level.band_region(code, part.cells);
            has.for_each_row(&new, &new, |to, from, len| {
                own[to..to + len].copy_from_slice(&decoded[from..from + len]);
            });
        });
    }

    fn level(&self, index: usize) -> Option<(Region, &[Vec<T>])> {
        let cells = self.boxes.of_level(index)?;
        Some((cells, self.details.get(index - self.boxes.target)?))
    }
}

/// Weights of one subband: of the network's prediction, and of each reference.
#[derive(Clone, Debug, PartialEq)]
pub struct PastWeights {
    /// Of the network's prediction, where there is one.
    pub network: f32,
    /// Of the references.
    pub references: Vec<f32>,
}

/// What a frame is predicted from beside networks.
#[derive(Clone, Debug)]
pub struct Past<T> {
    /// The references, nearest first.
    pub references: Vec<Arc<HeldBands<T>>>,
    /// Weights of the low-pass and what is added to it, where it is predicted.
    pub low: Option<(Vec<f32>, f32)>,
    /// By level, finest first: none, one set of weights, or one for each subband.
    pub levels: Vec<Vec<PastWeights>>,
}

impl<T: Real> Past<T> {
    /// The predicted low-pass over `cells`; `None` where it is not predicted.
    ///
    /// # Errors
    /// `Corrupt` where a reference does not hold the cells.
    pub fn low_pass(&self, cells: Region) -> Result<Option<Vec<T>>> {
        let Some((weights, offset)) = &self.low else {
            return Ok(None);
        };
        let mut out = Vec::new();
        for (reference, &weight) in self.references.iter().zip(weights) {
            let has = reference.boxes.low;
            add(&mut out, &reference.low, has, cells, weight)?;
        }
        let offset = T::from_f32(*offset);
        out.iter_mut().for_each(|v| *v += offset);
        Ok(Some(out))
    }

    /// The predicted details over the cells of `part`: what the network says of them, `network`, and what the references
    /// do.
    ///
    /// # Errors
    /// `Corrupt` for weights of another number of subbands, or where a reference does not hold the cells.
    pub fn details(
        &self,
        part: &LevelPart<'_, T>,
        network: Option<Vec<Vec<T>>>,
    ) -> Result<Option<Vec<Vec<T>>>> {
        let (level, bands) = (part.level, part.level.details.len());
        let sets = match self.levels.get(part.index) {
            None => return Ok(network),
            Some(sets) if sets.is_empty() => return Ok(network),
            Some(sets) => sets,
        };
        if sets.len() != 1 && sets.len() != bands {
            return Err(Error::corrupt(format!(
                "1 or {bands} sets of weights expected at level {}, {} found",
                part.index,
                sets.len()
            )));
        }
        let mut predicted = network.unwrap_or_else(|| vec![Vec::new(); bands]);
        let all = predicted.par_iter_mut().enumerate();
        all.try_for_each(|(band, out)| -> Result<()> {
            let set = &sets[if sets.len() == 1 { 0 } else { band }];
            let factor = T::from_f32(set.network);
            out.par_chunks_mut(TASK_VALUES)
                .for_each(|run| run.iter_mut().for_each(|v| *v = *v * factor));
            let code = level.details[band];
            let wants = level.band_region(code, part.cells);
            for (reference, &weight) in self.references.iter().zip(&set.references) {
                let (cells, bands) = reference.level(part.index).ok_or_else(not_held)?;
                let has = level.band_region(code, cells);
                add(out, &bands[band], has, wants, weight)?;
            }
            Ok(())
        })?;
        Ok(Some(predicted))
    }
}

/// Adds `weight` times the box `wants` of `values`, which are those of the box `has`, to `out`, or begins it with them.
fn add<T: Real>(
    out: &mut Vec<T>,
    values: &[T],
    has: Region,
    wants: Region,
    weight: f32,
) -> Result<()> {
    if !has.contains(&wants) || values.len() != has.len() {
        return Err(not_held());
    }
    let weight = T::from_f32(weight);
    let begins = out.is_empty();
    if begins {
        out.resize(wants.len(), T::ZERO);
    }
    let run = |out: &mut [T], values: &[T]| {
        let pairs = out.iter_mut().zip(values);
        if begins {
            pairs.for_each(|(v, &r)| *v = r * weight);
        } else {
            pairs.for_each(|(v, &r)| *v += r * weight);
        }
    };
    if has == wants {
        let runs = out.par_chunks_mut(TASK_VALUES);
        runs.zip(values.par_chunks(TASK_VALUES))
            .for_each(|(out, values)| run(out, values));
    } else {
        has.for_each_row(&wants, &wants, |from, to, len| {
            run(&mut out[to..to + len], &values[from..from + len]);
        });
    }
    Ok(())
}

fn not_held() -> Error {
    Error::corrupt("a reference lacks some of the bands that a frame is predicted from")
}

impl<'a> Synthesis<'a> {
    /// The loop that makes the bands over at least `boxes`, and no grid of the finest of their levels.
    ///
    /// # Errors
    /// `Corrupt` when a level's network is missing.
    pub fn band_loop(self, boxes: &BandBoxes) -> Result<LevelLoop<'a>> {
        let mut windows: Vec<LevelWindow> = Vec::new();
        for (index, level) in self.plan.levels().iter().enumerate().skip(boxes.target) {
            let wanted = boxes.of_level(index);
            let (cells, fine) = match (windows.last(), wanted) {
                (None, Some(wanted)) => (wanted, level.fine_of(wanted)),
                (None, None) => return Err(Error::corrupt("no level asked for")),
                (Some(finer), wanted) => {
                    let cells = level.cells(finer.low);
                    (wanted.map_or(cells, |w| cells.hull(&w)), finer.low)
                }
            };
            let mut low = self.low_pass_box(index, cells)?;
            if index + 1 == self.plan.levels().len() {
                low = low.hull(&boxes.low);
            }
            windows.push(LevelWindow { fine, cells, low });
        }
        Ok(LevelLoop::new(self, boxes.target, boxes.low, windows))
    }
}
