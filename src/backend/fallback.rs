//! One backend in place of another that fails.

use crate::backend::device::DeviceHandle;
use crate::backend::on_failure::OnFailure;
use crate::backend::{Backend, PredictRequest};
use crate::base::error::Result;

/// Runs the first backend, and the second where the first one's device fails or is too small.
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

impl<A: Backend, B: Backend> Backend for Fallback<A, B> {
    fn name(&self) -> &'static str {
        self.first.name()
    }

    fn predict_checked(&self, request: &PredictRequest<'_>, out: &mut [f32]) -> Result<()> {
        let done = OnFailure::UseHost.attempt(|| self.first.predict(request, out))?;
        match done {
            Some(()) => Ok(()),
            None => self.second.predict(request, out),
        }
    }

    fn device(&self) -> Option<DeviceHandle<'_>> {
        let handle = self.first.device()?;
        Some(DeviceHandle {
            on_failure: OnFailure::UseHost,
            ..handle
        })
    }
}
