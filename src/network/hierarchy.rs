//! The set of networks that serves the levels of a frame.

use hmac_sha256::Hash;

use crate::base::error::{Error, Result};
use crate::network::arch::Transform;
use crate::network::weights::Network;

/// The identity of a set of networks as it is shown: hexadecimal text.
pub(crate) fn identity_text(sha256: &[u8; 32]) -> String {
    sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A set of networks with its name and licence. The identity is [`Hierarchy::sha256`], which
/// covers the networks only.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Hierarchy {
    /// Name, as in `srt model list`.
    pub name: String,
    /// SPDX licence expression of the weights.
    pub licence: String,
    /// SHA-256 of the training data as hexadecimal text, where recorded.
    pub training_data_sha256: Option<String>,
    /// The networks; no two serve the same level of the same rank and transform.
    networks: Vec<Network>,
}

impl Hierarchy {
    /// A hierarchy of at least one network.
    ///
    /// # Errors
    /// `Corrupt` when there is none, or two serve the same level.
    pub fn new(
        name: impl Into<String>,
        licence: impl Into<String>,
        networks: Vec<Network>,
    ) -> Result<Self> {
        if networks.is_empty() {
            return Err(Error::corrupt("at least 1 network expected, none found"));
        }
        for (i, a) in networks.iter().enumerate() {
            for (j, b) in networks.iter().enumerate().skip(i + 1) {
                let (a, b) = (a.arch(), b.arch());
                if a.rank == b.rank
                    && a.transform == b.transform
                    && a.min_level <= b.max_level
                    && b.min_level <= a.max_level
                {
                    return Err(Error::corrupt(format!(
                        "networks {i} and {j} serve the same level"
                    )));
                }
            }
        }
        Ok(Self {
            name: name.into(),
            licence: licence.into(),
            training_data_sha256: None,
            networks,
        })
    }

    /// The networks in file order.
    #[must_use]
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// The network that predicts `level` from `level + 1` in frames of this rank and transform.
    #[must_use]
    pub fn network_for(&self, level: u8, rank: usize, transform: Transform) -> Option<&Network> {
        self.networks
            .iter()
            .find(|network| network.serves(level, rank, transform))
    }

    /// Weights and biases of all networks.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.networks.iter().map(Network::parameters).sum()
    }

    /// Identity: SHA-256 over each network's canonical record preceded by its length as u64.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = Hash::new();
        for network in &self.networks {
            let record = network.to_bytes();
            hash.update((record.len() as u64).to_le_bytes());
            hash.update(record);
        }
        hash.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing;

    #[test]
    fn each_level_finds_its_network() {
        let mut fine = testing::narrow_residual(3);
        (fine.min_level, fine.max_level) = (0, 0);
        let mut coarse = fine;
        (coarse.min_level, coarse.max_level) = (1, 255);
        let flat = testing::narrow_residual(2);
        let nets = [fine, coarse, flat].map(|arch| testing::random_network(arch, 1));
        let set = Hierarchy::new("a", "MIT", nets.to_vec()).unwrap();
        let find = |level, rank, transform| {
            set.network_for(level, rank, transform)
                .map(|n| n.arch().min_level)
        };
        assert_eq!(find(0, 3, Transform::Cdf97), Some(0));
        assert_eq!(find(7, 3, Transform::Cdf97), Some(1));
        assert_eq!(find(0, 3, Transform::Haar), None);
        assert_eq!(find(200, 2, Transform::Cdf97), Some(0));
    }

    #[test]
    fn two_networks_for_one_level_are_refused() {
        let net = testing::random_network(testing::narrow_residual(3), 1);
        assert!(Hierarchy::new("a", "MIT", vec![net.clone(), net]).is_err());
        assert!(Hierarchy::new("a", "MIT", Vec::new()).is_err());
    }

    #[test]
    fn identity_covers_networks_and_not_names() {
        let net = |seed| testing::random_network(testing::narrow_residual(3), seed);
        let a = Hierarchy::new("a", "MIT", vec![net(1)]).unwrap();
        let b = Hierarchy::new("b", "Apache-2.0", vec![net(1)]).unwrap();
        let c = Hierarchy::new("a", "MIT", vec![net(2)]).unwrap();
        assert_eq!(a.sha256(), b.sha256());
        assert_ne!(a.sha256(), c.sha256());
    }
}
