//! The networks that a frame is coded with.

use std::sync::Arc;

use crate::base::error::Result;
use crate::base::grid::Shape;
use crate::network::{Hierarchy, Transform, default_model};
use crate::options::{EncodeOptions, Model, NetworkTrials, Profile};
pub(crate) use crate::recon::Networks;

impl Networks {
    /// `hierarchy` on the backend of `options`.
    pub(crate) fn new(hierarchy: Arc<Hierarchy>, options: &EncodeOptions) -> Self {
        Self {
            hierarchy,
            backend: Arc::clone(&options.resources.backend),
        }
    }

    /// What `options` ask for in a field of `shape`; `None` when it is coded without.
    ///
    /// # Errors
    /// Those of the built-in weight sets.
    pub(crate) fn choose(shape: Shape, options: &EncodeOptions) -> Result<Option<Self>> {
        let hierarchy = match &options.coding.model {
            Model::None => None,
            Model::Default if options.coding.effort.plan().networks == NetworkTrials::None => None,
            Model::Given(hierarchy) => Some(Arc::clone(hierarchy)),
            Model::Default => {
                let transform = match options.coding.profile {
                    Profile::Default => Transform::Cdf97,
                    Profile::Pooled(_) => Transform::Haar,
                };
                default_model(shape.grid_rank(), transform)?
            }
        };
        Ok(hierarchy.map(|hierarchy| Self::new(hierarchy, options)))
    }

    /// Whether all of them were trained for the Haar filter pair.
    pub(crate) fn are_for_haar(&self) -> bool {
        let mut networks = self.hierarchy.networks().iter();
        networks.all(|network| network.arch().transform == Transform::Haar)
    }
}

/// Networks that an encoder may use for a frame, with what that costs.
#[derive(Clone, Copy)]
pub(crate) struct PricedNetworks<'a> {
    pub(crate) networks: &'a Networks,
    /// Bytes that using them adds to the file.
    pub(crate) file_bytes: usize,
    /// The frame's share of these: frames still to come will use them too.
    pub(crate) frame_share: usize,
}
