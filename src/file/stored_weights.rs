//! The weight set of a file that is read.

use std::sync::Arc;

use crate::base::error::{Error, ErrorKind, Result};
use crate::container::{Entry, WeightsReference};
use crate::frame::chunks::misplaced;
use crate::network::{Hierarchy, Network, builtin_by_hash};

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
    /// Takes a network.
    ///
    /// # Errors
    /// `Corrupt` when it is out of order.
    pub(crate) fn add_network(&mut self, network: N, entry: &Entry) -> Result<()> {
        if self.reference.is_some() || entry.part as usize != self.embedded.len() {
            return Err(misplaced(entry, "a network out of order"));
        }
        self.embedded.push(network);
        Ok(())
    }

    /// Takes a reference.
    ///
    /// # Errors
    /// `Corrupt` when there is a weight set already.
    pub(crate) fn add_reference(
        &mut self,
        reference: WeightsReference,
        entry: &Entry,
    ) -> Result<()> {
        if !self.embedded.is_empty() || self.reference.replace(reference).is_some() {
            return Err(misplaced(entry, "a second weight set"));
        }
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
                let hash: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
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
