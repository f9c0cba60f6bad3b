//! The networks an encoder may use.

use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::container::{CHUNK_HEADER_LEN, ChunkType, WeightsReference};
use crate::frame::wavelet::trial::Networks;
use crate::network::{Hierarchy, Transform, builtin_by_hash, default_model};
use crate::options::{EmbedWeights, EncodeOptions, Model, Profile};
use crate::transform::Wavelet;

/// The networks an encoder may use, as objects and as chunks.
pub(crate) struct Weights {
    pub(crate) networks: Networks,
    /// What the file still lacks of them: nothing once they are written.
    chunks: Vec<(ChunkType, u32, Vec<u8>)>,
    /// Frames still to come, this one included, as far as they are known.
    frames: usize,
}

impl Weights {
    pub(crate) fn choose(shape: Shape, options: &EncodeOptions) -> Result<Option<Self>> {
        let hierarchy = match &options.coding.model {
            Model::None => return Ok(None),
            Model::Default => match options.coding.profile {
                Profile::Default => default_model(shape.rank(), Transform::Cdf97)?,
                Profile::Paper(_) => default_model(shape.rank(), Transform::Haar)?,
            },
            Model::Given(hierarchy) => Some(Arc::clone(hierarchy)),
        };
        let Some(hierarchy) = hierarchy else {
            return Ok(None);
        };
        let sha256 = hierarchy.sha256();
        let embed = match options.coding.embed_weights {
            EmbedWeights::Yes => true,
            EmbedWeights::No => false,
            EmbedWeights::Auto => builtin_by_hash(&sha256)?.is_none(),
        };
        let chunks = match embed {
            true => {
                let networks = hierarchy.networks().iter().zip(0u32..);
                networks
                    .map(|(network, part)| (ChunkType::NETW, part, network.to_bytes()))
                    .collect()
            }
            false => {
                let name = hierarchy.name.clone();
                vec![(
                    ChunkType::NREF,
                    0,
                    WeightsReference { sha256, name }.to_bytes(),
                )]
            }
        };
        Ok(Some(Self {
            networks: networks(hierarchy, options),
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
            networks: networks(hierarchy, options),
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

    /// What a frame bears of [`Weights::len`] when its file is compared with one without networks: those still to
    /// come will use them too.
    pub(crate) fn share(&self) -> usize {
        self.len().div_ceil(self.frames.max(1))
    }

    /// Bytes that using them adds to the file: none once they are written.
    pub(crate) fn len(&self) -> usize {
        self.chunks
            .iter()
            .map(|(_, _, payload)| payload.len() + CHUNK_HEADER_LEN + 6)
            .sum()
    }
}

fn networks(hierarchy: Arc<Hierarchy>, options: &EncodeOptions) -> Networks {
    Networks {
        hierarchy,
        backend: Arc::clone(&options.resources.backend),
    }
}

/// The filter pair: what was asked for, else the one that the networks were made for.
pub(crate) fn wavelet(options: &EncodeOptions, weights: Option<&Weights>) -> Wavelet {
    let for_haar = |weights: &Weights| {
        let networks = weights.networks.hierarchy.networks();
        (networks.iter()).all(|network| network.arch().transform == Transform::Haar)
    };
    options
        .coding
        .wavelet
        .unwrap_or(match weights.is_some_and(for_haar) {
            true => Wavelet::Haar,
            false => Wavelet::Cdf97,
        })
}
