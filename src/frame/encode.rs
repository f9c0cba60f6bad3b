//! One field to one frame, in stages: mask, range, trivial forms, transform, search, choice.

use std::sync::{Arc, OnceLock};

use crate::base::dtype::{Dtype, Element};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::grid::Shape;
use crate::base::real::{Real, short_number};
use crate::codec::mask::Mask;
use crate::container::Bound;
use crate::frame::encoded::EncodedFrame;
use crate::frame::goal::Goal;
use crate::frame::lossless::Lengths;
use crate::frame::networks::PricedNetworks;
use crate::frame::original::{Original, check_len};
use crate::frame::pooled::PooledEncoder;
use crate::frame::raster::candidates::Weighed;
use crate::frame::raster::palette::ValuePalette;
use crate::frame::sample::{Normalisation, for_each_stretch};
use crate::frame::wavelet::encode::{Contender, Found, WaveletEncoder};
use crate::frame::wavelet::memory::check_pooled;
use crate::frame::wavelet::past::OfferedPast;
use crate::frame::wavelet::samples::FieldSamples;
use crate::frame::{constant, lossless, pooled};
use crate::options::{EncodeOptions, Model, NetworkTrials, PooledOptions, Profile};

/// Bytes of a mask for each voxel while it is coded: its classes twice, and which voxels are ordinary.
const MASK_BYTES: u64 = 3;

/// Encodes one field of `shape`; `networks` are those that may be used, `past` are frames that it may be predicted from.
///
/// # Errors
/// `InvalidArgument` for values or options that do not fit, `BoundNotMet`, and what networks and worker report.
pub(crate) fn encode_frame<E: Element>(
    shape: Shape,
    values: &[E],
    options: &EncodeOptions,
    networks: Option<PricedNetworks<'_>>,
    past: OfferedPast<'_>,
) -> Result<EncodedFrame> {
    check_len(shape.len(), values.len())?;
    let mask = find_mask(values, options)?;
    let is_exact = |mask: &Mask| !options.bound.is_exact() || mask.keeps(values);
    let keeps_bits = mask.as_ref().is_none_or(is_exact);
    let ordinary = mask.as_ref().map(Mask::ordinary);
    let coded_mask = mask.map(|mask| Arc::from(mask.encode(shape, E::DTYPE)));
    let original = Original {
        shape,
        values,
        ordinary: ordinary.as_deref(),
        mask: coded_mask.as_ref(),
        observer: &options.observer,
    };
    let encoded = encode_original(original, keeps_bits, options, networks, past)?;
    with_ratio_met(encoded, options.bound, E::DTYPE, original.raw_bytes())
}

/// A frame of the form that fits; `keeps_bits`: the mask gives back what the bound asks for.
fn encode_original<E: Element>(
    original: Original<'_, E>,
    keeps_bits: bool,
    options: &EncodeOptions,
    networks: Option<PricedNetworks<'_>>,
    past: OfferedPast<'_>,
) -> Result<EncodedFrame> {
    if let Some(value) = original.constant().filter(|_| keeps_bits) {
        return constant::encode(&original, options.bound, value);
    }
    lossless::check_memory(E::DTYPE, original.values.len(), &options.resources)?;
    let measured = Normalisation::measure(original.values, original.ordinary, original.observer);
    let normalisation = match measured {
        Some(normalisation) if normalisation.range.0 != normalisation.range.1 => normalisation,
        // Zeros of both signs, or more patterns than a mask holds: no range that a transform could work with.
        _ => {
            let range = measured.map_or((E::Work::ZERO, E::Work::ZERO), |n| n.range);
            let memory = options.resources.memory;
            let lengths = wanted_by(options.bound);
            return lossless::encode(&original, options.bound, range, memory, lengths);
        }
    };
    let normalisation = match options.coding.range {
        None => normalisation,
        Some(range) => normalisation.within(range)?,
    };
    FrameEncoder::new(original, normalisation, options, networks, keeps_bits)
        .with_past(past)
        .encode()
}

/// A frame of any form, unless a ratio was asked for that its file does not reach.
fn with_ratio_met(
    encoded: EncodedFrame,
    bound: Bound,
    dtype: Dtype,
    raw_bytes: f64,
) -> Result<EncodedFrame> {
    let Bound::Ratio(wanted) = bound else {
        return Ok(encoded);
    };
    let ratio = raw_bytes / encoded.file_bytes(dtype) as f64;
    if Goal::Ratio(wanted).is_met_by(&encoded, ratio) {
        return Ok(encoded);
    }
    Err(Error::new(
        ErrorKind::BoundNotMet,
        format!(
            "a compression ratio of {} is out of reach for this field",
            short_number(wanted)
        ),
    ))
}

/// Whether the bound asks for the lengths of what a frame holds.
fn wanted_by(bound: Bound) -> Lengths {
    match bound {
        Bound::Ratio(_) => Lengths::Wanted,
        Bound::Psnr(_) | Bound::Ssim(_) | Bound::MaxError(_) | Bound::RelError(_) => {
            Lengths::Unused
        }
    }
}

/// Tells the values that are no ordinary numbers; `None` where all are.
///
/// # Errors
/// `LimitExceeded` when the mask needs more memory than there may be.
fn find_mask<E: Element>(values: &[E], options: &EncodeOptions) -> Result<Option<Mask>> {
    let resources = &options.resources;
    let needed = values.len() as u64 * MASK_BYTES;
    let why = "the mask of voxels without data";
    // Where nothing is lost, who reads the field does not see what was masked.
    let is_free = options.bound.is_exact() && resources.check_memory(needed, why, None).is_ok();
    let found = || mask_value::find_mask_value(values).filter(|_| is_free);
    let mask_value = options.coding.mask_value.or_else(found);
    let mut is_needed = false;
    for_each_stretch(values, &options.observer, |_, values| {
        is_needed |= Mask::is_needed(values, mask_value);
    });
    if !is_needed {
        return Ok(None);
    }
    resources.check_memory(needed, why, Some("the field in parts"))?;
    Ok(Mask::find(values, mask_value))
}

/// A field that varies, with all that says how it is coded.
struct FrameEncoder<'a, E: Element> {
    original: Original<'a, E>,
    normalisation: Normalisation<E::Work>,
    goal: Goal,
    options: &'a EncodeOptions,
    networks: Option<PricedNetworks<'a>>,
    past: OfferedPast<'a>,
    /// Whether the mask gives back what the bound asks for of voxels that have no ordinary value.
    keeps_bits: bool,
    /// Its values where they are few, once they were looked for.
    palette: Arc<OnceLock<Option<ValuePalette>>>,
    /// What it takes as it is by ranks and by slots, once that was looked for.
    ranks: OnceLock<Option<Weighed>>,
    slots: OnceLock<Option<Weighed>>,
    /// What it takes packed, about.
    packed_bytes: OnceLock<f64>,
}

impl<'a, E: Element> FrameEncoder<'a, E> {
    fn new(
        original: Original<'a, E>,
        normalisation: Normalisation<E::Work>,
        options: &'a EncodeOptions,
        networks: Option<PricedNetworks<'a>>,
        keeps_bits: bool,
    ) -> Self {
        Self {
            original,
            normalisation,
            goal: Goal::new(options.bound, normalisation.bounds()).of_values(E::DTYPE),
            options,
            networks,
            past: OfferedPast::default(),
            keeps_bits,
            palette: Arc::default(),
            ranks: OnceLock::new(),
            slots: OnceLock::new(),
            packed_bytes: OnceLock::new(),
        }
    }

    /// Offers frames that it may be predicted from.
    fn with_past(self, past: OfferedPast<'a>) -> Self {
        Self { past, ..self }
    }

    fn encode(&self) -> Result<EncodedFrame> {
        if self.options.bound.is_exact() || self.goal == Goal::MaxError(0.0) {
            return self.lossless(Lengths::Unused);
        }
        match &self.options.coding.profile {
            Profile::Pooled(pooled) => {
                let shape = self.original.shape;
                check_pooled(shape, size_of::<E::Work>(), &self.options.resources)?;
                self.pooled(pooled)
            }
            Profile::Default => match self.chosen()? {
                Some(lossy) => self.smaller_of_lossless_and(lossy),
                // No lossy form keeps the bound.
                None => self.lossless(wanted_by(self.options.bound)),
            },
        }
    }

    fn pooled(&self, pooled: &PooledOptions) -> Result<EncodedFrame> {
        let encoder = PooledEncoder {
            original: self.original,
            normalisation: self.normalisation,
            options: self.options,
            pooled,
            networks: self.networks.map(|priced| priced.networks),
        };
        match pooled::encode(&encoder)? {
            Some(encoded) => Ok(encoded),
            None => self.lossless(wanted_by(self.options.bound)),
        }
    }

    /// Transforms the field, searches the step without networks and with them, and chooses. `None` when the goal is out
    /// of reach of this form.
    fn wavelet(&self) -> Result<Option<EncodedFrame>> {
        let samples = FieldSamples {
            original: self.original,
            normalisation: self.normalisation,
        };
        // No other plan leaves networks details that they know.
        let splits_slowest = self.options.coding.axis_plan().splits_slowest();
        let priced = self.networks.filter(|_| splits_slowest);
        let networks = self.networks.map(|priced| priced.networks);
        let encoder = WaveletEncoder::new(&samples, self.goal, self.options, networks, self.past)?;
        let without = encoder.run(None)?;
        let step = without.as_ref().and_then(|found| found.encoded.step());
        let is_hopeful =
            |_: &PricedNetworks<'_>| step.is_none_or(|step| self.tries(&encoder, step));
        let has_networks = priced.is_some();
        let Some(priced) = priced.filter(is_hopeful) else {
            if has_networks {
                self.tell("networks are not tried: they know nothing of details like these");
            }
            return Ok(without.map(|found| found.encoded));
        };
        let contender = Contender {
            priced,
            rival: without.as_ref(),
            gives_up: self.network_trials() != NetworkTrials::Full,
        };
        let with = encoder.run(Some(&contender))?;
        let encoded = |found: Option<Found>| found.map(|found| found.encoded);
        match &with {
            None => self.tell("networks: given up, they save too little"),
            Some(found) => {
                let bytes = self.file_bytes(&found.encoded);
                self.tell(&format!("networks: {bytes} bytes with them"));
            }
        }
        Ok(self.choose(encoded(without), encoded(with), priced.frame_share))
    }

    fn tell(&self, why: &str) {
        self.original.observer.choice_made(why);
    }

    /// Which fields networks are tried on. Who chose some has looked at the field.
    fn network_trials(&self) -> NetworkTrials {
        let trials = self.options.coding.effort.plan().networks;
        match (&self.options.coding.model, trials) {
            (Model::Given(_), NetworkTrials::None | NetworkTrials::Hopeful) => NetworkTrials::All,
            _ => trials,
        }
    }

    /// Whether networks are tried on a field that takes this step without them.
    fn tries(&self, encoder: &WaveletEncoder<'_, E>, step: f64) -> bool {
        self.network_trials() != NetworkTrials::Hopeful || encoder.is_hopeful(step)
    }

    /// The better of two frames, of which that with networks bears `share` bytes of their weights.
    fn choose(
        &self,
        without: Option<EncodedFrame>,
        with: Option<EncodedFrame>,
        share: usize,
    ) -> Option<EncodedFrame> {
        self.better(without, with.filter(EncodedFrame::uses_networks), share)
    }

    /// The better of two frames, of which the second bears `share` bytes more than its own.
    fn better(
        &self,
        first: Option<EncodedFrame>,
        second: Option<EncodedFrame>,
        share: usize,
    ) -> Option<EncodedFrame> {
        let (Some(a), Some(b)) = (&first, &second) else {
            return second.or(first);
        };
        let is_better = match self.goal {
            // At equal size the better picture wins, else the smaller file.
            Goal::Ratio(_) => b.comparison.psnr_db > a.comparison.psnr_db,
            Goal::Psnr(_) | Goal::Ssim(_) | Goal::MaxError(_) => {
                self.file_bytes(b) + share < self.file_bytes(a)
            }
        };
        if is_better { second } else { first }
    }

    fn file_bytes(&self, encoded: &EncodedFrame) -> usize {
        encoded.file_bytes(E::DTYPE)
    }
}

mod choice;
mod exact;
mod mask_value;
mod plan;
mod psnr;
#[cfg(test)]
mod tests;
mod weigh;
