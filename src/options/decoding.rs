//! What a file is decoded with.

use std::sync::Arc;

use super::Resources;
use crate::backend::Backend;
use crate::base::limits::Limits;
use crate::codec::worker::Worker;
use crate::network::Hierarchy;

/// What a file is decoded with: by [`crate::Decoder`] and [`crate::StreamDecoder`] alike. The values do not
/// depend on it.
///
/// ```
/// use srt::{DecodeOptions, Limits};
///
/// let options = DecodeOptions::default()
///     .with_limits(Limits::default().with_decoded_bytes(1 << 30))
///     .with_threads(2);
/// assert_eq!(options.resources.threads, Some(2));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DecodeOptions {
    /// What the file may make this program spend.
    pub limits: Limits,
    /// What the run may use.
    pub resources: Resources,
    /// Weight sets that files may refer to. Default none; the built-in ones are known without.
    pub weights: Vec<Arc<Hierarchy>>,
    /// The program that decodes payloads of SZ3. Default none: such frames are `Unsupported`.
    pub worker: Option<Worker>,
    /// Most bytes of decoded bricks that a [`crate::Decoder`] keeps from one region for the next. Default
    /// 64 MiB, a few dozen bricks of 64^3; 0 keeps none.
    pub cache_bytes: usize,
    /// Most bytes of decoded levels that are kept of frames which later ones are predicted from; those of two frames of the
    /// field read last are kept in any case. Default 2 GiB less one.
    pub reference_bytes: usize,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            resources: Resources::default(),
            weights: Vec::new(),
            worker: None,
            cache_bytes: 64 << 20,
            reference_bytes: (2usize << 30) - 1,
        }
    }
}

impl DecodeOptions {
    /// Sets what the file may make this program spend.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a weight set that files may refer to.
    #[must_use]
    pub fn with_weights(mut self, hierarchy: Arc<Hierarchy>) -> Self {
        self.weights.push(hierarchy);
        self
    }

    /// Sets what runs the networks.
    #[must_use]
    pub fn with_backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.resources.backend = backend;
        self
    }

    /// Sets the number of threads; see [`Resources`].
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.resources.threads = Some(threads);
        self
    }

    /// Sets the program that decodes payloads of SZ3.
    #[must_use]
    pub fn with_worker(mut self, worker: Worker) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Sets how many bytes of decoded bricks are kept from one region for the next.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }
}
