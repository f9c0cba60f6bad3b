//! The frames of a stream that the ones to come may be predicted from.

use std::collections::BTreeMap;

use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::container::{Form, Frame, ReferenceFrames};
use crate::file::chain::Chain;
use crate::file::partial_frame::PartialFrame;
use crate::file::setup::{Record, Setup};
use crate::frame::band_cache::BandCache;
use crate::frame::decode::{Link, PastSources};
use crate::frame::networks::Networks;

/// The chunks of all frames of each field from the last that is coded by itself on, and the decoded bands of two.
#[derive(Debug)]
pub(super) struct StreamPast {
    candidates: ReferenceFrames<usize>,
    /// By the numbers of their records in the stream.
    frames: BTreeMap<usize, PartialFrame>,
    /// The number of the next record.
    next: usize,
    bands: BandCache,
}

impl StreamPast {
    /// Nothing yet; `limit` bytes of bands may be kept.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            candidates: ReferenceFrames::default(),
            frames: BTreeMap::new(),
            next: 0,
            bands: BandCache::new(limit),
        }
    }

    /// A frame begins: its number, and those of its references.
    pub(super) fn begin(&mut self, frame: &Frame) -> (usize, Vec<usize>) {
        // What reads the stream has checked them.
        let references = self.candidates.of(frame).unwrap_or_default();
        self.candidates.add(frame, self.next);
        self.next += 1;
        (self.next - 1, references)
    }

    /// Holds a frame that the stream has gone over. One that is not whole is of no use to others, and one that is coded by
    /// itself ends what was held of its field.
    pub(super) fn hold(&mut self, frame: PartialFrame) {
        let record = &frame.chunks.frame;
        if !may_be_reference(record) {
            return;
        }
        let field = record.field;
        if record.references().is_none() {
            self.frames
                .retain(|_, held| held.chunks.frame.field != field);
            self.bands.forget(field);
        }
        if frame.is_complete() && !frame.is_damaged {
            self.frames.insert(frame.number, frame);
        }
    }

    /// Whether a frame, or one that it is predicted from, takes networks at a level.
    pub(super) fn needs_networks(&self, current: &PartialFrame, level: usize) -> bool {
        let needs = |frame: &PartialFrame| frame.chunks.frame.form.needs_networks(level);
        let chain = self.chain(current);
        let mut numbers = chain.numbers().iter();
        needs(current) || numbers.any(|n| self.frames.get(n).is_some_and(needs))
    }

    /// Where the references of a frame come from.
    pub(super) fn sources<'s>(
        &'s self,
        current: &PartialFrame,
        domain: Shape,
        setup: &'s Setup,
        networks: Option<&Networks>,
    ) -> Result<PastSources<'s>> {
        let chain = self.chain(current);
        let limits = &setup.options.limits;
        limits.check_references(chain.numbers().len() as u64)?;
        let places = |frame: &PartialFrame| chain.places(&frame.chunks.references);
        let numbers = chain.numbers().iter();
        let mut links = Vec::with_capacity(numbers.len());
        for (number, frame) in numbers.filter_map(|n| self.frames.get_key_value(n)) {
            let record = Record {
                chunks: &frame.chunks,
                payloads: &frame.store,
                cache: None,
            };
            links.push(Link {
                source: setup.source(domain, record, networks)?,
                number: *number,
                references: places(frame),
            });
        }
        Ok(PastSources {
            links,
            references: places(current),
            cache: Some(&self.bands),
            // Of a series, most likely.
            kept_as: (!current.chunks.references.is_empty()).then_some(current.number),
        })
    }

    /// The frames that one is predicted from, as far as they are held.
    fn chain(&self, current: &PartialFrame) -> Chain {
        let held = |number| {
            let frame = self.frames.get(&number)?;
            Some(frame.chunks.references.as_slice())
        };
        Chain::new(current.chunks.references.iter().copied(), held)
    }
}

/// Whether others may be predicted from a frame.
pub(super) fn may_be_reference(frame: &Frame) -> bool {
    matches!(frame.form, Form::Wavelet(_)) && frame.slab.is_none()
}
