//! The networks an encoder may use.

use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::container::size::estimate::weights_chunk;
use crate::container::{ChunkType, WeightsReference};
use crate::frame::networks::{Networks, PricedNetworks};
use crate::network::{Hierarchy, builtin_by_hash};
use crate::options::{EmbedWeights, EncodeOptions, Model};

/// The networks an encoder may use, as objects and as chunks.
pub(crate) struct EncoderWeights {
    pub(crate) networks: Networks,
    /// What the file still lacks of them: nothing once they are written.
    chunks: Vec<(ChunkType, u32, Vec<u8>)>,
    /// Frames still to come, this one included, as far as they are known.
    frames: usize,
}

impl EncoderWeights {
    /// The weights that `options` ask for in a new file of fields of `shape`.
    ///
    /// # Errors
    /// Those of the built-in weight sets.
    pub(crate) fn choose(shape: Shape, options: &EncodeOptions) -> Result<Option<Self>> {
        let Some(networks) = Networks::choose(shape, options)? else {
            return Ok(None);
        };
        let hierarchy = &networks.hierarchy;
        let sha256 = hierarchy.sha256();
        let embed = match options.coding.embed_weights {
            EmbedWeights::Yes => true,
            EmbedWeights::No => false,
            EmbedWeights::Auto => builtin_by_hash(&sha256)?.is_none(),
        };
        let chunks = if embed {
            let networks = hierarchy.networks().iter().zip(0u32..);
            networks
                .map(|(network, part)| (ChunkType::NETW, part, network.to_bytes()))
                .collect()
        } else {
            let name = hierarchy.name.clone();
            let reference = WeightsReference { sha256, name };
            vec![(ChunkType::NREF, 0, reference.to_bytes())]
        };
        Ok(Some(Self {
            networks,
            chunks,
            frames: options.coding.frames,
        }))
    }

    /// The weights that a file has already, where `options` allow their use.
    ///
    /// # Errors
    /// `InvalidArgument` when `options` ask for others: a file has one set.
    pub(crate) fn of_file(
        hierarchy: Arc<Hierarchy>,
        options: &EncodeOptions,
    ) -> Result<Option<Self>> {
        match &options.coding.model {
            Model::None => return Ok(None),
            Model::Given(given) if given.sha256() != hierarchy.sha256() => {
                return Err(Error::invalid(format!(
                    "model {:?} asked for, but the file has a weight set already, and a file has one",
                    given.name
                )));
            }
            Model::Default | Model::Given(_) => {}
        }
        Ok(Some(Self {
            networks: Networks::new(hierarchy, options),
            chunks: Vec::new(),
            frames: options.coding.frames,
        }))
    }

    /// The chunks to write before the first frame that uses them; none from then on.
    pub(crate) fn take_chunks(&mut self) -> Vec<(ChunkType, u32, Vec<u8>)> {
        std::mem::take(&mut self.chunks)
    }

    /// One frame fewer is to come.
    pub(crate) fn frame_done(&mut self) {
        self.frames = self.frames.saturating_sub(1);
    }

    /// The networks, with what using them for the next frame costs.
    pub(crate) fn priced(&self) -> PricedNetworks<'_> {
        let chunks = self.chunks.iter();
        let file_bytes: usize = chunks.map(|(_, _, p)| weights_chunk(p.len())).sum();
        PricedNetworks {
            networks: &self.networks,
            file_bytes,
            frame_share: file_bytes.div_ceil(self.frames.max(1)),
        }
    }
}
