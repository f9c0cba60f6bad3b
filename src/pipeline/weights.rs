//! The networks an encoder may use.

use std::sync::Arc;

use super::frame::Networks;
use super::options::{EmbedWeights, EncodeOptions, Model};
use crate::container::{CHUNK_HEADER_LEN, ChunkType, WeightsReference};
use crate::error::Result;
use crate::grid::Shape;
use crate::network::{Transform, builtin_by_hash, default_model};
use crate::transform::Wavelet;

/// The networks an encoder may use, as objects and as chunks.
pub(super) struct Weights {
    pub(super) networks: Networks,
    pub(super) chunks: Vec<(ChunkType, u32, Vec<u8>)>,
}

impl Weights {
    pub(super) fn choose(shape: Shape, options: &EncodeOptions) -> Result<Option<Self>> {
        let hierarchy = match &options.model {
            Model::None => return Ok(None),
            Model::Default => default_model(shape.rank())?,
            Model::Given(hierarchy) => Some(Arc::clone(hierarchy)),
        };
        let Some(hierarchy) = hierarchy else {
            return Ok(None);
        };
        let sha256 = hierarchy.sha256();
        let embed = match options.embed_weights {
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
        let backend = Arc::clone(&options.backend);
        Ok(Some(Self {
            networks: Networks { hierarchy, backend },
            chunks,
        }))
    }

    /// Bytes all its chunks add to a file.
    pub(super) fn len(&self) -> usize {
        self.chunks
            .iter()
            .map(|(_, _, payload)| payload.len() + CHUNK_HEADER_LEN + 6)
            .sum()
    }

    /// Bytes of embedded networks; a reference is no weights.
    pub(super) fn embedded_bytes(&self) -> u64 {
        let embedded = self
            .chunks
            .iter()
            .filter(|(kind, _, _)| *kind == ChunkType::NETW);
        embedded
            .map(|(_, _, payload)| (payload.len() + CHUNK_HEADER_LEN) as u64)
            .sum()
    }
}

/// The filter pair: what was asked for, else the one that the networks were made for.
pub(super) fn wavelet(options: &EncodeOptions, weights: Option<&Weights>) -> Wavelet {
    let for_haar = |weights: &Weights| {
        let networks = weights.networks.hierarchy.networks();
        (networks.iter()).all(|network| network.arch().transform == Transform::Haar)
    };
    options
        .wavelet
        .unwrap_or(match weights.is_some_and(for_haar) {
            true => Wavelet::Haar,
            false => Wavelet::Cdf97,
        })
}
