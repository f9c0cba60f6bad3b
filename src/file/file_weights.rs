//! The weight set of a file that is read.

use std::sync::Arc;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::limits::Limits;
use crate::container::{CHUNK_HEADER_LEN, Entry, WeightsReference};
use crate::network::{Hierarchy, Network, builtin_by_hash, identity_text};

/// The weight set of a file: embedded networks, each as `N`, or a reference.
#[derive(Debug)]
pub(crate) struct FileWeights<N> {
    embedded: Vec<N>,
    reference: Option<WeightsReference>,
}

impl<N> Default for FileWeights<N> {
    fn default() -> Self {
        Self {
            embedded: Vec::new(),
            reference: None,
        }
    }
}

impl<N> FileWeights<N> {
    /// Takes a network, whose place has been checked.
    pub(crate) fn add_network(&mut self, network: N) {
        self.embedded.push(network);
    }

    /// Takes the payload of a reference, whose place has been checked.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged.
    pub(crate) fn add_reference(&mut self, payload: &[u8], entry: &Entry) -> Result<()> {
        let offset = entry.offset + CHUNK_HEADER_LEN as u64;
        self.reference = Some(WeightsReference::parse(payload, offset)?);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.embedded.is_empty() && self.reference.is_none()
    }

    /// The networks themselves: those embedded, read by `network`, or those of `known` or of the
    /// program that the reference names. `None` when the file has no weights.
    ///
    /// # Errors
    /// `MissingWeights` with the hash when they are not at hand, and what `network` reports.
    pub(crate) fn resolve(
        &self,
        known: &[Arc<Hierarchy>],
        network: impl FnMut(&N) -> Result<Network>,
    ) -> Result<Option<Arc<Hierarchy>>> {
        if let Some(WeightsReference { sha256, name }) = &self.reference {
            if let Some(known) = known.iter().find(|known| known.sha256() == *sha256) {
                return Ok(Some(Arc::clone(known)));
            }
            let missing = || {
                let hash = identity_text(sha256);
                Error::new(
                    ErrorKind::MissingWeights,
                    format!("weights {name:?} with sha-256 {hash} are not at hand"),
                )
            };
            return builtin_by_hash(sha256)?.ok_or_else(missing).map(Some);
        }
        if self.is_empty() {
            return Ok(None);
        }
        let networks = self.embedded.iter().map(network).collect::<Result<_>>()?;
        Ok(Some(Arc::new(Hierarchy::new("embedded", "", networks)?)))
    }
}

/// Reads the networks of a file one after the other, within the budget for all of them together.
#[derive(Debug, Default)]
pub(crate) struct NetworkReader {
    parameters: u64,
}

impl NetworkReader {
    /// The next network.
    ///
    /// # Errors
    /// `Corrupt`, `Unsupported`, `LimitExceeded`.
    pub(crate) fn read(&mut self, payload: &[u8], limits: &Limits) -> Result<Network> {
        let network = Network::from_bytes(payload, limits)?;
        self.parameters += network.parameters();
        limits.check_parameters(self.parameters)?;
        Ok(network)
    }
}
