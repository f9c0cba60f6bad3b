//! A representative volume, and the largest epsilon at which its coded form keeps a PSNR.

use std::time::Instant;

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::real::Real;
use crate::container::{Form, Interpolation, NetworkUse, PooledForm};
use crate::frame::encoded::{BrickChunks, EncodedFrame, Verification};
use crate::frame::networks::Networks;
use crate::frame::pooled::decode::level_range;
use crate::frame::pooled::encoder::PooledEncoder;
use crate::frame::pooled::payload;
use crate::frame::pooled::stored::{grid, plan_of, stitch};
use crate::frame::pooled::upscale::Upscaler;
use crate::metrics::Comparison;
use crate::octree::Octant;
use crate::options::Progress;
use crate::transform::Plan;

/// How often the interval between an epsilon that keeps the bound and one that does not is halved.
const BISECTIONS: usize = 4;

/// What upscales a field.
pub(super) struct Upscale<'a> {
    pub(super) interpolation: Interpolation,
    /// In place of the interpolation, where there are some.
    pub(super) networks: Option<&'a Networks>,
    /// Gains of these, finest level first; empty without.
    pub(super) gains: Vec<f32>,
}

/// A tree, and the volume stitched together from its leaves.
pub(super) struct RepresentativeVolume<'a, T> {
    plan: Plan,
    tree: &'a Octant,
    form: PooledForm,
    networks: Option<&'a Networks>,
    volume: Vec<T>,
}

/// A volume coded and decoded.
pub(super) struct CodedVolume<E: Element> {
    form: PooledForm,
    tree: Vec<u8>,
    volume: Vec<u8>,
    comparison: Comparison,
    decoded: Vec<E>,
    seconds: f64,
}

impl<'a, T: Real> RepresentativeVolume<'a, T> {
    /// Stitches the leaves of `tree` together; `pyramid` has the values of every level.
    ///
    /// # Errors
    /// `Corrupt` when the domain has not so many levels.
    pub(super) fn new<E: Element<Work = T>>(
        encoder: &PooledEncoder<'_, E>,
        tree: &'a Octant,
        pyramid: &[Vec<T>],
        upscale: &Upscale<'a>,
    ) -> Result<Self> {
        let (mut finest, mut coarsest) = (usize::MAX, 0);
        tree.for_each_leaf(encoder.original.shape, &mut |_, level| {
            finest = finest.min(level);
            coarsest = coarsest.max(level);
        });
        // Above the coarsest leaf everything is known: nothing to upscale.
        let plan = plan_of(encoder.original.shape, coarsest)?;
        let gains: Vec<f32> = upscale.gains.iter().take(coarsest).copied().collect();
        let mean = T::ZERO; // of normalised values
        let volume = stitch(&plan, tree, finest, pyramid, mean);
        let form = PooledForm {
            levels: coarsest as u8,
            finest: finest as u8,
            interpolation: upscale.interpolation,
            payload: encoder.pooled.coder.kind(),
            epsilon: encoder.epsilon(100.0), // set by each trial
            offset: encoder.normalisation.offset.to_f64(),
            scale: encoder.normalisation.scale.to_f64(),
            network: (!gains.is_empty()).then_some(NetworkUse { gains }),
        };
        Ok(Self {
            plan,
            tree,
            form,
            networks: upscale.networks.filter(|_| coarsest > 0),
            volume,
        })
    }

    fn reconstruct(&self, form: &PooledForm, volume: &[T]) -> Result<Vec<T>> {
        let finest = usize::from(form.finest);
        Upscaler::new(&self.plan, form, self.networks)?.reconstruct(self.tree, finest, volume, 0)
    }

    /// PSNR before the volume is coded.
    pub(super) fn psnr_uncoded<E: Element<Work = T>>(
        &self,
        encoder: &PooledEncoder<'_, E>,
    ) -> Result<f64> {
        let values = self.reconstruct(&self.form, &self.volume)?;
        Ok(encoder.compare(values)?.0.psnr_db)
    }

    /// The paper's epsilon, or the largest smaller one found that keeps the PSNR; `None` when none does.
    pub(super) fn search<E: Element<Work = T>>(
        &self,
        encoder: &PooledEncoder<'_, E>,
        target: f64,
        halvings: usize,
    ) -> Result<Option<CodedVolume<E>>> {
        let mut passes = 0;
        let mut attempt = |epsilon: f64| -> Result<Option<CodedVolume<E>>> {
            let coded = self.code(encoder, epsilon)?;
            passes += 1;
            if let Some(coded) = &coded {
                let quality = coded.comparison.psnr_db;
                encoder
                    .options
                    .observer
                    .pass_done(Progress::new(passes, quality));
            }
            Ok(coded.filter(|coded| coded.comparison.psnr_db >= target))
        };
        let first = encoder.epsilon(target);
        if let Some(coded) = attempt(first)? {
            return Ok(Some(coded));
        }
        let mut low = first;
        let mut best = None;
        for _ in 0..halvings {
            low /= 2.0;
            best = attempt(low)?;
            if best.is_some() {
                break;
            }
        }
        let Some(mut best) = best else {
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
        Ok(Some(best))
    }

    /// Codes the volume, decodes it and reconstructs the field.
    fn code<E: Element<Work = T>>(
        &self,
        encoder: &PooledEncoder<'_, E>,
        epsilon: f64,
    ) -> Result<Option<CodedVolume<E>>> {
        let epsilon = T::from_f64(epsilon);
        if epsilon.to_f64() <= 0.0 {
            return Ok(None);
        }
        let mut form = self.form.clone();
        form.epsilon = epsilon.to_f64();
        let shape = grid(&self.plan, usize::from(form.finest));
        let Some(volume) = payload::encode(&encoder.pooled.coder, shape, &self.volume, epsilon)?
        else {
            return Ok(None);
        };
        let start = Instant::now();
        let worker = encoder.pooled.coder.worker();
        let values = payload::decode(form.payload, worker, shape, &volume, epsilon)?;
        let (comparison, decoded) = encoder.compare(self.reconstruct(&form, &values)?)?;
        Ok(Some(CodedVolume {
            tree: self.tree.encode(encoder.original.shape, level_range(&form)),
            form,
            volume,
            comparison,
            decoded,
            seconds: start.elapsed().as_secs_f64(),
        }))
    }
}

impl<E: Element> CodedVolume<E> {
    /// Bytes of octree and volume.
    pub(super) fn len(&self) -> usize {
        self.tree.len() + self.volume.len()
    }

    /// The frame.
    ///
    /// # Errors
    /// Those of the measurement of the SSIM.
    pub(super) fn finish(self, encoder: &PooledEncoder<'_, E>) -> Result<EncodedFrame> {
        let (original, options) = (&encoder.original, encoder.options);
        let ssim = || original.ssim(&self.decoded);
        let verification = Verification {
            comparison: self.comparison,
            ssim: options.observer.measure_ssim.then(ssim).transpose()?,
            seconds: self.seconds,
        };
        let (range, form) = (encoder.normalisation.range, Form::Pooled(self.form));
        let mut encoded = EncodedFrame::new(original, options.bound, range, verification, form);
        encoded.tree = Some(self.tree);
        encoded.bricks = BrickChunks::Held(vec![(0, self.volume)]);
        Ok(encoded)
    }
}
