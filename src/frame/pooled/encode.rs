//! A field to a frame of the pooled form: reduce, check with what will upscale, code, check again.

use crate::base::dtype::Element;
use crate::base::error::{Error, Result};
use crate::base::grid::Axes;
use crate::base::real::Real;
use crate::container::{Bound, Interpolation};
use crate::frame::encoded::EncodedFrame;
use crate::frame::networks::Networks;
use crate::frame::pooled::coded::{CodedVolume, RepresentativeVolume, Upscale};
use crate::frame::pooled::encoder::PooledEncoder;
use crate::frame::pooled::reduce::Task;
use crate::frame::pooled::stored::{most_levels, plan_of, pool};
use crate::frame::pooled::upscale::{root_power, scaled};
use crate::frame::wavelet::gains;
use crate::options::{Downscaling, Upscaling};
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
/// How often epsilon is halved in search of one that keeps the bound, before the target is raised.
const HALVINGS: usize = 2;
/// The same where nothing is downscaled, so that no target is left to raise.
const LAST_HALVINGS: usize = 12;

/// Encodes a field; `None` when the bound cannot be kept in this form.
///
/// # Errors
/// `InvalidArgument` for another bound than a PSNR or options that do not fit, and those of worker and
/// networks.
pub(crate) fn encode<E: Element>(encoder: &PooledEncoder<'_, E>) -> Result<Option<EncodedFrame>> {
    let Bound::Psnr(target) = encoder.options.bound else {
        return Err(Error::invalid("the paper's profile takes a PSNR as bound"));
    };
    if encoder.options.coding.periodic.given() != Axes::NONE {
        return Err(Error::invalid("the paper's profile has no periodic axes"));
    }
    let shape = encoder.original.shape;
    let (networks, levels) = encoder.networks_and_levels()?;
    let plan = plan_of(shape, levels)?;
    let mut pyramid = vec![encoder.original.normalised(&encoder.normalisation)];
    for level in 0..levels {
        pyramid.push(pool(&plan, level, &pyramid[level]));
    }
    let gains = networks.map_or(Vec::new(), |networks| {
        let details = |level: usize| detail_rms(&plan, level, &pyramid[level]);
        gains::initial(networks, Wavelet::Haar, &plan, details)
    });
    let pooled = encoder.pooled;
    let upscale = Upscale {
        interpolation: match pooled.upscaling {
            Upscaling::Interpolation(interpolation) => interpolation,
            Upscaling::Auto | Upscaling::Network => Interpolation::Linear,
        },
        networks,
        gains,
    };
    let task = Task {
        plan: &plan,
        pyramid: &pyramid,
        ordinary: encoder.original.ordinary,
        interpolation: upscale.interpolation,
        min_chunk: pooled.min_chunk,
        downscaling: pooled.downscaling,
        trials: pooled.trials,
    };
    let mut smallest = encoder.reduce(&task, target, &upscale)?;
    if pooled.downscaling == Downscaling::Dynamic {
        // One box at full resolution makes the whole representative volume of that resolution, so that one level
        // for all, which is a tree too, often codes smaller.
        let uniform = Task {
            downscaling: Downscaling::Uniform,
            ..task
        };
        smallest = smaller(smallest, encoder.reduce(&uniform, target, &upscale)?);
    }
    smallest.map(|coded| coded.finish(encoder)).transpose()
}

/// The smaller of two; the first of equals.
fn smaller<E: Element>(
    first: Option<CodedVolume<E>>,
    second: Option<CodedVolume<E>>,
) -> Option<CodedVolume<E>> {
    match (first, second) {
        (Some(first), Some(second)) if second.len() < first.len() => Some(second),
        (first, second) => first.or(second),
    }
}

/// Root mean square of the orthonormal Haar details of a level with mean values `values`.
fn detail_rms<T: Real>(plan: &Plan, level: usize, values: &[T]) -> f64 {
    let rank = plan.shape().grid_rank();
    let mut fine = scaled(values, root_power(rank * level, false));
    let bands = forward(Wavelet::Haar, &plan.levels()[level], &mut fine).details;
    let (mut sum, mut count) = (0.0, 0usize);
    for band in &bands {
        count += band.len();
        sum += band.iter().map(|v| v.to_f64().powi(2)).sum::<f64>();
    }
    (sum / count.max(1) as f64).sqrt()
}

impl<'a, E: Element> PooledEncoder<'a, E> {
    /// The networks to use, if any, and the levels of the frame.
    fn networks_and_levels(&self) -> Result<(Option<&'a Networks>, usize)> {
        let shape = self.original.shape;
        let most = self.pooled.max_level.min(most_levels(shape));
        let served = |networks: &Networks| {
            let plan = plan_of(shape, most).ok()?;
            let gains = gains::initial(networks, Wavelet::Haar, &plan, |_| 1.0);
            Some(gains.iter().take_while(|&&gain| gain > 0.0).count()).filter(|&n| n > 0)
        };
        let usable = self
            .networks
            .and_then(|n| served(n).map(|levels| (n, levels)));
        match (self.pooled.upscaling, usable) {
            (Upscaling::Interpolation(_), _) | (Upscaling::Auto, None) => Ok((None, most)),
            (Upscaling::Auto | Upscaling::Network, Some((networks, levels))) => {
                Ok((Some(networks), levels))
            }
            (Upscaling::Network, None) => Err(Error::invalid(
                "the model has no networks for mean pooling (Haar) of this field",
            )),
        }
    }

    /// Reduces with stricter and looser targets until the bound is kept; of trees that the networks make up for, the one
    /// that codes smallest. `None` when the bound cannot be kept.
    fn reduce(
        &self,
        task: &Task<'_, E::Work>,
        target: f64,
        upscale: &Upscale<'_>,
    ) -> Result<Option<CodedVolume<E>>> {
        let networks = upscale.networks;
        let room = if networks.is_some() { 0.0 } else { ROOM };
        // Of those that the networks make up for, the smallest; then what the paper does.
        let looser = LOOSER.iter().map(|by| -by).filter(|_| networks.is_some());
        let mut smallest: Option<CodedVolume<E>> = None;
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
            let volume = RepresentativeVolume::new(self, &tree, task.pyramid, upscale)?;
            if networks.is_none() || volume.psnr_uncoded(self)? >= target {
                let halvings = if stricter.is_infinite() {
                    LAST_HALVINGS
                } else {
                    HALVINGS
                };
                smallest = smaller(smallest, volume.search(self, target, halvings)?);
                if networks.is_none() && smallest.is_some() {
                    break;
                }
            }
            last = Some(tree);
        }
        Ok(smallest)
    }
}
