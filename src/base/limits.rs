//! Resource budgets of a reader: what a file may make this program spend.

use crate::base::error::{Error, Result};

/// Budgets that a reader checks before it allocates. Exceeding one is
/// [`crate::ErrorKind::LimitExceeded`], never `Corrupt`: the file may be fine, only too large for
/// this reader as configured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of decoded field data and working memory for one frame. Default 64 GiB.
    pub decoded_bytes: u64,
    /// Bytes of one chunk's stored payload. Default 2 GiB less one (the format's own maximum).
    pub chunk_bytes: u64,
    /// Parameters of all networks together. Default 64 million.
    pub network_parameters: u64,
    /// Chunks in one file. Default 16 million.
    pub chunks: u64,
    /// Earlier frames that one frame may be predicted from, by itself or by way of others: all are decoded for it. Default
    /// 4096.
    pub references: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            decoded_bytes: 64 << 30,
            chunk_bytes: (1 << 31) - 1,
            network_parameters: 64_000_000,
            chunks: 16_000_000,
            references: 4096,
        }
    }
}

impl Limits {
    /// Sets the budget for decoded data in bytes.
    #[must_use]
    pub fn with_decoded_bytes(mut self, bytes: u64) -> Self {
        self.decoded_bytes = bytes;
        self
    }

    /// Sets the budget for one chunk in bytes.
    #[must_use]
    pub fn with_chunk_bytes(mut self, bytes: u64) -> Self {
        self.chunk_bytes = bytes;
        self
    }

    /// Sets the budget for network parameters.
    #[must_use]
    pub fn with_network_parameters(mut self, count: u64) -> Self {
        self.network_parameters = count;
        self
    }

    /// Sets the budget for earlier frames that a frame is predicted from.
    #[must_use]
    pub fn with_references(mut self, count: u64) -> Self {
        self.references = count;
        self
    }

    /// Checks the number of frames that have to be decoded for one.
    ///
    /// # Errors
    /// `LimitExceeded` otherwise.
    pub fn check_references(&self, count: u64) -> Result<()> {
        check("earlier frames", count, self.references)
    }

    /// Checks that decoding into `bytes` bytes is within budget.
    ///
    /// # Errors
    /// `LimitExceeded` otherwise.
    pub fn check_decoded(&self, bytes: u64) -> Result<()> {
        check("decoded bytes", bytes, self.decoded_bytes)
    }

    /// Checks the stored length of one chunk.
    ///
    /// # Errors
    /// `LimitExceeded` otherwise.
    pub fn check_chunk(&self, bytes: u64) -> Result<()> {
        check("chunk bytes", bytes, self.chunk_bytes)
    }

    /// Checks the number of network parameters.
    ///
    /// # Errors
    /// `LimitExceeded` otherwise.
    pub fn check_parameters(&self, count: u64) -> Result<()> {
        check("network parameters", count, self.network_parameters)
    }
}

fn check(what: &str, found: u64, limit: u64) -> Result<()> {
    if found > limit {
        return Err(Error::limit(format!(
            "{found} {what} needed, limit is {limit}"
        )));
    }
    Ok(())
}
