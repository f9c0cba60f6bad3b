//! Networks in a backend's form, kept between calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::error::Result;
use crate::network::Network;

/// Networks to keep: the levels of a few hierarchies.
const CACHED: usize = 16;

/// Prepared networks by digest, the oldest first.
pub(super) struct Cache<P>(Mutex<Vec<([u8; 32], Arc<P>)>>);

impl<P> Default for Cache<P> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P> Cache<P> {
    /// What `make` made of `network`, now or earlier.
    pub(super) fn get_or_make(
        &self,
        network: &Network,
        make: impl FnOnce() -> Result<P>,
    ) -> Result<Arc<P>> {
        let known = lock(&self.0)
            .iter()
            .find(|(digest, _)| digest == network.digest())
            .map(|(_, prepared)| Arc::clone(prepared));
        if let Some(prepared) = known {
            return Ok(prepared);
        }
        // Packing takes a while for large networks; others go on meanwhile.
        let prepared = Arc::new(make()?);
        let mut all = lock(&self.0);
        if all.len() == CACHED {
            all.remove(0);
        }
        all.push((*network.digest(), Arc::clone(&prepared)));
        Ok(prepared)
    }
}

/// No lock guards a state that a panic could leave half done.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
