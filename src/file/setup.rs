//! What both decoders go by: the options, and how a frame comes by its networks.

use std::sync::Arc;

use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::codec::worker::Worker;
use crate::frame::cache::FrameCache;
use crate::frame::chunks::{FrameChunks, Payloads};
use crate::frame::decode::{FrameSource, PastSources};
use crate::frame::networks::Networks;
use crate::network::Hierarchy;
use crate::options::{DecodeOptions, Workplace};

/// The options of a decoder, and where it works.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) options: DecodeOptions,
    pub(super) workplace: Workplace,
}

impl Setup {
    /// # Errors
    /// `InvalidArgument` for 0 threads, `Io` when they cannot be started.
    pub(super) fn new(options: DecodeOptions) -> Result<Self> {
        Ok(Self {
            workplace: Workplace::new(&options.resources)?,
            options,
        })
    }

    pub(super) fn add_weights(&mut self, hierarchy: Arc<Hierarchy>) {
        self.options.weights.push(hierarchy);
    }

    pub(super) fn set_worker(&mut self, worker: Worker) {
        self.options.worker = Some(worker);
    }

    /// Networks with what runs them.
    pub(super) fn networks(&self, hierarchy: Arc<Hierarchy>) -> Networks {
        Networks {
            hierarchy,
            backend: Arc::clone(&self.options.resources.backend),
        }
    }

    /// All that decoding a record of a frame takes: one frame, or a slab of one.
    pub(super) fn source<'s>(
        &'s self,
        domain: Shape,
        record: Record<'s>,
        networks: Option<&Networks>,
    ) -> Result<FrameSource<'s>> {
        let Record {
            chunks,
            payloads,
            cache,
        } = record;
        Ok(FrameSource {
            shape: chunks.frame.shape(domain)?,
            chunks,
            payloads,
            networks: networks.cloned(),
            limits: &self.options.limits,
            worker: self.options.worker.as_ref(),
            cache,
            past: PastSources::default(),
        })
    }
}

/// A record of a frame, with its chunks and where they lie.
#[derive(Clone, Copy)]
pub(super) struct Record<'s> {
    pub(super) chunks: &'s FrameChunks,
    pub(super) payloads: &'s dyn Payloads,
    pub(super) cache: Option<FrameCache<'s>>,
}
