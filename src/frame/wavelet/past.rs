//! What a frame takes of earlier ones, as its encoder finds it: weights by least squares on what the decoder will know, and
//! whether they pay.

use std::any::Any;
use std::sync::Arc;

use crate::base::real::Real;
use crate::container::{BandWeights, LowWeights, References, WaveletForm};
use crate::frame::wavelet::judgement::log2;
use crate::recon::{HeldBands, Past, PastWeights};

/// Coefficients of a level that are looked at, about.
const LOOK_AT: usize = 1 << 14;
/// Rounds of the fit: each weighs coefficients by what the one before left of them.
const ROUNDS: usize = 5;
/// Columns of a fit at most: a network and two references, or two references and an offset.
const COLUMNS: usize = 3;
/// Bits of a weight in the record.
const WEIGHT_BITS: f64 = 32.0;
/// Share of a level's bits that references must save, and that the network must save beside them.
const LEAST_GAIN: f64 = 1.0 / 64.0;

/// A frame of the field that is coded, as its decoders will know it.
#[derive(Clone, Debug)]
pub(crate) struct PastFrame {
    /// Its time step.
    pub(crate) step: u64,
    pub(crate) form: WaveletForm,
    /// Frames that decoding it takes before it.
    pub(crate) depth: u32,
    /// Its bands, in the working precision of the field.
    pub(crate) bands: Arc<dyn Any + Send + Sync>,
}

/// What an encoder of several frames offers to the next one of a field.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OfferedPast<'a> {
    /// The time step of the frame.
    pub(crate) step: u64,
    /// Earlier frames, the nearest last.
    pub(crate) frames: &'a [PastFrame],
    /// Whether frames that follow may be predicted from this one.
    pub(crate) keeps: bool,
}

impl OfferedPast<'_> {
    /// The frames that one of `form` may be predicted from, nearest first; `None` without any.
    pub(crate) fn bands<T: Real>(&self, form: &WaveletForm) -> Option<PastBands<T>> {
        let mut out = PastBands {
            distances: Vec::new(),
            bands: Vec::new(),
            step: None,
        };
        let mut frames: Vec<&PastFrame> = self.frames.iter().collect();
        frames.sort_by_key(|frame| std::cmp::Reverse(frame.step));
        for frame in frames {
            let kind = |form: &WaveletForm| (form.wavelet, form.periodic, form.plan, form.levels);
            let is_alike = kind(&frame.form) == kind(form);
            let distance = self.step.checked_sub(frame.step).filter(|&d| d > 0);
            let bands = Arc::clone(&frame.bands).downcast::<HeldBands<T>>();
            if let (true, Some(distance), Ok(bands)) = (is_alike, distance, bands) {
                out.distances.push(distance);
                out.bands.push(bands);
                if out.step.is_none() && frame.form.references.is_some() {
                    out.step = Some(frame.form.step * frame.form.scale / form.scale);
                }
            }
        }
        (!out.bands.is_empty()).then_some(out)
    }
}

/// The decoded frames that a frame may be predicted from.
#[derive(Clone, Debug)]
pub(crate) struct PastBands<T> {
    /// How many steps before the frame each lies, ascending.
    pub(crate) distances: Vec<u64>,
    pub(crate) bands: Vec<Arc<HeldBands<T>>>,
    /// The quantisation step of one that was itself predicted, in the unit of the frame.
    pub(crate) step: Option<f64>,
}

impl<T> PastBands<T> {
    /// The record of what a pass takes of these; `None` where it takes nothing.
    pub(crate) fn references(&self, past: &Past<T>) -> Option<References> {
        let is_used = past.low.is_some() || past.levels.iter().any(|sets| !sets.is_empty());
        let low = |(references, offset): &(Vec<f32>, f32)| LowWeights {
            references: references.clone(),
            offset: *offset,
        };
        let set = |set: &PastWeights| BandWeights {
            network: set.network,
            references: set.references.clone(),
        };
        is_used.then(|| References {
            distances: self.distances.clone(),
            low: past.low.as_ref().map(low),
            levels: (past.levels.iter())
                .map(|sets| sets.iter().map(set).collect())
                .collect(),
        })
    }
}

/// A coefficient and what may predict it, in steps.
#[derive(Clone, Copy)]
struct Sample {
    band: usize,
    value: f64,
    columns: [f64; COLUMNS],
}

/// Which columns a fit takes.
type Taken = [bool; COLUMNS];

/// What predicts a level.
pub(super) struct LevelChoice {
    pub(super) uses_network: bool,
    /// None where references say nothing, one set for all subbands, or one for each.
    pub(super) sets: Vec<PastWeights>,
}

/// A level, and what may predict it.
pub(super) struct LevelCandidates<'a, T> {
    /// The details themselves, in coding order.
    pub(super) exact: &'a [Vec<T>],
    /// What the network predicts, where there is one.
    pub(super) network: Option<&'a [Vec<T>]>,
    /// Whether that pays by itself.
    pub(super) network_pays: bool,
    /// The same bands of each reference.
    pub(super) references: Vec<&'a [Vec<T>]>,
    pub(super) inverse_step: T,
}

impl<T: Real> LevelCandidates<'_, T> {
    /// The prediction that takes fewest bits. Sums go in a fixed order, so that every encoder chooses alike.
    pub(super) fn choose(&self) -> LevelChoice {
        let bands = self.exact.len();
        let (samples, share) = self.samples();
        let without = LevelChoice {
            uses_network: self.network_pays,
            sets: Vec::new(),
        };
        if samples.is_empty() {
            return without;
        }
        let bits = |weights: &[[f64; COLUMNS]]| {
            let of = |s: &Sample| {
                let weights = weights.get(s.band).or(weights.first());
                cost(left(s, weights.unwrap_or(&[0.0; COLUMNS])))
            };
            share * samples.iter().map(of).sum::<f64>()
        };
        let network_alone = if self.network_pays { 1.0 } else { 0.0 };
        let alone = bits(&[[network_alone, 0.0, 0.0]]);
        let is_there = |place: usize| place < self.references.len();
        let past = [false, is_there(0), is_there(1)];
        let all = [self.network.is_some(), is_there(0), is_there(1)];
        // What takes the references, and bits with the weights themselves.
        let mut best: Option<(f64, Taken, Vec<[f64; COLUMNS]>)> = None;
        for mask in [past, all] {
            let factor = if mask[0] { 1.0 - LEAST_GAIN } else { 1.0 };
            if mask[0] && self.network.is_none() {
                continue;
            }
            let one = fit(&samples.iter(), mask);
            let own = |band: usize| fit(&samples.iter().filter(|s| s.band == band), mask);
            let per_band: Option<Vec<_>> = (0..bands).map(own).collect();
            for weights in [one.map(|one| vec![one]), per_band].into_iter().flatten() {
                let count = mask.iter().filter(|&&taken| taken).count() * weights.len();
                let total = bits(&weights) + WEIGHT_BITS * count as f64;
                let is_best = |best: &(f64, _, _)| total < best.0 * factor;
                if best.as_ref().is_none_or(is_best) {
                    best = Some((total, mask, weights));
                }
            }
        }
        match best {
            Some((total, mask, weights)) if total < alone * (1.0 - LEAST_GAIN) => LevelChoice {
                uses_network: mask[0],
                sets: weights.iter().map(|w| self.set(mask, w)).collect(),
            },
            _ => without,
        }
    }

    fn set(&self, mask: Taken, weights: &[f64; COLUMNS]) -> PastWeights {
        let [network, past @ ..] = weights;
        PastWeights {
            network: if mask[0] { *network as f32 } else { 1.0 },
            references: past
                .iter()
                .take(self.references.len())
                .map(|&w| w as f32)
                .collect(),
        }
    }

    /// Evenly spread coefficients, and how many each stands for.
    fn samples(&self) -> (Vec<Sample>, f64) {
        let all: usize = self.exact.iter().map(Vec::len).sum();
        let stride = stride(all);
        let steps = |v: T| (v * self.inverse_step).to_f64();
        let mut samples = Vec::with_capacity(all / stride + self.exact.len());
        for (band, exact) in self.exact.iter().enumerate() {
            for at in (0..exact.len()).step_by(stride) {
                let column = |bands: &[Vec<T>]| steps(bands[band][at]);
                let mut columns = [0.0; COLUMNS];
                columns[0] = self.network.map_or(0.0, column);
                for (out, bands) in columns[1..].iter_mut().zip(&self.references) {
                    *out = column(bands);
                }
                samples.push(Sample {
                    band,
                    value: steps(exact[at]),
                    columns,
                });
            }
        }
        samples.retain(|s| s.value.is_finite() && s.columns.iter().all(|c| c.is_finite()));
        let share = all as f64 / samples.len().max(1) as f64;
        (samples, share)
    }
}

/// Weights of the low-pass of each reference and what is added, where that pays.
pub(super) fn low_pass<T: Real>(
    exact: &[T],
    references: &[&[T]],
    inverse_step: T,
) -> Option<(Vec<f32>, f32)> {
    let steps = |v: T| (v * inverse_step).to_f64();
    let sample = |(at, &value): (usize, &T)| {
        let mut columns = [0.0, 0.0, 1.0];
        for (out, reference) in columns.iter_mut().zip(references) {
            *out = steps(reference[at]);
        }
        Sample {
            band: 0,
            value: steps(value),
            columns,
        }
    };
    let samples: Vec<Sample> = exact.iter().enumerate().map(sample).collect();
    let mask = [!references.is_empty(), references.len() > 1, true];
    let weights = fit(&samples.iter(), mask)?;
    let bits = |weights| samples.iter().map(|s| cost(left(s, weights))).sum::<f64>();
    let (with, without) = (bits(&weights), bits(&[0.0; COLUMNS]));
    let count = 1.0 + references.len() as f64;
    // Not finite for values far out of the coder's reach.
    let pays = with + WEIGHT_BITS * count < without;
    let offset = (weights[2] / inverse_step.to_f64()) as f32;
    let past = weights.iter().take(references.len());
    let past: Vec<f32> = past.map(|&w| w as f32).collect();
    (pays && offset.is_finite()).then_some((past, offset))
}

/// Not a divisor of the lengths that rows have, so that no column is left out.
fn stride(all: usize) -> usize {
    let mut stride = all.div_ceil(LOOK_AT).max(1);
    while stride > 1 && [2, 3, 5].iter().any(|p| stride.is_multiple_of(*p)) {
        stride += 1;
    }
    stride
}

fn left(sample: &Sample, weights: &[f64; COLUMNS]) -> f64 {
    let [a, b, c] = weights;
    let [x, y, z] = sample.columns;
    sample.value - (a * x + b * y + c * z)
}

/// Bits of a residual in steps, about.
fn cost(left: f64) -> f64 {
    log2(1.0 + left * left)
}

/// Weights towards the least sum of `log(1 + residual^2)`, which is what residuals cost; 0 for columns that are not taken.
/// `None` where they are not determined.
fn fit<'s>(
    samples: &(impl Iterator<Item = &'s Sample> + Clone),
    mask: Taken,
) -> Option<[f64; COLUMNS]> {
    let mut weights = [0.0; COLUMNS];
    for round in 0..ROUNDS {
        let mut normal = [[0.0; COLUMNS + 1]; COLUMNS];
        for sample in samples.clone() {
            let residual = left(sample, &weights);
            let trust = if round == 0 {
                1.0
            } else {
                1.0 / (1.0 + residual * residual)
            };
            for (row, column) in normal.iter_mut().zip(sample.columns) {
                for (sum, other) in row.iter_mut().zip(sample.columns) {
                    *sum += trust * column * other;
                }
                row[COLUMNS] += trust * column * sample.value;
            }
        }
        weights = solve(normal, mask)?;
    }
    // As they will be stored.
    let stored = weights.map(|w| f64::from(w as f32));
    stored.iter().all(|w| w.is_finite()).then_some(stored)
}

/// Solves the normal equations of the columns taken, a little towards 0.
fn solve(mut rows: [[f64; COLUMNS + 1]; COLUMNS], mask: Taken) -> Option<[f64; COLUMNS]> {
    for (i, row) in rows.iter_mut().enumerate() {
        if mask[i] {
            row[i] *= 1.0 + 1e-9;
            for (j, taken) in mask.iter().enumerate() {
                if !taken {
                    row[j] = 0.0;
                }
            }
        } else {
            *row = [0.0; COLUMNS + 1];
            row[i] = 1.0;
        }
    }
    for i in 0..COLUMNS {
        let pivot = rows[i][i];
        // Nothing there, or only what the columns before say already.
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        for j in 0..COLUMNS {
            if j == i {
                continue;
            }
            let factor = rows[j][i] / pivot;
            let pivots = rows[i];
            for (value, pivot) in rows[j].iter_mut().zip(pivots) {
                *value -= factor * pivot;
            }
        }
    }
    let mut out = [0.0; COLUMNS];
    for i in 0..COLUMNS {
        out[i] = rows[i][COLUMNS] / rows[i][i];
    }
    out.iter().all(|w| w.is_finite()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32, len: usize) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8e6 - 1.0
        };
        (0..len).map(|_| 20.0 * next()).collect()
    }

    #[test]
    fn weights_are_found_and_what_says_nothing_is_dropped() {
        let (a, b) = (vec![noise(1, 5000)], vec![noise(2, 5000)]);
        let mixed = |v: f32, w: f32| v * 1.5 - w * 0.75;
        let exact = vec![
            a[0].iter()
                .zip(&b[0])
                .map(|(&v, &w)| mixed(v, w))
                .collect::<Vec<f32>>(),
        ];
        let candidates = |exact, first, second| LevelCandidates {
            exact,
            network: None,
            network_pays: false,
            references: vec![first, second],
            inverse_step: 1.0f32,
        };
        let choice = candidates(&exact, &a[..], &b[..]).choose();
        let [set] = &choice.sets[..] else { panic!() };
        assert!((set.references[0] - 1.5).abs() < 1e-3, "{set:?}");
        assert!((set.references[1] + 0.75).abs() < 1e-3, "{set:?}");
        let unknown = vec![noise(3, 5000)];
        assert!(candidates(&unknown, &a, &b).choose().sets.is_empty());
        // One that is zero throughout determines nothing.
        let zeros = vec![vec![0.0; 5000]];
        assert!(candidates(&exact, &zeros, &zeros).choose().sets.is_empty());
        let weights = low_pass(&exact[0], &[&a[0], &b[0]], 1.0f32).unwrap();
        assert!((weights.0[0] - 1.5).abs() < 1e-3 && weights.1.abs() < 1e-2);
    }

    #[test]
    fn a_network_is_kept_only_where_it_says_more() {
        let (a, n) = (vec![noise(1, 5000)], vec![noise(2, 5000)]);
        let exact = |share: f32| {
            let values = a[0].iter().zip(&n[0]);
            vec![values.map(|(v, w)| v + share * w).collect::<Vec<f32>>()]
        };
        let choose = |exact: &[Vec<f32>]| {
            LevelCandidates {
                exact,
                network: Some(&n),
                network_pays: true,
                references: vec![&a[..]],
                inverse_step: 1.0f32,
            }
            .choose()
        };
        let both = choose(&exact(0.5));
        assert!(both.uses_network && (both.sets[0].network - 0.5).abs() < 1e-3);
        assert!(!choose(&exact(0.0)).uses_network);
    }
}
