//! One backend in place of another that fails.

use crate::backend::device::Levels;
use crate::backend::{Backend, NetworkInput, Scaling};
use crate::base::error::Result;
use crate::base::grid::Region;
use crate::network::Network;

/// Runs the first backend, and the second where the first one's device fails or is too small. As all give the same
/// bytes, nobody can tell.
#[derive(Clone, Debug)]
pub struct Fallback<A, B> {
    first: A,
    second: B,
}

impl<A: Backend, B: Backend> Fallback<A, B> {
    /// `second` for when `first` fails.
    pub fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

/// Whether another backend may do better.
fn is_of_device(result: &Result<()>) -> bool {
    let failed = result.as_ref().err();
    failed.is_some_and(crate::backend::device::is_of_device)
}

impl<A: Backend, B: Backend> Backend for Fallback<A, B> {
    fn name(&self) -> &'static str {
        self.first.name()
    }

    fn subbands(
        &self,
        network: &Network,
        input: &NetworkInput<'_>,
        region: Region,
        scaling: Scaling,
        out: &mut [f32],
    ) -> Result<()> {
        let result = self.first.subbands(network, input, region, scaling, out);
        if is_of_device(&result) {
            return self.second.subbands(network, input, region, scaling, out);
        }
        result
    }

    fn upscale(
        &self,
        network: &Network,
        input: &NetworkInput<'_>,
        region: Region,
        scaling: Scaling,
        out: &mut [f32],
    ) -> Result<()> {
        let result = self.first.upscale(network, input, region, scaling, out);
        if is_of_device(&result) {
            return self.second.upscale(network, input, region, scaling, out);
        }
        result
    }

    fn levels(&self) -> Option<Levels<'_>> {
        let levels = self.first.levels()?;
        Some(Levels {
            may_fail: true,
            ..levels
        })
    }
}
