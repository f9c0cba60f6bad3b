//! A field to a frame of form 3: reduce, check with what will upscale, code, check again.

use std::time::Instant;

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::{Axes, Shape};
use crate::base::real::Real;
use crate::container::{Bound, Form, Interpolation, NetworkUse, PooledForm};
use crate::file::weights::Weights;
use crate::frame::encode::{Encoded, frame};
use crate::frame::pooled::decode::level_range;
use crate::frame::pooled::payload;
use crate::frame::pooled::reduce::Task;
use crate::frame::pooled::stored::{grid, most_levels, plan_of, pool, stitch};
use crate::frame::pooled::upscale::{Upscaler, root_power, scaled};
use crate::frame::sample::Normalisation;
use crate::frame::wavelet::gains;
use crate::frame::wavelet::trial::Networks;
use crate::metrics::{Comparison, compare, ssim};
use crate::octree::Octant;
use crate::options::EncodeOptions;
use crate::options::Progress;
use crate::options::{Downscaling, PooledOptions, Upscaling};
use crate::transform::{Plan, Wavelet, forward};

/// What the target is raised by, in dB, when the check with the networks or the coded volume fails; in the
/// end nothing is downscaled.
const STRICTER: [f64; 7] = [0.0, 0.1, 0.5, 1.5, 4.0, 10.0, f64::INFINITY];
/// What the target of the trials may be lowered by, in dB, where networks upscale: the interpolation that the trials
/// use is worse, and refuses much that the check with the networks allows.
const LOOSER: [f64; 4] = [16.0, 10.0, 6.0, 3.0];
/// What the target is raised by, in dB, where nothing better than the interpolation of the trials upscales: even errors
/// up to epsilon have a third of the mean square allowed, which this leaves to them.
const ROOM: f64 = 1.8;
/// How often epsilon is halved in search of one that keeps the bound: before the target is raised, and where
/// nothing is downscaled.
const HALVINGS: [usize; 2] = [2, 12];
/// How often the interval between an epsilon that keeps the bound and one that does not is halved.
const BISECTIONS: usize = 4;

/// A field to encode.
pub(crate) struct Job<'a, E: Element> {
    pub(crate) shape: Shape,
    pub(crate) values: &'a [E],
    pub(crate) ordinary: Option<&'a [bool]>,
    pub(crate) normalisation: Normalisation<E::Work>,
    pub(crate) options: &'a EncodeOptions,
    pub(crate) paper: &'a PooledOptions,
    pub(crate) weights: Option<&'a Weights>,
}

/// Encodes `field`, the normalised values; `None` when the bound cannot be kept in this form.
///
/// # Errors
/// `InvalidArgument` for another bound than a PSNR or options that do not fit, and those of worker and
/// networks.
pub(crate) fn encode<E: Element>(
    job: &Job<'_, E>,
    field: Vec<E::Work>,
    mask: Option<&Vec<u8>>,
) -> Result<Option<Encoded>> {
    let Bound::Psnr(target) = job.options.bound else {
        return Err(Error::invalid("the paper's profile takes a PSNR as bound"));
    };
    if job.options.coding.periodic != Axes::NONE {
        return Err(Error::invalid("the paper's profile has no periodic axes"));
    }
    let networks = job.weights.map(|weights| &weights.networks);
    let (networks, levels) = levels(job, networks)?;
    let plan = plan_of(job.shape, levels)?;
    let mut pyramid = vec![field];
    for level in 0..levels {
        pyramid.push(pool(&plan, level, &pyramid[level]));
    }
    let gains = networks.map_or(Vec::new(), |networks| {
        let details = |level: usize| detail_rms(&plan, level, &pyramid[level]);
        gains::initial(networks, Wavelet::Haar, &plan, details)
    });
    let interpolation = match job.paper.upscaling {
        Upscaling::Interpolation(interpolation) => interpolation,
        Upscaling::Auto | Upscaling::Network => Interpolation::Linear,
    };
    let task = Task {
        plan: &plan,
        pyramid: &pyramid,
        ordinary: job.ordinary,
        interpolation,
        min_chunk: job.paper.min_chunk,
        downscaling: job.paper.downscaling,
        trials: job.paper.trials,
    };
    let mut smallest = job.reduce(&task, target, &gains, networks)?;
    if job.paper.downscaling == Downscaling::Dynamic {
        // One box at full resolution makes the whole representative volume of that resolution, so that one level
        // for all, which is a tree too, often codes smaller.
        let uniform = Task {
            downscaling: Downscaling::Uniform,
            ..task
        };
        let coded = job.reduce(&uniform, target, &gains, networks)?;
        smallest = smaller(smallest, coded);
    }
    smallest.map(|coded| coded.finish(job, mask)).transpose()
}

/// The smaller of two; the first of equals.
fn smaller<E: Element>(first: Option<Coded<E>>, second: Option<Coded<E>>) -> Option<Coded<E>> {
    match (first, second) {
        (Some(first), Some(second)) if second.len() < first.len() => Some(second),
        (first, second) => first.or(second),
    }
}

/// The networks to use, if any, and the levels of the frame.
fn levels<'a, E: Element>(
    job: &Job<'_, E>,
    networks: Option<&'a Networks>,
) -> Result<(Option<&'a Networks>, usize)> {
    let most = job.paper.max_level.min(most_levels(job.shape));
    let served = |networks: &&Networks| {
        let plan = plan_of(job.shape, most).ok()?;
        let gains = gains::initial(networks, Wavelet::Haar, &plan, |_| 1.0);
        Some(gains.iter().take_while(|&&gain| gain > 0.0).count()).filter(|&n| n > 0)
    };
    let usable = networks.and_then(|n| served(&n).map(|levels| (n, levels)));
    match (job.paper.upscaling, usable) {
        (Upscaling::Interpolation(_), _) | (Upscaling::Auto, None) => Ok((None, most)),
        (Upscaling::Auto | Upscaling::Network, Some((networks, levels))) => {
            Ok((Some(networks), levels))
        }
        (Upscaling::Network, None) => Err(Error::invalid(
            "the model has no networks for mean pooling (Haar) of this field",
        )),
    }
}

/// Root mean square of the orthonormal Haar details of a level with mean values `values`.
fn detail_rms<T: Real>(plan: &Plan, level: usize, values: &[T]) -> f64 {
    let rank = plan.shape().rank();
    let mut fine = scaled(values, root_power(rank * level, false));
    let bands = forward(Wavelet::Haar, &plan.levels()[level], &mut fine).details;
    let (mut sum, mut count) = (0.0, 0usize);
    for band in &bands {
        count += band.len();
        sum += band.iter().map(|v| v.to_f64().powi(2)).sum::<f64>();
    }
    (sum / count.max(1) as f64).sqrt()
}

impl<E: Element> Job<'_, E> {
    /// Reduces with stricter and looser targets until the bound is kept; of trees that the networks make up for, the one
    /// that codes smallest. `None` when the bound cannot be kept.
    fn reduce(
        &self,
        task: &Task<'_, E::Work>,
        target: f64,
        gains: &[f32],
        networks: Option<&Networks>,
    ) -> Result<Option<Coded<E>>> {
        let room = if networks.is_some() { 0.0 } else { ROOM };
        // Of those that the networks make up for, the smallest; then what the paper does.
        let looser = LOOSER.iter().map(|by| -by).filter(|_| networks.is_some());
        let mut smallest: Option<Coded<E>> = None;
        let mut last = None;
        for stricter in looser.chain(STRICTER) {
            if stricter > 0.0 && smallest.is_some() {
                break;
            }
            let allowed = self.epsilon(target + room + stricter).powi(2);
            let tree = task.run(allowed);
            // The same tree codes the same; only the last target is searched further.
            if last.as_ref() == Some(&tree) && stricter.is_finite() {
                continue;
            }
            let reduced = Reduced::new(
                self,
                &tree,
                task.pyramid,
                (task.interpolation, gains),
                networks,
            )?;
            if networks.is_none() || reduced.psnr_uncoded(self)? >= target {
                let halvings = HALVINGS[usize::from(stricter.is_infinite())];
                smallest = smaller(smallest, reduced.search(self, target, halvings)?);
                if networks.is_none() && smallest.is_some() {
                    break;
                }
            }
            last = Some(tree);
        }
        Ok(smallest)
    }

    /// `range / 10^(P / 20)` in the normalised unit: errors of at most this keep a PSNR of `psnr` dB.
    fn epsilon(&self, psnr: f64) -> f64 {
        let (min, max) = self.normalisation.range;
        (max.to_f64() - min.to_f64()) / self.normalisation.scale.to_f64() / 10f64.powf(psnr / 20.0)
    }

    /// Normalised values compared with the field, in its own type.
    fn compare(&self, mut values: Vec<E::Work>) -> Result<(Comparison, Vec<E>)> {
        self.normalisation.undo(&mut values);
        let decoded = E::from_work(values);
        let comparison = compare(self.values, &decoded, self.ordinary)?;
        Ok((self.normalisation.judge(comparison), decoded))
    }
}

/// A tree, and the volume stitched together from its leaves.
struct Reduced<'a, T> {
    plan: Plan,
    tree: &'a Octant,
    form: PooledForm,
    networks: Option<&'a Networks>,
    volume: Vec<T>,
}

/// A volume coded and decoded.
struct Coded<E: Element> {
    form: PooledForm,
    tree: Vec<u8>,
    volume: Vec<u8>,
    comparison: Comparison,
    decoded: Vec<E>,
    seconds: f64,
}

impl<'a, T: Real> Reduced<'a, T> {
    fn new<E: Element<Work = T>>(
        job: &Job<'_, E>,
        tree: &'a Octant,
        pyramid: &[Vec<T>],
        (interpolation, gains): (Interpolation, &[f32]),
        networks: Option<&'a Networks>,
    ) -> Result<Self> {
        let (mut finest, mut coarsest) = (usize::MAX, 0);
        tree.for_each_leaf(job.shape, &mut |_, level| {
            finest = finest.min(level);
            coarsest = coarsest.max(level);
        });
        // Above the coarsest leaf everything is known: nothing to upscale.
        let plan = plan_of(job.shape, coarsest)?;
        let gains: Vec<f32> = gains.iter().take(coarsest).copied().collect();
        let mean = T::ZERO; // of normalised values
        let volume = stitch(&plan, tree, finest, pyramid, mean);
        let form = PooledForm {
            levels: coarsest as u8,
            finest: finest as u8,
            interpolation,
            payload: job.paper.coder.kind(),
            epsilon: job.epsilon(100.0), // set by each trial
            offset: job.normalisation.offset.to_f64(),
            scale: job.normalisation.scale.to_f64(),
            network: (!gains.is_empty()).then_some(NetworkUse { gains }),
        };
        Ok(Self {
            plan,
            tree,
            form,
            networks: networks.filter(|_| coarsest > 0),
            volume,
        })
    }

    fn reconstruct(&self, form: &PooledForm, volume: &[T]) -> Result<Vec<T>> {
        let finest = usize::from(form.finest);
        Upscaler::new(&self.plan, form, self.networks)?.reconstruct(self.tree, finest, volume, 0)
    }

    /// PSNR before the volume is coded.
    fn psnr_uncoded<E: Element<Work = T>>(&self, job: &Job<'_, E>) -> Result<f64> {
        let values = self.reconstruct(&self.form, &self.volume)?;
        Ok(job.compare(values)?.0.psnr_db)
    }

    /// The paper's epsilon, or the largest smaller one found that keeps the PSNR; `None` when none does.
    fn search<E: Element<Work = T>>(
        &self,
        job: &Job<'_, E>,
        target: f64,
        halvings: usize,
    ) -> Result<Option<Coded<E>>> {
        let mut passes = 0;
        let mut attempt = |epsilon: f64| -> Result<Option<Coded<E>>> {
            let coded = self.code(job, epsilon)?;
            passes += 1;
            if let Some(coded) = &coded {
                let quality = coded.comparison.psnr_db;
                job.options
                    .observer
                    .pass_done(Progress::new(passes, quality));
            }
            Ok(coded.filter(|coded| coded.comparison.psnr_db >= target))
        };
        let first = job.epsilon(target);
        let mut good = attempt(first)?.map(|coded| (first, coded));
        if good.is_none() {
            let mut epsilon = first;
            for _ in 0..halvings {
                epsilon /= 2.0;
                good = attempt(epsilon)?.map(|coded| (epsilon, coded));
                if good.is_some() {
                    break;
                }
            }
            let Some((mut low, mut best)) = good else {
                return Ok(None);
            };
            let mut high = 2.0 * low;
            for _ in 0..BISECTIONS {
                let middle = (low * high).sqrt();
                match attempt(middle)? {
                    Some(coded) => (low, best) = (middle, coded),
                    None => high = middle,
                }
            }
            good = Some((low, best));
        }
        Ok(good.map(|(_, coded)| coded))
    }

    /// Codes the volume, decodes it and reconstructs the field.
    fn code<E: Element<Work = T>>(
        &self,
        job: &Job<'_, E>,
        epsilon: f64,
    ) -> Result<Option<Coded<E>>> {
        let epsilon = T::from_f64(epsilon);
        if epsilon.to_f64() <= 0.0 {
            return Ok(None);
        }
        let mut form = self.form.clone();
        form.epsilon = epsilon.to_f64();
        let shape = grid(&self.plan, usize::from(form.finest));
        let Some(volume) = payload::encode(&job.paper.coder, shape, &self.volume, epsilon)? else {
            return Ok(None);
        };
        let start = Instant::now();
        let worker = job.paper.coder.worker();
        let values = payload::decode(form.payload, worker, shape, &volume, epsilon)?;
        let (comparison, decoded) = job.compare(self.reconstruct(&form, &values)?)?;
        Ok(Some(Coded {
            tree: self.tree.encode(job.shape, level_range(&form)),
            form,
            volume,
            comparison,
            decoded,
            seconds: start.elapsed().as_secs_f64(),
        }))
    }
}

impl<E: Element> Coded<E> {
    fn len(&self) -> usize {
        self.tree.len() + self.volume.len()
    }

    fn finish(self, job: &Job<'_, E>, mask: Option<&Vec<u8>>) -> Result<Encoded> {
        let measure = || ssim(job.shape, job.values, &self.decoded, job.ordinary);
        let ssim = job
            .options
            .observer
            .measure_ssim
            .then(measure)
            .transpose()?;
        let (bound, range) = (job.options.bound, job.normalisation.range);
        Ok(Encoded {
            frame: frame(
                bound,
                range,
                &self.comparison,
                ssim,
                Form::Pooled(self.form),
            ),
            mask: mask.cloned(),
            tree: Some(self.tree),
            bricks: vec![(0, self.volume)],
            corrections: None,
            comparison: self.comparison,
            ssim,
            verify_seconds: self.seconds,
        })
    }
}
