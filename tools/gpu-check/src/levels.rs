//! Whole levels on random values, and the comparison with the CPU: prediction, residuals and wavelet.

use std::time::Instant;

use srt::backend::cpu::Cpu;
use srt::backend::cuda::Cuda;
use srt::backend::device::{LevelJob, LevelPrediction, LowPass, Piece};
use srt::backend::{Backend, Scaling, quantise_input};
use srt::base::real::Real;
use srt::network::{Architecture, Head, Network, Transform};
use srt::transform::{Bands, Dequantiser, LevelPlan, Plan, SubbandCode, Wavelet, forward, inverse};
use srt::{Axes, Region, Result, Shape};

use crate::cases::{Random, paper_architecture, random_network};

/// Odd, even, thin and flat grids.
const SHAPES: [&[usize]; 7] = [
    &[8, 8, 8],
    &[9, 10, 11],
    &[5, 13, 8],
    &[17, 3, 9],
    &[4, 6, 23],
    &[15, 32],
    &[33, 8],
];
/// Quantisation step and shrinkage, with full mantissas.
const DEQUANTISER: Dequantiser<f64> = Dequantiser {
    step: 0.037,
    shrink: 0.08,
};
const MULTIPLIER: f32 = 9_973.7;
const SCALING: Scaling = Scaling {
    gain: 0.7,
    unit: 2.828_427,
};

/// One level, whole or a box of it, and what predicts its details.
struct Case<'a> {
    wavelet: Wavelet,
    level: &'a LevelPlan,
    fine: Region,
    network: Option<&'a Network>,
    seed: u64,
}

/// Checks all shapes, filter pairs, symmetries and both precisions, without and with networks, whole grids and boxes;
/// returns the number of levels.
///
/// # Errors
/// The first level that differs.
pub fn check(cuda: &Cuda) -> Result<usize, String> {
    let mut count = 0;
    let mut both = |case: &Case<'_>| -> Result<(), String> {
        count += 2;
        let text = |e: String| {
            let (level, fine) = (case.level, case.fine);
            format!(
                "{:?}, {:?}, {fine:?}, periodic {:?}: {e}",
                case.wavelet, level.fine, level.periodic
            )
        };
        case.check::<f32>(cuda).map_err(text)?;
        case.check::<f64>(cuda).map_err(text)
    };
    let every = Axes::NONE.with(0).with(1).with(2);
    for (seed, extents) in SHAPES.into_iter().enumerate() {
        for wavelet in [Wavelet::Cdf97, Wavelet::Haar] {
            for periodic in [Axes::NONE, every] {
                let shape = Shape::new(extents).map_err(|e| e.to_string())?;
                for level in Plan::new(shape, periodic, 2).levels() {
                    both(&Case {
                        wavelet,
                        level,
                        fine: level.fine.region(),
                        network: None,
                        seed: seed as u64,
                    })?;
                }
            }
        }
    }
    for (network, wavelet, extents) in networks().map_err(|e| e.to_string())? {
        for periodic in [Axes::NONE, every] {
            let shape = Shape::new(&extents).map_err(|e| e.to_string())?;
            let plan = Plan::new(shape, periodic, 1);
            let Some(level) = plan.levels().first() else {
                continue;
            };
            let whole = level.fine.region();
            let mut part = whole;
            for axis in 0..3 {
                // The far end of one axis, the middle of the others.
                part.start[axis] = whole.size[axis] / (4 - axis);
                part.size[axis] = (whole.size[axis] - part.start[axis]).min(5 + 20 * (axis / 2));
            }
            for fine in [whole, part] {
                both(&Case {
                    wavelet,
                    level,
                    fine,
                    network: Some(&network),
                    seed: 99,
                })?;
            }
        }
    }
    Ok(count)
}

/// Seconds that `cuda` takes for the finest level of a binary32 field of `extents` with `network`, from low-pass to field in
/// host memory, nothing stored. The wavelet is the network's.
///
/// # Errors
/// What the backend reports.
pub fn seconds(cuda: &Cuda, network: &Network, extents: &[usize]) -> Result<f64> {
    let plan = Plan::new(Shape::new(extents)?, Axes::NONE, 1);
    let (Some(level), Some(handle)) = (plan.levels().first(), cuda.device()) else {
        return Err(srt::Error::invalid("extents with a level expected"));
    };
    let case = Case {
        wavelet: match network.arch().transform {
            Transform::Cdf97 => Wavelet::Cdf97,
            Transform::Haar => Wavelet::Haar,
        },
        level,
        fine: level.fine.region(),
        network: Some(network),
        seed: 1,
    };
    let mut random = Random(case.seed);
    let low: Vec<f32> = (0..level.coarse.len())
        .map(|_| random.unit() - 0.5)
        .collect();
    let mut fine = vec![0f32; level.fine.len()];
    let start = Instant::now();
    let job = case.job(level.coarse.region());
    let low = LowPass::Host(level.coarse.region(), f32::values(&low));
    let grid = handle.device.level(&job, low, &mut |_| Ok(()))?;
    grid.download(f32::values_mut(&mut fine))?;
    Ok(start.elapsed().as_secs_f64())
}

/// Narrow networks of both heads and ranks, the filter pair they belong to, and a grid.
fn networks() -> Result<Vec<(Network, Wavelet, Vec<usize>)>> {
    let mut out = Vec::new();
    for rank in [2, 3] {
        let extents = match rank {
            2 => vec![21, 26],
            _ => vec![11, 12, 13],
        };
        let narrow = Architecture {
            features: 8,
            shortcut_kernel: Some(3),
            ..Architecture::residual(rank)
        };
        let paper = paper_architecture(rank, 6, 3, [1, 1, 1]);
        out.push((random_network(narrow, 5)?, Wavelet::Cdf97, extents.clone()));
        out.push((random_network(paper, 6)?, Wavelet::Haar, extents.clone()));
        out.push((random_network(paper, 7)?, Wavelet::Cdf97, extents));
    }
    Ok(out)
}

/// Rows of a box of `from`, in order.
fn crop<T: Copy>(from: Region, values: &[T], part: Region) -> Vec<T> {
    from.crop(values, &part)
}

impl Case<'_> {
    fn check<T: Real>(&self, cuda: &Cuda) -> Result<(), String> {
        let text = |e: srt::Error| e.to_string();
        let level = self.level;
        let cells = level.cells(self.fine);
        let job = self.job(cells);
        let needed = job.prediction.as_ref().map(LevelPrediction::needed);
        let low_box = needed.map_or(cells, |needed| cells.hull(&needed));
        let mut random = Random(self.seed);
        // Now and then more than 16 bits of network input.
        let low: Vec<T> = (0..low_box.len())
            .map(|i| f64::from(random.unit() - 0.5) * if i % 17 == 3 { 9.0 } else { 1.0 })
            .map(T::from_f64)
            .collect();
        // Integers of more than the cells, in two pieces a band.
        let stored: Vec<(usize, Region, Vec<i32>)> = (level.details.iter().enumerate())
            .flat_map(|(band, &code)| {
                let whole = Region {
                    start: [0; 3],
                    size: level.band_dims(code),
                };
                let [mut front, mut back] = [whole, whole];
                front.size[1] /= 2;
                back.start[1] = front.size[1];
                back.size[1] -= front.size[1];
                [(band, front), (band, back)]
            })
            .map(|(band, region)| {
                let q = (0..region.len()).map(|_| random.between(-9, 9).clamp(-6, 6) as i32);
                (band, region, q.collect())
            })
            .collect();
        let expected = self.expected(cells, low_box, &low, &stored).map_err(text)?;
        let Some(handle) = cuda.device() else {
            return Err("no device".into());
        };
        let found =
            handle
                .device
                .level(&job, LowPass::Host(low_box, T::values(&low)), &mut |take| {
                    stored.iter().try_for_each(|(band, region, integers)| {
                        take(Piece {
                            band: *band,
                            region: *region,
                            integers,
                        })
                    })
                });
        let found = found.map_err(text)?;
        let mut values = vec![T::ZERO; found.region().len()];
        found.download(T::values_mut(&mut values)).map_err(text)?;
        let differing = (expected.iter().zip(&values))
            .filter(|(e, f)| e.to_f64().to_bits() != f.to_f64().to_bits())
            .count();
        match differing {
            0 if expected.len() == values.len() => Ok(()),
            _ => Err(format!("{differing} of {} values differ", expected.len())),
        }
    }

    fn job(&self, cells: Region) -> LevelJob<'_> {
        let level = self.level;
        let prediction = |network| {
            let cells = LevelPrediction::cells_of(network, level, cells);
            LevelPrediction {
                network,
                multiplier: MULTIPLIER,
                domain: level.coarse.dims(),
                extension: level.extension(self.wavelet),
                condition: None,
                scaling: SCALING,
                cells,
                level: level.window(cells),
            }
        };
        LevelJob {
            cells,
            level: level.window(cells),
            fine: self.fine,
            wavelet: self.wavelet,
            dequantiser: DEQUANTISER,
            prediction: self.network.map(prediction),
        }
    }

    fn expected<T: Real>(
        &self,
        cells: Region,
        low_box: Region,
        low: &[T],
        stored: &[(usize, Region, Vec<i32>)],
    ) -> Result<Vec<T>> {
        let level = self.level;
        let mut details = self.details(cells, low_box, low)?;
        let (step, shrink) = (
            T::from_f64(DEQUANTISER.step),
            T::from_f64(DEQUANTISER.shrink),
        );
        for (band, region, q) in stored {
            let place = level.band_region(level.details[*band], cells);
            let part = place.intersection(region);
            place.for_each_row(region, &part, |to, from, len| {
                let values = details[*band][to..to + len].iter_mut();
                for (v, &q) in values.zip(&q[from..from + len]) {
                    let magnitude = (T::from_i32(q.abs()) - shrink) * step;
                    match q.signum() {
                        0 => {}
                        1 => *v += magnitude,
                        _ => *v -= magnitude,
                    }
                }
            });
        }
        let low = crop(low_box, low, cells);
        let mut bands = Bands { low, details };
        let fine = inverse(self.wavelet, &level.window(cells), &mut bands);
        Ok(crop(level.fine_of(cells), &fine, self.fine))
    }

    /// What is predicted of the subbands over the cells.
    fn details<T: Real>(&self, cells: Region, low_box: Region, low: &[T]) -> Result<Vec<Vec<T>>> {
        let level = self.level;
        let part = |code: &SubbandCode, region| level.band_region(*code, region);
        let codes = level.details.iter();
        let Some(prediction) = self.job(cells).prediction else {
            return Ok(codes.map(|c| vec![T::ZERO; part(c, cells).len()]).collect());
        };
        let coefficients: Vec<f32> = low.iter().map(|v| v.to_f32()).collect();
        let mut field = vec![0; low.len()];
        quantise_input(&coefficients, MULTIPLIER, &mut field)?;
        let request = prediction.request(low_box, &field);
        let mut out = vec![0f32; request.output_len()];
        Cpu::detect().predict(&request, &mut out)?;
        let wide = |values: &[f32]| values.iter().map(|&p| T::from_f32(p)).collect::<Vec<T>>();
        if request.network.arch().head == Head::Subbands {
            let bands = codes.zip(out.chunks_exact(cells.len()));
            let band = |(code, band)| wide(&crop(cells, band, part(code, cells)));
            return Ok(bands.map(band).collect());
        }
        let predicted = prediction.cells;
        let double = Region {
            start: [0, 1, 2]
                .map(|axis| predicted.start[axis] << usize::from(level.split.contains(axis))),
            size: [0, 1, 2]
                .map(|axis| predicted.size[axis] << usize::from(level.split.contains(axis))),
        };
        let mut fine = wide(&crop(double, &out, level.fine_of(predicted)));
        let details = forward(self.wavelet, &level.window(predicted), &mut fine).details;
        let band =
            |(code, band): (_, Vec<T>)| crop(part(code, predicted), &band, part(code, cells));
        Ok(codes.zip(details).map(band).collect())
    }
}
